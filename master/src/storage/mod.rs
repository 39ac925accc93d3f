//! What the core wants durable, in order, and what may happen once it is.
//!
//! Every request to the log writer gets a number of ours; a promise that rests on it (messages to
//! send, a number to confirm to the core) waits in a queue and is released, in order, when the
//! writer has confirmed that number. This is the only place where such messages leave, so that none
//! can leave early.

mod open;
#[cfg(test)]
mod tests;

pub use open::OpenStorageError;
pub(crate) use open::{Opened, open, read};

use crate::{
    disk::{
        AppendError, Batch, ClusterId, DataDirectory, IdentityError, LogStore, LogWriter,
        SnapshotChange, SnapshotDirectory, SnapshotPointer, SubmitError, WriteRequest, WriterEvent,
    },
    inbox::{Arrival, Inbox},
};
use master_core::outbox::Persist;
use raft::eraftpb::Message;
use std::{
    collections::{BTreeMap, VecDeque},
    fs, io,
    sync::Arc,
};

/// Requests that the writer may hold; more wait here.
const WRITER_QUEUE: usize = 1_024;

/// Why nothing can be made durable any more. The process must end: what is on the disk is unknown.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The log.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log writer ended without being asked to.
    #[error("the log writer has stopped")]
    WriterStopped,
    /// The identity file.
    #[error("this member cannot be marked as a voter")]
    Voter(#[source] IdentityError),
}

/// Kept by the core's thread.
#[derive(Debug)]
pub(crate) struct Storage {
    writer: LogWriter,
    directory: DataDirectory,
    snapshots: SnapshotDirectory,
    /// Number of the last request.
    requested: u64,
    waiting: VecDeque<Waiting>,
    /// Requests that did not fit into the writer's queue.
    backlog: VecDeque<WriteRequest>,
    /// What the log points to, as soon as the request is made.
    newest: Option<SnapshotPointer>,
    /// Files from leaders that the core may install, by index.
    received: BTreeMap<u64, SnapshotPointer>,
}

#[derive(Debug)]
struct Waiting {
    request: u64,
    promise: Promise,
}

/// What may happen once something is durable.
#[derive(Debug, Default)]
pub(crate) struct Promise {
    /// The core's own number.
    pub(crate) number: Option<u64>,
    /// Messages that promise what is on the disk.
    pub(crate) messages: Vec<Message>,
    /// A snapshot of ours up to this index is durable and pointed to.
    pub(crate) snapshot: Option<u64>,
    /// The member may vote from now on.
    voter: bool,
    /// A snapshot file that nothing points to any more.
    superseded: Option<SnapshotPointer>,
}

impl Storage {
    pub(crate) fn start(
        store: impl LogStore + 'static,
        directory: DataDirectory,
        newest: Option<SnapshotPointer>,
        inbox: Arc<Inbox>,
    ) -> io::Result<Self> {
        let writer = LogWriter::start(store, WRITER_QUEUE, move |event| {
            inbox.report(Arrival::Written(event));
        })?;
        Ok(Self {
            writer,
            snapshots: directory.snapshots(),
            directory,
            requested: 0,
            waiting: VecDeque::new(),
            backlog: VecDeque::new(),
            newest,
            received: BTreeMap::new(),
        })
    }

    /// The snapshot that a follower is to be given.
    pub(crate) fn newest(&self) -> Option<&SnapshotPointer> {
        self.newest.as_ref()
    }

    pub(crate) fn cluster(&self) -> &ClusterId {
        self.directory.cluster()
    }

    pub(crate) fn snapshots(&self) -> &SnapshotDirectory {
        &self.snapshots
    }

    /// Requests that wait for the disk.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// A leader's snapshot is complete; the core may ask to install it.
    pub(crate) fn received(&mut self, pointer: SnapshotPointer) {
        self.received.insert(pointer.index, pointer);
    }

    /// Begins to make durable what the core asks for.
    pub(crate) fn persist(&mut self, persist: Persist) -> Result<(), StorageError> {
        let Persist { number, entries, hard_state, install, compact_to, voter, messages } = persist;
        let mut promise = Promise { number: Some(number), messages, voter, ..Promise::default() };
        let snapshot = install.map(|mark| {
            let pointer = self.received.remove(&mark.index).expect("the core installs what it got");
            assert_eq!(pointer.term, mark.term, "the core installs what it got");
            promise.superseded = self.newest.replace(pointer.clone());
            SnapshotChange::Installed(pointer)
        });
        self.request(Batch { hard_state, snapshot, entries, membership: None, compact_to }, promise)
    }

