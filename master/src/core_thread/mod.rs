//! The one thread that owns the core: the only caller of `step` and `flush`.
//!
//! A turn takes what is queued, steps each, flushes once, and executes what came out, in order. So
//! one log entry and one disk write serve everything that arrived while the last write was under
//! way. The thread is not part of the async runtime: a tick must not wait for a busy executor, and
//! nothing here waits for a client, a peer or the disk.

mod effects;
mod sinks;

use crate::{
    inbox::{Arrival, Inbox, Reply, Taken, stopping},
    metrics::{self, Labels},
    peers::{Peers, roster::Roster},
    readers::Readers,
    storage::{Promise, Storage, StorageError},
};
use edge::clock::{self, Clock};
use master_core::{
    Input, Master, Now, Outbox,
    input::{CallId, StreamId},
    outbox::{Ending, RoleChange, SnapshotMark},
};
use proto::model::{NodeId, limits};
use sinks::Sinks;
use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::{oneshot, watch};

/// Inputs of one turn: enough to share a disk write, few enough for a turn to be short.
const TURN_INPUTS_MAX: usize = limits::COMMANDS_PER_BATCH_MAX;
/// How often counts are copied to the metrics; some cost a pass over all tasks.
const FIGURES_INTERVAL: Duration = Duration::from_secs(5);

/// How long a leader that is to end waits for another one: raft gives a transfer up after one
/// election timeout, a second by default.
const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a master stopped without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A snapshot could not be written.
    #[error("a snapshot cannot be written")]
    Snapshot(#[source] crate::disk::SnapshotWriteError),
    /// A thread could not be started.
    #[error("a thread cannot be started")]
    Thread(#[source] io::Error),
    /// The cluster goes on without this member.
    #[error(
        "this master was removed from the cluster for good; its node id is never used again: to come \
         back, give it another one and an empty data directory, and have an operator add it"
    )]
    Removed,
    /// This member's settings name others than the cluster was founded by.
    #[error(
        "the cluster was founded by other masters than --members names; give the list that the \
         others have, or start with an empty data directory and --join"
    )]
    OtherFounders,
    /// Others run a newer software, or the log is damaged.
    #[error(
        "log entry {index} cannot be read; the other masters run a newer software: start this one \
         with it too, on the same data directory"
    )]
    Unreadable {
        /// The entry's index.
        index: u64,
    },
    /// The core found its own state torn, or has a bug; its message is on standard error.
    #[error("the core panicked; this is a bug")]
    Panicked,
}

impl From<Ending> for CoreError {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Removed => Self::Removed,
            Ending::OtherFounders => Self::OtherFounders,
            Ending::Unreadable { index } => Self::Unreadable { index },
        }
    }
}

/// What the core is told of time.
pub(crate) fn now(clock: &Clock) -> Now {
    Now { monotonic: clock.now(), wall: clock::wall() }
}

/// What the thread is made from.
#[derive(Debug)]
pub(crate) struct CoreThread {
    pub(crate) node: NodeId,
    pub(crate) master: Master,
    pub(crate) clock: Clock,
    pub(crate) tick: Duration,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) storage: Storage,
    pub(crate) peers: Peers,
    pub(crate) readers: Readers,
    pub(crate) roster: Arc<Roster>,
    pub(crate) role: watch::Sender<RoleChange>,
}

/// The running core.
#[derive(Debug)]
struct Running {
    node: NodeId,
    master: Master,
    clock: Clock,
    inbox: Arc<Inbox>,
    storage: Storage,
    peers: Peers,
    readers: Readers,
    role: watch::Sender<RoleChange>,
    labels: Labels,
    sinks: Sinks,
    calls: BTreeMap<CallId, PendingCall>,
    /// Inputs that the effects of this turn made.
    local: VecDeque<Input>,
    outbox: Outbox,
    snapshot_under_way: Option<SnapshotMark>,
    /// Who waits for a snapshot that reaches this index.
    backups: Vec<(u64, oneshot::Sender<io::Result<File>>)>,
    roster: Arc<Roster>,
    /// When leadership must have been handed over, once this process is to end.
    ends_at: Option<Instant>,
    asked_to_end: Instant,
    ending: Option<Ending>,
}

#[derive(Debug)]
struct PendingCall {
    reply: oneshot::Sender<Reply>,
    /// When it came, if its answer waits for a commit.
    committing_since: Option<Instant>,
}

