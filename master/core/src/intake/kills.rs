//! The end of a task or of a whole task group, asked for by its id.

use super::{Turn, Waiter};
use crate::{input::CallId, ledger::Command, outbox::Answer};
use proto::model::{Duration, GroupKey, Reason, Refusal, StatusReason, TaskKey};

impl Turn<'_> {
    pub(super) fn kill_task(
        &mut self,
        call: CallId,
        key: TaskKey,
        grace_period: Option<Duration>,
        reason: StatusReason,
    ) {
        if let Err(refusal) = self.check_task(&key, "task_id") {
            return self.reply(call, Err(refusal));
        }
        self.propose(Command::KillTask { key, grace_period, reason }, Waiter::Call(call));
    }

    /// Ends a group: by any of its tasks, since each of them stands for all.
    pub(super) fn kill_group(
        &mut self,
        call: CallId,
        key: &GroupKey,
        grace_period: Option<Duration>,
        reason: StatusReason,
    ) {
        let Some(group) = self.ledger.group(key) else {
            let message = format!("there is no task group {key}");
            let refusal = Refusal::new(Reason::GroupUnknown, message).at("group_id");
            return self.reply(call, Err(refusal));
        };
        match self.ledger.live_tasks_of_group(group).next().map(|task| task.key.clone()) {
            None => self.reply(call, Ok(Answer::Done)),
            Some(key) => self.kill_task(call, key, grace_period, reason),
        }
    }
}
