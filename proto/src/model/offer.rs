//! An offer: resources of one agent, shown to one framework in one role.

use super::{
    agent_life::Unavailability,
    attributes::Attribute,
    domain::Domain,
    ids::{AgentId, DemandId, FrameworkId, OfferId},
    resources::Resources,
    role::Role,
    time::Duration,
};

/// What a framework is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Carries the leader's term, so that a new leader's are never mistaken for it.
    pub id: OfferId,
    /// To whom.
    pub framework: FrameworkId,
    /// On whose share.
    pub role: Role,
    /// Of whom.
    pub agent: AgentId,
    /// The agent's host.
    pub hostname: String,
    /// What may be used.
    pub resources: Resources,
    /// The agent's attributes.
    pub attributes: Vec<Attribute>,
    /// Its fault domain; `None` when it does not say.
    pub domain: Option<Domain>,
    /// After this it is rescinded; `None` has no deadline.
    pub expires_in: Option<Duration>,
    /// When the agent will next be away; `None` when nothing is planned.
    pub unavailability: Option<Unavailability>,
    /// Which of the framework's demands it is for, and how many pieces of each; empty when the
    /// framework has stated none.
    pub pieces: Vec<(DemandId, u32)>,
    /// What runs on it is revocable: it may be of what others are promised.
    pub revocable: bool,
}
