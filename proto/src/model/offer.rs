//! An offer: resources of one agent, shown to one framework in one role.

use super::{
    attributes::Attribute,
    ids::{AgentId, FrameworkId, OfferId, Role},
    resources::Resources,
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
    /// After this it is rescinded; `None` has no deadline.
    pub expires_in: Option<Duration>,
}
