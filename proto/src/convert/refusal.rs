//! Refusals, as messages and as gRPC statuses.
//!
//! Over gRPC a refusal travels twice: as code and message, which any client understands, and whole
//! in the status' details, packed as `google.rpc.Status` the way every language's rich error
//! tooling expects. The codes are chosen for stock clients: `UNAVAILABLE` is what they retry, so
//! that it is said only when the call certainly had no effect and the same call may succeed soon,
//! on this connection or on another master's.
//!
//! | Reason | Code | Why |
//! |---|---|---|
//! | `InvalidField` | `INVALID_ARGUMENT` | |
//! | `LimitExceeded` | `RESOURCE_EXHAUSTED` | not retried by default: the limit stays |
//! | `NotLeader`, `NotReady`, `Overloaded` | `UNAVAILABLE` | retried, on the next address |
//! | `OutcomeUnknown` | `UNKNOWN` | never retried blindly: it may have happened |
//! | `Unauthenticated` | `UNAUTHENTICATED` | |
//! | `NotAuthorized` | `PERMISSION_DENIED` | |
//! | `FrameworkUnknown`, `TaskUnknown`, `SequenceUnknown` | `NOT_FOUND` | |
//! | `AgentUnknown`, `WindowUnknown`, `MemberUnknown` | `NOT_FOUND` | |
//! | `ReservationUnknown`, `GroupUnknown`, `VolumeUnknown` | `NOT_FOUND` | |
//! | `TaskExists`, `GroupExists`, `MemberExists`, `VolumeExists` | `ALREADY_EXISTS` | |
//! | `ResourcesTaken`, `Conflict` | `ABORTED` | a race was lost: decide anew |
//! | `SequenceExpired` | `OUT_OF_RANGE` | |
//! | `QuotaExceeded`, `CapacityExceeded` | `RESOURCE_EXHAUSTED` | not retried by default |
//! | all others | `FAILED_PRECONDITION` | the caller's picture is out of date |

use crate::model::{Duration, Reason, Refusal};
use crate::wire::v1;

#[cfg(feature = "grpc")]
pub use super::rich_status::{from_status, to_status};

/// Writes a refusal; "at once" becomes a millisecond, since 0 means that nothing is said.
pub fn write_refusal(refusal: &Refusal) -> v1::Refusal {
    v1::Refusal {
        reason: write_refusal_reason(refusal.reason).into(),
        field: refusal.field.clone(),
        message: refusal.message.clone(),
        leader_address: refusal.leader_address.clone().unwrap_or_default(),
        retry_after_ms: refusal.retry_after.map_or(0, |after| after.as_ms().max(1)),
    }
}

/// Reads a refusal, whatever it says: a no is a no.
///
/// A reason that this version does not know, or that is missing, becomes
/// [`Reason::OutcomeUnknown`], which promises least: the call may or may not have happened.
pub fn read_refusal(refusal: v1::Refusal) -> Refusal {
    let reason = read_refusal_reason(refusal.reason).unwrap_or(Reason::OutcomeUnknown);
    with_reason(refusal, reason)
}

pub(super) fn with_reason(refusal: v1::Refusal, reason: Reason) -> Refusal {
    let retry_after_ms = refusal.retry_after_ms;
    Refusal {
        reason,
        field: refusal.field,
        message: refusal.message,
        leader_address: Some(refusal.leader_address).filter(|address| !address.is_empty()),
        retry_after: (retry_after_ms > 0).then_some(Duration(retry_after_ms)),
    }
}

/// The reason, if this version knows it.
pub(super) fn read_refusal_reason(number: i32) -> Option<Reason> {
    use v1::RefusalReason as Wire;
    Some(match Wire::try_from(number).ok()? {
        Wire::RefusalUnspecified => return None,
        Wire::RefusalInvalidField => Reason::InvalidField,
        Wire::RefusalLimitExceeded => Reason::LimitExceeded,
        Wire::RefusalNotLeader => Reason::NotLeader,
        Wire::RefusalNotReady => Reason::NotReady,
        Wire::RefusalOverloaded => Reason::Overloaded,
        Wire::RefusalOutcomeUnknown => Reason::OutcomeUnknown,
        Wire::RefusalUnauthenticated => Reason::Unauthenticated,
        Wire::RefusalNotAuthorized => Reason::NotAuthorized,
        Wire::RefusalFrameworkUnknown => Reason::FrameworkUnknown,
        Wire::RefusalFrameworkRemoved => Reason::FrameworkRemoved,
        Wire::RefusalFrameworkFenced => Reason::FrameworkFenced,
        Wire::RefusalNotSubscribed => Reason::NotSubscribed,
        Wire::RefusalOfferInvalid => Reason::OfferInvalid,
        Wire::RefusalResourcesNotOffered => Reason::ResourcesNotOffered,
        Wire::RefusalResourcesTaken => Reason::ResourcesTaken,
        Wire::RefusalTaskExists => Reason::TaskExists,
        Wire::RefusalTaskUnknown => Reason::TaskUnknown,
        Wire::RefusalSequenceUnknown => Reason::SequenceUnknown,
        Wire::RefusalAgentUnknown => Reason::AgentUnknown,
        Wire::RefusalAgentUnreachable => Reason::AgentUnreachable,
        Wire::RefusalAgentRemoved => Reason::AgentRemoved,
        Wire::RefusalAgentFenced => Reason::AgentFenced,
        Wire::RefusalTransitionIllegal => Reason::TransitionIllegal,
        Wire::RefusalClusterMismatch => Reason::ClusterMismatch,
        Wire::RefusalSequenceExpired => Reason::SequenceExpired,
        Wire::RefusalQuotaExceeded => Reason::QuotaExceeded,
        Wire::RefusalCapacityExceeded => Reason::CapacityExceeded,
        Wire::RefusalConflict => Reason::Conflict,
        Wire::RefusalAgentDeactivated => Reason::AgentDeactivated,
        Wire::RefusalWindowUnknown => Reason::WindowUnknown,
        Wire::RefusalMemberExists => Reason::MemberExists,
        Wire::RefusalMemberUnknown => Reason::MemberUnknown,
        Wire::RefusalMemberRemoved => Reason::MemberRemoved,
        Wire::RefusalMembershipChanging => Reason::MembershipChanging,
        Wire::RefusalMembershipUnsafe => Reason::MembershipUnsafe,
        Wire::RefusalReservationUnknown => Reason::ReservationUnknown,
        Wire::RefusalReservationInUse => Reason::ReservationInUse,
        Wire::RefusalVolumeUnknown => Reason::VolumeUnknown,
        Wire::RefusalVolumeExists => Reason::VolumeExists,
        Wire::RefusalVolumeInUse => Reason::VolumeInUse,
        Wire::RefusalVolumeDestroying => Reason::VolumeDestroying,
        Wire::RefusalVolumeChanging => Reason::VolumeChanging,
        Wire::RefusalVolumeBroken => Reason::VolumeBroken,
        Wire::RefusalVersionTooLow => Reason::VersionTooLow,
        Wire::RefusalResizeUnderWay => Reason::ResizeUnderWay,
        Wire::RefusalGroupExists => Reason::GroupExists,
        Wire::RefusalGroupUnknown => Reason::GroupUnknown,
        Wire::RefusalTaskNotRunning => Reason::TaskNotRunning,
    })
}

