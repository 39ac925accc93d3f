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
    bundle::Bundle,
    demand::BidderIndex,
    gathering::{Gathered, Gathering},
    grants::Grant,
    headroom::Headroom,
    placing::{Chooser, Placing},
    scope::{Changed, Look, Read, Scope},
    sparse::Sparse,
    tree::{NodeIndex, Tree, Whom},
    wanted::Given,
};
use proto::model::Instant;
use std::{
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
    /// For whom room is gathered.
    gathering: Gathering,
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
    /// What this plan gave to revocable work.
    pub(super) lent: BTreeMap<Place, Amounts>,
    /// What it gave to others where anything is kept for who tasks give way to.
    pub(super) met: BTreeMap<(Place, NodeIndex), Amounts>,
    /// Of whom room is gathered for, until it has it.
    pub(super) gathered: Option<Gathered>,
    /// Of a cluster in which roles have placement policies.
    pub(super) placing: Option<Placing>,
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
        let gathered = self.gathering.stands(&self.tree, view, demand);
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
            lent: BTreeMap::new(),
            met: BTreeMap::new(),
            gathered,
            placing: self.chooser.begin(view),
        };
        round.plan.explanation.free_agents = view.offerable().len();
        scope.add_freed(round.keep_back());
        // Somebody may come before it now who did not when it was last looked at.
        scope.add_freed(gathered.map(|it| it.place).into_iter().collect());
        while !scope.is_empty() {
            round.examine(&scope, self.start);
            let freed = round.keep_back();
            scope = Scope::of(freed, mem::take(&mut round.eased));
        }
        round.gather_next(&mut self.gathering);
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
            let reopened = scope.reopened.get(&place);
            if !anybody && reopened.is_none() && self.tree.is_idle(Whom::Renewed) {
                continue;
            }
            self.plan.explanation.agents_examined += 1;
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

    /// Plans an offer.
    pub(super) fn give(&mut self, place: Place, grant: Grant) {
        let Grant { leaf, bidder, bundle: resources, pieces, revocable, .. } = grant;
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
                    if wanted.is_met(given) {
                        // Nobody needs to ask it about the other agents.
                        self.tree.is_content(leaf);
                    }
                }
                wanted.named(&pieces)
            }
            None => Vec::new(),
        };
        self.tables.left.set(place.position(), left);
        match revocable {
            // What is kept for its role is lent to it like anybody's.
            true => self.lent.entry(place).or_default().add(resources.amounts()),
            false => self.headroom.hand_over(self.tree, place, leaf, resources.amounts()),
        }
        if !revocable && !self.demand.claims().is_empty() {
            self.met.entry((place, leaf)).or_default().add(resources.amounts());
        }
        self.eased.extend(self.tree.give(leaf, resources.amounts(), revocable));
        let known = self.placing.as_mut().and_then(|placing| {
            let whose = (leaf, revocable);
            placing.note_given(place, whose, named.is_empty(), self.plan.offers.len())
        });
        if let Some(known) = known {
            return self.plan.offers[known].extend(&resources, named);
        }
        count(&mut self.tables.served, leaf);
        let Bidder { framework, role } = self.tree.bidder(leaf);
        let agent = self.view.agent(place).clone();
        let pieces = named;
        let offer = PlannedOffer { framework, role, agent, place, resources, pieces, revocable };
        self.plan.offers.push(offer);
    }

    /// Works out what is to be kept back; returns the agents of which less is kept than before.
    fn keep_back(&mut self) -> Vec<Place> {
        let claims = self.demand.claims();
        let nothing = !self.tree.has_quotas() && !self.demand.has_gangs() && claims.is_empty();
        if nothing && self.gathered.is_none() && self.headroom.is_empty() {
            return Vec::new();
        }
        let headroom = self.work_out();
        let before = std::mem::replace(&mut self.headroom, headroom);
        if self.demand.has_gangs() {
            self.place_gangs();
        }
        self.keep_gathered();
        self.headroom.released(&before)
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

pub(super) fn count(times: &mut Sparse<usize>, leaf: NodeIndex) {
    let before = times.get(leaf.position()).copied().unwrap_or(0);
    times.set(leaf.position(), before + 1);
}
