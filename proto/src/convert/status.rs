//! Task statuses, and the words in them: states, reasons, sources.
//!
//! A number that this version does not know is refused; whether a state may follow another is not
//! asked here.

use super::{form, text};
use crate::model::{Refusal, StatusReason, StatusSource, TaskState, TaskStatus, WallTime};
use crate::wire::v1;

/// Reads a state; it must be a known one.
pub fn read_state(number: i32) -> Result<TaskState, Refusal> {
    let unknown = || Refusal::invalid("", format!("{number} is not a task state"));
    let state = v1::TaskState::try_from(number).map_err(|_| unknown())?;
    Ok(match state {
        v1::TaskState::Unspecified => return Err(unknown()),
        v1::TaskState::TaskStaging => TaskState::Staging,
        v1::TaskState::TaskStarting => TaskState::Starting,
        v1::TaskState::TaskRunning => TaskState::Running,
        v1::TaskState::TaskKilling => TaskState::Killing,
        v1::TaskState::TaskFinished => TaskState::Finished,
        v1::TaskState::TaskFailed => TaskState::Failed,
        v1::TaskState::TaskKilled => TaskState::Killed,
        v1::TaskState::TaskError => TaskState::Error,
        v1::TaskState::TaskDropped => TaskState::Dropped,
        v1::TaskState::TaskUnreachable => TaskState::Unreachable,
        v1::TaskState::TaskGone => TaskState::Gone,
        v1::TaskState::TaskUnknown => TaskState::Unknown,
    })
}

/// Writes a state.
pub fn write_state(state: TaskState) -> v1::TaskState {
    match state {
        TaskState::Staging => v1::TaskState::TaskStaging,
        TaskState::Starting => v1::TaskState::TaskStarting,
        TaskState::Running => v1::TaskState::TaskRunning,
        TaskState::Killing => v1::TaskState::TaskKilling,
        TaskState::Finished => v1::TaskState::TaskFinished,
        TaskState::Failed => v1::TaskState::TaskFailed,
        TaskState::Killed => v1::TaskState::TaskKilled,
        TaskState::Error => v1::TaskState::TaskError,
        TaskState::Dropped => v1::TaskState::TaskDropped,
        TaskState::Unreachable => v1::TaskState::TaskUnreachable,
        TaskState::Gone => v1::TaskState::TaskGone,
        TaskState::Unknown => v1::TaskState::TaskUnknown,
    }
}

/// Reads a reason; it must be a known one, and none is one of them.
pub fn read_reason(number: i32) -> Result<StatusReason, Refusal> {
    use v1::StatusReason as Wire;
    let unknown = |_| Refusal::invalid("", format!("{number} is not a status reason"));
    Ok(match Wire::try_from(number).map_err(unknown)? {
        Wire::ReasonNone => StatusReason::None,
        Wire::ReasonContainerLaunchFailed => StatusReason::ContainerLaunchFailed,
        Wire::ReasonContainerLimitationMemory => StatusReason::ContainerLimitationMemory,
        Wire::ReasonCommandNotFound => StatusReason::CommandNotFound,
        Wire::ReasonCommandNotExecutable => StatusReason::CommandNotExecutable,
        Wire::ReasonCommandExited => StatusReason::CommandExited,
        Wire::ReasonCommandSignaled => StatusReason::CommandSignaled,
        Wire::ReasonKilledByFramework => StatusReason::KilledByFramework,
        Wire::ReasonKilledByOperator => StatusReason::KilledByOperator,
        Wire::ReasonKilledDuringLaunch => StatusReason::KilledDuringLaunch,
        Wire::ReasonFrameworkRemoved => StatusReason::FrameworkRemoved,
        Wire::ReasonAgentUnreachable => StatusReason::AgentUnreachable,
        Wire::ReasonAgentReregistered => StatusReason::AgentReregistered,
        Wire::ReasonAgentRemoved => StatusReason::AgentRemoved,
        Wire::ReasonAgentRestarted => StatusReason::AgentRestarted,
        Wire::ReasonAgentCapacity => StatusReason::AgentCapacity,
        Wire::ReasonHostRebooted => StatusReason::HostRebooted,
        Wire::ReasonSupervisorLost => StatusReason::SupervisorLost,
        Wire::ReasonReconciliation => StatusReason::Reconciliation,
        Wire::ReasonTaskInvalid => StatusReason::TaskInvalid,
        Wire::ReasonAgentDraining => StatusReason::AgentDraining,
        Wire::ReasonAgentGone => StatusReason::AgentGone,
        Wire::ReasonMaxCompletionTime => StatusReason::MaxCompletionTime,
        Wire::ReasonResized => StatusReason::Resized,
        Wire::ReasonResizeFailed => StatusReason::ResizeFailed,
        Wire::ReasonGroupEnded => StatusReason::GroupEnded,
        Wire::ReasonPreempted => StatusReason::Preempted,
        Wire::ReasonVolumeUnavailable => StatusReason::VolumeUnavailable,
        Wire::ReasonImageUnavailable => StatusReason::ImageUnavailable,
    })
}

