//! The rows of agents: what they have, what of it is taken, and whether they are there.

use super::{Drain, Ledger, Pools};
use proto::model::{AgentId, AgentInfo, Instant, Reason, Refusal, Resources, TaskKey, limits};
use std::{collections::BTreeSet, sync::Arc};

/// Whether an agent is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentState {
    /// It registered and is heard of.
    Registered,
    /// It missed its heartbeats; its tasks may still run, their resources stay taken.
    Unreachable,
    /// It was given up; the row is a tombstone, so that the same journal cannot come back.
    Removed,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// As it described itself last; whoever else keeps it shares it.
    pub info: Arc<AgentInfo>,
    /// Of its journal.
    pub incarnation: u64,
    /// Whether it is there.
    pub state: AgentState,
    /// When the state became what it is; a new registration counts.
    pub changed: Instant,
    /// An operator wants no new tasks there.
    pub deactivated: bool,
    /// It is being emptied, or is empty for it.
    pub drain: Option<Drain>,
    /// What its tasks take that have not ended; derived.
    pub allocated: Resources,
    /// What of it is reserved; derived.
    pub pools: Pools,
}

/// The tasks on one agent; derived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AgentTasks {
    /// Every task row there.
    pub(crate) keys: BTreeSet<TaskKey>,
    /// Those among them that live or have updates that were not acknowledged.
    pub(crate) open: usize,
}

impl Ledger {
    /// The agent's row, when it was not removed and this is its journal.
    pub(super) fn agent_of_journal(
        &self,
        id: &AgentId,
        incarnation: u64,
    ) -> Result<&Agent, Refusal> {
        let agent = self.agents.get(id).ok_or_else(|| agent_unknown(id))?;
        if agent.state == AgentState::Removed {
            return Err(agent_removed(id));
        }
        if agent.incarnation != incarnation {
            let message = format!("agent {id} has registered with another journal");
            return Err(Refusal::new(Reason::AgentFenced, message));
        }
        Ok(agent)
    }

    /// Forgets the oldest tombstones beyond the limit.
    pub(super) fn forget_removed_agents(&mut self) {
        while self.index.removed_agents.len() > limits::REMOVED_REMEMBERED_MAX {
            let (_, id) = self.index.removed_agents.pop_first().expect("more than the limit");
            let agent = self.agents.remove(&id).expect("an indexed agent has a row");
            assert!(agent.state == AgentState::Removed && agent.allocated.is_empty());
        }
    }
}

pub(super) fn agent_unknown(id: &AgentId) -> Refusal {
    Refusal::new(Reason::AgentUnknown, format!("there is no agent {id}"))
}

pub(super) fn agent_removed(id: &AgentId) -> Refusal {
    let message = format!("agent {id} was removed; it may come back with an empty journal");
    Refusal::new(Reason::AgentRemoved, message)
}
