//! The log since the last snapshot, in memory: what raft reads through its `Storage` trait.
//!
//! The disk has the same entries, possibly a little later; raft is told which are durable by
//! `on_persist_ready`. Snapshots are never made here: raft is told that one exists, and the shell
//! streams the file.

use super::commands_of;
use crate::{
    ledger::{Command, MemberChange, codec},
    outbox::SnapshotMark,
};
use proto::model::NodeId;
use raft::{
    Error, GetEntriesContext, RaftState, Result, Storage, StorageError,
    eraftpb::{ConfState, Entry, HardState, Snapshot},
};
use std::{cell::Cell, collections::VecDeque};

/// What a master finds on its disk when it starts.
#[derive(Debug, Clone, Default)]
pub struct Restored {
    /// Term, vote and commit as last written.
    pub hard_state: HardState,
    /// The newest snapshot; entries follow it.
    pub snapshot: Option<SnapshotMark>,
    /// Contiguous, after the snapshot's index (a tail from before it may be there as well).
    pub entries: Vec<Entry>,
    /// Whether this member has a past and may vote.
    pub voter: bool,
}

impl Restored {
    /// Who founded the cluster, when the log still begins with that.
    pub(super) fn founders(&self) -> Option<Vec<NodeId>> {
        self.entries.iter().find_map(|entry| {
            let batch = codec::decode_batch(commands_of(entry)).ok()?;
            batch.commands.into_iter().find_map(|command| match command {
                Command::ChangeMembers(MemberChange::Found(members)) => {
                    Some(members.into_iter().map(|member| member.node).collect())
                }
                _ => None,
            })
        })
    }
}

/// The log in memory. `entries` is contiguous and starts after `compacted`.
#[derive(Debug)]
pub(crate) struct LogView {
    hard_state: HardState,
    conf_state: ConfState,
    /// Index and term of the entry before the first.
    compacted: (u64, u64),
    entries: VecDeque<Entry>,
    /// What a follower that needs older entries is to be given.
    snapshot: Option<SnapshotMark>,
    /// Somebody needs a snapshot that knows it as a member, and there is none yet.
    snapshot_wish: Cell<bool>,
}

impl LogView {
    pub(crate) fn new(restored: Restored, members: ConfState) -> Self {
        let conf_state = restored.snapshot.as_ref().map_or(members, |mark| mark.conf_state.clone());
        let snapshot_end =
            restored.snapshot.as_ref().map_or((0, 0), |mark| (mark.index, mark.term));
        let mut entries: VecDeque<_> = restored.entries.into();
        // Entries kept behind the snapshot stay, for followers that are a little late. The term of
        // the one before them is not known, and raft takes an unknown term for a match with an
        // empty log: so the first of them only stands for what was compacted.
        let compacted = match entries.front().map(|first| (first.index, first.term)) {
            Some(first) if first.0 <= snapshot_end.0 => {
                entries.pop_front();
                first
            }
            _ => snapshot_end,
        };
        let contiguous = entries.iter().zip(compacted.0 + 1..).all(|(e, index)| e.index == index);
        assert!(contiguous, "the log store returned a gap");
        // A commit index alone is not written: what is in the snapshot is committed, whatever the
        // last one that was.
        let mut hard_state = restored.hard_state;
        hard_state.commit = hard_state.commit.max(snapshot_end.0);
        let view = Self {
            hard_state,
            conf_state,
            compacted,
            entries,
            snapshot: restored.snapshot,
            snapshot_wish: Cell::new(false),
        };
        assert!(view.last() >= snapshot_end.0, "the log reaches its snapshot");
        assert!(view.hard_state.commit <= view.last(), "the log reaches the commit index");
        view
    }

    pub(crate) fn last(&self) -> u64 {
        self.compacted.0 + self.entries.len() as u64
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.last() == 0
    }

    pub(crate) fn conf_state(&self) -> &ConfState {
        &self.conf_state
    }

    /// The members as of the last applied change.
    pub(crate) fn set_conf_state(&mut self, conf_state: ConfState) {
        self.conf_state = conf_state;
    }

    pub(crate) fn takes_snapshot_wish(&self) -> bool {
        self.snapshot_wish.take()
    }

