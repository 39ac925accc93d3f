//! Agents, frameworks, tasks and statuses to fill a cluster with.

use proto::model::{
    AgentCall, AgentId, AgentInfo, ClusterId, Command, Duration, FrameworkInfo, Principal,
    RequestId, Resources, Role, StatusReason, StatusSource, Subscribe, TaskId, TaskInfo, TaskState,
    TaskStatus, WallTime,
};

/// The cluster that is measured.
pub fn cluster() -> ClusterId {
    ClusterId::new("bench").expect("an id")
}

/// Somebody of it.
pub fn principal(name: &str) -> Principal {
    format!("spiffe://bench/{name}").parse().expect("a principal")
}

/// The agent with this number.
pub fn agent_id(number: usize) -> AgentId {
    AgentId::new(&format!("agent-{number:05}")).expect("an id")
}

/// The task with this number.
pub fn task_id(number: usize) -> TaskId {
    TaskId::new(&format!("task-{number:08}")).expect("an id")
}

/// An agent as it registers.
pub fn agent_info(number: usize, resources: Resources) -> AgentInfo {
    AgentInfo {
        reservations: Vec::new(),
        id: agent_id(number),
        hostname: format!("agent-{number:05}.example"),
        address: format!("192.0.2.1:{}", 10_000 + number % 50_000),
        resources,
        attributes: vec![],
        domain: None,
        version: "0.1.0".to_owned(),
    }
}

/// An agent's first words.
pub fn register(number: usize, resources: Resources) -> AgentCall {
    AgentCall::Register {
        info: agent_info(number, resources),
        incarnation: 1,
        tasks: vec![],
        volumes: vec![],
    }
}

/// A framework in the default role.
pub fn framework_info(name: &str) -> FrameworkInfo {
    FrameworkInfo {
        name: name.to_owned(),
        roles: vec![Role::any()],
        failover_timeout: Duration::from_seconds(3_600),
        labels: vec![],
        disruption_budget: None,
        offer_terms: Vec::new(),
    }
}

/// A framework's first words.
pub fn subscribe(name: &str) -> Subscribe {
    let request = RequestId::new(&format!("subscribe-of-{name}")).expect("an id");
    Subscribe { info: framework_info(name), framework: None, request, suppressed: vec![] }
}

/// A small task, as a batch framework describes one.
pub fn task_info(task: usize, agent: &AgentId, resources: Resources) -> TaskInfo {
    let arguments = ["/bin/sh", "-c", "exec sleep 3600"].map(str::to_owned).to_vec();
    let command = Command { arguments, ..Command::default() };
    TaskInfo {
        name: format!("task {task}"),
        ..TaskInfo::new(task_id(task), agent.clone(), resources, command)
    }
}

/// An agent's news of a task.
pub fn status(task: usize, agent: &AgentId, state: TaskState, sequence: u64) -> TaskStatus {
    TaskStatus {
        task: task_id(task),
        agent: agent.clone(),
        state,
        source: StatusSource::Agent,
        reason: StatusReason::None,
        message: String::new(),
        exit_code: state.is_terminal().then_some(0),
        signal: None,
        memory_peak_bytes: None,
        at: WallTime(1_700_000_000_000),
        sequence,
    }
}
