//! An ordered table whose copy costs nothing: a tree whose nodes are shared until one side changes
//! them.
//!
//! A clone is one pointer. A change copies the nodes on the way to its row when somebody else holds
//! them, some hundred pointers, and nothing when nobody does; the row itself is copied only when it
//! is changed. So the state can be given away, to be written to disk or shown, as often as anybody
//! asks, and the price is in proportion to what changes meanwhile. Knows nothing of what a row is.

mod copy_on_write;
mod iter;
mod node;
#[cfg(test)]
mod tests;

pub use copy_on_write::CopyOnWrite;

use iter::Iter;
use node::{Inserted, Node};
use std::{
    fmt,
    ops::{Bound, RangeBounds},
    sync::Arc,
};

/// Rows by key.
pub struct Table<K, V> {
    root: Arc<Node<K, V>>,
    len: usize,
}

impl<K, V> Clone for Table<K, V> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root), len: self.len }
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { root: Arc::new(Node::Leaf(Vec::new())), len: 0 }
    }
}

impl<K: Ord + Clone, V> Table<K, V> {
    /// No rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// One row.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.root.get(key).map(Arc::as_ref)
    }

    /// One row, to be changed; copied first when somebody else holds it.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V>
    where
        V: Clone,
    {
        // Looked up first: what is not there must not copy the way to it.
        self.root.get(key)?;
        node::get_mut(&mut self.root, key).map(Arc::make_mut)
    }

    /// Puts a row; returns the one it replaces.
    pub fn insert(&mut self, key: K, row: V) -> Option<Arc<V>> {
        match node::insert(&mut self.root, key, Arc::new(row)) {
            Inserted::Replaced(row) => return Some(row),
            Inserted::Fits => {}
            Inserted::Split(bound, right) => {
                let left = std::mem::replace(&mut self.root, Self::default().root);
                let least = left.least().expect("a node that was split has rows").clone();
                self.root = Arc::new(Node::Inner(vec![(least, left), (bound, right)]));
            }
        }
        self.len += 1;
        None
    }

    /// Takes a row out.
    pub fn remove(&mut self, key: &K) -> Option<Arc<V>> {
        self.root.get(key)?;
        let row = node::remove(&mut self.root, key);
        self.len -= 1;
        while let Node::Inner(children) = &*self.root {
            let [(_, only)] = &children[..] else { break };
            let only = Arc::clone(only);
            self.root = only;
        }
        Some(row)
    }

    /// Takes out the row with the least key.
    pub fn pop_first(&mut self) -> Option<(K, Arc<V>)> {
        let (key, _) = self.iter().next()?;
        let key = key.clone();
        let row = self.remove(&key).expect("just seen");
        Some((key, row))
    }

    /// Whether there is such a row.
    pub fn contains_key(&self, key: &K) -> bool {
        self.root.get(key).is_some()
    }

    /// All rows, by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        Iter::new(&self.root, Bound::Unbounded, self.len)
    }

    /// The rows whose keys are in a range, by key.
    pub fn range<'a, R: RangeBounds<K> + 'a>(
        &'a self,
        keys: R,
    ) -> impl Iterator<Item = (&'a K, &'a V)> {
        let rows = Iter::new(&self.root, keys.start_bound(), self.len);
        rows.take_while(move |(key, _)| match keys.end_bound() {
            Bound::Unbounded => true,
            Bound::Included(end) => *key <= end,
            Bound::Excluded(end) => *key < end,
        })
    }

    /// The greatest key.
    pub fn last_key(&self) -> Option<&K> {
        self.root.greatest()
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<K: Ord + Clone, V: PartialEq> PartialEq for Table<K, V> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.root, &other.root)
            || self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Ord + Clone, V: Eq> Eq for Table<K, V> {}

impl<K: Ord + Clone + fmt::Debug, V: fmt::Debug> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
