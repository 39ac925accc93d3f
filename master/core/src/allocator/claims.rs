//! What is kept for a demand that tasks give way to: pieces on agents, from the decision until they
//! are offered, or for so long.
//!
//! Without it, whoever is first in the order of fairness would take what was freed for another, and
//! the next look would end more tasks. Volatile, like the demand.

use super::{Amounts, Bidder, Demand};
use proto::model::{AgentId, DemandId, Instant};

/// Pieces of one demand on one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub bidder: Bidder,
    /// Of which demand.
    pub demand: DemandId,
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
pub struct Claims(Vec<Claim>);

impl Claims {
    /// Every claim.
    pub fn iter(&self) -> impl Iterator<Item = &Claim> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Pieces that are kept for a demand.
    pub fn count(&self, bidder: &Bidder, demand: &DemandId) -> u32 {
        let own = self.0.iter().filter(|it| it.bidder == *bidder && it.demand == *demand);
        own.map(|claim| claim.count).sum()
    }

    /// Whether anything is kept on an agent.
    pub fn has(&self, agent: &AgentId) -> bool {
        self.0.iter().any(|claim| claim.agent == *agent)
    }

    fn add(&mut self, claims: Vec<Claim>) {
        self.0.extend(claims);
    }

    /// Pieces were offered: so many are kept no longer.
    pub(super) fn use_up(
        &mut self,
        bidder: &Bidder,
        agent: &AgentId,
        demand: &DemandId,
        count: u32,
    ) {
        let mut count = count;
        let is_own =
            |it: &Claim| it.bidder == *bidder && it.demand == *demand && it.agent == *agent;
        for claim in self.0.iter_mut().filter(|claim| is_own(claim)) {
            let used = count.min(claim.count);
            claim.count -= used;
            count -= used;
        }
        self.0.retain(|claim| claim.count > 0);
    }

    /// No more is kept for a bidder than it still wants.
    pub(super) fn cap(&mut self, bidder: &Bidder, wanted: impl Fn(&DemandId) -> u32) {
        let mut kept: Vec<(DemandId, u32)> = Vec::new();
        for claim in self.0.iter_mut().filter(|claim| claim.bidder == *bidder) {
            let before: u32 =
                kept.iter().filter(|(id, _)| *id == claim.demand).map(|(_, count)| count).sum();
            claim.count = claim.count.min(wanted(&claim.demand).saturating_sub(before));
            kept.push((claim.demand.clone(), claim.count));
        }
        self.0.retain(|claim| claim.count > 0);
    }

    pub(super) fn expire(&mut self, now: Instant) {
        self.0.retain(|claim| claim.until > now);
    }
}

impl Demand {
    /// What is kept for demands that tasks give way to.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Keeps more.
    pub fn add_claims(&mut self, claims: Vec<Claim>) {
        self.claims.add(claims);
    }

    /// Keeps for the demands of these no longer what these would have made room for.
    pub fn drop_claims(&mut self, claims: &[Claim]) {
        for claim in claims {
            self.claims.use_up(&claim.bidder, &claim.agent, &claim.demand, claim.count);
        }
    }
}
