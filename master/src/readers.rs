//! Threads that answer reads: the core hands each over with the state that answers it.
//!
//! Finding the rows of a page, filtering and writing them takes longer than most of what the core
//! does in a turn. Here it delays nobody but other readers: threads of their own, few, and with a
//! lower priority than those that schedule, so that operators who read everything all the time get
//! what is left of the processors. What an answer costs beyond that, to be encoded and sent, it
//! costs those who schedule; so the rows that all readers get are rationed. Does not know what is
//! read.

use crate::inbox::Reply;
use crate::ration::Ration;
use master_core::{outbox::Answer, reads::PreparedRead};
use proto::model::{Duration, Reason, Refusal, limits};
use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Instant,
};
use tokio::sync::oneshot;

/// One for four processors: readers shall not get more than a quarter of a busy host.
const PROCESSORS_PER_THREAD: usize = 4;
/// More would only press harder on caches that the core uses.
const THREADS_MAX: usize = 8;
/// What `nice` calls it: a quarter or so of the weight of a thread that schedules.
const NICENESS: i32 = 10;
/// After this a reader that was refused may come again.
const RETRY_AFTER: Duration = Duration(250);

/// The way to the threads, which end when it is dropped.
#[derive(Debug)]
pub(crate) struct Readers(SyncSender<Job>);

#[derive(Debug)]
struct Job {
    read: Box<PreparedRead>,
    reply: oneshot::Sender<Reply>,
}

impl Readers {
    /// With so many rows for all readers together each second; 0 is no bound.
    pub(crate) fn start(rows_per_second: u64) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(limits::READS_WAITING_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        let ration = Arc::new(Mutex::new(Ration::new(rows_per_second, Instant::now())));
        let processors = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..(processors / PROCESSORS_PER_THREAD).clamp(1, THREADS_MAX) {
            let (receiver, ration) = (Arc::clone(&receiver), Arc::clone(&ration));
            let thread = thread::Builder::new().name("bourse-reads".to_owned());
            thread.spawn(move || answer_all(&receiver, &ration))?;
        }
        Ok(Self(sender))
    }

    /// Never waits: readers that are too many are told to come back.
    pub(crate) fn answer(&self, read: Box<PreparedRead>, reply: oneshot::Sender<Reply>) {
        if let Err(error) = self.0.try_send(Job { read, reply }) {
            let (job, message) = match error {
                TrySendError::Full(job) => (job, "too many reads are waiting"),
                TrySendError::Disconnected(job) => (job, "this master is stopping"),
            };
            let refusal = Refusal::new(Reason::Overloaded, message).retry_after(RETRY_AFTER);
            // Whoever asked may have gone.
            let _ = job.reply.send(Err(refusal));
        }
    }
}

fn answer_all(jobs: &Mutex<Receiver<Job>>, ration: &Mutex<Ration>) {
    // Of this thread alone, as Linux has it. Where it is not allowed, readers are as any thread.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "readers keep the usual priority");
    }
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { read, reply }) = next else { return };
        if reply.is_closed() {
            continue;
        }
        let answer = read.answer();
        let rows = match &answer {
            Ok(Answer::Read(read)) => read.rows(),
            _ => 1,
        };
        let _ = reply.send(answer);
        // The next one waits, whoever asks: it is not known yet what that will cost.
        let mut ration = ration.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = ration.take(rows, Instant::now());
        drop(ration);
        thread::sleep(wait);
    }
}
