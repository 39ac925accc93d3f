//! A stage for stories: one agent, a disk that keeps what was journaled, and a master's voice.

use agent_core::{
    Agent, Config, ContainerId, Effect, Ending, ExitReport, Identity, Input, Journal, Observation,
    Outbox, Record, TaskRow, VolumeRow, invariants,
};
use proto::model::{
    AgentCall, AgentInfo, Command, Duration, FrameworkId, Instant, Order, OwnerId, Resources,
    TaskInfo, TaskKey, TaskStatus, VolumeKey, WallTime,
};
use std::collections::{BTreeMap, BTreeSet};

/// What survives.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    pub(crate) identity: Identity,
    pub(crate) rows: BTreeMap<TaskKey, TaskRow>,
    pub(crate) volumes: BTreeMap<VolumeKey, VolumeRow>,
    /// The directories of volumes that are there.
    pub(crate) directories: BTreeSet<VolumeKey>,
}

/// One agent and its world.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) agent: Agent,
    pub(crate) disk: Disk,
    pub(crate) now: Instant,
    pub(crate) session: u64,
    pub(crate) boot: String,
    /// For the next life of the agent.
    pub(crate) up_at_origin: Duration,
    asked_to_connect: bool,
    seed: u64,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let identity = Identity {
            agent: "agent-1".parse().expect("an id"),
            cluster: None,
            incarnation: 99,
            boot_id: "boot-1".to_owned(),
            term: 0,
        };
        let (volumes, directories) = (BTreeMap::new(), BTreeSet::new());
        Self { identity, rows: BTreeMap::new(), volumes, directories }
    }

    /// Applies records through the codec, as a real disk would.
    pub(crate) fn apply(&mut self, records: &[Record]) {
        use agent_core::journal::{codec, codec_volume};
        for record in records {
            match record {
                Record::Identity(identity) => {
                    let bytes = codec::encode_identity(identity);
                    self.identity = codec::decode_identity(&bytes).expect("own bytes");
                    assert_eq!(self.identity, *identity);
                }
                Record::Task(row) => {
                    let read = codec::decode_row(&codec::encode_row(row)).expect("own bytes");
                    assert_eq!(read, **row);
                    self.rows.insert(row.key.clone(), read);
                }
                Record::Forget(key) => drop(self.rows.remove(key)),
                Record::Volume(row) => {
                    let bytes = codec_volume::encode_volume(row);
                    let read = codec_volume::decode_volume(&bytes).expect("own bytes");
                    assert_eq!(read, **row);
                    self.volumes.insert(row.key, read);
                }
                Record::ForgetVolume(key) => drop(self.volumes.remove(key)),
            }
        }
    }

    pub(crate) fn journal(&self) -> Journal {
        Journal {
            identity: self.identity.clone(),
            rows: self.rows.values().cloned().collect(),
            volumes: self.volumes.values().cloned().collect(),
        }
    }
}

pub(crate) fn config(seed: u64, boot: &str) -> Config {
    let info = AgentInfo {
        reservations: Vec::new(),
        id: "agent-1".parse().expect("an id"),
        hostname: "host-1".to_owned(),
        address: String::new(),
        resources: Resources::cpus_mem(4_000, 4_000),
        attributes: Vec::new(),
        domain: None,
        version: "1".to_owned(),
    };
    Config::new(info, seed, boot, WallTime(1_000_000))
}

impl Stage {
    /// A new agent that has not yet found a master.
    pub(crate) fn new() -> Self {
        let disk = Disk::new();
        let mut outbox = Outbox::new();
        let agent = Agent::recover(
            config(1, "boot-1"),
            disk.journal(),
            BTreeMap::new(),
            BTreeSet::new(),
            Instant(0),
            &mut outbox,
        );
        let agent = agent.expect("an empty journal");
        let mut stage = Self {
            agent,
            disk,
            now: Instant(0),
            session: 0,
            boot: "boot-1".to_owned(),
            up_at_origin: Duration(0),
            asked_to_connect: false,
            seed: 1,
        };
        let effects = outbox.drain();
        stage.note(&effects);
        stage
    }

    /// A new agent that is registered.
    pub(crate) fn registered() -> Self {
        let mut stage = Self::new();
        stage.register();
        stage
    }

    /// Connects, without an answer to the registration.
    pub(crate) fn connect(&mut self) -> Vec<Effect> {
        while !self.asked_to_connect {
            let at = self.agent.deadline().expect("it tries again");
            self.now = self.now.max(at);
            self.give(Input::Tick);
        }
        self.asked_to_connect = false;
        let effects = self.give(Input::Connected { session: self.session });
        assert!(
            effects.iter().any(|effect| matches!(
                effect,
                Effect::Send { call: AgentCall::Register { .. }, .. }
            )),
            "{effects:?}"
        );
        effects
    }

