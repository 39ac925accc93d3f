//! What is kept for who tasks give way to: pieces on agents, from the decision until they
//! are offered, or for so long.
//!
//! Without it, whoever is first in the order of fairness would take what was freed for another, and
//! the next look would end more tasks. Volatile, like the demand.

use super::{Amounts, Bidder, Demand};
use proto::model::{AgentId, DemandId, Instant};
use std::collections::BTreeMap;

/// Pieces of one demand on one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub bidder: Bidder,
    /// Of which demand; `None` of one that has stated none and takes plain offers.
    pub demand: Option<DemandId>,
    /// On which agent.
    pub agent: AgentId,
    /// One piece.
    pub shape: Amounts,
    /// How many.
    pub count: u32,
    /// Until then.
    pub until: Instant,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    claims: Vec<Claim>,
    /// What is to give way to them, as long as that is not decided.
    proposed: BTreeMap<AgentId, Amounts>,
}

impl Claims {
    /// Every claim.
    pub fn iter(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// Pieces that are kept for a demand.
    pub fn count(&self, bidder: &Bidder, demand: &DemandId) -> u32 {
        let own = self
            .claims
            .iter()
            .filter(|it| it.bidder == *bidder && it.demand.as_ref() == Some(demand));
        own.map(|claim| claim.count).sum()
    }

    /// Whether anything is kept on an agent.
    pub fn has(&self, agent: &AgentId) -> bool {
        self.claims.iter().any(|claim| claim.agent == *agent)
    }

    /// What will be free on an agent once what was proposed is decided.
    pub(super) fn proposed_on(&self, agent: &AgentId) -> Option<&Amounts> {
        self.proposed.get(agent)
    }

    fn add(&mut self, claims: Vec<Claim>) {
        self.claims.extend(claims);
    }

    /// Pieces were offered: so many are kept no longer. Whether any were kept.
    pub(super) fn use_up(
        &mut self,
        bidder: &Bidder,
        agent: &AgentId,
        demand: Option<&DemandId>,
        count: u32,
    ) -> bool {
        let (mut count, most) = (count, count);
        let is_own =
            |it: &Claim| it.bidder == *bidder && it.demand.as_ref() == demand && it.agent == *agent;
        for claim in self.claims.iter_mut().filter(|claim| is_own(claim)) {
            let used = count.min(claim.count);
            claim.count -= used;
            count -= used;
        }
        self.claims.retain(|claim| claim.count > 0);
        count < most
    }

    /// No more is kept for a bidder than it still wants.
    pub(super) fn cap(&mut self, bidder: &Bidder, wanted: impl Fn(Option<&DemandId>) -> u32) {
        let mut kept: Vec<(Option<DemandId>, u32)> = Vec::new();
        for claim in self.claims.iter_mut().filter(|claim| claim.bidder == *bidder) {
            let before: u32 =
                kept.iter().filter(|(id, _)| *id == claim.demand).map(|(_, count)| count).sum();
            claim.count = claim.count.min(wanted(claim.demand.as_ref()).saturating_sub(before));
            kept.push((claim.demand.clone(), claim.count));
        }
        self.claims.retain(|claim| claim.count > 0);
    }

    pub(super) fn expire(&mut self, now: Instant) {
        self.claims.retain(|claim| claim.until > now);
    }
}

impl Demand {
    /// What is kept for demands that tasks give way to.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Keeps more; to which tasks of these agents are to give way that take so much.
    pub fn add_claims(&mut self, claims: Vec<Claim>, proposed: BTreeMap<AgentId, Amounts>) {
        self.claims.add(claims);
        self.claims.proposed = proposed;
    }

    /// What was proposed is decided: who gives way does so now, or nobody does.
    pub fn settle_claims(&mut self) {
        self.claims.proposed.clear();
    }

    /// Keeps for the demands of these no longer what these would have made room for.
    pub fn drop_claims(&mut self, claims: &[Claim]) {
        for claim in claims {
            let demand = claim.demand.as_ref();
            self.claims.use_up(&claim.bidder, &claim.agent, demand, claim.count);
        }
    }
}
