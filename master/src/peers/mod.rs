//! Between masters: a stream each way, raft messages in frames, snapshots on streams of their own.
//!
//! Raft repeats what matters, so nothing here waits for a peer or remembers for it: a queue that is
//! full drops its oldest, a connection that breaks drops what waited. What a message says is the
//! core's business; who may have sent it is checked here.

pub(crate) mod frames;
pub(crate) mod join;
mod link;
pub(crate) mod roster;
pub(crate) mod runtime;
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
use master_core::{
    Input,
    input::Delivery,
    ledger::{LogVersion, Members},
};
use proto::model::{ClusterId, NodeId, limits};
use raft::eraftpb::{Message, MessageType};
use roster::Roster;
use snapshot_out::Transfer;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
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

/// More than there can be members: without certificates anybody may claim to be one.
const PEERS_MAX: usize = 4 * limits::MASTERS_MAX;

/// Who this master is to its peers, and what all connections share.
#[derive(Debug, Clone)]
pub(crate) struct PeerContext {
    pub(crate) cluster: ClusterId,
    pub(crate) node: NodeId,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) stop: CancellationToken,
    pub(crate) roster: Arc<Roster>,
}

/// The sending half: one link for each other member, and for whoever said that it is one.
#[derive(Debug)]
pub(crate) struct Peers {
    context: PeerContext,
    tls: Option<Tls>,
    runtime: Handle,
    snapshots: SnapshotDirectory,
    links: BTreeMap<NodeId, Peer>,
    standing: Arc<Standing>,
}

/// How this member stands; said in every frame.
#[derive(Debug)]
struct Standing {
    /// Its log holds nothing yet.
    blank: AtomicBool,
    /// It may not vote yet.
    joining: AtomicBool,
    /// The newest version of the log that it can read, or wants to.
    log_version: AtomicU32,
}

#[derive(Debug)]
struct Peer {
    link: Arc<Link>,
    address: String,
    connector: Connector,
    /// Ends the link.
    end: CancellationToken,
    /// Raft asks for one snapshot at a time; a repetition must not start a second stream.
    transferring: Arc<AtomicBool>,
}

impl Peers {
    /// Starts connecting to all others.
    pub(crate) fn start(
        runtime: Handle,
        context: PeerContext,
        others: BTreeMap<NodeId, String>,
        tls: Option<Tls>,
        snapshots: SnapshotDirectory,
        blank: bool,
    ) -> Self {
        let standing = Arc::new(Standing::new(blank));
        let mut peers = Self { context, tls, runtime, snapshots, links: BTreeMap::new(), standing };
        others.into_iter().for_each(|(node, address)| peers.connect(node, address));
        peers
    }

    /// These are the members: connects to the new ones, lets go of the others.
    pub(crate) fn set(&mut self, members: &Members) {
        let own = self.context.node;
        let others = members.iter().map(|member| &member.info);
        let others = others.filter(|info| info.node != own);
        for info in others.filter(|info| !info.peer_address.is_empty()) {
            self.connect(info.node, info.peer_address.clone());
        }
        // Who is not known yet may be about to be: only the removed are let go.
        self.links.retain(|node, peer| {
            let stays = !members.is_retired(*node);
            if !stays {
                peer.end.cancel();
            }
            stays
        });
    }

    /// Somebody that may be a member already says where it is.
    pub(crate) fn learn(&mut self, node: NodeId, address: String) {
        let room = self.links.len() < PEERS_MAX;
        if node != self.context.node && room && !self.links.contains_key(&node) {
            self.connect(node, address);
        }
    }

    fn connect(&mut self, node: NodeId, address: String) {
        if let Some(peer) = self.links.get(&node) {
            if peer.address == address {
                return;
            }
            peer.end.cancel();
        }
        let secure = self.tls.as_ref().map(|tls| (tls, &self.context.cluster));
        let connector = Connector::new(address.clone(), Some(node), secure, PATIENCE);
        let end = self.context.stop.child_token();
        let context = PeerContext { stop: end.clone(), ..self.context.clone() };
        let link = Arc::new(Link::new(&context, node, Arc::clone(&self.standing)));
        self.runtime.spawn(Arc::clone(&link).run(connector.clone(), context));
        let peer = Peer { link, address, connector, end, transferring: Arc::default() };
        self.links.insert(node, peer);
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
    pub(crate) fn greet(&self, blank: bool, joining: bool, version: LogVersion) {
        self.standing.log_version.store(version.number(), Ordering::Release);
        self.standing.blank.store(blank, Ordering::Release);
        self.standing.joining.store(joining, Ordering::Release);
        self.links.values().for_each(|peer| peer.link.greet());
    }

    /// The log holds something from now on.
    pub(crate) fn no_longer_blank(&self) {
        self.standing.blank.store(false, Ordering::Release);
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

impl Standing {
    /// Until the core has spoken, a member may not vote.
    fn new(blank: bool) -> Self {
        let (blank, joining) = (AtomicBool::new(blank), AtomicBool::new(true));
        Self { blank, joining, log_version: AtomicU32::new(0) }
    }
}

impl PeerContext {
    /// Another member says that this one was removed.
    fn removed(&self) {
        self.inbox.report(Arrival::Removed);
    }

    /// Tells raft how a delivery went.
    fn delivered(&self, to: NodeId, delivery: Delivery) {
        self.inbox.report(Arrival::Input(Input::PeerDelivery { to, delivery }));
    }
}
