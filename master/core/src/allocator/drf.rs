//! Weighted dominant-resource fairness over the tree of roles, then over the frameworks of a role.
//!
//! For each agent with something free: of the bidders that are eligible for it, the first in the
//! order of the tree gets in one offer all that it may have there, and moves back in the order;
//! what is left goes to the next. The rule is as simple as if all agents and all bidders were
//! looked at each time. What makes it cheap is that each plan leaves no agent with an eligible
//! bidder, so that the next one needs to look only at
//!
//! - agents on which something became free: any bidder may get them;
//! - bidders that became eligible everywhere (came, revived, had a limit raised): they alone may
//!   get the other agents;
//! - pairs of the two that became eligible (a filter ended).
//!
//! Agents are taken by place, starting after the one that began the plan before: with a fixed
//! start, the same framework would be shown the same agent first each time.

use super::{
    Allocator, Amounts, Bidder, Demand, Place, Plan, PlannedOffer, View,
    bundle::{Bundle, is_enough},
    demand::BidderIndex,
    filters::AgentFilters,
    headroom::Headroom,
    placing::{Chooser, Placing},
    room::{Room, clip, cut},
    scope::{Changed, Look, Read, Scope},
    sparse::Sparse,
    tree::{NodeIndex, Served, Tree, Whom},
    wanted::{Given, Pieces, Wanted},
};
use proto::model::Instant;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    mem,
};

/// The allocator. Begins together with its view and demand and is used with no others.
#[derive(Debug, Default)]
pub struct Drf {
    /// All who use or want something, by the shares as of the last plan.
    pub(super) tree: Tree,
    /// What the last plan kept back.
    pub(super) headroom: Headroom,
    /// What was kept back when somebody last asked what has changed.
    pub(super) headroom_seen: Headroom,
    /// How far the logs of view and demand were read.
    read: Option<Read>,
    /// Who got what by the last plan: should an offer not have been carried out, it is planned
    /// again.
    unsettled: Unsettled,
    /// The agent that the last plan began with.
    start: Option<Place>,
    /// What placement policies remember.
    chooser: Chooser,
    tables: Tables,
}

#[derive(Debug, Default)]
struct Unsettled {
    places: Vec<Place>,
    leaves: Vec<NodeIndex>,
}

/// What a plan notes down; kept, so that it need not be made anew.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// What is left of agents of which this plan has given something; by place.
    left: Sparse<Bundle>,
    /// Offers that a bidder got; by node.
    served: Sparse<usize>,
    /// Times that a bidder had refused what it would have got; by node.
    pub(super) passed_over: Sparse<usize>,
}

/// One plan in the making.
#[derive(Debug)]
pub(super) struct Round<'a> {
    pub(super) now: Instant,
    pub(super) view: &'a View,
    pub(super) demand: &'a Demand,
    pub(super) tree: &'a mut Tree,
    pub(super) headroom: Headroom,
    pub(super) tables: &'a mut Tables,
    plan: Plan,
    /// Pieces of demands that this plan gave.
    pub(super) given: BTreeMap<BidderIndex, Given>,
    /// Bidders that may be eligible for more by what this plan gave.
    eased: BTreeSet<NodeIndex>,
    /// Of a cluster in which roles have placement policies.
    pub(super) placing: Option<Placing>,
}

/// What a bidder would get of an agent.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) leaf: NodeIndex,
    pub(super) bidder: BidderIndex,
    pub(super) bundle: Bundle,
    pub(super) pieces: Pieces,
    pub(super) served: Served,
}

impl Drf {
    /// An allocator that has not planned yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The fair order as of the last plan.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Reads what has changed since the last plan, and brings the tree up to date.
    fn follow(&mut self, view: &View, demand: &Demand) -> Scope {
        let mut changed = Changed::since(self.read, view, demand);
        changed.note_freed(self.unsettled.places.drain(..));
        for leaf in self.unsettled.leaves.drain(..) {
            changed.note_bidder(&self.tree.bidder(leaf));
        }
        self.read = Some(Read::all(view, demand));
        self.chooser.read(&changed, view, demand);
        changed.follow(&mut self.tree, view, demand).unwrap_or_else(|| {
            self.headroom = Headroom::default();
            Scope::everything(&mut self.tree, view, demand)
        })
    }
}

impl Allocator for Drf {
    fn plan(&mut self, now: Instant, view: &View, demand: &Demand) -> Plan {
        let mut scope = self.follow(view, demand);
        let mut round = Round {
            now,
            view,
            demand,
            tree: &mut self.tree,
            headroom: mem::take(&mut self.headroom),
            tables: &mut self.tables,
            plan: Plan::default(),
            given: BTreeMap::new(),
            eased: BTreeSet::new(),
            placing: self.chooser.begin(view),
        };
        round.plan.explanation.free_agents = view.offerable().len();
        scope.add_freed(round.keep_back());
        while !scope.is_empty() {
            round.examine(&scope, self.start);
            let freed = round.keep_back();
            scope = Scope::of(freed, mem::take(&mut round.eased));
        }
        self.chooser.end(round.placing.take());
        let (plan, headroom, leaves) = round.finish();
        self.headroom = headroom;
        if let Some(first) = plan.offers.first() {
            self.start = Some(first.place);
        }
        self.unsettled.places.extend(plan.offers.iter().map(|offer| offer.place));
        self.unsettled.leaves = leaves;
        plan
    }
}

