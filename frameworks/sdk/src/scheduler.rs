//! What an author writes: events in, calls out, nothing else.
//!
//! A scheduler is a plain value with one method. It reads no clock (the time is an argument), does
//! no I/O and draws no entropy, so that the same code runs under the driver, in the simulator and
//! in a unit test that just calls [`Scheduler::handle`].

use crate::model::{
    AgentId, AgentNotice, AgentVersion, ClusterId, ConflictDetection, DeclineFilter, DemandId,
    Duration, FrameworkId, FrameworkInfo, GroupId, Instant, InverseAnswer, InverseOffer,
    InverseOfferId, Offer, OfferId, Operation, OperationResult, PreemptionNotice, Refusal, Resize,
    Resources, Role, SchedulerCall, SharedState, StatedDemand, TaskGroup, TaskId, TaskInfo,
    TaskStatus, VolumeInfo, limits,
};
use std::{collections::BTreeMap, fmt};

/// Decides what runs where.
pub trait Scheduler {
    /// One thing happened. What is to be done about it goes to `calls`.
    fn handle(&mut self, now: Instant, event: Event, calls: &mut Calls);
}

/// Names one call of a scheduler; its answer carries it. Never used twice by one driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The cluster knows this framework. Comes again after each [`Event::Disconnected`].
    Subscribed {
        /// Its id: what another process needs in order to take it over.
        framework: FrameworkId,
        /// The cluster.
        cluster: ClusterId,
        /// Whether this is the first time in this process.
        is_first: bool,
    },
    /// The connection is lost and a new one is being made. Offers that are held are void; tasks
    /// run on; calls that were not answered will be.
    Disconnected,
    /// Resources to use or decline.
    Offers(Vec<Offer>),
    /// Offers that are void.
    Rescinded(Vec<OfferId>),
    /// News of a task, each piece once. After a terminal state nothing more comes for the task.
    /// Sequence 0 answers a reconciliation.
    Update(TaskStatus),
    /// An agent was lost; updates for its tasks come separately.
    AgentLost {
        /// Which.
        agent: AgentId,
        /// For good, or only out of contact.
        is_removed: bool,
    },
    /// What is to become of agents that run tasks of this framework. Nothing has to be done about
    /// it: tasks that the cluster ends come back as [`Event::Update`] with
    /// [`crate::model::StatusReason::AgentDraining`]. Whoever wants to move them itself has until
    /// the deadline, if its disruption budget says so. Operators are shown what is said to inverse
    /// offers: see [`Calls::accept_inverse`].
    AgentNotice {
        /// Which.
        agents: Vec<AgentId>,
        /// What.
        notice: AgentNotice,
        /// What is asked because of it: to leave each of these agents that will not stay.
        inverse_offers: Vec<InverseOffer>,
        /// Inverse offers that are over by it: withdrawn, or replaced.
        rescinded: Vec<InverseOfferId>,
    },
    /// The pieces of a gang could not be had together in time; it is wanted no longer. State the
    /// demand again to go on waiting.
    DemandFailed {
        /// The role that it was stated in.
        role: Role,
        /// Which.
        demand: DemandId,
    },
    /// What is free in a shared role: the newest state of agents that are seen differently than
    /// when they were last shown. [`crate::CellState`] keeps it. After each [`Event::Subscribed`]
    /// it begins anew. Take of it with [`Calls::commit`].
    SharedState(SharedState),
    /// Tasks will be ended for work of a higher priority, at the deadline; they come back as
    /// [`Event::Update`] with [`crate::model::StatusReason::Preempted`]. Nothing has to be done
    /// about it: whoever asked for the notice may let them write down how far they are.
    PreemptionNotice(PreemptionNotice),
    /// A volume of the framework's owner, or of one of its roles or a role above one, is another;
    /// gone, when its state says so. Not repeated after a new [`Event::Subscribed`].
    VolumeUpdate(Box<VolumeInfo>),
    /// An accept, or a commit in a shared role, is committed. Comes before any update of its tasks,
    /// unless it did more than launch tasks all or none: then nothing but the answer itself says
    /// what became of it.
    Accepted {
        /// The accept.
        call: CallId,
        /// What was launched, by all operations together.
        tasks: Vec<TaskId>,
        /// What became of each operation, in order. Only in a partial accept some can be refused.
        results: Vec<OperationResult>,
    },
    /// A reconciliation has begun: so many updates with sequence 0 follow.
    Reconciling {
        /// The reconcile call.
        call: CallId,
        /// How many.
        task_count: u64,
    },
    /// A decline, kill, suppress, revive or statement of demand took effect.
    Done {
        /// The call.
        call: CallId,
    },
    /// A call had no effect at all, and why. Final: what may be tried again as it is, the session
    /// has tried again before it says so.
    Refused {
        /// The call.
        call: CallId,
        /// Why.
        refusal: Refusal,
    },
    /// The time of [`Calls::wake_at`] has come.
    Woken,
    /// Somebody asks the framework to end in good order: see [`Calls::done`].
    StopRequested,
}

