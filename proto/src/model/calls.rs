//! What is said between frameworks, masters and agents, after validation.
//!
//! Both ends use these types: a client writes a call and reads events, the master the reverse.

use super::{
    agent::{AgentInfo, AgentTask},
    agent_life::AgentNotice,
    decline::DeclineFilter,
    demand::StatedDemand,
    framework::FrameworkInfo,
    ids::{
        AgentId, ClusterId, DemandId, FrameworkId, GroupId, OfferId, OwnerId, RequestId, TaskId,
        TaskKey,
    },
    inverse::{InverseAnswer, InverseOffer, InverseOfferId},
    masters::Masters,
    offer::Offer,
    operation::Operation,
    preemption::PreemptionNotice,
    refusal::Refusal,
    resources::Resources,
    role::Role,
    shared::{AgentVersion, ConflictDetection, SharedState},
    status::{StatusReason, TaskStatus},
    task::TaskInfo,
    task_group::TaskGroup,
    time::Duration,
    volume::{VolumeAction, VolumeInfo, VolumeKey, VolumeReport},
};
use std::collections::BTreeMap;

/// Which framework, and which of its instances, speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    /// The framework.
    pub framework: FrameworkId,
    /// Grows with each subscription; an older one is fenced.
    pub epoch: u64,
}

/// Opens a framework's event stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The framework's description.
    pub info: FrameworkInfo,
    /// The framework to take over; `None` makes a new one.
    pub framework: Option<FrameworkId>,
    /// Makes the creation of a new framework safe to retry.
    pub request: RequestId,
    /// Roles that want no offers yet.
    pub suppressed: Vec<Role>,
}

/// What a subscribed framework may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchedulerCall {
    /// Use what was offered.
    Accept {
        /// Offers used up by this, of one role.
        offers: Vec<OfferId>,
        /// What to do, in this order; may be empty, which declines.
        operations: Vec<Operation>,
        /// Each operation by itself, instead of all or none.
        partial: bool,
        /// How long not to offer the rest again, and why.
        refuse: DeclineFilter,
        /// Makes it safe to retry.
        request: Option<RequestId>,
    },
    /// Take what is shown in a shared role.
    Commit {
        /// The role.
        role: Role,
        /// What to do, in this order; at least one.
        operations: Vec<Operation>,
        /// Each operation by itself, instead of all or none.
        partial: bool,
        /// What counts as a conflict.
        detection: ConflictDetection,
        /// The versions of agents that it was decided on; of all of them when detection is coarse.
        decided_on: BTreeMap<AgentId, AgentVersion>,
        /// Makes it safe to retry.
        request: Option<RequestId>,
    },
    /// Hand offers back.
    Decline {
        /// The offers.
        offers: Vec<OfferId>,
        /// How long not to offer the same again, and why.
        refuse: DeclineFilter,
    },
    /// End a task.
    Kill {
        /// Which.
        task: TaskId,
        /// Overrides the task's own grace period.
        grace_period: Option<Duration>,
    },
    /// End a task group.
    KillGroup {
        /// Which.
        group: GroupId,
        /// Overrides each task's own grace period.
        grace_period: Option<Duration>,
    },
    /// Updates that were dealt with, each with all earlier ones of its task.
    Acknowledge {
        /// Task and sequence number.
        acknowledgements: Vec<(TaskId, u64)>,
    },
    /// Ask for the latest status of these tasks; of all that live when empty.
    Reconcile {
        /// The tasks.
        tasks: Vec<TaskId>,
    },
    /// No more offers for these roles; for all when empty.
    Suppress {
        /// The roles.
        roles: Vec<Role>,
    },
    /// Offers again for these roles, filters cleared; for all when empty.
    Revive {
        /// The roles.
        roles: Vec<Role>,
    },
    /// Take the filters of these roles out, of all when empty; what is suppressed stays so.
    ClearFilters {
        /// The roles.
        roles: Vec<Role>,
    },
    /// Answer inverse offers.
    AnswerInverse {
        /// Which.
        offers: Vec<InverseOfferId>,
        /// What is said to all of them.
        answer: InverseAnswer,
    },
    /// End the framework and all of its tasks.
    Teardown,
    /// Describe it anew; a role in which tasks run cannot be left out.
    UpdateFramework {
        /// The description.
        info: FrameworkInfo,
    },
    /// Say what is wanted in a role, instead of all that was said before.
    StateDemand {
        /// The role.
        role: Role,
        /// What; `None` means plain offers of whatever there is.
        demands: Option<Vec<StatedDemand>>,
    },
}

