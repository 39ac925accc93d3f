//! One emulated agent: what it says, and what it answers to orders.
//!
//! A task's program says how long it lives: [`HOLD`] runs until it is killed, everything else
//! finishes at once. With [`STAMP`] its first update says when it was made. Like a real agent it
//! names its tasks when it registers, sends updates again that were not confirmed, and forgets a
//! task when the end of it was confirmed.

use super::frames::frame;
use bytes::BytesMut;
use proto::wire::v1::{
    self, TaskState, agent_message::Message as Said, master_message::Message as Order,
};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

/// The program of a task that runs until it is killed.
pub const HOLD: &str = "hold";
/// The program of a task that finishes at once and says when it began to run.
pub const STAMP: &str = "stamp";

/// One agent.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) number: usize,
    info: v1::AgentInfo,
    incarnation: u64,
    tasks: BTreeMap<Key, Held>,
}

/// Whose, and which.
type Key = (String, String);

#[derive(Debug, Default)]
struct Held {
    state: i32,
    sequence: u64,
    /// Not confirmed yet, oldest first.
    updates: VecDeque<v1::TaskStatus>,
    /// Some of them have waited for a whole interval of heartbeats.
    is_overdue: bool,
}

/// What became of an order.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It was dealt with.
    Nothing,
    /// The master has us, and wants to hear of us this often.
    Registered {
        /// Milliseconds.
        interval_ms: u64,
    },
    /// The stream ends; perhaps somebody else leads.
    Refused {
        /// Who, if that was said.
        leader: Option<String>,
    },
}

impl Agent {
    pub(crate) fn new(number: usize, info: v1::AgentInfo, incarnation: u64) -> Self {
        Self { number, info, incarnation, tasks: BTreeMap::new() }
    }

    /// The first words on a stream.
    pub(crate) fn register(&self, out: &mut BytesMut) {
        let task = |((framework, task), held): (&Key, &Held)| v1::AgentTask {
            framework_id: framework.clone(),
            task_id: task.clone(),
            state: held.state,
            sequence: held.sequence,
        };
        let register = v1::Register {
            agent: Some(self.info.clone()),
            incarnation: self.incarnation,
            tasks: self.tasks.iter().map(task).collect(),
            volumes: Vec::new(),
        };
        say(Said::Register(register), out);
    }

    /// It lives; what was not confirmed since the last time is said again: a master that has too
    /// much under way drops updates and counts on that.
    pub(crate) fn heartbeat(&mut self, out: &mut BytesMut) {
        say(Said::Heartbeat(v1::AgentHeartbeat {}), out);
        for ((framework, _), held) in &mut self.tasks {
            if held.is_overdue {
                held.updates.iter().for_each(|status| update(framework, status.clone(), out));
            }
            held.is_overdue = !held.updates.is_empty();
        }
    }

    /// Deals with one order; what is to be said goes to `out`.
    pub(crate) fn hear(&mut self, order: Order, begun: Instant, out: &mut BytesMut) -> Heard {
        match order {
            Order::Registered(registered) => {
                for ((framework, _), held) in &self.tasks {
                    held.updates.iter().for_each(|status| update(framework, status.clone(), out));
                }
                return Heard::Registered { interval_ms: registered.heartbeat_interval_ms };
            }
            Order::Launch(launch) => self.launch(launch, begun, out),
            Order::LaunchGroup(launch) => {
                let (framework_id, owner) = (launch.framework_id, launch.owner);
                for member in launch.group.into_iter().flat_map(|group| group.members) {
                    let (framework_id, owner) = (framework_id.clone(), owner.clone());
                    let launch = v1::Launch { framework_id, owner, task: member.task };
                    self.launch(launch, begun, out);
                }
            }
            Order::Kill(kill) => {
                let key = (kill.framework_id, kill.task_id);
                self.report(&key, TaskState::TaskKilled, String::new(), out);
            }
            Order::Committed(committed) => {
                let key = (committed.framework_id, committed.task_id);
                self.confirmed(&key, committed.sequence);
            }
            Order::Refused(refusal) => {
                let leader = Some(refusal.leader_address).filter(|leader| !leader.is_empty());
                return Heard::Refused { leader };
            }
            // Nobody asks for another size of what does not run, or for volumes.
            Order::Heartbeat(_) | Order::Masters(_) | Order::Resize(_) | Order::Volume(_) => {}
        }
        Heard::Nothing
    }

    fn launch(&mut self, launch: v1::Launch, begun: Instant, out: &mut BytesMut) {
        let Some(task) = launch.task else { return };
        let key = (launch.framework_id, task.task_id);
        if self.tasks.contains_key(&key) {
            return;
        }
        let program = task.command.and_then(|command| command.arguments.into_iter().next());
        let program = program.unwrap_or_default();
        self.tasks.insert(key.clone(), Held::default());
        let message = match program == STAMP {
            true => begun.elapsed().as_micros().to_string(),
            false => String::new(),
        };
        self.report(&key, TaskState::TaskRunning, message, out);
        if program != HOLD {
            self.report(&key, TaskState::TaskFinished, String::new(), out);
        }
    }

    fn report(&mut self, key: &Key, state: TaskState, message: String, out: &mut BytesMut) {
        let Some(held) = self.tasks.get_mut(key) else { return };
        if held.state != 0 && held.state != i32::from(TaskState::TaskRunning) {
            return;
        }
        held.state = state.into();
        held.sequence += 1;
        let status = v1::TaskStatus {
            task_id: key.1.clone(),
            agent_id: self.info.agent_id.clone(),
            state: state.into(),
            source: v1::StatusSource::SourceAgent.into(),
            message,
            exit_code: (state == TaskState::TaskFinished).then_some(0),
            sequence: held.sequence,
            ..v1::TaskStatus::default()
        };
        held.updates.push_back(status.clone());
        update(&key.0, status, out);
    }

    fn confirmed(&mut self, key: &Key, sequence: u64) {
        let Some(held) = self.tasks.get_mut(key) else { return };
        while held.updates.front().is_some_and(|status| status.sequence <= sequence) {
            held.updates.pop_front();
        }
        let runs = held.state == i32::from(TaskState::TaskRunning);
        held.is_overdue &= !held.updates.is_empty();
        if held.updates.is_empty() && !runs {
            self.tasks.remove(key);
        }
    }
}

fn update(framework: &str, status: v1::TaskStatus, out: &mut BytesMut) {
    let framework_id = framework.to_owned();
    say(Said::Update(v1::StatusUpdate { framework_id, status: Some(status) }), out);
}

fn say(message: Said, out: &mut BytesMut) {
    frame(&v1::AgentMessage { message: Some(message) }, out);
}
