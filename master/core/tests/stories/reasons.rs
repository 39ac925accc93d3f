//! Every reason for which the core refuses is told in some story, or tested where it is said.

use super::rig::golden_folder;
use proto::model::Reason;
use std::fs;

/// Where a reason's test is; a new reason does not compile before it has one.
fn tested_in(reason: Reason) -> &'static str {
    match reason {
        Reason::InvalidField
        | Reason::NotLeader
        | Reason::NotReady
        | Reason::Overloaded
        | Reason::NotAuthorized
        | Reason::FrameworkUnknown
        | Reason::FrameworkRemoved
        | Reason::FrameworkFenced
        | Reason::NotSubscribed
        | Reason::OfferInvalid
        | Reason::ResourcesNotOffered
        | Reason::TaskExists
        | Reason::TaskUnknown
        | Reason::SequenceUnknown
        | Reason::AgentUnknown
        | Reason::AgentUnreachable
        | Reason::AgentRemoved
        | Reason::AgentFenced
        | Reason::TransitionIllegal
        | Reason::ResizeUnderWay
        | Reason::GroupExists
        | Reason::GroupUnknown
        | Reason::TaskNotRunning
        | Reason::WindowUnknown
        | Reason::QuotaExceeded
        | Reason::CapacityExceeded
        | Reason::Conflict
        | Reason::ReservationUnknown
        | Reason::ReservationInUse
        | Reason::VolumeUnknown
        | Reason::VolumeExists
        | Reason::VolumeDestroying
        | Reason::VolumeChanging
        | Reason::VolumeInUse
        | Reason::SequenceExpired => "stories",
        // `tests/ledger_suite`: what only apply sees, and what takes many rows.
        Reason::ResourcesTaken
        | Reason::LimitExceeded
        | Reason::AgentDeactivated
        | Reason::VolumeBroken => "ledger_suite",
        // The tests of membership.
        Reason::MemberExists
        | Reason::MemberUnknown
        | Reason::MemberRemoved
        | Reason::MembershipChanging
        | Reason::MembershipUnsafe
        | Reason::VersionTooLow => "membership",
        // The simulator demands that a leader changes with an accept in flight.
        Reason::OutcomeUnknown => "simulator",
        // The shells' alone: certificates.
        Reason::Unauthenticated | Reason::ClusterMismatch => "shells",
    }
}

const ALL: &[Reason] = &[
    Reason::InvalidField,
    Reason::ReservationUnknown,
    Reason::ReservationInUse,
    Reason::VolumeUnknown,
    Reason::VolumeExists,
    Reason::VolumeDestroying,
    Reason::VolumeChanging,
    Reason::VolumeInUse,
    Reason::LimitExceeded,
    Reason::NotLeader,
    Reason::NotReady,
    Reason::Overloaded,
    Reason::OutcomeUnknown,
    Reason::Unauthenticated,
    Reason::NotAuthorized,
    Reason::FrameworkUnknown,
    Reason::FrameworkRemoved,
    Reason::FrameworkFenced,
    Reason::NotSubscribed,
    Reason::OfferInvalid,
    Reason::ResourcesNotOffered,
    Reason::ResourcesTaken,
    Reason::TaskExists,
    Reason::TaskUnknown,
    Reason::SequenceUnknown,
    Reason::AgentUnknown,
    Reason::AgentUnreachable,
    Reason::AgentRemoved,
    Reason::AgentFenced,
    Reason::TransitionIllegal,
    Reason::ClusterMismatch,
    Reason::SequenceExpired,
    Reason::GroupExists,
    Reason::GroupUnknown,
    Reason::QuotaExceeded,
    Reason::CapacityExceeded,
    Reason::Conflict,
    Reason::AgentDeactivated,
    Reason::WindowUnknown,
];

#[test]
fn every_reason_is_told() {
    let files = fs::read_dir(golden_folder()).expect("the folder is part of the repository");
    let stories: String = files
        .map(|file| fs::read_to_string(file.expect("readable").path()).expect("text"))
        .collect();
    let told = |reason: &Reason| {
        ["refused", "error", "ends"]
            .iter()
            .any(|verb| stories.contains(&format!("{verb} {reason:?} ")))
    };
    let silent: Vec<_> = ALL
        .iter()
        .copied()
        .filter(|reason| tested_in(*reason) == "stories" && !told(reason))
        .collect();
    assert_eq!(silent, [], "no story tells of these");
}