impl Round<'_> {
    /// Looks at every agent in the scope and gives what can be given.
    fn examine(&mut self, scope: &Scope, start: Option<Place>) {
        if self.tree.is_idle(Whom::All) {
            return;
        }
        self.placing.iter_mut().for_each(Placing::forget_queues);
        let renewed = if scope.all_freed { BTreeSet::new() } else { scope.renewed.clone() };
        self.tree.set_renewed(renewed);
        for Look { place, anybody } in scope.looks(start, self.view.offerable()) {
            self.plan.explanation.agents_examined += 1;
            let reopened = scope.reopened.get(&place);
            if !anybody && reopened.is_none() && self.tree.is_idle(Whom::Renewed) {
                continue;
            }
            while self.free(place).is_enough() {
                let Some(grant) = self.first_at(place, anybody, reopened) else { break };
                let (place, grant) = self.rather(place, grant, scope);
                self.give(place, grant);
            }
        }
    }

    /// What is free at a place after what this plan gave.
    pub(super) fn free(&self, place: Place) -> &Bundle {
        self.tables.left.get(place.position()).unwrap_or_else(|| self.view.free_at(place))
    }

    /// What a bidder may have, and wants, of what is free at a place.
    pub(super) fn grant(
        &self,
        place: Place,
        leaf: NodeIndex,
        bidder: BidderIndex,
        filters: Option<&AgentFilters>,
    ) -> Result<Grant, NoGrant> {
        self.grant_of(None, place, leaf, bidder, filters)
    }

    /// The same, of an entry of its demand no more than one piece.
    pub(super) fn grant_of(
        &self,
        entry: Option<usize>,
        place: Place,
        leaf: NodeIndex,
        bidder: BidderIndex,
        filters: Option<&AgentFilters>,
    ) -> Result<Grant, NoGrant> {
        let free = self.free(place);
        let (mut allowed, mut served) = (None, Served::NothingOwed);
        if self.tree.has_quotas() || !self.headroom.is_empty() {
            let most = self.allowed(place, leaf);
            served = most.1;
            allowed = (most.0 != *free.amounts()).then_some(most.0);
        }
        let (bundle, pieces) = match (self.demand.wanted(bidder), allowed) {
            (Some(wanted), allowed) => {
                let mut room = Room::of(free);
                if let Some(allowed) = allowed {
                    let names = free.amounts().iter().map(|(name, _)| name);
                    names.for_each(|name| room.cap(name, allowed.get(name)));
                }
                let pieces = self.pick(wanted, entry, bidder, place, &room);
                if pieces.is_empty() {
                    return Err(NoGrant::NotWanted);
                }
                (Cow::Owned(cut(free, &wanted.shapes(&pieces))), pieces)
            }
            (None, None) => (Cow::Borrowed(free), Pieces::new()),
            (None, Some(allowed)) if is_enough(&allowed) => {
                (Cow::Owned(clip(free, &allowed)), Pieces::new())
            }
            (None, Some(_)) => return Err(NoGrant::Bound),
        };
        if pieces.is_empty() && !self.is_on_terms(bidder, place, &bundle) {
            // Of a part of what is there; more of it might do.
            let is_part = bundle.amounts() != free.amounts();
            return Err(if is_part { NoGrant::Bound } else { NoGrant::NotWanted });
        }
        let filter = filters.and_then(|filters| filters.get(bidder));
        match filter.is_some_and(|filter| filter.matches(&bundle, self.now)) {
            true => Err(NoGrant::Filtered),
            false => Ok(Grant { leaf, bidder, bundle: bundle.into_owned(), pieces, served }),
        }
    }

    /// Whether a plain offer is one of those that the bidder wants.
    fn is_on_terms(&self, bidder: BidderIndex, place: Place, bundle: &Bundle) -> bool {
        let Some(terms) = self.demand.terms(bidder) else { return true };
        self.view.info(place).is_some_and(|agent| terms.admit(agent, bundle))
    }

    /// How much of what is free at a place its role's limits, and what is kept there for others,
    /// leave for a bidder.
    fn allowed(&self, place: Place, leaf: NodeIndex) -> (Amounts, Served) {
        let free = self.free(place).amounts();
        let left = self.headroom.leave(self.tree, place, leaf, free);
        match self.tree.allowed(leaf, &left) {
            (_, Served::NotHere) => {
                // It cannot use the piece that is kept for its role; others of the role can.
                let mut allowed = self.headroom.leave_all(place, free);
                self.tree.limit(leaf, &mut allowed);
                (allowed, Served::NotHere)
            }
            allowed => allowed,
        }
    }

    fn pick(
        &self,
        wanted: &Wanted,
        entry: Option<usize>,
        bidder: BidderIndex,
        place: Place,
        room: &Room,
    ) -> Pieces {
        let Some(agent) = self.view.info(place) else { return Pieces::new() };
        let none = Given::default();
        let given = self.given.get(&bidder).unwrap_or(&none);
        match entry {
            None => wanted.pick(agent, place, room, given),
            Some(entry) => wanted.pick_one(entry, agent, place, room, given),
        }
    }

    /// Plans an offer.
    pub(super) fn give(&mut self, place: Place, grant: Grant) {
        let Grant { leaf, bidder, bundle: resources, pieces, .. } = grant;
        let whole = self.free(place).is_same(&resources);
        let left = match whole {
            true => Bundle::nothing(),
            false => {
                let left = self.free(place).checked_sub(&resources);
                Bundle::new(left.expect("a part of what is free"))
            }
        };
        if !whole && pieces.is_empty() {
            self.tree.note_bound(leaf);
        }
        let named = match self.demand.wanted(bidder) {
            Some(wanted) => {
                if let Some(agent) = self.view.info(place) {
                    let given = self.given.entry(bidder).or_default();
                    wanted.give(given, place, agent, &pieces);
                }
                wanted.named(&pieces)
            }
            None => Vec::new(),
        };
        self.tables.left.set(place.position(), left);
        self.headroom.hand_over(self.tree, place, leaf, resources.amounts());
        self.eased.extend(self.tree.give(leaf, resources.amounts()));
        let known = self.placing.as_mut().and_then(|placing| {
            placing.note_given(place, leaf, named.is_empty(), self.plan.offers.len())
        });
        if let Some(known) = known {
            return self.plan.offers[known].extend(&resources, named);
        }
        count(&mut self.tables.served, leaf);
        let Bidder { framework, role } = self.tree.bidder(leaf);
        let agent = self.view.agent(place).clone();
        let offer = PlannedOffer { framework, role, agent, place, resources, pieces: named };
        self.plan.offers.push(offer);
    }

    /// Works out what is to be kept back; returns the agents of which less is kept than before.
    fn keep_back(&mut self) -> Vec<Place> {
        let claims = self.demand.claims();
        let nothing = !self.tree.has_quotas() && !self.demand.has_gangs() && claims.is_empty();
        if nothing && self.headroom.is_empty() {
            return Vec::new();
        }
        let places = self.view.offerable().iter();
        let free = places.map(|place| (place, self.free(place).amounts()));
        let headroom = match claims.is_empty() {
            true => Headroom::work_out(self.tree, free),
            false => self.keep_claims(free),
        };
        let before = std::mem::replace(&mut self.headroom, headroom);
        if self.demand.has_gangs() {
            self.place_gangs();
        }
        self.headroom.released(&before)
    }

    /// The headroom beside what is kept for demands that tasks give way to.
    fn keep_claims<'b>(&self, free: impl Iterator<Item = (Place, &'b Amounts)>) -> Headroom {
        let mut kept: BTreeMap<Place, Vec<(NodeIndex, Amounts)>> = BTreeMap::new();
        for claim in self.demand.claims().iter() {
            let (place, leaf) = (self.view.place(&claim.agent), self.tree.leaf(&claim.bidder));
            if let (Some(place), Some(leaf)) = (place, leaf) {
                let mut piece = Amounts::new();
                piece.add_times(&claim.shape, claim.count);
                kept.entry(place).or_default().push((leaf, piece));
            }
        }
        let rest: Vec<(Place, Amounts)> = free
            .map(|(place, free)| {
                let mut free = free.clone();
                for (_, piece) in kept.get(&place).into_iter().flatten() {
                    free.take_some(piece);
                }
                (place, free)
            })
            .collect();
        let rest = rest.iter().map(|(place, free)| (*place, free));
        let mut headroom = Headroom::work_out(self.tree, rest);
        for (place, pieces) in kept {
            pieces.into_iter().for_each(|(leaf, piece)| headroom.keep(place, leaf, piece));
        }
        headroom
    }

    /// The plan, what is kept back, and the leaves that got something.
    fn finish(self) -> (Plan, Headroom, Vec<NodeIndex>) {
        let mut plan = self.plan;
        let named = |(node, times): (usize, usize)| (self.tree.bidder(NodeIndex::at(node)), times);
        let served = self.tables.served.take_all();
        let leaves = served.iter().map(|(node, _)| NodeIndex::at(*node)).collect();
        let served = served.into_iter().map(named).collect();
        plan.explanation.serve(served, plan.offers.first());
        for (bidder, times) in self.tables.passed_over.take_all().into_iter().map(named) {
            plan.explanation.pass_over(bidder, times);
        }
        self.tables.left.clear();
        (plan, self.headroom, leaves)
    }
}

/// Why a bidder gets nothing of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoGrant {
    /// It refused all that it could have.
    Filtered,
    /// Its limits, or what is kept for others, leave too little.
    Bound,
    /// It has said what it wants, or which offers, and nothing of that is here.
    NotWanted,
}

pub(super) fn count(times: &mut Sparse<usize>, leaf: NodeIndex) {
    let before = times.get(leaf.position()).copied().unwrap_or(0);
    times.set(leaf.position(), before + 1);
}