fn write_refusal_reason(reason: Reason) -> v1::RefusalReason {
    use v1::RefusalReason as Wire;
    match reason {
        Reason::InvalidField => Wire::RefusalInvalidField,
        Reason::LimitExceeded => Wire::RefusalLimitExceeded,
        Reason::NotLeader => Wire::RefusalNotLeader,
        Reason::NotReady => Wire::RefusalNotReady,
        Reason::Overloaded => Wire::RefusalOverloaded,
        Reason::OutcomeUnknown => Wire::RefusalOutcomeUnknown,
        Reason::Unauthenticated => Wire::RefusalUnauthenticated,
        Reason::NotAuthorized => Wire::RefusalNotAuthorized,
        Reason::FrameworkUnknown => Wire::RefusalFrameworkUnknown,
        Reason::FrameworkRemoved => Wire::RefusalFrameworkRemoved,
        Reason::FrameworkFenced => Wire::RefusalFrameworkFenced,
        Reason::NotSubscribed => Wire::RefusalNotSubscribed,
        Reason::OfferInvalid => Wire::RefusalOfferInvalid,
        Reason::ResourcesNotOffered => Wire::RefusalResourcesNotOffered,
        Reason::ResourcesTaken => Wire::RefusalResourcesTaken,
        Reason::TaskExists => Wire::RefusalTaskExists,
        Reason::TaskUnknown => Wire::RefusalTaskUnknown,
        Reason::SequenceUnknown => Wire::RefusalSequenceUnknown,
        Reason::AgentUnknown => Wire::RefusalAgentUnknown,
        Reason::AgentUnreachable => Wire::RefusalAgentUnreachable,
        Reason::AgentRemoved => Wire::RefusalAgentRemoved,
        Reason::AgentFenced => Wire::RefusalAgentFenced,
        Reason::TransitionIllegal => Wire::RefusalTransitionIllegal,
        Reason::ClusterMismatch => Wire::RefusalClusterMismatch,
        Reason::SequenceExpired => Wire::RefusalSequenceExpired,
        Reason::QuotaExceeded => Wire::RefusalQuotaExceeded,
        Reason::CapacityExceeded => Wire::RefusalCapacityExceeded,
        Reason::Conflict => Wire::RefusalConflict,
        Reason::AgentDeactivated => Wire::RefusalAgentDeactivated,
        Reason::WindowUnknown => Wire::RefusalWindowUnknown,
        Reason::MemberExists => Wire::RefusalMemberExists,
        Reason::MemberUnknown => Wire::RefusalMemberUnknown,
        Reason::MemberRemoved => Wire::RefusalMemberRemoved,
        Reason::MembershipChanging => Wire::RefusalMembershipChanging,
        Reason::MembershipUnsafe => Wire::RefusalMembershipUnsafe,
        Reason::ReservationUnknown => Wire::RefusalReservationUnknown,
        Reason::ReservationInUse => Wire::RefusalReservationInUse,
        Reason::VolumeUnknown => Wire::RefusalVolumeUnknown,
        Reason::VolumeExists => Wire::RefusalVolumeExists,
        Reason::VolumeInUse => Wire::RefusalVolumeInUse,
        Reason::VolumeDestroying => Wire::RefusalVolumeDestroying,
        Reason::VolumeChanging => Wire::RefusalVolumeChanging,
        Reason::VolumeBroken => Wire::RefusalVolumeBroken,
        Reason::VersionTooLow => Wire::RefusalVersionTooLow,
        Reason::ResizeUnderWay => Wire::RefusalResizeUnderWay,
        Reason::GroupExists => Wire::RefusalGroupExists,
        Reason::GroupUnknown => Wire::RefusalGroupUnknown,
        Reason::TaskNotRunning => Wire::RefusalTaskNotRunning,
    }
}
