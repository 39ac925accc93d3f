//! Everything a master may ask of the world, in the order in which it must happen.
//!
//! The shell executes effects in order. The one condition beyond order is in [`Persist`]: its
//! messages leave only after the disk has confirmed it, because they promise what it holds.

use crate::{
    Ledger,
    input::{CallId, StreamId},
    ledger::{LogVersion, Members},
    reads::PreparedRead,
};
use proto::{
    model::{
        NodeId, OperationResult, Order, Refusal, ReservationId, SchedulerEvent, VolumeId, WindowId,
    },
    wire::v1,
};
use raft::eraftpb::{ConfState, Entry, HardState, Message};

/// Something to be made durable.
#[derive(Debug, Default)]
pub struct Persist {
    /// Grows by one; [`crate::Input::Persisted`] confirms all up to one.
    pub number: u64,
    /// Entries to append; the first replaces whatever stands at its index and after.
    pub entries: Vec<Entry>,
    /// Term, vote and commit.
    pub hard_state: Option<HardState>,
    /// A streamed snapshot, already on disk, that replaces log and ledger.
    pub install: Option<SnapshotMark>,
    /// Entries up to this index are in a durable snapshot and may go.
    pub compact_to: Option<u64>,
    /// This member has a past from now on: it may vote.
    pub voter: bool,
    /// Sent when all of the above is on disk.
    pub messages: Vec<Message>,
}

/// Which snapshot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SnapshotMark {
    /// Last log index in it.
    pub index: u64,
    /// That entry's term.
    pub term: u64,
    /// The members as of it.
    pub conf_state: ConfState,
}

/// One thing to do.
#[derive(Debug)]
pub enum Effect {
    /// Make durable, then send, then confirm.
    Persist(Persist),
    /// Send to members; may be lost. A `MsgSnapshot` means: stream the newest snapshot file.
    SendPeers(Vec<Message>),
    /// Tell every member that this one is here, and whether its log is blank.
    Greet {
        /// As in `PeerFrame`.
        blank: bool,
        /// As in `PeerFrame`.
        joining: bool,
        /// As in `PeerFrame`.
        version: LogVersion,
    },
    /// Write the state, as of the mark, to a snapshot file; then [`crate::Input::SnapshotWritten`].
    WriteSnapshot {
        /// As of when.
        mark: SnapshotMark,
        /// The state; shares its rows with the live one.
        ledger: Box<Ledger>,
    },
    /// Answer a call.
    Reply {
        /// Which.
        call: CallId,
        /// With what.
        answer: Result<Answer, Refusal>,
    },
    /// Answer a call on another thread: the state that answers it stays as it is.
    Read(Box<PreparedRead>),
    /// To a framework.
    ToFramework {
        /// Its stream.
        stream: StreamId,
        /// The event.
        event: SchedulerEvent,
    },
    /// To an agent.
    ToAgent {
        /// Its stream.
        stream: StreamId,
        /// The order, sent with `term`.
        order: Order,
        /// The leader's term.
        term: u64,
    },
    /// To a watcher: an event, or why the watch ends.
    ToWatcher {
        /// Its stream.
        stream: StreamId,
        /// The event; few effects are as large.
        event: Result<Box<v1::ClusterEvent>, Refusal>,
    },
    /// Say with [`crate::Input::StreamRead`] when everything that was sent on this stream before
    /// has been taken from its queue: what may be long is sent in parts, at the reader's pace.
    TellWhenRead(StreamId),
    /// End a stream after what was sent on it before.
    Close(StreamId),
    /// This member's role changed; for logs, metrics and health.
    Role(RoleChange),
    /// These are the members from now on: whom to connect to, and whom not to hear.
    Members(Members),
    /// This member must stop, after what stands before this.
    End(Ending),
}

/// Why a member must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was removed from the cluster.
    Removed,
    /// The cluster was founded by others than this member's configuration says.
    OtherFounders,
    /// It cannot read a log entry: others run a newer software, or the log is damaged.
    Unreadable {
        /// Its index.
        index: u64,
    },
}

impl Effect {
    /// What a host without threads executes: reads are answered at once.
    pub fn answered(self) -> Self {
        match self {
            Self::Read(read) => Self::Reply { call: read.call(), answer: read.answer() },
            other => other,
        }
    }
}

/// Who leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleChange {
    /// The term.
    pub term: u64,
    /// Its leader, when known.
    pub leader: Option<NodeId>,
    /// Whether this member leads and has applied the first entry of its term.
    pub serving: bool,
    /// Whether this member has forgotten what it was and does not vote yet.
    pub joining: bool,
}

/// What a call is answered with.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Done.
    Done,
    /// What became of an accept's operations.
    Accepted(Vec<OperationResult>),
    /// The resources are reserved.
    Reserved(ReservationId),
    /// The volume is ordered of its agent.
    VolumeCreating(VolumeId),
    /// The maintenance window is planned.
    Scheduled(WindowId),
    /// So many statuses will follow.
    Reconciling(u64),
    /// An operator's read.
    Read(Box<ReadAnswer>),
}

/// An operator's read.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is the response message of the same name")]
pub enum ReadAnswer {
    Cluster(v1::GetClusterResponse),
    Agent(v1::GetAgentResponse),
    Agents(v1::ListAgentsResponse),
    Framework(v1::GetFrameworkResponse),
    Frameworks(v1::ListFrameworksResponse),
    Task(v1::GetTaskResponse),
    Tasks(v1::ListTasksResponse),
    Groups(v1::ListGroupsResponse),
    Offers(v1::ListOffersResponse),
    Windows(v1::ListMaintenanceResponse),
    Roles(v1::ListRolesResponse),
    Why(v1::WhyResponse),
    Demands(v1::ListDemandsResponse),
    Reservations(v1::ListReservationsResponse),
    Volumes(v1::ListVolumesResponse),
}

impl ReadAnswer {
    /// How many rows it has, to be charged to readers; at least one.
    pub fn rows(&self) -> usize {
        let rows = match self {
            Self::Agents(answer) => answer.agents.len(),
            Self::Frameworks(answer) => answer.frameworks.len(),
            Self::Tasks(answer) => answer.tasks.len(),
            Self::Groups(answer) => answer.groups.len(),
            Self::Offers(answer) => answer.offers.len(),
            Self::Windows(answer) => answer.windows.len(),
            Self::Reservations(answer) => answer.reservations.len(),
            Self::Volumes(answer) => answer.volumes.len(),
            Self::Roles(answer) => answer.roles.len(),
            Self::Demands(answer) => answer.demands.len(),
            Self::Cluster(_) | Self::Agent(_) | Self::Framework(_) | Self::Task(_) => 1,
            Self::Why(_) => 1,
        };
        rows.max(1)
    }
}

/// Effects of one turn, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    effects: Vec<Effect>,
}

impl Outbox {
    /// Adds an effect after all others.
    pub fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Takes everything, in order.
    pub fn drain(&mut self) -> std::vec::Drain<'_, Effect> {
        self.effects.drain(..)
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }

    /// A reply.
    pub fn reply(&mut self, call: CallId, answer: Result<Answer, Refusal>) {
        self.push(Effect::Reply { call, answer });
    }
}
