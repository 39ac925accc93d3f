//! What waits for one client: a bounded queue whose reader is cut off when it does not keep up.
//!
//! The core pushes and never waits. A full queue ends the stream with `OVERLOADED`: the client
//! comes back and asks for the state, which costs less than remembering for it. What may be long is
//! sent in parts instead, each behind a mark that says when the one before has been read. The
//! reading half tells the core when the client went away. Does not know what it carries.

use futures_util::Stream;
use proto::model::{Duration, Reason, Refusal};
use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The writing half; dropping it says that the master is stopping.
pub(crate) struct Outbound<T>(Arc<Shared<T>>);

/// The reading half: a stream of items, then nothing or one refusal.
pub(crate) struct OutboundStream<T> {
    shared: Arc<Shared<T>>,
    /// Called when the client has gone before the stream was ended.
    on_lost: Option<Box<dyn FnOnce() + Send>>,
}

/// Ends a stream from beside: for whoever reads the other direction.
pub(crate) struct Cutter<T>(Arc<Shared<T>>);

/// The client did not keep up, or has gone: the stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost;

struct Shared<T> {
    state: Mutex<State<T>>,
    over: CancellationToken,
    limit: usize,
}

struct State<T> {
    queue: VecDeque<Entry<T>>,
    /// Of the entries.
    items: usize,
    end: Option<End>,
    waker: Option<Waker>,
}

enum Entry<T> {
    Item(T),
    /// What is to be done when everything before it has been read.
    Mark(Box<dyn FnOnce() + Send>),
}

enum End {
    /// After what is queued.
    Finished,
    /// Instead of what is queued.
    Refused(Refusal),
    /// Nobody reads any more, or the end has been read.
    Over,
}

/// A queue of at most `limit` items.
pub(crate) fn outbound<T>(
    limit: usize,
    on_lost: impl FnOnce() + Send + 'static,
) -> (Outbound<T>, OutboundStream<T>) {
    let state = Mutex::new(State { queue: VecDeque::new(), items: 0, end: None, waker: None });
    let shared = Arc::new(Shared { state, over: CancellationToken::new(), limit });
    let stream = OutboundStream { shared: Arc::clone(&shared), on_lost: Some(Box::new(on_lost)) };
    (Outbound(shared), stream)
}

// === impl Outbound ===

impl<T> Outbound<T> {
    /// Queues an item; a full queue ends the stream.
    pub(crate) fn send(&self, item: T) -> Result<(), Lost> {
        let mut state = self.0.state();
        if state.end.is_some() {
            return Err(Lost);
        }
        if state.items >= self.0.limit {
            drop(state);
            let message = "this client reads too slowly; come back and ask for the state";
            let refusal = Refusal::new(Reason::Overloaded, message);
            self.0.end(End::Refused(refusal.retry_after(Duration::from_seconds(1))));
            return Err(Lost);
        }
        state.items += 1;
        push(state, Entry::Item(item));
        Ok(())
    }

    /// Has something done when everything that was sent so far has been read; nothing when the
    /// stream ends before.
    pub(crate) fn mark(&self, then: impl FnOnce() + Send + 'static) {
        let state = self.0.state();
        if state.end.is_none() {
            push(state, Entry::Mark(Box::new(then)));
        }
    }

    /// Items that wait.
    pub(crate) fn len(&self) -> usize {
        self.0.state().items
    }

    /// Ends the stream after what is queued.
    pub(crate) fn finish(self) {
        self.0.end(End::Finished);
    }

    /// Ends the stream with a refusal.
    pub(crate) fn refuse(self, refusal: Refusal) {
        self.0.end(End::Refused(refusal));
    }

    /// For whoever reads the other direction.
    pub(crate) fn cutter(&self) -> Cutter<T> {
        Cutter(Arc::clone(&self.0))
    }
}

impl<T> Drop for Outbound<T> {
    fn drop(&mut self) {
        self.0.end(End::Refused(crate::inbox::stopping()));
    }
}

// === impl Cutter ===

impl<T> Cutter<T> {
    /// Ends the stream with a refusal, unless it has ended.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.0.end(End::Refused(refusal));
    }

    /// Resolves when the stream is over, for whatever reason.
    pub(crate) fn over(&self) -> WaitForCancellationFutureOwned {
        self.0.over.clone().cancelled_owned()
    }
}

// === impl OutboundStream ===

impl<T> OutboundStream<T> {
    /// The next item, if it is there and wanted.
    pub(crate) fn next_if(&mut self, wanted: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut state = self.shared.state();
        match state.end {
            None | Some(End::Finished) => {}
            Some(End::Refused(_) | End::Over) => return None,
        }
        match state
            .queue
            .pop_front_if(|entry| matches!(entry, Entry::Item(item) if wanted(item)))?
        {
            Entry::Item(item) => {
                state.items -= 1;
                Some(item)
            }
            Entry::Mark(_) => unreachable!("a mark is no item"),
        }
    }
}

