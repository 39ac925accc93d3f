//! Commands to wire and back. Their parts are read by the same functions that read them from a
//! socket; only ids and numbers are read here.

use super::{
    Command, LogVersion,
    codec_accept::{read_accept, write_accept},
    codec_members::{read_change, write_change},
    codec_once::{read_once, write_once},
    codec_preemption::{read_end_preempted, read_preempt, write_end_preempted, write_preempt},
    codec_reservations::{read_given_up, read_moved, read_reserve, write_reservation_change},
    codec_roles::{
        read_configure_role, read_remove_quota, read_set_quota, read_set_weight,
        write_configure_role, write_remove_quota, write_set_quota, write_set_weight,
    },
    codec_volumes::{
        read_create_volume, read_destroy_volume, read_grow_volume, read_shrink_volume,
        read_volume_report, write_volume_change, write_volume_report,
    },
};
use proto::convert::{
    agent::{read_agent_info, read_agent_task, write_agent_info, write_agent_task},
    agent_life::{read_drain_plan, read_window_plan, write_drain_plan, write_window_plan},
    framework::{read_framework_info, write_framework_info},
    status::{read_reason, read_status, write_reason, write_status},
    volume_orders::{read_key, write_key},
};
use proto::model::{
    AgentDirective, AgentId, AgentInfo, Duration, FrameworkId, FrameworkInfo, IdError, Refusal,
    RequestId, Session, StatusReason, TaskId, TaskKey, TaskStatus, VolumeKey, WindowId,
    agent::AgentTask,
};
use proto::wire::{
    log::v1::{
        self,
        command::{self as wire, Command as Kind},
    },
    v1 as api,
};
use std::str::FromStr;

// === to wire ===

pub(super) fn write_command(command: &Command) -> v1::Command {
    let kind = match command {
        Command::Barrier { term } => Kind::Barrier(wire::Barrier { term: *term }),
        Command::ChangeMembers(change) => write_change(change),
        Command::RaiseVersion(version) => {
            Kind::RaiseVersion(wire::RaiseVersion { version: version.number() })
        }
        Command::RegisterAgent { info, incarnation, tasks, volumes } => {
            write_register((info, *incarnation), tasks, volumes)
        }
        Command::MarkAgentUnreachable { agent, incarnation } => {
            write_unreachable(agent, *incarnation)
        }
        Command::RemoveAgent { agent, incarnation } => write_remove_agent(agent, *incarnation),
        Command::DirectAgent { agent, directive } => write_directive(agent, directive),
        Command::AdvanceDrain { agent } => {
            Kind::AdvanceDrain(wire::AdvanceDrain { agent_id: agent.to_string() })
        }
        Command::ScheduleWindow(plan) => {
            Kind::ScheduleWindow(wire::ScheduleWindow { plan: Some(write_window_plan(plan)) })
        }
        Command::TurnWindow(window) => write_turn_window(*window),
        Command::CancelWindow(window) => {
            Kind::CancelWindow(wire::CancelWindow { window_id: window.to_string() })
        }
        Command::SetWeight { role, weight } => write_set_weight(role, *weight),
        Command::ConfigureRole { role, change } => write_configure_role(role, change),
        Command::SetQuota { role, quota, force } => write_set_quota(role, quota, *force),
        Command::RemoveQuota { role } => write_remove_quota(role),
        Command::UpdateFramework { session, info } => {
            Kind::UpdateFramework(wire::UpdateFramework {
                framework_id: session.framework.to_string(),
                epoch: session.epoch,
                framework: Some(write_framework_info(info)),
            })
        }
        Command::SubscribeFramework { info, framework, principal, request } => {
            write_subscribe(info, *framework, principal, request)
        }
        Command::DisconnectFramework(Session { framework, epoch }) => {
            let (framework_id, epoch) = (framework.to_string(), *epoch);
            Kind::DisconnectFramework(wire::DisconnectFramework { framework_id, epoch })
        }
        Command::RemoveFramework { session: Session { framework, epoch }, expired } => {
            let (framework_id, epoch, expired) = (framework.to_string(), *epoch, *expired);
            Kind::RemoveFramework(wire::RemoveFramework { framework_id, epoch, expired })
        }
        Command::Accept { session, role, request, operations, partial, revocable } => {
            let kinds = (*partial, *revocable);
            write_accept((*session, role), request.as_ref(), operations, kinds)
        }
        Command::ChangeReservations(change) => write_reservation_change(change),
        Command::ChangeVolumes(change) => write_volume_change(change),
        Command::ChangeOnce { asked, change } => write_once(asked, change),
        Command::RecordVolume { agent, incarnation, report } => {
            write_volume_report(agent, *incarnation, report)
        }
        Command::KillTask { key, grace_period, reason } => write_kill(key, *grace_period, *reason),
        Command::Preempt(preemption) => write_preempt(preemption),
        Command::EndPreempted { tasks } => write_end_preempted(tasks),
        Command::RecordUpdate { agent, incarnation, framework, status } => {
            write_update(agent, *incarnation, *framework, status)
        }
        Command::Acknowledge { session, acknowledgements } => {
            write_acknowledge(*session, acknowledgements)
        }
    };
    v1::Command { command: Some(kind) }
}

