//! One ordered set of timers: each key has at most one deadline.
//!
//! Everything costs in proportion to what is due, times the logarithm of what is set. It does not
//! know what its keys mean, nor what time it is.

use proto::model::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// Deadlines by key, and keys by deadline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadlines<K: Ord> {
    by_key: BTreeMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K: Ord> Default for Deadlines<K> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    /// No deadlines.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a key its deadline; an earlier or later one that it had no longer counts.
    pub fn set(&mut self, key: K, at: Instant) {
        match self.by_key.insert(key.clone(), at) {
            Some(previous) if previous == at => return,
            Some(previous) => {
                let mut entry = (previous, key);
                assert!(self.by_time.remove(&entry), "both indexes hold the same deadlines");
                entry.0 = at;
                self.by_time.insert(entry);
            }
            None => drop(self.by_time.insert((at, key))),
        }
        assert_eq!(self.by_key.len(), self.by_time.len(), "one deadline per key");
    }

    /// Takes a key's deadline away and says what it was.
    pub fn cancel(&mut self, key: &K) -> Option<Instant> {
        let (key, at) = self.by_key.remove_entry(key)?;
        assert!(self.by_time.remove(&(at, key)), "both indexes hold the same deadlines");
        Some(at)
    }

    /// A key's deadline.
    pub fn get(&self, key: &K) -> Option<Instant> {
        self.by_key.get(key).copied()
    }

    /// Takes out every key whose deadline is now or was before, the earliest first, ties by key.
    pub fn due(&mut self, now: Instant) -> Vec<K> {
        let mut due = Vec::new();
        while let Some(key) = self.pop_due(now) {
            due.push(key);
        }
        due
    }

    /// Takes out the first of the keys that are due.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        match self.by_time.first() {
            Some((at, _)) if *at <= now => self.pop_first(),
            _ => None,
        }
    }

    /// Takes out the key with the earliest deadline, due or not.
    pub fn pop_first(&mut self) -> Option<K> {
        let (at, key) = self.by_time.pop_first()?;
        let known = self.by_key.remove(&key);
        assert_eq!(known, Some(at), "both indexes hold the same deadlines");
        Some(key)
    }

    /// When the next key is due.
    pub fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Every key with its deadline, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&K, Instant)> {
        self.by_key.iter().map(|(key, at)| (key, *at))
    }

    /// How many keys have a deadline.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether no key has a deadline.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Step {
        Set(u8, u64),
        Cancel(u8),
        Due(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..12u8, 0..50u64).prop_map(|(key, at)| Step::Set(key, at)),
            (0..12u8).prop_map(Step::Cancel),
            (0..50u64).prop_map(Step::Due),
        ]
    }

    proptest! {
        /// Against a list that is searched from end to end each time.
        #[test]
        fn behaves_as_a_plain_list(steps in prop::collection::vec(step(), 0..200)) {
            let mut deadlines = Deadlines::new();
            let mut list: Vec<(u64, u8)> = Vec::new();
            for step in steps {
                match step {
                    Step::Set(key, at) => {
                        list.retain(|(_, other)| *other != key);
                        list.push((at, key));
                        deadlines.set(key, Instant(at));
                    }
                    Step::Cancel(key) => {
                        let known = list.iter().find(|(_, other)| *other == key).copied();
                        list.retain(|(_, other)| *other != key);
                        prop_assert_eq!(deadlines.cancel(&key), known.map(|(at, _)| Instant(at)));
                    }
                    Step::Due(now) => {
                        let mut due: Vec<_> =
                            list.iter().filter(|(at, _)| *at <= now).copied().collect();
                        due.sort_unstable();
                        list.retain(|(at, _)| *at > now);
                        let keys: Vec<_> = due.into_iter().map(|(_, key)| key).collect();
                        prop_assert_eq!(deadlines.due(Instant(now)), keys);
                    }
                }
                let next = list.iter().map(|(at, _)| Instant(*at)).min();
                prop_assert_eq!(deadlines.next(), next);
                prop_assert_eq!(deadlines.len(), list.len());
                prop_assert_eq!(deadlines.is_empty(), list.is_empty());
                for (at, key) in &list {
                    prop_assert_eq!(deadlines.get(key), Some(Instant(*at)));
                }
            }
        }
    }
}
