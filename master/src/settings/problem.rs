//! What can be wrong with a master's settings, beside what can be wrong with anybody's.

use crate::disk::ClusterIdError;
use edge::settings::Malformed;
use proto::model::{IdError, NodeId, resources::ResourceError, role_settings::UnknownWord};

/// Why a master has no settings to start with.
pub type SettingsError = edge::settings::SettingsError<Problem>;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not of the form that every such value has.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Port 0 can be told to nobody.
    #[error("port 0 is only possible for a master without others")]
    PortZero,
    /// Not a cluster's name.
    #[error(transparent)]
    Cluster(#[from] ClusterIdError),
    /// Two members with one number.
    #[error("member {node} is given twice")]
    MemberTwice {
        /// The number.
        node: NodeId,
    },
    /// Two members at one address.
    #[error("{address} is given for two members")]
    AddressTwice {
        /// The address.
        address: String,
    },
    /// A number of members that tolerates no more than one less would.
    #[error("{count} members are given; a cluster has 1, 3 or 5")]
    MemberCount {
        /// How many.
        count: usize,
    },
    /// A member that others could not reach.
    #[error("member {node} has no address for other masters (ID=API/PEER)")]
    NoPeerAddress {
        /// Which.
        node: NodeId,
    },
    /// Either, or.
    #[error("a master that joins a cluster founds none: give `join` or `members`")]
    JoinsAndFounds,
    /// This node is not in the list.
    #[error("{node} is not among the members")]
    NotAMember {
        /// This node.
        node: NodeId,
    },
    /// With several members this one must listen for the others.
    #[error("must be given when there is more than one member, and to join")]
    NeededForPeers,
    /// Not a role.
    #[error("{text:?} is not a role")]
    Role {
        /// What was said.
        text: String,
        /// Why.
        #[source]
        source: IdError,
    },
    /// Not a weight.
    #[error("{text:?} is not a weight")]
    Weight {
        /// What was said.
        text: String,
        /// Why.
        #[source]
        source: ResourceError,
    },
    /// Nobody with weight 0 would ever be offered anything.
    #[error("the weight of {role} is zero")]
    WeightZero {
        /// Whose.
        role: String,
    },
    /// A role with two weights.
    #[error("the role {role} is given twice")]
    RoleTwice {
        /// Which.
        role: String,
    },
    /// Not a placement policy.
    #[error("is not a placement policy")]
    Placement(#[source] UnknownWord),
    /// Not a rate.
    #[error("{text:?} is not a rate; write PRINCIPAL=PER_SECOND/BURST or PRINCIPAL=none")]
    Rate {
        /// What was said.
        text: String,
    },
    /// A principal with two rates.
    #[error("the rate of {principal} is given twice")]
    RateTwice {
        /// Whose.
        principal: String,
    },
    /// A value that contradicts another.
    #[error("{value} must be more than {bound} ({reason})")]
    NotMore {
        /// What it is.
        value: u64,
        /// What it must exceed.
        bound: u64,
        /// Why.
        reason: &'static str,
    },
}
