//! T3: at most one container per task, anywhere, ever; and only of tasks that were accepted (T7 is
//! the agent's own). The trial's frameworks never use an id again.

use agent_core::ContainerId;
use proto::model::{AgentId, TaskKey};
use std::collections::BTreeMap;

/// The container of every task that ever had one.
#[derive(Debug, Default)]
pub(crate) struct OneContainer {
    by_task: BTreeMap<TaskKey, (AgentId, ContainerId)>,
}

impl OneContainer {
    /// Whether no container has ever been started.
    pub(crate) fn none_started(&self) -> bool {
        self.by_task.is_empty()
    }

    pub(crate) fn starts(&mut self, agent: &AgentId, container: &ContainerId, key: &TaskKey) {
        let now = (agent.clone(), container.clone());
        if let Some(first) = self.by_task.insert(key.clone(), now.clone()) {
            panic!("T3: {key} is started as {now:?}, it was started as {first:?} before");
        }
    }
}
