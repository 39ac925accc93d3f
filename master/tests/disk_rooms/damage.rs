//! Damage to our own records, with redb's checksums intact: named, refused, never cut off.

use std::error::Error;

use master::disk::{
    AcknowledgedMark, Batch, LoadError, LogFault, LogOpenError, LogStore, Membership, RecordFault,
    RedbLogStore, SnapshotChange, StoreId,
};
use raft::eraftpb::ConfState;
use redb::{Database, ReadableDatabase, TableDefinition};

use super::power_cut_disk::PowerCutDisk;
use super::scribe::{STORE, entry, first_entries, new_log, pointer};

const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");
const STATE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("state");

/// A log with every kind of record: entries 3 to 8, a snapshot at 4.
fn full_log() -> PowerCutDisk {
    let disk = PowerCutDisk::default();
    let mut store = new_log(disk.cable());
    let conf_state = ConfState { voters: vec![1, 2, 3], ..ConfState::default() };
    let rest = Batch {
        membership: Some(Membership { conf_state, applied: 5 }),
        snapshot: Some(SnapshotChange::Taken(pointer(4, 1))),
        compact_to: Some(2),
        ..Batch::default()
    };
    store.append(&[first_entries(8), rest]).unwrap();
    drop(store);
    disk
}

fn edit(disk: &PowerCutDisk, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::builder().create_with_backend(disk.cable()).unwrap();
    let transaction = database.begin_write().unwrap();
    change(&transaction);
    transaction.commit().unwrap();
}

fn entry_record(disk: &PowerCutDisk, index: u64) -> Vec<u8> {
    let database = Database::builder().create_with_backend(disk.cable()).unwrap();
    let entries = database.begin_read().unwrap().open_table(ENTRIES).unwrap();
    entries.get(index).unwrap().unwrap().value().to_vec()
}

fn state_record(disk: &PowerCutDisk, name: &str) -> Vec<u8> {
    let database = Database::builder().create_with_backend(disk.cable()).unwrap();
    let state = database.begin_read().unwrap().open_table(STATE).unwrap();
    state.get(name).unwrap().unwrap().value().to_vec()
}

fn load(disk: &PowerCutDisk) -> LoadError {
    let mut store = RedbLogStore::open(disk.cable(), STORE, None).unwrap();
    store.load().unwrap_err()
}

#[test]
fn a_flipped_bit_in_an_entry_names_the_entry() {
    let disk = full_log();
    for index in [3, 5, 8] {
        let good = entry_record(&disk, index);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            edit(&disk, |transaction| {
                transaction.open_table(ENTRIES).unwrap().insert(index, bad.as_slice()).unwrap();
            });
            match load(&disk) {
                LoadError::LogDamaged { index: named, what: LogFault::Record(_) } => {
                    assert_eq!(named, index);
                }
                other => panic!("bit {bit} of entry {index}: {other:?}"),
            }
        }
        edit(&disk, |transaction| {
            transaction.open_table(ENTRIES).unwrap().insert(index, good.as_slice()).unwrap();
        });
    }
    RedbLogStore::open(disk.cable(), STORE, None).unwrap().load().unwrap();
}

#[test]
fn a_flipped_bit_in_a_named_record_names_the_record() {
    let disk = full_log();
    for name in ["sequence", "hard_state", "membership", "snapshot", "compacted"] {
        let good = state_record(&disk, name);
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            edit(&disk, |transaction| {
                transaction.open_table(STATE).unwrap().insert(name, bad.as_slice()).unwrap();
            });
            match load(&disk) {
                LoadError::StateDamaged { record, what: RecordFault::Checksum { .. } } => {
                    assert_eq!(record, name);
                }
                other => panic!("bit {bit} of {name}: {other:?}"),
            }
        }
        edit(&disk, |transaction| {
            transaction.open_table(STATE).unwrap().insert(name, good.as_slice()).unwrap();
        });
    }
}

#[test]
fn a_good_record_in_the_wrong_place_is_refused() {
    let disk = full_log();
    let other = entry_record(&disk, 6);
    edit(&disk, |transaction| {
        transaction.open_table(ENTRIES).unwrap().insert(5, other.as_slice()).unwrap();
    });
    let error = load(&disk);
    assert!(
        matches!(error, LoadError::LogDamaged { index: 5, what: LogFault::Record(_) }),
        "{error:?}"
    );
}

#[test]
fn missing_entries_are_refused_at_either_end_and_in_the_middle() {
    for (removed, at, fault) in [
        (3, 4, LogFault::Gap { expected: 3 }),
        (6, 7, LogFault::Gap { expected: 6 }),
        (8, 8, LogFault::BeyondTheEnd { last: 7 }),
    ] {
        let disk = full_log();
        edit(&disk, |transaction| {
            transaction.open_table(ENTRIES).unwrap().remove(removed).unwrap().unwrap();
        });
        match load(&disk) {
            LoadError::LogDamaged { index, what } => assert_eq!((index, what), (at, fault)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_log_without_the_snapshot_it_stands_on_is_refused() {
    let disk = full_log();
    edit(&disk, |transaction| {
        transaction.open_table(STATE).unwrap().remove("snapshot").unwrap().unwrap();
    });
    let error = load(&disk);
    assert!(
        matches!(error, LoadError::LogDamaged { index: 2, what: LogFault::NotCovered }),
        "{error:?}"
    );
}

#[test]
fn a_log_of_another_directory_is_refused() {
    let disk = full_log();
    let other = StoreId(1);
    match RedbLogStore::open(disk.cable(), other, None).unwrap_err() {
        LogOpenError::OtherStore { expected, found } => {
            assert_eq!((expected, found), (other, STORE))
        }
        error => panic!("{error:?}"),
    }
    edit(&disk, |transaction| {
        transaction.open_table(STATE).unwrap().remove("origin").unwrap().unwrap();
    });
    let error = RedbLogStore::open(disk.cable(), STORE, None).unwrap_err();
    assert!(matches!(error, LogOpenError::OriginDamaged { .. }), "{error:?}");
}

#[test]
fn an_old_copy_of_the_log_is_refused_by_the_mark() {
    let directory = tempfile::tempdir().unwrap();
    let disk = PowerCutDisk::default();
    let mark = AcknowledgedMark::create(directory.path()).unwrap();
    let mut store = RedbLogStore::create(disk.cable(), STORE, Some(mark)).unwrap();
    store.load().unwrap();
    store.append(&[first_entries(3)]).unwrap();
    let old = disk.bytes();
    let more = Batch { entries: vec![entry(4, 1, b"acknowledged")], ..Batch::default() };
    store.append(&[more]).unwrap();
    drop(store);

    let mark = AcknowledgedMark::open(directory.path()).unwrap();
    let old = PowerCutDisk::holding(old);
    let mut store = RedbLogStore::open(old.cable(), STORE, Some(mark)).unwrap();
    let error = store.load().unwrap_err();
    assert!(matches!(error, LoadError::RolledBack { acknowledged: 2, found: 1 }), "{error:?}");
    assert!(error.to_string().contains("join again with an empty one"), "{error}");
}

#[test]
fn damage_says_what_to_do_and_keeps_its_cause_apart() {
    let disk = full_log();
    edit(&disk, |transaction| {
        transaction.open_table(ENTRIES).unwrap().insert(5, &b"xyz"[..]).unwrap();
    });
    let error = load(&disk);
    assert!(error.to_string().contains("damaged at entry 5"), "{error}");
    assert!(error.to_string().contains("move the data directory away"), "{error}");
    assert_eq!(
        error.source().unwrap().to_string(),
        "the record has 3 bytes, too few to hold its checksum"
    );
}
