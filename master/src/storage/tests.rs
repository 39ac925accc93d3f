//! Promises leave in order, and none before what it rests on is durable.

use super::*;
use crate::disk::{LoadError, Opening, Restored, Standing};
use master_core::outbox::Persist;
use raft::eraftpb::{ConfState, Entry, HardState};
use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::{Duration, Instant},
};

/// A disk that writes when it is told to.
struct Gated(Receiver<()>);

impl LogStore for Gated {
    fn load(&mut self) -> Result<Restored, LoadError> {
        Ok(Restored::default())
    }

    fn append(&mut self, _: &[Batch]) -> Result<(), AppendError> {
        self.0.recv().expect("the test lets every write through");
        Ok(())
    }
}

struct Fixture {
    storage: Storage,
    inbox: Arc<Inbox>,
    gate: SyncSender<()>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = ClusterId::try_from("c".to_owned()).unwrap();
        let opening = Opening { cluster, node: 1, bootstrap: false };
        let directory = DataDirectory::open(&folder.path().join("data"), &opening).unwrap();
        let (gate, gated) = sync_channel(16);
        let inbox = Arc::new(Inbox::new());
        let storage = Storage::start(Gated(gated), directory, None, Arc::clone(&inbox)).unwrap();
        Self { storage, inbox, gate, _folder: folder }
    }

    /// Lets one write through and takes what it releases.
    fn write(&mut self) -> Vec<Promise> {
        self.gate.send(()).unwrap();
        let taken = self.inbox.take(Instant::now() + Duration::from_secs(30), 1);
        match taken.arrivals.into_iter().next() {
            Some(Arrival::Written(event)) => self.storage.written(event).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn pointer(&self, index: u64) -> SnapshotPointer {
        let meta = crate::disk::SnapshotMeta {
            cluster: self.storage.cluster().clone(),
            index,
            term: 1,
            conf_state: ConfState::default(),
        };
        let mut writer = self.storage.snapshots().create(&meta).unwrap();
        writer.write_chunk(b"state").unwrap();
        writer.finish().unwrap()
    }

    fn exists(&self, pointer: &SnapshotPointer) -> bool {
        self.storage.snapshots().path().join(&pointer.file).exists()
    }
}

fn entry(index: u64) -> Persist {
    let entry = Entry { index, term: 1, ..Entry::default() };
    let hard_state = Some(HardState { term: 1, ..HardState::default() });
    Persist { number: index, entries: vec![entry], hard_state, ..Persist::default() }
}

fn message() -> Vec<Message> {
    vec![Message { from: 1, to: 2, ..Message::default() }]
}

fn numbers(promises: &[Promise]) -> Vec<Option<u64>> {
    promises.iter().map(|promise| promise.number).collect()
}

#[test]
fn messages_leave_only_after_the_disk_has_confirmed_what_they_promise() {
    let mut fixture = Fixture::new();
    fixture.storage.persist(Persist { messages: message(), ..entry(1) }).unwrap();
    // This one has nothing to write, but must not overtake the one before it.
    let empty = Persist { number: 2, messages: message(), ..Persist::default() };
    fixture.storage.persist(empty).unwrap();
    assert!(fixture.storage.due_at_once().unwrap().is_empty());
    let released = fixture.write();
    assert_eq!(numbers(&released), [Some(1), Some(2)]);
    assert!(released.iter().all(|promise| promise.messages.len() == 1));
}

#[test]
fn what_rests_on_nothing_is_due_at_once() {
    let mut fixture = Fixture::new();
    for number in [1, 2] {
        let empty = Persist { number, messages: message(), ..Persist::default() };
        fixture.storage.persist(empty).unwrap();
    }
    assert_eq!(numbers(&fixture.storage.due_at_once().unwrap()), [Some(1), Some(2)]);
    assert!(fixture.storage.due_at_once().unwrap().is_empty());
}

#[test]
fn a_member_becomes_a_voter_after_its_log_is_written() {
    let mut fixture = Fixture::new();
    fixture.storage.persist(Persist { voter: true, ..entry(1) }).unwrap();
    assert_eq!(fixture.storage.directory.standing(), Standing::Joining);
    assert_eq!(numbers(&fixture.write()), [Some(1)]);
    assert_eq!(fixture.storage.directory.standing(), Standing::Voter);
}

#[test]
fn a_snapshot_counts_when_the_log_points_to_it_and_then_replaces_the_one_before() {
    let mut fixture = Fixture::new();
    let first = fixture.pointer(5);
    fixture.storage.snapshot_taken(first.clone()).unwrap();
    let released = fixture.write();
    assert_eq!(released[0].snapshot, Some(5));
    let second = fixture.pointer(9);
    fixture.storage.snapshot_taken(second.clone()).unwrap();
    assert!(fixture.exists(&first), "until the log points to the second");
    assert_eq!(fixture.write()[0].snapshot, Some(9));
    assert!(!fixture.exists(&first) && fixture.exists(&second));
    assert_eq!(fixture.storage.newest(), Some(&second));
}

#[test]
fn a_snapshot_that_a_leaders_has_overtaken_is_dropped() {
    let mut fixture = Fixture::new();
    let received = fixture.pointer(20);
    fixture.storage.received(received.clone());
    let mark = master_core::outbox::SnapshotMark { index: 20, term: 1, ..Default::default() };
    let hard_state = Some(HardState { term: 1, ..HardState::default() });
    let install = Persist { number: 1, install: Some(mark), hard_state, ..Persist::default() };
    fixture.storage.persist(install).unwrap();
    let late = fixture.pointer(12);
    fixture.storage.snapshot_taken(late.clone()).unwrap();
    let released = fixture.write();
    assert_eq!(
        released.iter().map(|promise| promise.snapshot).collect::<Vec<_>>(),
        [None, Some(12)]
    );
    assert!(fixture.exists(&received) && !fixture.exists(&late));
    assert_eq!(fixture.storage.newest(), Some(&received));
}
