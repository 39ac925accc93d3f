//! C3, U1: what was acknowledged to a client or an agent is in the ledger of every later leader.

use master_core::Ledger;
use proto::model::{FrameworkId, TaskId, TaskKey};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that was acknowledged.
#[derive(Debug, Default)]
pub(crate) struct LeaderCompleteness {
    frameworks: BTreeSet<FrameworkId>,
    tasks: BTreeSet<TaskKey>,
    /// The last update of each task that its agent was told to forget.
    updates: BTreeMap<TaskKey, u64>,
}

impl LeaderCompleteness {
    /// A framework was told that it is subscribed.
    pub(crate) fn framework_subscribed(&mut self, framework: FrameworkId) {
        self.frameworks.insert(framework);
    }

    /// A framework was told that its tasks exist. Whether all of them were new.
    pub(crate) fn accepted(&mut self, framework: FrameworkId, tasks: &[TaskId]) -> bool {
        let mut all_new = true;
        for task in tasks {
            let key = TaskKey { framework, task: task.clone() };
            all_new &= self.tasks.insert(key);
        }
        all_new
    }

    /// An agent is told that an update is recorded.
    pub(crate) fn update_committed(&mut self, ledger: &Ledger, key: &TaskKey, sequence: u64) {
        if let Some(task) = ledger.task(key) {
            let has = task.agent_sequence;
            let is_there = has >= sequence;
            assert!(
                is_there,
                "U1: update {sequence} of {key} is acknowledged, the ledger has {has}"
            );
        }
        let last = self.updates.entry(key.clone()).or_default();
        *last = (*last).max(sequence);
    }

    /// An agent forgets a task with this last update.
    pub(crate) fn forgotten(&self, key: &TaskKey, sequence: u64) {
        let last = self.updates.get(key).copied().unwrap_or(0);
        assert!(last >= sequence, "U1: {key} is forgotten at {sequence}, {last} is acknowledged");
    }

    /// A master begins to serve with this ledger.
    pub(crate) fn serves(&self, ledger: &Ledger) {
        let index = ledger.applied().index;
        for framework in &self.frameworks {
            let row = ledger.framework(*framework);
            assert!(row.is_some(), "C3: the leader at {index} has lost {framework}");
        }
        for key in &self.tasks {
            let ended = ledger.framework(key.framework).is_some_and(|row| row.is_removed());
            let there = ended || ledger.task(key).is_some();
            assert!(there, "C3: the leader at {index} has lost the accepted task {key}");
        }
        for (key, sequence) in &self.updates {
            if let Some(task) = ledger.task(key) {
                assert!(
                    task.agent_sequence >= *sequence,
                    "U1: the leader at {index} has lost update {sequence} of {key}"
                );
            }
        }
    }
}
