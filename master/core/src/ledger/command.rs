//! Every command that can be committed, with all that applying it needs: ids, times and request
//! ids were fixed by the leader, so that every replica does the same.

use super::{Asked, LogVersion, MemberChange, OperatorChange, Preemption};
use proto::model::{
    AgentDirective, AgentId, AgentInfo, Duration, FrameworkId, FrameworkInfo, Milli, Operation,
    Quota, Refusal, RequestId, ReservationId, ReservationPlan, Role, RoleSettingsChange, Session,
    StatusReason, TaskId, TaskInfo, TaskKey, TaskStatus, Unreserve, VolumeKey, VolumePlan,
    VolumeRef, VolumeReport, VolumeResize, WindowId, WindowPlan, agent::AgentTask,
};

/// An operation of an accept; or, of a partial one that asks here for what was not offered, the
/// refusal, so that it is remembered with the results of the others.
pub type Proposed = Result<Operation, Refusal>;

/// One change that is asked of the ledger.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// First entry of a leader's term.
    Barrier {
        /// The term.
        term: u64,
    },
    /// The masters are others.
    ChangeMembers(MemberChange),
    /// Every member can read this version of the log.
    RaiseVersion(LogVersion),
    /// An agent came, or came back.
    RegisterAgent {
        /// What it says of itself.
        info: AgentInfo,
        /// Of its journal.
        incarnation: u64,
        /// What its journal holds.
        tasks: Vec<AgentTask>,
        /// Every volume whose data are there.
        volumes: Vec<VolumeKey>,
    },
    /// An agent missed its heartbeats.
    MarkAgentUnreachable {
        /// Which.
        agent: AgentId,
        /// Of which journal.
        incarnation: u64,
    },
    /// An unreachable agent is given up.
    RemoveAgent {
        /// Which.
        agent: AgentId,
        /// Of which journal.
        incarnation: u64,
    },
    /// What an operator directs about an agent.
    DirectAgent {
        /// Which.
        agent: AgentId,
        /// What.
        directive: AgentDirective,
    },
    /// End what tasks of a draining agent may be ended now; computed anew when it is applied.
    AdvanceDrain {
        /// Which.
        agent: AgentId,
    },
    /// Plan a maintenance window.
    ScheduleWindow(WindowPlan),
    /// Begin or end a maintenance window, whichever is due; checked again.
    TurnWindow(WindowId),
    /// A maintenance window will not be, or is over.
    CancelWindow(WindowId),
    /// A framework describes itself anew.
    UpdateFramework {
        /// Which.
        session: Session,
        /// What it says of itself.
        info: FrameworkInfo,
    },
    /// A framework came, or came back.
    SubscribeFramework {
        /// What it says of itself.
        info: FrameworkInfo,
        /// Which one it takes over.
        framework: Option<FrameworkId>,
        /// Who owns it: the id in the certificate.
        principal: String,
        /// Finds the framework that a lost answer created.
        request: RequestId,
    },
    /// A framework's stream ended: its failover timeout starts.
    DisconnectFramework(Session),
    /// A framework ends for good.
    RemoveFramework {
        /// Which, and as of which instance.
        session: Session,
        /// Because its failover timeout passed; checked again.
        expired: bool,
    },
    /// Use what was offered.
    Accept {
        /// For whom.
        session: Session,
        /// On whose share.
        role: Role,
        /// Finds the answer again.
        request: Option<RequestId>,
        /// What to do, in this order.
        operations: Vec<Proposed>,
        /// Each operation by itself, instead of all or none.
        partial: bool,
        /// Of revocable offers: only what is revocable itself may use them.
        revocable: bool,
    },
    /// End a task.
    KillTask {
        /// Which.
        key: TaskKey,
        /// Overrides the task's own.
        grace_period: Option<Duration>,
        /// Who asked.
        reason: StatusReason,
    },
    /// Tasks give way to a demand of a higher priority, all or none.
    Preempt(Preemption),
    /// Of tasks that give way, those whose notice is over are told to end; checked again.
    EndPreempted {
        /// Which.
        tasks: Vec<TaskKey>,
    },
    /// An agent's news of a task.
    RecordUpdate {
        /// Whose news.
        agent: AgentId,
        /// Of which journal.
        incarnation: u64,
        /// Whose task.
        framework: FrameworkId,
        /// The news, with the agent's sequence number.
        status: TaskStatus,
    },
    /// What a role weighs from now on.
    SetWeight {
        /// Which.
        role: Role,
        /// `None` means what the configuration says.
        weight: Option<Milli>,
    },
    /// What a role is promised and may use from now on.
    SetQuota {
        /// Which.
        role: Role,
        /// All of it; what it replaces is gone.
        quota: Quota,
        /// Also when the agents cannot hold what is promised.
        force: bool,
    },
    /// A role is promised nothing and has no limit any longer.
    RemoveQuota {
        /// Which.
        role: Role,
    },
    /// How a role is served from now on.
    ConfigureRole {
        /// Which.
        role: Role,
        /// What of its settings changes.
        change: RoleSettingsChange,
    },
    /// An operator says something about reservations.
    ChangeReservations(ReservationChange),
    /// An operator says something about volumes.
    ChangeVolumes(VolumeChange),
    /// An operator says either under a request id: what was said before is only answered.
    ChangeOnce {
        /// By whom, and under which.
        asked: Asked,
        /// What.
        change: OperatorChange,
    },
    /// An agent's news of a volume.
    RecordVolume {
        /// Whose news.
        agent: AgentId,
        /// Of which journal.
        incarnation: u64,
        /// The news.
        report: VolumeReport,
    },
    /// Updates that a framework has dealt with.
    Acknowledge {
        /// Which framework.
        session: Session,
        /// Task and sequence number.
        acknowledgements: Vec<(TaskId, u64)>,
    },
}

