//! Between masters: a stream each way, raft messages in frames, snapshots on streams of their own.
//!
//! Raft repeats what matters, so nothing here waits for a peer or remembers for it: a queue that is
//! full drops its oldest, a connection that breaks drops what waited. What a message says is the
//! core's business; who may have sent it is checked here.

mod frames;
mod link;
pub(crate) mod service;
mod snapshot_in;
mod snapshot_out;

use crate::{
    disk::{SnapshotDirectory, SnapshotPointer},
    inbox::{Arrival, Inbox},
};
use edge::{
    connect::{Connector, Patience},
    tls::Tls,
};
use link::Link;
use master_core::{Input, input::Delivery};
use proto::model::{ClusterId, NodeId};
use raft::eraftpb::{Message, MessageType};
use snapshot_out::Transfer;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// A peer that is silent for longer is as good as gone: raft needs to know soon.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(2),
    probe_interval: Duration::from_secs(2),
    probe_timeout: Duration::from_secs(3),
};

/// Who this master is to its peers, and what all connections share.
#[derive(Debug, Clone)]
pub(crate) struct PeerContext {
    pub(crate) cluster: ClusterId,
    pub(crate) node: NodeId,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) stop: CancellationToken,
}

/// The sending half: one link for each other member.
#[derive(Debug)]
pub(crate) struct Peers {
    context: PeerContext,
    runtime: Handle,
    snapshots: SnapshotDirectory,
    links: BTreeMap<NodeId, Peer>,
    /// Whether our log holds nothing yet; said in every frame.
    blank: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Peer {
    link: Arc<Link>,
    connector: Connector,
    /// Raft asks for one snapshot at a time; a repetition must not start a second stream.
    transferring: Arc<AtomicBool>,
}

impl Peers {
    /// Starts connecting to all others; must be called within a runtime.
    pub(crate) fn start(
        context: PeerContext,
        others: BTreeMap<NodeId, String>,
        tls: Option<&Tls>,
        snapshots: SnapshotDirectory,
        blank: bool,
    ) -> Self {
        let blank = Arc::new(AtomicBool::new(blank));
        let secure = tls.map(|tls| (tls, &context.cluster));
        let start = |(node, address)| {
            let connector = Connector::new(address, Some(node), secure, PATIENCE);
            let link = Arc::new(Link::new(&context, node, Arc::clone(&blank)));
            tokio::spawn(Arc::clone(&link).run(connector.clone(), context.clone()));
            (node, Peer { link, connector, transferring: Arc::default() })
        };
        let links = others.into_iter().map(start).collect();
        Self { context, runtime: Handle::current(), snapshots, links, blank }
    }

    /// Sends, or loses; never waits. `newest` is the snapshot that the log points to.
    pub(crate) fn send(&self, messages: Vec<Message>, newest: Option<&SnapshotPointer>) {
        for message in messages {
            let Some(peer) = self.links.get(&NodeId(message.to)) else {
                tracing::warn!(node = %self.context.node, to = message.to, "a message for nobody");
                continue;
            };
            match message.get_msg_type() {
                MessageType::MsgSnapshot => self.send_snapshot(peer, message, newest),
                _ => peer.link.push(&message),
            }
        }
    }

    /// Says to everybody that this member is here.
    pub(crate) fn greet(&self, blank: bool) {
        self.blank.store(blank, Ordering::Release);
        self.links.values().for_each(|peer| peer.link.greet());
    }

    /// The log holds something from now on.
    pub(crate) fn no_longer_blank(&self) {
        self.blank.store(false, Ordering::Release);
    }

    /// Messages that wait for the slowest peer.
    pub(crate) fn longest_queue(&self) -> usize {
        self.links.values().map(|peer| peer.link.len()).max().unwrap_or(0)
    }

    fn send_snapshot(&self, peer: &Peer, message: Message, newest: Option<&SnapshotPointer>) {
        let to = NodeId(message.to);
        if peer.transferring.swap(true, Ordering::AcqRel) {
            tracing::debug!(node = %self.context.node, %to, "a snapshot is already on its way");
            return;
        }
        let Some(pointer) = newest.cloned() else {
            peer.transferring.store(false, Ordering::Release);
            return self.context.delivered(to, Delivery::SnapshotFailed);
        };
        let (context, connector) = (self.context.clone(), peer.connector.clone());
        let transfer = Transfer { message, pointer, snapshots: self.snapshots.clone() };
        let transferring = Arc::clone(&peer.transferring);
        self.runtime.spawn(async move {
            let outcome = tokio::select! {
                () = context.stop.cancelled() => return,
                outcome = transfer.run(&context, &connector) => outcome,
            };
            transferring.store(false, Ordering::Release);
            let delivery = match outcome {
                Ok(()) => Delivery::SnapshotDone,
                Err(error) => {
                    let error = edge::errors::chain(&error);
                    tracing::warn!(node = %context.node, %to, error, "snapshot not delivered");
                    Delivery::SnapshotFailed
                }
            };
            context.delivered(to, delivery);
        });
    }
}

impl PeerContext {
    /// Tells raft how a delivery went.
    fn delivered(&self, to: NodeId, delivery: Delivery) {
        self.inbox.report(Arrival::Input(Input::PeerDelivery { to, delivery }));
    }
}
