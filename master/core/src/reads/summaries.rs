//! One row as one message.

use super::agent_life::add_directives;
use crate::{
    Ledger,
    ledger::{Agent, AgentState, Framework, FrameworkState, Task},
};
use proto::{
    convert::{agent, framework, resources, status, task, task_group::write_part},
    model::{DemandId, Instant, Resources},
    wire::v1,
};

pub(crate) fn agent_summary(
    ledger: &Ledger,
    row: &Agent,
    offered: Option<&Resources>,
    now: Instant,
) -> v1::AgentSummary {
    let live = ledger.tasks_of_agent(&row.info.id);
    let summary = v1::AgentSummary {
        allocated: resources::write_resources(&row.allocated),
        task_count: live.filter(|task| !task.status.state.is_terminal()).count() as u64,
        incarnation: row.incarnation,
        offered: offered.map(resources::write_resources).unwrap_or_default(),
        ..agent_address(row)
    };
    add_directives(ledger, row, now, summary)
}

/// What frameworks see of an agent: how it describes itself, as offers do, and whether it is there.
/// What others have on it is not theirs to know.
pub(crate) fn agent_address(row: &Agent) -> v1::AgentSummary {
    let state = match row.state {
        AgentState::Registered => v1::AgentState::AgentRegistered,
        AgentState::Unreachable => v1::AgentState::AgentUnreachable,
        AgentState::Removed => v1::AgentState::AgentRemoved,
    };
    let info = Some(agent::write_agent_info(&row.info));
    v1::AgentSummary { info, state: state.into(), ..v1::AgentSummary::default() }
}

/// Adds what there is over agents, as it is counted. A sum beyond what resources can be is nobody's
/// real cluster and not worth more than being left out of a listing.
pub(crate) fn add_amounts(sum: &mut Resources, more: &Resources) {
    if let Ok(added) = sum.checked_add(&more.counts()) {
        *sum = added;
    }
}

pub(crate) fn framework_summary(ledger: &Ledger, row: &Framework) -> v1::FrameworkSummary {
    let state = match row.state {
        FrameworkState::Subscribed => v1::FrameworkState::FrameworkSubscribed,
        FrameworkState::Disconnected => v1::FrameworkState::FrameworkDisconnected,
        FrameworkState::Removed => v1::FrameworkState::FrameworkRemoved,
    };
    let mut allocated = Resources::new();
    row.allocated.values().for_each(|role| add_amounts(&mut allocated, role));
    let live = ledger.tasks_of_framework(row.id);
    v1::FrameworkSummary {
        framework_id: row.id.to_string(),
        info: Some(framework::write_framework_info(&row.info)),
        state: state.into(),
        principal: row.principal.clone(),
        epoch: row.epoch,
        allocated: resources::write_resources(&allocated),
        task_count: live.filter(|task| !task.status.state.is_terminal()).count() as u64,
        pending_acknowledgements: row.pending_acknowledgements,
        ..v1::FrameworkSummary::default()
    }
}

pub(crate) fn task_summary(row: &Task) -> v1::TaskSummary {
    let member = row.member.as_deref();
    let share = member.and_then(|member| member.share.as_ref());
    v1::TaskSummary {
        framework_id: row.key.framework.to_string(),
        info: Some(task::write_task_info(&row.info)),
        status: Some(status::write_status(&row.status)),
        role: row.role.to_string(),
        kill_requested: row.kill.is_some(),
        pending_acknowledgements: row.pending.len() as u64,
        resizing: row
            .size_change()
            .map(|change| resources::write_resources(&change.to))
            .unwrap_or_default(),
        preemption: row.preempted.as_deref().map(|to| v1::Preemption {
            for_framework_id: to.framework.to_string(),
            for_role: to.role.to_string(),
            for_demand_id: to.demand.as_ref().map(DemandId::to_string).unwrap_or_default(),
            for_priority: to.priority.get().into(),
        }),
        group_id: member.map(|member| member.group.to_string()).unwrap_or_default(),
        group_part: member.map_or(0, |member| write_part(member.part).into()),
        group_share: share.map(resources::write_resources).unwrap_or_default(),
    }
}
