//! What the ledger should do, said again in the slowest and plainest way: flat lists, no sums and
//! no indexes, every number a task ever gave out kept. It shares no code with the ledger.
//!
//! It never forgets: that takes many rows, as other limits do (`limits` and `stories_bounds` test
//! them).

use crate::oracle_directives::{DrainModel, WindowModel};
use crate::oracle_groups::GroupModel;
use crate::oracle_reservations::ReservationModel;
use crate::oracle_resize::SizeModel;
use crate::oracle_roles::RoleModel;
use crate::oracle_volumes::VolumeModel;
use master_core::ledger::{
    AgentState, Applied, Asked, Command, Event, Framework, FrameworkState, Ledger, LogVersion,
    OperatorChange, Preempted, Stamp,
};
use proto::model::{
    AgentId, AgentInfo, FrameworkId, FrameworkInfo, GroupKey, KillPolicy, Operation,
    OperationResult, Priority, Reason, RequestId, ResourceName, Resources, Role, Session,
    StatusReason, TaskInfo, TaskKey, TaskState, TaskStatus, Value,
};

/// Why not, and which field.
pub(crate) type No = (Reason, String);

pub(crate) fn no<T>(reason: Reason, field: impl Into<String>) -> Result<T, No> {
    Err((reason, field.into()))
}

/// What the ledger says, without the wording of refusals: the oracle has none.
pub(crate) fn wordless(results: &[OperationResult]) -> Vec<OperationResult> {
    let mut results = results.to_vec();
    for result in &mut results {
        if let OperationResult::Refused(refusal) = result {
            refusal.message.clear();
        }
    }
    results
}

/// The same of an outcome.
pub(crate) fn wordless_applied(applied: &Applied) -> Applied {
    match applied.clone() {
        Applied::Accepted { results, role } => {
            Applied::Accepted { results: wordless(&results), role }
        }
        Applied::AnsweredBefore(results) => Applied::AnsweredBefore(wordless(&results)),
        other => other,
    }
}

#[derive(Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) now: Stamp,
    /// `None` while nobody has raised it.
    pub(crate) version: Option<LogVersion>,
    pub(crate) agents: Vec<AgentModel>,
    pub(crate) frameworks: Vec<FrameworkModel>,
    pub(crate) tasks: Vec<TaskModel>,
    pub(crate) roles: Vec<RoleModel>,
    pub(crate) windows: Vec<WindowModel>,
    pub(crate) windows_made: u64,
    pub(crate) reservations: Vec<ReservationModel>,
    pub(crate) reservations_made: u64,
    pub(crate) volumes: Vec<VolumeModel>,
    pub(crate) volumes_made: u64,
    /// Every answer to an operator who gave a request id.
    pub(crate) answers: Vec<(Asked, OperationResult)>,
    pub(crate) events: Vec<Event>,
    pub(crate) groups: Vec<GroupModel>,
    /// Launched by the transaction at hand.
    pub(crate) unsaid_groups: Vec<GroupKey>,
}

#[derive(Debug)]
pub(crate) struct AgentModel {
    pub(crate) info: AgentInfo,
    pub(crate) incarnation: u64,
    pub(crate) state: AgentState,
    pub(crate) since: u64,
    /// Deactivated.
    pub(crate) idle: bool,
    pub(crate) drain: Option<DrainModel>,
}

#[derive(Debug)]
pub(crate) struct FrameworkModel {
    pub(crate) info: FrameworkInfo,
    pub(crate) principal: String,
    pub(crate) request: RequestId,
    pub(crate) epoch: u64,
    pub(crate) state: FrameworkState,
    pub(crate) since: u64,
    pub(crate) answers: Vec<(RequestId, Vec<OperationResult>)>,
}

#[derive(Debug)]
pub(crate) struct TaskModel {
    pub(crate) key: TaskKey,
    pub(crate) info: TaskInfo,
    pub(crate) role: Role,
    /// Every status that ever got a number: number n is at n - 1.
    pub(crate) told: Vec<TaskStatus>,
    /// How many of these were acknowledged.
    pub(crate) heard: usize,
    pub(crate) latest: TaskStatus,
    /// The latest has no number yet.
    pub(crate) untold: bool,
    pub(crate) reports: u64,
    /// When the latest was said; once the task has ended, when the last was heard.
    pub(crate) since: u64,
    pub(crate) before: Option<TaskState>,
    pub(crate) kill: Option<(Option<u64>, proto::model::StatusReason)>,
    pub(crate) size: SizeModel,
    pub(crate) launched: u64,
    pub(crate) gives_way: Option<Preempted>,
}

