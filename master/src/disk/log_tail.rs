//! The rules a log never breaks, as arithmetic on its ends.
//!
//! `Tail` remembers where the log begins and ends and what was promised; every batch is checked
//! against it before anything is written, and loading a log walks through the same rules. Term,
//! vote within a term, commit and applied never go back; applied and commit lie inside the log; no
//! committed entry is replaced; nothing is forgotten that no snapshot covers. Pure: no I/O.

use raft::eraftpb::{Entry, HardState};

use super::log_store::LogPosition;
use super::snapshot_file::SnapshotPointer;

/// The two ends of a log and the promises made about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Tail {
    pub(super) compacted: LogPosition,
    pub(super) last: LogPosition,
    pub(super) hard_state: HardState,
    pub(super) applied: u64,
    pub(super) snapshot: LogPosition,
    pub(super) sequence: u64,
}

/// How a batch contradicts the log it was meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchFault {
    /// The term of a hard state is lower than before.
    #[error("hard state: term {term} is lower than {current}")]
    TermWentBack {
        /// In the batch.
        term: u64,
        /// Durable.
        current: u64,
    },
    /// A second vote in one term.
    #[error("hard state: vote for {vote} in term {term}, in which {given} got the vote")]
    VoteChanged {
        /// The term.
        term: u64,
        /// In the batch.
        vote: u64,
        /// Durable.
        given: u64,
    },
    /// The commit index of a hard state is lower than before.
    #[error("hard state: commit {commit} is lower than {current}")]
    CommitWentBack {
        /// In the batch.
        commit: u64,
        /// Durable.
        current: u64,
    },
    /// The commit index lies beyond the log.
    #[error("hard state: commit {commit} lies beyond the last entry {last}")]
    CommitBeyondLog {
        /// After the batch.
        commit: u64,
        /// Last entry after the batch.
        last: u64,
    },
    /// The entries do not follow each other or the log.
    #[error("entries: index {index} comes where {expected} or an earlier one must come")]
    Gap {
        /// In the batch.
        index: u64,
        /// What would fit.
        expected: u64,
    },
    /// The entries would replace a committed one.
    #[error("entries: index {index} would replace an entry, but all up to {commit} are committed")]
    ReplacesCommitted {
        /// First index of the batch.
        index: u64,
        /// Known to be committed.
        commit: u64,
    },
    /// The term of an entry is lower than that of the entry before.
    #[error("entries: term {term} of index {index} is lower than {before}")]
    EntryTermWentBack {
        /// In the batch.
        index: u64,
        /// In the batch.
        term: u64,
        /// Of the entry before.
        before: u64,
    },
    /// The term of an entry or snapshot is higher than the member's own.
    #[error("term {term} at index {index} is higher than the hard state's {current}")]
    TermFromTheFuture {
        /// In the batch.
        index: u64,
        /// In the batch.
        term: u64,
        /// Durable, or in the same batch.
        current: u64,
    },
    /// A snapshot is older than what it would replace.
    #[error("snapshot: index {index} is behind {reached}")]
    SnapshotBehind {
        /// In the batch.
        index: u64,
        /// What was reached before.
        reached: u64,
    },
    /// A snapshot taken here speaks of an entry that is not in the log.
    #[error("snapshot: entry {index} of term {term} is not in the log")]
    SnapshotNotOfThisLog {
        /// In the batch.
        index: u64,
        /// In the batch.
        term: u64,
    },
    /// The applied index went back or lies beyond the log.
    #[error("membership: applied {applied} must lie between {current} and {last}")]
    AppliedOutOfRange {
        /// In the batch.
        applied: u64,
        /// Durable.
        current: u64,
        /// Last entry after the batch.
        last: u64,
    },
    /// Entries would be forgotten that no snapshot covers.
    #[error("compaction: {index} lies beyond the snapshot at {snapshot}")]
    CompactsBeyondSnapshot {
        /// In the batch.
        index: u64,
        /// Newest snapshot after the batch.
        snapshot: u64,
    },
}

impl Tail {
    /// The highest index known to be committed, however it is known.
    pub(super) fn committed(&self) -> u64 {
        self.hard_state.commit.max(self.applied).max(self.snapshot.index)
    }

