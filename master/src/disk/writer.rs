//! The log-writer thread: many requests, one sync.
//!
//! A thread of its own because a sync blocks, and the consensus loop must keep ticking meanwhile.
//! It takes everything that is queued, writes it as one durable step and reports the highest
//! number; requests that arrive during a sync wait for the next. The first error ends it: after a
//! failed sync nobody knows what is on the disk, so nothing is retried. It does not know what the
//! batches mean.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::log_store::{AppendError, Batch, LogStore};

/// One request; numbers must rise, in steps of any size.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteRequest {
    /// Raft's number of the `Ready` this came from.
    pub number: u64,
    /// What to make durable.
    pub batch: Batch,
}

/// What the thread reports, in order.
#[derive(Debug)]
pub enum WriterEvent {
    /// Everything up to and including this number is durable.
    Persisted {
        /// Highest number of the step.
        number: u64,
    },
    /// The log cannot be written; the process must stop.
    Failed {
        /// Why.
        error: AppendError,
    },
    /// The store is closed and the queue too, whether asked to or not; always the last event.
    Stopped,
}

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The disk is slower than the requests: come again when something was persisted.
    #[error("the log writer's queue is full")]
    Full(Box<WriteRequest>),
    /// The thread has ended.
    #[error("the log writer has stopped")]
    Stopped(Box<WriteRequest>),
}

/// Handle of the running thread; dropping it without [`LogWriter::stop`] also stops the thread.
#[derive(Debug)]
pub struct LogWriter {
    queue: Option<SyncSender<WriteRequest>>,
    thread: Option<JoinHandle<()>>,
}

impl LogWriter {
    /// Starts the thread. `on_event` is called on it and must not block for long.
    pub fn start(
        store: impl LogStore + 'static,
        queue_length: usize,
        on_event: impl FnMut(WriterEvent) + Send + 'static,
    ) -> io::Result<Self> {
        assert!(queue_length > 0, "a queue without room would couple caller and disk");
        let (queue, requests) = sync_channel(queue_length);
        let thread = thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || run(Reporter(on_event), store, requests, queue_length))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Hands a request over; never blocks.
    pub fn submit(&self, request: WriteRequest) -> Result<(), SubmitError> {
        let queue = self.queue.as_ref().expect("taken only by stopping");
        queue.try_send(request).map_err(|error| match error {
            TrySendError::Full(request) => SubmitError::Full(Box::new(request)),
            TrySendError::Disconnected(request) => SubmitError::Stopped(Box::new(request)),
        })
    }

    /// Writes what is still queued, closes the store and waits for the thread.
    pub fn stop(mut self) {
        self.join();
    }

    fn join(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported as `Stopped` without having been asked for.
            let _ = thread.join();
        }
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.join();
    }
}

/// Sends `Stopped` however the thread ends, also by a panic.
struct Reporter<F: FnMut(WriterEvent)>(F);

impl<F: FnMut(WriterEvent)> Drop for Reporter<F> {
    fn drop(&mut self) {
        (self.0)(WriterEvent::Stopped);
    }
}

// Parameters are dropped from the last to the first: the queue closes and the store is closed
// before the reporter says `Stopped`.
fn run<F: FnMut(WriterEvent)>(
    mut reporter: Reporter<F>,
    mut store: impl LogStore,
    requests: Receiver<WriteRequest>,
    queue_length: usize,
) {
    let mut highest = 0;
    while let Ok(first) = requests.recv() {
        let mut batches = Vec::new();
        for request in std::iter::once(first).chain(requests.try_iter()).take(queue_length) {
            assert!(request.number > highest, "requests come in the order of their numbers");
            highest = request.number;
            batches.push(request.batch);
        }
        let entries: usize = batches.iter().map(|batch| batch.entries.len()).sum();
        let started = Instant::now();
        match store.append(&batches) {
            Ok(()) => {
                metrics::histogram!("bourse_log_fsync_seconds").record(started.elapsed());
                metrics::counter!("bourse_log_entries_total").increment(entries as u64);
                metrics::counter!("bourse_log_batches_total").increment(batches.len() as u64);
                (reporter.0)(WriterEvent::Persisted { number: highest });
            }
            Err(error) => {
                (reporter.0)(WriterEvent::Failed { error });
                return;
            }
        }
    }
}