impl CoreThread {
    /// Starts the thread; the receiver gets its outcome, or nothing when it panicked.
    pub(crate) fn start(self) -> io::Result<oneshot::Receiver<Result<(), CoreError>>> {
        let (outcome, receiver) = oneshot::channel();
        thread::Builder::new().name("bourse-core".to_owned()).spawn(move || {
            // However the thread ends, nobody may go on waiting for it.
            let _end = EndOnDrop(Arc::clone(&self.inbox));
            let result = self.run();
            let _ = outcome.send(result);
        })?;
        Ok(receiver)
    }

    fn run(self) -> Result<(), CoreError> {
        let tick = self.tick;
        let labels = Labels::new(self.node);
        let mut running = Running {
            node: self.node,
            master: self.master,
            clock: self.clock,
            inbox: self.inbox,
            storage: self.storage,
            peers: self.peers,
            readers: self.readers,
            role: self.role,
            sinks: Sinks::new(),
            labels,
            calls: BTreeMap::new(),
            local: VecDeque::new(),
            outbox: Outbox::default(),
            snapshot_under_way: None,
            backups: Vec::new(),
            roster: self.roster,
            ends_at: None,
            asked_to_end: Instant::now(),
            ending: None,
        };
        let outcome = running.run(tick);
        running.abandon_calls();
        outcome
    }
}

impl Running {
    fn run(&mut self, tick: Duration) -> Result<(), CoreError> {
        let mut next_tick = Instant::now() + tick;
        let mut next_figures = Instant::now();
        loop {
            let taken = self.inbox.take(next_tick, TURN_INPUTS_MAX);
            if taken.stop {
                self.begin_to_end();
            }
            let now = Instant::now();
            if now >= next_tick {
                self.local.push_back(Input::Tick);
                // After a pause (a suspended machine) time goes on from here: a burst of ticks
                // would start an election against a leader that is well.
                next_tick = if now > next_tick + tick { now + tick } else { next_tick + tick };
            }
            self.turn(taken)?;
            if let Some(ending) = self.ending {
                return Err(ending.into());
            }
            if let Some(at) = self.ends_at {
                let (node, handed_over) = (self.node, !self.master.leads());
                if handed_over && at > self.asked_to_end {
                    tracing::info!(%node, "leadership was handed over");
                }
                if handed_over || now >= at {
                    return Ok(());
                }
            }
            if now >= next_figures {
                next_figures = now + FIGURES_INTERVAL;
                metrics::record(&self.labels, &self.master.gauges(), self.master.figures());
            }
        }
    }

    fn turn(&mut self, taken: Taken) -> Result<(), CoreError> {
        let waiting = taken.left + taken.arrivals.len();
        let now = now(&self.clock);
        self.step_local(now);
        for stream in taken.closed {
            if self.sinks.remove(stream) {
                self.step(now, Input::StreamClosed(stream));
            }
        }
        for stream in taken.read {
            self.step(now, Input::StreamRead(stream));
        }
        for arrival in taken.arrivals {
            self.take(now, arrival)?;
        }
        // Effects may be inputs at once: a promise that rests on nothing, a reader that was cut
        // off.
        loop {
            self.step_local(now);
            self.master.flush(now, &mut self.outbox);
            self.execute()?;
            let due = self.storage.due_at_once()?;
            self.keep(due);
            if self.local.is_empty() {
                break;
            }
        }
        self.labels.queues(waiting, self.storage.waiting(), self.peers.longest_queue());
        Ok(())
    }

    fn step(&mut self, now: Now, input: Input) {
        self.master.step(now, input, &mut self.outbox);
    }

    fn step_local(&mut self, now: Now) {
        while let Some(input) = self.local.pop_front() {
            self.step(now, input);
        }
    }