/// What a framework hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchedulerEvent {
    /// First on every stream.
    Subscribed {
        /// Who the framework is and which instance this is.
        session: Session,
        /// A stream that is silent for several of these is dead.
        heartbeat_interval: Duration,
        /// The cluster.
        cluster: ClusterId,
        /// The leader's term; 0 of one that does not say.
        term: u64,
    },
    /// Resources to use or decline.
    Offers(Vec<Offer>),
    /// Offers that are no longer valid.
    Rescind(Vec<OfferId>),
    /// A task's status; acknowledge it when its sequence is not 0.
    Update(TaskStatus),
    /// An agent was lost.
    Failure {
        /// Which.
        agent: AgentId,
        /// For good, or only out of contact.
        removed: bool,
    },
    /// What is to become of agents that run tasks of the framework.
    AgentNotice {
        /// Which.
        agents: Vec<AgentId>,
        /// What.
        notice: AgentNotice,
        /// What the framework is asked because of it.
        inverse_offers: Vec<InverseOffer>,
        /// Inverse offers that are over by it.
        rescinded: Vec<InverseOfferId>,
    },
    /// The pieces of a gang could not be had together in time; the demand is no longer stated.
    DemandFailed {
        /// The role that it was stated in.
        role: Role,
        /// Which.
        demand: DemandId,
    },
    /// What is free in a shared role.
    SharedState(SharedState),
    /// Tasks of the framework will be ended for work of a higher priority.
    PreemptionNotice(PreemptionNotice),
    /// A volume that concerns the framework is another; gone, when its state says so.
    VolumeUpdate(Box<VolumeInfo>),
    /// Nothing happened.
    Heartbeat,
    /// Where masters answer, after the subscription and whenever it changes.
    Masters(Masters),
    /// The last event of a stream.
    Error(Refusal),
}

/// What an agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentCall {
    /// First on every stream.
    Register {
        /// The agent.
        info: AgentInfo,
        /// Made with the journal; another one means that all tasks are gone.
        incarnation: u64,
        /// Every task in its journal.
        tasks: Vec<AgentTask>,
        /// Every volume that it has, with its data.
        volumes: Vec<VolumeKey>,
    },
    /// Still here.
    Heartbeat,
    /// News of a task, with the agent's own sequence number.
    Update {
        /// Whose task.
        framework: FrameworkId,
        /// The news.
        status: TaskStatus,
    },
    /// What became of an order about a volume.
    Volume(VolumeReport),
}

/// What an agent is told; each carries the sender's term beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The registration is committed.
    Registered {
        /// How often to send heartbeats.
        heartbeat_interval: Duration,
        /// The cluster.
        cluster: ClusterId,
    },
    /// The master is still here.
    Heartbeat,
    /// Run this; a no-op when the journal holds it already.
    Launch {
        /// Whose task.
        framework: FrameworkId,
        /// Who may read its sandbox besides operators; `None` is nobody.
        owner: Option<OwnerId>,
        /// The task.
        task: Box<TaskInfo>,
    },
    /// Run this group; a no-op when the journal holds any of its tasks already.
    LaunchGroup {
        /// Whose group.
        framework: FrameworkId,
        /// Who may read its sandboxes besides operators; `None` is nobody.
        owner: Option<OwnerId>,
        /// The group.
        group: Box<TaskGroup>,
    },
    /// End this; a no-op when it has ended.
    Kill {
        /// Which task.
        key: TaskKey,
        /// Overrides the task's own.
        grace_period: Option<Duration>,
        /// Why.
        reason: StatusReason,
    },
    /// Give it another size; a no-op when that version was dealt with.
    Resize {
        /// Which task.
        key: TaskKey,
        /// All that it is to hold.
        resources: Resources,
        /// Counts the task's sizes.
        version: u64,
    },
    /// Do this about a volume; of a version that was dealt with, say again what became of it.
    Volume {
        /// Which.
        key: VolumeKey,
        /// Counts what was ordered about the volume, from 1.
        version: u64,
        /// What.
        action: VolumeAction,
    },
    /// The update is committed and may be forgotten.
    Committed {
        /// Which task.
        key: TaskKey,
        /// Which update, and with it all earlier ones.
        sequence: u64,
    },
    /// Where masters answer, after the registration and whenever it changes.
    Masters(Masters),
    /// The last message of a stream.
    Refused(Refusal),
}

impl SchedulerCall {
    /// What an accept or a commit does, and whether each by itself.
    pub fn operations(&self) -> Option<(&[Operation], bool)> {
        match self {
            SchedulerCall::Accept { operations, partial, .. }
            | SchedulerCall::Commit { operations, partial, .. } => Some((operations, *partial)),
            _ => None,
        }
    }
}
