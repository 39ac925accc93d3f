//! When something is due for each of some tasks, or of some volumes; one time for each.

use proto::model::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// Found by time and by what it is due for.
#[derive(Debug)]
pub(crate) struct DueTimes<K> {
    by_time: BTreeSet<(Instant, K)>,
    by_key: BTreeMap<K, Instant>,
}

impl<K> Default for DueTimes<K> {
    fn default() -> Self {
        Self { by_time: BTreeSet::new(), by_key: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> DueTimes<K> {
    /// Sets the one time of this.
    pub(crate) fn set(&mut self, key: &K, at: Instant) {
        self.remove(key);
        self.by_time.insert((at, key.clone()));
        self.by_key.insert(key.clone(), at);
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(at) = self.by_key.remove(key) {
            self.by_time.remove(&(at, key.clone()));
        }
    }

    /// The first of all.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes out one whose time has come.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<K> {
        let key = self.by_time.first().filter(|(at, _)| *at <= now)?.1.clone();
        self.remove(&key);
        Some(key)
    }

    pub(crate) fn holds(&self, key: &K) -> bool {
        self.by_key.contains_key(key)
    }
}
