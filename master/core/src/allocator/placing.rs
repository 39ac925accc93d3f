//! Which agent the placement policy of a bidder's role would rather give it than the one at hand.
//!
//! The order of fairness says whose turn it is at an agent; the policy says, of the agents in the
//! scope of the plan, which one its bidder gets instead: one piece at a time of what it has stated,
//! or, of plain offers, all that is free there. Only where that bidder is first there as well, and
//! never what a guarantee keeps for it at the agent at hand: fairness and guarantees come before
//! policies. Pieces of one bidder on one agent are one offer in the end.
//!
//! Each agent is scored once per bidder and entry; what the plan gives changes the score of one
//! agent, which is scored again. Of equals the first by place. A cluster in which no role has a
//! policy has none of this.

use super::{
    Amounts, Bidder, Bundle, Demand, Place, View,
    demand::BidderIndex,
    drf::Round,
    gangs::Placement as Gathered,
    grants::Grant,
    room::{Room, with_devices},
    scope::{Changed, Scope},
    spread::DomainCounts,
    tree::{NodeIndex, Served},
    wanted::Entry,
};
use crate::placement::{self, Candidate, Placement, Score, Typical};
use proto::model::{AgentInfo, Devices, Milli, PlacementPolicy, ResourceName};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

/// What policies remember from one plan to the next.
#[derive(Debug, Default)]
pub(super) struct Chooser {
    /// Kept while some role looks ahead.
    typical: Option<Typical<Bidder>>,
    plans: u64,
}

/// What is worked out for one plan.
#[derive(Debug)]
pub(super) struct Placing {
    typical: Option<Typical<Bidder>>,
    seed: u64,
    policies: BTreeMap<PlacementPolicy, Box<dyn Placement>>,
    /// Agents, the best first, of a bidder and one entry of its demand; without one, of plain
    /// offers.
    queues: BTreeMap<(BidderIndex, Option<usize>), Queue>,
    /// Agents of which something was given, in order.
    given: Vec<Place>,
    /// Where in the plan the offer of an agent to a bidder is, revocable or not.
    offers: BTreeMap<(NodeIndex, bool, Place), usize>,
}

/// The candidates of one bidder.
#[derive(Debug)]
enum Queue {
    /// The highest score first, of equals the first place. An entry may be out of date, and an
    /// agent may have several.
    Scored {
        heap: BinaryHeap<(Score, Reverse<Place>)>,
        /// How much of [`Placing::given`] is heeded.
        read: usize,
    },
    /// Those that may be drawn.
    Lots(Vec<Place>),
}

impl Chooser {
    /// Keeps count of what is usually asked for, while some role needs it.
    pub(super) fn read(&mut self, changed: &Changed, view: &View, demand: &Demand) {
        if view.placements().all(|policy| policy != PlacementPolicy::Fgd) {
            self.typical = None;
            return;
        }
        let all = self.typical.is_none() || changed.everything;
        let typical = self.typical.get_or_insert_default();
        let mut read = |bidder: &Bidder| {
            let index = demand.index(bidder.framework, &bidder.role);
            let wanted = index.and_then(|index| demand.wanted(index));
            let entries = wanted.iter().flat_map(|wanted| wanted.entries());
            let entries = entries.map(|entry| (entry.shape().clone(), entry.open().into()));
            typical.state(bidder.clone(), entries.collect());
        };
        match all {
            true => demand.bidders().for_each(|bidder| read(&bidder)),
            false => changed.bidders.iter().for_each(read),
        }
        typical.refresh();
    }

    /// A plan begins.
    pub(super) fn begin(&mut self, view: &View) -> Option<Placing> {
        if view.placements().all(|policy| policy == PlacementPolicy::FirstFit) {
            return None;
        }
        self.plans += 1;
        Some(Placing {
            typical: self.typical.take(),
            // Another one for each plan, or the same agents would be drawn each time.
            seed: view.fairness().placement.seed.wrapping_add(self.plans),
            policies: BTreeMap::new(),
            queues: BTreeMap::new(),
            given: Vec::new(),
            offers: BTreeMap::new(),
        })
    }

