//! Which offers a framework wants in a role, where it has not stated what it wants: of which
//! agents, and holding how much.

use super::{
    agent::AgentInfo,
    demand::Constraint,
    resources::{Resources, Value},
    role::Role,
};

/// The terms of one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferTerms {
    /// Which role.
    pub role: Role,
    /// One of these must hold; none are fulfilled by all.
    pub groups: Vec<OfferGroup>,
    /// An offer holds all of one of these; none are fulfilled by all. Amounts only.
    pub least: Vec<Resources>,
    /// Also what is lent; all plain offers in the role are then revocable.
    pub revocable: bool,
}

/// Conditions of which all must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferGroup {
    /// What the agent is like.
    pub constraints: Vec<Constraint>,
    /// What the offer holds at least. Amounts only.
    pub offered: Resources,
}

impl OfferTerms {
    /// Whether an offer of this agent that holds these resources is wanted.
    pub fn admit(&self, agent: &AgentInfo, offered: &Resources) -> bool {
        self.is_large(offered)
            && (self.groups.is_empty() || self.groups.iter().any(|it| it.holds(agent, offered)))
    }

    /// Whether an offer holds enough, whosever it is.
    pub fn is_large(&self, offered: &Resources) -> bool {
        self.least.is_empty() || self.least.iter().any(|least| holds_amounts(offered, least))
    }
}

impl OfferGroup {
    fn holds(&self, agent: &AgentInfo, offered: &Resources) -> bool {
        holds_amounts(offered, &self.offered)
            && self.constraints.iter().all(|constraint| constraint.holds(agent))
    }
}

/// Whether there are so many of everything.
pub fn holds_amounts(offered: &Resources, least: &Resources) -> bool {
    least.iter().all(|(name, value)| match value {
        Value::Scalar(milli) => offered.count(name) >= *milli,
        Value::Ranges(_) | Value::Set(_) | Value::Devices(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(hostname: &str) -> AgentInfo {
        AgentInfo {
            reservations: Vec::new(),
            id: "a-1".parse().unwrap(),
            hostname: hostname.to_owned(),
            address: String::new(),
            resources: Resources::cpus_mem(8_000, 1_024),
            attributes: Vec::new(),
            domain: "eu/eu-1".parse().ok(),
            version: String::new(),
        }
    }

    fn group(constraints: &[&str], offered: Resources) -> OfferGroup {
        let constraints = constraints.iter().map(|text| text.parse().unwrap()).collect();
        OfferGroup { constraints, offered }
    }

    #[test]
    fn one_group_is_enough_and_all_of_it_is_needed() {
        let groups = vec![
            group(&["hostname in h1", "total cpus >= 8"], Resources::new()),
            group(&["domain in eu"], Resources::cpus_mem(2_000, 0)),
        ];
        let terms = OfferTerms { role: Role::any(), groups, least: Vec::new(), revocable: false };
        assert!(terms.admit(&agent("h1"), &Resources::cpus_mem(100, 100)));
        assert!(terms.admit(&agent("h2"), &Resources::cpus_mem(2_000, 100)));
        assert!(!terms.admit(&agent("h2"), &Resources::cpus_mem(1_999, 100)));
    }

    #[test]
    fn one_of_the_least_sizes_is_enough() {
        let least = vec![Resources::cpus_mem(2_000, 0), Resources::cpus_mem(0, 512)];
        let terms = OfferTerms { role: Role::any(), groups: Vec::new(), least, revocable: false };
        assert!(terms.is_large(&Resources::cpus_mem(2_000, 1)));
        assert!(terms.is_large(&Resources::cpus_mem(1, 512)));
        assert!(!terms.is_large(&Resources::cpus_mem(1_999, 511)));
        let none = OfferTerms { least: Vec::new(), ..terms };
        assert!(none.is_large(&Resources::new()), "any size will do");
    }
}
