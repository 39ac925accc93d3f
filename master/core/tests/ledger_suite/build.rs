//! Short words for the values that the tests need, and a ledger that checks itself at every step.

use master_core::ledger::{
    Applied, Command, Event, Ledger, LogVersion, Stamp, Task, digest::digest, invariants,
};
use proto::model::{
    AgentId, AgentInfo, ClusterId, Command as Program, Duration, FrameworkId, FrameworkInfo,
    Instant, Milli, Ranges, Reason, Refusal, RequestId, ResourceName, Resources, Role, Session,
    StatusReason, StatusSource, TaskId, TaskInfo, TaskKey, TaskState, TaskStatus, Value, WallTime,
    agent::AgentTask,
};

pub(crate) fn cluster() -> ClusterId {
    ClusterId::new("test").expect("an id")
}

pub(crate) fn agent(text: &str) -> AgentId {
    AgentId::new(text).expect("an id")
}

pub(crate) fn task(text: &str) -> TaskId {
    TaskId::new(text).expect("an id")
}

pub(crate) fn role(text: &str) -> Role {
    Role::new(text).expect("a role")
}

pub(crate) fn request(text: &str) -> RequestId {
    RequestId::new(text).expect("an id")
}

pub(crate) fn key(framework: u64, text: &str) -> TaskKey {
    TaskKey { framework: FrameworkId(framework), task: task(text) }
}

pub(crate) fn session(framework: u64, epoch: u64) -> Session {
    Session { framework: FrameworkId(framework), epoch }
}

/// CPUs in thousandths, and ports when the range is not empty.
pub(crate) fn resources(cpus_milli: i64, ports: std::ops::Range<u64>) -> Resources {
    let cpus = (ResourceName::CPUS, Value::Scalar(Milli(cpus_milli)));
    let ranges = if ports.is_empty() { vec![] } else { vec![(ports.start, ports.end - 1)] };
    let ports = (ResourceName::PORTS, Value::Ranges(Ranges::new(ranges).expect("ranges")));
    Resources::from_entries([cpus, ports]).expect("resources")
}

/// The same, and so many MiB of disk.
pub(crate) fn with_disk(resources: Resources, disk_mib: i64) -> Resources {
    let disk = (ResourceName::DISK, Value::Scalar(Milli(disk_mib * 1_000)));
    let disk = Resources::from_entries([disk]).expect("an amount");
    resources.checked_add(&disk).expect("a bag without disk")
}

pub(crate) fn agent_info(text: &str, resources: Resources) -> AgentInfo {
    AgentInfo {
        reservations: Vec::new(),
        id: agent(text),
        hostname: format!("{text}.example"),
        address: "192.0.2.1:5051".to_owned(),
        resources,
        attributes: Vec::new(),
        domain: None,
        version: "0.1.0".to_owned(),
    }
}

pub(crate) fn framework_info(roles: &[&str], failover_ms: u64) -> FrameworkInfo {
    FrameworkInfo {
        name: "tests".to_owned(),
        roles: roles.iter().map(|text| role(text)).collect(),
        failover_timeout: Duration(failover_ms),
        labels: Vec::new(),
        disruption_budget: None,
        offer_terms: Vec::new(),
    }
}

pub(crate) fn task_info(id: &str, on: &str, resources: Resources) -> TaskInfo {
    let program = Program { arguments: vec!["/bin/true".to_owned()], ..Program::default() };
    TaskInfo {
        name: format!("name of {id}"),
        ..TaskInfo::new(task(id), agent(on), resources, program)
    }
}

/// What an agent says.
pub(crate) fn told(id: &str, on: &str, state: TaskState, sequence: u64) -> TaskStatus {
    TaskStatus {
        task: task(id),
        agent: agent(on),
        state,
        source: StatusSource::Agent,
        reason: StatusReason::None,
        message: String::new(),
        exit_code: None,
        signal: None,
        memory_peak_bytes: None,
        at: WallTime(7),
        sequence,
    }
}

pub(crate) fn journal(framework: u64, id: &str, state: TaskState) -> AgentTask {
    AgentTask { key: key(framework, id), state, sequence: 1 }
}

pub(crate) fn register(text: &str, incarnation: u64, tasks: Vec<AgentTask>) -> Command {
    let info = agent_info(text, resources(4_000, 31_000..31_010));
    Command::RegisterAgent { info, incarnation, tasks, volumes: vec![] }
}

