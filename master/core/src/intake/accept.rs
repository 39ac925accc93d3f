//! Accepts: what their operations ask for against what was offered.

use super::{Turn, Waiter, turn::AcceptWaiter};
use crate::{
    input::CallId,
    ledger::{Command, Ledger, Proposed, Task},
    offers::book::AcceptId,
    outbox::Answer,
};
use proto::model::{
    AgentId, DeclineFilter, FrameworkId, OfferId, Operation, Reason, Refusal, RequestId, Resources,
    Role, Session, TaskKey, operation::only_launch, resize::larger,
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

/// The tasks of a framework.
#[derive(Debug, Clone, Copy)]
struct Rows<'a> {
    ledger: &'a Ledger,
    framework: FrameworkId,
}

/// What was offered and is not asked for yet, per agent.
#[derive(Debug, Clone, Default)]
struct Left(BTreeMap<AgentId, Resources>);

impl Turn<'_> {
    pub(super) fn accept(&mut self, call: CallId, session: Session, accept: Accept) {
        let framework = session.framework;
        if self.answered_before(call, framework, accept.request.as_ref()) {
            return;
        }
        if accept.operations.is_empty() {
            let declined = self.decline(framework, &accept.offers, &accept.refuse);
            self.reply(call, declined.map(|()| Answer::Accepted(Vec::new())));
            return;
        }
        let Accept { offers, operations, partial, refuse, request } = accept;
        let judged = self.offered(framework, &offers).and_then(|left| {
            let short = only_launch(&operations, partial).is_some();
            left.judge(&Rows { ledger: self.ledger, framework }, operations, partial, short)
        });
        let begun = judged.and_then(|(left, operations)| {
            let begun = self.begin_accept(framework, &offers, &operations)?;
            Ok((left, operations, begun))
        });
        let (left, mut operations, (accepting, role, revocable)) = match begun {
            Ok(begun) => begun,
            Err(refusal) => return self.reply(call, Err(refusal)),
        };
        self.figures.offers_accepted += offers.len() as u64;
        if let Some(request) = &request {
            self.leader.accepts.insert((framework, request.clone()), Vec::new());
        }
        if revocable {
            operations.iter_mut().flatten().for_each(mark_revocable);
        }
        let command = Command::Accept {
            session,
            role: role.clone(),
            request: request.clone(),
            operations,
            partial,
            revocable,
        };
        let waiter = AcceptWaiter {
            call,
            session,
            request,
            accepting,
            returned: Vec::new(),
            role,
            left: left.0,
            refuse,
        };
        self.propose(command, Waiter::Accept(waiter));
    }

    /// Takes the offers out of circulation, and says on whose share the accept is: the role of the
    /// offers or, where nothing needs any, that of the tasks; and whether they are revocable.
    fn begin_accept(
        &mut self,
        framework: FrameworkId,
        offers: &[OfferId],
        operations: &[Proposed],
    ) -> Result<(Option<AcceptId>, Role, bool), Refusal> {
        let rows = Rows { ledger: self.ledger, framework };
        let resized = operations.iter().flatten().find_map(|operation| rows.resized(operation));
        match resized.filter(|_| offers.is_empty()) {
            Some(task) => Ok((None, task.role.clone(), false)),
            None => {
                let book = &mut self.leader.book;
                let accepting = book.begin_accept(framework, offers, self.now.monotonic)?;
                Ok((Some(accepting.id), accepting.role, accepting.revocable))
            }
        }
    }

    /// Whether an accept or a commit is a repetition, which gets the answer of the first.
    pub(super) fn answered_before(
        &mut self,
        call: CallId,
        framework: FrameworkId,
        request: Option<&RequestId>,
    ) -> bool {
        let Some(request) = request else { return false };
        let row = self.ledger.framework(framework).expect("checked with the session");
        if let Some(results) = row.answer_to(request) {
            self.reply(call, Ok(Answer::Accepted(results.to_vec())));
            return true;
        }
        match self.leader.accepts.get_mut(&(framework, request.clone())) {
            Some(calls) => {
                // The same is on its way to the log: both get its answer.
                calls.push(call);
                true
            }
            None => false,
        }
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
        rows: &Rows<'_>,
        operations: Vec<Operation>,
        partial: bool,
        short: bool,
    ) -> Result<(Left, Vec<Proposed>), Refusal> {
        let mut proposed = Vec::with_capacity(operations.len());
        for (index, operation) in operations.into_iter().enumerate() {
            // Only a partial accept goes on after a refusal, and needs what there was before.
            let before = partial.then(|| self.clone());
            match (self.take(rows, &operation), before) {
                (Ok(()), _) => proposed.push(Ok(operation)),
                (Err(refusal), Some(before)) => {
                    self = before;
                    proposed.push(Err(refusal.under(operation.name())));
                }
                (Err(refusal), None) if short => return Err(refusal),
                (Err(refusal), None) => {
                    let place = format!("operations[{index}].{}", operation.name());
                    return Err(refusal.under(&place));
                }
            }
        }
        Ok((self, proposed))
    }

    fn take(&mut self, rows: &Rows<'_>, operation: &Operation) -> Result<(), Refusal> {
        match operation {
            Operation::Launch { tasks } => {
                for (index, task) in tasks.iter().enumerate() {
                    self.take_there(&task.agent, &task.resources, "agent_id")
                        .map_err(|refusal| refusal.under(&format!("tasks[{index}]")))?;
                }
                Ok(())
            }
            Operation::Resize(resize) => {
                let Some(task) = rows.resized(operation) else {
                    let message = format!("there is no task {} of {}", resize.task, rows.framework);
                    return Err(Refusal::new(Reason::TaskUnknown, message).at("task_id"));
                };
                // What cannot be a size of it is refused where it is applied.
                let has = &task.info.resources;
                let growth = larger(has, &resize.resources).and_then(|held| held.checked_sub(has));
                match growth {
                    Ok(growth) if !growth.is_empty() => {
                        self.take_there(&task.info.agent, &growth, "task_id")
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    /// `field` is what names the agent.
    fn take_there(
        &mut self,
        agent: &AgentId,
        wanted: &Resources,
        field: &str,
    ) -> Result<(), Refusal> {
        let Some(rest) = self.0.get_mut(agent) else {
            let message = format!("none of the offers is of agent {agent}");
            return Err(Refusal::new(Reason::ResourcesNotOffered, message).at(field));
        };
        *rest = rest.checked_sub(wanted).map_err(|problem| {
            let message = format!("the offers of agent {agent} have {problem}");
            Refusal::new(Reason::ResourcesNotOffered, message).at("resources")
        })?;
        Ok(())
    }
}

/// What is launched with revocable offers is revocable, whether it says so or not.
fn mark_revocable(operation: &mut Operation) {
    if let Operation::Launch { tasks } = operation {
        tasks.iter_mut().for_each(|task| task.revocable = true);
    }
}

impl<'a> Rows<'a> {
    /// The task that an operation resizes.
    fn resized(&self, operation: &Operation) -> Option<&'a Task> {
        match operation {
            Operation::Resize(resize) => {
                let (framework, task) = (self.framework, resize.task.clone());
                self.ledger.task(&TaskKey { framework, task })
            }
            Operation::Launch { .. } => None,
        }
    }
}
