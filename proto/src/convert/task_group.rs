//! Task groups: what runs together on one agent.

use super::{
    form::{self, Read},
    task::{read_task_info, write_task_info},
};
use crate::model::{
    Refusal, TaskGroup, limits,
    task_group::{GroupError, GroupState, Member, OnFailure, Part},
};
use crate::wire::v1;

/// Reads a group, whole.
pub fn read_task_group(group: v1::TaskGroupInfo) -> Result<TaskGroup, Refusal> {
    let (field, limit) = ("members", limits::TASKS_PER_GROUP_MAX);
    let members = form::some(field, group.members)?;
    let group = TaskGroup {
        id: form::id("group_id", &group.group_id)?,
        members: form::each(field, members, limit, read_member)?,
        on_failure: read_on_failure("on_failure", group.on_failure)?,
    };
    match group.check() {
        Ok(()) => Ok(group),
        Err(error) => Err(refuse_group(&error)),
    }
}

/// Why tasks are no group, with the field at fault.
pub fn refuse_group(error: &GroupError) -> Refusal {
    match error {
        GroupError::Differs { index, field } => {
            Refusal::invalid(format!("members[{index}].task.{field}"), error)
        }
        GroupError::Revocable { index } => {
            Refusal::invalid(format!("members[{index}].task.revocable"), error)
        }
        GroupError::Reserved { index } => {
            Refusal::invalid(format!("members[{index}].task.reserved"), error)
        }
        GroupError::Twice { index } => {
            Refusal::invalid(format!("members[{index}].task.task_id"), error)
        }
        GroupError::TooMany { count } => {
            Refusal::limit("members", *count, limits::TASKS_PER_GROUP_MAX)
        }
        GroupError::Resources(source) => Refusal::invalid("members", format!("{error}: {source}")),
        GroupError::NoMain => Refusal::invalid("members", error),
    }
}

/// Writes a group.
pub fn write_task_group(group: &TaskGroup) -> v1::TaskGroupInfo {
    let member = |member: &Member| v1::task_group_info::Member {
        part: write_part(member.part).into(),
        task: Some(write_task_info(&member.task)),
    };
    v1::TaskGroupInfo {
        group_id: group.id.to_string(),
        members: group.members.iter().map(member).collect(),
        on_failure: write_on_failure(group.on_failure).into(),
    }
}

/// Reads what a task is in its group.
pub fn read_part(field: &str, number: i32) -> Result<Part, Refusal> {
    match v1::GroupPart::try_from(number) {
        Ok(v1::GroupPart::Init) => Ok(Part::Init),
        Ok(v1::GroupPart::Sidecar) => Ok(Part::Sidecar),
        Ok(v1::GroupPart::Main) => Ok(Part::Main),
        Ok(v1::GroupPart::Unspecified) | Err(_) => {
            Err(Refusal::invalid(field, format!("{number} is no part of a group")))
        }
    }
}

/// Writes what a task is in its group.
pub fn write_part(part: Part) -> v1::GroupPart {
    match part {
        Part::Init => v1::GroupPart::Init,
        Part::Sidecar => v1::GroupPart::Sidecar,
        Part::Main => v1::GroupPart::Main,
    }
}

/// Reads what a failure means for the others.
pub fn read_on_failure(field: &str, number: i32) -> Result<OnFailure, Refusal> {
    match v1::GroupOnFailure::try_from(number) {
        Ok(v1::GroupOnFailure::EndGroup) => Ok(OnFailure::EndGroup),
        Ok(v1::GroupOnFailure::LetRun) => Ok(OnFailure::LetRun),
        Err(_) => Err(Refusal::invalid(field, format!("{number} is not known"))),
    }
}

/// Writes what a failure means for the others.
pub fn write_on_failure(on_failure: OnFailure) -> v1::GroupOnFailure {
    match on_failure {
        OnFailure::EndGroup => v1::GroupOnFailure::EndGroup,
        OnFailure::LetRun => v1::GroupOnFailure::LetRun,
    }
}

/// Reads how far a group is; for filters.
pub fn read_group_state(number: i32) -> Result<GroupState, Refusal> {
    let known = GroupState::ALL.into_iter();
    let mut states = known.filter(|state| i32::from(write_group_state(*state)) == number);
    states.next().ok_or_else(|| Refusal::invalid("", format!("{number} is no state of a group")))
}

/// Writes how far a group is.
pub fn write_group_state(state: GroupState) -> v1::GroupState {
    match state {
        GroupState::Staging => v1::GroupState::GroupStaging,
        GroupState::Initializing => v1::GroupState::GroupInitializing,
        GroupState::Running => v1::GroupState::GroupRunning,
        GroupState::Ending => v1::GroupState::GroupEnding,
        GroupState::Unreachable => v1::GroupState::GroupUnreachable,
        GroupState::Finished => v1::GroupState::GroupFinished,
        GroupState::Failed => v1::GroupState::GroupFailed,
        GroupState::Killed => v1::GroupState::GroupKilled,
        GroupState::Gone => v1::GroupState::GroupGone,
    }
}

fn read_member(member: v1::task_group_info::Member) -> Read<Member> {
    let task = form::required("task", member.task)?;
    Ok(Member {
        part: read_part("part", member.part)?,
        task: read_task_info(task).map_err(|no| no.under("task"))?,
    })
}