    /// And ends.
    pub(super) fn end(&mut self, placing: Option<Placing>) {
        self.typical = placing.and_then(|placing| placing.typical);
    }
}

impl Placing {
    /// Another scope is examined.
    pub(super) fn forget_queues(&mut self) {
        self.queues.clear();
        self.given.clear();
    }

    /// Something is given; says where the offer is that it belongs to, if there is one.
    pub(super) fn note_given(
        &mut self,
        place: Place,
        (leaf, revocable): (NodeIndex, bool),
        plain: bool,
        next: usize,
    ) -> Option<usize> {
        self.given.push(place);
        if plain {
            return None;
        }
        let known = *self.offers.entry((leaf, revocable, place)).or_insert(next);
        (known != next).then_some(known)
    }

    fn policy(&mut self, policy: PlacementPolicy) -> &mut dyn Placement {
        let typical = self.typical.as_ref().map_or(&[][..], Typical::popular);
        let made = self.policies.entry(policy);
        &mut **made.or_insert_with(|| placement::policy(policy, self.seed, typical))
    }
}

impl Round<'_> {
    /// What the bidder gets whose turn it is at a place: there, or where its policy says.
    pub(super) fn rather(&mut self, at: Place, grant: Grant, scope: &Scope) -> (Place, Grant) {
        let Some(mut placing) = self.placing.take() else { return (at, grant) };
        let policy = self.view.placement(&self.tree.bidder(grant.leaf).role);
        let better = match policy == PlacementPolicy::FirstFit || grant.served == Served::Here {
            true => None,
            false => self.best_of(&mut placing, policy, at, &grant, scope),
        };
        let (place, grant) = better.unwrap_or((at, grant));
        if let (Some(typical), Some(wanted)) =
            (&mut placing.typical, self.demand.wanted(grant.bidder))
        {
            for (entry, count) in &grant.pieces {
                let shape = wanted.entries()[*entry].shape();
                (0..*count).for_each(|_| typical.place(shape));
            }
        }
        self.placing = Some(placing);
        (place, grant)
    }

    fn best_of(
        &mut self,
        placing: &mut Placing,
        policy: PlacementPolicy,
        at: Place,
        grant: &Grant,
        scope: &Scope,
    ) -> Option<(Place, Grant)> {
        let Grant { leaf, bidder, .. } = *grant;
        // Entries are in the order in which they are served.
        let entry = grant.pieces.keys().next().copied();
        let shape = entry.zip(self.demand.wanted(bidder));
        let shape = shape.map(|(entry, wanted)| wanted.entries()[entry].shape().clone());
        let mut queue = match placing.queues.remove(&(bidder, entry)) {
            Some(queue) => queue,
            None => self.queue(placing, policy, leaf, shape.as_ref(), scope),
        };
        let mut found = None;
        while let Some(place) = self.next(placing, policy, &mut queue, shape.as_ref()) {
            let is_first = place == at || self.is_first(place, leaf, scope);
            let filters = self.demand.filters().of_agent(place);
            if let (true, Ok(grant)) =
                (is_first, self.grant_of(entry, place, leaf, bidder, filters))
            {
                // It may have room for more.
                queue.put_back(place);
                let grant = self.with_own_gpu(placing.policy(policy), place, shape.as_ref(), grant);
                found = Some((place, grant));
                break;
            }
        }
        placing.queues.insert((bidder, entry), queue);
        found
    }

    /// The grant with the GPU that the policy would take the part of one from.
    fn with_own_gpu(
        &self,
        policy: &dyn Placement,
        place: Place,
        shape: Option<&Amounts>,
        grant: Grant,
    ) -> Grant {
        let name = &ResourceName::GPUS;
        let Some(shape) = shape.filter(|shape| (1..1_000).contains(&shape.get(name))) else {
            return grant;
        };
        let Some(agent) = self.view.info(place) else { return grant };
        let total = Room::of(&Bundle::new(agent.resources.clone()));
        let free = Room::of(self.free(place));
        let part = i64::try_from(shape.get(name)).expect("less than a whole one");
        let gpus = free.each(name, &total);
        let candidate = Candidate::new(&total, &free, &gpus);
        let chosen = policy.gpu(&candidate, shape, part.unsigned_abs());
        let Some(device) = chosen.and_then(|at| total.device(name, at)) else { return grant };
        let devices = Devices::new([(device, Milli(part))]).expect("a part of a device");
        Grant { bundle: with_devices(&grant.bundle, name, devices), ..grant }
    }

    /// Whether it would be this bidder's turn there too.
    fn is_first(&mut self, place: Place, leaf: NodeIndex, scope: &Scope) -> bool {
        let (anybody, reopened) = (scope.is_for_all(place), scope.reopened.get(&place));
        self.first_at(place, anybody, reopened).is_some_and(|first| first.leaf == leaf)
    }

    fn queue(
        &self,
        placing: &mut Placing,
        policy: PlacementPolicy,
        leaf: NodeIndex,
        shape: Option<&Amounts>,
        scope: &Scope,
    ) -> Queue {
        let places = scope.candidates(leaf, self.view.offerable());
        let read = placing.given.len();
        let policy = placing.policy(policy);
        match policy.draw(1) {
            Some(_) => Queue::Lots(places),
            None => {
                let score = |place| Some((self.score(policy, place, shape)?, Reverse(place)));
                Queue::Scored { heap: places.into_iter().filter_map(score).collect(), read }
            }
        }
    }

    /// The best candidate of those left, as of now; it is taken out.
    fn next(
        &self,
        placing: &mut Placing,
        policy: PlacementPolicy,
        queue: &mut Queue,
        shape: Option<&Amounts>,
    ) -> Option<Place> {
        let (heap, read) = match queue {
            Queue::Scored { heap, read } => (heap, read),
            Queue::Lots(places) => {
                let policy = placing.policy(policy);
                while !places.is_empty() {
                    let drawn = policy.draw(places.len())?;
                    let place = places.swap_remove(drawn);
                    if self.score(policy, place, shape).is_some() {
                        return Some(place);
                    }
                }
                return None;
            }
        };
        let changed = placing.given[*read..].to_vec();
        *read = placing.given.len();
        let policy = placing.policy(policy);
        for place in changed {
            heap.extend(self.score(policy, place, shape).map(|score| (score, Reverse(place))));
        }
        while let Some((score, Reverse(place))) = heap.pop() {
            match self.score(policy, place, shape) {
                Some(now) if now == score => return Some(place),
                // Scored again when something was given there: a better entry is in the heap.
                _ => {}
            }
        }
        None
    }

    /// How well a piece, or all that is free, would go to a place; `None` when there is no room.
    fn score(
        &self,
        policy: &dyn Placement,
        place: Place,
        shape: Option<&Amounts>,
    ) -> Option<Score> {
        let (free, agent) = (self.free(place), self.view.info(place)?);
        let room = Room::of(free);
        if !free.is_enough() || shape.is_some_and(|shape| room.holds_times(shape) == 0) {
            return None;
        }
        let total = Room::of(&Bundle::new(agent.resources.clone()));
        Some(score(policy, &total, &room, shape))
    }

    /// By which policy a bidder is given agents.
    pub(super) fn policy_of(&self, leaf: NodeIndex) -> PlacementPolicy {
        match self.placing {
            Some(_) => self.view.placement(&self.tree.bidder(leaf).role),
            None => PlacementPolicy::FirstFit,
        }
    }

    /// Where pieces of a gang would go now, one after the other, until there are enough.
    pub(super) fn gather_by(
        &mut self,
        policy: PlacementPolicy,
        (leaf, bidder): (NodeIndex, BidderIndex),
        entry: &Entry,
        needed: u32,
    ) -> Gathered {
        let mut placing = self.placing.take().expect("there is a policy");
        let view = self.view;
        let mut sites: Vec<Site<'_>> = view
            .offerable()
            .iter()
            .filter_map(|place| {
                let nowhere = DomainCounts::default();
                let (room, most) = self.gang_room(place, leaf, entry, &nowhere)?;
                let agent = view.info(place)?;
                let total = Room::of(&Bundle::new(agent.resources.clone()));
                Some(Site { place, agent, total, room, most })
            })
            .collect();
        let gathered = loop {
            let gathered = distribute(placing.policy(policy), &sites, entry, needed);
            let refused = |(place, count): &(Place, u32)| {
                let refused = self.has_refused_pieces(bidder, *place, entry, *count);
                refused.then_some(*place)
            };
            let refused: BTreeSet<Place> = gathered.iter().filter_map(refused).collect();
            if refused.is_empty() {
                break gathered;
            }
            sites.retain(|site| !refused.contains(&site.place));
        };
        self.placing = Some(placing);
        gathered
    }
}