fn write_turn_window(window: WindowId) -> Kind {
    Kind::TurnWindow(wire::TurnWindow { window_id: window.to_string() })
}

fn write_kill(key: &TaskKey, grace_period: Option<Duration>, reason: StatusReason) -> Kind {
    Kind::KillTask(wire::KillTask {
        framework_id: key.framework.to_string(),
        task_id: key.task.to_string(),
        grace_period_ms: grace_period.map(Duration::as_ms),
        reason: write_reason(reason).into(),
    })
}

fn write_subscribe(
    info: &FrameworkInfo,
    framework: Option<FrameworkId>,
    principal: &str,
    request: &RequestId,
) -> Kind {
    Kind::SubscribeFramework(wire::SubscribeFramework {
        framework: Some(write_framework_info(info)),
        framework_id: framework.map(|id| id.to_string()).unwrap_or_default(),
        principal: principal.to_owned(),
        request_id: request.to_string(),
    })
}

fn write_unreachable(agent: &AgentId, incarnation: u64) -> Kind {
    let agent_id = agent.to_string();
    Kind::MarkAgentUnreachable(wire::MarkAgentUnreachable { agent_id, incarnation })
}

fn write_remove_agent(agent: &AgentId, incarnation: u64) -> Kind {
    Kind::RemoveAgent(wire::RemoveAgent { agent_id: agent.to_string(), incarnation })
}

fn write_register(
    (info, incarnation): (&AgentInfo, u64),
    tasks: &[AgentTask],
    volumes: &[VolumeKey],
) -> Kind {
    Kind::RegisterAgent(wire::RegisterAgent {
        agent: Some(write_agent_info(info)),
        incarnation,
        tasks: tasks.iter().map(write_agent_task).collect(),
        volumes: volumes.iter().copied().map(write_key).collect(),
    })
}

fn write_directive(agent: &AgentId, directive: &AgentDirective) -> Kind {
    let (directive, plan) = match directive {
        AgentDirective::Deactivate => (1, None),
        AgentDirective::Reactivate => (2, None),
        AgentDirective::Drain(plan) => (3, Some(write_drain_plan(plan))),
        AgentDirective::CancelDrain => (4, None),
        AgentDirective::DeclareGone => (5, None),
    };
    Kind::DirectAgent(wire::DirectAgent { agent_id: agent.to_string(), directive, plan })
}

fn write_update(
    agent: &AgentId,
    incarnation: u64,
    framework: FrameworkId,
    status: &TaskStatus,
) -> Kind {
    let (framework_id, status) = (framework.to_string(), Some(write_status(status)));
    Kind::RecordUpdate(wire::RecordUpdate {
        agent_id: agent.to_string(),
        incarnation,
        update: Some(api::StatusUpdate { framework_id, status }),
    })
}

fn write_acknowledge(session: Session, acknowledgements: &[(TaskId, u64)]) -> Kind {
    let acknowledgement = |(task, sequence): &(TaskId, u64)| api::Acknowledgement {
        task_id: task.to_string(),
        sequence: *sequence,
    };
    Kind::Acknowledge(wire::Acknowledge {
        framework_id: session.framework.to_string(),
        epoch: session.epoch,
        acknowledgements: acknowledgements.iter().map(acknowledgement).collect(),
    })
}

