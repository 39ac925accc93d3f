//! What can happen to an agent: the leader spoke, a container did something, time passed.

use crate::journal::ContainerId;
use proto::model::{Leadership, Order, VolumeKey};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Nothing but time; give it when [`crate::Agent::deadline`] is reached.
    Tick,
    /// The stream that `Connect` asked for is open.
    Connected {
        /// The session of that `Connect`.
        session: u64,
    },
    /// The stream ended, or could not be opened.
    Disconnected {
        /// The session of that `Connect`.
        session: u64,
    },
    /// The master at the other end said something.
    Order {
        /// On which stream.
        session: u64,
        /// The master's term.
        term: u64,
        /// What it said.
        order: Order,
    },
    /// Another master was asked who leads.
    LeaderFound {
        /// The number of [`crate::Effect::FindLeader`].
        question: u64,
        /// Its answer, if there was one.
        answer: Option<Leadership>,
    },
    /// The task's program was executed.
    ContainerStarted {
        /// Which container.
        container: ContainerId,
    },
    /// The task's program was never executed, and nothing of the container is left.
    ContainerFailed {
        /// Which container.
        container: ContainerId,
        /// Why.
        failure: LaunchFailure,
    },
    /// A container's limits were changed, or could not be.
    ContainerResized {
        /// Which container.
        container: ContainerId,
        /// Which size.
        version: u64,
        /// Why the old limits are still in force, for people.
        result: Result<(), String>,
    },
    /// The container ended; no process of it is left.
    ContainerExited {
        /// Which container.
        container: ContainerId,
        /// How.
        report: ExitReport,
    },
    /// What was wanted of a volume's directory is done, or could not be.
    VolumeDone {
        /// Which volume.
        key: VolumeKey,
        /// The version of the effect.
        version: u64,
        /// Why not, for people; nothing has changed then, except that a deletion may have begun.
        result: Result<(), String>,
    },
    /// The disk under the journal is nearly full, or no longer.
    JournalSpace {
        /// While it is, launches are refused.
        low: bool,
    },
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitReport {
    /// What happened.
    pub ending: Ending,
    /// Whether its end had been ordered before.
    pub killed_by_request: bool,
    /// The most memory that it ever held, where the kernel tells.
    pub memory_peak_bytes: Option<u64>,
}

/// The ways a container ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The command returned.
    Exited(i32),
    /// A signal ended the command.
    Signaled(i32),
    /// It used more memory than it may.
    OutOfMemory {
        /// Its own limit; `None` if the shortage came from outside.
        limit_bytes: Option<u64>,
    },
    /// It never ran.
    LaunchFailed(LaunchFailure),
    /// Its supervisor ended without saying how.
    SupervisorLost,
}

/// Why a container never ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchFailure {
    /// What to make of it.
    pub kind: FailureKind,
    /// For people.
    pub message: String,
}

/// Classes of launch failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// No such program.
    NotFound,
    /// The program cannot be executed.
    NotExecutable,
    /// The task asks for something that this agent can never do.
    Invalid,
    /// It was stopped before it ran.
    Cancelled,
    /// The agent was gone before it ran.
    Abandoned,
    /// A volume that it uses is not there, or cannot be shown to it as it asks.
    Volume,
    /// Its image is not there, or is not one that this agent can run.
    Image,
    /// Anything else: no process to be had, no sandbox, no cgroup.
    Other,
}
