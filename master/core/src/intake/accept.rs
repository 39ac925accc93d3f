//! Accepts: what their operations ask for against what was offered.

use super::{Turn, Waiter, turn::AcceptWaiter};
use crate::{
    input::CallId,
    ledger::{Command, Proposed},
    outbox::Answer,
};
use proto::model::{
    AgentId, DeclineFilter, FrameworkId, OfferId, Operation, Reason, Refusal, RequestId, Resources,
    Session, TaskInfo, operation::only_launch,
};
use std::collections::BTreeMap;

/// An accept's fields.
#[derive(Debug)]
pub(super) struct Accept {
    pub(super) offers: Vec<OfferId>,
    pub(super) operations: Vec<Operation>,
    pub(super) partial: bool,
    pub(super) refuse: DeclineFilter,
    pub(super) request: Option<RequestId>,
}

/// What was offered and is not asked for yet, per agent.
#[derive(Debug, Clone, Default)]
struct Left(BTreeMap<AgentId, Resources>);

impl Turn<'_> {
    pub(super) fn accept(&mut self, call: CallId, session: Session, accept: Accept) {
        let framework = session.framework;
        if let Some(request) = &accept.request {
            let row = self.ledger.framework(framework).expect("checked with the session");
            if let Some(results) = row.answer_to(request) {
                self.reply(call, Ok(Answer::Accepted(results.to_vec())));
                return;
            }
            if let Some(calls) = self.leader.accepts.get_mut(&(framework, request.clone())) {
                // The same accept is on its way to the log: both get its answer.
                calls.push(call);
                return;
            }
        }
        if accept.operations.is_empty() {
            let declined = self.decline(framework, &accept.offers, &accept.refuse);
            self.reply(call, declined.map(|()| Answer::Accepted(Vec::new())));
            return;
        }
        let Accept { offers, operations, partial, refuse, request } = accept;
        let judged = self.offered(framework, &offers).and_then(|left| {
            let short = only_launch(&operations, partial).is_some();
            left.judge(operations, partial, short)
        });
        let (left, operations) = match judged {
            Ok(judged) => judged,
            Err(refusal) => return self.reply(call, Err(refusal)),
        };
        let accepting = self.leader.book.begin_accept(framework, &offers, self.now.monotonic);
        let accepting = match accepting {
            Ok(accepting) => accepting,
            Err(refusal) => return self.reply(call, Err(refusal)),
        };
        self.figures.offers_accepted += offers.len() as u64;
        if let Some(request) = &request {
            self.leader.accepts.insert((framework, request.clone()), Vec::new());
        }
        let role = accepting.role.clone();
        let command = Command::Accept {
            session,
            role: role.clone(),
            request: request.clone(),
            operations,
            partial,
        };
        let waiter = AcceptWaiter {
            call,
            session,
            request,
            accepting: Some(accepting.id),
            returned: Vec::new(),
            role,
            left: left.0,
            refuse,
        };
        self.propose(command, Waiter::Accept(waiter));
    }

    /// What live offers hold, agent by agent.
    fn offered(&self, framework: FrameworkId, offers: &[OfferId]) -> Result<Left, Refusal> {
        let mut left = Left::default();
        for (index, id) in offers.iter().enumerate() {
            let live = self.leader.book.live(id).filter(|offer| offer.framework == framework);
            let Some(offer) = live else {
                let message = format!("{id} is not a live offer of {framework}");
                let field = format!("offer_ids[{index}]");
                return Err(Refusal::new(Reason::OfferInvalid, message).at(field));
            };
            let sum = left.0.entry(offer.agent.clone()).or_default();
            *sum = sum.checked_add(&offer.resources).expect("offers of one agent are disjoint");
        }
        Ok(left)
    }
}

impl Left {
    /// Takes what the operations ask for, one after the other. The first that asks for more than
    /// is left refuses the accept; in a partial one it is refused alone, and takes nothing.
    fn judge(
        mut self,
        operations: Vec<Operation>,
        partial: bool,
        short: bool,
    ) -> Result<(Left, Vec<Proposed>), Refusal> {
        let mut proposed = Vec::with_capacity(operations.len());
        for (index, operation) in operations.into_iter().enumerate() {
            // Only a partial accept goes on after a refusal, and needs what there was before.
            let before = partial.then(|| self.clone());
            match (self.take(&operation), before) {
                (Ok(()), _) => proposed.push(Ok(operation)),
                (Err(refusal), Some(before)) => {
                    self = before;
                    proposed.push(Err(refusal.under("launch")));
                }
                (Err(refusal), None) if short => return Err(refusal),
                (Err(refusal), None) => {
                    return Err(refusal.under(&format!("operations[{index}].launch")));
                }
            }
        }
        Ok((self, proposed))
    }

    fn take(&mut self, operation: &Operation) -> Result<(), Refusal> {
        let Operation::Launch { tasks } = operation;
        for (index, task) in tasks.iter().enumerate() {
            self.take_task(task).map_err(|refusal| refusal.under(&format!("tasks[{index}]")))?;
        }
        Ok(())
    }

    fn take_task(&mut self, task: &TaskInfo) -> Result<(), Refusal> {
        let Some(rest) = self.0.get_mut(&task.agent) else {
            let message = format!("none of the offers is of agent {}", task.agent);
            return Err(Refusal::new(Reason::ResourcesNotOffered, message).at("agent_id"));
        };
        *rest = rest.checked_sub(&task.resources).map_err(|problem| {
            let message = format!("the offers of agent {} have {problem}", task.agent);
            Refusal::new(Reason::ResourcesNotOffered, message).at("resources")
        })?;
        Ok(())
    }
}
