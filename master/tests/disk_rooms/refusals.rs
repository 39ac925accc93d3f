//! Batches that contradict the log change nothing; a failing disk ends all writing.

use std::error::Error;

use master::disk::{
    AppendError, Batch, BatchFault, LogStore, Membership, RedbLogStore, SnapshotChange,
};
use raft::eraftpb::ConfState;

use super::power_cut_disk::PowerCutDisk;
use super::scribe::{STORE, entry, first_entries, hard_state, new_log, pointer};

/// Entries 1 to 6 of term 3, committed up to 4, voted for 2, snapshot at 3, compacted to 2.
fn log() -> RedbLogStore {
    let mut store = new_log(PowerCutDisk::default().cable());
    let conf_state = ConfState { voters: vec![1, 2, 3], ..ConfState::default() };
    let batch = Batch {
        hard_state: Some(hard_state(3, 2, 4)),
        entries: (1..=6).map(|index| entry(index, 3, b"x")).collect(),
        membership: Some(Membership { conf_state, applied: 1 }),
        ..Batch::default()
    };
    let snapshot = Batch {
        snapshot: Some(SnapshotChange::Taken(pointer(3, 3))),
        compact_to: Some(2),
        ..Batch::default()
    };
    store.append(&[batch, snapshot]).unwrap();
    store
}

fn entries(list: &[(u64, u64)]) -> Batch {
    let entries = list.iter().map(|(index, term)| entry(*index, *term, b"y")).collect();
    Batch { entries, ..Batch::default() }
}

fn state(term: u64, vote: u64, commit: u64) -> Batch {
    Batch { hard_state: Some(hard_state(term, vote, commit)), ..Batch::default() }
}

fn snapshot(change: SnapshotChange) -> Batch {
    Batch { snapshot: Some(change), ..Batch::default() }
}

fn applied(applied: u64) -> Batch {
    let membership = Membership { conf_state: ConfState::default(), applied };
    Batch { membership: Some(membership), ..Batch::default() }
}

#[test]
fn every_broken_rule_is_refused_and_changes_nothing() {
    let cases = [
        (state(2, 0, 4), BatchFault::TermWentBack { term: 2, current: 3 }),
        (state(3, 1, 4), BatchFault::VoteChanged { term: 3, vote: 1, given: 2 }),
        (state(3, 2, 3), BatchFault::CommitWentBack { commit: 3, current: 4 }),
        (state(3, 2, 7), BatchFault::CommitBeyondLog { commit: 7, last: 6 }),
        (entries(&[(8, 3)]), BatchFault::Gap { index: 8, expected: 7 }),
        (entries(&[(7, 3), (9, 3)]), BatchFault::Gap { index: 9, expected: 8 }),
        (entries(&[(4, 3)]), BatchFault::ReplacesCommitted { index: 4, commit: 4 }),
        (entries(&[(0, 3)]), BatchFault::ReplacesCommitted { index: 0, commit: 4 }),
        (entries(&[(7, 2)]), BatchFault::EntryTermWentBack { index: 7, term: 2, before: 3 }),
        (entries(&[(7, 4)]), BatchFault::TermFromTheFuture { index: 7, term: 4, current: 3 }),
        (
            snapshot(SnapshotChange::Installed(pointer(3, 3))),
            BatchFault::SnapshotBehind { index: 3, reached: 4 },
        ),
        (
            snapshot(SnapshotChange::Installed(pointer(9, 4))),
            BatchFault::TermFromTheFuture { index: 9, term: 4, current: 3 },
        ),
        (
            snapshot(SnapshotChange::Taken(pointer(2, 3))),
            BatchFault::SnapshotBehind { index: 2, reached: 3 },
        ),
        (
            snapshot(SnapshotChange::Taken(pointer(5, 2))),
            BatchFault::SnapshotNotOfThisLog { index: 5, term: 2 },
        ),
        (
            snapshot(SnapshotChange::Taken(pointer(7, 3))),
            BatchFault::SnapshotNotOfThisLog { index: 7, term: 3 },
        ),
        (applied(0), BatchFault::AppliedOutOfRange { applied: 0, current: 1, last: 6 }),
        (applied(7), BatchFault::AppliedOutOfRange { applied: 7, current: 1, last: 6 }),
        (
            Batch { compact_to: Some(4), ..Batch::default() },
            BatchFault::CompactsBeyondSnapshot { index: 4, snapshot: 3 },
        ),
    ];
    let mut store = log();
    let before = store.load().unwrap();
    for (batch, expected) in cases {
        // A good batch in front shows that a group is refused as a whole.
        match store.append(&[applied(1), batch.clone()]) {
            Err(AppendError::Refused(_)) => {}
            other => panic!("{batch:?}: {other:?}"),
        }
        match store.append(std::slice::from_ref(&batch)) {
            Err(AppendError::Refused(fault)) => assert_eq!(fault, expected, "{batch:?}"),
            other => panic!("{batch:?}: {other:?}"),
        }
        assert_eq!(store.load().unwrap(), before, "{batch:?}");
    }
    store.append(&[entries(&[(7, 3)])]).unwrap();
    assert_eq!(store.load().unwrap().last().index, 7);
}

#[test]
fn uncommitted_entries_are_replaced_to_the_end() {
    let mut store = log();
    let mut batch = entries(&[(5, 4)]);
    batch.hard_state = Some(hard_state(4, 0, 5));
    store.append(&[batch]).unwrap();
    let restored = store.load().unwrap();
    assert_eq!((restored.last().index, restored.last().term), (5, 4));
    assert_eq!((restored.compacted.index, restored.compacted.term), (2, 3));
}

#[test]
fn an_installed_snapshot_empties_the_log_and_raises_the_commit_index() {
    let mut store = log();
    store.append(&[snapshot(SnapshotChange::Installed(pointer(20, 3)))]).unwrap();
    let restored = store.load().unwrap();
    assert!(restored.entries.is_empty());
    assert_eq!((restored.last().index, restored.last().term), (20, 3));
    assert_eq!(restored.hard_state.commit, 20);
    store.append(&[entries(&[(21, 3)])]).unwrap();
    assert_eq!(store.load().unwrap().last().index, 21);
}

#[test]
fn a_failed_sync_poisons_the_log_for_good() {
    let disk = PowerCutDisk::default();
    let mut store = new_log(disk.cable());
    store.append(&[first_entries(3)]).unwrap();
    let syncs = disk.syncs();
    disk.fail();
    let error = store.append(&[entries(&[(4, 1)])]).unwrap_err();
    assert!(matches!(error, AppendError::Write { .. }), "{error:?}");
    for _ in 0..3 {
        let error = store.append(&[entries(&[(4, 1)])]).unwrap_err();
        assert!(matches!(error, AppendError::Poisoned { .. }), "{error:?}");
        assert!(error.source().unwrap().to_string().contains("cannot be written"), "{error:?}");
    }
    assert_eq!(disk.syncs(), syncs, "a failed sync must not be retried");
    drop(store);
    let healthy = PowerCutDisk::holding(disk.bytes());
    let mut store = RedbLogStore::open(healthy.cable(), STORE, None).unwrap();
    assert_eq!(store.load().unwrap().last().index, 3);
}
