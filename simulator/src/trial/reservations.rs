//! Reservations, drawn: what operators say of them, and what frameworks do with what is reserved.

use super::world::World;
use master_core::input::OperatorCall;
use proto::model::{
    Offer, Operation, ReservationId, ReservationPlan, ReservationRef, Resources, Role, Unreserve,
};

impl World {
    /// Something about reservations, drawn.
    pub(super) fn reservation(&mut self, leader: usize) -> OperatorCall {
        let ledger = self.masters[leader].master.as_ref().map(|master| master.ledger());
        let rows = ledger.into_iter().flat_map(|ledger| ledger.reservations().iter());
        let ids: Vec<ReservationId> = rows.map(|(id, _)| *id).collect();
        let known = self.chance.frameworks.pick(&ids).copied();
        match (known, self.chance.frameworks.below(3)) {
            (Some(reservation), 0) => {
                OperatorCall::MoveReservation { reservation, role: reserved_role() }
            }
            (Some(reservation), 1) => OperatorCall::Unreserve(give_up(reservation)),
            _ => {
                let index = self.chance.frameworks.index(self.agents.len());
                let cpus = i64::try_from(self.chance.frameworks.between(1, 12)).expect("few");
                OperatorCall::Reserve(ReservationPlan {
                    agent: self.agents[index].id.clone(),
                    role: reserved_role(),
                    resources: Resources::cpus_mem(100 * cpus, 64),
                    labels: Vec::new(),
                    parent: None,
                })
            }
        }
    }

    /// Some frameworks reserve, and give up what they are offered of reservations.
    pub(super) fn with_reservations(
        &mut self,
        mut operations: Vec<Operation>,
        offer: &Offer,
    ) -> Vec<Operation> {
        if self.healed || offer.role != reserved_role() || operations.is_empty() {
            return operations;
        }
        if !offer.reserved.is_empty() {
            self.sometimes.note("offer of a reservation used");
        }
        match offer.reserved.first() {
            None if self.chance.frameworks.per_mille(150) => {
                operations.push(Operation::Reserve(ReservationPlan {
                    agent: offer.agent.clone(),
                    role: offer.role.clone(),
                    resources: Resources::cpus_mem(100, 64),
                    labels: Vec::new(),
                    parent: None,
                }));
            }
            Some(part) if self.chance.frameworks.per_mille(150) => {
                let unreserve = Unreserve { reservation: part.from, resources: None };
                operations.push(Operation::Unreserve(unreserve));
            }
            _ => {}
        }
        operations
    }
}

/// The role of every other framework.
pub(crate) fn reserved_role() -> Role {
    Role::new("trial").expect("a role")
}

pub(crate) fn give_up(reservation: ReservationId) -> Unreserve {
    Unreserve { reservation: ReservationRef::Known(reservation), resources: None }
}
