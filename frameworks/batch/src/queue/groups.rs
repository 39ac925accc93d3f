//! Instances that are task groups: how its members' news become those of the instance.

use super::{InstanceId, Progress, Queue};
use crate::group::split_member;
use bourse_sdk::model::{Instant, StatusReason, TaskState, TaskStatus, task_group::Part};
use std::collections::BTreeSet;

/// How far an attempt at a group is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupProgress {
    /// Members that have not ended.
    left: BTreeSet<String>,
    /// How it ends: as the first member that failed by itself, or else as the last that must
    /// finish.
    verdict: Option<TaskStatus>,
    has_failed: bool,
}

impl GroupProgress {
    pub(crate) fn new(members: BTreeSet<String>) -> Self {
        Self { left: members, verdict: None, has_failed: false }
    }
}

impl Queue {
    /// News of a member; `None` when the task is of no group of this job.
    pub(super) fn member_status(
        &mut self,
        now: Instant,
        status: &TaskStatus,
    ) -> Option<Vec<Progress>> {
        let (task, member) = split_member(&status.task)?;
        let id = self.by_task.get(&task).copied()?;
        self.accepted(id);
        let part = self.spec(id).group.as_ref()?.part_of(member)?;
        if status.state == TaskState::Running {
            return Some(match part {
                Part::Main => self.running(now, id),
                Part::Init | Part::Sidecar => Vec::new(),
            });
        }
        match self.member_ended(id, member, status) {
            // As if the instance were the one task that decided.
            Some(verdict) => Some(self.status(now, &TaskStatus { task, ..verdict })),
            None => Some(Vec::new()),
        }
    }

    /// Notes a member's end; with the last one, how the group ended.
    fn member_ended(
        &mut self,
        id: InstanceId,
        member: &str,
        status: &TaskStatus,
    ) -> Option<TaskStatus> {
        let is_end = status.state.is_terminal() || status.state == TaskState::Unknown;
        let must_finish = self.spec(id).group.as_ref()?.must_finish(member);
        let progress = self.instance_mut(id).group.as_mut().filter(|_| is_end)?;
        if !progress.left.remove(member) {
            return None;
        }
        let by_itself = status.reason != StatusReason::GroupEnded;
        let has_failed = by_itself && status.state != TaskState::Finished;
        let counts = must_finish || (has_failed && status.state != TaskState::Killed);
        let is_first = has_failed && counts && !progress.has_failed;
        if is_first || (must_finish && !progress.has_failed) {
            let message = match status.message.as_str() {
                "" => String::new(),
                message => format!("{member}: {message}"),
            };
            progress.verdict = Some(TaskStatus { message, ..status.clone() });
            progress.has_failed |= is_first;
        }
        if progress.left.is_empty() { progress.verdict.take() } else { None }
    }
}
