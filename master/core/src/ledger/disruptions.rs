//! How many of its tasks a framework can do without at once: what its disruption budget leaves.
//!
//! A task is disrupted while the cluster is ending it for reasons of its own: its agent is being
//! emptied, or it gives way to others, from the notice on. All of these count against one budget,
//! whoever asks. What is revocable is outside of it: lent capacity is there to be given back, and a
//! budget that kept it would take a guarantee from its owner.

use super::{Kill, Ledger, Task};
use proto::model::{DisruptionBudget, FrameworkId, StatusReason};
use std::collections::{BTreeMap, BTreeSet};

/// How many more tasks of one framework may end, by group.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    budget: &'a DisruptionBudget,
    ending: BTreeMap<&'a str, u32>,
}

impl<'a> Room<'a> {
    /// Takes one place in a task's group, if there is one.
    pub(super) fn take(&mut self, task: &'a Task) -> bool {
        if task.info.revocable {
            return true;
        }
        let is_free = self.left(self.group(task)) > 0;
        *self.ending.entry(self.group(task)).or_default() += u32::from(is_free);
        is_free
    }

    /// The group of a task of the framework.
    pub(crate) fn group<'b>(&self, task: &'b Task) -> &'b str {
        self.budget.group(&task.info)
    }

    /// How many more of a group may end.
    pub(crate) fn left(&self, group: &str) -> u32 {
        let ending = self.ending.get(group).copied().unwrap_or(0);
        self.budget.tasks_max.saturating_sub(ending)
    }
}

/// Whether the cluster, and no party to the task, is ending it.
fn is_disrupted(task: &Task) -> bool {
    let by_cluster =
        |kill: Kill| matches!(kill.reason, StatusReason::AgentDraining | StatusReason::Preempted);
    let counts = !task.is_terminal() && !task.info.revocable;
    counts && (task.preempted.is_some() || task.kill.is_some_and(by_cluster))
}

impl Ledger {
    /// What a framework's budget leaves; `None` when it has none, or has ended.
    pub(crate) fn disruption_room(&self, id: FrameworkId) -> Option<Room<'_>> {
        let framework = self.framework(id).filter(|row| !row.is_removed())?;
        let budget = framework.info.disruption_budget.as_ref()?;
        let (mut ending, mut groups) = (BTreeMap::new(), BTreeSet::new());
        for task in self.tasks_of_framework(id).filter(|task| is_disrupted(task)) {
            // A task group is one loss, whatever is left of it.
            if task.group().is_some_and(|key| !groups.insert(key)) {
                continue;
            }
            *ending.entry(budget.group(&task.info)).or_default() += 1;
        }
        Some(Room { budget, ending })
    }
}
