//! Accepts: what their operations ask for against what was offered.

use super::{
    Turn, Waiter,
    left::{Left, Rows},
    turn::AcceptWaiter,
};
use crate::{
    input::CallId,
    ledger::{Command, Proposed},
    offers::book::AcceptId,
    outbox::Answer,
};
use proto::{
    model::{
        DeclineFilter, FrameworkId, OfferId, Operation, Reason, Refusal, RequestId, Role, Session,
        operation::only_launch,
    },
    planted::{self, Bug},
};

/// An accept's fields.
#[derive(Debug)]
pub(super) struct Accept {
    pub(super) offers: Vec<OfferId>,
    pub(super) operations: Vec<Operation>,
    pub(super) partial: bool,
    pub(super) refuse: DeclineFilter,
    pub(super) request: Option<RequestId>,
}

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
            left.judge(&Rows { ledger: self.ledger, framework }, operations, (partial, short))
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
            left: left.sums(),
            refuse,
        };
        self.propose(command, Waiter::Accept(waiter));
    }

    /// Takes the offers out of circulation, and says on whose share the accept is: the role of the
    /// offers or, where nothing needs any, that of the tasks or one of the framework's; and whether
    /// they are revocable.
    fn begin_accept(
        &mut self,
        framework: FrameworkId,
        offers: &[OfferId],
        operations: &[Proposed],
    ) -> Result<(Option<AcceptId>, Role, bool), Refusal> {
        let rows = Rows { ledger: self.ledger, framework };
        let resized = operations.iter().flatten().find_map(|operation| match operation {
            Operation::Resize(resize) => rows.task(resize).map(|task| &task.role),
            _ => None,
        });
        // A volume is given up on no share: any of the framework's roles will do.
        let gives_up = operations.iter().flatten().any(|operation| {
            matches!(operation, Operation::ShrinkVolume(_) | Operation::DestroyVolume(_))
        });
        let own = || rows.ledger.framework(framework)?.info.roles.first();
        let role = resized.or_else(|| own().filter(|_| gives_up));
        match role.filter(|_| offers.is_empty()) {
            Some(role) => Ok((None, role.clone(), false)),
            None => {
                let book = &mut self.leader.book;
                if planted::is(Bug::OfferHonouredTwice) {
                    let of = book.clone().begin_accept(framework, offers, self.now.monotonic)?;
                    return Ok((None, of.role, of.revocable));
                }
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
        let mut left = Left::nothing();
        for (index, id) in offers.iter().enumerate() {
            let live = self.leader.book.live(id).filter(|offer| offer.framework == framework);
            let Some(offer) = live else {
                let message = format!("{id} is not a live offer of {framework}");
                let field = format!("offer_ids[{index}]");
                return Err(Refusal::new(Reason::OfferInvalid, message).at(field));
            };
            left.role = offer.role.clone();
            left.add(offer);
        }
        Ok(left)
    }
}

/// What is launched with revocable offers is revocable, whether it says so or not.
fn mark_revocable(operation: &mut Operation) {
    if let Operation::Launch { tasks } = operation {
        tasks.iter_mut().for_each(|task| task.revocable = true);
    }
}