    pub(crate) fn snapshot_mark(&self) -> Option<&SnapshotMark> {
        self.snapshot.as_ref()
    }

    pub(crate) fn hard_state(&self) -> &HardState {
        &self.hard_state
    }

    pub(crate) fn set_hard_state(&mut self, hard_state: HardState) {
        self.hard_state = hard_state;
    }

    /// Adds entries; the first replaces whatever stands at its index and after.
    pub(crate) fn append(&mut self, entries: &[Entry]) {
        let Some(first) = entries.first() else { return };
        assert!(first.index > self.compacted.0, "raft never rewrites what is compacted");
        assert!(first.index <= self.last() + 1, "raft never leaves a gap");
        let keep = first.index - self.compacted.0 - 1;
        self.entries.truncate(usize::try_from(keep).expect("a log in memory fits"));
        self.entries.extend(entries.iter().cloned());
    }

    /// A snapshot from a leader replaces everything.
    pub(crate) fn install(&mut self, mark: SnapshotMark) {
        self.compacted = (mark.index, mark.term);
        self.conf_state = mark.conf_state.clone();
        self.entries.clear();
        self.snapshot = Some(mark);
    }

    /// A snapshot of ours is durable; entries up to `to` may go. Returns whether any did.
    pub(crate) fn compact(&mut self, mark: SnapshotMark, to: u64) -> bool {
        assert!(to <= mark.index, "only what is in the snapshot goes");
        self.snapshot = Some(mark);
        if to <= self.compacted.0 {
            return false;
        }
        let term = self.entry(to).expect("an index in the log").term;
        let gone = usize::try_from(to - self.compacted.0).expect("a log in memory fits");
        self.entries.drain(..gone);
        self.compacted = (to, term);
        true
    }

    fn entry(&self, index: u64) -> Option<&Entry> {
        let offset = index.checked_sub(self.compacted.0 + 1)?;
        self.entries.get(usize::try_from(offset).ok()?)
    }
}

fn knows(members: &ConfState, node: u64) -> bool {
    let lists = [&members.voters, &members.learners, &members.voters_outgoing];
    lists.into_iter().any(|list| list.contains(&node))
}

impl Storage for LogView {
    fn initial_state(&self) -> Result<RaftState> {
        Ok(RaftState::new(self.hard_state.clone(), self.conf_state.clone()))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _context: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        if low <= self.compacted.0 {
            return Err(Error::Store(StorageError::Compacted));
        }
        assert!(high <= self.last() + 1, "raft asks for entries that were never given");
        let mut budget = max_size.into().unwrap_or(u64::MAX);
        let mut taken = Vec::new();
        for index in low..high {
            let entry = self.entry(index).expect("checked above");
            let size = entry.data.len() as u64 + 32;
            // At least one, or an entry above the budget would never be sent.
            if !taken.is_empty() && size > budget {
                break;
            }
            budget = budget.saturating_sub(size);
            taken.push(entry.clone());
        }
        Ok(taken)
    }

    fn term(&self, index: u64) -> Result<u64> {
        if index == self.compacted.0 {
            return Ok(self.compacted.1);
        }
        if index < self.compacted.0 {
            return Err(Error::Store(StorageError::Compacted));
        }
        self.entry(index).map(|entry| entry.term).ok_or(Error::Store(StorageError::Unavailable))
    }

    fn first_index(&self) -> Result<u64> {
        Ok(self.compacted.0 + 1)
    }

    fn last_index(&self) -> Result<u64> {
        Ok(self.last())
    }

    /// Metadata only: the shell streams the file that belongs to it.
    fn snapshot(&self, request_index: u64, to: u64) -> Result<Snapshot> {
        match &self.snapshot {
            // A receiver ignores one of a time when it was no member.
            Some(mark) if !knows(&mark.conf_state, to) => {
                self.snapshot_wish.set(true);
                Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable))
            }
            Some(mark) if mark.index >= request_index => {
                let mut snapshot = Snapshot::default();
                let metadata = snapshot.mut_metadata();
                metadata.index = mark.index;
                metadata.term = mark.term;
                metadata.set_conf_state(mark.conf_state.clone());
                Ok(snapshot)
            }
            _ => Err(Error::Store(StorageError::SnapshotTemporarilyUnavailable)),
        }
    }
}
