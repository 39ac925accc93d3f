//! Reservations that agents declare of themselves, by their settings: rows like all others, that
//! are made, kept and dropped when the agent registers, and that no operation gives up or moves.
//!
//! What is declared as before is the same row, with its refinements and tasks. What is declared no
//! longer, or otherwise, must not be in use, or the agent is refused. Limits do not bind what
//! machines are: a role that is above its limit by that launches nothing besides.

use super::{Event, Ledger, Pools, Reservation};
use proto::model::{
    AgentId, AgentInfo, DeclaredReservation, Milli, Reason, Refusal, ReservationId, Resources,
    limits,
};

/// What a registration changes.
#[derive(Debug, Default)]
pub(super) struct Declared {
    gone: Vec<ReservationId>,
    new: Vec<DeclaredReservation>,
}

impl Ledger {
    /// What an agent's description changes of what it declares, if the agent still has what is
    /// reserved of it and, beside that, what its tasks take. With another journal than before it
    /// has no tasks.
    pub(super) fn check_declared(
        &self,
        info: &AgentInfo,
        same_journal: bool,
    ) -> Result<Declared, Refusal> {
        let mut new = info.reservations.clone();
        let mut gone = Vec::new();
        let earlier = self.agents.get(&info.id);
        let mut pools = earlier.map(|agent| agent.pools.clone()).unwrap_or_default();
        let mut allocated = earlier.map(|agent| agent.allocated.clone()).unwrap_or_default();
        if !same_journal {
            (pools.used, allocated) = (Resources::new(), Resources::new());
        }
        for row in self.reservations_of_agent(&info.id).filter(|row| row.declared) {
            let as_before = |said: &DeclaredReservation| {
                (&said.role, &said.labels) == (&row.role, &row.labels)
                    && said.resources == self.whole(row)
            };
            if let Some(at) = new.iter().position(as_before) {
                new.remove(at);
                continue;
            }
            let used = same_journal && !row.used.is_empty();
            if row.refinements > 0 || used || row.volumes > Milli(0) {
                let message = format!(
                    "{} for {} is declared otherwise, and used: {}, {} others refine it",
                    row.id,
                    row.role,
                    row.taken_of(),
                    row.refinements
                );
                let refusal = Refusal::new(Reason::ReservationInUse, message);
                return Err(refusal.at("agent.reservations"));
            }
            let rest = pools.reserved.checked_sub(&row.resources);
            pools.reserved = rest.expect("A1: a sum holds every reservation");
            gone.push(row.id);
        }
        self.check_new(info, &new, &gone)?;
        let more = new
            .iter()
            .try_fold(pools.reserved.clone(), |sum, said| sum.checked_add(&said.resources).ok());
        let pools = more.map(|reserved| Pools { reserved, ..pools });
        let fits = pools.as_ref().and_then(|it| it.unreserved(&info.resources, &allocated));
        if fits.is_none() {
            let reserved = pools.map(|pools| pools.reserved).unwrap_or_default();
            let problem = format!(
                "do not hold what is reserved, {reserved}, and what tasks take besides; unreserve \
                 it first"
            );
            return Err(Refusal::invalid("agent.resources", problem));
        }
        Ok(Declared { gone, new })
    }

    fn check_new(
        &self,
        info: &AgentInfo,
        new: &[DeclaredReservation],
        gone: &[ReservationId],
    ) -> Result<(), Refusal> {
        let here = self.reservations_of_agent(&info.id).count();
        let counts = [
            (here, limits::RESERVATIONS_PER_AGENT_MAX),
            (self.reservations.len(), limits::RESERVATIONS_MAX),
        ];
        for (count, most) in counts.map(|(count, most)| (count + new.len() - gone.len(), most)) {
            if !new.is_empty() && count > most {
                return Err(Refusal::limit("agent.reservations", count, most));
            }
        }
        let sum = new
            .iter()
            .try_fold(Resources::new(), |sum, said| sum.checked_add(&said.resources.counts()).ok());
        let fits = |said: &DeclaredReservation| {
            sum.as_ref().is_some_and(|sum| self.roles.has_room_for(&said.role, sum))
        };
        match new.iter().all(fits) {
            true => Ok(()),
            false => {
                let message = "a role's sum over all agents would be out of range";
                Err(Refusal::new(Reason::LimitExceeded, message).at("agent.reservations"))
            }
        }
    }

    /// Makes and drops what was checked; the agent's row is there.
    pub(super) fn declare(&mut self, id: &AgentId, declared: Declared, events: &mut Vec<Event>) {
        for gone in declared.gone {
            let row = self.reservations.get(&gone).expect("was just seen").clone();
            self.roles.unreserve(&row.role, &row.resources);
            let pools = &mut self.agents.get_mut(id).expect("a known agent").pools;
            let rest = pools.reserved.checked_sub(&row.resources);
            pools.reserved = rest.expect("A1: a sum holds every reservation");
            self.put_reservation(gone, None, events);
        }
        for said in declared.new {
            self.roles.reserve(&said.role, &said.resources);
            let pools = &mut self.agents.get_mut(id).expect("a known agent").pools;
            let sum = pools.reserved.checked_add(&said.resources);
            pools.reserved = sum.expect("was checked to fit");
            let row = Reservation {
                id: ReservationId(self.next_reservation),
                agent: id.clone(),
                role: said.role,
                owner: id.to_string(),
                labels: said.labels,
                resources: said.resources,
                parent: None,
                declared: true,
                used: Resources::new(),
                volumes: Milli(0),
                refinements: 0,
            };
            self.next_reservation += 1;
            self.put_reservation(row.id, Some(row), events);
        }
    }

    /// What a reservation holds together with its refinements.
    fn whole(&self, row: &Reservation) -> Resources {
        if row.refinements == 0 {
            return row.resources.clone();
        }
        let refinements = self.reservations_of_agent(&row.agent);
        let refinements = refinements.filter(|other| other.parent == Some(row.id));
        refinements.fold(row.resources.clone(), |sum, other| {
            sum.checked_add(&self.whole(other)).expect("A1: pools are disjoint")
        })
    }
}
