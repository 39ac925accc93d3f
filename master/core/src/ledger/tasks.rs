//! The rows of tasks, and the three things that befall one whatever the cause: a new status, the
//! end of its last unacknowledged update, and being forgotten.
//!
//! # Numbers
//!
//! A status that its framework must acknowledge has the next number of its task and waits in
//! `pending`. `Staging` takes none: a new task has 0, one that comes back to it keeps its last one
//! and is announced with 0. When `pending` is full, an agent's update is refused and waits at the
//! agent; what the master itself has to say cannot wait, takes effect at once with number 0, and
//! gets its number when an acknowledgement makes room. So the queue is bounded, numbers have no
//! gaps (U2), and the latest news is never lost.
//!
//! The last number is that of the status or, while that one has 0, of the last update that waits:
//! it needs no place of its own in a snapshot.

use super::{
    Agent, Event, Ledger, LogVersion, Membership, Preempted, Stamp, agents::AgentTasks,
    reservations::free_reserved, volumes::free_volumes,
};
use proto::{
    model::{
        AgentId, Duration, FrameworkId, Instant, Reason, Refusal, Resources, Role, StatusReason,
        StatusSource, TaskInfo, TaskKey, TaskState, TaskStatus, limits,
    },
    planted::{self, Bug},
};

/// That a task is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    /// Overrides the task's own.
    pub grace_period: Option<Duration>,
    /// Who asked first.
    pub reason: StatusReason,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Which.
    pub key: TaskKey,
    /// As its framework described it.
    pub info: TaskInfo,
    /// On whose share it runs.
    pub role: Role,
    /// The last status.
    pub status: TaskStatus,
    /// Updates that wait for acknowledgement, oldest first, at most
    /// [`limits::PENDING_UPDATES_PER_TASK_MAX`].
    pub pending: Vec<TaskStatus>,
    /// The last update that its agent sent.
    pub agent_sequence: u64,
    /// The last number that the ledger gave to a status of it.
    pub sequence: u64,
    /// Whether it is to be ended.
    pub kill: Option<Kill>,
    /// When it was launched; zero when the log could not say so as yet.
    pub launched: Instant,
    /// To whom it gives way; for ever after, so that one can see why it ended.
    pub preempted: Option<Box<Preempted>>,
    /// When its status changed last; of an ended task, when there was nothing more to acknowledge.
    pub changed: Instant,
    /// What it was before its agent went out of contact; set while it is `Unreachable`.
    pub state_before_unreachable: Option<TaskState>,
    /// Its sizes, once there was more than the one that it was launched with.
    pub size: Option<Box<Size>>,
    /// What it is in its group; `None` is a task of its own.
    pub member: Option<Box<Membership>>,
}

/// The sizes of a task that was resized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// Counts them; the one of the launch is 0.
    pub version: u64,
    /// Until its agent has said what became of it.
    pub change: Option<SizeChange>,
}

/// From one size to another. Meanwhile the task holds the larger of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeChange {
    /// What it held.
    pub from: Resources,
    /// What it is to hold.
    pub to: Resources,
}

impl Task {
    /// Where it is in its life.
    pub fn state(&self) -> TaskState {
        self.status.state
    }

    /// Whether it has ended: it takes no resources.
    pub fn is_terminal(&self) -> bool {
        self.status.state.is_terminal()
    }

    /// Whether its status has yet to get a number, because `pending` is full.
    pub fn is_withheld(&self) -> bool {
        self.status.sequence == 0 && self.status.state != TaskState::Staging
    }

    /// Whether it lives or waits for an acknowledgement.
    pub(super) fn is_open(&self) -> bool {
        !self.is_terminal() || !self.pending.is_empty()
    }

    /// The change of its size that is under way.
    pub fn size_change(&self) -> Option<&SizeChange> {
        self.size.as_ref()?.change.as_ref()
    }

    /// Begins a change of its size; none is under way.
    pub(super) fn change_size(&mut self, held: Resources, to: &Resources) {
        assert!(self.size_change().is_none(), "R1: one change at a time");
        let from = std::mem::replace(&mut self.info.resources, held);
        let version = self.size.as_ref().map_or(0, |size| size.version) + 1;
        let change = Some(SizeChange { from, to: to.clone() });
        self.size = Some(Box::new(Size { version, change }));
    }

    /// Whether there is room for another update.
    pub(super) fn pending_is_full(&self) -> bool {
        self.pending.len() >= limits::PENDING_UPDATES_PER_TASK_MAX
    }

    /// A status that the master makes.
    pub(super) fn master_status(
        &self,
        state: TaskState,
        reason: StatusReason,
        now: Stamp,
    ) -> TaskStatus {
        TaskStatus {
            task: self.info.id.clone(),
            agent: self.info.agent.clone(),
            state,
            source: StatusSource::Master,
            reason,
            message: String::new(),
            exit_code: None,
            signal: None,
            memory_peak_bytes: None,
            at: now.wall,
            sequence: 0,
        }
    }

