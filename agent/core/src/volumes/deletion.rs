//! Deleting what nobody uses any more, and no giving up.

use super::VolumeStage;
use crate::{
    agent::Agent,
    outbox::{Effect, Outbox},
};
use proto::model::{Duration, Instant, VolumeKey};

/// What keeps data from being deleted (a disk in trouble, a file system that somebody mounted in
/// the midst of them) is put right by people, if at all: asking more often finds nothing new, and
/// costs a walk through what is left each time.
pub(super) const DELETION_PAUSE: Duration = Duration::from_seconds(60);

impl Agent {
    /// Has deleted what is to be, and is used by no task.
    pub(crate) fn run_volumes(&mut self, now: Instant, outbox: &mut Outbox) {
        let mut keys = std::mem::take(&mut self.volumes.touched);
        keys.append(&mut self.tasks.users.take_left());
        while let Some(key) = self.volumes.retries.pop(now) {
            keys.insert(key);
        }
        for key in keys {
            if self.may_delete(&key) {
                let row = self.volumes.get(&key).expect("it was just seen");
                let version = row.version;
                self.volumes.deleting.insert(key);
                outbox.push(Effect::DeleteVolume { key, version });
            }
        }
    }

    fn may_delete(&self, key: &VolumeKey) -> bool {
        let row = self.volumes.get(key);
        row.is_some_and(|row| row.stage == VolumeStage::Destroying)
            && !self.volumes.is_being_deleted(key)
            && !self.volumes.waits_for_retry(key)
            && !self.tasks.users.has_any(key)
    }
}