/// What a scheduler wants done, in order.
#[derive(Debug, Default)]
pub struct Calls {
    last: u64,
    asked: Vec<(CallId, SchedulerCall)>,
    acknowledgements: Vec<(TaskId, u64)>,
    alarm: Option<Instant>,
    is_done: bool,
}

// === impl Scheduler ===

impl<S: Scheduler + ?Sized> Scheduler for &mut S {
    fn handle(&mut self, now: Instant, event: Event, calls: &mut Calls) {
        (**self).handle(now, event, calls);
    }
}

impl<S: Scheduler + ?Sized> Scheduler for Box<S> {
    fn handle(&mut self, now: Instant, event: Event, calls: &mut Calls) {
        (**self).handle(now, event, calls);
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call-{}", self.0)
    }
}

// === impl Calls ===

impl Calls {
    fn ask(&mut self, call: SchedulerCall) -> CallId {
        self.last += 1;
        let id = CallId(self.last);
        self.asked.push((id, call));
        id
    }

    /// Launches tasks on offers of one role, all or none; the offers are used up, and what the
    /// tasks leave of them is not offered again for `refuse` unless it grows: a time alone, or with
    /// the reason.
    pub fn accept(
        &mut self,
        offers: Vec<OfferId>,
        tasks: Vec<TaskInfo>,
        refuse: impl Into<DeclineFilter>,
    ) -> CallId {
        self.accept_operations(offers, Operation::launch(tasks), false, refuse)
    }

    /// Uses offers of one role for operations, in order: each sees what those before it did. All
    /// are done or none; when `partial`, each is done by itself, and one that is refused does not
    /// stop those behind it. What they leave is not offered again for `refuse` unless it grows.
    pub fn accept_operations(
        &mut self,
        offers: Vec<OfferId>,
        operations: Vec<Operation>,
        partial: bool,
        refuse: impl Into<DeclineFilter>,
    ) -> CallId {
        let refuse = refuse.into();
        self.ask(SchedulerCall::Accept { offers, operations, partial, refuse, request: None })
    }

    /// Launches a task group on offers of its agent, all of it or nothing; see
    /// [`TaskGroup::holds`] for what it takes of them. Its tasks tell of themselves one by one, and
    /// come into being in the order of the group: a sidecar that was ended with it, or a task whose
    /// turn never came, with [`crate::model::StatusReason::GroupEnded`].
    pub fn launch_group(
        &mut self,
        offers: Vec<OfferId>,
        group: TaskGroup,
        refuse: impl Into<DeclineFilter>,
    ) -> CallId {
        self.accept_operations(offers, vec![Operation::LaunchGroup(group)], false, refuse)
    }

    /// Gives a task that runs another size: all that it is to hold, of which only the amounts of
    /// cpus and mem may be others. What it grows by comes from `offers` of its agent and role,
    /// which are used up; to shrink, name none. An update with
    /// [`crate::model::StatusReason::Resized`] or [`crate::model::StatusReason::ResizeFailed`] says
    /// what became of it.
    pub fn resize(
        &mut self,
        offers: Vec<OfferId>,
        task: TaskId,
        resources: Resources,
        refuse: impl Into<DeclineFilter>,
    ) -> CallId {
        let operations = vec![Operation::Resize(Resize { task, resources })];
        self.accept_operations(offers, operations, false, refuse)
    }

    /// Launches tasks on what is shown in a shared role, all or none. Others may have been faster:
    /// then the refusal is [`crate::model::Reason::Conflict`], and what is left is shown soon.
    pub fn commit(&mut self, role: Role, tasks: Vec<TaskInfo>) -> CallId {
        let (operations, none) = (Operation::launch(tasks), BTreeMap::new());
        self.commit_operations(role, operations, false, ConflictDetection::Fine, none)
    }

    /// Takes what is shown in a shared role for operations, in order. All are done or none; when
    /// `partial`, each is done by itself, and one that conflicts does not stop those behind it:
    /// [`Event::Accepted`] says what became of each. Detection is fine (what is taken must be free)
    /// or coarse (nothing may have changed on the agents since the versions that are stated).
    pub fn commit_operations(
        &mut self,
        role: Role,
        operations: Vec<Operation>,
        partial: bool,
        detection: ConflictDetection,
        decided_on: BTreeMap<AgentId, AgentVersion>,
    ) -> CallId {
        let request = None;
        let call =
            SchedulerCall::Commit { role, operations, partial, detection, decided_on, request };
        self.ask(call)
    }

    /// Hands offers back; the same is not offered again for `refuse` unless it grows. A time alone,
    /// or with the reason, which operators are shown.
    pub fn decline(&mut self, offers: Vec<OfferId>, refuse: impl Into<DeclineFilter>) -> CallId {
        let refuse = refuse.into();
        self.ask(SchedulerCall::Decline { offers, refuse })
    }

