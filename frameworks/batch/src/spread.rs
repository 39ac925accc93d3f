//! How the instances of one task are spread over agents and fault domains in a shared role, where
//! nobody else does it.
//!
//! Counted are instances that are asked for or have not ended. It is worked out each time that
//! instances are placed, from where they are. It knows of no other agents than those that are, or
//! were, shown: a domain in which nothing was ever free gets no even part.

use crate::job::TaskSpec;
use bourse_sdk::CellState;
use bourse_sdk::model::{AgentId, Domain, domain::DomainShare};
use std::collections::{BTreeMap, BTreeSet};

/// The fault domains of agents that instances were placed on. Agents on which nothing is free are
/// not shown to who comes back, so that this cannot be looked up when it is needed.
pub(crate) type Homes = BTreeMap<AgentId, Domain>;

/// Where the instances of a task are, and how many may be.
#[derive(Debug)]
pub(crate) struct Spread {
    per_agent_max: u32,
    by_agent: BTreeMap<AgentId, u32>,
    by_domain: BTreeMap<Domain, u32>,
    /// Levels that are spoken of, and how many instances a domain of each may have.
    levels: Vec<(u8, u32)>,
}

impl Spread {
    /// Of a task whose instances are on these agents; so many more are to be placed. `None` when
    /// they may be anywhere.
    pub(crate) fn new<'a>(
        spec: &TaskSpec,
        agents: impl Iterator<Item = &'a AgentId>,
        more: u32,
        cell: &CellState,
        homes: &Homes,
    ) -> Option<Self> {
        if spec.per_agent_max.is_none() && spec.domain_spread.is_empty() {
            return None;
        }
        let (by_agent, by_domain) = (BTreeMap::new(), BTreeMap::new());
        let per_agent_max = spec.per_agent_max.unwrap_or(u32::MAX);
        let levels = spec.domain_spread.iter().map(|spread| (spread.level, 0)).collect();
        let mut spread = Self { per_agent_max, by_agent, by_domain, levels };
        let mut all = more;
        for agent in agents {
            spread.put(agent, home(agent, cell, homes));
            all = all.saturating_add(1);
        }
        for (place, stated) in spec.domain_spread.iter().enumerate() {
            spread.levels[place].1 = match stated.share {
                DomainShare::AtMost(most) => most,
                DomainShare::Even => {
                    let domains = domains(spec, stated.level, cell);
                    all.div_ceil(u32::try_from(domains.len()).unwrap_or(u32::MAX).max(1))
                }
            };
        }
        Some(spread)
    }

    /// Whether an agent in this domain may have one more.
    pub(crate) fn has_room(&self, agent: &AgentId, domain: Option<&Domain>) -> bool {
        let there = self.by_agent.get(agent).copied().unwrap_or(0);
        let mut levels = self.levels.iter();
        there < self.per_agent_max
            && levels.all(|(level, most)| {
                let domain = domain.and_then(|domain| domain.at_level(*level));
                domain.is_some_and(|it| self.by_domain.get(&it).copied().unwrap_or(0) < *most)
            })
    }

    /// One more is on an agent in this domain.
    pub(crate) fn put(&mut self, agent: &AgentId, domain: Option<&Domain>) {
        *self.by_agent.entry(agent.clone()).or_default() += 1;
        let at = |(level, _): &(u8, u32)| domain?.at_level(*level);
        for domain in self.levels.iter().filter_map(at) {
            *self.by_domain.entry(domain).or_default() += 1;
        }
    }
}

/// The fault domain of an agent, as it is shown or was.
pub(crate) fn home<'a>(
    agent: &AgentId,
    cell: &'a CellState,
    homes: &'a Homes,
) -> Option<&'a Domain> {
    match cell.agent(agent) {
        Some(there) => there.description.domain.as_ref(),
        None => homes.get(agent),
    }
}

/// The domains of a level in which an agent that is shown meets the constraints.
fn domains(spec: &TaskSpec, level: u8, cell: &CellState) -> BTreeSet<Domain> {
    let mut domains = BTreeSet::new();
    for (id, agent) in cell.agents() {
        let domain = agent.description.domain.as_ref().and_then(|it| it.at_level(level));
        // Whether it meets the constraints matters for the first of a domain only.
        if let Some(domain) = domain.filter(|domain| !domains.contains(domain))
            && cell.meets(id, &spec.constraints)
        {
            domains.insert(domain);
        }
    }
    domains
}
