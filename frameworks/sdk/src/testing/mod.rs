//! A whole cluster in one test: the real core of a master, agents that run nothing, your scheduler,
//! and a clock that jumps from one event to the next.
//!
//! What the master decides here it decides in production too: offers, fairness, refusals, recovery
//! from its log. Minutes of cluster time take milliseconds, and a run repeats exactly.
//!
//! ```
//! # use bourse_sdk::model::{Duration, Instant};
//! # use bourse_sdk::testing::{Behaviour, Fault, TestCluster};
//! # use bourse_sdk::{Calls, Event, Scheduler, TaskBuilder};
//! # struct One;
//! # impl Scheduler for One {
//! #     fn handle(&mut self, _: Instant, event: Event, calls: &mut Calls) {
//! #         match event {
//! #             Event::Offers(offers) => {
//! #                 let task = TaskBuilder::new("t").cpus_milli(100).shell("true");
//! #                 let task = task.build(&offers[0].agent).unwrap();
//! #                 calls.accept(vec![offers[0].id], vec![task], Duration(0));
//! #                 calls.suppress(vec![]);
//! #             }
//! #             Event::Update(status) if status.state.is_terminal() => {
//! #                 calls.teardown();
//! #             }
//! #             _ => {}
//! #         }
//! #     }
//! # }
//! let mut cluster = TestCluster::new(1);
//! cluster.add_agent("a1", 2_000, 1_024);
//! cluster.set_behaviour(|_task| Behaviour { runs_for: Duration(30_000), exit_code: 0 });
//! cluster.schedule(Instant(15_000), Fault::RestartMaster);
//! let ended = cluster.run(&mut One, Duration(300_000)).expect("it ends within five minutes");
//! assert_eq!(ended, bourse_sdk::session::Ended::TornDown);
//! assert!(cluster.launches().values().all(|times| *times == 1));
//! ```

mod agent;
#[cfg(test)]
mod tests;
mod world;

use crate::engine::Engine;
use crate::jitter::Backoff;
use crate::model::{
    AgentId, AgentInfo, ClusterId, Duration, FrameworkInfo, Instant, NodeId, Order, Principal,
    Resources, Role, TaskInfo, TaskKey, WallTime,
};
use crate::scheduler::Scheduler;
use crate::session::{Acknowledgement, ConnectionId, Ended, Input, SendId, SessionSettings};
use agent::ModelAgent;
use master_core::consensus::Restored;
use master_core::input::{CallId, Input as MasterInput, StreamId};
use master_core::{Config, Ledger, Master, Now};
use std::collections::{BTreeMap, BTreeSet};

/// How long every message is on its way.
const LATENCY: Duration = Duration(1);

/// How long an agent waits before it connects again.
const AGENT_RETRY: Duration = Duration(250);

/// How a task behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behaviour {
    /// From its start to its end.
    pub runs_for: Duration,
    /// 0 is success.
    pub exit_code: i32,
}

/// Something that goes wrong, or that somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The master loses everything but its log, and every connection breaks.
    RestartMaster,
    /// The framework's connection breaks.
    CutFramework,
    /// An agent is cut off.
    CutAgent(String),
    /// An agent that was cut off is back, with its tasks.
    HealAgent(String),
    /// Somebody asks the framework to end.
    RequestStop,
}

/// The scheduler did not end in the time it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not over after {limit} of cluster time")]
pub struct NotOver {
    /// The time it was given.
    pub limit: Duration,
}

#[derive(Debug)]
enum Happening {
    ToFramework(Input),
    ToMaster(Box<MasterInput>),
    ToAgent(AgentId, StreamId, Order),
    ConnectAgent(AgentId),
    Fault(Fault),
}

/// A cluster of one master and some agents.
pub struct TestCluster {
    now: Instant,
    config: Config,
    master: Master,
    disk: Restored,
    next_tick: Instant,
    agents: BTreeMap<AgentId, ModelAgent>,
    agent_streams: BTreeMap<AgentId, StreamId>,
    cut: BTreeSet<AgentId>,
    framework_stream: Option<(ConnectionId, StreamId)>,
    calls: BTreeMap<CallId, SendId>,
    happenings: BTreeMap<(Instant, u64), Happening>,
    counter: u64,
    behave: Box<dyn FnMut(&TaskInfo) -> Behaviour>,
    launches: BTreeMap<TaskKey, u32>,
    seed: u64,
}

impl std::fmt::Debug for TestCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestCluster").field("now", &self.now).finish_non_exhaustive()
    }
}

// === what an author calls ===

