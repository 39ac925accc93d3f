//! What an agent says of itself when it registers.

use super::{
    attributes::Attribute,
    domain::Domain,
    ids::{AgentId, TaskKey},
    reservation::DeclaredReservation,
    resources::Resources,
    status::TaskState,
};

/// An agent: where it is and what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentInfo {
    /// The id in its certificate.
    pub id: AgentId,
    /// For people, and for tasks that must find each other.
    pub hostname: String,
    /// `host:port` of its own listener; empty when it has none.
    pub address: String,
    /// All that it has, used or not.
    pub resources: Resources,
    /// Ordered by name.
    pub attributes: Vec<Attribute>,
    /// Its fault domain; `None` when it does not say.
    pub domain: Option<Domain>,
    /// What of its resources it declares to be reserved: disjoint parts, no two with the same role
    /// and labels.
    pub reservations: Vec<DeclaredReservation>,
    /// The agent's software version.
    pub version: String,
}

/// A task that an agent's journal holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentTask {
    /// Which task.
    pub key: TaskKey,
    /// Its state as the agent knows it.
    pub state: TaskState,
    /// The last update that the agent made for it.
    pub sequence: u64,
}