// === from wire ===

pub(super) fn read_command(kind: Kind) -> Result<Command, Refusal> {
    Ok(match kind {
        Kind::Barrier(barrier) => Command::Barrier { term: barrier.term },
        Kind::ChangeMembers(change) => Command::ChangeMembers(read_change(change)?),
        Kind::RaiseVersion(raise) => read_raise_version(&raise)?,
        Kind::RegisterAgent(register) => read_register(register)?,
        Kind::MarkAgentUnreachable(mark) => Command::MarkAgentUnreachable {
            agent: read_id("agent_id", &mark.agent_id)?,
            incarnation: mark.incarnation,
        },
        Kind::RemoveAgent(remove) => Command::RemoveAgent {
            agent: read_id("agent_id", &remove.agent_id)?,
            incarnation: remove.incarnation,
        },
        Kind::DirectAgent(direct) => Command::DirectAgent {
            agent: read_id("agent_id", &direct.agent_id)?,
            directive: read_directive(direct.directive, direct.plan)?,
        },
        Kind::AdvanceDrain(advance) => {
            Command::AdvanceDrain { agent: read_id("agent_id", &advance.agent_id)? }
        }
        Kind::ScheduleWindow(schedule) => {
            let plan = read_window_plan(required("plan", schedule.plan)?);
            Command::ScheduleWindow(plan.map_err(|refusal| refusal.under("plan"))?)
        }
        Kind::TurnWindow(turn) => Command::TurnWindow(read_id("window_id", &turn.window_id)?),
        Kind::CancelWindow(cancel) => {
            Command::CancelWindow(read_id("window_id", &cancel.window_id)?)
        }
        Kind::SetWeight(set) => read_set_weight(&set)?,
        Kind::ConfigureRole(configure) => read_configure_role(configure)?,
        Kind::SetQuota(set) => read_set_quota(set)?,
        Kind::RemoveQuota(remove) => read_remove_quota(&remove)?,
        Kind::UpdateFramework(update) => {
            let info = read_framework_info(required("framework", update.framework)?);
            Command::UpdateFramework {
                session: read_session(&update.framework_id, update.epoch)?,
                info: info.map_err(|refusal| refusal.under("framework"))?,
            }
        }
        Kind::SubscribeFramework(subscribe) => read_subscribe(subscribe)?,
        Kind::DisconnectFramework(disconnect) => read_disconnect(&disconnect)?,
        Kind::RemoveFramework(remove) => Command::RemoveFramework {
            session: read_session(&remove.framework_id, remove.epoch)?,
            expired: remove.expired,
        },
        Kind::Accept(accept) => read_accept(accept)?,
        Kind::Reserve(reserve) => read_reserve(reserve)?,
        Kind::Unreserve(plan) => read_given_up(plan)?,
        Kind::MoveReservation(plan) => read_moved(plan)?,
        Kind::CreateVolume(create) => read_create_volume(create)?,
        Kind::GrowVolume(plan) => read_grow_volume(plan)?,
        Kind::ShrinkVolume(plan) => read_shrink_volume(plan)?,
        Kind::DestroyVolume(plan) => read_destroy_volume(plan)?,
        Kind::ChangeOnce(once) => read_once(*once)?,
        Kind::RecordVolume(record) => read_volume_report(record)?,
        Kind::KillTask(kill) => Command::KillTask {
            key: TaskKey {
                framework: read_id("framework_id", &kill.framework_id)?,
                task: read_id("task_id", &kill.task_id)?,
            },
            grace_period: kill.grace_period_ms.map(Duration),
            reason: read_reason(kill.reason).map_err(|refusal| refusal.under("reason"))?,
        },
        Kind::Preempt(preempt) => read_preempt(preempt)?,
        Kind::EndPreempted(end) => read_end_preempted(end)?,
        Kind::RecordUpdate(record) => read_update(record)?,
        Kind::Acknowledge(acknowledge) => read_acknowledge(acknowledge)?,
    })
}

fn read_disconnect(disconnect: &wire::DisconnectFramework) -> Result<Command, Refusal> {
    read_session(&disconnect.framework_id, disconnect.epoch).map(Command::DisconnectFramework)
}

