//! How one demand stands with each agent, counted.
//!
//! An agent that does not do is counted once for each reason: each constraint that it does not
//! meet, each resource that it lacks. So the numbers say which of the wishes costs how much.

use crate::{
    Ledger,
    allocator::{
        Amounts, Bidder, Place, bundle::Bundle, demand::BidderIndex, room::Room,
        spread::DomainCounts, stated::Ended, wanted::Entry,
    },
    ledger::{Agent, AgentState},
    master::leadership::Leadership,
};
use proto::{
    convert::demand::{write_constraint, write_demand},
    model::{Resources, Role},
    wire::v1::{self, demand_standing as wire},
};

/// What a demand is compared with.
pub(super) struct DemandView<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) leader: &'a Leadership,
    pub(super) bidder: BidderIndex,
    pub(super) role: &'a Role,
}

/// What stands in the way of a demand that has just ended.
pub(crate) fn demand_standing(
    ledger: &Ledger,
    leader: &Leadership,
    ended: &Ended,
) -> v1::DemandStanding {
    let Bidder { framework, role } = &ended.bidder;
    let bidder = leader.demand.index(*framework, role);
    let view = bidder.map(|bidder| DemandView { ledger, leader, bidder, role });
    view.map_or_else(v1::DemandStanding::default, |view| view.standing(&ended.entry, true))
}

impl DemandView<'_> {
    /// The demand's numbers; only what was stated when the agents are not to be looked at.
    pub(super) fn standing(&self, entry: &Entry, looks: bool) -> v1::DemandStanding {
        let stated = entry.stated();
        let mut standing = v1::DemandStanding {
            demand: Some(write_demand(stated)),
            pieces_offered: entry.out(),
            pieces_left: entry.open(),
            gang_needed: if entry.is_gang() { entry.open() } else { 0 },
            ..v1::DemandStanding::default()
        };
        if !looks {
            return standing;
        }
        let constraints = stated.constraints.iter();
        standing.unmet = constraints
            .map(|it| wire::Unmet { constraint: Some(write_constraint(it)), agents: 0 })
            .collect();
        let missing = |(name, _)| wire::Missing { name: format!("{name}"), ..Default::default() };
        standing.missing = entry.shape().iter().map(missing).collect();
        // Of a gang: what its pieces take of fault domains.
        let mut gathered = DomainCounts::default();
        for (_, agent) in self.ledger.agents().iter() {
            if agent.state == AgentState::Registered && !agent.deactivated && agent.drain.is_none()
            {
                self.count(entry, agent, &mut gathered, &mut standing);
            }
        }
        standing.unmet.retain(|unmet| unmet.agents > 0);
        standing.missing.retain(|missing| missing.agents_too_small + missing.agents_in_use > 0);
        standing
    }

    fn count(
        &self,
        entry: &Entry,
        agent: &Agent,
        gathered: &mut DomainCounts,
        standing: &mut v1::DemandStanding,
    ) {
        standing.agents += 1;
        let constraints = entry.stated().constraints.iter();
        let mut meets = true;
        for (constraint, unmet) in constraints.zip(&mut standing.unmet) {
            if !constraint.holds(&agent.info) {
                unmet.agents += 1;
                meets = false;
            }
        }
        let all = Room::of(&Bundle::new(agent.info.resources.clone()));
        let place = self.leader.view.place(&agent.info.id);
        let free = place.map_or_else(
            || Room::of(Bundle::nothing_ref()),
            |place| Room::of(self.leader.view.free_at(place)),
        );
        let (own, others) = self.reserved(agent);
        let in_own = Room::of(&own).contains(entry.shape());
        let (mut is_large, mut is_free) = (true, true);
        for ((name, milli), missing) in entry.shape().iter().zip(&mut standing.missing) {
            let (enough, now) = (all.get(name) >= milli, free.get(name) >= milli);
            missing.agents_too_small += u64::from(!enough);
            // A piece is of what is unreserved, or of reservations, and never of both.
            let now = now || own.amounts().get(name) >= milli;
            missing.agents_in_use += u64::from(enough && !now);
            let with_others = free.get(name) + others.get(name) >= milli;
            missing.agents_reserved += u64::from(enough && !now && with_others);
            is_large &= enough;
            is_free &= now;
        }
        // Enough of all devices together may be too little of each.
        is_large &= all.contains(entry.shape());
        is_free &= free.contains(entry.shape()) || in_own;
        standing.agents_possible += u64::from(meets && is_large);
        if let Some(place) = place.filter(|_| meets && is_free && entry.open() > 0) {
            let room = if in_own { Room::of(&own) } else { free };
            self.count_fitting(entry, (agent, place), &room, (gathered, standing));
        }
    }

    /// What of an agent's reservations is free: for the demand's role, and for others.
    fn reserved(&self, agent: &Agent) -> (Bundle, Amounts) {
        let (mut own, mut others) = (Resources::new(), Amounts::new());
        for row in self.ledger.reservations_of_agent(&agent.info.id) {
            let free = row.free();
            match self.role.is_within(&row.role) {
                true => own = own.checked_add(&free).expect("A1: pools are disjoint"),
                false => others.add(&Amounts::of(&free)),
            }
        }
        (Bundle::new(own), others)
    }

    /// It meets all constraints and has room for a piece.
    fn count_fitting(
        &self,
        entry: &Entry,
        (agent, place): (&Agent, Place),
        free: &Room,
        (gathered, standing): (&mut DomainCounts, &mut v1::DemandStanding),
    ) {
        let fits = entry.fit(&agent.info, place, free, (0, 0), &DomainCounts::default());
        let filters = self.leader.demand.filters().of_agent(place);
        if entry.domain_room(&agent.info, &DomainCounts::default()) == 0 {
            standing.agents_domain_full += 1;
        } else if fits == 0 {
            standing.agents_full += 1;
        } else if filters.is_some_and(|filters| filters.get(self.bidder).is_some()) {
            standing.agents_refused += 1;
        } else {
            standing.agents_fitting += 1;
            if entry.is_gang() {
                let fits = fits.min(entry.domain_room(&agent.info, gathered));
                entry.count_domain(&agent.info, fits, gathered);
                let found = standing.gang_collected.saturating_add(fits);
                standing.gang_collected = found.min(standing.gang_needed);
            }
        }
    }
}
