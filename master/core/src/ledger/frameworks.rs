//! The rows of frameworks: who owns them, which instance speaks, and what they hold.

use super::{Event, Ledger};
use crate::table::Table;
use proto::{
    model::{
        FrameworkId, FrameworkInfo, Instant, OperationResult, Reason, Refusal, RequestId,
        Resources, Role, Session, TaskId, TaskKey, limits,
    },
    planted::{self, Bug},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

/// Whether a framework is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameworkState {
    /// It has a stream.
    Subscribed,
    /// It lost its stream; its failover timeout runs.
    Disconnected,
    /// It has ended; the row remains while tasks are being ended, and then for a while, with the
    /// last of its tasks.
    Removed,
}

/// One framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Framework {
    /// Which.
    pub id: FrameworkId,
    /// As it described itself last.
    pub info: FrameworkInfo,
    /// Who owns it.
    pub principal: String,
    /// The call that made it.
    pub request: RequestId,
    /// Grows with each subscription.
    pub epoch: u64,
    /// Whether it is there.
    pub state: FrameworkState,
    /// When the state became what it is; a new subscription counts.
    pub changed: Instant,
    /// What its tasks take that have not ended, per role: amounts only, since a port on one agent
    /// and the same port on another do not add up. Derived.
    pub allocated: BTreeMap<Role, Resources>,
    /// Updates of all its tasks that wait for acknowledgement; derived.
    pub pending_acknowledgements: u64,
    /// Task rows of it; derived.
    pub task_count: usize,
    /// Answers to the last accepts that had a request id, oldest first.
    pub(crate) accept_outcomes: VecDeque<Arc<AcceptOutcome>>,
    /// Ended tasks without anything to acknowledge, the one that ended first in front; derived.
    pub(crate) ended: Table<(Instant, TaskId), ()>,
}

/// The answer to an accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AcceptOutcome {
    /// The call.
    pub(crate) request: RequestId,
    /// What became of its operations; not all were refused.
    pub(crate) results: Vec<OperationResult>,
}

impl Framework {
    /// Whether it has ended.
    pub fn is_removed(&self) -> bool {
        self.state == FrameworkState::Removed
    }

    /// How many ended tasks of it are remembered.
    pub(super) fn ended_tasks_max(&self) -> usize {
        match self.is_removed() {
            true => limits::ENDED_TASKS_PER_REMOVED_FRAMEWORK_MAX,
            false => limits::ENDED_TASKS_PER_FRAMEWORK_MAX,
        }
    }

    /// Whether it has ended and all of its tasks with it.
    pub(super) fn is_at_rest(&self) -> bool {
        self.is_removed() && self.ended.len() == self.task_count
    }

    /// What became of the operations of an accept with this request id, while that is remembered.
    pub fn answer_to(&self, request: &RequestId) -> Option<&[OperationResult]> {
        let mut outcomes = self.accept_outcomes.iter();
        let outcome = outcomes.find(|outcome| outcome.request == *request);
        let outcome = outcome.filter(|_| !planted::is(Bug::RequestForgotten))?;
        Some(&outcome.results)
    }

    /// Takes a task's amounts from its role's sum.
    pub(super) fn release(&mut self, role: &Role, resources: &Resources) {
        let amounts = resources.counts();
        // An init task's share of nothing is in no sum.
        if amounts.is_empty() {
            return;
        }
        let sum = self.allocated.get_mut(role).expect("a live task's role has a sum");
        *sum = sum.checked_sub(&amounts).expect("A1: a sum holds all of its tasks");
        if sum.is_empty() {
            self.allocated.remove(role);
        }
    }
}

impl Ledger {
    /// The framework's row, when it has not ended and this is its newest instance.
    pub(super) fn framework_of_session(&self, session: Session) -> Result<&Framework, Refusal> {
        let id = session.framework;
        let framework = self.frameworks.get(&id).ok_or_else(|| framework_unknown(id))?;
        if framework.is_removed() {
            return Err(framework_removed(id));
        }
        if framework.epoch != session.epoch && !planted::is(Bug::FencedInstanceObeyed) {
            let message = format!("{id} has subscribed again, as epoch {}", framework.epoch);
            return Err(Refusal::new(Reason::FrameworkFenced, message));
        }
        Ok(framework)
    }

    /// Forgets the oldest removed frameworks beyond the limit, each with its tasks. Those whose
    /// tasks are still being ended do not count yet.
    pub(super) fn forget_removed_frameworks(&mut self, events: &mut Vec<Event>) {
        while self.index.removed_frameworks.len() > limits::REMOVED_REMEMBERED_MAX {
            let (_, id) = self.index.removed_frameworks.pop_first().expect("more than the limit");
            let framework = self.frameworks.get_mut(&id).expect("an indexed framework has a row");
            for ((_, task), ()) in std::mem::take(&mut framework.ended).iter() {
                let task = task.clone();
                self.forget_task(&TaskKey { framework: id, task }, events);
            }
            let framework = self.frameworks.remove(&id).expect("an indexed framework has a row");
            assert!(framework.is_removed() && framework.task_count == 0);
            let request = (framework.principal.clone(), framework.request.clone());
            assert_eq!(self.index.by_request.remove(&request), Some(id));
        }
    }
}

pub(super) fn framework_unknown(id: FrameworkId) -> Refusal {
    Refusal::new(Reason::FrameworkUnknown, format!("there is no {id}"))
}

pub(super) fn framework_removed(id: FrameworkId) -> Refusal {
    let message = format!("{id} has ended; subscribe as a new framework");
    Refusal::new(Reason::FrameworkRemoved, message)
}
