//! Rows to bytes and back, in the versioned messages of `bourse.journal.v1`.
//!
//! What is read passes the same checks as what comes over the network: a damaged row is a typed
//! error that names the field, never a strange task. Checksums and torn writes are the store's
//! business.

use super::record::{ContainerId, Identity, Kill, Membership, Resizing, TaskRow};
use prost::Message as _;
use proto::{
    convert,
    model::{
        AgentId, ClusterId, Duration, FrameworkId, GroupId, OwnerId, Refusal, TaskInfo, TaskKey,
        TaskState, TaskStatus, limits, resize::check_resize, task_group::Part,
    },
    wire::journal::v1,
};

/// The last number of a task's updates that is read back.
pub(crate) const SEQUENCE_MAX: u64 = i64::MAX.cast_unsigned();
/// As many more must fit below it where a task is carried on: a hundred a second, for a year.
pub(crate) const UPDATES_TO_COME: u64 = 1 << 32;

/// Why bytes are not a row.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Not a protobuf message of this type.
    #[error("the {row} row is damaged")]
    Encoding {
        /// Which kind of row.
        row: &'static str,
        /// What is wrong.
        #[source]
        source: prost::DecodeError,
    },
    /// A message, with a field that cannot be.
    #[error("the {row} row has a bad field")]
    Field {
        /// Which kind of row.
        row: &'static str,
        /// Which field, and what is wrong with it.
        #[source]
        source: Refusal,
    },
}

/// Encodes the identity.
pub fn encode_identity(identity: &Identity) -> Vec<u8> {
    v1::Identity {
        agent_id: identity.agent.to_string(),
        cluster_id: identity.cluster.as_ref().map(ToString::to_string).unwrap_or_default(),
        incarnation: identity.incarnation,
        boot_id: identity.boot_id.clone(),
        term: identity.term,
    }
    .encode_to_vec()
}

/// Decodes the identity.
pub fn decode_identity(bytes: &[u8]) -> Result<Identity, JournalError> {
    let row = "identity";
    let wire =
        v1::Identity::decode(bytes).map_err(|source| JournalError::Encoding { row, source })?;
    let read = || {
        let agent = AgentId::new(&wire.agent_id).map_err(|e| Refusal::invalid("agent_id", e))?;
        let cluster = match wire.cluster_id.as_str() {
            "" => None,
            text => Some(ClusterId::new(text).map_err(|e| Refusal::invalid("cluster_id", e))?),
        };
        Ok((agent, cluster))
    };
    let (agent, cluster) = read().map_err(|source| JournalError::Field { row, source })?;
    Ok(Identity {
        agent,
        cluster,
        incarnation: wire.incarnation,
        boot_id: wire.boot_id,
        term: wire.term,
    })
}

/// Encodes a task's row. The task's id comes back from its description or its pending updates.
pub fn encode_row(row: &TaskRow) -> Vec<u8> {
    v1::TaskRow {
        framework_id: row.key.framework.to_string(),
        task: row.task.as_deref().map(convert::task::write_task_info),
        state: convert::status::write_state(row.state).into(),
        sequence: row.sequence,
        pending: row.pending.iter().map(convert::status::write_status).collect(),
        kill_grace_period_ms: row.kill.map(|kill| kill.grace_period.as_ms()),
        kill_reason: row.kill.map_or(0, |kill| convert::status::write_reason(kill.reason).into()),
        container_id: row.container.as_ref().map(ToString::to_string).unwrap_or_default(),
        owner: row.owner.as_ref().map(ToString::to_string).unwrap_or_default(),
        started_after_boot_ms: row.started_after_boot.map(Duration::as_ms),
        size_version: row.size_version,
        resizing: row
            .resizing
            .as_ref()
            .map(|resizing| convert::resources::write_resources(&resizing.resources))
            .unwrap_or_default(),
        resizing_version: row.resizing.as_ref().map_or(0, |resizing| resizing.version),
        membership: row.membership.as_deref().map(write_membership),
    }
    .encode_to_vec()
}

/// Decodes a task's row.
pub fn decode_row(bytes: &[u8]) -> Result<TaskRow, JournalError> {
    let row = "task";
    let wire =
        v1::TaskRow::decode(bytes).map_err(|source| JournalError::Encoding { row, source })?;
    read_row(wire).map_err(|source| JournalError::Field { row, source })
}

