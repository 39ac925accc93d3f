//! The jail's words for how a container ended, in the core's.

use agent_core::{Ending, ExitReport, FailureKind, LaunchFailure};
use jail::{ExitRecord, FailureReason, Outcome};

/// What an exit record says.
pub(crate) fn exit_report(record: ExitRecord) -> ExitReport {
    let ending = match record.outcome {
        Outcome::Exited { code } => Ending::Exited(code),
        Outcome::Signaled { signal } => Ending::Signaled(signal),
        Outcome::OutOfMemory { limit_bytes } => Ending::OutOfMemory { limit_bytes },
        Outcome::LaunchFailed(failure) => Ending::LaunchFailed(launch_failure(failure)),
    };
    ExitReport {
        ending,
        killed_by_request: record.killed_by_request,
        memory_peak_bytes: record.memory_peak_bytes,
    }
}

/// What a failed launch says.
pub(crate) fn launch_failure(failure: jail::LaunchFailure) -> LaunchFailure {
    LaunchFailure { kind: kind(failure.reason), message: failure.message }
}

/// The end of a container of which nothing is known but that it is gone.
pub(crate) fn supervisor_lost() -> ExitReport {
    ExitReport { ending: Ending::SupervisorLost, killed_by_request: false, memory_peak_bytes: None }
}

/// A launch that failed on this side.
pub(crate) fn failed(kind: FailureKind, message: impl Into<String>) -> LaunchFailure {
    LaunchFailure { kind, message: message.into() }
}

/// A launch that nobody wants any more.
pub(crate) fn cancelled() -> LaunchFailure {
    failed(FailureKind::Cancelled, "stopped before it was started")
}

fn kind(reason: FailureReason) -> FailureKind {
    match reason {
        FailureReason::NotFound => FailureKind::NotFound,
        FailureReason::NotExecutable => FailureKind::NotExecutable,
        FailureReason::InvalidPlan => FailureKind::Invalid,
        FailureReason::Cancelled => FailureKind::Cancelled,
        FailureReason::Abandoned => FailureKind::Abandoned,
        FailureReason::NotPermitted
        | FailureReason::Resources
        | FailureReason::Sandbox
        | FailureReason::Runtime
        | FailureReason::Cgroups
        | FailureReason::Isolation
        | FailureReason::Died => FailureKind::Other,
    }
}
