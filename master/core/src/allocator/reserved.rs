//! What is reserved and free, and whom it is offered to: a framework of the reservation's role or
//! of one below it, the one with the smallest share first.
//!
//! Kept apart from what is unreserved: an agent without reservations is not looked at, and an offer
//! holds either the one or the other of an agent, so that reserving changes nothing for those who
//! do not. Pieces of a stated demand, and gangs as a whole, go on reservations when they fit there
//! alone, before the main plan looks for them. Frameworks of shared roles, which see what is free
//! and unreserved, are made offers of what is reserved like all others. What is offered of
//! reservations does not count towards shares before tasks take it.

use super::{
    Bidder, Bundle, Demand, Place, PlannedOffer, Share, View,
    demand::{BidderIndex, DemandChange},
    room::{Room, cut},
    share::WEIGHT_DEFAULT,
    spread::DomainCounts,
    wanted::{Entry, Given},
};
use crate::ledger::{AgentState, Event, Ledger};
use proto::model::{
    AgentId, DemandId, Instant, ReservationId, ReservationRef, ReservedPart, Resources, Role,
};
use std::collections::{BTreeMap, BTreeSet};

/// One offer to make, of reservations alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservedOffer {
    /// To whom, of whom; holds nothing that is unreserved.
    pub planned: PlannedOffer,
    /// What it holds.
    pub parts: Vec<ReservedPart>,
}

/// What offers hold of reservations, and which agents are to be looked at.
#[derive(Debug, Clone, Default)]
pub struct Reserved {
    held: BTreeMap<ReservationId, Resources>,
    waiting: BTreeSet<AgentId>,
    /// How far the demand's changes are read.
    seen: u64,
}

/// Pieces of demands, by name.
type NamedPieces = Vec<(DemandId, u32)>;

/// What a plan is made for.
#[derive(Debug, Clone, Copy)]
struct Scene<'a> {
    now: Instant,
    ledger: &'a Ledger,
    view: &'a View,
    demand: &'a Demand,
}

/// Who may be offered something.
struct Candidate {
    bidder: Bidder,
    index: BidderIndex,
    share: Share,
}

impl Reserved {
    /// Something may be free on this agent that was not, or for somebody else.
    pub fn look_at(&mut self, ledger: &Ledger, agent: &AgentId) {
        if ledger.reservations_of_agent(agent).next().is_some() {
            self.waiting.insert(agent.clone());
        }
    }

    /// Follows a fact; `ledger` as it is after the fact, or later.
    pub fn note(&mut self, ledger: &Ledger, event: &Event) {
        match event {
            Event::AgentRegistered(agent)
            | Event::AgentReactivated(agent)
            | Event::ReservationChanged { agent, .. } => self.look_at(ledger, agent),
            Event::VolumeChanged(volume) => self.look_at(ledger, &volume.agent),
            Event::TaskUpdated { status, freed: true, .. } => self.look_at(ledger, &status.agent),
            _ => {}
        }
    }

    /// A planned offer is made.
    pub fn hold(&mut self, parts: &[ReservedPart]) {
        for part in parts {
            let sum = self.held.entry(known(part)).or_default();
            *sum = sum.checked_add(&part.resources).expect("A2: nothing is in two offers");
        }
    }

    /// An offer or an accept holds these parts no longer.
    ///
    /// # Panics
    /// When they were not held (A2).
    pub fn release(&mut self, agent: &AgentId, parts: &[ReservedPart]) {
        self.let_go(parts);
        if !parts.is_empty() {
            self.waiting.insert(agent.clone());
        }
    }

    fn let_go(&mut self, parts: &[ReservedPart]) {
        for part in parts {
            let id = known(part);
            let sum = self.held.get_mut(&id).expect("A2: what was held is released once");
            let rest = sum.checked_sub(&part.resources);
            *sum = rest.expect("A2: what was held is released once");
            if sum.is_empty() {
                self.held.remove(&id);
            }
        }
    }

    /// What is free of an agent's reservations and in no offer, by id.
    pub fn free(&self, ledger: &Ledger, agent: &AgentId) -> BTreeMap<ReservationId, Resources> {
        let there = ledger.agent(agent).is_some_and(|agent| {
            agent.state == AgentState::Registered && ledger.takes_tasks(agent)
        });
        let rows = ledger.reservations_of_agent(agent).filter(|_| there);
        let free = rows.filter_map(|row| {
            let held = self.held.get(&row.id).cloned().unwrap_or_default();
            // Fails while an accept's tasks are counted and its offers still held.
            let free = row.free().checked_sub(&held).ok()?;
            (!free.is_empty()).then_some((row.id, free))
        });
        free.collect()
    }