impl TaskModel {
    pub(crate) fn lives(&self) -> bool {
        use TaskState::*;
        matches!(self.latest.state, Staging | Starting | Running | Killing | Unreachable)
    }
}

/// Whether software that knows version 1 of the log alone would read something else.
fn is_newer(command: &Command) -> bool {
    match command {
        Command::Accept { operations, partial, revocable, .. } => {
            let tasks = operations.iter().flatten().flat_map(|operation| operation.tasks());
            *partial
                || *revocable
                || operations.len() != 1
                || !matches!(operations[0], Ok(Operation::Launch { .. }))
                || tasks.into_iter().any(says_more)
        }
        Command::RecordUpdate { status, .. } => {
            use StatusReason::{GroupEnded, MaxCompletionTime, Preempted, ResizeFailed, Resized};
            let reason = status.reason;
            matches!(reason, GroupEnded | MaxCompletionTime | Preempted | Resized | ResizeFailed)
        }
        Command::Preempt(_) | Command::EndPreempted { .. } => true,
        Command::ChangeReservations(_) | Command::ChangeOnce { .. } => true,
        Command::ChangeVolumes(_) | Command::RecordVolume { .. } => true,
        Command::RegisterAgent { info, volumes, .. } => {
            !info.reservations.is_empty() || !volumes.is_empty()
        }
        _ => false,
    }
}

/// Whether a task makes use of what came later.
fn says_more(task: &TaskInfo) -> bool {
    let mut plain = task.clone();
    (plain.priority, plain.preemption_notice) = (Priority::DEFAULT, None);
    (plain.max_completion_time, plain.revocable) = (None, false);
    plain.reserved.clear();
    plain.volumes.clear();
    plain.image = None;
    let grace_period = plain.kill_policy.grace_period;
    plain.kill_policy = KillPolicy { grace_period, ..KillPolicy::default() };
    plain != *task
}

impl Oracle {
    fn begin(&mut self, command: &Command) -> Result<(), No> {
        self.events.clear();
        match is_newer(command) && self.version.is_none_or(|is| is == LogVersion::OLDEST) {
            true => no(Reason::VersionTooLow, ""),
            false => Ok(()),
        }
    }

    pub(crate) fn apply(
        &mut self,
        stamp: Stamp,
        command: &Command,
    ) -> Result<(Applied, Vec<Event>), No> {
        self.pass(stamp);
        self.begin(command)?;
        let applied = match command.clone() {
            Command::Barrier { term } => {
                self.events.push(Event::BarrierPassed { term });
                Applied::Done
            }
            Command::RaiseVersion(version) => {
                if version > self.version.unwrap_or(LogVersion::OLDEST) {
                    self.version = Some(version);
                    self.events.push(Event::VersionRaised(version));
                }
                Applied::Done
            }
            Command::RegisterAgent { info, incarnation, tasks, volumes } => {
                self.register(info, incarnation, (&tasks, &volumes))?
            }
            Command::MarkAgentUnreachable { agent, incarnation } => {
                self.mark(&agent, incarnation)?
            }
            Command::RemoveAgent { agent, incarnation } => self.give_up(&agent, incarnation)?,
            Command::DirectAgent { agent, directive } => self.direct(&agent, directive)?,
            Command::AdvanceDrain { agent } => self.advance(&agent)?,
            Command::ScheduleWindow(plan) => self.schedule(plan),
            Command::TurnWindow(window) => self.turn(window, false)?,
            Command::CancelWindow(window) => self.turn(window, true)?,
            Command::UpdateFramework { session, info } => self.describe(session, info)?,
            Command::SubscribeFramework { info, framework, principal, request } => {
                self.subscribe(info, framework, principal, request)?
            }
            Command::SetWeight { role, weight } => self.set_weight(&role, weight),
            Command::SetQuota { role, quota, force } => {
                self.set_quota(&role, Some(quota), force)?
            }
            Command::ConfigureRole { role, change } => self.configure_role(&role, &change)?,
            Command::RemoveQuota { role } => self.set_quota(&role, None, false)?,
            // Told as stories alone.
            Command::ChangeMembers(_) => panic!("histories do not make {command:?}"),
            Command::DisconnectFramework(session) => self.disconnect(session)?,
            Command::RemoveFramework { session, expired } => self.end(session, expired)?,
            Command::Accept { session, role, request, operations, partial, revocable } => {
                self.accept(session, role, request, (&operations, partial, revocable))?
            }
            Command::ChangeReservations(change) => self.change_reservations(&change)?,
            Command::ChangeVolumes(change) => self.change_volumes(&change)?,
            Command::ChangeOnce { asked, change } => self.change_once(&asked, &change)?,
            Command::RecordVolume { agent, incarnation, report } => {
                self.record_volume((&agent, incarnation), &report)?
            }
            Command::KillTask { key, grace_period, reason } => {
                self.kill(&key, grace_period.map(|grace| grace.0), reason)?
            }
            Command::Preempt(preemption) => self.preempt(&preemption)?,
            Command::EndPreempted { tasks } => self.end_preempted(&tasks)?,
            Command::RecordUpdate { agent, incarnation, framework, status } => {
                self.update(&agent, incarnation, framework, status)?
            }
            Command::Acknowledge { session, acknowledgements } => {
                self.acknowledge(session, &acknowledgements)?
            }
        };
        Ok((applied, std::mem::take(&mut self.events)))
    }