fn read_row(wire: v1::TaskRow) -> Result<TaskRow, Refusal> {
    let framework: FrameworkId =
        wire.framework_id.parse().map_err(|e| Refusal::invalid("framework_id", e))?;
    let task = wire
        .task
        .map(|task| convert::task::read_task_info(task).map_err(|r| r.under("task")))
        .transpose()?;
    if wire.pending.len() > limits::PENDING_UPDATES_PER_TASK_MAX {
        let limit = limits::PENDING_UPDATES_PER_TASK_MAX;
        return Err(Refusal::limit("pending", wire.pending.len(), limit));
    }
    let mut pending = Vec::with_capacity(wire.pending.len());
    for (index, status) in wire.pending.into_iter().enumerate() {
        let read = convert::status::read_status(status);
        pending.push(read.map_err(|r| r.under(&format!("pending[{index}]")))?);
    }
    let id = match (&task, pending.first()) {
        (Some(task), _) => task.id.clone(),
        (None, Some(status)) => status.task.clone(),
        (None, None) => return Err(Refusal::invalid("task", "is missing")),
    };
    if let Some(index) = pending.iter().position(|status| status.task != id) {
        let field = format!("pending[{index}].task_id");
        return Err(Refusal::invalid(field, "names another task"));
    }
    let state = convert::status::read_state(wire.state).map_err(|r| r.under("state"))?;
    let container = match wire.container_id.as_str() {
        "" => None,
        text => Some(ContainerId::new(text).map_err(|e| Refusal::invalid("container_id", e))?),
    };
    let owner = match wire.owner.as_str() {
        "" => None,
        text => Some(OwnerId::new(text).map_err(|e| Refusal::invalid("owner", e))?),
    };
    let membership = wire.membership.map(read_membership).transpose();
    let membership = membership.map_err(|r| r.under("membership"))?;
    // One of a group gets its container when its turn comes.
    check_shape(state, task.is_some(), container.is_some() || membership.is_some())?;
    check_pending(state, &pending, wire.sequence)?;
    let kill = match wire.kill_grace_period_ms {
        None => None,
        Some(ms) => Some(Kill {
            grace_period: Duration(ms),
            reason: convert::status::read_reason(wire.kill_reason)
                .map_err(|r| r.under("kill_reason"))?,
        }),
    };
    if state == TaskState::Killing && kill.is_none() {
        return Err(Refusal::invalid("kill_grace_period_ms", "is missing"));
    }
    let resizing = read_resizing(wire.resizing, wire.resizing_version, &task)?;
    Ok(TaskRow {
        key: TaskKey { framework, task: id },
        task: task.map(Box::new),
        container,
        state,
        sequence: wire.sequence,
        pending,
        kill,
        owner,
        started_after_boot: wire.started_after_boot_ms.map(Duration),
        size_version: wire.size_version,
        resizing,
        membership: membership.map(Box::new),
    })
}

fn write_membership(member: &Membership) -> v1::Membership {
    v1::Membership {
        group_id: member.group.to_string(),
        part: convert::task_group::write_part(member.part).into(),
        place: member.place,
        on_failure: convert::task_group::write_on_failure(member.on_failure).into(),
        share: member.share.as_ref().map(convert::resources::write_resources).unwrap_or_default(),
    }
}

/// Init tasks have shares, be they of nothing; others have none.
fn read_membership(wire: v1::Membership) -> Result<Membership, Refusal> {
    let group = GroupId::new(&wire.group_id).map_err(|e| Refusal::invalid("group_id", e))?;
    let part = convert::task_group::read_part("part", wire.part)?;
    let share = convert::resources::read_resources(wire.share).map_err(|r| r.under("share"))?;
    let share = match part {
        Part::Init => Some(share),
        Part::Sidecar | Part::Main if share.is_empty() => None,
        Part::Sidecar | Part::Main => {
            return Err(Refusal::invalid("share", "is there for no init task"));
        }
    };
    let on_failure = convert::task_group::read_on_failure("on_failure", wire.on_failure)?;
    Ok(Membership { group, part, place: wire.place, on_failure, share })
}

/// Version 0 is none; a size that is being applied is one that the task can get.
fn read_resizing(
    resources: Vec<proto::wire::v1::Resource>,
    version: u64,
    task: &Option<TaskInfo>,
) -> Result<Option<Resizing>, Refusal> {
    let (field, version) = match version {
        0 => return Ok(None),
        version => ("resizing", version),
    };
    let resources = convert::resources::read_resources(resources).map_err(|r| r.under(field))?;
    let task = task.as_ref().ok_or_else(|| Refusal::invalid("task", "is missing"))?;
    check_resize(&task.resources, &resources).map_err(|e| Refusal::invalid(field, e))?;
    Ok(Some(Resizing { version, resources }))
}

/// A task that lives has a description and a container, and is in a state that an agent can give
/// it.
fn check_shape(state: TaskState, has_task: bool, has_container: bool) -> Result<(), Refusal> {
    use TaskState::{Killing, Running, Staging};
    match (state, has_task, has_container) {
        (Staging | Running | Killing, true, true) => Ok(()),
        (Staging | Running | Killing, false, _) => Err(Refusal::invalid("task", "is missing")),
        (Staging | Running | Killing, _, false) => {
            Err(Refusal::invalid("container_id", "is missing"))
        }
        (ended, ..) if ended.is_terminal() => Ok(()),
        (other, ..) => {
            Err(Refusal::invalid("state", format!("is {other}, which no agent records")))
        }
    }
}

/// Pending updates are the last ones made, without gaps; only the last one can be the end.
fn check_pending(state: TaskState, pending: &[TaskStatus], sequence: u64) -> Result<(), Refusal> {
    // Counted from 1, one by one; whoever carries a task on asks for more room than this.
    if sequence > SEQUENCE_MAX {
        return Err(Refusal::invalid("sequence", "is more than any task comes to"));
    }
    for (index, status) in pending.iter().rev().enumerate() {
        let expected = sequence.checked_sub(index as u64).filter(|number| *number > 0);
        if expected != Some(status.sequence) {
            return Err(Refusal::invalid("pending", "the sequence numbers have a gap"));
        }
        let end = index == 0 && state.is_terminal();
        if status.state.is_terminal() != end || (end && status.state != state) {
            return Err(Refusal::invalid("pending", "does not lead to the task's state"));
        }
    }
    Ok(())
}