    /// Plans offers of what is reserved and free. The caller carries them out: it holds each before
    /// the next plan.
    pub fn plan(
        &mut self,
        now: Instant,
        ledger: &Ledger,
        view: &View,
        demand: &Demand,
    ) -> Vec<ReservedOffer> {
        self.follow(ledger, view, demand);
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Vec::new();
        }
        let scene = Scene { now, ledger, view, demand };
        let candidates = candidates(view, demand);
        let mut offers = Vec::new();
        for candidate in candidates.iter().filter(|it| demand.wants_gang(it.index)) {
            for offer in self.plan_gangs(scene, candidate) {
                self.hold(&offer.parts);
                offers.push(offer);
            }
        }
        let gangs = offers.len();
        // What each has been given in this plan.
        let mut given: Vec<Given> = candidates.iter().map(|_| Given::default()).collect();
        for agent in &waiting {
            let place = view.place(agent).filter(|_| !candidates.is_empty());
            let Some(place) = place.filter(|_| !view.is_changing(agent)) else { continue };
            let mut free = self.free(ledger, agent);
            for (candidate, given) in candidates.iter().zip(&mut given) {
                let parts = parts_for(ledger, &free, &candidate.bidder.role);
                let wanted = wants(scene, candidate, place, (parts, given));
                let Some((pieces, parts)) = wanted else { continue };
                parts.iter().for_each(|part| take(&mut free, part));
                offers.push(candidate.offer((agent, place), pieces, parts));
            }
        }
        // The caller holds them.
        offers[..gangs].iter().for_each(|offer| self.let_go(&offer.parts));
        offers
    }

    /// Gangs whose pieces all fit into what is reserved; others are the main plan's to gather.
    fn plan_gangs(&self, scene: Scene<'_>, candidate: &Candidate) -> Vec<ReservedOffer> {
        let Scene { ledger, view, demand, .. } = scene;
        let wanted = demand.wanted(candidate.index).expect("it wants a gang");
        let role = &candidate.bidder.role;
        let rows = ledger.reservations().iter().map(|(_, row)| row);
        let agents = rows.filter(|row| role.is_within(&row.role)).map(|row| &row.agent);
        let mut free: BTreeMap<&AgentId, BTreeMap<ReservationId, Resources>> =
            agents.map(|agent| (agent, BTreeMap::new())).collect();
        free.iter_mut().for_each(|(agent, free)| *free = self.free(ledger, agent));
        let mut offers = Vec::new();
        let is_looked_for =
            |entry: &&Entry| entry.is_gang() && entry.open() > 0 && !entry.stated().revocable;
        for entry in wanted.entries().iter().filter(is_looked_for) {
            let (mut domains, mut left) = (DomainCounts::default(), entry.open());
            let mut found = Vec::new();
            for (agent, free) in &free {
                let place = view.place(agent);
                let there = place.and_then(|it| Some((it, view.info(it)?)));
                let Some((place, info)) = there.filter(|_| !view.is_changing(agent)) else {
                    continue;
                };
                let parts = parts_for(ledger, free, role);
                let bundle = sum_of(&parts);
                let count = entry.fit(info, place, &Room::of(&bundle), (0, 0), &domains).min(left);
                if count == 0 || scene.has_refused(candidate, place, &bundle) {
                    continue;
                }
                entry.count_domain(info, count, &mut domains);
                left -= count;
                let parts = part_of(parts, &cut(&bundle, &[(entry.shape(), count)]));
                let pieces = vec![(entry.id().clone(), count)];
                found.push(candidate.offer((agent, place), pieces, parts));
                if left == 0 {
                    break;
                }
            }
            if left == 0 {
                for offer in &found {
                    let free = free.get_mut(&offer.planned.agent).expect("is of one of these");
                    offer.parts.iter().for_each(|part| take(free, part));
                }
                offers.extend(found);
            }
        }
        offers
    }

    /// Whoever has become eligible may want what nobody wanted.
    fn follow(&mut self, ledger: &Ledger, view: &View, demand: &Demand) {
        let seen = std::mem::replace(&mut self.seen, demand.changes().end());
        if ledger.reservations().is_empty() {
            return;
        }
        let mut all = false;
        match demand.changes().since(seen) {
            None => all = true,
            Some(changes) => {
                for change in changes {
                    match change {
                        DemandChange::Renewed(_) => all = true,
                        DemandChange::Reopened(_, place) => {
                            if let Some(info) = view.info(*place) {
                                self.look_at(ledger, &info.id);
                            }
                        }
                        DemandChange::Withdrawn(_) => {}
                    }
                }
            }
        }
        if all {
            self.waiting.extend(ledger.reservations().iter().map(|(_, row)| row.agent.clone()));
        }
    }
}

