//! A master's disk: what is durable, and what was asked to be.
//!
//! Writes become durable in order, several at a time. A crash keeps any number of the first ones
//! that were not confirmed yet, and loses the others: what the process heard and what the disk
//! holds differ by that. A wiped disk holds nothing. A snapshot of the process's own counts from
//! the moment it is written; a streamed one only from the moment its installation is durable.

use master_core::{
    Ledger,
    consensus::Restored,
    ledger::{
        digest::digest,
        dump::{self, Restore},
    },
    outbox::{Persist, SnapshotMark},
};
use proto::model::ClusterId;
use raft::eraftpb::{Entry, HardState};
use std::{
    cell::OnceCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

/// A snapshot. Several processes start from the same one, so that it is read once: copies of a
/// ledger share what does not change.
#[derive(Debug, Clone)]
pub(crate) struct Dump(Rc<Content>);

#[derive(Debug)]
struct Content {
    records: Vec<Vec<u8>>,
    read: OnceCell<(Ledger, u128)>,
}

/// What survives a crash.
#[derive(Debug, Clone, Default)]
pub(crate) struct Durable {
    /// Term, vote and commit.
    pub(crate) hard_state: HardState,
    /// Contiguous.
    pub(crate) entries: Vec<Entry>,
    /// The newest snapshot.
    pub(crate) snapshot: Option<(SnapshotMark, Dump)>,
    /// Whether the member has a past.
    pub(crate) voter: bool,
}

/// A disk.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// What survives a crash.
    pub(crate) durable: Durable,
    /// Asked for, not yet durable, in order.
    pub(crate) pending: VecDeque<Persist>,
    /// Streamed snapshots by index, which nothing refers to yet.
    received: BTreeMap<u64, Dump>,
}

impl Dump {
    /// Everything in a ledger, as a file has it.
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let records = dump::records(ledger).collect();
        Self(Rc::new(Content { records, read: OnceCell::new() }))
    }

    /// The records, as a file has them.
    pub(crate) fn records(&self) -> &[Vec<u8>] {
        &self.0.records
    }

    /// The ledger in it, and that ledger's digest.
    pub(crate) fn ledger(&self) -> &(Ledger, u128) {
        self.0.read.get_or_init(|| {
            let mut restore = Restore::new();
            for record in self.records() {
                restore.push(record).expect("a dump of our own");
            }
            let ledger = restore.finish().expect("a dump of our own");
            let digest = digest(&ledger);
            (ledger, digest)
        })
    }
}

impl Durable {
    /// The last entry's index.
    pub(crate) fn last(&self) -> u64 {
        let snapshot = self.snapshot.as_ref().map_or(0, |(mark, _)| mark.index);
        self.entries.last().map_or(snapshot, |entry| entry.index)
    }

    /// What a process that starts now finds: with a snapshot, the digest of its ledger, too.
    pub(crate) fn load(&self, cluster: &ClusterId) -> (Restored, Ledger, Option<u128>) {
        let (ledger, digest) = match &self.snapshot {
            Some((_, dump)) => {
                let (ledger, digest) = dump.ledger();
                (ledger.clone(), Some(*digest))
            }
            None => (Ledger::new(cluster.clone()), None),
        };
        let restored = Restored {
            hard_state: self.hard_state.clone(),
            snapshot: self.snapshot.as_ref().map(|(mark, _)| mark.clone()),
            entries: self.entries.clone(),
            voter: self.voter,
        };
        (restored, ledger, digest)
    }
}

impl Disk {
    /// A streamed snapshot is complete.
    pub(crate) fn receive(&mut self, index: u64, dump: Dump) {
        self.received.insert(index, dump);
    }

    /// A snapshot of the process's own is written.
    pub(crate) fn keep_snapshot(&mut self, mark: SnapshotMark, dump: Dump) {
        let newest = self.durable.snapshot.as_ref().map_or(0, |(mark, _)| mark.index);
        if mark.index > newest {
            assert!(mark.index <= self.durable.last(), "a snapshot is of durable entries");
            self.durable.snapshot = Some((mark, dump));
        }
    }

    /// Makes the first of the pending writes durable.
    pub(crate) fn write_next(&mut self) -> Option<Persist> {
        let persist = self.pending.pop_front()?;
        self.apply(&persist);
        Some(persist)
    }

    /// The process dies: the first `kept` of the pending writes are durable, the others never were.
    pub(crate) fn crash(&mut self, kept: usize) {
        for _ in 0..kept {
            self.write_next();
        }
        self.pending.clear();
        self.received.clear();
    }

    /// The disk is replaced by an empty one.
    pub(crate) fn wipe(&mut self) {
        *self = Self::default();
    }

    fn apply(&mut self, persist: &Persist) {
        let durable = &mut self.durable;
        if let Some(mark) = &persist.install {
            let dump = self.received.remove(&mark.index).expect("installed what was received");
            durable.snapshot = Some((mark.clone(), dump));
            durable.entries.clear();
        }
        if let Some(first) = persist.entries.first() {
            let (index, next) = (first.index, durable.last() + 1);
            assert!(index <= next, "entry {index} would leave a gap after {}", next - 1);
            durable.entries.retain(|entry| entry.index < index);
            durable.entries.extend(persist.entries.iter().cloned());
        }
        if let Some(hard_state) = &persist.hard_state {
            durable.hard_state = hard_state.clone();
        }
        if let Some(to) = persist.compact_to {
            let covered = durable.snapshot.as_ref().is_some_and(|(mark, _)| mark.index >= to);
            assert!(covered, "entries up to {to} go, and are in no durable snapshot");
            durable.entries.retain(|entry| entry.index > to);
        }
        durable.voter |= persist.voter;
    }
}