    fn change_once(&mut self, asked: &Asked, change: &OperatorChange) -> Result<Applied, No> {
        let same = |(before, _): &&(Asked, OperationResult)| {
            before.owner == asked.owner && before.request == asked.request
        };
        if let Some((before, result)) = self.answers.iter().find(same) {
            return match before.digest == asked.digest {
                true => Ok(Applied::AnsweredBefore(vec![result.clone()])),
                false => no(Reason::InvalidField, "request_id"),
            };
        }
        let applied = match change {
            OperatorChange::Reservations(change) => self.change_reservations(change)?,
            OperatorChange::Volumes(change) => self.change_volumes(change)?,
        };
        let result = match &applied {
            Applied::Reserved(id) => OperationResult::Reserved(*id),
            Applied::VolumeCreating(id) => OperationResult::VolumeCreating(*id),
            _ => OperationResult::Done,
        };
        self.answers.push((asked.clone(), result));
        Ok(applied)
    }

    fn disconnect(&mut self, session: Session) -> Result<Applied, No> {
        let at = self.session(session)?;
        if self.frameworks[at].state == FrameworkState::Subscribed {
            self.frameworks[at].state = FrameworkState::Disconnected;
            self.frameworks[at].since = self.now.time.0;
            self.events.push(Event::FrameworkDisconnected(session.framework));
        }
        Ok(Applied::Done)
    }

    /// Time goes on, never back.
    pub(crate) fn pass(&mut self, stamp: Stamp) {
        self.now = Stamp { time: stamp.time.max(self.now.time), ..stamp };
    }

    pub(crate) fn session(&self, session: Session) -> Result<usize, No> {
        let number = session.framework.0 as usize;
        let Some(at) = number.checked_sub(1).filter(|at| *at < self.frameworks.len()) else {
            return no(Reason::FrameworkUnknown, "");
        };
        let framework = &self.frameworks[at];
        match (framework.state == FrameworkState::Removed, framework.epoch == session.epoch) {
            (true, _) => no(Reason::FrameworkRemoved, ""),
            (false, false) => no(Reason::FrameworkFenced, ""),
            (false, true) => Ok(at),
        }
    }

    fn subscribe(
        &mut self,
        info: FrameworkInfo,
        framework: Option<FrameworkId>,
        principal: String,
        request: RequestId,
    ) -> Result<Applied, No> {
        let found = self.frameworks.iter().enumerate().position(|(at, row)| match framework {
            Some(id) => id.0 == at as u64 + 1 && row.principal == principal,
            None => row.principal == principal && row.request == request,
        });
        let at = match (found, framework) {
            (Some(at), _) if self.frameworks[at].state == FrameworkState::Removed => {
                return no(Reason::FrameworkRemoved, "");
            }
            (Some(at), _) => at,
            (None, Some(_)) => return no(Reason::FrameworkUnknown, ""),
            (None, None) => {
                self.frameworks.push(FrameworkModel {
                    info: info.clone(),
                    principal,
                    request,
                    epoch: 0,
                    state: FrameworkState::Disconnected,
                    since: 0,
                    answers: Vec::new(),
                });
                self.frameworks.len() - 1
            }
        };
        let row = &mut self.frameworks[at];
        (row.info, row.since, row.state) = (info, self.now.time.0, FrameworkState::Subscribed);
        row.epoch += 1;
        let framework = FrameworkId(at as u64 + 1);
        self.events.push(Event::FrameworkSubscribed(framework));
        Ok(Applied::Subscribed { framework, epoch: row.epoch })
    }

