//! The oracle's tasks: launches, statuses, acknowledgements, kills.

use crate::oracle::{No, Oracle, TaskModel, amounts_of, no};
use crate::oracle_reservations::ReservationModel;
use crate::oracle_resize::SizeModel;
use crate::oracle_volumes::VolumeModel;
use master_core::ledger::{AgentState, Applied, Event, FrameworkState, Kill, Ledger, Proposed};
use proto::model::{
    AgentId, Duration, FrameworkId, Operation, OperationResult, Reason, Refusal, RequestId,
    Resources, Role, Session, StatusReason, StatusSource, TaskId, TaskInfo, TaskKey, TaskState,
    TaskState::*, TaskStatus,
};
use std::collections::BTreeSet;

/// What a transaction may have to be undone to.
struct Saved {
    /// How many facts there are.
    events: usize,
    /// Of every task.
    sizes: Vec<(Resources, SizeModel)>,
    reservations: Vec<ReservationModel>,
    /// How many there ever were.
    made: u64,
    volumes: Vec<VolumeModel>,
    /// How many there ever were.
    volumes_made: u64,
    /// How many groups there are.
    groups: usize,
}

/// As many updates may wait.
const PATIENCE: usize = 32;

impl TaskModel {
    /// Gives the latest status a number.
    pub(crate) fn number(&mut self) {
        self.latest.sequence = self.told.len() as u64 + 1;
        self.told.push(self.latest.clone());
        self.untold = false;
    }

    pub(crate) fn compare(&self, ledger: &Ledger) {
        let row = ledger.task(&self.key).expect("a task");
        assert_eq!((&row.info, &row.role), (&self.info, &self.role));
        assert_eq!(row.status, self.latest, "{}", self.key);
        assert_eq!(row.pending, self.told[self.heard..], "{}", self.key);
        let found = (row.sequence, row.agent_sequence, row.state_before_unreachable);
        assert_eq!(found, (self.told.len() as u64, self.reports, self.before), "{}", self.key);
        let kill = |(grace_ms, reason): (Option<u64>, StatusReason)| Kill {
            grace_period: grace_ms.map(Duration),
            reason,
        };
        assert_eq!(row.kill, self.kill.map(kill), "{}", self.key);
        let size = row.size.as_ref().map(|size| {
            let change = size.change.as_ref();
            (size.version, change.map(|change| (change.from.clone(), change.to.clone())))
        });
        assert_eq!(size, self.size, "{}", self.key);
        assert_eq!(row.preempted.as_deref(), self.gives_way.as_ref(), "{}", self.key);
        assert_eq!(row.launched.0, self.launched, "{}", self.key);
        assert_eq!((row.is_terminal(), row.changed.0), (!self.lives(), self.since), "{}", self.key);
    }
}

/// Whether the state can be left for another, as a picture of life: forward, or to its end.
fn follows(from: TaskState, to: TaskState) -> bool {
    let stage = |state| match state {
        Staging => 0,
        Starting => 1,
        Running => 2,
        Killing => 3,
        Unreachable => 4,
        _ => 9,
    };
    match (stage(from), stage(to)) {
        (9, _) | (_, 0) => false,
        (2, 2) => true,
        (4, to) => to != 4,
        (from, to) => from < to,
    }
}

impl Oracle {
    pub(crate) fn living_on(&self, id: &AgentId) -> Vec<TaskKey> {
        let living = self.tasks.iter().filter(|task| task.info.agent == *id && task.lives());
        let mut living: Vec<TaskKey> = living.map(|task| task.key.clone()).collect();
        living.sort();
        living
    }

    fn has_ended(&self, framework: FrameworkId) -> bool {
        self.frameworks[framework.0 as usize - 1].state == FrameworkState::Removed
    }

    pub(crate) fn say_as_master(&mut self, key: &TaskKey, state: TaskState, reason: StatusReason) {
        let task = self.tasks.iter().find(|task| task.key == *key).expect("a task");
        let status = TaskStatus {
            state,
            reason,
            source: StatusSource::Master,
            message: String::new(),
            exit_code: None,
            signal: None,
            memory_peak_bytes: None,
            at: self.now.wall,
            ..task.latest.clone()
        };
        self.say(key, status);
    }