    /// As [`Calls::decline`], with the cluster's default of five seconds.
    pub fn decline_briefly(&mut self, offers: Vec<OfferId>) -> CallId {
        self.decline(offers, limits::REFUSE_DEFAULT)
    }

    /// Ends a task group; `None` leaves each task the grace period that it was launched with.
    pub fn kill_group(&mut self, group: GroupId, grace_period: Option<Duration>) -> CallId {
        self.ask(SchedulerCall::KillGroup { group, grace_period })
    }

    /// Ends a task, and with it the group that it is of; `None` leaves it the grace period that it
    /// was launched with.
    pub fn kill(&mut self, task: TaskId, grace_period: Option<Duration>) -> CallId {
        self.ask(SchedulerCall::Kill { task, grace_period })
    }

    /// Says that an update, and every earlier one of its task, is dealt with. Needed only with
    /// [`crate::Acknowledgement::Manual`].
    pub fn acknowledge(&mut self, task: TaskId, sequence: u64) {
        self.acknowledgements.push((task, sequence));
    }

    /// Asks for the latest status of these tasks; of all that live when empty.
    pub fn reconcile(&mut self, tasks: Vec<TaskId>) -> CallId {
        self.ask(SchedulerCall::Reconcile { tasks })
    }

    /// No more offers for these roles; for all when empty.
    pub fn suppress(&mut self, roles: Vec<Role>) -> CallId {
        self.ask(SchedulerCall::Suppress { roles })
    }

    /// Offers again for these roles, and whatever was refused too; for all when empty.
    pub fn revive(&mut self, roles: Vec<Role>) -> CallId {
        self.ask(SchedulerCall::Revive { roles })
    }

    /// Forgets what was refused in these roles, in all when empty: it may be offered again at once,
    /// where offers are not suppressed.
    pub fn clear_filters(&mut self, roles: Vec<Role>) -> CallId {
        self.ask(SchedulerCall::ClearFilters { roles })
    }

    /// Says what is wanted in a role, instead of all that was said before: from now on offers are
    /// for that and nothing else ([`Offer::pieces`]). An empty list wants nothing. Counts are
    /// beyond what was launched: each launched task is taken for one piece.
    pub fn state_demand(&mut self, role: Role, demands: Vec<StatedDemand>) -> CallId {
        self.ask(SchedulerCall::StateDemand { role, demands: Some(demands) })
    }

    /// Takes back what was said of a role: offers are of whatever it is the framework's turn for.
    pub fn take_any_offers(&mut self, role: Role) -> CallId {
        self.ask(SchedulerCall::StateDemand { role, demands: None })
    }

    /// Says that the framework will be gone from these agents by the deadlines: operators know then
    /// that they need not do anything but wait.
    pub fn accept_inverse(&mut self, offers: Vec<InverseOfferId>) -> CallId {
        self.ask(SchedulerCall::AnswerInverse { offers, answer: InverseAnswer::Accept })
    }

    /// Says that it will not, or not by itself, and why, in one line for operators. The deadlines
    /// stand all the same. An answer may be changed by another.
    pub fn decline_inverse(
        &mut self,
        offers: Vec<InverseOfferId>,
        message: impl Into<String>,
    ) -> CallId {
        let answer = InverseAnswer::Decline { message: message.into() };
        self.ask(SchedulerCall::AnswerInverse { offers, answer })
    }

    /// Describes the framework anew: name, roles, failover timeout, labels, disruption budget. A
    /// role in which tasks run cannot be left out.
    pub fn update_framework(&mut self, info: FrameworkInfo) -> CallId {
        self.ask(SchedulerCall::UpdateFramework { info })
    }

    /// Ends the framework and kills its tasks. The driver returns when the cluster has done so.
    pub fn teardown(&mut self) -> CallId {
        self.ask(SchedulerCall::Teardown)
    }

    /// Sets the one alarm; another time replaces it, a past one rings at once.
    pub fn wake_at(&mut self, at: Instant) {
        self.alarm = Some(at);
    }

    /// Ends the driver once every call is answered and every acknowledgement confirmed. The
    /// framework stays: its tasks live until the failover timeout, and it can be taken over.
    pub fn done(&mut self) {
        self.is_done = true;
    }

    /// Takes the calls asked so far, in order; what the driver does, and a test of a scheduler.
    pub fn take(&mut self) -> Vec<(CallId, SchedulerCall)> {
        std::mem::take(&mut self.asked)
    }

    /// Takes the acknowledgements asked so far.
    pub fn take_acknowledgements(&mut self) -> Vec<(TaskId, u64)> {
        std::mem::take(&mut self.acknowledgements)
    }

    /// When the alarm is to ring.
    pub fn alarm(&self) -> Option<Instant> {
        self.alarm
    }

    /// Takes the alarm off if it is due.
    pub fn take_due_alarm(&mut self, now: Instant) -> bool {
        self.alarm.take_if(|at| *at <= now).is_some()
    }

    /// Whether [`Calls::done`] was called.
    pub fn is_done(&self) -> bool {
        self.is_done
    }
}
