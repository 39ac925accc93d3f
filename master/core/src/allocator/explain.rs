//! Why somebody got nothing, as data.
//!
//! A plan records what it saw anyway, at no extra cost; the answer for one bidder, or for all, is
//! worked out when somebody asks.

use super::{Bidder, Demand, PlannedOffer};
use std::collections::BTreeMap;

/// Bidders whose being passed over is recorded in one plan.
const PASSED_OVER_MAX: usize = 1_000;

/// What one plan saw.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explanation {
    /// Agents with enough free to make an offer of, before the plan.
    pub free_agents: usize,
    /// Agents among them for which somebody may have become eligible since the plan before.
    pub agents_examined: usize,
    /// Offers per bidder that got any.
    pub served: BTreeMap<Bidder, usize>,
    /// Who came first.
    pub first_served: Option<Bidder>,
    /// Bidders whose turn it was for an agent that they had refused, and for how many; of these a
    /// limited number.
    pub passed_over: BTreeMap<Bidder, usize>,
    /// Times that are not in `passed_over` because it was full.
    pub passed_over_omitted: usize,
}

/// Why a bidder got what it got in one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The framework has no stream, or not in this role.
    NotSubscribed,
    /// The framework wants nothing in this role.
    Suppressed,
    /// It got offers.
    Served {
        /// How many.
        offers: usize,
    },
    /// No agent had anything free.
    NoFreeAgent,
    /// What was free, it had refused.
    Filtered {
        /// Agents that it has filters for.
        agents: usize,
    },
    /// What was free went to others whose share is smaller.
    LowerRanked {
        /// Who came first.
        behind: Bidder,
    },
    /// Nothing has changed for it since the plan before.
    NothingNew,
}

impl Explanation {
    /// Enters what was given.
    pub(super) fn serve(&mut self, served: BTreeMap<Bidder, usize>, first: Option<&PlannedOffer>) {
        self.first_served = first.map(PlannedOffer::bidder);
        self.served = served;
    }

    pub(super) fn pass_over(&mut self, bidder: Bidder, times: usize) {
        match self.passed_over.len() < PASSED_OVER_MAX {
            true => drop(self.passed_over.insert(bidder, times)),
            false => self.passed_over_omitted += times,
        }
    }

    /// Why this bidder got what it got; `demand` as it was for the plan.
    pub fn why(&self, bidder: &Bidder, demand: &Demand) -> Why {
        let suppressed = demand.suppressed(bidder.framework, &bidder.role);
        let index = demand.index(bidder.framework, &bidder.role);
        let agents = index.map_or(0, |index| demand.filters().count(index));
        match (suppressed, self.served.get(bidder), &self.first_served) {
            (None, ..) => Why::NotSubscribed,
            (Some(true), ..) => Why::Suppressed,
            (_, Some(offers), _) => Why::Served { offers: *offers },
            _ if self.free_agents == 0 => Why::NoFreeAgent,
            _ if self.passed_over.contains_key(bidder) => Why::Filtered { agents },
            (_, _, Some(first)) => Why::LowerRanked { behind: first.clone() },
            // Nothing was given although there was something: all who want had refused it.
            _ if agents > 0 => Why::Filtered { agents },
            _ => Why::NothingNew,
        }
    }

    /// The same for every subscribed framework in each of its roles, at most `limit` of them.
    pub fn all(&self, demand: &Demand, limit: usize) -> Vec<(Bidder, Why)> {
        let bidders = demand.bidders().take(limit);
        bidders.map(|bidder| (bidder.clone(), self.why(&bidder, demand))).collect()
    }
}
