//! What is launched finds its volumes, and is the only one in those that are for one: the second
//! guard, as for resources. The ledger has decided that already.

use super::VolumeStage;
use crate::{agent::Agent, tasks::lifecycle::News};
use proto::model::{StatusReason, TaskInfo, TaskState, VolumeKey};

impl Agent {
    /// Whether a task, which is not here yet, can have its volumes; or what to answer. Tasks of one
    /// group are checked before any of them is here, so that they may share what is for one.
    pub(crate) fn check_volumes(&self, task: &TaskInfo) -> Result<(), News> {
        for mount in &task.volumes {
            let Some(key) = mount.key() else {
                let message = format!("the agent cannot know which is {}", mount.volume);
                return Err(News::new(TaskState::Error, StatusReason::TaskInvalid, message));
            };
            self.check_volume(&key).map_err(|message| {
                News::new(TaskState::Dropped, StatusReason::VolumeUnavailable, message)
            })?;
        }
        Ok(())
    }

    fn check_volume(&self, key: &VolumeKey) -> Result<(), String> {
        let Some(row) = self.volumes.get(key) else {
            return Err(format!("the agent has no volume {key}"));
        };
        match row.stage {
            // A container is set up after the directory is made, or fails for want of it.
            VolumeStage::Making | VolumeStage::Ready | VolumeStage::Shrinking { .. } => {}
            VolumeStage::Failed => return Err(format!("the volume {key} could not be made")),
            VolumeStage::Destroying => return Err(format!("the volume {key} is being deleted")),
        }
        if self.volumes.is_missing(key) {
            return Err(format!("the data of the volume {key} were not found"));
        }
        match self.tasks.users.of(key).next().filter(|_| !row.shared) {
            Some(user) => Err(format!("the task {user} uses the volume {key}, which is for one")),
            None => Ok(()),
        }
    }
}
