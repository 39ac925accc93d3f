//! C5: term, commit and applied never go back within a life; a disk's term and its vote within the
//! term not even across lives. A wiped disk is another disk.

use crate::trial::event::Process;
use proto::model::NodeId;
use raft::eraftpb::HardState;
use std::collections::BTreeMap;

/// The last that was seen.
#[derive(Debug, Default)]
pub(crate) struct Monotone {
    lives: BTreeMap<Process, (u64, u64, u64)>,
    disks: BTreeMap<NodeId, (u64, u64)>,
}

impl Monotone {
    /// Term, commit and applied of a process.
    pub(crate) fn observe(&mut self, process: Process, seen: (u64, u64, u64)) {
        let last = self.lives.insert(process, seen).unwrap_or_default();
        let (term, commit, applied) = seen;
        assert!(
            last.0 <= term && last.1 <= commit && last.2 <= applied && applied <= commit,
            "C5: {process:?} went from term, commit, applied {last:?} to {seen:?}"
        );
    }

    /// What a disk holds now.
    pub(crate) fn written(&mut self, node: NodeId, hard_state: &HardState) {
        let now = (hard_state.term, hard_state.vote);
        let last = self.disks.insert(node, now).unwrap_or_default();
        let same_vote = last.0 < now.0 || last.1 == 0 || last.1 == now.1;
        assert!(
            last.0 <= now.0 && same_vote,
            "C5: the disk of {node} went from {last:?} to {now:?}"
        );
    }

    /// A disk was wiped.
    pub(crate) fn wiped(&mut self, node: NodeId) {
        self.disks.remove(&node);
    }
}
