//! The link between an agent and the leading master: reports one way, orders the other.

use super::{
    agent::{read_agent_info, read_agent_task, write_agent_info, write_agent_task},
    form::{self, Read},
    masters::{read_masters, write_masters},
    refusal::{read_refusal, write_refusal},
    resources::write_resources,
    status::{read_reason, read_status, write_reason, write_status},
    task::{read_task_info, read_task_resources, write_task_info},
    task_group::{read_task_group, write_task_group},
    volume_orders::{read_key, read_order, read_report, write_key, write_order, write_report},
};
use crate::model::{AgentCall, Duration, Order, Refusal, TaskKey, limits};
use crate::wire::v1::{self, agent_message, master_message};

/// Reads what an agent says.
pub fn read_agent_message(message: v1::AgentMessage) -> Result<AgentCall, Refusal> {
    match form::required("message", message.message)? {
        agent_message::Message::Register(register) => {
            read_register(register).map_err(|no| no.under("register"))
        }
        agent_message::Message::Heartbeat(v1::AgentHeartbeat {}) => Ok(AgentCall::Heartbeat),
        agent_message::Message::Update(update) => {
            read_update(update).map_err(|no| no.under("update"))
        }
        agent_message::Message::Volume(report) => {
            let report = read_report(report).map_err(|no| no.under("volume"))?;
            Ok(AgentCall::Volume(report))
        }
    }
}

/// Writes what an agent says.
pub fn write_agent_message(call: &AgentCall) -> v1::AgentMessage {
    let message = match call {
        AgentCall::Register { info, incarnation, tasks, volumes } => {
            agent_message::Message::Register(v1::Register {
                agent: Some(write_agent_info(info)),
                incarnation: *incarnation,
                tasks: tasks.iter().map(write_agent_task).collect(),
                volumes: volumes.iter().copied().map(write_key).collect(),
            })
        }
        AgentCall::Heartbeat => agent_message::Message::Heartbeat(v1::AgentHeartbeat {}),
        AgentCall::Update { framework, status } => {
            agent_message::Message::Update(v1::StatusUpdate {
                framework_id: framework.to_string(),
                status: Some(write_status(status)),
            })
        }
        AgentCall::Volume(report) => agent_message::Message::Volume(write_report(report)),
    };
    v1::AgentMessage { message: Some(message) }
}

/// Reads an order and its sender's term.
pub fn read_master_message(message: v1::MasterMessage) -> Result<(u64, Order), Refusal> {
    use master_message::Message;
    let order = match form::required("message", message.message)? {
        Message::Registered(registered) => {
            read_registered(registered).map_err(|no| no.under("registered"))?
        }
        Message::Heartbeat(v1::MasterHeartbeat {}) => Order::Heartbeat,
        Message::Launch(launch) => read_launch(launch).map_err(|no| no.under("launch"))?,
        Message::LaunchGroup(launch) => {
            read_launch_group(launch).map_err(|no| no.under("launch_group"))?
        }
        Message::Kill(kill) => read_kill_order(kill).map_err(|no| no.under("kill"))?,
        Message::Resize(resize) => read_resize(resize).map_err(|no| no.under("resize"))?,
        Message::Volume(order) => {
            let (key, version, action) = read_order(order).map_err(|no| no.under("volume"))?;
            Order::Volume { key, version, action }
        }
        Message::Committed(committed) => {
            read_committed(committed).map_err(|no| no.under("committed"))?
        }
        Message::Refused(refusal) => Order::Refused(read_refusal(refusal)),
        Message::Masters(masters) => {
            Order::Masters(read_masters(masters).map_err(|no| no.under("masters"))?)
        }
    };
    Ok((message.term, order))
}

