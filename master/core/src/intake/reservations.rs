//! What operators say of reservations and volumes, and what becomes of offers when these change.
//!
//! While an operator's word about an agent is on its way to the log, nothing of the agent is on
//! offer: an accept that came behind it would be of what has another pool by then.

use super::{Turn, Waiter};
use crate::{
    dispatch::answer_of,
    input::{CallId, OperatorCall},
    ledger::{Agent, Applied, Command, OperatorChange, ReservationChange},
};
use proto::model::{AgentId, Refusal, RequestId, ReservationId, ReservationRef};

impl Turn<'_> {
    /// Proposes what an operator says of reservations or volumes, and takes back what is offered of
    /// the agent until it is applied. What was said before under the same request id is answered.
    pub(super) fn change(
        &mut self,
        call: CallId,
        owner: &str,
        asked: OperatorCall,
        request: Option<RequestId>,
    ) {
        let Some((agent, change)) = self.change_of(asked, owner) else {
            let refusal = Refusal::invalid("request_id", "is of no use to this call");
            return self.reply(call, Err(refusal));
        };
        let command = match request {
            None => change.into_command(),
            Some(request) => change.once(owner, request),
        };
        if let Command::ChangeOnce { asked, .. } = &command {
            match self.ledger.answer_to_operator(asked) {
                Ok(None) => {}
                Ok(Some(result)) => {
                    let before = Applied::AnsweredBefore(vec![result.clone()]);
                    return self.reply(call, Ok(answer_of(before)));
                }
                Err(refusal) => return self.reply(call, Err(refusal)),
            }
        }
        // One that is not known yet may be when this is applied, and be offered before.
        let Some(agent) = agent else { return self.propose(command, Waiter::Call(call)) };
        let returned = self.leader.book.rescind_agent(&agent);
        self.rescind(&returned);
        self.leader.view.begin_change(&agent);
        self.propose(command, Waiter::Reservations { call, agent });
    }

    /// What a call changes, and on which agent; `None` of a call that is about neither.
    fn change_of(
        &self,
        asked: OperatorCall,
        owner: &str,
    ) -> Option<(Option<AgentId>, OperatorChange)> {
        let (agent, change) = match asked {
            OperatorCall::Reserve(plan) => {
                let (agent, owner) = (plan.agent.clone(), owner.to_owned());
                (Some(agent), ReservationChange::Reserve { plan, owner })
            }
            OperatorCall::Unreserve(unreserve) => {
                (self.agent_of(unreserve.reservation), ReservationChange::Unreserve(unreserve))
            }
            OperatorCall::MoveReservation { reservation, role } => {
                let agent = self.agent_of(ReservationRef::Known(reservation));
                (agent, ReservationChange::Move { reservation, role })
            }
            other => {
                let (agent, change) = self.volume_change_of(other, owner)?;
                return Some((agent, OperatorChange::Volumes(change)));
            }
        };
        Some((agent, OperatorChange::Reservations(change)))
    }

    /// It is applied, or will not be: what is free may be offered again.
    pub(crate) fn reservations_changed(&mut self, agent: &AgentId) {
        self.leader.view.end_change(agent);
        self.leader.reserved.look_at(self.ledger, agent);
    }

    /// The agent of a reservation that exists.
    pub(super) fn agent_of(&self, reservation: ReservationRef) -> Option<AgentId> {
        let ReservationRef::Known(id) = reservation else { return None };
        self.ledger.reservation(id).map(|row| row.agent.clone())
    }

    /// Offers that hold what is reserved otherwise from now on are taken back.
    pub(crate) fn reservation_changed(&mut self, reservation: ReservationId, agent: &AgentId) {
        let returned = self.leader.book.rescind_reservation(agent, reservation);
        self.rescind(&returned);
        let offered = self.leader.book.unreserved_of(agent);
        let free = self.ledger.agent(agent).map(Agent::free).unwrap_or_default();
        if !free.contains(&offered) {
            let returned = self.leader.book.rescind_agent(agent);
            self.rescind(&returned);
        }
    }
}
