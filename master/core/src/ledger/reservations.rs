//! The rows of reservations, and the pools of an agent: what is kept for roles, what is not.
//!
//! A pool is disjoint from every other: a refinement's resources are its own and its parent's no
//! longer. A1 holds for each pool, and the sums of the agent say whether it does for the unreserved
//! rest: a task's resources are all of them in `allocated`, the reserved parts among them also in
//! `reserved_used`.

use super::{Agent, AgentState, Event, Index, Ledger, Table};
use proto::model::{
    AgentId, Milli, Reason, Refusal, ReservationId, ReservationRef, ReservedPart, Resources, Role,
};
use std::collections::BTreeSet;

/// One reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Which.
    pub id: ReservationId,
    /// Of which agent.
    pub agent: AgentId,
    /// For which role and the roles below it.
    pub role: Role,
    /// Who made it, and may give it up: the id in the certificate.
    pub owner: String,
    /// Shown and not interpreted.
    pub labels: Vec<(String, String)>,
    /// What it holds, without what its refinements do; nothing when they have taken all.
    pub resources: Resources,
    /// The reservation that it refines.
    pub parent: Option<ReservationId>,
    /// Its agent declares it, and nobody else gives it up or moves it.
    pub declared: bool,
    /// What tasks take of it that have not ended; derived.
    pub used: Resources,
    /// What its volumes take, MiB of `disk`; derived.
    pub volumes: Milli,
    /// How many reservations refine it; derived.
    pub refinements: usize,
}

/// What of an agent is reserved; derived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pools {
    /// What its reservations hold.
    pub reserved: Resources,
    /// What tasks take of that.
    pub used: Resources,
}

/// What of a row was said of it, and not counted.
type AsMade<'a> =
    (&'a Role, &'a str, &'a Vec<(String, String)>, &'a Resources, Option<ReservationId>);

impl Reservation {
    /// All but what is derived.
    pub(super) fn as_made(&self) -> AsMade<'_> {
        (&self.role, &self.owner, &self.labels, &self.resources, self.parent)
    }

    /// What no task takes of it, and no volume.
    ///
    /// # Panics
    /// When more is used than there is (A1), which apply rules out.
    pub fn free(&self) -> Resources {
        let taken = self.taken().expect("A1: used ≤ reserved");
        self.resources.checked_sub(&taken).expect("A1: used ≤ reserved")
    }
}

impl Pools {
    /// What is neither reserved nor taken by a task; `None` when these pools cannot be.
    pub(super) fn unreserved(&self, total: &Resources, allocated: &Resources) -> Option<Resources> {
        if self.reserved.is_empty() {
            return total.checked_sub(allocated).ok();
        }
        let allocated = allocated.checked_sub(&self.used).ok()?;
        total.checked_sub(&self.reserved).ok()?.checked_sub(&allocated).ok()
    }
}

impl Agent {
    /// What is neither reserved nor taken by a task.
    ///
    /// # Panics
    /// When more is allocated than there is (A1), which apply rules out.
    pub fn free(&self) -> Resources {
        match self.state {
            AgentState::Removed => Resources::new(),
            _ => {
                let free = self.pools.unreserved(&self.info.resources, &self.allocated);
                free.expect("A1: allocated ≤ total, in every pool")
            }
        }
    }
}

impl Ledger {
    /// One reservation.
    pub fn reservation(&self, id: ReservationId) -> Option<&Reservation> {
        self.reservations.get(&id)
    }

    /// Every reservation, by id.
    pub fn reservations(&self) -> &Table<ReservationId, Reservation> {
        &self.reservations
    }

    /// An agent's reservations, by id.
    pub fn reservations_of_agent(&self, id: &AgentId) -> impl Iterator<Item = &Reservation> {
        let ids = self.index.agent_reservations.get(id).into_iter().flatten();
        ids.map(|id| self.reservations.get(id).expect("an indexed reservation has a row"))
    }

    /// An agent is gone, and its tasks with it: so is what was reserved of it.
    pub(super) fn drop_reservations(&mut self, agent: &AgentId, events: &mut Vec<Event>) {
        let Some(ids) = self.index.agent_reservations.remove(agent) else { return };
        for id in ids.iter().copied() {
            let row = self.reservations.remove(&id).expect("an indexed reservation has a row");
            assert!(row.used.is_empty(), "A1: a removed agent runs nothing");
            assert_eq!(row.volumes, Milli(0), "V1: a removed agent has no volumes");
            self.roles.unreserve(&row.role, &row.resources);
            events.push(Event::ReservationChanged { reservation: id, agent: agent.clone() });
        }
        self.agents.get_mut(agent).expect("a known agent").pools = Pools::default();
    }
}

impl Index {
    /// A reservation is of an agent; also when that is known.
    pub(super) fn note_reservation(&mut self, agent: &AgentId, id: ReservationId) {
        match self.agent_reservations.get_mut(agent) {
            Some(ids) => drop(ids.insert(id)),
            None => drop(self.agent_reservations.insert(agent.clone(), BTreeSet::from([id]))),
        }
    }

    pub(super) fn forget_reservation(&mut self, agent: &AgentId, id: ReservationId) {
        let ids = self.agent_reservations.get_mut(agent).expect("a reservation is indexed");
        ids.remove(&id);
        if ids.is_empty() {
            self.agent_reservations.remove(agent);
        }
    }
}

/// A task has ended: the reserved parts that it took are free again.
pub(super) fn free_reserved(
    rows: &mut Table<ReservationId, Reservation>,
    agent: &mut Agent,
    parts: &[ReservedPart],
) {
    for part in parts {
        let rest = |used: &Resources| {
            used.checked_sub(&part.resources).expect("A1: a sum holds all of its tasks")
        };
        let row = rows.get_mut(&known(part.from));
        let row = row.expect("T6: a live task's reservation is there");
        row.used = rest(&row.used);
        agent.pools.used = rest(&agent.pools.used);
    }
}

/// Of a row: which reservation a part is of.
pub(super) fn known(reference: ReservationRef) -> ReservationId {
    match reference {
        ReservationRef::Known(id) => id,
        ReservationRef::Made(_) => unreachable!("rows name reservations by id"),
    }
}

pub(super) fn reservation_unknown(reference: ReservationRef) -> Refusal {
    Refusal::new(Reason::ReservationUnknown, format!("there is no {reference}"))
}
