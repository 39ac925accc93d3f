//! The state as records, for snapshots and for the digest: a header, then every member, role,
//! agent, framework, task, maintenance window, reservation, task group and volume, each kind by
//! key, and the answers to operators, oldest first. Equal states give equal records; what can be
//! derived is left out.

use super::{
    Agent, AgentState, Drain, Framework, FrameworkState, Ledger, LogVersion, Task, Window,
    codec_groups::{write_group, write_membership},
    codec_members::write_member,
    codec_once::write_answer,
    codec_preemption::write_preempted,
    codec_reservations::write_reservation,
    codec_roles::write_role,
    codec_volumes::write_volume_row,
    frameworks::AcceptOutcome,
};
use prost::Message as _;
use proto::convert::{
    agent::write_agent_info,
    agent_life::write_drain_plan,
    framework::write_framework_info,
    operation::write_operation_result,
    resources::write_resources,
    status::{write_reason, write_state, write_status},
    task::write_task_info,
};
use proto::model::{Duration, OperationResult, TaskId};
use proto::planted::{self, Bug};
use proto::wire::log::v1::{
    self,
    record::{self as wire, Record as Kind},
};

pub use super::restore::{Restore, RestoreError};

/// Every record of the state, without lengths, in the order in which [`Restore`] takes them.
pub fn records(ledger: &Ledger) -> impl Iterator<Item = Vec<u8>> + '_ {
    let header = std::iter::once_with(|| Kind::Header(write_header(ledger)));
    let members = ledger.members.iter().map(|member| Kind::Member(write_member(member)));
    let roles = ledger.roles.iter().map(|(role, row)| Kind::Role(write_role(role, row)));
    let agents = ledger.agents.iter().map(|(_, agent)| Kind::Agent(write_agent(agent)));
    let frameworks = ledger.frameworks.iter();
    let frameworks = frameworks.map(|(_, row)| Kind::Framework(write_framework(row)));
    let tasks = ledger.tasks.iter().map(|(_, task)| Kind::Task(write_task(task)));
    let windows = ledger.windows.iter().map(|(_, window)| Kind::Window(write_window(window)));
    let windows = windows.filter(|_| !planted::is(Bug::SnapshotLacksWindows));
    let reservations = ledger.reservations.iter();
    let reservations = reservations.map(|(_, row)| Kind::Reservation(write_reservation(row)));
    let groups = ledger.groups.iter().map(|(_, group)| Kind::Group(write_group(group)));
    let volumes = ledger.volumes.iter().map(|(_, row)| Kind::Volume(write_volume_row(row)));
    let answers = ledger.operator_answers.iter();
    let answers = answers.map(|answer| Kind::OperatorAnswer(write_answer(answer)));
    let kinds = header
        .chain(members)
        .chain(roles)
        .chain(agents)
        .chain(frameworks)
        .chain(tasks)
        .chain(windows)
        .chain(reservations)
        .chain(groups)
        .chain(volumes)
        .chain(answers);
    kinds.map(|kind| v1::Record { record: Some(kind) }.encode_to_vec())
}

fn write_header(ledger: &Ledger) -> wire::Header {
    wire::Header {
        applied_index: ledger.applied.index,
        applied_term: ledger.applied.term,
        time_ms: ledger.applied.time.0,
        cluster_id: ledger.cluster.to_string(),
        next_framework: ledger.next_framework,
        // What never had a window is dumped as before there were any.
        next_window: if ledger.next_window == 1 { 0 } else { ledger.next_window },
        next_reservation: if ledger.next_reservation == 1 { 0 } else { ledger.next_reservation },
        next_volume: if ledger.next_volume == 1 { 0 } else { ledger.next_volume },
        members_version: ledger.members.version,
        last_node: ledger.members.last_node,
        incarnation: ledger.members.incarnation,
        // What was never raised is dumped as before there were versions.
        log_version: match ledger.version {
            LogVersion::OLDEST => 0,
            version => version.number(),
        },
    }
}

fn write_agent(agent: &Agent) -> wire::Agent {
    wire::Agent {
        agent: Some(write_agent_info(&agent.info)),
        incarnation: agent.incarnation,
        state: match agent.state {
            AgentState::Registered => 1,
            AgentState::Unreachable => 2,
            AgentState::Removed => 3,
        },
        changed_ms: agent.changed.0,
        deactivated: agent.deactivated,
        drain: agent.drain.as_ref().map(write_drain),
    }
}

fn write_drain(drain: &Drain) -> wire::Drain {
    wire::Drain {
        since_ms: drain.since.0,
        deadline_ms: drain.deadline.0,
        max_grace_period_ms: drain.max_grace.map(Duration::as_ms),
        mark_gone: drain.mark_gone,
        killed_ms: drain.killed.0,
        window_id: drain.window.map(|window| window.to_string()).unwrap_or_default(),
    }
}

fn write_window(window: &Window) -> wire::Window {
    wire::Window {
        window_id: window.id.to_string(),
        selector: window.selector.to_string(),
        start_ms: window.start.0,
        end_ms: window.end.0,
        started: window.started,
        drain: window.drain.as_ref().map(write_drain_plan),
        comment: window.comment.clone(),
    }
}

fn write_framework(framework: &Framework) -> wire::Framework {
    let outcomes = framework.accept_outcomes.iter().map(|outcome| write_outcome(outcome));
    wire::Framework {
        framework_id: framework.id.to_string(),
        info: Some(write_framework_info(&framework.info)),
        principal: framework.principal.clone(),
        request_id: framework.request.to_string(),
        epoch: framework.epoch,
        state: match framework.state {
            FrameworkState::Subscribed => 1,
            FrameworkState::Disconnected => 2,
            FrameworkState::Removed => 3,
        },
        disconnected_ms: framework.changed.0,
        accept_outcomes: outcomes.collect(),
    }
}

/// What one launch did is dumped as before there were operations.
fn write_outcome(outcome: &AcceptOutcome) -> wire::AcceptOutcome {
    let (tasks, results) = match outcome.results.as_slice() {
        [OperationResult::Launched { tasks }] => (tasks.as_slice(), &[][..]),
        results => (&[][..], results),
    };
    wire::AcceptOutcome {
        request_id: outcome.request.to_string(),
        task_ids: tasks.iter().map(TaskId::to_string).collect(),
        results: results.iter().map(write_operation_result).collect(),
    }
}

fn write_task(task: &Task) -> wire::Task {
    let (group_id, group_part, group_share) = write_membership(task);
    wire::Task {
        framework_id: task.key.framework.to_string(),
        info: Some(write_task_info(&task.info)),
        role: task.role.to_string(),
        status: Some(write_status(&task.status)),
        pending: task.pending.iter().map(write_status).collect(),
        agent_sequence: task.agent_sequence,
        kill_grace_period_ms: task.kill.and_then(|kill| kill.grace_period).map(Duration::as_ms),
        kill_reason: task.kill.map_or(0, |kill| write_reason(kill.reason).into()),
        changed_ms: task.changed.0,
        launched_ms: task.launched.0,
        preempted: task.preempted.as_deref().map(write_preempted),
        state_before_unreachable: task
            .state_before_unreachable
            .map_or(0, |state| write_state(state).into()),
        size_version: task.size.as_ref().map_or(0, |size| size.version),
        resize_from: task
            .size_change()
            .map(|change| write_resources(&change.from))
            .unwrap_or_default(),
        resize_to: task.size_change().map(|change| write_resources(&change.to)).unwrap_or_default(),
        group_id,
        group_part,
        group_share,
    }
}
