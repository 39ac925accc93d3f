//! Completion: a task that may run only for so long is ended when that time is over.
//!
//! The time is counted from when its program was seen to run, on a clock that runs from the host's
//! boot: the agent's own clock begins anew with each of its lives, and wall clocks jump. A task
//! does not outlive its host's boot, so that no other clock is needed. If the agent died between
//! the start and its record, the next life counts from when it found the task.

use crate::{agent::Agent, outbox::Outbox};
use proto::model::{Instant, StatusReason, TaskKey};

impl Agent {
    /// The task runs: from now on, or since an earlier life of the agent.
    pub(crate) fn watch_completion(&mut self, key: &TaskKey, now: Instant, outbox: &mut Outbox) {
        let since_boot = self.config.since_boot(now);
        let Some(row) = self.tasks.get_mut(key).filter(|row| row.is_live()) else { return };
        let limit = row.task.as_ref().and_then(|task| task.max_completion_time);
        let (Some(limit), None) = (limit, row.kill) else { return };
        let is_new = row.started_after_boot.is_none();
        let started = *row.started_after_boot.get_or_insert(since_boot);
        if is_new {
            self.record(key, outbox);
        }
        let has_run = since_boot.0.saturating_sub(started.0);
        let due_at = Instant(now.0.saturating_add(limit.0.saturating_sub(has_run)));
        self.tasks.completions.set(key, due_at);
    }

    /// Ends what has run for long enough, as its kill policy says.
    pub(crate) fn run_completions(&mut self, now: Instant, outbox: &mut Outbox) {
        while let Some(key) = self.tasks.completions.pop(now) {
            self.kill_alone(&key, None, StatusReason::MaxCompletionTime, now, outbox);
        }
    }
}
