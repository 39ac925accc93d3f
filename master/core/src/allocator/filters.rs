//! What frameworks refused for a while: per bidder and agent, which resources, until when.
//!
//! A filter matches when all that would be offered was refused; once more is free, the agent is
//! offered again at once. A bidder keeps one filter per agent and a bounded number of them; the one
//! that ends first makes room. There can be as many filters as bidders times agents, so that a
//! filter is small: agents and bidders are named by their places, what was refused is shared. It
//! does not know what is free, nor who is subscribed.

use super::{Bundle, Place, demand::BidderIndex};
use crate::liveness::Deadlines;
use proto::model::{DeclineReason, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// What was refused, until when and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What.
    pub bundle: Bundle,
    /// Until when.
    pub until: Instant,
    /// Why; decides nothing.
    pub reason: DeclineReason,
}

/// One refusal. Flat, so that who refused stands where the reason leaves room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    refused: Bundle,
    until: Instant,
    bidder: BidderIndex,
    reason: DeclineReason,
}

const _: () = assert!(size_of::<Filter>() <= 24);

/// The refusals for one agent.
#[derive(Debug, Clone, Default)]
pub struct AgentFilters(Vec<Filter>);

/// When the filters of one bidder end. Many end together: those of one call.
#[derive(Debug, Clone, Default)]
struct Ends {
    places: BTreeMap<Instant, BTreeSet<Place>>,
    count: usize,
}

/// All refusals.
#[derive(Debug, Clone)]
pub struct Filters {
    by_place: Vec<AgentFilters>,
    by_bidder: Vec<Ends>,
    /// When the first filter of each bidder ends.
    ends: Deadlines<BidderIndex>,
    limit: usize,
}

impl Filter {
    /// Why.
    pub fn reason(&self) -> DeclineReason {
        self.reason
    }

    /// Whether these resources are not to be offered.
    pub fn matches(&self, bundle: &Bundle, now: Instant) -> bool {
        self.until > now && self.refused.covers(bundle)
    }

    /// Whether this filter matches whatever the other one does, as long as that does.
    fn covers(&self, other: &Filter) -> bool {
        self.until >= other.until && self.refused.covers(&other.refused)
    }
}

impl AgentFilters {
    /// A bidder's filter.
    pub fn get(&self, bidder: BidderIndex) -> Option<&Filter> {
        self.position(bidder).ok().map(|index| &self.0[index])
    }

    fn position(&self, bidder: BidderIndex) -> Result<usize, usize> {
        self.0.binary_search_by_key(&bidder, |filter| filter.bidder)
    }

    fn remove(&mut self, bidder: BidderIndex) -> Filter {
        let index = self.position(bidder).expect("both indexes hold a filter");
        let filter = self.0.remove(index);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
        filter
    }
}

impl Ends {
    fn insert(&mut self, until: Instant, place: Place) {
        let added = self.places.entry(until).or_default().insert(place);
        assert!(added, "one filter per bidder and agent");
        self.count += 1;
    }

    fn remove(&mut self, until: Instant, place: Place) {
        let places = self.places.get_mut(&until).expect("both indexes hold a filter");
        assert!(places.remove(&place), "both indexes hold a filter");
        if places.is_empty() {
            self.places.remove(&until);
        }
        self.count -= 1;
    }

    /// The filter that ends first.
    fn first(&self) -> Option<(Instant, Place)> {
        let (until, places) = self.places.first_key_value()?;
        Some((*until, *places.first().expect("no moment is empty")))
    }
}

impl Filters {
    /// No filters; at most `limit` for each bidder.
    pub fn new(limit: usize) -> Self {
        assert!(limit > 0, "room for the newest filter");
        let (by_place, by_bidder) = (Vec::new(), Vec::new());
        Self { by_place, by_bidder, ends: Deadlines::new(), limit }
    }

    /// Adds a filter. A newer one replaces an older one for the same agent unless that covers it.
    /// Returns the agents that an older filter of this bidder keeps back no longer.
    pub fn refuse(&mut self, bidder: BidderIndex, place: Place, refused: Refused) -> Vec<Place> {
        let Refused { bundle: refused, until, reason } = refused;
        let filter = Filter { refused, until, bidder, reason };
        grow(&mut self.by_place, place.0);
        grow(&mut self.by_bidder, bidder.0);
        let row = &mut self.by_place[place.0 as usize];
        let mut reopened = Vec::new();
        match row.position(bidder) {
            Ok(index) if row.0[index].covers(&filter) => return Vec::new(),
            Ok(index) => {
                let old = std::mem::replace(&mut row.0[index], filter);
                self.by_bidder[bidder.0 as usize].remove(old.until, place);
                reopened.push(place);
            }
            Err(index) => row.0.insert(index, filter),
        }
        let ends = &mut self.by_bidder[bidder.0 as usize];
        if ends.count >= self.limit {
            let (at, first) = ends.first().expect("the limit is not zero");
            ends.remove(at, first);
            self.by_place[first.0 as usize].remove(bidder);
            reopened.push(first);
        }
        ends.insert(until, place);
        self.set_end(bidder);
        reopened
    }