pub(crate) fn unreachable_agent(text: &str, incarnation: u64) -> Command {
    Command::MarkAgentUnreachable { agent: agent(text), incarnation }
}

pub(crate) fn remove_agent(text: &str, incarnation: u64) -> Command {
    Command::RemoveAgent { agent: agent(text), incarnation }
}

pub(crate) fn subscribe(framework: Option<u64>, call: &str) -> Command {
    Command::SubscribeFramework {
        info: framework_info(&["*", "eng"], 1_000),
        framework: framework.map(FrameworkId),
        principal: "alice".to_owned(),
        request: request(call),
    }
}

pub(crate) fn accept(session: Session, tasks: Vec<TaskInfo>) -> Command {
    Command::launch(session, role("*"), None, tasks)
}

pub(crate) fn kill(key: TaskKey, grace_ms: Option<u64>) -> Command {
    let reason = StatusReason::KilledByFramework;
    Command::KillTask { key, grace_period: grace_ms.map(Duration), reason }
}

pub(crate) fn update(framework: u64, status: TaskStatus) -> Command {
    let agent = status.agent.clone();
    Command::RecordUpdate { agent, incarnation: 1, framework: FrameworkId(framework), status }
}

pub(crate) fn acknowledge(session: Session, id: &str, sequence: u64) -> Command {
    Command::Acknowledge { session, acknowledgements: vec![(task(id), sequence)] }
}

/// A ledger, one command per entry, checked at every step.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) stamp: Stamp,
}

impl World {
    pub(crate) fn new() -> Self {
        let stamp = Stamp { index: 0, term: 1, time: Instant(1_000), wall: WallTime(5_000) };
        Self { ledger: Ledger::new(cluster()), stamp }
    }

    /// One in which commands may need all that this software can read.
    pub(crate) fn newest() -> Self {
        let mut world = Self::new();
        world.done(&Command::RaiseVersion(LogVersion::CURRENT));
        world
    }

    /// Agents a1 and a2, framework 1 of alice, and on a1 the task t1 of half a CPU.
    pub(crate) fn furnished() -> Self {
        let mut world = Self::new();
        world.done(&register("a1", 1, vec![]));
        world.done(&register("a2", 1, vec![]));
        world.done(&subscribe(None, "request-1"));
        let tasks = vec![task_info("t1", "a1", resources(500, 0..0))];
        world.done(&accept(session(1, 1), tasks));
        world
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.stamp.time.0 += ms;
    }

    /// Applies; every invariant holds afterwards, and a refusal leaves no trace.
    pub(crate) fn apply(&mut self, command: &Command) -> Result<(Applied, Vec<Event>), Refusal> {
        self.stamp.index += 1;
        let before = digest(&self.ledger);
        let mut events = Vec::new();
        let outcome = self.ledger.apply(self.stamp, command, &mut events);
        if outcome.is_err() {
            assert_eq!(digest(&self.ledger), before, "{command:?} left a trace");
            assert_eq!(events, [], "{command:?} made facts");
        }
        assert_eq!(invariants::check(&self.ledger), [], "after {command:?}");
        self.ledger.set_applied(self.stamp);
        outcome.map(|applied| (applied, events))
    }

    /// Applies what must succeed; its facts.
    pub(crate) fn done(&mut self, command: &Command) -> Vec<Event> {
        match self.apply(command) {
            Ok((_, events)) => events,
            Err(refusal) => panic!("{command:?}: {refusal:?}"),
        }
    }

    pub(crate) fn task(&self, framework: u64, id: &str) -> &Task {
        self.ledger.task(&key(framework, id)).expect("a known task")
    }

    /// Numbers and states of the updates that wait.
    pub(crate) fn waiting(&self, framework: u64, id: &str) -> Vec<(u64, TaskState)> {
        let pending = &self.task(framework, id).pending;
        pending.iter().map(|status| (status.sequence, status.state)).collect()
    }

    pub(crate) fn cpus_taken(&self, text: &str) -> i64 {
        let row = self.ledger.agent(&agent(text)).expect("a known agent");
        row.allocated.scalar(&ResourceName::CPUS).0
    }
}

/// What a command that is refused says, and of which field.
#[track_caller]
pub(crate) fn refused(
    world: &mut World,
    command: &Command,
    reason: Reason,
    field: &str,
) -> Refusal {
    let refusal = world.apply(command).expect_err("is refused");
    assert_eq!((refusal.reason, refusal.field.as_str()), (reason, field), "{refusal}");
    refusal
}