/// Everybody who wants offers, the one with the smallest share first.
fn candidates(view: &View, demand: &Demand) -> Vec<Candidate> {
    let candidate = |bidder: Bidder| {
        let index = demand.active_for_reserved(&bidder)?;
        let weight = view.role(&bidder.role).weight.unwrap_or(WEIGHT_DEFAULT);
        let share = Share::dominant(view.totals(), weight, &view.used(&bidder));
        Some(Candidate { bidder, index, share })
    };
    let mut candidates: Vec<_> = demand.bidders().filter_map(candidate).collect();
    candidates.sort_by(|a, b| a.share.cmp(&b.share).then_with(|| a.bidder.cmp(&b.bidder)));
    candidates
}

/// As how many pieces of what it has stated a bidder takes some of these parts, and which; `None`
/// when it takes none.
fn wants(
    scene: Scene<'_>,
    candidate: &Candidate,
    place: Place,
    (parts, given): (Vec<ReservedPart>, &mut Given),
) -> Option<(NamedPieces, Vec<ReservedPart>)> {
    let info = scene.view.info(place)?;
    let bundle = sum_of(&parts);
    if bundle.is_empty() || scene.has_refused(candidate, place, &bundle) {
        return None;
    }
    let Some(wanted) = scene.demand.wanted(candidate.index) else {
        let terms = scene.demand.terms(candidate.index);
        let is_wanted = terms.is_none_or(|terms| terms.admit(info, &bundle));
        return is_wanted.then_some((Vec::new(), parts));
    };
    let pieces = wanted.pick(false, info, place, &Room::of(&bundle), given);
    wanted.give(given, place, info, &pieces);
    let parts = part_of(parts, &cut(&bundle, &wanted.shapes(&pieces)));
    (!pieces.is_empty()).then(|| (wanted.named(&pieces), parts))
}

impl Scene<'_> {
    fn has_refused(&self, candidate: &Candidate, place: Place, bundle: &Bundle) -> bool {
        let filters = self.demand.filters().of_agent(place);
        let filter = filters.and_then(|filters| filters.get(candidate.index));
        filter.is_some_and(|filter| filter.matches(bundle, self.now))
    }
}

impl Candidate {
    fn offer(
        &self,
        (agent, place): (&AgentId, Place),
        pieces: NamedPieces,
        parts: Vec<ReservedPart>,
    ) -> ReservedOffer {
        let Bidder { framework, role } = self.bidder.clone();
        let (agent, resources) = (agent.clone(), Bundle::nothing());
        let revocable = false;
        let planned = PlannedOffer { framework, role, agent, place, resources, pieces, revocable };
        ReservedOffer { planned, parts }
    }
}

/// What of an agent's reservations a role may have.
fn parts_for(
    ledger: &Ledger,
    free: &BTreeMap<ReservationId, Resources>,
    role: &Role,
) -> Vec<ReservedPart> {
    let own = free.iter().filter(|(id, _)| {
        let row = ledger.reservation(**id).expect("what is free has a row");
        role.is_within(&row.role)
    });
    let part = |(id, resources): (&ReservationId, &Resources)| ReservedPart {
        from: ReservationRef::Known(*id),
        resources: resources.clone(),
    };
    own.map(part).collect()
}

fn sum_of(parts: &[ReservedPart]) -> Bundle {
    Bundle::new(parts.iter().fold(Resources::new(), |sum, part| {
        sum.checked_add(&part.resources).expect("pools are disjoint")
    }))
}

/// The first of these parts that hold so much together; all, when ports or items of several
/// reservations are wanted together.
fn part_of(parts: Vec<ReservedPart>, wanted: &Bundle) -> Vec<ReservedPart> {
    let mut left = wanted.resources().clone();
    let mut some = Vec::new();
    for part in &parts {
        let resources = part.resources.common(&left);
        left = left.checked_sub(&resources).expect("what is common is part of both");
        if !resources.is_empty() {
            some.push(ReservedPart { from: part.from, resources });
        }
    }
    if left.is_empty() { some } else { parts }
}

fn take(free: &mut BTreeMap<ReservationId, Resources>, part: &ReservedPart) {
    let own = free.get_mut(&known(part)).expect("only what is free is planned");
    *own = own.checked_sub(&part.resources).expect("only what is free is planned");
    if own.is_empty() {
        free.remove(&known(part));
    }
}

fn known(part: &ReservedPart) -> ReservationId {
    match part.from {
        ReservationRef::Known(id) => id,
        ReservationRef::Made(_) => unreachable!("offers name reservations by id"),
    }
}