    /// A snapshot of ours has been written: have the log point to it.
    pub(crate) fn snapshot_taken(&mut self, pointer: SnapshotPointer) -> Result<(), StorageError> {
        let mut promise = Promise { snapshot: Some(pointer.index), ..Promise::default() };
        if self.newest.as_ref().is_some_and(|newest| newest.index >= pointer.index) {
            // A leader's snapshot came in between and reaches further.
            promise.superseded = Some(pointer);
            return self.request(Batch::default(), promise);
        }
        promise.superseded = self.newest.replace(pointer.clone());
        let snapshot = Some(SnapshotChange::Taken(pointer));
        self.request(Batch { snapshot, ..Batch::default() }, promise)
    }

    /// Takes the writer's report; answers what may happen now, in order.
    pub(crate) fn written(&mut self, event: WriterEvent) -> Result<Vec<Promise>, StorageError> {
        match event {
            WriterEvent::Failed { error } => Err(error.into()),
            WriterEvent::Stopped => Err(StorageError::WriterStopped),
            WriterEvent::Persisted { number } => {
                self.submit_backlog()?;
                let count = self.waiting.partition_point(|waiting| waiting.request <= number);
                let due = self.waiting.drain(..count).map(|waiting| waiting.promise);
                let due: Vec<Promise> = due.collect();
                due.into_iter().map(|promise| self.release(promise)).collect()
            }
        }
    }

    /// What rests on nothing that is still to be written; to be asked after requests were made.
    pub(crate) fn due_at_once(&mut self) -> Result<Vec<Promise>, StorageError> {
        let mut due = Vec::new();
        while let Some(waiting) = self.waiting.pop_front_if(|waiting| waiting.request == 0) {
            due.push(self.release(waiting.promise)?);
        }
        Ok(due)
    }

    fn request(&mut self, batch: Batch, promise: Promise) -> Result<(), StorageError> {
        if batch == Batch::default() {
            // Nothing of its own to wait for: only for what was asked for before, to keep the
            // order.
            let request = self.waiting.back().map_or(0, |last| last.request);
            self.waiting.push_back(Waiting { request, promise });
            return Ok(());
        }
        self.requested += 1;
        self.waiting.push_back(Waiting { request: self.requested, promise });
        self.backlog.push_back(WriteRequest { number: self.requested, batch });
        self.submit_backlog()
    }

    fn submit_backlog(&mut self) -> Result<(), StorageError> {
        while let Some(request) = self.backlog.pop_front() {
            match self.writer.submit(request) {
                Ok(()) => {}
                Err(SubmitError::Full(request)) => {
                    self.backlog.push_front(*request);
                    return Ok(());
                }
                // Its last report says why and may still be on its way.
                Err(SubmitError::Stopped(_)) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Does what must come before the messages of a promise.
    fn release(&mut self, promise: Promise) -> Result<Promise, StorageError> {
        if promise.voter {
            // After the log, not with it: a voter without the log that it votes by is worse than a
            // member that has to wait once more.
            self.directory.mark_voter().map_err(StorageError::Voter)?;
        }
        if let Some(old) = &promise.superseded {
            self.remove(old);
            let reached = self.newest.as_ref().map_or(0, |newest| newest.index);
            let stale: Vec<_> = self.received.range(..=reached).map(|(index, _)| *index).collect();
            for index in stale {
                let pointer = self.received.remove(&index).expect("listed above");
                self.remove(&pointer);
            }
        }
        Ok(promise)
    }

    /// Removes a file that nothing points to; what stays is swept at the next start.
    fn remove(&self, pointer: &SnapshotPointer) {
        if self.newest.as_ref().is_some_and(|newest| newest.file == pointer.file) {
            return;
        }
        if let Err(error) = fs::remove_file(self.snapshots.path().join(&pointer.file)) {
            tracing::warn!(file = pointer.file, %error, "an old snapshot cannot be removed");
        }
    }
}
