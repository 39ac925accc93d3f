//! Everything that can happen to a master.

use proto::model::{
    AgentCall, AgentId, Duration, FrameworkId, Instant, NodeId, Principal, SchedulerCall, Session,
    Subscribe, TaskId, TaskKey, TaskState, WallTime,
};
use raft::eraftpb::Message;

/// What time it is, as far as the core is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// The process's monotonic clock: the only one that decides anything.
    pub monotonic: Instant,
    /// For people.
    pub wall: WallTime,
}

/// Names one call that waits for a reply; made by the shell, never reused in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// Names one open stream; made by the shell, never reused in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// [`crate::Config::tick`] has passed.
    Tick,
    /// A raft message from a member. The shell has checked the sender's certificate and cluster.
    Peer(Message),
    /// A member was heard of; `blank` as in `PeerFrame`.
    PeerSeen {
        /// Who.
        from: NodeId,
        /// Whether its log holds nothing yet.
        blank: bool,
    },
    /// A snapshot that a leader streamed is complete and on disk, not yet part of the state.
    PeerSnapshot {
        /// The message that announced it, without data.
        message: Message,
        /// What it holds.
        ledger: Box<crate::Ledger>,
    },
    /// A member could not be reached, or the snapshot streamed to it arrived or failed.
    PeerDelivery {
        /// To whom.
        to: NodeId,
        /// How it went.
        delivery: Delivery,
    },
    /// Every [`crate::outbox::Persist`] up to this number is on disk.
    Persisted(u64),
    /// The snapshot of [`crate::Effect::WriteSnapshot`] is on disk under its final name.
    SnapshotWritten {
        /// Its log index.
        index: u64,
    },
    /// A framework opens its stream.
    FrameworkSubscribe {
        /// Where its events go; the first one, or the refusal, answers the call.
        stream: StreamId,
        /// Who calls.
        principal: Principal,
        /// What it asks.
        subscribe: Subscribe,
    },
    /// A framework's call.
    FrameworkCall {
        /// Where the reply goes.
        call: CallId,
        /// Who calls.
        principal: Principal,
        /// For which framework and instance.
        session: Session,
        /// What it asks.
        request: SchedulerCall,
    },
    /// An agent's message; the first on its stream must be a registration.
    AgentMessage {
        /// Its stream.
        stream: StreamId,
        /// Who sent it.
        principal: Principal,
        /// What it says.
        message: AgentCall,
    },
    /// An operator's call.
    OperatorCall {
        /// Where the reply goes.
        call: CallId,
        /// Who calls.
        principal: Principal,
        /// What it asks.
        request: OperatorCall,
    },
    /// An operator watches the cluster's events.
    OperatorWatch {
        /// Where they go.
        stream: StreamId,
        /// Who watches.
        principal: Principal,
        /// Resume after this one.
        after: Option<u64>,
    },
    /// A stream of any kind has ended.
    StreamClosed(StreamId),
}

/// How a delivery to a member went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// No connection: raft is to probe instead of streaming.
    Unreachable,
    /// A snapshot arrived.
    SnapshotDone,
    /// A snapshot did not arrive.
    SnapshotFailed,
}

/// Which rows of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// At most this many, 1 to [`proto::model::limits::PAGE_ROWS_MAX`].
    pub size: u32,
    /// The last row of the page before.
    pub after: Option<String>,
}

/// What an operator may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorCall {
    /// Members, term, counts.
    GetCluster,
    /// One agent.
    GetAgent(AgentId),
    /// Agents by id.
    ListAgents(Page),
    /// One framework.
    GetFramework(FrameworkId),
    /// Frameworks by id.
    ListFrameworks(Page),
    /// One task; without a framework when its id is unique.
    GetTask {
        /// Whose.
        framework: Option<FrameworkId>,
        /// Which.
        task: TaskId,
    },
    /// Tasks by framework and id.
    ListTasks {
        /// Which rows.
        page: Page,
        /// Only this framework's.
        framework: Option<FrameworkId>,
        /// Only on this agent.
        agent: Option<AgentId>,
        /// Only in these states; all when empty.
        states: Vec<TaskState>,
    },
    /// Live offers by id.
    ListOffers(Page),
    /// Roles by name.
    ListRoles(Page),
    /// End a task.
    KillTask {
        /// Which.
        key: TaskKey,
        /// Overrides the task's own.
        grace_period: Option<Duration>,
    },
}