impl<T> Stream for OutboundStream<T> {
    type Item = Result<T, Refusal>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut state = this.shared.state();
        while !matches!(state.end, Some(End::Refused(_)))
            && let Some(entry) = state.queue.pop_front()
        {
            match entry {
                Entry::Item(item) => {
                    state.items -= 1;
                    return Poll::Ready(Some(Ok(item)));
                }
                Entry::Mark(then) => {
                    // Not under the lock: what is done may send.
                    drop(state);
                    then();
                    state = this.shared.state();
                }
            }
        }
        let end = match state.end.take() {
            None => {
                state.waker = Some(context.waker().clone());
                // There is one for each agent, and mostly nothing waits.
                state.queue = VecDeque::new();
                return Poll::Pending;
            }
            Some(end) => end,
        };
        state.end = Some(End::Over);
        drop(state);
        this.on_lost = None;
        match end {
            End::Refused(refusal) => Poll::Ready(Some(Err(refusal))),
            End::Finished | End::Over => Poll::Ready(None),
        }
    }
}

impl<T> Drop for OutboundStream<T> {
    fn drop(&mut self) {
        self.shared.end(End::Over);
        if let Some(on_lost) = self.on_lost.take() {
            on_lost();
        }
    }
}

// === impl Shared ===

impl<T> Shared<T> {
    /// The first end stands; only the reader's going away may follow it.
    fn end(&self, end: End) {
        let mut state = self.state();
        match end {
            End::Over => {
                state.clear();
                state.end = Some(End::Over);
            }
            _ if state.end.is_some() => return,
            End::Refused(_) => {
                state.clear();
                state.end = Some(end);
            }
            End::Finished => state.end = Some(end),
        }
        let waker = state.waker.take();
        drop(state);
        self.over.cancel();
        waker.into_iter().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing under this lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl<T> State<T> {
    fn clear(&mut self) {
        self.queue.clear();
        self.items = 0;
    }
}

impl<T> fmt::Debug for Outbound<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("waiting", &self.len()).finish()
    }
}

impl<T> fmt::Debug for OutboundStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.shared.state().items;
        f.debug_struct("OutboundStream").field("waiting", &waiting).finish_non_exhaustive()
    }
}

/// Wakes the reader after the lock is given up.
fn push<T>(mut state: MutexGuard<'_, State<T>>, entry: Entry<T>) {
    state.queue.push_back(entry);
    let waker = state.waker.take();
    drop(state);
    waker.into_iter().for_each(Waker::wake);
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn counted<T>(limit: usize) -> (Outbound<T>, OutboundStream<T>, Arc<AtomicUsize>) {
        let lost = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&lost);
        let (sender, stream) = outbound(limit, move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        (sender, stream, lost)
    }

    #[tokio::test]
    async fn a_full_queue_ends_the_stream_with_a_typed_refusal() {
        let (sender, mut stream, lost) = counted(3);
        for item in 0..3 {
            sender.send(item).unwrap();
        }
        assert_eq!(sender.send(3), Err(Lost));
        assert_eq!(sender.send(4), Err(Lost), "an ended stream takes nothing more");
        let refusal = stream.next().await.unwrap().unwrap_err();
        assert_eq!(refusal.reason, Reason::Overloaded);
        assert!(stream.next().await.is_none());
        drop(stream);
        assert_eq!(lost.load(Ordering::SeqCst), 0, "the core knew");
    }

    #[tokio::test]
    async fn what_was_queued_comes_before_an_orderly_end() {
        let (sender, mut stream, _) = counted(8);
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        sender.finish();
        assert_eq!(stream.next().await, Some(Ok(1)));
        assert_eq!(stream.next_if(|item| *item == 3), None);
        assert_eq!(stream.next_if(|item| *item == 2), Some(2));
        assert_eq!(stream.next().await, None);
    }

    #[tokio::test]
    async fn a_mark_is_reached_when_everything_before_it_has_been_read() {
        let (sender, mut stream, _) = counted(2);
        let reached = Arc::new(AtomicUsize::new(0));
        let mark = || {
            let reached = Arc::clone(&reached);
            sender.mark(move || {
                reached.fetch_add(1, Ordering::SeqCst);
            });
        };
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        mark();
        assert_eq!(sender.len(), 2, "a mark takes no place");
        assert_eq!(stream.next().await, Some(Ok(1)));
        assert_eq!(stream.next().await, Some(Ok(2)));
        assert_eq!(stream.next_if(|_| true), None, "nothing is taken past a mark");
        assert_eq!(reached.load(Ordering::SeqCst), 0, "nobody has asked for more");
        sender.send(3).unwrap();
        assert_eq!(stream.next().await, Some(Ok(3)));
        assert_eq!(reached.load(Ordering::SeqCst), 1);
        mark();
        assert!(futures_util::poll!(stream.next()).is_pending());
        assert_eq!(reached.load(Ordering::SeqCst), 2, "nothing was before it");
        mark();
        drop(stream);
        mark();
        assert_eq!(reached.load(Ordering::SeqCst), 2, "nobody reads any more");
    }

    #[tokio::test]
    async fn a_client_that_goes_away_is_reported_once() {
        let (sender, stream, lost) = counted(8);
        let over = sender.cutter().over();
        drop(stream);
        over.await;
        assert_eq!(sender.send(1), Err(Lost));
        drop(sender);
        assert_eq!(lost.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_vanished_core_is_said_to_be_stopping() {
        let (sender, mut stream, _) = counted::<u8>(8);
        drop(sender);
        assert_eq!(stream.next().await.unwrap().unwrap_err().reason, Reason::NotReady);
    }
}
