//! Gangs: demands whose pieces go out together or not at all.
//!
//! In the order of fairness each gang is tried on what is free. The first one that does not fit
//! keeps the pieces that it found, so that many small ones do not take them away again and again
//! until nothing large ever fits; the others, and everybody else, get what that leaves. Only one
//! gathers at a time: two that each hold half of what both need would wait for each other until
//! their time is over. One that is revocable gathers nothing: it would keep what is lent from its
//! owner.

use super::{
    Amounts, Bundle, Place,
    demand::BidderIndex,
    drf::Round,
    gathering::lacks,
    grants::Grant,
    room::{Room, cut},
    spread::DomainCounts,
    tree::{NodeIndex, Served, Whom},
    wanted::{Entry, Pieces},
};
use proto::model::PlacementPolicy;
use std::collections::BTreeSet;

/// Pieces of one gang by agent, by place.
pub(super) type Placement = Vec<(Place, u32)>;

impl Round<'_> {
    /// Gives every gang that fits; keeps what the first other one found.
    pub(super) fn place_gangs(&mut self) {
        let mut waiting = Vec::new();
        self.tree.first(Whom::All, |leaf, bidder| -> Option<()> {
            if self.demand.wants_gang(bidder) {
                waiting.push((leaf, bidder));
            }
            None
        });
        // Stable: among those who stand behind, and among the others, the order is as it was.
        waiting.sort_by_key(|(_, bidder)| self.demand.is_behind(*bidder, self.now));
        let mut gathers = false;
        for (leaf, bidder) in waiting {
            let wanted = self.demand.wanted(bidder).expect("it wants a gang");
            let gangs = wanted.entries().iter().enumerate().filter(|(_, entry)| entry.is_gang());
            for (index, entry) in gangs {
                let given = self.given.get(&bidder).map_or(0, |given| given.all(index));
                let needed = entry.open().saturating_sub(given);
                if needed == 0 || !self.limits_allow(leaf, entry.shape(), needed) {
                    continue;
                }
                let placement = match self.policy_of(leaf) {
                    PlacementPolicy::FirstFit => self.gather(leaf, bidder, entry, needed),
                    policy => self.gather_by(policy, (leaf, bidder), entry, needed),
                };
                let found: u32 = placement.iter().map(|(_, count)| count).sum();
                if found == needed {
                    self.give_gang((leaf, bidder), index, entry, &placement);
                } else if !gathers && !entry.stated().revocable {
                    gathers = true;
                    self.keep_for_gang((leaf, bidder), entry, &placement, needed - found);
                }
            }
        }
    }

    /// Whether the limits of its role, and of those above, leave room for all pieces.
    pub(super) fn limits_allow(&self, leaf: NodeIndex, shape: &Amounts, count: u32) -> bool {
        let all = times(shape, count);
        let mut allowed = all.clone();
        self.tree.limit(leaf, &mut allowed);
        allowed == all
    }

    /// Where pieces would fit now, until there are enough.
    fn gather(
        &self,
        leaf: NodeIndex,
        bidder: BidderIndex,
        entry: &Entry,
        needed: u32,
    ) -> Placement {
        let mut placement = Vec::new();
        let mut domains = DomainCounts::default();
        let mut left = needed;
        for place in self.view.offerable().iter() {
            let Some(agent) = self.view.info(place) else { continue };
            let Some((_, most)) = self.gang_room(place, leaf, entry, &domains) else { continue };
            let count = most.min(left);
            if self.has_refused_pieces(bidder, place, entry, count) {
                continue;
            }
            placement.push((place, count));
            entry.count_domain(agent, count, &mut domains);
            left -= count;
            if left == 0 {
                break;
            }
        }
        placement
    }

    /// What a gang may have of an agent, and how many pieces have room in it, if any; `domains` has
    /// what it has elsewhere.
    pub(super) fn gang_room(
        &self,
        place: Place,
        leaf: NodeIndex,
        entry: &Entry,
        domains: &DomainCounts,
    ) -> Option<(Room, u32)> {
        let (agent, free) = (self.view.info(place)?, self.free(place));
        let mut room = Room::of(free);
        let most = match entry.stated().revocable {
            true => self.headroom.lend(self.tree, place, leaf, free.amounts()),
            false => self.headroom.leave(self.tree, place, leaf, free.amounts()),
        };
        free.amounts().iter().for_each(|(name, _)| room.cap(name, most.get(name)));
        let count = entry.fit(agent, place, &room, (0, 0), domains);
        (count > 0).then_some((room, count))
    }

    /// Whether a bidder has refused what so many pieces of a gang would be.
    pub(super) fn has_refused_pieces(
        &self,
        bidder: BidderIndex,
        place: Place,
        entry: &Entry,
        count: u32,
    ) -> bool {
        let pieces = cut(self.free(place), &[(entry.shape(), count)]);
        self.has_refused(bidder, place, &pieces)
    }

    fn has_refused(&self, bidder: BidderIndex, place: Place, bundle: &Bundle) -> bool {
        let filter = self.demand.filters().of_agent(place).and_then(|all| all.get(bidder));
        filter.is_some_and(|filter| filter.matches(bundle, self.now))
    }

    /// Whether an agent would have room for a piece if nothing else was there, and was not refused.
    pub(super) fn could_hold(
        &self,
        place: Place,
        bidder: BidderIndex,
        entry: &Entry,
        domains: &DomainCounts,
    ) -> bool {
        let Some(agent) = self.view.info(place) else { return false };
        let all = Room::of(&Bundle::new(agent.resources.clone()));
        let piece = part_of(self.free(place).amounts(), entry.shape());
        entry.fit(agent, place, &all, (0, 0), domains) > 0
            && !self.has_refused(bidder, place, &cut(self.free(place), &[(&piece, 1)]))
    }

    /// Keeps the pieces that were found, and for each one that is missing what is free on the agent
    /// that lacks least of a piece: otherwise small tasks would take every bit of it, and no agent
    /// would ever have room for a large one.
    fn keep_for_gang(
        &mut self,
        (leaf, bidder): (NodeIndex, BidderIndex),
        entry: &Entry,
        placement: &[(Place, u32)],
        missing: u32,
    ) {
        let mut domains = DomainCounts::default();
        for (place, count) in placement {
            self.headroom.keep(*place, leaf, times(entry.shape(), *count));
            if let Some(agent) = self.view.info(*place) {
                entry.count_domain(agent, *count, &mut domains);
            }
        }
        let mut nearest = BTreeSet::new();
        for place in self.view.offerable().iter() {
            let is_placed = placement.binary_search_by_key(&place, |(place, _)| *place).is_ok();
            if is_placed || !self.could_hold(place, bidder, entry, &domains) {
                continue;
            }
            let free = self.free(place).amounts();
            let left = self.headroom.leave(self.tree, place, leaf, free);
            if !part_of(&left, entry.shape()).is_empty() {
                nearest.insert((lacks(&left, entry.shape()), place));
                while nearest.len() > missing as usize {
                    nearest.pop_last();
                }
            }
        }
        for (_, place) in nearest {
            let left = self.headroom.leave(self.tree, place, leaf, self.free(place).amounts());
            self.headroom.keep(place, leaf, part_of(&left, entry.shape()));
        }
    }

    fn give_gang(
        &mut self,
        (leaf, bidder): (NodeIndex, BidderIndex),
        index: usize,
        entry: &Entry,
        placement: &[(Place, u32)],
    ) {
        for (place, count) in placement {
            let bundle = cut(self.free(*place), &[(entry.shape(), *count)]);
            let pieces = Pieces::from([(index, *count)]);
            let (served, revocable) = (Served::NothingOwed, entry.stated().revocable);
            self.give(*place, Grant { leaf, bidder, bundle, pieces, served, revocable });
        }
    }
}

/// What is there of a piece.
pub(super) fn part_of(free: &Amounts, shape: &Amounts) -> Amounts {
    let mut part = Amounts::new();
    shape.iter().for_each(|(name, one)| part.set(name, one.min(free.get(name))));
    part
}

fn times(shape: &Amounts, count: u32) -> Amounts {
    let mut sum = Amounts::new();
    sum.add_times(shape, count);
    sum
}
