//! Which live tasks use which volumes. A volume that nobody uses is not known here, so that an
//! agent without volumes has nothing to keep.

use crate::journal::TaskRow;
use proto::model::{TaskKey, VolumeKey};
use std::collections::{BTreeMap, BTreeSet};

/// The live tasks of each volume that has any.
#[derive(Debug, Default)]
pub(crate) struct Users {
    by_volume: BTreeMap<VolumeKey, BTreeSet<TaskKey>>,
    /// Volumes whose last user has ended.
    left: BTreeSet<VolumeKey>,
}

impl Users {
    /// A task is live.
    pub(crate) fn enter(&mut self, row: &TaskRow) {
        for key in volumes_of(row) {
            self.by_volume.entry(key).or_default().insert(row.key.clone());
        }
    }

    /// A task has ended.
    pub(crate) fn leave(&mut self, row: &TaskRow) {
        for key in volumes_of(row) {
            let Some(users) = self.by_volume.get_mut(&key) else { continue };
            users.remove(&row.key);
            if users.is_empty() {
                self.by_volume.remove(&key);
                self.left.insert(key);
            }
        }
    }

    pub(crate) fn of(&self, volume: &VolumeKey) -> impl Iterator<Item = &TaskKey> {
        self.by_volume.get(volume).into_iter().flatten()
    }

    pub(crate) fn has_any(&self, volume: &VolumeKey) -> bool {
        self.by_volume.contains_key(volume)
    }

    /// Every volume that is used.
    pub(crate) fn volumes(&self) -> impl Iterator<Item = &VolumeKey> {
        self.by_volume.keys()
    }

    /// Takes out the volumes whose last user has ended.
    pub(crate) fn take_left(&mut self) -> BTreeSet<VolumeKey> {
        std::mem::take(&mut self.left)
    }
}

/// The volumes that a task uses, if it is live.
pub(crate) fn volumes_of(row: &TaskRow) -> impl Iterator<Item = VolumeKey> {
    let mounts = row.task.iter().flat_map(|task| &task.volumes);
    mounts.filter_map(proto::model::VolumeMount::key)
}