/// Writes a reason.
pub fn write_reason(reason: StatusReason) -> v1::StatusReason {
    use v1::StatusReason as Wire;
    match reason {
        StatusReason::None => Wire::ReasonNone,
        StatusReason::ContainerLaunchFailed => Wire::ReasonContainerLaunchFailed,
        StatusReason::ContainerLimitationMemory => Wire::ReasonContainerLimitationMemory,
        StatusReason::CommandNotFound => Wire::ReasonCommandNotFound,
        StatusReason::CommandNotExecutable => Wire::ReasonCommandNotExecutable,
        StatusReason::CommandExited => Wire::ReasonCommandExited,
        StatusReason::CommandSignaled => Wire::ReasonCommandSignaled,
        StatusReason::KilledByFramework => Wire::ReasonKilledByFramework,
        StatusReason::KilledByOperator => Wire::ReasonKilledByOperator,
        StatusReason::KilledDuringLaunch => Wire::ReasonKilledDuringLaunch,
        StatusReason::FrameworkRemoved => Wire::ReasonFrameworkRemoved,
        StatusReason::AgentUnreachable => Wire::ReasonAgentUnreachable,
        StatusReason::AgentReregistered => Wire::ReasonAgentReregistered,
        StatusReason::AgentRemoved => Wire::ReasonAgentRemoved,
        StatusReason::AgentRestarted => Wire::ReasonAgentRestarted,
        StatusReason::AgentCapacity => Wire::ReasonAgentCapacity,
        StatusReason::HostRebooted => Wire::ReasonHostRebooted,
        StatusReason::SupervisorLost => Wire::ReasonSupervisorLost,
        StatusReason::Reconciliation => Wire::ReasonReconciliation,
        StatusReason::TaskInvalid => Wire::ReasonTaskInvalid,
        StatusReason::AgentDraining => Wire::ReasonAgentDraining,
        StatusReason::AgentGone => Wire::ReasonAgentGone,
        StatusReason::MaxCompletionTime => Wire::ReasonMaxCompletionTime,
        StatusReason::Resized => Wire::ReasonResized,
        StatusReason::ResizeFailed => Wire::ReasonResizeFailed,
        StatusReason::GroupEnded => Wire::ReasonGroupEnded,
        StatusReason::Preempted => Wire::ReasonPreempted,
        StatusReason::VolumeUnavailable => Wire::ReasonVolumeUnavailable,
        StatusReason::ImageUnavailable => Wire::ReasonImageUnavailable,
    }
}

/// Reads who made a status.
pub fn read_source(number: i32) -> Result<StatusSource, Refusal> {
    match v1::StatusSource::try_from(number) {
        Ok(v1::StatusSource::SourceMaster) => Ok(StatusSource::Master),
        Ok(v1::StatusSource::SourceAgent) => Ok(StatusSource::Agent),
        Ok(v1::StatusSource::Unspecified) | Err(_) => {
            Err(Refusal::invalid("", format!("{number} is not a status source")))
        }
    }
}

/// Writes who made a status.
pub fn write_source(source: StatusSource) -> v1::StatusSource {
    match source {
        StatusSource::Master => v1::StatusSource::SourceMaster,
        StatusSource::Agent => v1::StatusSource::SourceAgent,
    }
}

/// Reads a status, for its form only: whether the sender may say it is decided elsewhere.
pub fn read_status(status: v1::TaskStatus) -> Result<TaskStatus, Refusal> {
    Ok(TaskStatus {
        task: form::id("task_id", &status.task_id)?,
        agent: form::id("agent_id", &status.agent_id)?,
        state: read_state(status.state).map_err(|no| no.under("state"))?,
        source: read_source(status.source).map_err(|no| no.under("source"))?,
        reason: read_reason(status.reason).map_err(|no| no.under("reason"))?,
        message: text::read_message("message", status.message)?,
        exit_code: status.exit_code,
        signal: status.signal,
        memory_peak_bytes: status.memory_peak_bytes,
        at: WallTime(status.unix_ms),
        sequence: status.sequence,
    })
}

/// Writes a status.
pub fn write_status(status: &TaskStatus) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: status.task.to_string(),
        agent_id: status.agent.to_string(),
        state: write_state(status.state).into(),
        source: write_source(status.source).into(),
        reason: write_reason(status.reason).into(),
        message: status.message.clone(),
        exit_code: status.exit_code,
        signal: status.signal,
        memory_peak_bytes: status.memory_peak_bytes,
        unix_ms: status.at.0,
        sequence: status.sequence,
    }
}
