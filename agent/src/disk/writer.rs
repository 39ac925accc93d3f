//! The one thread that writes the journal.
//!
//! A commit waits for the disk, which no task of the runtime may do. The run loop waits for each
//! commit before it goes on; what arrives meanwhile goes into the next one together.

use super::{CommitError, JournalFile};
use agent_core::Record;
use std::{io, thread};
use tokio::sync::{mpsc, oneshot};

type Job = (Vec<Record>, oneshot::Sender<Result<(), CommitError>>);

/// The way to the journal's thread.
#[derive(Debug)]
pub(crate) struct JournalWriter {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
}

/// The journal's thread is gone, which only a panic in it can do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("the journal's thread has ended")]
    Ended,
}

impl JournalWriter {
    pub(crate) fn start(mut file: JournalFile) -> io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(1);
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || {
            while let Some((records, done)) = queue.blocking_recv() {
                let began = std::time::Instant::now();
                let result = file.commit(&records);
                crate::metrics::committed(began.elapsed());
                // Nobody waits for the last commit of a run loop that was dropped.
                let _ = done.send(result);
            }
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Makes records durable.
    pub(crate) async fn commit(&self, records: Vec<Record>) -> Result<(), WriteError> {
        let (done, result) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(WriteError::Ended)?;
        jobs.send((records, done)).await.map_err(|_| WriteError::Ended)?;
        Ok(result.await.map_err(|_| WriteError::Ended)??)
    }
}

impl Drop for JournalWriter {
    /// Waits for the last commit, so that whoever takes the lock next finds a closed journal.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
