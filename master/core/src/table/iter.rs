//! Rows in order, from some key on.

use super::node::{Child, Node};
use std::{ops::Bound, slice, sync::Arc};

/// The way down to where the next row is: what is left of each node on it.
pub(super) struct Iter<'a, K, V> {
    above: Vec<slice::Iter<'a, Child<K, V>>>,
    rows: slice::Iter<'a, (K, Arc<V>)>,
    /// Rows of the table that did not come yet; an upper bound unless it began with the first.
    left: usize,
}

impl<'a, K: Ord, V> Iter<'a, K, V> {
    pub(super) fn new(root: &'a Node<K, V>, start: Bound<&K>, len: usize) -> Self {
        let (mut above, mut node) = (Vec::new(), root);
        loop {
            match node {
                Node::Inner(children) => {
                    let at = match start {
                        Bound::Unbounded => 0,
                        Bound::Included(key) | Bound::Excluded(key) => {
                            super::node::place(children, key)
                        }
                    };
                    above.push(children[at + 1..].iter());
                    node = &children[at].1;
                }
                Node::Leaf(rows) => {
                    let skipped = match start {
                        Bound::Unbounded => 0,
                        Bound::Included(key) => rows.partition_point(|(other, _)| other < key),
                        Bound::Excluded(key) => rows.partition_point(|(other, _)| other <= key),
                    };
                    return Self { above, rows: rows[skipped..].iter(), left: len };
                }
            }
        }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, row)) = self.rows.next() {
                self.left -= 1;
                return Some((key, row));
            }
            // Up to the first node that has more, and down again to its next leaf.
            let mut node = loop {
                let Some(siblings) = self.above.last_mut() else {
                    self.left = 0;
                    return None;
                };
                match siblings.next() {
                    Some((_, node)) => break &**node,
                    None => drop(self.above.pop()),
                }
            };
            self.rows = loop {
                match node {
                    Node::Leaf(rows) => break rows.iter(),
                    Node::Inner(children) => {
                        let mut children = children.iter();
                        let (_, first) = children.next().expect("no node is empty but the root");
                        node = first;
                        self.above.push(children);
                    }
                }
            };
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// For a whole table only: elsewhere the number that is left is a bound.
impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}
