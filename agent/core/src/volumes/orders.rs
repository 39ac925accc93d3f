//! What the leader orders about volumes. Orders are heard again after every registration: what was
//! dealt with is answered from its row, what is under way is answered when it is done.
//!
//! Within one cluster a later order has a higher version. One of a lower version than the row's
//! comes from a cluster that was restored from a backup, and has forgotten the later ones; it gets
//! a true answer, so that nobody waits for ever.

use super::{VolumeRow, VolumeStage};
use crate::{
    agent::Agent,
    outbox::{Effect, Outbox},
};
use proto::model::{Milli, VolumeAction, VolumeKey, limits};

impl Agent {
    /// Takes an order about a volume.
    pub(crate) fn take_volume_order(
        &mut self,
        key: VolumeKey,
        version: u64,
        action: VolumeAction,
        outbox: &mut Outbox,
    ) {
        match action {
            VolumeAction::Make { role, name, size, shared } => {
                let (stage, failed) = (VolumeStage::Making, None);
                let row = VolumeRow { key, role, name, size, shared, stage, version, failed };
                self.make_volume(row, outbox);
            }
            VolumeAction::Resize(size) => self.resize_volume(key, version, size, outbox),
            VolumeAction::Delete => self.delete_volume(key, version, outbox),
        }
    }

    /// The first order about a volume.
    fn make_volume(&mut self, new: VolumeRow, outbox: &mut Outbox) {
        let (key, version) = (new.key, new.version);
        let problem = match self.volumes.get(&key) {
            None => self.check_room(&key).err(),
            Some(row) if (&row.role, &row.name) != (&new.role, &new.name) => {
                Some(format!("{} of {} is here under this id", row.name, row.role))
            }
            Some(row) => match row.stage {
                VolumeStage::Making => return,
                _ if self.volumes.is_missing(&key) => Some("its data were not found".to_owned()),
                VolumeStage::Ready | VolumeStage::Shrinking { .. } => {
                    return self.report_volume(key, version, None, outbox);
                }
                VolumeStage::Failed => row.failed.clone(),
                VolumeStage::Destroying => Some("it is being deleted".to_owned()),
            },
        };
        if problem.is_some() {
            return self.report_volume(key, version, problem, outbox);
        }
        self.volumes.rows.insert(key, new);
        self.record_volume(&key, outbox);
        outbox.push(Effect::MakeVolume { key, version });
    }

    /// Whether a volume can be made that has no row.
    fn check_room(&self, key: &VolumeKey) -> Result<(), String> {
        if self.volumes.strangers.contains(key) {
            // It gets no row either: that would make it ours to delete.
            return Err("there is a directory of its name that the agent did not make".to_owned());
        }
        match self.volumes.rows.len() >= limits::VOLUMES_PER_AGENT_MAX {
            true => Err(format!("the agent has {} volumes", limits::VOLUMES_PER_AGENT_MAX)),
            false => Ok(()),
        }
    }

    /// To become larger needs nothing but the row.
    fn resize_volume(&mut self, key: VolumeKey, version: u64, size: Milli, outbox: &mut Outbox) {
        let is_missing = self.volumes.is_missing(&key);
        let Some(row) = self.volumes.rows.get_mut(&key) else {
            let problem = Some("the agent has no such volume".to_owned());
            return self.report_volume(key, version, problem, outbox);
        };
        let problem = match row.stage {
            VolumeStage::Shrinking { .. } if version == row.version => return,
            _ if version == row.version => {
                let failed = row.failed.clone();
                return self.report_volume(key, version, failed, outbox);
            }
            _ if version < row.version => Some("a later order has been taken before"),
            VolumeStage::Making => Some("it is still being made"),
            VolumeStage::Failed => Some("it could not be made"),
            VolumeStage::Destroying => Some("it is being deleted"),
            VolumeStage::Ready | VolumeStage::Shrinking { .. } if is_missing => {
                Some("its data were not found")
            }
            VolumeStage::Ready | VolumeStage::Shrinking { .. } => None,
        };
        if let Some(problem) = problem {
            return self.report_volume(key, version, Some(problem.to_owned()), outbox);
        }
        (row.version, row.failed) = (version, None);
        let is_smaller = size < row.size;
        match is_smaller {
            true => row.stage = VolumeStage::Shrinking { to: size },
            false => (row.stage, row.size) = (VolumeStage::Ready, size),
        }
        self.record_volume(&key, outbox);
        match is_smaller {
            true => outbox.push(Effect::ShrinkVolume { key, version, size }),
            false => self.report_volume(key, version, None, outbox),
        }
    }

    /// Nothing comes after this order, whatever its version: a volume that is gone has gone for
    /// good. One that is not here is gone.
    fn delete_volume(&mut self, key: VolumeKey, version: u64, outbox: &mut Outbox) {
        let Some(row) = self.volumes.rows.get_mut(&key) else {
            return self.report_volume(key, version, None, outbox);
        };
        if (row.stage, row.version) == (VolumeStage::Destroying, version) {
            // It is under way, or is tried again when its time comes.
            if let Some(failed) = row.failed.clone() {
                self.report_volume(key, version, Some(failed), outbox);
            }
            return;
        }
        (row.stage, row.version, row.failed) = (VolumeStage::Destroying, version, None);
        self.record_volume(&key, outbox);
        self.volumes.missing.remove(&key);
        // What is under way would be answered with the old version.
        self.volumes.deleting.remove(&key);
        self.volumes.retries.remove(&key);
        self.volumes.touched.insert(key);
    }
}
