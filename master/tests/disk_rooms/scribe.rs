//! Random but legal work for a log, and the simplest possible log to compare with.

use master::disk::{
    Batch, LogPosition, LogStore, Membership, RedbLogStore, Restored, SnapshotChange,
    SnapshotPointer, StoreId,
};
use raft::eraftpb::{ConfState, Entry, HardState};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use redb::StorageBackend;

pub(crate) const STORE: StoreId = StoreId(0x5eed);

pub(crate) fn entry(index: u64, term: u64, data: &[u8]) -> Entry {
    Entry { index, term, data: data.to_vec().into(), ..Entry::default() }
}

pub(crate) fn hard_state(term: u64, vote: u64, commit: u64) -> HardState {
    HardState { term, vote, commit, ..HardState::default() }
}

pub(crate) fn pointer(index: u64, term: u64) -> SnapshotPointer {
    let digest = u128::from(index) << 64 | u128::from(term);
    SnapshotPointer {
        file: format!("snapshot-{term}-{index}.bin"),
        index,
        term,
        digest,
        size_bytes: 99,
    }
}

/// A first batch that any empty log accepts: `count` entries of term 1, all committed.
pub(crate) fn first_entries(count: u64) -> Batch {
    Batch {
        hard_state: Some(hard_state(1, 1, count)),
        entries: (1..=count).map(|index| entry(index, 1, &index.to_le_bytes())).collect(),
        ..Batch::default()
    }
}

/// A loaded log on an empty storage.
pub(crate) fn new_log(backend: impl StorageBackend) -> RedbLogStore {
    let mut store = RedbLogStore::create(backend, STORE, None).unwrap();
    assert!(store.load().unwrap().is_empty());
    store
}

/// The log as a plain vector. `state.hard_state.commit` is kept as written, not as restored.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Model {
    state: Restored,
}

impl Model {
    /// What loading must give back.
    pub(crate) fn restored(&self) -> Restored {
        let mut expected = self.state.clone();
        expected.hard_state.commit = self.committed();
        expected
    }

    /// Goes on from what a log gave back.
    pub(crate) fn resume(restored: Restored) -> Self {
        Self { state: restored }
    }

    pub(crate) fn apply(&mut self, batches: &[Batch]) {
        for batch in batches {
            self.apply_one(batch);
        }
        self.state.sequence += 1;
    }

    fn apply_one(&mut self, batch: &Batch) {
        let state = &mut self.state;
        if let Some(hard_state) = &batch.hard_state {
            state.hard_state = hard_state.clone();
        }
        match &batch.snapshot {
            Some(SnapshotChange::Taken(pointer)) => state.snapshot = Some(pointer.clone()),
            Some(SnapshotChange::Installed(pointer)) => {
                state.snapshot = Some(pointer.clone());
                state.compacted = pointer.position();
                state.entries.clear();
            }
            None => {}
        }
        if let Some(first) = batch.entries.first() {
            state.entries.retain(|entry| entry.index < first.index);
            state.entries.extend(batch.entries.iter().cloned());
        }
        if let Some(membership) = &batch.membership {
            state.membership = Some(membership.clone());
        }
        if let Some(index) = batch.compact_to.filter(|index| *index > state.compacted.index) {
            let term = term_in(state, index);
            state.compacted = LogPosition { index, term };
            state.entries.retain(|entry| entry.index > index);
        }
    }

    fn committed(&self) -> u64 {
        let snapshot = self.state.snapshot.as_ref().map_or(0, |pointer| pointer.index);
        let applied = self.state.membership.as_ref().map_or(0, |membership| membership.applied);
        self.state.hard_state.commit.max(snapshot).max(applied)
    }

    /// A random group of one to three legal batches.
    pub(crate) fn invent(&self, random: &mut Pcg64Mcg) -> Vec<Batch> {
        let mut ahead = self.clone();
        let mut batches = Vec::new();
        for _ in 0..random.random_range(1..=3) {
            let batch = ahead.invent_one(random);
            ahead.apply_one(&batch);
            batches.push(batch);
        }
        batches
    }

    fn invent_one(&self, random: &mut Pcg64Mcg) -> Batch {
        let state = &self.state;
        let mut hard_state = state.hard_state.clone();
        if hard_state.term == 0 || random.random_range(0..8) == 0 {
            hard_state.term += random.random_range(1..=2);
            hard_state.vote = random.random_range(0..4);
        }
        let mut batch = Batch::default();
        let mut last = state.last();
        if random.random_range(0..40) == 0 {
            let index = last.index + random.random_range(1..=20);
            let at = pointer(index, hard_state.term);
            hard_state.commit = index;
            last = at.position();
            batch.snapshot = Some(SnapshotChange::Installed(at));
        } else if last.index > self.committed() && random.random_range(0..4) == 0 {
            // A new leader replaces what was never committed.
            let index = random.random_range(self.committed()..last.index);
            hard_state.term += 1;
            hard_state.vote = 0;
            last = LogPosition { index, term: term_in(state, index) };
        }
        for _ in 0..random.random_range(0..=5) {
            last = LogPosition { index: last.index + 1, term: hard_state.term };
            let data: Vec<u8> = (0..random.random_range(0..600)).map(|_| random.random()).collect();
            batch.entries.push(entry(last.index, last.term, &data));
        }
        let known = hard_state.commit.max(self.committed()).min(last.index);
        hard_state.commit = random.random_range(known..=last.index);
        if batch.snapshot.is_none() {
            self.invent_housekeeping(&mut batch, &hard_state, random);
        }
        batch.hard_state = Some(hard_state);
        batch
    }

    /// Membership, snapshots and compaction, up to what is committed and already in the log.
    fn invent_housekeeping(&self, batch: &mut Batch, next: &HardState, random: &mut Pcg64Mcg) {
        let state = &self.state;
        let before = batch.entries.first().map_or(state.last().index, |entry| entry.index - 1);
        let reached = next.commit.min(before);
        let applied = state.membership.as_ref().map_or(0, |membership| membership.applied);
        if applied <= reached && random.random_range(0..6) == 0 {
            let applied = random.random_range(applied..=reached);
            let conf_state =
                ConfState { voters: vec![1, 2, random.random_range(3..9)], ..ConfState::default() };
            batch.membership = Some(Membership { conf_state, applied });
        }
        let mut snapshot = state.snapshot.as_ref().map_or(0, |pointer| pointer.index);
        let oldest = snapshot.max(state.compacted.index).max(1);
        if oldest <= reached && random.random_range(0..6) == 0 {
            snapshot = random.random_range(oldest..=reached);
            let at = pointer(snapshot, term_in(state, snapshot));
            batch.snapshot = Some(SnapshotChange::Taken(at));
        }
        if random.random_range(0..4) == 0 {
            batch.compact_to = Some(random.random_range(0..=snapshot));
        }
    }
}

fn term_in(state: &Restored, index: u64) -> u64 {
    let found = state.entries.iter().find(|entry| entry.index == index);
    found.map_or(state.compacted.term, |entry| entry.term)
}