impl TestCluster {
    /// A cluster without agents; the same seed gives the same run.
    pub fn new(seed: u64) -> Self {
        let disk = Restored::default();
        Self {
            now: Instant(0),
            config: config(),
            master: open_master(config(), disk.clone(), Instant(0)),
            disk,
            next_tick: Instant(0),
            agents: BTreeMap::new(),
            agent_streams: BTreeMap::new(),
            cut: BTreeSet::new(),
            framework_stream: None,
            calls: BTreeMap::new(),
            happenings: BTreeMap::new(),
            counter: 0,
            behave: Box::new(|_| Behaviour { runs_for: Duration(1_000), exit_code: 0 }),
            launches: BTreeMap::new(),
            seed,
        }
    }

    /// Adds an agent.
    ///
    /// # Panics
    /// When the name is no id or an amount is out of range.
    pub fn add_agent(&mut self, name: &str, cpus_milli: i64, mem_mib: i64) {
        let id = AgentId::new(name).expect("an agent's name is an id");
        let info = AgentInfo {
            reservations: Vec::new(),
            id: id.clone(),
            hostname: format!("{name}.test"),
            address: String::new(),
            resources: Resources::cpus_mem(cpus_milli, mem_mib),
            attributes: Vec::new(),
            domain: None,
            version: "test".to_owned(),
        };
        self.counter += 1;
        self.agents.insert(id.clone(), ModelAgent::new(info, self.counter));
        self.happen(Duration(0), Happening::ConnectAgent(id));
    }

    /// Says after how long out of contact an agent is removed with its tasks; a day otherwise.
    ///
    /// # Panics
    /// When the cluster has already run.
    pub fn set_agent_removal_timeout(&mut self, timeout: Duration) {
        assert_eq!(self.now, Instant(0), "settings come before the first run");
        self.config.agent_removal_timeout = timeout;
        self.master = open_master(self.config.clone(), self.disk.clone(), self.now);
    }

    /// Says how tasks behave; without it each runs for a second and succeeds.
    pub fn set_behaviour(&mut self, behave: impl FnMut(&TaskInfo) -> Behaviour + 'static) {
        self.behave = Box::new(behave);
    }

    /// Lets something happen at a time.
    pub fn schedule(&mut self, at: Instant, fault: Fault) {
        self.happen(at.since(self.now), Happening::Fault(fault));
    }

    /// How often each task was launched on an agent.
    pub fn launches(&self) -> &BTreeMap<TaskKey, u32> {
        &self.launches
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Runs a scheduler as the framework `test` in role `*`.
    pub fn run<S: Scheduler>(
        &mut self,
        scheduler: &mut S,
        limit: Duration,
    ) -> Result<Ended, NotOver> {
        let info = FrameworkInfo {
            name: "test".to_owned(),
            roles: vec![Role::any()],
            failover_timeout: Duration(60_000),
            labels: Vec::new(),
            disruption_budget: None,
            offer_terms: Vec::new(),
        };
        self.run_as(scheduler, info, limit)
    }

    /// Runs a scheduler.
    pub fn run_as<S: Scheduler>(
        &mut self,
        scheduler: &mut S,
        info: FrameworkInfo,
        limit: Duration,
    ) -> Result<Ended, NotOver> {
        self.counter += 1;
        let mut engine = Engine::new(SessionSettings {
            masters: vec!["master:1".to_owned()],
            info,
            framework: None,
            suppressed: BTreeSet::new(),
            acknowledgement: Acknowledgement::Automatic,
            backoff: Backoff { min: Duration(50), max: Duration(2_000) },
            connect_timeout: Duration(5_000),
            drain_timeout: Duration(30_000),
            seed: self.seed ^ self.counter,
        });
        let until = self.now + limit;
        let mut inputs = Vec::new();
        while self.now < until {
            let mut effects = Vec::new();
            engine.step(self.now, inputs.drain(..), scheduler, &mut effects);
            effects.into_iter().for_each(|effect| self.framework_effect(effect));
            if let Some(ended) = engine.ended() {
                return Ok(ended.clone());
            }
            inputs = self.advance(engine.deadline().unwrap_or(until).min(until));
        }
        Err(NotOver { limit })
    }
}

fn cluster_id() -> ClusterId {
    ClusterId::new("test").expect("letters are an id")
}

fn config() -> Config {
    let node = NodeId(1);
    let mut config = Config::new(cluster_id(), node, [(node, "master:1".to_owned())].into());
    // The disk of a test is memory: nothing is gained by snapshots.
    config.snapshot_entries = u64::MAX / 2;
    config
}

fn open_master(config: Config, disk: Restored, now: Instant) -> Master {
    let now = Now { monotonic: now, wall: WallTime(now.0) };
    Master::open(config, disk, Ledger::new(cluster_id()), now)
        .expect("a log that the same code wrote can be opened")
}

fn principal(text: &str) -> Principal {
    format!("spiffe://test/{text}").parse().expect("kind and id of a principal")
}
