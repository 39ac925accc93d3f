//! How the pieces of one demand are spread over fault domains.
//!
//! Pieces that are out or were used since the demand was stated are counted for each domain that
//! their agent is in, at each level that is spoken of. How much an even part is depends on which
//! domains there are, and is worked out anew only when the agents have changed. It does not know
//! what is free.

use super::Place;
use proto::model::{AgentInfo, Domain, DomainSpread, StatedDemand, domain::DomainShare};
use std::collections::{BTreeMap, BTreeSet};

/// Pieces by domain, of any level.
#[derive(Debug, Clone, Default)]
pub struct DomainCounts(BTreeMap<Domain, u32>);

/// The spread of one entry of a demand.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    /// What was said, and how many pieces one domain may have.
    levels: Vec<(DomainSpread, u32)>,
    counts: DomainCounts,
    /// The domains of the agents that pieces are on.
    homes: BTreeMap<Place, Domain>,
}

impl DomainCounts {
    /// No pieces.
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    fn of(&self, domain: &Domain) -> u32 {
        self.0.get(domain).copied().unwrap_or(0)
    }

    fn take(&mut self, domain: &Domain, count: u32) {
        let left = self.of(domain).saturating_sub(count);
        match left {
            0 => drop(self.0.remove(domain)),
            left => drop(self.0.insert(domain.clone(), left)),
        }
    }
}

impl Spread {
    /// As it was stated; `None` when nothing was said. Even parts are nothing before the first
    /// [`Self::divide`].
    pub(super) fn new(stated: &StatedDemand) -> Option<Box<Self>> {
        let level = |spread: &DomainSpread| match spread.share {
            DomainShare::AtMost(most) => (*spread, most),
            DomainShare::Even => (*spread, 0),
        };
        let levels: Vec<_> = stated.spread.iter().map(level).collect();
        let (counts, homes) = (DomainCounts::new(), BTreeMap::new());
        (!levels.is_empty()).then(|| Box::new(Self { levels, counts, homes }))
    }

    /// Whether it depends on which agents there are.
    pub(super) fn is_even(&self) -> bool {
        self.levels.iter().any(|(spread, _)| spread.share == DomainShare::Even)
    }

    /// Works out even parts; whether any is another than before.
    pub(super) fn divide<'a>(
        &mut self,
        stated: &StatedDemand,
        agents: impl Iterator<Item = &'a AgentInfo> + Clone,
    ) -> bool {
        let mut is_changed = false;
        let even = |(spread, _): &&mut (DomainSpread, u32)| spread.share == DomainShare::Even;
        for (spread, part) in self.levels.iter_mut().filter(even) {
            let mut domains = BTreeSet::new();
            for agent in agents.clone() {
                let domain = agent.domain.as_ref().and_then(|it| it.at_level(spread.level));
                // Whether it meets the constraints matters for the first of a domain only.
                if let Some(domain) = domain.filter(|domain| !domains.contains(domain))
                    && stated.unmet(agent).is_none()
                {
                    domains.insert(domain);
                }
            }
            let domains = u32::try_from(domains.len()).expect("agents are limited");
            let fair = if domains == 0 { 0 } else { stated.count.div_ceil(domains) };
            is_changed |= std::mem::replace(part, fair) != fair;
        }
        is_changed
    }

    /// How many more pieces an agent of this domain may have, beyond those that were `given`.
    pub(super) fn room(&self, domain: Option<&Domain>, given: &DomainCounts) -> u32 {
        let room = |(spread, most): &(DomainSpread, u32)| {
            let domain = domain.and_then(|domain| domain.at_level(spread.level));
            domain.map_or(0, |domain| {
                most.saturating_sub(self.counts.of(&domain)).saturating_sub(given.of(&domain))
            })
        };
        self.levels.iter().map(room).min().unwrap_or(u32::MAX)
    }

    /// Counts pieces on an agent of this domain into `counts`.
    pub(super) fn count(&self, domain: Option<&Domain>, count: u32, counts: &mut DomainCounts) {
        for domain in self.domains(domain) {
            *counts.0.entry(domain).or_default() += count;
        }
    }

    /// Pieces are on an agent from now on.
    pub(super) fn put(&mut self, place: Place, domain: Option<&Domain>, count: u32) {
        let Some(domain) = domain else { return };
        let mut counts = std::mem::take(&mut self.counts);
        self.count(Some(domain), count, &mut counts);
        self.counts = counts;
        self.homes.insert(place, domain.clone());
    }

    /// Pieces are on that agent no longer; `left` are.
    pub(super) fn take(&mut self, place: Place, count: u32, left: u32) {
        let home = match left {
            0 => self.homes.remove(&place),
            _ => self.homes.get(&place).cloned(),
        };
        for domain in self.domains(home.as_ref()) {
            self.counts.take(&domain, count);
        }
    }

    fn domains(&self, domain: Option<&Domain>) -> Vec<Domain> {
        let at = |(spread, _): &(DomainSpread, u32)| domain?.at_level(spread.level);
        self.levels.iter().filter_map(at).collect()
    }
}
