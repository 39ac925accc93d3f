//! Shared offers: what all frameworks of a role see to be free, and what a commit was decided on.
//!
//! Nobody holds what is shown. A commit says what it takes, and the cluster says at once whether
//! that was still there.

use super::{
    agent::AgentInfo, agent_life::Unavailability, attributes::Attribute, demand::Constraint,
    domain::Domain, ids::AgentId, resources::Resources, role::Role,
};
use std::fmt;

/// Grows each time that something else is free on an agent. Compared for one agent only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct AgentVersion {
    /// Of the leader that counts.
    pub term: u64,
    /// Its count.
    pub number: u64,
}

/// When a commit conflicts with what others did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConflictDetection {
    /// When the resources are no longer free.
    #[default]
    Fine,
    /// When the agent has another version than the one that it was decided on, whatever is free.
    Coarse,
}

/// One agent as the frameworks of a shared role see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedAgent {
    /// Which.
    pub agent: AgentId,
    /// Of what is free there.
    pub version: AgentVersion,
    /// What a commit in this role may take.
    pub free: Resources,
    /// When it is shown for the first time on this stream, or describes itself differently.
    pub description: Option<SharedDescription>,
    /// When it will next be away, as of when it was shown.
    pub unavailability: Option<Unavailability>,
}

/// How an agent describes itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SharedDescription {
    /// For people.
    pub hostname: String,
    /// Facts about the machine.
    pub attributes: Vec<Attribute>,
    /// Its fault domain; `None` when it does not say.
    pub domain: Option<Domain>,
    /// All that it has, whoever uses it.
    pub total: Resources,
}

/// The newest state of agents that are seen differently than when they were last shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedState {
    /// In which role.
    pub role: Role,
    /// The agents.
    pub agents: Vec<SharedAgent>,
    /// What was shown of the role before is to be forgotten.
    pub begins: bool,
    /// Everything that was to be shown has been shown.
    pub complete: bool,
    /// The role is not shared any longer.
    pub ended: bool,
}

impl SharedDescription {
    /// Whether the agent of this id, which describes itself so, is as every constraint wants it.
    pub fn meets(&self, agent: &AgentId, constraints: &[Constraint]) -> bool {
        if constraints.is_empty() {
            return true;
        }
        let info = AgentInfo {
            id: agent.clone(),
            hostname: self.hostname.clone(),
            address: String::new(),
            resources: self.total.clone(),
            attributes: self.attributes.clone(),
            domain: self.domain.clone(),
            reservations: Vec::new(),
            version: String::new(),
        };
        constraints.iter().all(|constraint| constraint.holds(&info))
    }
}

impl fmt::Display for AgentVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.term, self.number)
    }
}
