//! C4: equal applied index means an equal ledger: across hosts, restarts and snapshots.

use proto::model::NodeId;
use std::collections::BTreeMap;

/// The first digest seen at each index, and whose it was.
#[derive(Debug, Default)]
pub(crate) struct EqualDigests {
    by_index: BTreeMap<u64, (u128, NodeId)>,
    compared: u64,
}

impl EqualDigests {
    pub(crate) fn observe(&mut self, node: NodeId, index: u64, digest: u128) {
        let (first, whose) = *self.by_index.entry(index).or_insert((digest, node));
        assert_eq!(first, digest, "C4: at index {index}, {node} differs from {whose}");
        self.compared += u64::from(whose != node);
    }

    /// How often two hosts were compared.
    pub(crate) fn compared(&self) -> u64 {
        self.compared
    }
}
