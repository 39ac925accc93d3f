//! What frameworks of a shared role are shown, and what their commits were decided on.

use super::{
    agent_life::{read_unavailability, write_unavailability},
    domain::{read_domain, write_domain},
    form::{self, Read},
    resources::{
        read_attributes, read_resources, read_resources_within, write_attributes, write_resources,
    },
    text,
};
use crate::model::{
    AgentId, AgentVersion, ConflictDetection, Refusal, SharedAgent, SharedState, limits,
    shared::SharedDescription,
};
use crate::wire::v1;
use std::collections::BTreeMap;

/// Reads what is shown of a role.
pub fn read_shared_state(state: v1::SharedState) -> Result<SharedState, Refusal> {
    let limit = limits::SHARED_AGENTS_PER_MESSAGE_MAX;
    Ok(SharedState {
        role: form::id("role", &state.role)?,
        agents: form::each("agents", state.agents, limit, read_agent)?,
        begins: state.begins,
        complete: state.complete,
        ended: state.ended,
    })
}

/// Writes what is shown of a role.
pub fn write_shared_state(state: &SharedState) -> v1::SharedState {
    v1::SharedState {
        role: state.role.to_string(),
        agents: state.agents.iter().map(write_agent).collect(),
        begins: state.begins,
        complete: state.complete,
        ended: state.ended,
    }
}

/// Reads when a commit conflicts.
pub(super) fn read_conflict_detection(number: i32) -> Read<ConflictDetection> {
    match v1::ConflictDetection::try_from(number) {
        Ok(v1::ConflictDetection::Unspecified | v1::ConflictDetection::Fine) => {
            Ok(ConflictDetection::Fine)
        }
        Ok(v1::ConflictDetection::Coarse) => Ok(ConflictDetection::Coarse),
        Err(_) => {
            let problem = format!("{number} is no way to detect conflicts");
            Err(Refusal::invalid("conflict_detection", problem))
        }
    }
}

/// Writes when a commit conflicts.
pub(super) fn write_conflict_detection(detection: ConflictDetection) -> v1::ConflictDetection {
    match detection {
        ConflictDetection::Fine => v1::ConflictDetection::Fine,
        ConflictDetection::Coarse => v1::ConflictDetection::Coarse,
    }
}

/// Reads what a commit was decided on.
pub(super) fn read_decided_on(list: Vec<v1::DecidedOn>) -> Read<BTreeMap<AgentId, AgentVersion>> {
    let limit = limits::TASKS_PER_ACCEPT_MAX;
    let entries = form::each("decided_on", list, limit, |entry| {
        let version = read_version(form::required("version", entry.version)?);
        Ok((form::id::<AgentId>("agent_id", &entry.agent_id)?, version))
    })?;
    let path = |index| format!("decided_on[{index}].agent_id");
    form::distinct(&entries, |(agent, _)| agent, path)?;
    Ok(entries.into_iter().collect())
}

/// Writes what a commit was decided on.
pub(super) fn write_decided_on(versions: &BTreeMap<AgentId, AgentVersion>) -> Vec<v1::DecidedOn> {
    let entry = |(agent, version): (&AgentId, &AgentVersion)| v1::DecidedOn {
        agent_id: agent.to_string(),
        version: Some(write_version(*version)),
    };
    versions.iter().map(entry).collect()
}

fn read_agent(agent: v1::SharedAgent) -> Read<SharedAgent> {
    Ok(SharedAgent {
        agent: form::id("agent_id", &agent.agent_id)?,
        version: read_version(form::required("version", agent.version)?),
        // What is left of an agent may be in more ranges than anybody may name.
        free: read_resources_within(agent.free, usize::MAX).map_err(|no| no.under("free"))?,
        description: agent
            .description
            .map(|it| read_description(it).map_err(|no| no.under("description")))
            .transpose()?,
        unavailability: agent.unavailability.map(read_unavailability),
    })
}

fn write_agent(agent: &SharedAgent) -> v1::SharedAgent {
    v1::SharedAgent {
        agent_id: agent.agent.to_string(),
        version: Some(write_version(agent.version)),
        free: write_resources(&agent.free),
        description: agent.description.as_ref().map(|it| v1::SharedAgentDescription {
            hostname: it.hostname.clone(),
            attributes: write_attributes(&it.attributes),
            domain: write_domain(it.domain.as_ref()),
            total: write_resources(&it.total),
        }),
        unavailability: agent.unavailability.as_ref().map(write_unavailability),
    }
}

fn read_description(description: v1::SharedAgentDescription) -> Read<SharedDescription> {
    let limit = limits::HOSTNAME_BYTES_MAX;
    Ok(SharedDescription {
        hostname: text::read_line_to("hostname", description.hostname, limit)?,
        attributes: read_attributes(description.attributes).map_err(|no| no.under("attributes"))?,
        domain: read_domain(&description.domain)?,
        total: read_resources(description.total).map_err(|no| no.under("total"))?,
    })
}

fn read_version(version: v1::AgentVersion) -> AgentVersion {
    AgentVersion { term: version.term, number: version.number }
}

fn write_version(version: AgentVersion) -> v1::AgentVersion {
    v1::AgentVersion { term: version.term, number: version.number }
}