    fn end(&mut self, session: Session, expired: bool) -> Result<Applied, No> {
        let at = self.session(session)?;
        let row = &mut self.frameworks[at];
        let waited = self.now.time.0 - row.since;
        let patient = row.state != FrameworkState::Disconnected;
        if expired && (patient || waited < row.info.failover_timeout.0) {
            return no(Reason::FrameworkFenced, "");
        }
        (row.state, row.since) = (FrameworkState::Removed, self.now.time.0);
        row.answers.clear();
        self.events.push(Event::FrameworkRemoved(session.framework));
        let its = |task: &&mut TaskModel| task.key.framework == session.framework;
        for task in self.tasks.iter_mut().filter(its) {
            if task.untold {
                task.number();
            }
            if task.lives() {
                task.kill.get_or_insert((None, proto::model::StatusReason::FrameworkRemoved));
                self.events.push(Event::KillRequested(task.key.clone()));
            } else if task.heard < task.told.len() {
                task.since = self.now.time.0;
            }
            task.heard = task.told.len();
        }
        Ok(Applied::Done)
    }

    /// Everything in the ledger must be as it is here.
    pub(crate) fn compare(&self, ledger: &Ledger) {
        assert_eq!(ledger.agents().len(), self.agents.len());
        for model in &self.agents {
            let row = ledger.agent(&model.info.id).expect("an agent");
            let found = (&*row.info, row.incarnation, row.state, row.changed.0);
            assert_eq!(found, (&model.info, model.incarnation, model.state, model.since));
            let (cpus, ports) = self.taken_on(&model.info.id);
            assert_eq!(amounts_of(&row.allocated), (cpus, ports), "{}", model.info.id);
        }
        self.compare_directives(ledger);
        assert_eq!(ledger.frameworks().len(), self.frameworks.len());
        for (at, model) in self.frameworks.iter().enumerate() {
            let row = ledger.framework(FrameworkId(at as u64 + 1)).expect("a framework");
            self.compare_framework(model, row);
        }
        assert_eq!(ledger.tasks().len(), self.tasks.len());
        for model in &self.tasks {
            model.compare(ledger);
        }
        let live = self.tasks.iter().filter(|task| task.lives()).count();
        assert_eq!(ledger.live_task_count(), live);
        self.compare_roles(ledger);
        self.compare_groups(ledger);
        self.compare_reservations(ledger);
        self.compare_volumes(ledger);
    }

    fn compare_framework(&self, model: &FrameworkModel, row: &Framework) {
        assert_eq!((&row.info, row.epoch), (&model.info, model.epoch));
        assert_eq!((row.state, row.changed.0), (model.state, model.since));
        for (request, results) in &model.answers {
            assert_eq!(wordless(row.answer_to(request).expect("remembered")), *results);
        }
        let its = || self.tasks.iter().filter(|task| task.key.framework == row.id);
        let waiting: usize = its().map(|task| task.told.len() - task.heard).sum();
        assert_eq!((row.pending_acknowledgements, row.task_count), (waiting as u64, its().count()));
        for name in ["*", "eng", "eng/search"] {
            let of_role = its().filter(|task| task.lives() && task.role.as_str() == name);
            let all: i64 = of_role.map(|task| counted(self.held(task))).sum();
            let kept = row.allocated.iter().find(|(role, _)| role.as_str() == name);
            assert_eq!(kept.map_or(0, |(_, sum)| amounts_of(sum).0), all, "{} {name}", row.id);
        }
    }

    /// CPUs and ports that living tasks take.
    pub(crate) fn taken_on(&self, agent: &AgentId) -> (i64, Vec<u64>) {
        let (mut cpus, mut ports) = (0, Vec::new());
        for task in self.tasks.iter().filter(|task| task.info.agent == *agent && task.lives()) {
            let (more, and) = self.held(task);
            cpus += more;
            ports.extend(and);
        }
        ports.sort_unstable();
        (cpus, ports)
    }
}

/// The same in one sum, in which a port is a thousand.
pub(crate) fn counted((cpus, ports): (i64, Vec<u64>)) -> i64 {
    cpus + 1_000 * ports.len() as i64
}

/// CPUs in thousandths, and each port. Disk is of reservations and volumes alone.
pub(crate) fn amounts_of(resources: &Resources) -> (i64, Vec<u64>) {
    let (mut cpus, mut ports) = (0, Vec::new());
    for (name, value) in resources.iter() {
        match value {
            Value::Scalar(_) if *name == ResourceName::DISK => {}
            Value::Scalar(milli) => cpus += milli.0,
            Value::Ranges(ranges) => ports.extend(ranges.iter().flat_map(|(a, b)| a..=b)),
            Value::Set(_) | Value::Devices(_) => panic!("histories use neither"),
        }
    }
    (cpus, ports)
}
