//! The log-writer thread: groups, order, failure, stopping.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use master::disk::{
    AppendError, Batch, LoadError, LogStore, LogWriter, RedbLogStore, Restored, SubmitError,
    WriteRequest, WriterEvent,
};

use super::power_cut_disk::PowerCutDisk;
use super::scribe::{STORE, entry, first_entries, new_log};

/// Far longer than anything here takes; only reached when something hangs.
const DEADLINE: Duration = Duration::from_secs(60);
/// More events than any test here causes, so that nobody waits for a listener.
const ROOM: usize = 256;

fn request(number: u64) -> WriteRequest {
    let batch = Batch { entries: vec![entry(number, 1, b"x")], ..Batch::default() };
    WriteRequest { number, batch }
}

fn first_request() -> WriteRequest {
    WriteRequest { number: 1, batch: first_entries(1) }
}

fn start(
    store: impl LogStore + 'static,
    queue_length: usize,
) -> (LogWriter, Receiver<WriterEvent>) {
    let (sender, events) = sync_channel(ROOM);
    let writer = LogWriter::start(store, queue_length, move |event| {
        // A test that has seen enough no longer listens.
        let _ = sender.send(event);
    });
    (writer.unwrap(), events)
}

/// A log whose every append waits for a word and reports its size.
struct GatedLog {
    entered: SyncSender<usize>,
    gate: Receiver<()>,
}

impl LogStore for GatedLog {
    fn load(&mut self) -> Result<Restored, LoadError> {
        Ok(Restored::default())
    }

    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError> {
        self.entered.send(batches.len()).unwrap();
        self.gate.recv_timeout(DEADLINE).unwrap();
        Ok(())
    }
}

#[test]
fn requests_that_wait_become_one_step() {
    let (entered, sizes) = sync_channel(ROOM);
    let (open, gate) = sync_channel(ROOM);
    let (writer, events) = start(GatedLog { entered, gate }, 4);
    writer.submit(request(1)).unwrap();
    assert_eq!(sizes.recv_timeout(DEADLINE).unwrap(), 1);
    for number in 2..=5 {
        writer.submit(request(number)).unwrap();
    }
    match writer.submit(request(6)) {
        Err(SubmitError::Full(back)) => assert_eq!(*back, request(6)),
        other => panic!("{other:?}"),
    }
    open.send(()).unwrap();
    assert_eq!(sizes.recv_timeout(DEADLINE).unwrap(), 4);
    open.send(()).unwrap();
    for expected in [1, 5] {
        match events.recv_timeout(DEADLINE).unwrap() {
            WriterEvent::Persisted { number } => assert_eq!(number, expected),
            other => panic!("{other:?}"),
        }
    }
    writer.stop();
    assert!(matches!(events.recv_timeout(DEADLINE).unwrap(), WriterEvent::Stopped));
    assert!(events.recv().is_err());
}

#[test]
fn stopping_writes_what_is_queued_and_it_is_all_there() {
    let disk = PowerCutDisk::default();
    let (writer, events) = start(new_log(disk.cable()), 64);
    writer.submit(first_request()).unwrap();
    for number in 2..=50 {
        writer.submit(request(number)).unwrap();
    }
    writer.stop();
    let numbers: Vec<u64> = events
        .iter()
        .filter_map(|event| match event {
            WriterEvent::Persisted { number } => Some(number),
            WriterEvent::Stopped => None,
            other @ WriterEvent::Failed { .. } => panic!("{other:?}"),
        })
        .collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    assert_eq!(numbers.last(), Some(&50));
    let mut store = RedbLogStore::open(disk.cable(), STORE, None).unwrap();
    let restored = store.load().unwrap();
    assert_eq!(restored.entries.len(), 50);
    assert_eq!(restored.sequence, numbers.len() as u64);
}

#[test]
fn a_failing_disk_is_reported_once_and_ends_the_thread() {
    let disk = PowerCutDisk::default();
    let (writer, events) = start(new_log(disk.cable()), 4);
    writer.submit(first_request()).unwrap();
    let event = events.recv_timeout(DEADLINE).unwrap();
    assert!(matches!(event, WriterEvent::Persisted { number: 1 }), "{event:?}");
    disk.fail();
    writer.submit(request(2)).unwrap();
    match events.recv_timeout(DEADLINE).unwrap() {
        WriterEvent::Failed { error: AppendError::Write { .. } } => {}
        other => panic!("{other:?}"),
    }
    assert!(matches!(events.recv_timeout(DEADLINE).unwrap(), WriterEvent::Stopped));
    match writer.submit(request(3)) {
        Err(SubmitError::Stopped(back)) => assert_eq!(*back, request(3)),
        other => panic!("{other:?}"),
    }
}

/// A log that breaks its promise not to panic.
struct PanickingLog;

impl LogStore for PanickingLog {
    fn load(&mut self) -> Result<Restored, LoadError> {
        Ok(Restored::default())
    }

    fn append(&mut self, _batches: &[Batch]) -> Result<(), AppendError> {
        panic!("planted")
    }
}

#[test]
fn even_a_panic_is_reported_as_stopped() {
    let (writer, events) = start(PanickingLog, 4);
    writer.submit(request(1)).unwrap();
    assert!(matches!(events.recv_timeout(DEADLINE).unwrap(), WriterEvent::Stopped));
    writer.stop();
}
