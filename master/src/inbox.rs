//! Everything that waits for the core: one bounded queue with one reader.
//!
//! What clients, agents and peers send takes a place and waits for one when there is none, so that
//! a busy core stops the reading from sockets. What the shell itself reports (a write is durable, a
//! stream has ended) takes no place, because it must arrive for places to become free; there is at
//! most one such report for each thing that was begun.

use crate::{
    disk::{SnapshotPointer, SnapshotWriteError, WriterEvent},
    outbound::Outbound,
};
use master_core::{
    Input,
    input::{CallId, StreamId},
    outbox::{Answer, SnapshotMark},
};
use proto::{
    model::{NodeId, Order, Reason, Refusal, SchedulerEvent, limits},
    wire::v1,
};
use std::{
    collections::VecDeque,
    fs::File,
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use tokio::sync::{Semaphore, oneshot};

/// What a call is answered with.
pub(crate) type Reply = Result<Answer, Refusal>;

/// Something for the core thread.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// For the core, from outside.
    Input(Input),
    /// A call, and who waits for its answer.
    Call(CallId, oneshot::Sender<Reply>, Input),
    /// The first input of a stream, and where its events go.
    Stream(StreamId, Sink, Input),
    /// The log writer's report.
    Written(WriterEvent),
    /// A snapshot of ours was written, or not.
    SnapshotTaken(SnapshotMark, Result<SnapshotPointer, SnapshotWriteError>),
    /// A leader's snapshot is on disk; the input announces it.
    SnapshotReceived(SnapshotPointer, Input),
    /// A peer that may be a member, and where it is reached.
    PeerKnown(NodeId, String),
    /// A peer says that this member was removed.
    Removed,
    /// An operator wants a snapshot that holds all that is applied now.
    Backup(oneshot::Sender<io::Result<File>>),
}

/// Where a stream's events go.
#[derive(Debug)]
pub(crate) enum Sink {
    /// To a framework.
    Framework(Outbound<SchedulerEvent>),
    /// To an agent, each with the leader's term.
    Agent(Outbound<(u64, Order)>),
    /// To an operator that watches.
    Watcher(Outbound<v1::ClusterEvent>),
}

/// The core has ended; nothing that is offered will be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this master is stopping")]
pub(crate) struct Stopped;

/// Certainly without effect.
pub(crate) fn stopping() -> Refusal {
    Refusal::new(Reason::NotReady, "this master is stopping; call another one")
}

/// What one turn of the core has to deal with.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) closed: Vec<StreamId>,
    /// Streams of which everything has been read, as the core wanted to know.
    pub(crate) read: Vec<StreamId>,
    /// Somebody asked the core to end.
    pub(crate) stop: bool,
    /// What still waits.
    pub(crate) left: usize,
}

/// The queue.
#[derive(Debug)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    ready: Condvar,
    places: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    /// With whether it holds a place.
    arrivals: VecDeque<(Arrival, bool)>,
    closed: Vec<StreamId>,
    read: Vec<StreamId>,
    stop: bool,
    ended: bool,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            ready: Condvar::new(),
            places: Semaphore::new(limits::INPUTS_MAX),
        }
    }

    /// From outside: waits for a place.
    pub(crate) async fn offer(&self, arrival: Arrival) -> Result<(), Stopped> {
        self.places.acquire().await.map_err(|_| Stopped)?.forget();
        self.push(arrival, true)
    }

    /// From the shell itself. Lost when the core has ended, which then has no use for it.
    pub(crate) fn report(&self, arrival: Arrival) {
        let _ = self.push(arrival, false);
    }

    /// A stream has ended on the client's side.
    pub(crate) fn closed(&self, stream: StreamId) {
        let mut state = self.state();
        if !state.ended {
            state.closed.push(stream);
            self.ready.notify_one();
        }
    }

    /// Everything that was sent on a stream has been read; once for each time that the core asks.
    pub(crate) fn read(&self, stream: StreamId) {
        let mut state = self.state();
        if !state.ended {
            state.read.push(stream);
            self.ready.notify_one();
        }
    }

    /// Asks the core to end.
    pub(crate) fn stop(&self) {
        self.state().stop = true;
        self.ready.notify_one();
    }

    /// The core has ended: everything that waits is dropped, and everybody who waits is told.
    pub(crate) fn end(&self) {
        self.places.close();
        let mut state = self.state();
        state.ended = true;
        let arrivals = std::mem::take(&mut state.arrivals);
        drop(state);
        // Answering a waiter wakes a task; not under the lock.
        for (arrival, _) in arrivals {
            if let Arrival::Call(_, reply, _) = arrival {
                // The core has not seen it: it certainly has no effect.
                let _ = reply.send(Err(stopping()));
            }
        }
    }

    /// Waits until something is there or `deadline` has passed; takes at most `most`.
    pub(crate) fn take(&self, deadline: Instant, most: usize) -> Taken {
        let mut state = self.state();
        while state.is_idle() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
            let waited = self.ready.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let count = most.min(state.arrivals.len());
        let mut places = 0;
        let mut arrivals = Vec::with_capacity(count);
        for (arrival, holds_place) in state.arrivals.drain(..count) {
            places += usize::from(holds_place);
            arrivals.push(arrival);
        }
        self.places.add_permits(places);
        let closed = std::mem::take(&mut state.closed);
        let read = std::mem::take(&mut state.read);
        let stop = std::mem::take(&mut state.stop);
        Taken { arrivals, closed, read, stop, left: state.arrivals.len() }
    }

    fn push(&self, arrival: Arrival, holds_place: bool) -> Result<(), Stopped> {
        let mut state = self.state();
        if state.ended {
            return Err(Stopped);
        }
        state.arrivals.push_back((arrival, holds_place));
        self.ready.notify_one();
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.arrivals.is_empty() && self.closed.is_empty() && self.read.is_empty() && !self.stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_full_inbox_makes_outsiders_wait_and_lets_reports_in() {
        let inbox = Inbox::new();
        for _ in 0..limits::INPUTS_MAX {
            inbox.offer(Arrival::Input(Input::Tick)).await.unwrap();
        }
        let mut late = std::pin::pin!(inbox.offer(Arrival::Input(Input::Tick)));
        assert!(futures_util::poll!(late.as_mut()).is_pending());
        inbox.report(Arrival::Written(WriterEvent::Persisted { number: 1 }));
        let taken = inbox.take(Instant::now() + Duration::from_secs(1), 10);
        assert_eq!((taken.arrivals.len(), taken.left), (10, limits::INPUTS_MAX - 9));
        late.await.unwrap();
    }

    #[tokio::test]
    async fn the_end_wakes_whoever_waits() {
        let inbox = Inbox::new();
        let (reply, answer) = oneshot::channel();
        inbox.offer(Arrival::Call(CallId(1), reply, Input::Tick)).await.unwrap();
        inbox.end();
        assert_eq!(answer.await.unwrap().unwrap_err().reason, Reason::NotReady);
        assert_eq!(inbox.offer(Arrival::Input(Input::Tick)).await, Err(Stopped));
    }
}
