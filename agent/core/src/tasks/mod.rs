//! The tasks of this agent: their rows, what they hold, and which container belongs to which.

pub(crate) mod capacity;
pub(crate) mod completion;
pub(crate) mod kill;
pub(crate) mod launch;
pub(crate) mod lifecycle;
pub(crate) mod resize;

use crate::{
    due::DueTimes,
    journal::{
        ContainerId, RecoverError, TaskRow,
        codec::{SEQUENCE_MAX, UPDATES_TO_COME},
    },
    volumes::users::Users,
};
use capacity::Capacity;
use proto::model::{GroupKey, Resources, TaskKey};
use std::collections::{BTreeMap, BTreeSet};

/// All rows, with what must be found quickly.
#[derive(Debug)]
pub(crate) struct Tasks {
    rows: BTreeMap<TaskKey, TaskRow>,
    by_container: BTreeMap<ContainerId, TaskKey>,
    live: usize,
    by_group: BTreeMap<GroupKey, BTreeSet<(u32, TaskKey)>>,
    /// Groups of which something has changed.
    changed_groups: BTreeSet<GroupKey>,
    pub(crate) capacity: Capacity,
    /// When to look again at each task that should end.
    pub(crate) kill_checks: DueTimes<TaskKey>,
    /// When each task has run for long enough.
    pub(crate) completions: DueTimes<TaskKey>,
    /// Who uses which volume.
    pub(crate) users: Users,
}

impl Tasks {
    pub(crate) fn new(total: Resources) -> Self {
        Self {
            rows: BTreeMap::new(),
            by_container: BTreeMap::new(),
            live: 0,
            by_group: BTreeMap::new(),
            changed_groups: BTreeSet::new(),
            capacity: Capacity::new(total),
            kill_checks: DueTimes::default(),
            completions: DueTimes::default(),
            users: Users::default(),
        }
    }

    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &TaskRow> {
        self.rows.values()
    }

    pub(crate) fn live_count(&self) -> usize {
        self.live
    }

    pub(crate) fn get(&self, key: &TaskKey) -> Option<&TaskRow> {
        self.rows.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: &TaskKey) -> Option<&mut TaskRow> {
        self.rows.get_mut(key)
    }

    pub(crate) fn key_of(&self, container: &ContainerId) -> Option<&TaskKey> {
        self.by_container.get(container)
    }

    pub(crate) fn has_container(&self, container: &ContainerId) -> bool {
        self.by_container.contains_key(container)
    }

    /// Adds a row whose resources, if it is live, were admitted.
    pub(crate) fn insert(&mut self, row: TaskRow) {
        if let Some(container) = &row.container {
            self.by_container.insert(container.clone(), row.key.clone());
        }
        if row.is_live() {
            self.live += 1;
            self.users.enter(&row);
        }
        if let (Some(group), Some(member)) = (row.group(), &row.membership) {
            self.changed_groups.insert(group.clone());
            self.by_group.entry(group).or_default().insert((member.place, row.key.clone()));
        }
        let earlier = self.rows.insert(row.key.clone(), row);
        assert!(earlier.is_none(), "a task has one row");
    }

    /// Adds a row of an earlier life. Its resources are promised even beyond the total, which an
    /// operator may have lowered.
    pub(crate) fn restore(&mut self, row: TaskRow) -> Result<(), RecoverError> {
        if self.rows.contains_key(&row.key) {
            return Err(RecoverError::TaskTwice { key: row.key });
        }
        if let Some(container) = row.container.as_ref().filter(|c| self.has_container(c)) {
            return Err(RecoverError::ContainerTwice { container: container.clone() });
        }
        if row.is_live() && row.sequence > SEQUENCE_MAX - UPDATES_TO_COME {
            return Err(RecoverError::TooManyUpdates { key: row.key, sequence: row.sequence });
        }
        if row.is_live() {
            let restored = row.held().and_then(|held| self.capacity.restore(&held));
            restored.map_err(|source| RecoverError::Promised { key: row.key.clone(), source })?;
        }
        self.insert(row);
        Ok(())
    }

    /// The task of this row, which has just become terminal, holds nothing any more.
    pub(crate) fn release(&mut self, key: &TaskKey) {
        let row = self.rows.get(key).expect("the row is still there");
        assert!(!row.is_live(), "only what has ended is released");
        self.live -= 1;
        let held = row.held().expect("what it holds was added up before");
        self.capacity.release(&held);
        self.users.leave(row);
        self.kill_checks.remove(key);
        self.completions.remove(key);
    }

    pub(crate) fn forget(&mut self, key: &TaskKey) {
        let row = self.rows.remove(key).expect("the caller saw the row");
        assert!(!row.is_live(), "only what has ended is forgotten");
        if let Some(container) = &row.container {
            self.by_container.remove(container);
        }
        if let (Some(group), Some(member)) = (row.group(), &row.membership) {
            let members = self.by_group.get_mut(&group).expect("a row's group is known");
            members.remove(&(member.place, row.key));
            if members.is_empty() {
                self.by_group.remove(&group);
            }
        }
    }

    /// The rows of a group, in its order.
    pub(crate) fn of_group(&self, group: &GroupKey) -> Vec<&TaskRow> {
        let members = self.by_group.get(group).into_iter().flatten();
        members.map(|(_, key)| self.rows.get(key).expect("a group's tasks have rows")).collect()
    }

    /// Something has changed of a task: if it is of a group, of that too.
    pub(crate) fn note_change(&mut self, key: &TaskKey) {
        let group = self.rows.get(key).and_then(TaskRow::group);
        self.changed_groups.extend(group);
    }

    /// Takes out a group of which something has changed.
    pub(crate) fn take_changed_group(&mut self) -> Option<GroupKey> {
        self.changed_groups.pop_first()
    }

    /// A task of a group, which had none, gets a container.
    pub(crate) fn give_container(&mut self, key: &TaskKey, container: &ContainerId) {
        let row = self.rows.get_mut(key).expect("the caller saw the row");
        let earlier = row.container.replace(container.clone());
        assert!(earlier.is_none(), "T3: one container per task");
        self.by_container.insert(container.clone(), key.clone());
    }
}