    fn say(&mut self, key: &TaskKey, status: TaskStatus) {
        let nobody_listens = self.has_ended(key.framework);
        let task = self.tasks.iter_mut().find(|task| task.key == *key).expect("a task");
        task.since = self.now.time.0;
        task.before = (status.state == Unreachable).then_some(task.latest.state);
        task.latest = TaskStatus { sequence: 0, ..status };
        task.untold = false;
        let mut announced = task.latest.clone();
        if task.latest.state == Staging {
            task.latest.sequence = task.told.len() as u64;
        } else if nobody_listens || task.told.len() - task.heard < PATIENCE {
            task.number();
            announced = task.latest.clone();
        } else {
            task.untold = true;
        }
        let freed = !task.lives();
        if nobody_listens {
            task.heard = task.told.len();
        }
        let (framework, agent) = (key.framework, task.info.agent.clone());
        self.events.push(Event::TaskUpdated { framework, status: announced, freed });
        if freed {
            self.note_end(key);
            let task = self.tasks.iter().position(|task| task.key == *key).expect("a task");
            self.settle_size(task, StatusReason::None);
            self.note_if_drained(&agent);
        }
    }

    pub(crate) fn accept(
        &mut self,
        session: Session,
        role: Role,
        request: Option<RequestId>,
        (operations, partial, revocable): (&[Proposed], bool, bool),
    ) -> Result<Applied, No> {
        let at = self.session(session)?;
        if self.frameworks[at].state == FrameworkState::Disconnected {
            return no(Reason::NotSubscribed, "");
        }
        let answers = &self.frameworks[at].answers;
        if let Some((_, results)) = answers.iter().find(|(id, _)| Some(id) == request.as_ref()) {
            return Ok(Applied::AnsweredBefore(results.clone()));
        }
        if !self.frameworks[at].info.roles.contains(&role) {
            return no(Reason::InvalidField, "role");
        }
        let before = self.saved();
        // Whatever is new in a transaction is said before what is larger or smaller.
        let mut resized = BTreeSet::new();
        let mut results = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            let start = self.saved();
            let name = operation.as_ref().map_or("launch", Operation::name);
            let whose = (at, session.framework, revocable);
            match self.operate(whose, &role, operation, &results) {
                Ok(result) => {
                    if let Ok(Operation::Resize(resize)) = operation {
                        resized.insert(resize.task.clone());
                    }
                    if partial {
                        self.say_groups();
                        self.say_resized(session.framework, &mut resized);
                        self.note_reservations(&start.reservations);
                        self.note_volumes(&start.volumes);
                    }
                    results.push(result);
                }
                Err((reason, field)) if partial => {
                    self.undo(start);
                    let field = format!("{name}.{field}");
                    results.push(OperationResult::Refused(Refusal::new(reason, "").at(field)));
                }
                Err((reason, field)) => {
                    self.undo(before);
                    return match operations {
                        [Ok(Operation::Launch { .. })] => no(reason, field),
                        _ => no(reason, format!("operations[{index}].{name}.{field}")),
                    };
                }
            }
        }
        if !partial {
            self.say_groups();
            self.say_resized(session.framework, &mut resized);
            self.note_reservations(&before.reservations);
            self.note_volumes(&before.volumes);
        }
        let is_done = results.iter().any(|result| result.refusal().is_none());
        if let Some(request) = request.filter(|_| is_done) {
            let answers = &mut self.frameworks[at].answers;
            answers.push((request, results.clone()));
            if answers.len() > 64 {
                answers.remove(0);
            }
        }
        Ok(Applied::Accepted { results, role })
    }

    fn say_resized(&mut self, framework: FrameworkId, tasks: &mut BTreeSet<TaskId>) {
        for task in std::mem::take(tasks) {
            self.events.push(Event::TaskResized(TaskKey { framework, task }));
        }
    }

    fn saved(&self) -> Saved {
        let sizes = self.tasks.iter().map(|task| (task.info.resources.clone(), task.size.clone()));
        Saved {
            events: self.events.len(),
            sizes: sizes.collect(),
            reservations: self.reservations.clone(),
            made: self.reservations_made,
            volumes: self.volumes.clone(),
            volumes_made: self.volumes_made,
            groups: self.groups.len(),
        }
    }

    fn undo(&mut self, saved: Saved) {
        self.tasks.truncate(saved.sizes.len());
        self.events.truncate(saved.events);
        for (task, (resources, size)) in self.tasks.iter_mut().zip(saved.sizes) {
            (task.info.resources, task.size) = (resources, size);
        }
        self.reservations = saved.reservations;
        self.reservations_made = saved.made;
        self.volumes = saved.volumes;
        self.volumes_made = saved.volumes_made;
        self.groups.truncate(saved.groups);
        self.unsaid_groups.clear();
    }

    fn operate(
        &mut self,
        (at, framework, revocable): (usize, FrameworkId, bool),
        role: &Role,
        operation: &Proposed,
        before: &[OperationResult],
    ) -> Result<OperationResult, No> {
        let owner = self.frameworks[at].principal.clone();
        let by = Some((owner.as_str(), role));
        let list = match operation {
            Err(refusal) => return no(refusal.reason, refusal.field.trim_start_matches("launch.")),
            Ok(Operation::Reserve(_)) if revocable => {
                return no(Reason::InvalidField, "resources");
            }
            Ok(Operation::Reserve(plan)) => {
                return self.reserve((by, &owner), plan, before).map(OperationResult::Reserved);
            }
            Ok(Operation::Unreserve(unreserve)) => {
                return self.unreserve(by, unreserve, before).map(|()| OperationResult::Done);
            }
            Ok(Operation::MoveReservation { reservation, role }) => {
                let moved = self.move_reservation(by, (*reservation, role), before);
                return moved.map(|()| OperationResult::Done);
            }
            Ok(
                operation @ (Operation::CreateVolume(_)
                | Operation::GrowVolume(_)
                | Operation::ShrinkVolume(_)
                | Operation::DestroyVolume(_)),
            ) => return self.operate_volume((by, &owner), operation, before),
            Ok(Operation::Launch { tasks }) => tasks,
            Ok(Operation::LaunchGroup(group)) => {
                let whose = (framework, revocable);
                let launched = self.launch_group(whose, role, group, before);
                return launched.map_err(|(reason, field)| (reason, format!("group.{field}")));
            }
            Ok(Operation::Resize(resize)) => {
                return self.resize((framework, revocable), role, resize);
            }
        };
        if list.is_empty() {
            return no(Reason::InvalidField, "tasks");
        }
        for (index, info) in list.iter().enumerate() {
            let kind = match (revocable, info.revocable) {
                (true, false) => no(Reason::InvalidField, "revocable"),
                (_, true) if !info.reserved.is_empty() => no(Reason::InvalidField, "reserved"),
                _ => Ok(()),
            };
            let judged = kind.and_then(|()| self.judge((framework, role), info)).and_then(|()| {
                if info.resources.is_empty() {
                    return no(Reason::InvalidField, "resources");
                }
                let info = self.judge_parts(role, info, before)?;
                self.judge_limits(role, &info)?;
                self.judge_mounts((framework, role), &info, before)
            });
            let info =
                judged.map_err(|(reason, field)| (reason, format!("tasks[{index}].{field}")))?;
            self.launch(framework, role.clone(), info);
        }
        Ok(OperationResult::Launched { tasks: list.iter().map(|info| info.id.clone()).collect() })
    }

    /// One task of an accept, given that those before it are launched.
    pub(crate) fn judge(
        &self,
        (framework, role): (FrameworkId, &Role),
        info: &TaskInfo,
    ) -> Result<(), No> {
        let known = self
            .tasks
            .iter()
            .any(|task| task.key.framework == framework && task.key.task == info.id);
        if known {
            return no(Reason::TaskExists, "task_id");
        }
        let Some(at) = self.agent_at(&info.agent) else {
            return no(Reason::AgentUnknown, "agent_id");
        };
        match self.agents[at].state {
            AgentState::Registered => {}
            AgentState::Unreachable => return no(Reason::AgentUnreachable, "agent_id"),
            AgentState::Removed => return no(Reason::AgentRemoved, "agent_id"),
        }
        if !self.is_wanted(&self.agents[at]) {
            return no(Reason::AgentDeactivated, "agent_id");
        }
        if info.priority > self.highest_priority(role) {
            return no(Reason::LimitExceeded, "priority");
        }
        let (mut cpus, mut ports) = self.taken_on(&info.agent);
        let (more, and) = amounts_of(&info.resources);
        cpus += more;
        ports.extend(and);
        ports.sort_unstable();
        let (have, there) = amounts_of(&self.agents[at].info.resources);
        let twice = ports.windows(2).any(|pair| pair[0] == pair[1]);
        if cpus > have || twice || ports.iter().any(|port| !there.contains(port)) {
            return no(Reason::ResourcesTaken, "resources");
        }
        Ok(())
    }

    pub(crate) fn launch(&mut self, framework: FrameworkId, role: Role, info: TaskInfo) {
        let key = TaskKey { framework, task: info.id.clone() };
        let latest = TaskStatus {
            task: info.id.clone(),
            agent: info.agent.clone(),
            state: Staging,
            source: StatusSource::Master,
            reason: StatusReason::None,
            message: String::new(),
            exit_code: None,
            signal: None,
            memory_peak_bytes: None,
            at: self.now.wall,
            sequence: 0,
        };
        self.events.push(Event::TaskAdded(key.clone()));
        self.tasks.push(TaskModel {
            key,
            info,
            role,
            told: Vec::new(),
            heard: 0,
            latest,
            untold: false,
            reports: 0,
            since: self.now.time.0,
            before: None,
            kill: None,
            size: None,
            launched: if self.version.is_some() { self.now.time.0 } else { 0 },
            gives_way: None,
        });
    }

    pub(crate) fn kill(
        &mut self,
        key: &TaskKey,
        grace_ms: Option<u64>,
        reason: StatusReason,
    ) -> Result<Applied, No> {
        let Some(task) = self.tasks.iter().find(|task| task.key == *key) else {
            return no(Reason::TaskUnknown, "");
        };
        let counts = task.lives() || self.group_of(key).is_some();
        let all = if counts { self.all_with(key) } else { Vec::new() };
        for key in all {
            let task = self.tasks.iter_mut().find(|task| task.key == key).expect("it lives");
            let own = task.info.kill_policy.grace_period.map_or(3_000, |grace| grace.0);
            task.kill = Some(match task.kill {
                None => (grace_ms, reason),
                Some((old, first)) => match grace_ms.unwrap_or(own) < old.unwrap_or(own) {
                    true => (grace_ms, first),
                    false => (old, first),
                },
            });
            self.events.push(Event::KillRequested(key));
        }
        Ok(Applied::Done)
    }

    pub(crate) fn update(
        &mut self,
        agent: &AgentId,
        incarnation: u64,
        framework: FrameworkId,
        status: TaskStatus,
    ) -> Result<Applied, No> {
        self.journal_at(agent, incarnation)?;
        let key = TaskKey { framework, task: status.task.clone() };
        let Some(at) = self.tasks.iter().position(|task| task.key == key) else {
            return no(Reason::TaskUnknown, "");
        };
        let deaf = self.has_ended(framework);
        let task = &mut self.tasks[at];
        if task.info.agent != *agent || status.agent != *agent {
            return no(Reason::NotAuthorized, "status.agent_id");
        }
        if matches!(status.state, Staging | Unreachable | Unknown) {
            return no(Reason::TransitionIllegal, "status.state");
        }
        let sequence = status.sequence;
        if sequence > task.reports + 1 {
            return no(Reason::SequenceUnknown, "status.sequence");
        }
        let is_news = sequence == task.reports + 1 && follows(task.latest.state, status.state);
        if is_news && !deaf && task.told.len() - task.heard >= PATIENCE {
            return no(Reason::Overloaded, "");
        }
        task.reports = task.reports.max(sequence);
        if is_news {
            let reason = status.reason;
            self.say(&key, TaskStatus { source: StatusSource::Agent, ..status });
            self.settle_size(at, reason);
        }
        self.events.push(Event::UpdateCommitted { agent: agent.clone(), key, sequence });
        Ok(Applied::Done)
    }

    pub(crate) fn acknowledge(
        &mut self,
        session: Session,
        list: &[(TaskId, u64)],
    ) -> Result<Applied, No> {
        self.session(session)?;
        let framework = session.framework;
        let find = |tasks: &[TaskModel], id: &TaskId| {
            tasks.iter().position(|task| task.key.framework == framework && task.key.task == *id)
        };
        for (index, (id, sequence)) in list.iter().enumerate() {
            let Some(at) = find(&self.tasks, id) else {
                return no(Reason::TaskUnknown, format!("acknowledgements[{index}].task_id"));
            };
            if !(1..=self.tasks[at].told.len() as u64).contains(sequence) {
                return no(Reason::SequenceUnknown, format!("acknowledgements[{index}].sequence"));
            }
        }
        for (id, sequence) in list {
            let at = find(&self.tasks, id).expect("found above");
            let task = &mut self.tasks[at];
            if (*sequence as usize) <= task.heard {
                continue;
            }
            task.heard = *sequence as usize;
            let (key, sequence) = (task.key.clone(), *sequence);
            self.events.push(Event::UpdatesAcknowledged { key, sequence });
            if task.untold {
                task.number();
                let status = task.latest.clone();
                self.events.push(Event::TaskUpdated { framework, status, freed: false });
            }
            if !task.lives() && task.heard == task.told.len() {
                task.since = self.now.time.0;
            }
        }
        Ok(Applied::Done)
    }
}
