//! A typed no: why, which field, and what to do next. Part of the API, and of the replicated state
//! where an answer is remembered for retries.

use super::time::Duration;
use std::fmt;

/// Why a call was refused; the wire's `RefusalReason`, one to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A field is malformed.
    InvalidField,
    /// A limit of [`super::limits`] would be exceeded.
    LimitExceeded,
    /// Ask the leader.
    NotLeader,
    /// No leader yet, or it has not applied its first entry.
    NotReady,
    /// Too much in flight.
    Overloaded,
    /// It may or may not have happened.
    OutcomeUnknown,
    /// No valid certificate.
    Unauthenticated,
    /// The certificate does not allow it.
    NotAuthorized,
    /// No such framework, or not the caller's.
    FrameworkUnknown,
    /// The framework has ended for good.
    FrameworkRemoved,
    /// A newer instance has subscribed.
    FrameworkFenced,
    /// The call needs a live subscription.
    NotSubscribed,
    /// Not a live offer of this framework.
    OfferInvalid,
    /// More than the offers hold.
    ResourcesNotOffered,
    /// Taken before the accept was applied.
    ResourcesTaken,
    /// The task id is in use.
    TaskExists,
    /// No such task, or not the caller's.
    TaskUnknown,
    /// No such unacknowledged update.
    SequenceUnknown,
    /// No such agent.
    AgentUnknown,
    /// The agent is out of contact.
    AgentUnreachable,
    /// The agent was removed for good.
    AgentRemoved,
    /// Another process holds the agent id.
    AgentFenced,
    /// The task cannot go from its state to the reported one.
    TransitionIllegal,
    /// Another cluster.
    ClusterMismatch,
    /// The sequence number is no longer held.
    SequenceExpired,
    /// More than the quota of the role, or of one above it, allows.
    QuotaExceeded,
    /// More would be promised than the cluster has.
    CapacityExceeded,
    /// Others have taken what a commit was decided on.
    Conflict,
    /// The agent takes no new tasks: deactivated, draining, or away for maintenance.
    AgentDeactivated,
    /// No such maintenance window.
    WindowUnknown,
    /// The node id or an address is, or was, another master's.
    MemberExists,
    /// No such master.
    MemberUnknown,
    /// The master was removed for good.
    MemberRemoved,
    /// Another change of the masters is under way.
    MembershipChanging,
    /// Afterwards no quorum could be reached.
    MembershipUnsafe,
    /// No such reservation, or not of this agent.
    ReservationUnknown,
    /// Tasks or refinements use what would be given up or moved.
    ReservationInUse,
    /// No such volume, or not of this agent.
    VolumeUnknown,
    /// The agent has a volume of this name for the role already.
    VolumeExists,
    /// A task uses what would be destroyed, or what only one may use at a time.
    VolumeInUse,
    /// The volume is being destroyed.
    VolumeDestroying,
    /// The volume is being made, or its size is being changed.
    VolumeChanging,
    /// The volume could not be made, or is lost.
    VolumeBroken,
    /// Some master cannot read the command that it would become.
    VersionTooLow,
    /// The task's size is being changed.
    ResizeUnderWay,
    /// The group's id is in use.
    GroupExists,
    /// No such task group.
    GroupUnknown,
    /// The task does not run, or is being ended.
    TaskNotRunning,
}

/// A refusal, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Path of the offending field; empty when it is none's fault.
    pub field: String,
    /// For people: what is wrong, and what to do.
    pub message: String,
    /// Whom to ask instead.
    pub leader_address: Option<String>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal with a message.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let (field, message) = (String::new(), message.into());
        Self { reason, field, message, leader_address: None, retry_after: None }
    }

    /// A malformed field.
    pub fn invalid(field: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self::new(Reason::InvalidField, problem.to_string()).at(field)
    }

    /// A limit that would be exceeded.
    pub fn limit(field: impl Into<String>, count: usize, limit: usize) -> Self {
        let message = format!("{count} is more than the limit of {limit}");
        Self::new(Reason::LimitExceeded, message).at(field)
    }

    /// Names the field.
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = field.into();
        self
    }

    /// Puts `parent` in front of the field's path: `scalar` becomes `tasks[2].scalar`, and a place
    /// in a list, `[0].scalar`, becomes `resources[0].scalar`.
    pub fn under(mut self, parent: &str) -> Self {
        let separator = if self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{parent}{separator}{}", self.field);
        self
    }

    /// Says when to try again.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.is_empty() {
            true => f.write_str(&self.message),
            false => write!(f, "{}: {}", self.field, self.message),
        }
    }
}

impl std::error::Error for Refusal {}
