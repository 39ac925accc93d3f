//! What waits for one peer, and the task that carries it there.
//!
//! The queue holds encoded messages. Full, it drops the oldest: by the time it would arrive, raft
//! has something newer to say. When the connection breaks everything that waited is dropped for the
//! same reason, and raft is told to probe.

use super::{PeerContext, Standing};
use edge::connect::Connector;
use futures_util::stream;
use master_core::input::Delivery;
use proto::{
    convert::refusal::from_status,
    model::{NodeId, Reason, limits},
    wire::v1::{self, peer_client::PeerClient},
};
use protobuf::Message as _;
use raft::eraftpb::Message;
use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::{sync::Notify, time};

const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// A frame is closed past this, so that heartbeats do not wait behind much.
const FRAME_BYTES: usize = 1_024 * 1_024;
const _: () = assert!(
    FRAME_BYTES + limits::COMMAND_ENCODED_BYTES_MAX + limits::BATCH_BYTES
        < limits::PEER_FRAME_BYTES_MAX
);

/// One peer's queue.
pub(super) struct Link {
    cluster: String,
    node: NodeId,
    to: NodeId,
    standing: Arc<Standing>,
    context: PeerContext,
    queue: Mutex<Queue>,
    ready: Notify,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<Vec<u8>>,
    greeting: bool,
    dropped: u64,
}

impl Link {
    pub(super) fn new(context: &PeerContext, to: NodeId, standing: Arc<Standing>) -> Self {
        Self {
            cluster: context.cluster.to_string(),
            node: context.node,
            to,
            standing,
            context: context.clone(),
            queue: Mutex::default(),
            ready: Notify::new(),
        }
    }

    /// Queues a message, dropping the oldest when there is no room.
    pub(super) fn push(&self, message: &Message) {
        let bytes =
            message.write_to_bytes().expect("raft's messages have no required field to miss");
        let mut queue = self.queue();
        if queue.messages.len() >= limits::PEER_MESSAGES_MAX {
            queue.messages.pop_front();
            queue.dropped += 1;
        }
        queue.messages.push_back(bytes);
        drop(queue);
        self.ready.notify_one();
    }

    /// Has an empty frame sent.
    pub(super) fn greet(&self) {
        self.queue().greeting = true;
        self.ready.notify_one();
    }

    pub(super) fn len(&self) -> usize {
        self.queue().messages.len()
    }

    /// Connects, sends, and begins again, until the master stops.
    pub(super) async fn run(self: Arc<Self>, connector: Connector, context: PeerContext) {
        let (mut pause, mut told) = (PAUSE_FIRST, String::new());
        loop {
            let began = time::Instant::now();
            let broken = tokio::select! {
                () = context.stop.cancelled() => return,
                broken = self.exchange(&connector) => broken,
            };
            self.forget();
            context.delivered(self.to, Delivery::Unreachable);
            let (node, to) = (self.node, self.to);
            // The same reason again and again is said once.
            if broken == told {
                tracing::debug!(%node, %to, reason = broken, "no connection to peer");
            } else {
                tracing::info!(%node, %to, reason = broken, "no connection to peer");
                told = broken;
            }
            // A connection that lasted says that the next attempt may well succeed.
            if began.elapsed() > PAUSE_MAX {
                pause = PAUSE_FIRST;
            }
            tokio::select! {
                () = context.stop.cancelled() => return,
                () = time::sleep(pause) => pause = PAUSE_MAX.min(pause * 2),
            }
        }
    }

    /// One connection, until it breaks; says why.
    async fn exchange(self: &Arc<Self>, connector: &Connector) -> String {
        let channel = match connector.connect().await {
            Ok(channel) => channel,
            Err(error) => return edge::errors::chain(&error),
        };
        tracing::info!(node = %self.node, to = %self.to, "connected to peer");
        // What waited since before the connection is stale; the greeting says that we are here.
        self.forget();
        self.greet();
        let frames = stream::unfold(Arc::clone(self), |link| async move {
            let frame = link.next_frame().await;
            Some((frame, link))
        });
        let mut client =
            PeerClient::new(channel).max_encoding_message_size(limits::PEER_FRAME_BYTES_MAX);
        match client.exchange(frames).await {
            Ok(_) => "the peer ended the exchange".to_owned(),
            Err(status) => {
                let refusal = from_status(&status);
                // A broken connection has no details; it is said quietly, by the caller.
                if !status.details().is_empty() {
                    tracing::warn!(node = %self.node, to = %self.to, %refusal, "refused by peer");
                }
                if refusal.reason == Reason::MemberRemoved {
                    self.context.removed();
                }
                refusal.to_string()
            }
        }
    }