    pub(super) fn accept_hard_state(&mut self, next: &HardState) -> Result<(), BatchFault> {
        let current = &self.hard_state;
        if next.term < current.term {
            return Err(BatchFault::TermWentBack { term: next.term, current: current.term });
        }
        if next.term == current.term && current.vote != 0 && next.vote != current.vote {
            let (term, vote, given) = (next.term, next.vote, current.vote);
            return Err(BatchFault::VoteChanged { term, vote, given });
        }
        if next.commit < current.commit {
            let (commit, current) = (next.commit, current.commit);
            return Err(BatchFault::CommitWentBack { commit, current });
        }
        self.hard_state = next.clone();
        Ok(())
    }

    /// A snapshot from the leader: the log becomes empty behind it.
    pub(super) fn accept_installed(
        &mut self,
        pointer: &SnapshotPointer,
        committed_before: u64,
    ) -> Result<(), BatchFault> {
        let at = pointer.position();
        if at.index < committed_before {
            let (index, reached) = (at.index, committed_before);
            return Err(BatchFault::SnapshotBehind { index, reached });
        }
        self.check_term(at)?;
        (self.compacted, self.last, self.snapshot) = (at, at, at);
        Ok(())
    }

    /// A snapshot made here; `term_at` is the term of the entry it ends with, if that is known.
    pub(super) fn accept_taken(
        &mut self,
        pointer: &SnapshotPointer,
        term_at: Option<u64>,
    ) -> Result<(), BatchFault> {
        let at = pointer.position();
        if at.index < self.snapshot.index {
            let (index, reached) = (at.index, self.snapshot.index);
            return Err(BatchFault::SnapshotBehind { index, reached });
        }
        if term_at != Some(at.term) {
            return Err(BatchFault::SnapshotNotOfThisLog { index: at.index, term: at.term });
        }
        self.snapshot = at;
        Ok(())
    }

    /// New entries; `before` is what precedes the first of them in the log as it is.
    pub(super) fn accept_entries(
        &mut self,
        entries: &[Entry],
        before: LogPosition,
    ) -> Result<(), BatchFault> {
        let mut last = before;
        for entry in entries {
            let (index, term) = (entry.index, entry.term);
            let expected = last.index.saturating_add(1);
            if index != expected {
                return Err(BatchFault::Gap { index, expected });
            }
            if term < last.term {
                return Err(BatchFault::EntryTermWentBack { index, term, before: last.term });
            }
            last = LogPosition { index, term };
            self.check_term(last)?;
        }
        self.last = last;
        Ok(())
    }

    /// Whether entries may begin at `first`.
    ///
    /// What counts as committed is what was before this batch: its own hard state may commit
    /// the very entries it brings.
    pub(super) fn check_first(&self, first: u64, committed_before: u64) -> Result<(), BatchFault> {
        let expected = self.last.index.saturating_add(1);
        if first > expected {
            return Err(BatchFault::Gap { index: first, expected });
        }
        let commit = committed_before.max(self.compacted.index);
        if first <= commit {
            return Err(BatchFault::ReplacesCommitted { index: first, commit });
        }
        Ok(())
    }

    pub(super) fn accept_applied(&mut self, applied: u64) -> Result<(), BatchFault> {
        let (current, last) = (self.applied, self.last.index);
        if applied < current || applied > last {
            return Err(BatchFault::AppliedOutOfRange { applied, current, last });
        }
        self.applied = applied;
        Ok(())
    }

    /// Forgetting up to `index`, whose term is `term`.
    pub(super) fn accept_compaction(&mut self, at: LogPosition) {
        self.compacted = at;
    }

    /// Whether everything up to `index` may be forgotten.
    pub(super) fn check_compaction(&self, index: u64) -> Result<(), BatchFault> {
        let snapshot = self.snapshot.index;
        if index > snapshot {
            return Err(BatchFault::CompactsBeyondSnapshot { index, snapshot });
        }
        Ok(())
    }

    /// What must hold once all parts of a batch took effect.
    pub(super) fn check_closed(&self) -> Result<(), BatchFault> {
        let (commit, last) = (self.hard_state.commit, self.last.index);
        if commit > last {
            return Err(BatchFault::CommitBeyondLog { commit, last });
        }
        Ok(())
    }

    fn check_term(&self, at: LogPosition) -> Result<(), BatchFault> {
        let current = self.hard_state.term;
        if at.term > current {
            let LogPosition { index, term } = at;
            return Err(BatchFault::TermFromTheFuture { index, term, current });
        }
        Ok(())
    }
}
