//! The children of a node in the order in which they are to be served.
//!
//! The first stands apart from the others. It is the one that is given something, and then mostly
//! goes to the end: the next one takes its place without being searched for, and an only child
//! stays where it is. It does not know what decides the order.

use super::node::Key;
use std::{collections::BTreeSet, mem};

/// The keys, none of them twice.
#[derive(Debug, Clone, Default)]
pub(super) struct Siblings {
    first: Option<Key>,
    /// Those behind it; none when there is no first.
    rest: BTreeSet<Key>,
}

impl Siblings {
    /// Nobody.
    pub(super) const fn new() -> Self {
        Self { first: None, rest: BTreeSet::new() }
    }

    /// All of these.
    pub(super) fn of(mut keys: Vec<Key>) -> Self {
        keys.sort_unstable();
        let mut keys = keys.into_iter();
        Self { first: keys.next(), rest: keys.collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn first(&self) -> Option<&Key> {
        self.first.as_ref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.first.iter().chain(&self.rest)
    }

    /// Somebody comes, goes, or has another key.
    ///
    /// # Panics
    /// When there is nobody with the key from before.
    pub(super) fn change(&mut self, before: Option<&Key>, after: Option<Key>) {
        match before {
            Some(before) if self.first.as_ref() == Some(before) => self.change_first(after),
            Some(before) => {
                assert!(self.rest.remove(before), "a node stands where its key says");
                after.into_iter().for_each(|key| self.insert(key));
            }
            None => after.into_iter().for_each(|key| self.insert(key)),
        }
    }

    fn change_first(&mut self, after: Option<Key>) {
        match after {
            Some(key) if self.rest.first().is_none_or(|next| key < *next) => self.first = Some(key),
            after => {
                self.rest.extend(after);
                self.first = self.rest.pop_first();
            }
        }
    }

    fn insert(&mut self, key: Key) {
        match &mut self.first {
            None => self.first = Some(key),
            Some(first) if key < *first => drop(self.rest.insert(mem::replace(first, key))),
            Some(_) => drop(self.rest.insert(key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Siblings};
    use crate::allocator::{
        Share,
        tree::{NodeIndex, node::Name},
    };

    fn key(share: u128) -> Key {
        let share = Share::new(share, 10);
        Key { not_owed: true, share, name: Name::Own, node: NodeIndex(0) }
    }

    /// Every change to a few siblings, against a sorted list.
    #[test]
    fn whoever_changes_stands_in_order() {
        for before in [None, Some(1), Some(3), Some(5)] {
            for after in [None, Some(0), Some(2), Some(4), Some(6)] {
                let mut siblings = Siblings::of([5, 1, 3].map(key).to_vec());
                siblings.change(before.map(key).as_ref(), after.map(key));
                let mut expected: Vec<u128> = vec![1, 3, 5];
                expected.retain(|share| Some(*share) != before);
                expected.extend(after);
                expected.sort_unstable();
                let expected: Vec<Key> = expected.into_iter().map(key).collect();
                assert!(siblings.iter().eq(&expected), "{before:?} to {after:?}");
                assert_eq!(siblings.first(), expected.first());
            }
        }
    }

    #[test]
    fn an_only_child_comes_and_goes() {
        let mut siblings = Siblings::new();
        siblings.change(None, Some(key(4)));
        siblings.change(Some(&key(4)), Some(key(7)));
        assert_eq!(siblings.first(), Some(&key(7)));
        siblings.change(Some(&key(7)), None);
        assert!(siblings.is_empty() && siblings.iter().next().is_none());
    }
}
