//! The nodes of a table: rows in leaves, and above them nodes whose keys say where to go down.
//!
//! A child's key is a lower bound of the child's keys and above all keys of the children before it;
//! that of a node's first child is not looked at. All leaves are equally deep. Only a root may be
//! empty, and no node has more than [`WIDTH`] entries.

use std::sync::Arc;

/// Entries of a node: a change that finds its way shared copies so many at each level, a lookup
/// halves as many.
pub(super) const WIDTH: usize = 32;
/// A node with fewer entries is joined with one beside it, if both fit into three quarters of one.
const FEW: usize = WIDTH / 4;
const JOINED_MAX: usize = WIDTH / 4 * 3;

pub(super) enum Node<K, V> {
    Leaf(Vec<(K, Arc<V>)>),
    Inner(Vec<Child<K, V>>),
}

/// A node with its lower bound.
pub(super) type Child<K, V> = (K, Arc<Node<K, V>>);

/// By hand: rows are shared, so that they need not be clonable.
impl<K: Clone, V> Clone for Node<K, V> {
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(rows) => Self::Leaf(rows.clone()),
            Self::Inner(children) => Self::Inner(children.clone()),
        }
    }
}

/// What an insertion did to a node.
pub(super) enum Inserted<K, V> {
    Replaced(Arc<V>),
    Fits,
    /// It has less now, and the rest, from this key on, is in another node to the right.
    Split(K, Arc<Node<K, V>>),
}

/// The child in which a key is, or would be.
pub(super) fn place<K: Ord, T>(children: &[(K, T)], key: &K) -> usize {
    // The first child's key is not looked at.
    children[1..].partition_point(|(bound, _)| bound <= key)
}

impl<K: Ord, V> Node<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<&Arc<V>> {
        let mut node = self;
        loop {
            match node {
                Node::Inner(children) => node = &children[place(children, key)].1,
                Node::Leaf(rows) => {
                    let at = rows.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
                    return Some(&rows[at].1);
                }
            }
        }
    }

    /// The least key; of inner nodes, what is known to be no greater.
    pub(super) fn least(&self) -> Option<&K> {
        match self {
            Node::Leaf(rows) => rows.first().map(|(key, _)| key),
            Node::Inner(children) => children.first().map(|(key, _)| key),
        }
    }

    pub(super) fn greatest(&self) -> Option<&K> {
        let mut node = self;
        loop {
            match node {
                Node::Leaf(rows) => return rows.last().map(|(key, _)| key),
                Node::Inner(children) => node = &children.last()?.1,
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Node::Leaf(rows) => rows.len(),
            Node::Inner(children) => children.len(),
        }
    }
}

/// The row, to be replaced by a changed one. The key must be there: the way to it is made our own.
pub(super) fn get_mut<'a, K: Ord + Clone, V>(
    node: &'a mut Arc<Node<K, V>>,
    key: &K,
) -> Option<&'a mut Arc<V>> {
    match own(node) {
        Node::Inner(children) => {
            let at = place(children, key);
            get_mut(&mut children[at].1, key)
        }
        Node::Leaf(rows) => {
            let at = rows.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
            Some(&mut rows[at].1)
        }
    }
}

pub(super) fn insert<K: Ord + Clone, V>(
    node: &mut Arc<Node<K, V>>,
    key: K,
    row: Arc<V>,
) -> Inserted<K, V> {
    match own(node) {
        Node::Leaf(rows) => match rows.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(at) => Inserted::Replaced(std::mem::replace(&mut rows[at].1, row)),
            Err(at) => match put(rows, at, (key, row)) {
                None => Inserted::Fits,
                Some(right) => {
                    let bound = right[0].0.clone();
                    Inserted::Split(bound, Arc::new(Node::Leaf(right)))
                }
            },
        },
        Node::Inner(children) => {
            let at = place(children, &key);
            let (bound, right) = match insert(&mut children[at].1, key, row) {
                Inserted::Split(bound, right) => (bound, right),
                done => return done,
            };
            match put(children, at + 1, (bound, right)) {
                None => Inserted::Fits,
                Some(right) => {
                    let bound = right[0].0.clone();
                    Inserted::Split(bound, Arc::new(Node::Inner(right)))
                }
            }
        }
    }
}

/// Takes a row out that is known to be there.
pub(super) fn remove<K: Ord + Clone, V>(node: &mut Arc<Node<K, V>>, key: &K) -> Arc<V> {
    match own(node) {
        Node::Leaf(rows) => {
            let at = rows.binary_search_by(|(other, _)| other.cmp(key));
            rows.remove(at.unwrap_or_else(|_| unreachable!("the row is there"))).1
        }
        Node::Inner(children) => {
            let at = place(children, key);
            let row = remove(&mut children[at].1, key);
            tidy(children, at);
            row
        }
    }
}

/// Inserts an entry; when the node is full, answers with what moves to another one.
///
/// At the end of a full node only the new entry moves: who counts upwards leaves full nodes behind.
fn put<T>(entries: &mut Vec<T>, at: usize, entry: T) -> Option<Vec<T>> {
    if entries.len() < WIDTH {
        entries.insert(at, entry);
        return None;
    }
    let middle = if at == WIDTH { WIDTH } else { WIDTH / 2 };
    let mut right = entries.split_off(middle);
    match at > middle || right.is_empty() {
        true => right.insert(at - middle, entry),
        false => entries.insert(at, entry),
    }
    Some(right)
}

/// After a removal below a child: drops it when it is empty, joins it with a neighbour when it has
/// few entries and both fit into one.
fn tidy<K: Ord + Clone, V>(children: &mut Vec<Child<K, V>>, at: usize) {
    let len = children[at].1.len();
    if len == 0 {
        children.remove(at);
        return;
    }
    if len >= FEW {
        return;
    }
    let left = match at {
        0 => 0,
        _ => at - 1,
    };
    let Some((_, right)) = children.get(left + 1) else { return };
    if children[left].1.len() + right.len() > JOINED_MAX {
        return;
    }
    let (bound, right) = children.remove(left + 1);
    match (own(&mut children[left].1), Arc::unwrap_or_clone(right)) {
        (Node::Leaf(rows), Node::Leaf(more)) => rows.extend(more),
        (Node::Inner(below), Node::Inner(mut more)) => {
            // As the first child's its key was not looked at; now it is.
            more[0].0 = bound;
            below.extend(more);
        }
        _ => unreachable!("all leaves are equally deep"),
    }
}

/// The node, ours alone: copied when somebody else holds it too.
fn own<K: Clone, V>(node: &mut Arc<Node<K, V>>) -> &mut Node<K, V> {
    Arc::make_mut(node)
}