    /// Takes out all of a bidder's filters; whether there were any.
    pub fn clear(&mut self, bidder: BidderIndex) -> bool {
        let Some(ends) = self.by_bidder.get_mut(bidder.0 as usize).map(std::mem::take) else {
            return false;
        };
        for place in ends.places.values().flatten() {
            self.by_place[place.0 as usize].remove(bidder);
        }
        self.ends.cancel(&bidder);
        ends.count > 0
    }

    /// Takes out all filters for an agent that will not come back.
    pub fn forget_agent(&mut self, place: Place) {
        let Some(row) = self.by_place.get_mut(place.0 as usize).map(std::mem::take) else { return };
        for filter in row.0 {
            self.by_bidder[filter.bidder.0 as usize].remove(filter.until, place);
            self.set_end(filter.bidder);
        }
    }

    /// Takes out the filters that have ended; returns whom they kept from which agent.
    pub fn expire(&mut self, now: Instant) -> Vec<(BidderIndex, Place)> {
        let mut ended = Vec::new();
        while let Some(bidder) = self.ends.pop_due(now) {
            let ends = &mut self.by_bidder[bidder.0 as usize];
            while let Some((until, place)) = ends.first().filter(|(at, _)| *at <= now) {
                ends.remove(until, place);
                self.by_place[place.0 as usize].remove(bidder);
                ended.push((bidder, place));
            }
            self.set_end(bidder);
        }
        ended
    }

    /// When the next filter ends.
    pub fn next_end(&self) -> Option<Instant> {
        self.ends.next()
    }

    /// The filters for an agent.
    pub fn of_agent(&self, place: Place) -> Option<&AgentFilters> {
        self.by_place.get(place.0 as usize).filter(|row| !row.0.is_empty())
    }

    /// How many agents a bidder has filters for.
    pub fn count(&self, bidder: BidderIndex) -> usize {
        self.by_bidder.get(bidder.0 as usize).map_or(0, |ends| ends.count)
    }

    /// How many filters there are.
    pub fn len(&self) -> usize {
        self.by_bidder.iter().map(|ends| ends.count).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes the bidder's entry in `ends` true again.
    fn set_end(&mut self, bidder: BidderIndex) {
        match self.by_bidder[bidder.0 as usize].first() {
            Some((at, _)) => self.ends.set(bidder, at),
            None => drop(self.ends.cancel(&bidder)),
        }
    }
}

/// Makes room for an index.
fn grow<T: Default>(rows: &mut Vec<T>, index: u32) {
    if rows.len() <= index as usize {
        rows.resize_with(index as usize + 1, T::default);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::Resources;

    const A: BidderIndex = BidderIndex(1);
    const B: BidderIndex = BidderIndex(2);

    fn filter(cpus_milli: i64, until: u64) -> Refused {
        let bundle = Bundle::new(Resources::cpus_mem(cpus_milli, 0));
        Refused { bundle, until: Instant(until), reason: DeclineReason::Busy }
    }

    #[test]
    fn the_filter_that_ends_first_makes_room() {
        let mut filters = Filters::new(2);
        assert_eq!(filters.refuse(A, Place(1), filter(1_000, 30)), []);
        assert_eq!(filters.refuse(A, Place(2), filter(1_000, 20)), []);
        assert_eq!(filters.refuse(B, Place(2), filter(1_000, 10)), []);
        assert_eq!(filters.refuse(A, Place(3), filter(1_000, 40)), [Place(2)]);
        assert_eq!((filters.count(A), filters.count(B), filters.len()), (2, 1, 3));
        assert_eq!(filters.next_end(), Some(Instant(10)));
        filters.forget_agent(Place(2));
        assert_eq!(filters.next_end(), Some(Instant(30)));
        assert_eq!(filters.expire(Instant(35)), [(A, Place(1))]);
        assert!(filters.clear(A));
        assert!(!filters.clear(A));
        assert!(filters.is_empty() && filters.next_end().is_none());
    }

    #[test]
    fn a_newer_filter_replaces_an_older_one_unless_that_covers_it() {
        let mut filters = Filters::new(10);
        let matches = |filters: &Filters, cpus, now| {
            let filter = filters.of_agent(Place(1)).unwrap().get(A).unwrap();
            filter.matches(&Bundle::new(Resources::cpus_mem(cpus, 0)), Instant(now))
        };
        filters.refuse(A, Place(1), filter(2_000, 50));
        assert_eq!(filters.refuse(A, Place(1), filter(1_000, 40)), [], "is covered");
        assert!(matches(&filters, 2_000, 49));
        assert!(!matches(&filters, 2_001, 49) && !matches(&filters, 2_000, 50));
        let reopened = filters.refuse(A, Place(1), filter(1_000, 60));
        assert_eq!(reopened, [Place(1)], "lasts longer");
        assert!(!matches(&filters, 2_000, 49) && matches(&filters, 1_000, 59));
        filters.refuse(A, Place(1), filter(3_000, 20));
        assert!(matches(&filters, 3_000, 19), "is more");
        assert_eq!(filters.expire(Instant(20)), [(A, Place(1))]);
        assert!(filters.is_empty());
    }
}
