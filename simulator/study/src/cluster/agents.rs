//! Agents: what the master asks of them, after as long as the plan says. They run nothing.

use super::master::cluster;
use proto::model::{
    AgentCall, AgentId, AgentInfo, Principal, ResourceName, Resources, StatusReason, StatusSource,
    TaskId, TaskKey, TaskState, TaskStatus, WallTime,
};
use simulator::engine::Time;
use std::collections::BTreeMap;

/// All agents and what runs on them.
#[derive(Debug, Default)]
pub(super) struct Agents {
    numbers: BTreeMap<AgentId, usize>,
    running: BTreeMap<TaskKey, OnAgent>,
}

/// A task on an agent.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnAgent {
    pub(super) agent: usize,
    /// Of its last update.
    sequence: u64,
    /// What it takes, in thousandths of a core and of a MiB.
    pub(super) takes: (u128, u128),
    /// When it was launched.
    pub(super) launched: Time,
    /// Since when it runs.
    pub(super) since: Option<Time>,
}

pub(super) fn id(number: usize) -> AgentId {
    AgentId::new(&format!("agent-{number:06}")).expect("an id")
}

pub(super) fn principal(number: usize) -> Principal {
    let text = format!("spiffe://{}/agent/{}", cluster(), id(number));
    text.parse().expect("a principal")
}

impl Agents {
    /// The first words of another agent.
    pub(super) fn register(&mut self, number: usize, resources: Resources) -> AgentCall {
        self.numbers.insert(id(number), number);
        let info = AgentInfo {
            id: id(number),
            hostname: format!("agent-{number:06}"),
            address: format!("agent-{number:06}:5051"),
            resources,
            attributes: Vec::new(),
            domain: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reservations: Vec::new(),
        };
        AgentCall::Register { info, incarnation: 1, tasks: Vec::new(), volumes: Vec::new() }
    }

    /// A task is to run; says whether it is new.
    pub(super) fn launch(
        &mut self,
        now: Time,
        agent: usize,
        key: TaskKey,
        resources: &Resources,
    ) -> bool {
        let milli = |name| u128::from(resources.scalar(name).0.unsigned_abs());
        let takes = (milli(&ResourceName::CPUS), milli(&ResourceName::MEM));
        let running = OnAgent { agent, sequence: 0, takes, launched: now, since: None };
        self.running.insert(key, running).is_none()
    }

    /// All tasks that are launched and have not ended.
    pub(super) fn tasks(&self) -> impl Iterator<Item = (&TaskKey, &OnAgent)> {
        self.running.iter()
    }

    /// A task comes to a state, unless it is gone; says where and since when it is, and what the
    /// agent says.
    pub(super) fn update(
        &mut self,
        now: Time,
        key: &TaskKey,
        state: TaskState,
    ) -> Option<(OnAgent, AgentCall)> {
        let running = self.running.get_mut(key)?;
        running.sequence += 1;
        if state == TaskState::Running {
            running.since = Some(now);
        }
        let it = *running;
        if state.is_terminal() {
            self.running.remove(key);
        }
        let status = status(key.task.clone(), id(it.agent), state, it.sequence);
        Some((it, AgentCall::Update { framework: key.framework, status }))
    }
}

fn status(task: TaskId, agent: AgentId, state: TaskState, sequence: u64) -> TaskStatus {
    TaskStatus {
        task,
        agent,
        state,
        source: StatusSource::Agent,
        reason: StatusReason::None,
        message: String::new(),
        exit_code: state.is_terminal().then_some(0),
        signal: None,
        memory_peak_bytes: None,
        at: WallTime(0),
        sequence,
    }
}
