//! T4, U2, U3: a framework sees each task's updates in order and without gaps (repeats allowed),
//! each a legal step from the one before; and none again that it acknowledged, once that is
//! committed.

use proto::model::{FrameworkId, TaskId, TaskKey, TaskState, TaskStatus};
use std::collections::BTreeMap;

/// What frameworks have seen and acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    seen: BTreeMap<TaskKey, (u64, TaskState)>,
    acknowledged: BTreeMap<TaskKey, u64>,
}

impl Updates {
    /// A framework receives a status; whether it had it before.
    pub(crate) fn received(&mut self, framework: FrameworkId, status: &TaskStatus) -> bool {
        if status.sequence == 0 {
            return false;
        }
        let key = TaskKey { framework, task: status.task.clone() };
        let last = self.seen.get(&key).copied();
        let (number, state) = last.unwrap_or((0, TaskState::Staging));
        if status.sequence <= number {
            return true;
        }
        assert_eq!(status.sequence, number + 1, "U2: {key} goes from update {number} on");
        // Between the two it was launched once more, which is announced without a number.
        let lost_again = state == TaskState::Unreachable && status.state == state;
        assert!(
            state.may_become(status.state) || lost_again,
            "T4: {key} goes from {state} to {} with update {}",
            status.state,
            status.sequence
        );
        self.seen.insert(key, (status.sequence, status.state));
        false
    }

    /// A framework is told that its acknowledgement is recorded.
    pub(crate) fn acknowledged(&mut self, framework: FrameworkId, of: &[(TaskId, u64)]) {
        for (task, sequence) in of {
            let key = TaskKey { framework, task: task.clone() };
            let last = self.acknowledged.entry(key).or_default();
            *last = (*last).max(*sequence);
        }
    }

    /// The newest leader sends a status.
    pub(crate) fn sent(&self, framework: Option<FrameworkId>, status: &TaskStatus) {
        let Some(framework) = framework.filter(|_| status.sequence > 0) else { return };
        let key = TaskKey { framework, task: status.task.clone() };
        let done = self.acknowledged.get(&key).copied().unwrap_or(0);
        assert!(
            status.sequence > done,
            "U3: update {} of {key} is sent again, {done} is acknowledged",
            status.sequence
        );
    }
}
