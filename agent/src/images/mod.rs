//! The images of this agent's tasks: found by name in its store, held while a container uses them.
//!
//! What an image says about how it is run is taken where the task says nothing. Which layers it has
//! and who put it there is the store's affair.

use crate::containers::reports::failed;
use agent_core::{ContainerId, FailureKind, LaunchFailure};
use edge::errors::chain;
use images::{Account, Config, Store, StoreError};
use jail::plan::User;
use proto::model::TaskInfo;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// The folder of the store in the agent's own.
pub const IMAGES: &str = "images";

/// The store, opened when an image is first asked for: most agents have none.
#[derive(Debug)]
pub(crate) struct Images {
    root: PathBuf,
    store: Mutex<Option<Arc<Store>>>,
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
    /// The store of an agent.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { root: data_dir.join(IMAGES), store: Mutex::default() }
    }

    /// Finds a task's image and holds it for its container; blocks. `None` for the host's root.
    pub(crate) fn for_task(
        &self,
        container: &ContainerId,
        task: &TaskInfo,
        isolated: bool,
    ) -> Result<Option<Used>, LaunchFailure> {
        let Some(name) = &task.image else { return Ok(None) };
        if !isolated {
            let message = "images need isolation, for which this agent must be root";
            return Err(failed(FailureKind::Invalid, message));
        }
        let unavailable = |error: &dyn std::error::Error| {
            failed(FailureKind::Image, format!("the image {name} cannot be used: {}", chain(error)))
        };
        let reference =
            name.parse().map_err(|error: images::ReferenceError| unavailable(&error))?;
        let store = self.open().map_err(|error| unavailable(&error))?;
        let image = store.image(&reference).map_err(|error| unavailable(&error))?;
        let user = match task.command.user.as_str() {
            "" => image.config.user.as_str(),
            user => user,
        };
        let Account { uid, gid, groups } =
            image.account(user).map_err(|error| unavailable(&error))?;
        store.hold(container.as_str(), &image).map_err(|error| unavailable(&error))?;
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
