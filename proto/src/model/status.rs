//! Task states, which may follow which, and what is said with them.
//!
//! The states are Mesos' for partition-aware frameworks (`docs/task-state-reasons.md` there); its
//! `LOST` is not among them, since it may mean five different things.

use super::{
    ids::{AgentId, TaskId},
    time::WallTime,
};
use std::fmt;

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// Committed by the master, not yet reported by the agent.
    Staging,
    /// The agent has recorded the launch and sets the container up.
    Starting,
    /// It runs.
    Running,
    /// A kill is under way.
    Killing,
    /// Ended with exit code 0.
    Finished,
    /// Ended otherwise.
    Failed,
    /// Ended because it was asked to.
    Killed,
    /// Its description cannot be run.
    Error,
    /// Never launched.
    Dropped,
    /// Its agent is out of contact; it may come back.
    Unreachable,
    /// Its agent came back without it, or was removed.
    Gone,
    /// Only in answers to reconciliation: the master has no record.
    Unknown,
}

/// Who made a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusSource {
    /// The master.
    Master,
    /// The agent.
    Agent,
}

/// Why a task is in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusReason {
    /// Nothing to say.
    None,
    /// The container could not be set up; the message says which step failed.
    ContainerLaunchFailed,
    /// Used more memory than its limit.
    ContainerLimitationMemory,
    /// The program does not exist (a shell's 127).
    CommandNotFound,
    /// The program cannot be executed (a shell's 126).
    CommandNotExecutable,
    /// The command exited by itself.
    CommandExited,
    /// A signal ended the command.
    CommandSignaled,
    /// Its framework asked.
    KilledByFramework,
    /// An operator asked.
    KilledByOperator,
    /// Killed before it ran.
    KilledDuringLaunch,
    /// Its framework was torn down or its failover timeout passed.
    FrameworkRemoved,
    /// Missed heartbeats.
    AgentUnreachable,
    /// The agent came back; this is what it knows.
    AgentReregistered,
    /// The agent was removed.
    AgentRemoved,
    /// The agent restarted before the container ran.
    AgentRestarted,
    /// The agent refused: it does not have the resources.
    AgentCapacity,
    /// The agent's host was rebooted.
    HostRebooted,
    /// The container's supervisor ended without recording how.
    SupervisorLost,
    /// An answer to a reconciliation.
    Reconciliation,
    /// The agent could not make sense of the task.
    TaskInvalid,
    /// Its agent is being emptied.
    AgentDraining,
    /// An operator declared its agent gone for good.
    AgentGone,
    /// It ran for longer than it may.
    MaxCompletionTime,
    /// It has another size.
    Resized,
    /// It has the size that it had.
    ResizeFailed,
    /// Its group's main tasks have ended, or one of the group has failed.
    GroupEnded,
    /// It gave way to work of a higher priority.
    Preempted,
    /// The agent does not have the data of a volume that the task uses.
    VolumeUnavailable,
    /// Its image is not there, or cannot be run by this agent.
    ImageUnavailable,
}

/// One status of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// Which task (within its framework).
    pub task: TaskId,
    /// Where it is.
    pub agent: AgentId,
    /// The state.
    pub state: TaskState,
    /// Who says so.
    pub source: StatusSource,
    /// Why.
    pub reason: StatusReason,
    /// For people.
    pub message: String,
    /// When the command exited.
    pub exit_code: Option<i32>,
    /// When a signal ended it.
    pub signal: Option<i32>,
    /// Highest memory use seen, bytes.
    pub memory_peak_bytes: Option<u64>,
    /// For people.
    pub at: WallTime,
    /// Per task from 1 without gaps; 0 needs no acknowledgement.
    pub sequence: u64,
}

impl TaskState {
    /// Every state, in the order of a task's life.
    pub const ALL: [TaskState; 12] = [
        TaskState::Staging,
        TaskState::Starting,
        TaskState::Running,
        TaskState::Killing,
        TaskState::Finished,
        TaskState::Failed,
        TaskState::Killed,
        TaskState::Error,
        TaskState::Dropped,
        TaskState::Unreachable,
        TaskState::Gone,
        TaskState::Unknown,
    ];

    /// Whether it is the end: the resources are free again, and nothing can follow.
    pub const fn is_terminal(self) -> bool {
        use TaskState::*;
        matches!(self, Finished | Failed | Killed | Error | Dropped | Gone)
    }

    /// Whether a task in this state may next be in `next`.
    ///
    /// Terminal states are sticky; `Unreachable` may come back to whatever the agent says.
    pub const fn may_become(self, next: TaskState) -> bool {
        use TaskState::*;
        match (self, next) {
            (Unknown, _) | (_, Unknown | Staging) => false,
            (from, _) if from.is_terminal() => false,
            (_, to) if to.is_terminal() => true,
            (Staging, Starting | Running | Killing | Unreachable) => true,
            (Starting, Running | Killing | Unreachable) => true,
            // A repeated RUNNING carries news, such as a health result.
            (Running, Running | Killing | Unreachable) => true,
            (Killing, Unreachable) => true,
            (Unreachable, Starting | Running | Killing) => true,
            _ => false,
        }
    }

    /// The name in Mesos' style, such as `TASK_RUNNING`.
    pub const fn name(self) -> &'static str {
        match self {
            TaskState::Staging => "TASK_STAGING",
            TaskState::Starting => "TASK_STARTING",
            TaskState::Running => "TASK_RUNNING",
            TaskState::Killing => "TASK_KILLING",
            TaskState::Finished => "TASK_FINISHED",
            TaskState::Failed => "TASK_FAILED",
            TaskState::Killed => "TASK_KILLED",
            TaskState::Error => "TASK_ERROR",
            TaskState::Dropped => "TASK_DROPPED",
            TaskState::Unreachable => "TASK_UNREACHABLE",
            TaskState::Gone => "TASK_GONE",
            TaskState::Unknown => "TASK_UNKNOWN",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::TaskState::{self, *};

    /// The transition table, written out: for each state, all that may follow.
    #[test]
    fn transitions_are_exactly_the_table() {
        let ends = [Finished, Failed, Killed, Error, Dropped, Gone];
        let table: [(TaskState, &[TaskState]); 5] = [
            (Staging, &[Starting, Running, Killing, Unreachable]),
            (Starting, &[Running, Killing, Unreachable]),
            (Running, &[Running, Killing, Unreachable]),
            (Killing, &[Unreachable]),
            (Unreachable, &[Starting, Running, Killing]),
        ];
        for from in TaskState::ALL {
            let live = table.iter().find(|(state, _)| *state == from).map(|(_, next)| *next);
            for to in TaskState::ALL {
                let legal = live.is_some_and(|next| next.contains(&to) || ends.contains(&to));
                assert_eq!(from.may_become(to), legal, "{from} to {to}");
            }
        }
    }
}
