//! Who gives way to whom, to wire and back: as commands, and as part of a task's row.

use super::{
    Command, Preempted, Preemption,
    codec_commands::{read_each, read_id, read_optional_id},
};
use proto::model::{DemandId, Instant, Priority, Refusal, TaskKey};
use proto::wire::log::v1::{
    command::{self as wire, Command as Kind},
    record,
};

pub(super) fn write_preempt(preemption: &Preemption) -> Kind {
    Kind::Preempt(wire::Preempt {
        framework_id: preemption.framework.to_string(),
        role: preemption.role.to_string(),
        demand_id: write_demand(preemption.demand.as_ref()),
        priority: preemption.priority.get().into(),
        victims: preemption.victims.iter().map(write_name).collect(),
    })
}

pub(super) fn read_preempt(preempt: wire::Preempt) -> Result<Command, Refusal> {
    Ok(Command::Preempt(Preemption {
        framework: read_id("framework_id", &preempt.framework_id)?,
        role: read_id("role", &preempt.role)?,
        demand: read_optional_id("demand_id", &preempt.demand_id)?,
        priority: read_priority(preempt.priority)?,
        victims: read_each("victims", preempt.victims, read_name)?,
    }))
}

pub(super) fn write_end_preempted(tasks: &[TaskKey]) -> Kind {
    Kind::EndPreempted(wire::EndPreempted { tasks: tasks.iter().map(write_name).collect() })
}

pub(super) fn read_end_preempted(end: wire::EndPreempted) -> Result<Command, Refusal> {
    Ok(Command::EndPreempted { tasks: read_each("tasks", end.tasks, read_name)? })
}

pub(super) fn write_preempted(preempted: &Preempted) -> record::Preempted {
    record::Preempted {
        framework_id: preempted.framework.to_string(),
        role: preempted.role.to_string(),
        demand_id: write_demand(preempted.demand.as_ref()),
        priority: preempted.priority.get().into(),
        deadline_ms: preempted.deadline.0,
    }
}

pub(super) fn read_preempted(preempted: &record::Preempted) -> Result<Preempted, Refusal> {
    Ok(Preempted {
        framework: read_id("framework_id", &preempted.framework_id)?,
        role: read_id("role", &preempted.role)?,
        demand: read_optional_id("demand_id", &preempted.demand_id)?,
        priority: read_priority(preempted.priority)?,
        deadline: Instant(preempted.deadline_ms),
    })
}

fn write_demand(demand: Option<&DemandId>) -> String {
    demand.map(DemandId::to_string).unwrap_or_default()
}

fn write_name(key: &TaskKey) -> wire::TaskName {
    let (framework_id, task_id) = (key.framework.to_string(), key.task.to_string());
    wire::TaskName { framework_id, task_id }
}

fn read_name(name: wire::TaskName) -> Result<TaskKey, Refusal> {
    let framework = read_id("framework_id", &name.framework_id)?;
    Ok(TaskKey { framework, task: read_id("task_id", &name.task_id)? })
}

fn read_priority(number: u32) -> Result<Priority, Refusal> {
    Priority::new(number).map_err(|problem| Refusal::invalid("priority", problem))
}
