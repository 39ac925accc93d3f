//! When something is due for each of some tasks; one time for each.

use proto::model::{Instant, TaskKey};
use std::collections::{BTreeMap, BTreeSet};

/// Found by time and by task.
#[derive(Debug, Default)]
pub(crate) struct DueTimes {
    by_time: BTreeSet<(Instant, TaskKey)>,
    by_task: BTreeMap<TaskKey, Instant>,
}

impl DueTimes {
    /// Sets the one time of a task.
    pub(crate) fn set(&mut self, key: &TaskKey, at: Instant) {
        self.remove(key);
        self.by_time.insert((at, key.clone()));
        self.by_task.insert(key.clone(), at);
    }

    pub(crate) fn remove(&mut self, key: &TaskKey) {
        if let Some(at) = self.by_task.remove(key) {
            self.by_time.remove(&(at, key.clone()));
        }
    }

    /// The first of all.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out a task whose time has come.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<TaskKey> {
        let key = self.by_time.first().filter(|(at, _)| *at <= now)?.1.clone();
        self.remove(&key);
        Some(key)
    }

    pub(crate) fn holds(&self, key: &TaskKey) -> bool {
        self.by_task.contains_key(key)
    }
}