    /// Gives the status the next number.
    pub(super) fn number(&mut self) {
        self.sequence += 1;
        self.status.sequence = self.sequence;
    }

    /// Lets the status wait for acknowledgement.
    fn wait(&mut self) {
        // Most tasks have one update waiting at a time; a vector would make room for four.
        self.pending.reserve_exact(1);
        self.pending.push(self.status.clone());
    }

    /// Puts the status; whether it now waits for acknowledgement.
    fn set_status(&mut self, status: TaskStatus, wants_acknowledgement: bool) -> bool {
        let (old, new) = (self.status.state, status.state);
        let relaunch = old == TaskState::Unreachable && new == TaskState::Staging;
        assert!(old.may_become(new) || relaunch, "T4: {} from {old} to {new}", self.key);
        self.state_before_unreachable = (new == TaskState::Unreachable).then_some(old);
        self.status = TaskStatus { sequence: 0, ..status };
        if new == TaskState::Staging {
            self.status.sequence = self.sequence;
            return false;
        }
        if !wants_acknowledgement {
            self.number();
            return false;
        }
        if self.pending_is_full() {
            return false;
        }
        self.number();
        self.wait();
        true
    }
}

impl Ledger {
    /// Adds a task's row to the table and to every sum and index.
    pub(super) fn insert_task(&mut self, task: Task) {
        // Members that know no better would hold another state.
        let is_said = self.version > LogVersion::OLDEST;
        let launched = if is_said { task.changed } else { Instant::default() };
        let task = Task { launched, ..task };
        let key = task.key.clone();
        let framework = self.frameworks.get_mut(&key.framework).expect("T6: a known framework");
        framework.task_count += 1;
        let agent_tasks = &mut self.index.agent_tasks;
        match agent_tasks.get_mut(&task.info.agent) {
            Some(tasks) => tasks.add(&key),
            None => {
                let mut tasks = AgentTasks::default();
                tasks.add(&key);
                agent_tasks.insert(task.info.agent.clone(), tasks);
            }
        }
        self.index.live_tasks += 1;
        *self.index.priorities.entry(task.info.priority).or_default() += 1;
        self.index.revocable.add(&task);
        self.index.note_mounts(&task);
        let replaced = self.tasks.insert(key, task);
        assert!(replaced.is_none(), "T1: a task id is used once");
    }

    /// Gives a task its next status: numbers it, frees resources at the end of the task, says so.
    pub(super) fn put_status(
        &mut self,
        key: &TaskKey,
        status: TaskStatus,
        now: Stamp,
        events: &mut Vec<Event>,
    ) {
        let task = self.tasks.get_mut(key).expect("a known task");
        let framework = self.frameworks.get_mut(&key.framework).expect("T6: a known framework");
        let removed = framework.is_removed();
        if task.set_status(status, !removed) {
            framework.pending_acknowledgements += 1;
        }
        task.changed = now.time;
        // Terminal states are sticky (asserted above), so that this happens once per task (T5).
        let freed = task.is_terminal();
        let mut drained = None;
        if freed {
            if let Some(size) = &mut task.size {
                size.change = None;
            }
            let agent = self.agents.get_mut(&task.info.agent).expect("T6: a known agent");
            let left = agent.allocated.checked_sub(task.held());
            agent.allocated = left.expect("A1: an agent's sum holds all of its tasks");
            framework.release(&task.role, task.held());
            self.roles.release(&task.role, task.held());
            if !planted::is(Bug::EndedKeepsReservation) {
                free_reserved(&mut self.reservations, agent, &task.info.reserved);
            }
            self.roles.free_reserved(&task.role, &task.info.reserved);
            free_volumes(&mut self.volumes, &task.info);
            self.index.forget_mounts(task);
            self.index.live_tasks -= 1;
            self.index.preempted.remove(key);
            self.index.revocable.remove(task);
            let of_priority = self.index.priorities.get_mut(&task.info.priority);
            let of_priority = of_priority.expect("a live task is counted");
            *of_priority -= 1;
            if *of_priority == 0 {
                self.index.priorities.remove(&task.info.priority);
            }
            drained = agent.drain.is_some().then(|| task.info.agent.clone());
        }
        let drained =
            drained.filter(|id| self.agents.get(id).is_some_and(|it| self.runs_nothing(it)));
        let task = self.tasks.get(key).expect("a known task");
        let mut status = task.status.clone();
        if status.state == TaskState::Staging {
            status.sequence = 0;
        }
        events.push(Event::TaskUpdated { framework: key.framework, status, freed });
        events.extend(drained.map(Event::AgentDrained));
        if freed {
            self.note_end_in_group(key);
        }
        if freed && removed {
            self.settle_task(key, now);
            self.forget_surplus(key.framework, events);
        }
    }

