//! What the shell says of directories, and what the leader hears of it.

use super::{VolumeStage, deletion::DELETION_PAUSE};
use crate::{
    agent::Agent,
    journal::Record,
    outbox::{Effect, Outbox},
};
use proto::{
    convert::text,
    model::{AgentCall, Instant, VolumeKey, VolumeReport},
};

impl Agent {
    /// What was wanted of a volume's directory is done, or could not be. What belongs to an order
    /// that was overtaken changes nothing.
    pub(crate) fn volume_done(
        &mut self,
        key: VolumeKey,
        version: u64,
        result: Result<(), String>,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let row = self.volumes.rows.get_mut(&key).filter(|row| row.version == version);
        let Some(row) = row else { return };
        let failed = result.err().map(|problem| text::fit(&problem));
        let is_done = failed.is_none();
        match row.stage {
            VolumeStage::Making if is_done => row.stage = VolumeStage::Ready,
            VolumeStage::Making => row.stage = VolumeStage::Failed,
            VolumeStage::Shrinking { to } => {
                row.stage = VolumeStage::Ready;
                row.size = if is_done { to } else { row.size };
            }
            VolumeStage::Destroying => return self.deletion_done(key, failed, now, outbox),
            VolumeStage::Ready | VolumeStage::Failed => return,
        }
        row.failed.clone_from(&failed);
        self.record_volume(&key, outbox);
        self.report_volume(key, version, failed, outbox);
    }

    fn deletion_done(
        &mut self,
        key: VolumeKey,
        failed: Option<String>,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        if !self.volumes.deleting.remove(&key) {
            return;
        }
        let row = self.volumes.rows.get_mut(&key).expect("the caller has just seen the row");
        let version = row.version;
        if failed.is_some() {
            self.volumes.retries.set(&key, now + DELETION_PAUSE);
            if row.failed == failed {
                // The leader knows, and asks again if it does not.
                return;
            }
            row.failed.clone_from(&failed);
            self.record_volume(&key, outbox);
        } else {
            self.volumes.rows.remove(&key);
            outbox.record(Record::ForgetVolume(key));
        }
        self.report_volume(key, version, failed, outbox);
    }

    /// Says what became of an order, if there is a leader to hear it. Whoever does not hear it
    /// orders that again when the agent has registered, and is told then.
    pub(super) fn report_volume(
        &self,
        key: VolumeKey,
        version: u64,
        failed: Option<String>,
        outbox: &mut Outbox,
    ) {
        if self.session.is_registered() {
            let session = self.session.number();
            let call = AgentCall::Volume(VolumeReport { key, version, failed });
            outbox.push(Effect::Send { session, call });
        }
    }
}
