//! The images of this agent's tasks: found by name in its store, pulled where they are not there,
//! held while a container uses them.
//!
//! What an image says about how it is run is taken where the task says nothing. Which layers it has
//! is the store's affair.

mod pulls;
mod room;

pub(crate) use room::{Retention, keep_room};

use crate::containers::reports::{cancelled, failed};
use agent_core::{ContainerId, FailureKind, LaunchFailure};
use edge::errors::chain;
use images::{Account, AccountError, Config, Reference, Store, StoreError};
use jail::plan::User;
use proto::model::TaskInfo;
use pulls::Pulls;
use registry::{Access, AccessError};
use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// The folder of the store in the agent's own.
pub const IMAGES: &str = "images";

/// The store, opened when an image is first asked for: most agents have none.
#[derive(Debug)]
pub(crate) struct Images {
    root: PathBuf,
    store: Mutex<Option<Arc<Store>>>,
    pulls: Pulls,
}

/// An image that a container uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Used {
    /// Its layers' directories, from the bottom up.
    pub(crate) layers: Vec<PathBuf>,
    /// How it wants to be run.
    pub(crate) config: Config,
    /// Whom the task runs as.
    pub(crate) user: User,
}

/// Why an image that is there cannot be used.
#[derive(Debug, thiserror::Error)]
enum TakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl Images {
    /// The store of an agent, and how its missing images are pulled, with how long one may take.
    pub(crate) fn new(data_dir: &Path, access: Access, patience: Duration) -> Self {
        let pulls = Pulls::new(access, patience);
        Self { root: data_dir.join(IMAGES), store: Mutex::default(), pulls }
    }

    /// Whether what the operator says about registries can be used.
    pub(crate) fn check_access(&self) -> Result<(), AccessError> {
        self.pulls.client().map(drop)
    }

    /// Finds a task's image, or pulls it, and holds it for its container. `None` for the host's
    /// root. A pull ends when the container is `stopped`.
    pub(crate) async fn for_task(
        self: &Arc<Self>,
        container: &ContainerId,
        task: &TaskInfo,
        isolated: bool,
        stopped: &CancellationToken,
    ) -> Result<Option<Used>, LaunchFailure> {
        let Some(name) = wanted(task, isolated)? else { return Ok(None) };
        let take = || {
            let (images, container, name) = (self.clone(), container.clone(), name.clone());
            let user = task.command.user.clone();
            let taken = tokio::task::spawn_blocking(move || images.take(&container, &name, &user));
            async { taken.await.map_err(|error| failed(FailureKind::Other, error.to_string())) }
        };
        let unusable = |error: TakeError| unusable(&name, &error);
        match take().await? {
            Err(TakeError::Store(StoreError::Unknown { .. })) => {}
            taken => return taken.map(Some).map_err(unusable),
        }
        tokio::select! {
            biased;
            () = stopped.cancelled() => return Err(cancelled()),
            pulled = self.clone().pull(name.clone()) => pulled?,
        }
        take().await?.map(Some).map_err(unusable)
    }

    /// Finds an image and holds it; blocks.
    fn take(
        &self,
        container: &ContainerId,
        name: &Reference,
        user: &str,
    ) -> Result<Used, TakeError> {
        let store = self.open()?;
        let image = store.image(name)?;
        let user = if user.is_empty() { &image.config.user } else { user };
        let Account { uid, gid, groups } = image.account(user)?;
        store.hold(container.as_str(), &image)?;
        let user = User { uid, gid, groups };
        Ok(Used { layers: image.layers.clone(), config: image.config.clone(), user })
    }

    /// A container is gone; blocks.
    pub(crate) fn release(&self, container: &ContainerId) -> Result<(), StoreError> {
        self.there()?.map_or(Ok(()), |store| store.release(container.as_str()))
    }

    /// All containers but these are gone; blocks.
    pub(crate) fn release_others(&self, keep: &BTreeSet<String>) -> Result<(), StoreError> {
        let Some(store) = self.there()? else { return Ok(()) };
        let holders = store.holders()?.into_keys();
        holders.filter(|holder| !keep.contains(holder)).try_for_each(|it| store.release(&it))
    }

    /// The store, unless there is none: looking for it makes none.
    fn there(&self) -> Result<Option<Arc<Store>>, StoreError> {
        match self.root.exists() {
            true => self.open().map(Some),
            false => Ok(None),
        }
    }

    fn open(&self) -> Result<Arc<Store>, StoreError> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        match &*store {
            Some(store) => Ok(store.clone()),
            None => Ok(store.insert(Arc::new(Store::open(&self.root)?)).clone()),
        }
    }
}

/// What a task's image is called, if it has one and may have it here.
fn wanted(task: &TaskInfo, isolated: bool) -> Result<Option<Reference>, LaunchFailure> {
    let Some(name) = &task.image else { return Ok(None) };
    if !isolated {
        let message = "images need isolation, for which this agent must be root";
        return Err(failed(FailureKind::Invalid, message));
    }
    let parsed = name.parse();
    parsed.map(Some).map_err(|error: images::ReferenceError| unusable(name, &error))
}

fn unusable(name: &impl fmt::Display, error: &dyn std::error::Error) -> LaunchFailure {
    failed(FailureKind::Image, format!("the image {name} cannot be used: {}", chain(error)))
}