/// What an operator does about reservations; frameworks do it by operations of an accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationChange {
    /// Keeps resources for a role.
    Reserve {
        /// What, and for whom.
        plan: ReservationPlan,
        /// Who asks: the id in the certificate.
        owner: String,
    },
    /// Gives up what is reserved.
    Unreserve(Unreserve),
    /// Gives a reservation to another role.
    Move {
        /// Which.
        reservation: ReservationId,
        /// To whom.
        role: Role,
    },
}

/// What an operator does about volumes; frameworks do it by operations of an accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeChange {
    /// Makes one.
    Create {
        /// What.
        plan: VolumePlan,
        /// Who asks: the id in the certificate.
        owner: String,
    },
    /// Gives one a larger size.
    Grow(VolumeResize),
    /// Gives one a smaller size.
    Shrink(VolumeResize),
    /// Deletes one with its data.
    Destroy(VolumeRef),
}

impl Command {
    /// An accept that launches tasks, all or none, and does nothing else.
    pub fn launch(
        session: Session,
        role: Role,
        request: Option<RequestId>,
        tasks: Vec<TaskInfo>,
    ) -> Command {
        let operations = vec![Ok(Operation::Launch { tasks })];
        Command::Accept { session, role, request, operations, partial: false, revocable: false }
    }

    /// Whether it takes devices by name.
    pub(super) fn takes_devices(&self) -> bool {
        let Command::Accept { operations, .. } = self else { return false };
        operations.iter().any(|operation| match operation {
            Ok(Operation::Launch { tasks }) => {
                tasks.iter().any(|task| task.resources.has_devices())
            }
            Ok(Operation::LaunchGroup(group)) => {
                group.tasks().any(|task| task.resources.has_devices())
            }
            Ok(Operation::Resize(resize)) => resize.resources.has_devices(),
            // What came later than devices did.
            Ok(
                Operation::Reserve(_)
                | Operation::Unreserve(_)
                | Operation::MoveReservation { .. }
                | Operation::CreateVolume(_)
                | Operation::GrowVolume(_)
                | Operation::ShrinkVolume(_)
                | Operation::DestroyVolume(_),
            )
            | Err(_) => false,
        })
    }

    /// The tasks of an accept that launches them all or none and does nothing else.
    pub(super) fn as_launch(&self) -> Option<&[TaskInfo]> {
        match self {
            Command::Accept { operations, partial: false, .. } => match operations.as_slice() {
                [Ok(Operation::Launch { tasks })] => Some(tasks),
                _ => None,
            },
            _ => None,
        }
    }
}
