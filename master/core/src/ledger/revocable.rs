//! What revocable tasks take: work that was told that others may have its place back.
//!
//! Two sums. By framework and role, of all that live: this part of what a role uses is not what its
//! guarantee promises. By agent, of those that nobody has told to give way yet: this much could be
//! had back. Amounts only. Nothing where nothing is revocable.

use super::{Ledger, Task};
use crate::table::Table;
use proto::model::{AgentId, FrameworkId, Resources, Role};
use std::collections::BTreeMap;

/// The sums; derived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Revocable {
    /// Live tasks.
    count: usize,
    users: Table<FrameworkId, BTreeMap<Role, Resources>>,
    agents: Table<AgentId, Resources>,
}

impl Revocable {
    /// A live task, if it is revocable.
    pub(super) fn add(&mut self, task: &Task) {
        if task.info.revocable {
            let taken = task.info.resources.counts();
            self.count += 1;
            // Ports alone are no amount, and have no sum.
            if taken.is_empty() {
                return;
            }
            let id = task.key.framework;
            if !self.users.contains_key(&id) {
                self.users.insert(id, BTreeMap::new());
            }
            let roles = self.users.get_mut(&id).expect("was made");
            add(roles.entry(task.role.clone()).or_default(), &taken);
            if task.preempted.is_none() {
                match self.agents.get_mut(&task.info.agent) {
                    Some(sum) => add(sum, &taken),
                    None => {
                        self.agents.insert(task.info.agent.clone(), taken.into_owned());
                    }
                }
            }
        }
    }

    /// It lives no longer, or will be added as something else.
    pub(super) fn remove(&mut self, task: &Task) {
        if task.info.revocable {
            let taken = task.info.resources.counts();
            self.count -= 1;
            if taken.is_empty() {
                return;
            }
            let (id, agent) = (task.key.framework, &task.info.agent);
            let roles = self.users.get_mut(&id).expect("a live task is counted");
            if take(roles.get_mut(&task.role).expect("a live task is counted"), &taken) {
                roles.remove(&task.role);
            }
            if roles.is_empty() {
                self.users.remove(&id);
            }
            if task.preempted.is_none()
                && take(self.agents.get_mut(agent).expect("a live task is counted"), &taken)
            {
                self.agents.remove(agent);
            }
        }
    }
}

impl Ledger {
    /// How many live tasks are revocable.
    pub fn revocable_task_count(&self) -> usize {
        self.index.revocable.count
    }

    /// What revocable tasks of a framework take, by role: amounts only.
    pub fn revocable_of(&self, id: FrameworkId) -> impl Iterator<Item = (&Role, &Resources)> {
        self.index.revocable.users.get(&id).into_iter().flatten()
    }

    /// The same of all frameworks.
    pub fn revocable_by_user(&self) -> impl Iterator<Item = (&Role, &Resources)> {
        self.index.revocable.users.iter().flat_map(|(_, roles)| roles)
    }

    /// What revocable tasks on an agent take that have not been told to give way: amounts only.
    pub fn revocable_on(&self, agent: &AgentId) -> Option<&Resources> {
        self.index.revocable.agents.get(agent)
    }
}

fn add(sum: &mut Resources, more: &Resources) {
    *sum = sum.checked_add(more).expect("a part of a sum that fits");
}

/// Whether nothing is left.
fn take(sum: &mut Resources, less: &Resources) -> bool {
    *sum = sum.checked_sub(less).expect("a sum holds all of its parts");
    sum.is_empty()
}
