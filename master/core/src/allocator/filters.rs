//! What frameworks refused for a while: per bidder and agent, which resources, until when.
//!
//! A filter matches when all that would be offered was refused; once more is free, the agent is
//! offered again at once. A bidder keeps one filter per agent and a bounded number of them; the one
//! that ends first makes room. It does not know what is free, nor who is subscribed.

use super::Bidder;
use crate::liveness::Deadlines;
use proto::model::{AgentId, Instant, Resources};
use std::collections::BTreeMap;

/// One refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// What was refused.
    pub refused: Resources,
    /// Until when.
    pub until: Instant,
}

/// All refusals.
#[derive(Debug, Clone)]
pub struct Filters {
    by_agent: BTreeMap<AgentId, BTreeMap<Bidder, Filter>>,
    by_bidder: BTreeMap<Bidder, Deadlines<AgentId>>,
    /// When the first filter of each bidder ends.
    ends: Deadlines<Bidder>,
    limit: usize,
}

impl Filter {
    /// Whether these resources are not to be offered.
    pub fn matches(&self, resources: &Resources, now: Instant) -> bool {
        self.until > now && self.refused.contains(resources)
    }

    /// Whether this filter matches whatever the other one does, as long as that does.
    fn covers(&self, other: &Filter) -> bool {
        self.until >= other.until && self.refused.contains(&other.refused)
    }
}

impl Filters {
    /// No filters; at most `limit` for each bidder.
    pub fn new(limit: usize) -> Self {
        assert!(limit > 0, "room for the newest filter");
        let (by_agent, by_bidder) = (BTreeMap::new(), BTreeMap::new());
        Self { by_agent, by_bidder, ends: Deadlines::new(), limit }
    }

    /// Adds a filter. A newer one replaces an older one for the same agent unless that covers it.
    /// Returns the agents that an older filter of this bidder keeps back no longer.
    pub fn refuse(&mut self, bidder: &Bidder, agent: AgentId, filter: Filter) -> Vec<AgentId> {
        let known = self.by_agent.get(&agent).and_then(|filters| filters.get(bidder));
        if known.is_some_and(|known| known.covers(&filter)) {
            return Vec::new();
        }
        let mut reopened: Vec<_> = known.is_some().then(|| agent.clone()).into_iter().collect();
        let deadlines = self.by_bidder.entry(bidder.clone()).or_default();
        if known.is_none() && deadlines.len() >= self.limit {
            let first = deadlines.pop_first().expect("the limit is not zero");
            remove_row(&mut self.by_agent, &first, bidder);
            reopened.push(first);
        }
        deadlines.set(agent.clone(), filter.until);
        self.by_agent.entry(agent).or_default().insert(bidder.clone(), filter);
        self.set_end(bidder);
        reopened
    }

    /// Takes out all of a bidder's filters; whether there were any.
    pub fn clear(&mut self, bidder: &Bidder) -> bool {
        let Some(deadlines) = self.by_bidder.remove(bidder) else {
            return false;
        };
        for (agent, _) in deadlines.iter() {
            remove_row(&mut self.by_agent, agent, bidder);
        }
        self.ends.cancel(bidder);
        true
    }

    /// Takes out all filters for an agent that will not come back.
    pub fn forget_agent(&mut self, agent: &AgentId) {
        for bidder in self.by_agent.remove(agent).unwrap_or_default().into_keys() {
            let deadlines = self.by_bidder.get_mut(&bidder).expect("both indexes hold a filter");
            deadlines.cancel(agent).expect("both indexes hold a filter");
            self.set_end(&bidder);
        }
    }

    /// Takes out the filters that have ended; returns whom they kept from which agent.
    pub fn expire(&mut self, now: Instant) -> Vec<(Bidder, AgentId)> {
        let mut ended = Vec::new();
        while let Some(bidder) = self.ends.pop_due(now) {
            let deadlines = self.by_bidder.get_mut(&bidder).expect("both indexes hold a filter");
            for agent in deadlines.due(now) {
                remove_row(&mut self.by_agent, &agent, &bidder);
                ended.push((bidder.clone(), agent));
            }
            self.set_end(&bidder);
        }
        ended
    }

    /// When the next filter ends.
    pub fn next_end(&self) -> Option<Instant> {
        self.ends.next()
    }

    /// The filters for an agent, by bidder.
    pub fn of_agent(&self, agent: &AgentId) -> Option<&BTreeMap<Bidder, Filter>> {
        self.by_agent.get(agent)
    }

    /// How many agents a bidder has filters for.
    pub fn count(&self, bidder: &Bidder) -> usize {
        self.by_bidder.get(bidder).map_or(0, Deadlines::len)
    }

    /// How many filters there are.
    pub fn len(&self) -> usize {
        self.by_bidder.values().map(Deadlines::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_bidder.is_empty()
    }

    /// Makes the bidder's entry in `ends` true again.
    fn set_end(&mut self, bidder: &Bidder) {
        match self.by_bidder.get(bidder).and_then(Deadlines::next) {
            Some(at) => self.ends.set(bidder.clone(), at),
            None => {
                self.by_bidder.remove(bidder);
                self.ends.cancel(bidder);
            }
        }
    }
}

fn remove_row(
    by_agent: &mut BTreeMap<AgentId, BTreeMap<Bidder, Filter>>,
    agent: &AgentId,
    bidder: &Bidder,
) {
    let filters = by_agent.get_mut(agent).expect("both indexes hold a filter");
    filters.remove(bidder).expect("both indexes hold a filter");
    if filters.is_empty() {
        by_agent.remove(agent);
    }
}
