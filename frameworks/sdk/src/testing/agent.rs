//! An agent for tests: says what a real one says and runs nothing.
//!
//! Keeps the promises that a master relies on: a launch is taken once, updates are numbered and
//! repeated until they are confirmed, a registration names every task.

use super::Behaviour;
use crate::model::agent::AgentTask;
use crate::model::{
    AgentCall, AgentInfo, Duration, FrameworkId, Instant, Order, StatusReason, StatusSource,
    TaskInfo, TaskKey, TaskState, TaskStatus, VolumeAction, VolumeKey, VolumeReport, WallTime,
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
struct Running {
    info: TaskInfo,
    behaviour: Behaviour,
    state: TaskState,
    sequence: u64,
    /// The version of its size.
    size: u64,
    pending: Vec<TaskStatus>,
    ends_at: Instant,
}

/// One agent.
#[derive(Debug)]
pub(super) struct ModelAgent {
    info: AgentInfo,
    incarnation: u64,
    tasks: BTreeMap<TaskKey, Running>,
    volumes: BTreeSet<VolumeKey>,
    heartbeat: Option<(Instant, Duration)>,
    is_registered: bool,
}

impl ModelAgent {
    pub(super) fn new(info: AgentInfo, incarnation: u64) -> Self {
        let (tasks, volumes) = (BTreeMap::new(), BTreeSet::new());
        Self { info, incarnation, tasks, volumes, heartbeat: None, is_registered: false }
    }

    /// The first message of a new stream.
    pub(super) fn register(&mut self) -> AgentCall {
        self.is_registered = false;
        self.heartbeat = None;
        let task = |(key, running): (&TaskKey, &Running)| AgentTask {
            key: key.clone(),
            state: running.state,
            sequence: running.sequence,
        };
        AgentCall::Register {
            info: self.info.clone(),
            incarnation: self.incarnation,
            tasks: self.tasks.iter().map(task).collect(),
            volumes: self.volumes.iter().copied().collect(),
        }
    }

    /// Takes an order. A launch is also told to the caller: whether it is a new one.
    pub(super) fn order(
        &mut self,
        now: Instant,
        order: Order,
        behave: &mut dyn FnMut(&TaskInfo) -> Behaviour,
    ) -> Vec<AgentCall> {
        match order {
            Order::Registered { heartbeat_interval, .. } => {
                self.is_registered = true;
                self.heartbeat = Some((now + heartbeat_interval, heartbeat_interval));
                self.unconfirmed()
            }
            Order::Launch { framework, task, .. } => self.launch(now, framework, *task, behave),
            Order::LaunchGroup { framework, group, .. } => {
                let mut calls = Vec::new();
                for member in group.members {
                    calls.extend(self.launch(now, framework, member.task, behave));
                }
                calls
            }
            Order::Kill { key, .. } => match self.tasks.get(&key) {
                Some(running) if !running.state.is_terminal() => {
                    self.update(now, &key, TaskState::Killed)
                }
                _ => Vec::new(),
            },
            Order::Resize { key, resources, version } => match self.tasks.get_mut(&key) {
                Some(running) if !running.state.is_terminal() && running.size < version => {
                    (running.size, running.info.resources) = (version, resources);
                    self.say(now, &key, TaskState::Running, StatusReason::Resized)
                }
                _ => Vec::new(),
            },
            Order::Volume { key, version, action } => {
                match action {
                    VolumeAction::Make { .. } => _ = self.volumes.insert(key),
                    VolumeAction::Resize(_) => {}
                    VolumeAction::Delete => _ = self.volumes.remove(&key),
                }
                vec![AgentCall::Volume(VolumeReport { key, version, failed: None })]
            }
            Order::Committed { key, sequence } => {
                if let Some(running) = self.tasks.get_mut(&key) {
                    running.pending.retain(|status| status.sequence > sequence);
                    if running.state.is_terminal() && running.pending.is_empty() {
                        self.tasks.remove(&key);
                    }
                }
                Vec::new()
            }
            Order::Heartbeat | Order::Refused(_) | Order::Masters(_) => Vec::new(),
        }
    }

    /// Tasks of a group too are launched at once: no order is kept here.
    fn launch(
        &mut self,
        now: Instant,
        framework: FrameworkId,
        task: TaskInfo,
        behave: &mut dyn FnMut(&TaskInfo) -> Behaviour,
    ) -> Vec<AgentCall> {
        let key = TaskKey { framework, task: task.id.clone() };
        if self.tasks.contains_key(&key) {
            return Vec::new();
        }
        let behaviour = behave(&task);
        let running = Running {
            ends_at: now + behaviour.runs_for,
            info: task,
            behaviour,
            state: TaskState::Staging,
            sequence: 0,
            size: 0,
            pending: Vec::new(),
        };
        self.tasks.insert(key.clone(), running);
        let mut calls = self.update(now, &key, TaskState::Starting);
        calls.extend(self.update(now, &key, TaskState::Running));
        calls
    }

    fn unconfirmed(&self) -> Vec<AgentCall> {
        let update = |key: &TaskKey, status: &TaskStatus| AgentCall::Update {
            framework: key.framework,
            status: status.clone(),
        };
        let tasks = self.tasks.iter();
        tasks.flat_map(|(key, task)| task.pending.iter().map(|one| update(key, one))).collect()
    }

    fn update(&mut self, now: Instant, key: &TaskKey, state: TaskState) -> Vec<AgentCall> {
        let reason = match state {
            TaskState::Finished | TaskState::Failed => StatusReason::CommandExited,
            TaskState::Killed => StatusReason::KilledByFramework,
            _ => StatusReason::None,
        };
        self.say(now, key, state, reason)
    }

    fn say(
        &mut self,
        now: Instant,
        key: &TaskKey,
        state: TaskState,
        reason: StatusReason,
    ) -> Vec<AgentCall> {
        let agent = self.info.id.clone();
        let running = self.tasks.get_mut(key).expect("only own tasks are reported");
        running.state = state;
        running.sequence += 1;
        let exit_code = match state {
            TaskState::Finished | TaskState::Failed => Some(running.behaviour.exit_code),
            _ => None,
        };
        let status = TaskStatus {
            task: running.info.id.clone(),
            agent,
            state,
            source: StatusSource::Agent,
            reason,
            message: String::new(),
            exit_code,
            signal: None,
            memory_peak_bytes: None,
            at: WallTime(now.0),
            sequence: running.sequence,
        };
        running.pending.push(status.clone());
        match self.is_registered {
            true => vec![AgentCall::Update { framework: key.framework, status }],
            // With the others, once it is registered again.
            false => Vec::new(),
        }
    }

    /// What happens by itself until now.
    pub(super) fn pass(&mut self, now: Instant) -> Vec<AgentCall> {
        let due = |running: &Running| !running.state.is_terminal() && running.ends_at <= now;
        let ended: Vec<TaskKey> = self
            .tasks
            .iter()
            .filter(|(_, running)| due(running))
            .map(|(key, _)| key.clone())
            .collect();
        let mut calls = Vec::new();
        for key in ended {
            let state = match self.tasks[&key].behaviour.exit_code {
                0 => TaskState::Finished,
                _ => TaskState::Failed,
            };
            calls.extend(self.update(now, &key, state));
        }
        if let Some((at, interval)) = &mut self.heartbeat
            && *at <= now
        {
            *at = now + *interval;
            calls.push(AgentCall::Heartbeat);
        }
        calls
    }

    /// When [`ModelAgent::pass`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let tasks = self.tasks.values().filter(|running| !running.state.is_terminal());
        let ends = tasks.map(|running| running.ends_at).min();
        [ends, self.heartbeat.map(|(at, _)| at)].into_iter().flatten().min()
    }
}