/// Writes an order under its sender's term.
pub fn write_master_message(term: u64, order: &Order) -> v1::MasterMessage {
    use master_message::Message;
    let message = match order {
        Order::Registered { heartbeat_interval, cluster } => Message::Registered(v1::Registered {
            heartbeat_interval_ms: heartbeat_interval.as_ms(),
            cluster_id: cluster.to_string(),
        }),
        Order::Heartbeat => Message::Heartbeat(v1::MasterHeartbeat {}),
        Order::Launch { framework, owner, task } => Message::Launch(v1::Launch {
            framework_id: framework.to_string(),
            task: Some(write_task_info(task)),
            owner: owner.as_ref().map(ToString::to_string).unwrap_or_default(),
        }),
        Order::LaunchGroup { framework, owner, group } => Message::LaunchGroup(v1::LaunchGroup {
            framework_id: framework.to_string(),
            group: Some(write_task_group(group)),
            owner: owner.as_ref().map(ToString::to_string).unwrap_or_default(),
        }),
        Order::Kill { key, grace_period, reason } => Message::Kill(v1::KillTask {
            framework_id: key.framework.to_string(),
            task_id: key.task.to_string(),
            grace_period_ms: grace_period.map(Duration::as_ms),
            reason: write_reason(*reason).into(),
        }),
        Order::Resize { key, resources, version } => Message::Resize(v1::ResizeTask {
            framework_id: key.framework.to_string(),
            task_id: key.task.to_string(),
            resources: write_resources(resources),
            version: *version,
        }),
        Order::Volume { key, version, action } => {
            Message::Volume(write_order(*key, *version, action))
        }
        Order::Committed { key, sequence } => Message::Committed(v1::UpdateCommitted {
            framework_id: key.framework.to_string(),
            task_id: key.task.to_string(),
            sequence: *sequence,
        }),
        Order::Refused(refusal) => Message::Refused(write_refusal(refusal)),
        Order::Masters(masters) => Message::Masters(write_masters(masters)),
    };
    v1::MasterMessage { term, message: Some(message) }
}

fn read_register(register: v1::Register) -> Read<AgentCall> {
    let info = read_agent_info(form::required("agent", register.agent)?)
        .map_err(|no| no.under("agent"))?;
    let limit = limits::TASKS_PER_AGENT_MAX;
    let tasks = form::each("tasks", register.tasks, limit, read_agent_task)?;
    form::distinct(&tasks, |task| &task.key, |index| format!("tasks[{index}].task_id"))?;
    let limit = limits::VOLUMES_PER_AGENT_MAX;
    let volumes = form::each("volumes", register.volumes, limit, read_key)?;
    form::distinct(&volumes, |key| key, |index| format!("volumes[{index}].volume_id"))?;
    Ok(AgentCall::Register { info, incarnation: register.incarnation, tasks, volumes })
}

fn read_update(update: v1::StatusUpdate) -> Read<AgentCall> {
    let framework = form::id("framework_id", &update.framework_id)?;
    let status = form::required("status", update.status)?;
    let status = read_status(status).map_err(|no| no.under("status"))?;
    Ok(AgentCall::Update { framework, status })
}

fn read_registered(registered: v1::Registered) -> Read<Order> {
    let interval_ms = registered.heartbeat_interval_ms;
    Ok(Order::Registered {
        heartbeat_interval: form::interval("heartbeat_interval_ms", interval_ms)?,
        cluster: form::id("cluster_id", &registered.cluster_id)?,
    })
}

fn read_launch(launch: v1::Launch) -> Read<Order> {
    let framework = form::id("framework_id", &launch.framework_id)?;
    let owner = form::optional_id("owner", &launch.owner)?;
    let task = form::required("task", launch.task)?;
    let task = read_task_info(task).map_err(|no| no.under("task"))?;
    Ok(Order::Launch { framework, owner, task: Box::new(task) })
}

fn read_launch_group(launch: v1::LaunchGroup) -> Read<Order> {
    let framework = form::id("framework_id", &launch.framework_id)?;
    let owner = form::optional_id("owner", &launch.owner)?;
    let group = form::required("group", launch.group)?;
    let group = read_task_group(group).map_err(|no| no.under("group"))?;
    Ok(Order::LaunchGroup { framework, owner, group: Box::new(group) })
}

fn read_kill_order(kill: v1::KillTask) -> Read<Order> {
    Ok(Order::Kill {
        key: read_task_key(&kill.framework_id, &kill.task_id)?,
        grace_period: form::grace_period("grace_period_ms", kill.grace_period_ms)?,
        reason: read_reason(kill.reason).map_err(|no| no.under("reason"))?,
    })
}

fn read_resize(resize: v1::ResizeTask) -> Read<Order> {
    match resize.version {
        0 => Err(Refusal::invalid("version", "is zero, which is the size of the launch")),
        version => Ok(Order::Resize {
            key: read_task_key(&resize.framework_id, &resize.task_id)?,
            resources: read_task_resources(resize.resources)?,
            version,
        }),
    }
}

fn read_committed(committed: v1::UpdateCommitted) -> Read<Order> {
    let key = read_task_key(&committed.framework_id, &committed.task_id)?;
    Ok(Order::Committed { key, sequence: committed.sequence })
}

fn read_task_key(framework: &str, task: &str) -> Read<TaskKey> {
    Ok(TaskKey {
        framework: form::id("framework_id", framework)?,
        task: form::id("task_id", task)?,
    })
}
