//! The images of this agent's tasks: found by name in its store, pulled where they are not there,
//! held while a container uses them.
//!
//! What an image says about how it is run is taken where the task says nothing. Which layers it has
//! is the store's affair.

mod pulls;

use crate::containers::reports::failed;
use agent_core::{ContainerId, FailureKind, LaunchFailure};
use edge::errors::chain;
use images::{Account, Config, Reference, Store, StoreError};
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

    /// Pulls a task's image if the store does not have it. Waiting may be given up at any time.
    pub(crate) async fn bring(
        self: &Arc<Self>,
        task: &TaskInfo,
        isolated: bool,
    ) -> Result<(), LaunchFailure> {
        let Some(name) = wanted(task, isolated)? else { return Ok(()) };
        let (images, looked_for) = (self.clone(), name.clone());
        let look = move || match images.open()?.image(&looked_for) {
            Ok(_) => Ok(true),
            Err(StoreError::Unknown { .. }) => Ok(false),
            Err(error) => Err(error),
        };
        let found = tokio::task::spawn_blocking(look).await;
        let found = found.map_err(|error| failed(FailureKind::Other, error.to_string()))?;
        match found.map_err(|error| unusable(&name, &error))? {
            true => Ok(()),
            false => self.clone().pull(name).await,
        }
    }

    /// Finds a task's image and holds it for its container; blocks. `None` for the host's root.
    pub(crate) fn for_task(
        &self,
        container: &ContainerId,
        task: &TaskInfo,
        isolated: bool,
    ) -> Result<Option<Used>, LaunchFailure> {
        let Some(name) = wanted(task, isolated)? else { return Ok(None) };
        let store = self.open().map_err(|error| unusable(&name, &error))?;
        let image = store.image(&name).map_err(|error| unusable(&name, &error))?;
        let user = match task.command.user.as_str() {
            "" => image.config.user.as_str(),
            user => user,
        };
        let account = image.account(user).map_err(|error| unusable(&name, &error))?;
        let Account { uid, gid, groups } = account;
        store.hold(container.as_str(), &image).map_err(|error| unusable(&name, &error))?;
        let user = User { uid, gid, groups };
        Ok(Some(Used { layers: image.layers.clone(), config: image.config.clone(), user }))
    }

    /// A container is gone; blocks.
    pub(crate) fn release(&self, container: &ContainerId) -> Result<(), StoreError> {
        match self.root.exists() {
            true => self.open()?.release(container.as_str()),
            false => Ok(()),
        }
    }

    /// All containers but these are gone; blocks.
    pub(crate) fn release_others(&self, keep: &BTreeSet<String>) -> Result<(), StoreError> {
        if !self.root.exists() {
            return Ok(());
        }
        let store = self.open()?;
        let holders = store.holders()?.into_keys();
        holders.filter(|holder| !keep.contains(holder)).try_for_each(|it| store.release(&it))
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