    fn take(&mut self, now: Now, arrival: Arrival) -> Result<(), CoreError> {
        match arrival {
            Arrival::Input(input) => self.step(now, input),
            Arrival::Call(call, reply, input) => {
                let committing_since = is_committed(&input).then(Instant::now);
                self.calls.insert(call, PendingCall { reply, committing_since });
                self.step(now, input);
            }
            Arrival::Stream(stream, sink, input) => {
                self.sinks.insert(stream, sink);
                self.step(now, input);
            }
            Arrival::Written(event) => {
                let kept = self.storage.written(event)?;
                self.keep(kept);
                self.step_local(now);
            }
            Arrival::SnapshotTaken(mark, outcome) => {
                let pointer = outcome.map_err(CoreError::Snapshot)?;
                assert_eq!(self.snapshot_under_way.take(), Some(mark), "one snapshot at a time");
                tracing::info!(
                    node = %self.node,
                    index = pointer.index,
                    bytes = pointer.size_bytes,
                    "wrote a snapshot"
                );
                self.storage.snapshot_taken(pointer)?;
                self.answer_backups();
                if !self.backups.is_empty() {
                    self.step(now, Input::TakeSnapshot);
                }
            }
            Arrival::SnapshotReceived(pointer, input) => {
                self.storage.received(pointer);
                self.step(now, input);
            }
            Arrival::PeerKnown(node, address) => self.peers.learn(node, address),
            Arrival::Removed => self.step(now, Input::Removed),
            Arrival::Backup(reply) => {
                match self.master.ledger().applied().index {
                    0 => {
                        let error = io::Error::other("nothing is committed here yet");
                        let _ = reply.send(Err(error));
                    }
                    index => self.backups.push((index, reply)),
                }
                self.answer_backups();
                if !self.backups.is_empty() {
                    self.step(now, Input::TakeSnapshot);
                }
            }
        }
        Ok(())
    }

    /// Asked to end: hands leadership over first, if there is anybody to take it.
    fn begin_to_end(&mut self) {
        let now = Instant::now();
        let until = match self.master.hand_over() {
            true => now + HAND_OVER_TIMEOUT,
            false => now,
        };
        self.asked_to_end = now;
        self.ends_at.get_or_insert(until);
    }

    /// The newest snapshot, to whoever waits for one that is no older than their question.
    fn answer_backups(&mut self) {
        let Some(newest) = self.storage.newest() else { return };
        for (index, reply) in std::mem::take(&mut self.backups) {
            match newest.index >= index {
                // Opened here, before a newer one takes its place; whoever asked may be gone.
                true => {
                    let path = self.storage.snapshots().path().join(&newest.file);
                    drop(reply.send(File::open(path)));
                }
                false => self.backups.push((index, reply)),
            }
        }
    }

    /// What was promised is on disk: send, then confirm.
    fn keep(&mut self, promises: Vec<Promise>) {
        for promise in promises {
            if !promise.messages.is_empty() {
                self.peers.send(promise.messages, self.storage.newest());
            }
            self.local.extend(promise.number.map(Input::Persisted));
            self.local.extend(promise.snapshot.map(|index| Input::SnapshotWritten { index }));
        }
    }

    /// Says of calls that change nothing that they had no effect; of others, by dropping them, that
    /// their outcome is unknown.
    fn abandon_calls(&mut self) {
        for pending in std::mem::take(&mut self.calls).into_values() {
            if pending.committing_since.is_none() {
                let _ = pending.reply.send(Err(stopping()));
            }
        }
    }

    /// Ends a stream from our side, unless the client was faster.
    fn cut(&mut self, stream: StreamId) {
        if self.sinks.remove(stream) {
            self.local.push_back(Input::StreamClosed(stream));
        }
    }
}

/// Whether the answer waits for a log entry.
fn is_committed(input: &Input) -> bool {
    use master_core::input::OperatorCall;
    use proto::model::SchedulerCall;
    match input {
        Input::FrameworkCall { request, .. } => matches!(
            request,
            SchedulerCall::Accept { .. }
                | SchedulerCall::Commit { .. }
                | SchedulerCall::Kill { .. }
                | SchedulerCall::KillGroup { .. }
                | SchedulerCall::Acknowledge { .. }
                | SchedulerCall::Teardown
                | SchedulerCall::UpdateFramework { .. }
        ),
        Input::OperatorCall { request, .. } => matches!(
            request,
            OperatorCall::KillTask { .. }
                | OperatorCall::KillGroup { .. }
                | OperatorCall::DirectAgent { .. }
                | OperatorCall::TeardownFramework(_)
                | OperatorCall::ScheduleMaintenance(_)
                | OperatorCall::Reserve(_)
                | OperatorCall::Unreserve(_)
                | OperatorCall::MoveReservation { .. }
                | OperatorCall::CreateVolume(_)
                | OperatorCall::GrowVolume(_)
                | OperatorCall::ShrinkVolume(_)
                | OperatorCall::DestroyVolume(_)
                | OperatorCall::Once { .. }
                | OperatorCall::CancelMaintenance(_)
                | OperatorCall::AddMaster(_)
                | OperatorCall::RemoveMaster(_)
                | OperatorCall::ReplaceMaster { .. }
        ),
        _ => false,
    }
}

struct EndOnDrop(Arc<Inbox>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}
