//! What masters' answers to frameworks tell the oracles, whether they arrive or not.

use super::{
    oracle::{AcceptName, accept_name},
    world::World,
};
use master_core::{input::CallId, outbox::Answer};
use proto::model::{OfferId, OperationResult, Reason, Refusal, SchedulerCall, Session, TaskId};

impl World {
    pub(super) fn watch_answer(
        &mut self,
        call: CallId,
        session: Session,
        request: &SchedulerCall,
        answer: &Result<Answer, Refusal>,
    ) {
        let framework = session.framework;
        match (request, answer) {
            (
                SchedulerCall::Accept { offers, request, operations, .. },
                Ok(Answer::Accepted(results)),
            ) => {
                self.oracles.offers.answered(offers);
                self.note_volumes(operations);
                let tasks = results.iter().flat_map(OperationResult::tasks);
                let tasks: Vec<TaskId> = tasks.cloned().collect();
                if tasks.is_empty() {
                    return;
                }
                let name = accept_name(request.as_ref(), call.0);
                self.oracles.offers.used(framework, offers, &name);
                if !self.oracles.completeness.accepted(framework, &tasks) {
                    self.sometimes.note("accept repeated and answered as before");
                }
            }
            (SchedulerCall::Accept { offers, request, .. }, Err(refusal)) => {
                let name = accept_name(request.as_ref(), call.0);
                self.watch_refused_accept(offers, &name, refusal.reason);
            }
            (SchedulerCall::Commit { .. }, Ok(Answer::Accepted(results))) => {
                let tasks = results.iter().flat_map(OperationResult::tasks);
                let tasks: Vec<TaskId> = tasks.cloned().collect();
                if !tasks.is_empty() && self.oracles.completeness.accepted(framework, &tasks) {
                    self.sometimes.note("commit done");
                }
            }
            (SchedulerCall::Commit { .. }, Err(refusal)) if refusal.reason == Reason::Conflict => {
                self.sometimes.note("commit conflicted");
            }
            (SchedulerCall::Decline { offers, .. }, Ok(_)) => {
                self.oracles.offers.answered(offers);
            }
            (SchedulerCall::AnswerInverse { .. }, Ok(_)) => {
                self.sometimes.note("inverse offer answered");
            }
            (SchedulerCall::Teardown, Ok(_)) => self.oracles.offers.void(framework),
            (SchedulerCall::Acknowledge { acknowledgements }, Ok(_)) => {
                self.oracles.updates.acknowledged(framework, acknowledgements);
            }
            _ => {}
        }
    }

    fn watch_refused_accept(&mut self, offers: &[OfferId], by: &AcceptName, reason: Reason) {
        let taken_back = self.oracles.offers.answered(offers);
        match reason {
            Reason::OutcomeUnknown => {
                self.sometimes.note("leader changed with an accept in flight");
            }
            Reason::OfferInvalid if taken_back => {
                self.sometimes.note("accept of an offer that was taken back");
            }
            Reason::OfferInvalid if self.oracles.offers.used_by_another(offers, by) => {
                self.sometimes.note("accept of an offer that was used");
            }
            // The book knows neither agents nor frameworks: only apply says these.
            Reason::AgentUnreachable
            | Reason::ResourcesTaken
            | Reason::AgentRemoved
            | Reason::TaskExists => {
                self.sometimes.note("accept refused when applied");
            }
            _ => {}
        }
    }
}
