//! Task groups in the dump.

use super::{
    Group, Membership, Task,
    codec_commands::{read_each, read_id, read_optional_id},
};
use proto::convert::{
    resources::{read_resources, write_resources},
    status::{read_state, write_state},
    task_group::{read_on_failure, read_part, write_on_failure, write_part},
};
use proto::model::{GroupKey, Refusal, TaskId, TaskState, task_group::Part};
use proto::wire::{
    log::v1::record::{self as wire, group},
    v1,
};

pub(super) fn write_group(group: &Group) -> wire::Group {
    let member = |(task, part): &(TaskId, Part)| group::Member {
        task_id: task.to_string(),
        part: write_part(*part).into(),
    };
    let failed = group.failed.as_ref();
    wire::Group {
        framework_id: group.key.framework.to_string(),
        group_id: group.key.group.to_string(),
        agent_id: group.agent.to_string(),
        role: group.role.to_string(),
        on_failure: write_on_failure(group.on_failure).into(),
        members: group.members.iter().map(member).collect(),
        failed_task_id: failed.map(|(task, _)| task.to_string()).unwrap_or_default(),
        failed_state: failed.map_or(0, |(_, state)| write_state(*state).into()),
    }
}

pub(super) fn read_group(group: wire::Group) -> Result<Group, Refusal> {
    Ok(Group {
        key: GroupKey {
            framework: read_id("framework_id", &group.framework_id)?,
            group: read_id("group_id", &group.group_id)?,
        },
        agent: read_id("agent_id", &group.agent_id)?,
        role: read_id("role", &group.role)?,
        on_failure: read_on_failure("on_failure", group.on_failure)?,
        members: read_each("members", group.members, |member| {
            Ok((read_id("task_id", &member.task_id)?, read_part("part", member.part)?))
        })?,
        failed: read_failed(&group.failed_task_id, group.failed_state)?,
    })
}

fn read_failed(task: &str, state: i32) -> Result<Option<(TaskId, TaskState)>, Refusal> {
    let Some(task) = read_optional_id("failed_task_id", task)? else { return Ok(None) };
    let field = "failed_state";
    let state = read_state(state).map_err(|refusal| refusal.under(field))?;
    match state.is_terminal() && state != TaskState::Finished {
        true => Ok(Some((task, state))),
        false => Err(Refusal::invalid(field, "is no reason for a group to fail")),
    }
}

/// A task's group, its part there, and its share.
pub(super) fn write_membership(task: &Task) -> (String, i32, Vec<v1::Resource>) {
    match &task.member {
        None => (String::new(), 0, Vec::new()),
        Some(member) => {
            let share = member.share.as_ref().map(write_resources).unwrap_or_default();
            (member.group.to_string(), write_part(member.part).into(), share)
        }
    }
}

pub(super) fn read_membership(
    group: &str,
    part: i32,
    share: Vec<v1::Resource>,
) -> Result<Option<Box<Membership>>, Refusal> {
    let share = read_resources(share).map_err(|refusal| refusal.under("group_share"))?;
    let Some(group) = read_optional_id("group_id", group)? else {
        return match part == 0 && share.is_empty() {
            true => Ok(None),
            false => Err(Refusal::invalid("group_id", "is missing")),
        };
    };
    let part = read_part("group_part", part)?;
    let share = match part {
        Part::Init => Some(share),
        Part::Sidecar | Part::Main if share.is_empty() => None,
        Part::Sidecar | Part::Main => {
            return Err(Refusal::invalid("group_share", "is there for no init task"));
        }
    };
    Ok(Some(Box::new(Membership { group, part, share })))
}