/// An agent with room for pieces of a gang.
#[derive(Debug)]
struct Site<'a> {
    place: Place,
    agent: &'a AgentInfo,
    total: Room,
    room: Room,
    /// Pieces.
    most: u32,
}

/// Pieces, one after the other, each to the best site as it is then; by place.
fn distribute(
    policy: &mut dyn Placement,
    sites: &[Site<'_>],
    entry: &Entry,
    needed: u32,
) -> Gathered {
    let shape = entry.shape();
    let (mut domains, mut placed) = (DomainCounts::default(), 0);
    let mut rooms: Vec<Room> = sites.iter().map(|site| site.room.clone()).collect();
    let mut counts = vec![0; sites.len()];
    let mut lots: Vec<usize> = (0..sites.len()).collect();
    let by_lot = policy.draw(1).is_some();
    let mut heap = BinaryHeap::new();
    if !by_lot {
        let sites = sites.iter().enumerate();
        heap.extend(
            sites.map(|(at, site)| {
                (score(policy, &site.total, &site.room, Some(shape)), Reverse(at))
            }),
        );
    }
    while placed < needed {
        let at = match by_lot {
            true if lots.is_empty() => break,
            true => lots[policy.draw(lots.len()).expect("it goes by lot")],
            false => match heap.pop() {
                Some((_, Reverse(at))) => at,
                None => break,
            },
        };
        if entry.domain_room(sites[at].agent, &domains) == 0 {
            // Its fault domain has all that it may have, and will not have less.
            lots.retain(|other| *other != at);
            continue;
        }
        entry.count_domain(sites[at].agent, 1, &mut domains);
        placed += 1;
        counts[at] += 1;
        rooms[at].take(shape, 1);
        match (counts[at] < sites[at].most, by_lot) {
            (true, true) => {}
            (false, true) => lots.retain(|other| *other != at),
            (true, false) => {
                let score = score(policy, &sites[at].total, &rooms[at], Some(shape));
                heap.push((score, Reverse(at)));
            }
            (false, false) => {}
        }
    }
    let chosen = sites.iter().zip(counts).filter(|(_, count)| *count > 0);
    chosen.map(|(site, count)| (site.place, count)).collect()
}

fn score(policy: &dyn Placement, total: &Room, free: &Room, shape: Option<&Amounts>) -> Score {
    let gpus = free.each(&ResourceName::GPUS, total);
    policy.score(&Candidate::new(total, free, &gpus), shape)
}

impl Queue {
    fn put_back(&mut self, place: Place) {
        match self {
            // Whatever is given there will have it scored again.
            Queue::Scored { .. } => {}
            Queue::Lots(places) => places.push(place),
        }
    }
}