    /// Connects and registers.
    pub(crate) fn register(&mut self) -> Vec<Effect> {
        self.connect();
        let effects = self.order(registered_order());
        assert!(self.agent.is_registered());
        effects
    }

    /// As [`Stage::register`], with the registration itself among the effects.
    pub(crate) fn register_whole(&mut self) -> Vec<Effect> {
        let mut effects = self.connect();
        effects.extend(self.order(registered_order()));
        effects
    }

    pub(crate) fn give(&mut self, input: Input) -> Vec<Effect> {
        let mut outbox = Outbox::new();
        self.agent.step(self.now, input, &mut outbox);
        invariants::check(&self.agent).expect("invariants");
        let effects = outbox.drain();
        self.note(&effects);
        effects
    }

    pub(crate) fn order(&mut self, order: Order) -> Vec<Effect> {
        self.order_in_term(self.agent.identity().term.max(1), order)
    }

    pub(crate) fn order_in_term(&mut self, term: u64, order: Order) -> Vec<Effect> {
        self.give(Input::Order { session: self.session, term, order })
    }

    pub(crate) fn wait_ms(&mut self, ms: u64) -> Vec<Effect> {
        self.now = self.now + Duration(ms);
        self.give(Input::Tick)
    }

    /// Kills the agent and starts another on the same disk; every container that ever had a row is
    /// observed in the same way.
    pub(crate) fn crash_and_recover(&mut self, observation: Observation) -> Vec<Effect> {
        self.seed += 1;
        let live = self.agent.tasks().filter(|row| row.is_live());
        let observed = live.filter_map(|row| row.container.clone());
        let observed = observed.map(|container| (container, observation.clone())).collect();
        let mut outbox = Outbox::new();
        let mut config = config(self.seed, &self.boot);
        config.up_at_origin = self.up_at_origin;
        let (journal, found) = (self.disk.journal(), self.disk.directories.clone());
        let agent = Agent::recover(config, journal, observed, found, self.now, &mut outbox);
        self.agent = agent.expect("own journal");
        self.asked_to_connect = false;
        invariants::check(&self.agent).expect("invariants");
        let effects = outbox.drain();
        self.note(&effects);
        effects
    }

    fn note(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Journal(records) => self.disk.apply(records),
                Effect::Connect { session, .. } => {
                    self.session = *session;
                    self.asked_to_connect = true;
                }
                _ => {}
            }
        }
    }
}

pub(crate) fn registered_order() -> Order {
    let cluster = "test".parse().expect("an id");
    Order::Registered { heartbeat_interval: Duration(1_000), cluster }
}

pub(crate) fn key(task: &str) -> TaskKey {
    TaskKey { framework: FrameworkId(1), task: task.parse().expect("an id") }
}

/// The order to launch [`task`] for a framework of [`owner`].
pub(crate) fn launch(id: &str, cpus: i64) -> Order {
    launch_of(task(id, cpus))
}

/// The order to launch this very task.
pub(crate) fn launch_of(task: Box<TaskInfo>) -> Order {
    let (framework, owner) = (key(task.id.as_str()).framework, Some(owner()));
    Order::Launch { framework, owner, task }
}

pub(crate) fn owner() -> OwnerId {
    "somebody".parse().expect("an id")
}

pub(crate) fn task(id: &str, cpus: i64) -> Box<TaskInfo> {
    let command = Command { arguments: vec!["true".to_owned()], ..Command::default() };
    Box::new(TaskInfo::new(
        id.parse().expect("an id"),
        "agent-1".parse().expect("an id"),
        Resources::cpus_mem(cpus * 1_000, 1),
        command,
    ))
}

pub(crate) fn report(ending: Ending, killed_by_request: bool) -> ExitReport {
    ExitReport { ending, killed_by_request, memory_peak_bytes: None }
}

pub(crate) fn container_of(effects: &[Effect]) -> ContainerId {
    let start = effects.iter().find_map(|effect| match effect {
        Effect::StartContainer { container, .. } => Some(container.clone()),
        _ => None,
    });
    start.expect("a container is started")
}

pub(crate) fn starts(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::StartContainer { .. })).count()
}

pub(crate) fn updates(effects: &[Effect]) -> Vec<TaskStatus> {
    let update = |effect: &Effect| match effect {
        Effect::Send { call: AgentCall::Update { status, .. }, .. } => Some(status.clone()),
        _ => None,
    };
    effects.iter().filter_map(update).collect()
}