fn read_directive(directive: u32, plan: Option<api::DrainPlan>) -> Result<AgentDirective, Refusal> {
    Ok(match (directive, plan) {
        (1, None) => AgentDirective::Deactivate,
        (2, None) => AgentDirective::Reactivate,
        (3, Some(plan)) => {
            let plan = read_drain_plan(plan).map_err(|refusal| refusal.under("plan"))?;
            AgentDirective::Drain(plan)
        }
        (4, None) => AgentDirective::CancelDrain,
        (5, None) => AgentDirective::DeclareGone,
        _ => return Err(Refusal::invalid("directive", "is not one, or has another's plan")),
    })
}

fn read_raise_version(raise: &wire::RaiseVersion) -> Result<Command, Refusal> {
    let version = LogVersion::from_number(raise.version);
    match version.is_known() && version > LogVersion::OLDEST {
        true => Ok(Command::RaiseVersion(version)),
        false => Err(Refusal::invalid("version", "is no version that there is to raise to")),
    }
}

fn read_register(register: wire::RegisterAgent) -> Result<Command, Refusal> {
    let info = required("agent", register.agent)?;
    Ok(Command::RegisterAgent {
        info: read_agent_info(info).map_err(|refusal| refusal.under("agent"))?,
        incarnation: register.incarnation,
        tasks: read_each("tasks", register.tasks, read_agent_task)?,
        volumes: read_each("volumes", register.volumes, read_key)?,
    })
}

fn read_subscribe(subscribe: wire::SubscribeFramework) -> Result<Command, Refusal> {
    let info = required("framework", subscribe.framework)?;
    Ok(Command::SubscribeFramework {
        info: read_framework_info(info).map_err(|refusal| refusal.under("framework"))?,
        framework: read_optional_id("framework_id", &subscribe.framework_id)?,
        principal: subscribe.principal,
        request: read_id("request_id", &subscribe.request_id)?,
    })
}

fn read_update(record: wire::RecordUpdate) -> Result<Command, Refusal> {
    let update = required("update", record.update)?;
    let status = required("update.status", update.status)?;
    Ok(Command::RecordUpdate {
        agent: read_id("agent_id", &record.agent_id)?,
        incarnation: record.incarnation,
        framework: read_id("update.framework_id", &update.framework_id)?,
        status: read_status(status).map_err(|refusal| refusal.under("update.status"))?,
    })
}

fn read_acknowledge(acknowledge: wire::Acknowledge) -> Result<Command, Refusal> {
    let read =
        |entry: api::Acknowledgement| Ok((read_id("task_id", &entry.task_id)?, entry.sequence));
    Ok(Command::Acknowledge {
        session: read_session(&acknowledge.framework_id, acknowledge.epoch)?,
        acknowledgements: read_each("acknowledgements", acknowledge.acknowledgements, read)?,
    })
}

pub(super) fn read_session(framework: &str, epoch: u64) -> Result<Session, Refusal> {
    Ok(Session { framework: read_id("framework_id", framework)?, epoch })
}

// === shared with the snapshot's records ===

/// Any kind of id.
pub(super) fn read_id<T: FromStr<Err = IdError>>(field: &str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error| Refusal::invalid(field, error))
}

/// An id that is absent when empty.
pub(super) fn read_optional_id<T: FromStr<Err = IdError>>(
    field: &str,
    text: &str,
) -> Result<Option<T>, Refusal> {
    (!text.is_empty()).then(|| read_id(field, text)).transpose()
}

/// A part that must be there.
pub(super) fn required<T>(field: &str, part: Option<T>) -> Result<T, Refusal> {
    part.ok_or_else(|| Refusal::invalid(field, "is missing"))
}

/// A list, with the place in the refusal's path.
pub(super) fn read_each<W, M>(
    field: &str,
    list: Vec<W>,
    read: impl Fn(W) -> Result<M, Refusal>,
) -> Result<Vec<M>, Refusal> {
    let place = |index: usize| format!("{field}[{index}]");
    let entries = list.into_iter().enumerate();
    entries.map(|(index, entry)| read(entry).map_err(|no| no.under(&place(index)))).collect()
}
