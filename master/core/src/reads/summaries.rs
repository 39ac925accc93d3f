//! One row as one message.

use crate::{
    Config, Ledger,
    consensus::Consensus,
    ledger::{Agent, AgentState, Framework, FrameworkState, Task, digest},
};
use proto::{
    convert::{agent, framework, resources, status, task},
    model::{Resources, TaskState, Value},
    wire::v1,
};

pub(crate) fn agent_summary(
    ledger: &Ledger,
    row: &Agent,
    offered: Option<&Resources>,
) -> v1::AgentSummary {
    let state = match row.state {
        AgentState::Registered => v1::AgentState::AgentRegistered,
        AgentState::Unreachable => v1::AgentState::AgentUnreachable,
        AgentState::Removed => v1::AgentState::AgentRemoved,
    };
    let live = ledger.tasks_of_agent(&row.info.id);
    v1::AgentSummary {
        info: Some(agent::write_agent_info(&row.info)),
        state: state.into(),
        allocated: resources::write_resources(&row.allocated),
        task_count: live.filter(|task| !task.status.state.is_terminal()).count() as u64,
        incarnation: row.incarnation,
        offered: offered.map(resources::write_resources).unwrap_or_default(),
    }
}

/// Adds what can be added over agents: amounts. The same port on two agents is two things, and a
/// sum beyond an `i64` is nobody's real cluster; neither is worth more than being left out of a
/// listing.
pub(crate) fn add_amounts(sum: &mut Resources, more: &Resources) {
    let scalars = more.iter().filter(|(_, value)| matches!(value, Value::Scalar(_)));
    let scalars = scalars.map(|(name, value)| (name.clone(), value.clone()));
    let amounts = Resources::from_entries(scalars).unwrap_or_default();
    if let Ok(added) = sum.checked_add(&amounts) {
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
    }
}

pub(crate) fn task_summary(row: &Task) -> v1::TaskSummary {
    v1::TaskSummary {
        framework_id: row.key.framework.to_string(),
        info: Some(task::write_task_info(&row.info)),
        status: Some(status::write_status(&row.status)),
        role: row.role.to_string(),
        kill_requested: row.kill.is_some(),
        pending_acknowledgements: row.pending.len() as u64,
    }
}

/// Membership and counts, by this member's knowledge.
pub(crate) fn cluster(
    config: &Config,
    consensus: &Consensus,
    ledger: &Ledger,
) -> v1::GetClusterResponse {
    let leader = consensus.leader();
    let member = |(node, address): (&proto::model::NodeId, &String)| v1::Member {
        node_id: node.0,
        address: address.clone(),
        leader: leader == Some(*node),
        matched_index: consensus.matched(*node),
        voter: *node != config.node || !consensus.is_joining(),
    };
    let live = |state: TaskState| !state.is_terminal();
    v1::GetClusterResponse {
        cluster_id: config.cluster.to_string(),
        leader_id: leader.map_or(0, |node| node.0),
        term: consensus.term(),
        applied_index: ledger.applied().index,
        committed_index: consensus.committed(),
        members: config.members.iter().map(member).collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        agent_count: ledger.agents().len() as u64,
        framework_count: ledger.frameworks().len() as u64,
        task_count: ledger.tasks().iter().filter(|(_, t)| live(t.status.state)).count() as u64,
        ledger_digest: format!("{:032x}", digest::digest(ledger)),
    }
}