    async fn next_frame(&self) -> v1::PeerFrame {
        loop {
            if let Some(frame) = self.take_frame() {
                return frame;
            }
            self.ready.notified().await;
        }
    }

    /// What waits, as much as fits into one frame.
    fn take_frame(&self) -> Option<v1::PeerFrame> {
        let mut queue = self.queue();
        if queue.messages.is_empty() && !queue.greeting {
            return None;
        }
        queue.greeting = false;
        let (mut messages, mut bytes) = (Vec::new(), 0);
        while bytes < FRAME_BYTES
            && let Some(message) = queue.messages.pop_front()
        {
            bytes += message.len();
            messages.push(message);
        }
        if std::mem::take(&mut queue.dropped) > 0 {
            tracing::debug!(node = %self.node, to = %self.to, "dropped what a slow peer missed");
        }
        drop(queue);
        Some(v1::PeerFrame {
            cluster_id: self.cluster.clone(),
            from: self.node.0,
            to: self.to.0,
            messages,
            blank: self.standing.blank.load(Ordering::Acquire),
            joining: self.standing.joining.load(Ordering::Acquire),
            peer_address: self.context.roster.peer_address(self.node),
            incarnation: self.context.roster.incarnation(),
            log_version: self.standing.log_version.load(Ordering::Acquire),
        })
    }

    fn forget(&self) {
        self.queue().messages.clear();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing under this lock can panic half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("to", &self.to)
            .field("waiting", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::Inbox;
    use proto::model::ClusterId;
    use tokio_util::sync::CancellationToken;

    fn link() -> Link {
        let context = PeerContext {
            cluster: ClusterId::new("c").unwrap(),
            node: NodeId(1),
            inbox: Arc::new(Inbox::new()),
            stop: CancellationToken::new(),
            roster: Arc::default(),
        };
        Link::new(&context, NodeId(2), Arc::new(Standing::new(true)))
    }

    fn message(term: u64) -> Message {
        let mut message = Message::default();
        (message.from, message.to, message.term) = (1, 2, term);
        message
    }

    fn terms(frame: &v1::PeerFrame) -> Vec<u64> {
        let term = |bytes: &Vec<u8>| Message::parse_from_bytes(bytes).unwrap().term;
        frame.messages.iter().map(term).collect()
    }

    #[test]
    fn a_full_queue_drops_the_oldest() {
        let link = link();
        let most = limits::PEER_MESSAGES_MAX as u64;
        (0..most + 3).for_each(|term| link.push(&message(term)));
        assert_eq!(link.len(), limits::PEER_MESSAGES_MAX);
        let taken = terms(&link.take_frame().unwrap());
        assert_eq!((taken[0], *taken.last().unwrap()), (3, most + 2));
    }

    #[test]
    fn a_greeting_is_an_empty_frame_that_tells_of_the_log() {
        let link = link();
        assert!(link.take_frame().is_none());
        link.greet();
        let frame = link.take_frame().unwrap();
        assert!(frame.messages.is_empty() && frame.blank);
        assert_eq!((frame.cluster_id.as_str(), frame.from, frame.to), ("c", 1, 2));
        link.standing.blank.store(false, Ordering::Release);
        link.push(&message(1));
        assert!(!link.take_frame().unwrap().blank);
    }

    #[test]
    fn frames_are_closed_by_size() {
        let link = link();
        let mut large = message(1);
        large.set_context(vec![7; FRAME_BYTES].into());
        (0..3).for_each(|_| link.push(&large));
        assert_eq!(link.take_frame().unwrap().messages.len(), 1);
        assert_eq!(link.len(), 2);
    }
}
