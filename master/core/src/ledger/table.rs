//! An ordered table whose copy shares its rows: cloning copies keys and pointers, and a row is
//! copied only when one of the two sides changes it. Knows nothing of what a row is.

use std::{collections::BTreeMap, ops::RangeBounds, sync::Arc};

/// Rows by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<K, V>(BTreeMap<K, Arc<V>>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, V> Table<K, V> {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// One row.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key).map(Arc::as_ref)
    }

    /// One row, to be changed; copied first when somebody else holds it.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V>
    where
        V: Clone,
    {
        self.0.get_mut(key).map(Arc::make_mut)
    }

    /// Puts a row; returns the one it replaces.
    pub fn insert(&mut self, key: K, row: V) -> Option<Arc<V>> {
        self.0.insert(key, Arc::new(row))
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: &K) -> Option<Arc<V>> {
        self.0.remove(key)
    }

    /// Whether there is such a row.
    pub fn contains_key(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// All rows, by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator {
        self.0.iter().map(|(key, row)| (key, row.as_ref()))
    }

    /// The rows whose keys are in a range, by key.
    pub fn range<'a, R: RangeBounds<K> + 'a>(
        &'a self,
        keys: R,
    ) -> impl DoubleEndedIterator<Item = (&'a K, &'a V)> {
        self.0.range(keys).map(|(key, row)| (key, row.as_ref()))
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
