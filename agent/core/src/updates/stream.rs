//! The stream of one task's updates: from 1, without gaps, the journal before the wire.

use crate::{agent::Agent, outbox::Outbox, tasks::lifecycle::News};
use proto::{
    model::{Instant, StatusSource, TaskKey, TaskStatus},
    planted::{self, Bug},
};

impl Agent {
    /// Makes an update of a task's row, and the row's state what the update says.
    pub(crate) fn add_update(
        &mut self,
        key: &TaskKey,
        news: News,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let row = self.tasks.get_mut(key).expect("updates are made of rows");
        row.sequence += 1;
        row.state = news.state;
        row.pending.push(TaskStatus {
            task: key.task.clone(),
            agent: self.config.info.id.clone(),
            state: news.state,
            source: StatusSource::Agent,
            reason: news.reason,
            message: news.message,
            exit_code: news.exit_code,
            signal: news.signal,
            memory_peak_bytes: news.memory_peak_bytes,
            at: self.config.wall(now),
            sequence: row.sequence,
        });
        self.tasks.note_change(key);
        if !planted::is(Bug::UpdateNotJournaled) {
            self.record(key, outbox);
        }
        self.delivery.wait(key);
    }
}
