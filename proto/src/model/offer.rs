//! An offer: resources of one agent, shown to one framework in one role.

use super::{
    agent_life::Unavailability,
    attributes::Attribute,
    domain::Domain,
    ids::{AgentId, DemandId, FrameworkId, OfferId},
    reservation::ReservedPart,
    resources::Resources,
    role::Role,
    time::Duration,
    volume::OfferedVolume,
};

use std::borrow::Cow;

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
    /// Which parts of the resources are reserved, each by the id of its reservation.
    pub reserved: Vec<ReservedPart>,
    /// Volumes of the agent that tasks launched with it may use, as of when it was made.
    pub volumes: Vec<OfferedVolume>,
}

impl Offer {
    /// What of its resources is not reserved.
    pub fn unreserved(&self) -> Cow<'_, Resources> {
        match self.reserved.is_empty() {
            true => Cow::Borrowed(&self.resources),
            false => Cow::Owned(self.reserved.iter().fold(self.resources.clone(), |rest, part| {
                // An offer of ours holds its parts; of somebody else's, what can be is taken out.
                rest.checked_sub(&part.resources).unwrap_or(rest)
            })),
        }
    }
}
