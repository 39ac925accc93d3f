//! An accept: its operations in order, all of them or none; or, when it is partial, each by itself.
//!
//! Offers are the leader's and are not known here. What is checked is what must hold whatever was
//! offered; what each kind of operation needs is in the files beside this one.

use super::{
    Applied, Event, Framework, FrameworkState, Ledger, Stamp, apply_volume::Way, command::Proposed,
    draft::Draft, frameworks::AcceptOutcome,
};
use proto::{
    model::{Operation, OperationResult, Reason, Refusal, RequestId, Role, Session, limits},
    planted::{self, Bug},
};
use std::sync::Arc;

/// An accept, as its command has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accept<'a> {
    pub(super) session: Session,
    pub(super) role: &'a Role,
    pub(super) request: Option<&'a RequestId>,
    pub(super) operations: &'a [Proposed],
    pub(super) partial: bool,
    /// Of revocable offers.
    pub(super) revocable: bool,
}

impl Accept<'_> {
    /// Whether its refusals speak of `tasks`, as whoever uses the shorthand understands them.
    fn is_short(&self) -> bool {
        !self.partial && matches!(self.operations, [Ok(Operation::Launch { .. })])
    }
}

impl Ledger {
    pub(super) fn accept(
        &mut self,
        now: Stamp,
        accept: Accept<'_>,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let Accept { session, role, request, operations, partial, revocable: _ } = accept;
        let framework = self.framework_of_session(session)?;
        if framework.state != FrameworkState::Subscribed {
            let message = format!("{} has lost its subscription", framework.id);
            return Err(Refusal::new(Reason::NotSubscribed, message));
        }
        if let Some(results) = request.and_then(|request| framework.answer_to(request)) {
            return Ok(Applied::AnsweredBefore(results.to_vec()));
        }
        check_form(framework, &accept)?;
        let mut results = Vec::with_capacity(operations.len());
        match partial {
            false => {
                let mut draft = Draft::default();
                for (index, operation) in operations.iter().enumerate() {
                    let result = self.operate(&accept, (operation, &results), &mut draft);
                    if result.is_err() && planted::is(Bug::RefusalLeavesTrace) {
                        self.remember(&accept, &results);
                    }
                    results.push(result.map_err(|refusal| match accept.is_short() {
                        true => refusal,
                        false => refusal.under(&format!("operations[{index}]")),
                    })?);
                }
                self.write_back(now, Some((session, role)), draft, events);
            }
            true => {
                for operation in operations {
                    let mut draft = Draft::default();
                    let result = self.operate(&accept, (operation, &results), &mut draft);
                    results.push(match result {
                        Ok(result) => {
                            self.write_back(now, Some((session, role)), draft, events);
                            result
                        }
                        Err(refusal) => OperationResult::Refused(refusal),
                    });
                }
            }
        }
        self.remember(&accept, &results);
        Ok(Applied::Accepted { results, role: role.clone() })
    }

    /// Applies one operation to the draft, given the results of those before it; after a refusal
    /// the draft is to be dropped.
    fn operate<'a>(
        &self,
        accept: &Accept<'a>,
        (operation, before): (&'a Proposed, &[OperationResult]),
        draft: &mut Draft<'a>,
    ) -> Result<OperationResult, Refusal> {
        let operation = operation.as_ref().map_err(Refusal::clone)?;
        let result = match operation {
            Operation::Launch { tasks } => self.launch(accept, tasks, before, draft),
            Operation::LaunchGroup(group) => {
                let launched = self.launch_group(accept, group, before, draft);
                launched.map_err(|refusal| refusal.under("group"))
            }
            Operation::Reserve(_) if accept.revocable => {
                Err(Refusal::invalid("resources", "are lent: the offers are revocable"))
            }
            Operation::Reserve(plan) => {
                let made = self.draft_reserve(self.by(accept), plan, before, draft);
                made.map(OperationResult::Reserved)
            }
            Operation::Resize(resize) => self.resize(accept, resize, draft),
            Operation::Unreserve(unreserve) => {
                let done = self.draft_unreserve(self.by(accept), unreserve, before, draft);
                done.map(|()| OperationResult::Done)
            }
            Operation::MoveReservation { reservation, role } => {
                let moved = (*reservation, role);
                let done = self.draft_move(self.by(accept), moved, before, draft);
                done.map(|()| OperationResult::Done)
            }
            Operation::CreateVolume(plan) => {
                let made = self.draft_create_volume(self.by(accept), plan, before, draft);
                made.map(OperationResult::VolumeCreating)
            }
            Operation::GrowVolume(resize) => {
                let grow = (self.by(accept), Way::Grow);
                let done = self.draft_resize_volume(grow, resize, before, draft);
                done.map(|()| OperationResult::Done)
            }
            Operation::ShrinkVolume(resize) => {
                let shrink = (self.by(accept), Way::Shrink);
                let done = self.draft_resize_volume(shrink, resize, before, draft);
                done.map(|()| OperationResult::Done)
            }
            Operation::DestroyVolume(volume) => {
                let done = self.draft_destroy_volume(self.by(accept), *volume, before, draft);
                done.map(|()| OperationResult::Done)
            }
        };
        result.map_err(|refusal| match accept.is_short() {
            true => refusal,
            false => refusal.under(operation.name()),
        })
    }

    /// Remembers an answer for retries. When nothing was done, a retry is judged anew.
    fn remember(&mut self, accept: &Accept<'_>, results: &[OperationResult]) {
        let Some(request) = accept.request else { return };
        if results.iter().all(|result| matches!(result, OperationResult::Refused(_))) {
            return;
        }
        let id = accept.session.framework;
        let framework = self.frameworks.get_mut(&id).expect("a known framework");
        if framework.accept_outcomes.len() >= limits::ACCEPT_OUTCOMES_PER_FRAMEWORK_MAX {
            framework.accept_outcomes.pop_front();
        }
        let outcome = AcceptOutcome { request: request.clone(), results: results.to_vec() };
        framework.accept_outcomes.push_back(Arc::new(outcome));
    }
}

/// What holds of the accept as a whole, whatever its operations are.
fn check_form(framework: &Framework, accept: &Accept<'_>) -> Result<(), Refusal> {
    let Accept { role, operations, .. } = accept;
    if !framework.info.roles.contains(role) {
        let problem = format!("{} is not subscribed with the role {role}", framework.id);
        return Err(Refusal::invalid("role", problem));
    }
    if operations.is_empty() {
        return Err(Refusal::invalid("operations", "is empty"));
    }
    let limit = limits::OPERATIONS_PER_ACCEPT_MAX;
    if operations.len() > limit {
        return Err(Refusal::limit("operations", operations.len(), limit));
    }
    let tasks: usize = operations.iter().flatten().map(Operation::task_count).sum();
    match tasks > limits::TASKS_PER_ACCEPT_MAX {
        true => Err(Refusal::limit("tasks", tasks, limits::TASKS_PER_ACCEPT_MAX)),
        false => Ok(()),
    }
}
