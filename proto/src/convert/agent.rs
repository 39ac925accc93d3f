//! Agents, and the tasks in their journals.

use super::{
    domain::{read_domain, write_domain},
    form,
    reservation::{read_declared, write_declared},
    resources::{read_attributes, read_resources, write_attributes, write_resources},
    status::{read_state, write_state},
    text,
};
use crate::model::{AgentInfo, Refusal, TaskKey, agent::AgentTask, limits};
use crate::wire::v1;

/// Reads an agent's description.
pub fn read_agent_info(agent: v1::AgentInfo) -> Result<AgentInfo, Refusal> {
    let hostname_limit = limits::HOSTNAME_BYTES_MAX;
    let resources = read_resources(agent.resources).map_err(|no| no.under("resources"))?;
    Ok(AgentInfo {
        id: form::id("agent_id", &agent.agent_id)?,
        hostname: text::read_line_to("hostname", agent.hostname, hostname_limit)?,
        address: form::address("address", agent.address)?,
        reservations: read_declared(agent.reservations, &resources)?,
        resources,
        attributes: read_attributes(agent.attributes).map_err(|no| no.under("attributes"))?,
        domain: read_domain(&agent.domain)?,
        version: text::read_line("version", agent.version)?,
    })
}

/// Writes an agent's description.
pub fn write_agent_info(agent: &AgentInfo) -> v1::AgentInfo {
    v1::AgentInfo {
        agent_id: agent.id.to_string(),
        hostname: agent.hostname.clone(),
        address: agent.address.clone(),
        resources: write_resources(&agent.resources),
        attributes: write_attributes(&agent.attributes),
        version: agent.version.clone(),
        domain: write_domain(agent.domain.as_ref()),
        reservations: write_declared(&agent.reservations),
    }
}

/// Reads a task of an agent's journal.
pub fn read_agent_task(task: v1::AgentTask) -> Result<AgentTask, Refusal> {
    Ok(AgentTask {
        key: TaskKey {
            framework: form::id("framework_id", &task.framework_id)?,
            task: form::id("task_id", &task.task_id)?,
        },
        state: read_state(task.state).map_err(|no| no.under("state"))?,
        sequence: task.sequence,
    })
}

/// Writes a task of an agent's journal.
pub fn write_agent_task(task: &AgentTask) -> v1::AgentTask {
    v1::AgentTask {
        framework_id: task.key.framework.to_string(),
        task_id: task.key.task.to_string(),
        state: write_state(task.state).into(),
        sequence: task.sequence,
    }
}
