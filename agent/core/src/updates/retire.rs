//! The end of an update: committed, so it is dropped; with the last one of an ended task, its row.

use crate::{agent::Agent, journal::Record, outbox::Outbox};
use proto::{
    model::TaskKey,
    planted::{self, Bug},
};

impl Agent {
    /// The leader has committed a task's updates up to this one.
    ///
    /// Only the end of a task is written down. A confirmed RUNNING that is forgotten by a restart
    /// is sent again and confirmed again, which costs less than a write for each task that starts.
    pub(crate) fn committed(&mut self, key: &TaskKey, sequence: u64, outbox: &mut Outbox) {
        let Some(row) = self.tasks.get_mut(key) else { return };
        if sequence > row.sequence {
            // Never sent by us, so that it says nothing about what was.
            return;
        }
        let all = planted::is(Bug::ConfirmedTooMuch);
        row.pending.retain(|status| status.sequence > sequence && !all);
        if row.pending.is_empty() {
            self.delivery.done(key);
            self.retire_if_done(key, outbox);
        }
    }

    /// Forgets a task that has ended and whose end is committed: the last step of its life.
    pub(crate) fn retire_if_done(&mut self, key: &TaskKey, outbox: &mut Outbox) {
        let done = |row: &crate::TaskRow| row.pending.is_empty() && !row.is_live();
        if self.tasks.get(key).is_some_and(done) {
            self.tasks.forget(key);
            outbox.record(Record::Forget(key.clone()));
        }
    }
}
