//! C1: at most one master serves in a term.

use proto::model::NodeId;
use std::collections::BTreeMap;

/// Who served in each term.
#[derive(Debug, Default)]
pub(crate) struct OneLeader {
    by_term: BTreeMap<u64, NodeId>,
}

impl OneLeader {
    pub(crate) fn serves(&mut self, term: u64, node: NodeId) {
        let first = *self.by_term.entry(term).or_insert(node);
        assert_eq!(first, node, "C1: {first} and {node} both serve in term {term}");
    }

    /// The newest term in which anybody served, and who.
    pub(crate) fn newest(&self) -> Option<(u64, NodeId)> {
        self.by_term.last_key_value().map(|(term, node)| (*term, *node))
    }
}
