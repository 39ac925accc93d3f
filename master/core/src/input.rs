//! Everything that can happen to a master.

use crate::ledger::{AgentState, FrameworkState, LogVersion};
use proto::model::{
    AgentCall, AgentDirective, AgentId, DemandId, Duration, FrameworkId, GroupId, GroupKey,
    GroupState, Instant, MasterInfo, Milli, NodeId, Principal, Quota, RequestId, ReservationId,
    ReservationPlan, Role, RoleSettingsChange, SchedulerCall, Selector, Session, Subscribe, TaskId,
    TaskKey, TaskState, Unreserve, VolumeId, VolumePlan, VolumeResize, WallTime, WatchFilter,
    WindowId, WindowPlan,
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
        /// Whether it may not vote yet.
        joining: bool,
        /// The newest version of the log that it can read, or wants to.
        version: LogVersion,
    },
    /// The connection over which a member spoke has ended: nothing more comes over it.
    PeerGone {
        /// Who.
        from: NodeId,
    },
    /// A snapshot that a leader streamed is complete and on disk, not yet part of the state.
    PeerSnapshot {
        /// The message that announced it, without data.
        message: Message,
        /// What it holds.
        ledger: Box<crate::Ledger>,
    },
    /// A member says that this one was removed.
    Removed,
    /// Somebody wants a snapshot that holds everything applied so far.
    TakeSnapshot,
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
    /// An operator's call, or a framework's that reads what is its own.
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
        /// Which of them.
        filter: WatchFilter,
    },
    /// Everything that was sent on a stream before [`crate::Effect::TellWhenRead`] has been taken
    /// from its queue.
    StreamRead(StreamId),
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

/// Which agents a listing shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentFilter {
    /// Those in these states; all when empty.
    pub states: Vec<AgentState>,
    /// Those with this id, host name or attributes.
    pub selector: Option<Selector>,
}

/// Which task groups a listing shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupFilter {
    /// Those of this framework.
    pub framework: Option<FrameworkId>,
    /// Those with this id.
    pub group: Option<GroupId>,
    /// Those on this agent.
    pub agent: Option<AgentId>,
    /// Those in these states; all when empty.
    pub states: Vec<GroupState>,
}

/// Which frameworks a listing shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FrameworkFilter {
    /// Those in these states; all when empty.
    pub states: Vec<FrameworkState>,
    /// Those that are in this role or in one below it.
    pub role: Option<Role>,
}

/// Of whom it is asked why it gets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhyQuery {
    /// Who.
    pub subject: WhySubject,
    /// Only in this role.
    pub role: Option<Role>,
}

/// Who gets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhySubject {
    /// A framework.
    Framework(FrameworkId),
    /// A demand; without a framework, those of whoever has stated one of this id.
    Demand {
        /// Whose.
        framework: Option<FrameworkId>,
        /// Which.
        demand: DemandId,
    },
    /// The framework of a task, in the task's role.
    Task {
        /// Whose; not needed when the task's id is unique.
        framework: Option<FrameworkId>,
        /// Which.
        task: TaskId,
    },
}

/// What an operator may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorCall {
    /// Members, term, counts.
    GetCluster,
    /// One agent.
    GetAgent(AgentId),
    /// Agents by id.
    ListAgents {
        /// Which rows.
        page: Page,
        /// Only these.
        filter: AgentFilter,
    },
    /// One framework.
    GetFramework(FrameworkId),
    /// Frameworks by id.
    ListFrameworks {
        /// Which rows.
        page: Page,
        /// Only these.
        filter: FrameworkFilter,
    },
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
        /// Only in this role and those below it.
        role: Option<Role>,
    },
    /// One of the listings above, as far as whoever is asked knows: a leader answers as always,
    /// another member from what it has applied.
    Stale(Box<OperatorCall>),
    /// Live offers by id.
    ListOffers(Page),
    /// Roles by name.
    ListRoles(Page),
    /// Drain an agent, and the like.
    DirectAgent {
        /// Which.
        agent: AgentId,
        /// What.
        directive: AgentDirective,
    },
    /// End a framework and all of its tasks.
    TeardownFramework(FrameworkId),
    /// Plan a maintenance window.
    ScheduleMaintenance(WindowPlan),
    /// Windows that have not ended, by id.
    ListMaintenance(Page),
    /// A window will not be, or is over.
    CancelMaintenance(WindowId),
    /// What a role weighs from now on; `None` means what the configuration says.
    SetWeight {
        /// Which.
        role: Role,
        /// Its weight.
        weight: Option<Milli>,
    },
    /// What a role is promised and may use from now on.
    SetQuota {
        /// Which.
        role: Role,
        /// All of it.
        quota: Quota,
        /// Also when the agents cannot hold what is promised.
        force: bool,
    },
    /// A role is promised nothing and has no limit any longer.
    RemoveQuota(Role),
    /// How a role is served from now on.
    ConfigureRole {
        /// Which.
        role: Role,
        /// What of its settings changes.
        change: RoleSettingsChange,
    },
    /// Why somebody gets nothing.
    Why(WhyQuery),
    /// Reservations by id.
    ListReservations {
        /// Which rows.
        page: Page,
        /// Only of this agent.
        agent: Option<AgentId>,
        /// Only of this role and those below it.
        role: Option<Role>,
    },
    /// Keep resources for a role.
    Reserve(ReservationPlan),
    /// Keep them no longer.
    Unreserve(Unreserve),
    /// Keep them for another role.
    MoveReservation {
        /// Which.
        reservation: ReservationId,
        /// For whom.
        role: Role,
    },
    /// Volumes by id.
    ListVolumes {
        /// Which rows.
        page: Page,
        /// Only of this agent.
        agent: Option<AgentId>,
        /// Only of this role and those below it.
        role: Option<Role>,
        /// Only this one.
        volume: Option<VolumeId>,
    },
    /// Make a volume out of what is free of a reservation.
    CreateVolume(VolumePlan),
    /// Give a volume a larger size.
    GrowVolume(VolumeResize),
    /// Give a volume a smaller size.
    ShrinkVolume(VolumeResize),
    /// Delete a volume with its data.
    DestroyVolume(VolumeId),
    /// One of the calls about reservations and volumes, done once however often it is repeated
    /// under this id.
    Once {
        /// Chosen by the operator.
        request: RequestId,
        /// What is asked.
        call: Box<OperatorCall>,
    },
    /// What frameworks have stated that they want.
    ListDemands {
        /// Which rows.
        page: Page,
        /// Only this framework's.
        framework: Option<FrameworkId>,
    },
    /// End a task.
    KillTask {
        /// Which.
        key: TaskKey,
        /// Overrides the task's own.
        grace_period: Option<Duration>,
    },
    /// End a task group.
    KillGroup {
        /// Which.
        key: GroupKey,
        /// Overrides each task's own.
        grace_period: Option<Duration>,
    },
    /// Task groups.
    ListGroups {
        /// Which rows.
        page: Page,
        /// Which of them.
        filter: GroupFilter,
    },
    /// Add a master, as a learner at first.
    AddMaster(MasterInfo),
    /// Remove a master for good.
    RemoveMaster(NodeId),
    /// Add a master that takes the place of another.
    ReplaceMaster {
        /// Whose place.
        old: NodeId,
        /// Who takes it.
        info: MasterInfo,
    },
    /// Hand leadership over, to this one or to the best.
    TransferLeadership(Option<NodeId>),
}
