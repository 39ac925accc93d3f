//! C2: equal index and term mean an equal entry, on whichever disk and in whichever message. What a
//! process only meant to write, and lost before anybody was told, was never an entry.

use proto::model::NodeId;
use raft::eraftpb::Entry;
use std::collections::BTreeMap;

/// Every entry that any disk was ever asked to keep.
#[derive(Debug, Default)]
pub(crate) struct LogMatching {
    entries: BTreeMap<(u64, u64), Entry>,
}

impl LogMatching {
    pub(crate) fn observe(&mut self, node: NodeId, entries: &[Entry]) {
        for entry in entries {
            let place = (entry.index, entry.term);
            let first = self.entries.entry(place).or_insert_with(|| entry.clone());
            assert!(
                first.data == entry.data,
                "C2: {node} has another entry at index {}, term {}, than there was before",
                entry.index,
                entry.term
            );
        }
    }
}