    /// Drops the updates up to a number; makes room for a withheld one; ends the task's row when
    /// nothing is left to do.
    pub(super) fn acknowledge_task(
        &mut self,
        key: &TaskKey,
        sequence: u64,
        now: Stamp,
        events: &mut Vec<Event>,
    ) {
        let task = self.tasks.get_mut(key).expect("a known task");
        let dropped = task.pending.partition_point(|status| status.sequence <= sequence);
        if dropped == 0 {
            return;
        }
        task.pending.drain(..dropped);
        let framework = self.frameworks.get_mut(&key.framework).expect("T6: a known framework");
        framework.pending_acknowledgements -= dropped as u64;
        events.push(Event::UpdatesAcknowledged { key: key.clone(), sequence });
        if task.is_withheld() {
            task.number();
            task.wait();
            framework.pending_acknowledgements += 1;
            let status = task.status.clone();
            events.push(Event::TaskUpdated { framework: key.framework, status, freed: false });
        }
        if task.pending.is_empty() {
            task.pending = Vec::new(); // give the memory back: most tasks run for long in silence
        }
        if !task.is_open() {
            self.settle_task(key, now);
            self.forget_surplus(key.framework, events);
        }
    }

    /// Notes that a task has ended and waits for nothing: its row stays to be seen, for a while.
    pub(super) fn settle_task(&mut self, key: &TaskKey, now: Stamp) {
        let task = self.tasks.get_mut(key).expect("a known task");
        assert!(!task.is_open(), "only what has ended and was heard of is settled");
        task.changed = now.time;
        let tasks = self.index.agent_tasks.get_mut(&task.info.agent);
        tasks.expect("a task's agent is indexed").open -= 1;
        let framework = self.frameworks.get_mut(&key.framework).expect("T6: a known framework");
        framework.ended.insert((now.time, key.task.clone()), ());
    }

    /// After a change to what a framework has ended: forgets its oldest ended tasks beyond the
    /// limit, and, if it has itself come to rest, the oldest removed framework beyond theirs.
    pub(super) fn forget_surplus(&mut self, id: FrameworkId, events: &mut Vec<Event>) {
        loop {
            let framework = self.frameworks.get_mut(&id).expect("a known framework");
            if framework.ended.len() <= framework.ended_tasks_max() {
                break;
            }
            let ((_, task), _) = framework.ended.pop_first().expect("more than the limit");
            self.forget_task(&TaskKey { framework: id, task }, events);
        }
        let framework = self.frameworks.get(&id).expect("a known framework");
        if framework.is_at_rest() {
            self.index.removed_frameworks.insert((framework.changed, id));
            self.forget_removed_frameworks(events);
        }
    }

    /// Takes a task's row, which is not open, out of the table and of every index but its
    /// framework's list of ended tasks.
    pub(super) fn forget_task(&mut self, key: &TaskKey, events: &mut Vec<Event>) {
        let task = self.tasks.remove(key).expect("a known task");
        assert!(!task.is_open(), "only what has ended and was heard of is forgotten");
        let tasks = self.index.agent_tasks.get_mut(&task.info.agent);
        let tasks = tasks.expect("a task's agent is indexed");
        assert!(tasks.keys.remove(key));
        if tasks.keys.is_empty() {
            self.index.agent_tasks.remove(&task.info.agent);
        }
        let framework = self.frameworks.get_mut(&key.framework).expect("T6: a known framework");
        framework.task_count -= 1;
        events.push(Event::TaskForgotten(key.clone()));
        self.forget_in_group(&task);
    }

    /// Whether none of an agent's tasks lives. An init task's share may be of nothing, so that
    /// nothing taken does not say so yet.
    pub(super) fn runs_nothing(&self, agent: &Agent) -> bool {
        let lives = |task: &Task| !task.is_terminal();
        agent.allocated.is_empty() && !self.tasks_of_agent(&agent.info.id).any(lives)
    }

    /// How many open tasks an agent has.
    pub(super) fn open_tasks_of_agent(&self, id: &AgentId) -> usize {
        self.index.agent_tasks.get(id).map_or(0, |tasks| tasks.open)
    }
}

impl AgentTasks {
    /// Adds an open task.
    pub(super) fn add(&mut self, key: &TaskKey) {
        assert!(self.keys.insert(key.clone()), "T1: a task id is used once");
        self.open += 1;
    }
}

pub(super) fn task_unknown(key: &TaskKey) -> Refusal {
    Refusal::new(Reason::TaskUnknown, format!("there is no task {key}"))
}
