//! Every fact that applying a command can make, in the order in which it became true.
//!
//! Facts name rows; whoever needs more looks into the ledger. They are made on every replica and
//! used by the leader (messages, allocator's view) and by watchers everywhere.

use super::LogVersion;
use proto::model::{
    AgentId, FrameworkId, GroupKey, Instant, OperationResult, ReservationId, Role, TaskKey,
    TaskStatus, VolumeId, VolumeInfo, WallTime, WindowId,
};

/// Where and when a command was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Log index of its entry.
    pub index: u64,
    /// Term of its entry.
    pub term: u64,
    /// On the cluster's clock; never goes back.
    pub time: Instant,
    /// For people.
    pub wall: WallTime,
}

/// One fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The first entry of this term is applied.
    BarrierPassed {
        /// The term.
        term: u64,
    },
    /// The masters are others, or elsewhere.
    MembersChanged,
    /// Commands may need this version of the log from now on.
    VersionRaised(LogVersion),
    /// An agent is registered (new, back, or with changed resources).
    AgentRegistered(AgentId),
    /// An agent is out of contact.
    AgentUnreachable(AgentId),
    /// An agent is gone for good.
    AgentRemoved(AgentId),
    /// An agent takes no new tasks from now on.
    AgentDeactivated(AgentId),
    /// An agent takes new tasks again, unless something else keeps it from it; or a window that it
    /// was to be away for will not be.
    AgentReactivated(AgentId),
    /// An agent is being emptied, or by another plan than before.
    AgentDraining(AgentId),
    /// A draining agent runs nothing any longer.
    AgentDrained(AgentId),
    /// A maintenance window is planned.
    WindowScheduled(WindowId),
    /// A maintenance window has begun.
    WindowStarted(WindowId),
    /// A maintenance window is over, or will not be; its row is gone.
    WindowEnded(WindowId),
    /// A reservation was made, is another, or is gone; then its row is.
    ReservationChanged {
        /// Which.
        reservation: ReservationId,
        /// Of which agent.
        agent: AgentId,
    },
    /// A volume was made, is another, or is gone, as its state says: then its row is.
    VolumeChanged(Box<VolumeInfo>),
    /// What operators say of a role is another: its weight, its quota or a setting.
    RoleChanged(Role),
    /// A task is to get another size, or has got it or not.
    TaskResized(TaskKey),
    /// A framework describes itself differently.
    FrameworkUpdated(FrameworkId),
    /// An agent's journal holds a task that the ledger does not have there: end it.
    AgentTaskUnknown {
        /// Where.
        agent: AgentId,
        /// Which.
        key: TaskKey,
    },
    /// A framework is subscribed under a new epoch.
    FrameworkSubscribed(FrameworkId),
    /// A framework lost its connection.
    FrameworkDisconnected(FrameworkId),
    /// A framework has ended.
    FrameworkRemoved(FrameworkId),
    /// A task exists and is to be launched.
    TaskAdded(TaskKey),
    /// A task group exists and is to be launched; its tasks were added just before.
    GroupAdded(GroupKey),
    /// A task's status changed. It waits for acknowledgement unless its framework has ended.
    TaskUpdated {
        /// Whose.
        framework: FrameworkId,
        /// The new status, with the ledger's sequence number.
        status: TaskStatus,
        /// The task's resources became free with this.
        freed: bool,
    },
    /// A task gives way to work of a higher priority.
    TaskPreempted(TaskKey),
    /// A task is to be ended.
    KillRequested(TaskKey),
    /// An agent's update is recorded (or known, or of no interest): the agent may forget it.
    UpdateCommitted {
        /// Which agent.
        agent: AgentId,
        /// Which task.
        key: TaskKey,
        /// The agent's sequence number.
        sequence: u64,
    },
    /// A task's updates up to this one are acknowledged.
    UpdatesAcknowledged {
        /// Which task.
        key: TaskKey,
        /// The ledger's sequence number.
        sequence: u64,
    },
    /// An ended task's row is forgotten, by itself or with its framework.
    TaskForgotten(TaskKey),
}

/// What became of a command, for whoever waits for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// Done, nothing to say.
    Done,
    /// Which framework, under which epoch.
    Subscribed {
        /// The framework.
        framework: FrameworkId,
        /// Its epoch.
        epoch: u64,
    },
    /// An accept is done.
    Accepted {
        /// What became of each operation; in a partial accept some may be refused.
        results: Vec<OperationResult>,
        /// On whose share.
        role: Role,
    },
    /// The resources are reserved.
    Reserved(ReservationId),
    /// The volume is ordered of its agent.
    VolumeCreating(VolumeId),
    /// The maintenance window is planned.
    Scheduled(WindowId),
    /// Nothing changed: a call with the same request id had these results before.
    AnsweredBefore(Vec<OperationResult>),
}
