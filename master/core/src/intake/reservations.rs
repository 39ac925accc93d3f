//! What becomes of offers when reservations change.
//!
//! While an operator's word about an agent is on its way to the log, nothing of the agent is on
//! offer: an accept that came behind it would be of what has another pool by then.

use super::{Turn, Waiter};
use crate::{
    input::CallId,
    ledger::{Agent, Command, ReservationChange},
};
use proto::model::{AgentId, ReservationId, ReservationPlan, ReservationRef, Role, Unreserve};

impl Turn<'_> {
    pub(super) fn reserve(&mut self, call: CallId, plan: ReservationPlan, owner: &str) {
        let (agent, owner) = (plan.agent.clone(), owner.to_owned());
        self.change_reservations(call, Some(agent), ReservationChange::Reserve { plan, owner });
    }

    pub(super) fn unreserve(&mut self, call: CallId, unreserve: Unreserve) {
        let agent = self.agent_of(unreserve.reservation);
        self.change_reservations(call, agent, ReservationChange::Unreserve(unreserve));
    }

    pub(super) fn move_reservation(
        &mut self,
        call: CallId,
        reservation: ReservationId,
        role: Role,
    ) {
        let agent = self.agent_of(ReservationRef::Known(reservation));
        self.change_reservations(call, agent, ReservationChange::Move { reservation, role });
    }

    /// Proposes what an operator says of an agent's reservations, and takes back what is offered of
    /// the agent until it is applied.
    fn change_reservations(
        &mut self,
        call: CallId,
        agent: Option<AgentId>,
        change: ReservationChange,
    ) {
        self.change_on_agent(call, agent, Command::ChangeReservations(change));
    }

    /// Proposes what an operator says of what is reserved of an agent.
    pub(super) fn change_on_agent(
        &mut self,
        call: CallId,
        agent: Option<AgentId>,
        command: Command,
    ) {
        // One that is not known yet may be when this is applied, and be offered before.
        let Some(agent) = agent else { return self.propose(command, Waiter::Call(call)) };
        let returned = self.leader.book.rescind_agent(&agent);
        self.rescind(&returned);
        self.leader.view.begin_change(&agent);
        self.propose(command, Waiter::Reservations { call, agent });
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
