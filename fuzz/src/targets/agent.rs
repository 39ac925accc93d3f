//! Whatever masters, containers and time do to an agent, in any order.
//!
//! An input is a list of steps: orders as messages, events of containers, time, crashes. After each
//! step the agent's invariants hold; no container starts without a durable intent, or twice; what
//! is journaled can be read; after a tick nothing is due at once, so that no agent runs in circles.

use super::{kind_of, part};
use crate::{
    schema::Inventor,
    situation::{met, met_variant},
    wire::{self, Field, varint},
};
use agent_core::{
    Agent, Config, ContainerId, Effect, Ending, ExitReport, FailureKind, Identity, Input, Journal,
    LaunchFailure, Observation, Outbox, Record, TaskRow, VolumeRow, invariants,
    journal::{codec, codec_volume},
};
use prost::Message as _;
use proto::{
    convert::{body::read_body, orders},
    model::{
        AgentInfo, Duration, Instant, Leadership, Milli, Order, Resources, TaskKey, VolumeKey,
        WallTime,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// Steps of one input that are taken, at most.
const STEPS_MAX: usize = 48;
/// More than one step can be the cause of: the agent would be flooding its shell.
const EFFECTS_MAX: usize = 2_000;
/// Time does not pass faster.
const PAUSE_MS_MAX: u64 = 3_600_000;

const TICK: usize = 0;
const ORDER: usize = 1;
const CONNECTED: usize = 2;
const DISCONNECTED: usize = 3;
const STARTED: usize = 4;
const FAILED: usize = 5;
const EXITED: usize = 6;
const RESIZED: usize = 7;
const VOLUME_DONE: usize = 8;
const DISK_SPACE: usize = 9;
const CRASH: usize = 10;
const LEADER_FOUND: usize = 11;
const KINDS: usize = 12;

/// What survives a crash.
#[derive(Debug, Clone)]
pub(super) struct Disk {
    pub(super) identity: Identity,
    pub(super) rows: BTreeMap<TaskKey, TaskRow>,
    pub(super) volumes: BTreeMap<VolumeKey, VolumeRow>,
}

impl Disk {
    pub(super) fn new() -> Self {
        let identity = Identity {
            agent: "a1".parse().expect("an id"),
            cluster: None,
            incarnation: 1,
            boot_id: "boot-1".to_owned(),
            term: 0,
        };
        Self { identity, rows: BTreeMap::new(), volumes: BTreeMap::new() }
    }

    /// Through bytes, as a real disk would.
    pub(super) fn apply(&mut self, records: &[Record]) {
        for record in records {
            match record {
                Record::Identity(identity) => {
                    let read = codec::decode_identity(&codec::encode_identity(identity));
                    self.identity = read.expect("own bytes");
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

    pub(super) fn journal(&self) -> Journal {
        Journal {
            identity: self.identity.clone(),
            rows: self.rows.values().cloned().collect(),
            volumes: self.volumes.values().cloned().collect(),
        }
    }
}

pub(super) fn config(seed: u64, boot: &str) -> Config {
    let mut resources = Resources::cpus_mem(4_000, 4_000);
    let name = proto::model::ResourceName::DISK;
    let disk = [(name, proto::model::Value::Scalar(Milli(100_000)))];
    let disk = Resources::from_entries(disk).expect("an amount");
    resources = resources.checked_add(&disk).expect("two names");
    let info = AgentInfo {
        reservations: Vec::new(),
        id: "a1".parse().expect("an id"),
        hostname: "host-1".to_owned(),
        address: String::new(),
        resources,
        attributes: Vec::new(),
        domain: None,
        version: "1".to_owned(),
    };
    Config::new(info, seed, boot, WallTime(1_000_000))
}

fn step(kind: usize, numbers: &[u64]) -> Field {
    let fields: Vec<Field> = (1..).zip(numbers).map(|(at, number)| varint(at, *number)).collect();
    part(kind, wire::write(&fields))
}

/// An order in the present term.
fn order(message: Vec<u8>) -> Field {
    part(ORDER, wire::write(&[varint(1, 0), wire::bytes(2, message)]))
}

pub(super) fn input_seeds() -> Vec<Vec<u8>> {
    let cluster = "fuzz".parse().expect("an id");
    let registered = Order::Registered { heartbeat_interval: Duration(1_000), cluster };
    let registered = orders::write_master_message(1, &registered).encode_to_vec();
    let begin = [step(CONNECTED, &[]), order(registered)];
    let mut inputs = Vec::new();
    for seed in 0..120 {
        let mut inventor = Inventor::new(seed);
        let mut steps = begin.to_vec();
        for at in 0..8 {
            let is_believed = |bytes: &[u8]| {
                read_body(bytes).and_then(orders::read_master_message).is_ok_and(|(_, order)| {
                    // Enough of these are in every input.
                    !matches!(
                        order,
                        Order::Registered { .. } | Order::Masters(_) | Order::Refused(_)
                    )
                })
            };
            steps.push(order(inventor.believed("bourse.v1.MasterMessage", is_believed)));
            let more = match (seed + at) % 10 {
                0 => step(STARTED, &[at]),
                1 => step(EXITED, &[at, seed % 4]),
                2 => step(TICK, &[1_000 * at]),
                3 => step(VOLUME_DONE, &[at, 0, seed % 2]),
                4 => step(CRASH, &[seed, at]),
                5 => step(RESIZED, &[at, 1, seed % 2]),
                6 => step(FAILED, &[at, seed % 7]),
                7 => step(DISK_SPACE, &[at % 2]),
                8 => step(LEADER_FOUND, &[1 + at % 3, seed % 3]),
                _ => step(DISCONNECTED, &[]),
            };
            steps.push(more);
        }
        inputs.push(wire::write(&steps));
    }
    inputs
}

pub(super) fn inputs(bytes: &[u8]) {
    let mut world = World::new();
    for (number, said) in wire::parts(bytes).into_iter().take(STEPS_MAX) {
        world.take(kind_of(number, KINDS), said);
    }
}

struct World {
    agent: Agent,
    disk: Disk,
    now: Instant,
    session: u64,
    lives: u64,
    /// Started in this life or an earlier one, and not yet removed.
    containers: BTreeMap<ContainerId, bool>,
    started_ever: BTreeSet<ContainerId>,
    started_for: BTreeSet<TaskKey>,
    wanted_of_volumes: Vec<(VolumeKey, u64)>,
}

impl World {
    fn new() -> Self {
        let disk = Disk::new();
        let mut outbox = Outbox::new();
        let (journal, nothing) = (disk.journal(), BTreeMap::new());
        let now = Instant(1_000);
        let agent = Agent::recover(
            config(1, "boot-1"),
            journal,
            nothing,
            BTreeSet::new(),
            now,
            &mut outbox,
        );
        let mut world = Self {
            agent: agent.expect("an empty journal"),
            disk,
            now,
            session: 0,
            lives: 1,
            containers: BTreeMap::new(),
            started_ever: BTreeSet::new(),
            started_for: BTreeSet::new(),
            wanted_of_volumes: Vec::new(),
        };
        world.execute(outbox);
        world
    }

    fn take(&mut self, kind: usize, said: &[u8]) {
        let first = wire::number(said, 1);
        let input = match kind {
            TICK => {
                self.now = self.now + Duration(first % PAUSE_MS_MAX);
                Some(Input::Tick)
            }
            ORDER => self.order(first, said),
            CONNECTED => Some(Input::Connected { session: self.session_near(first) }),
            DISCONNECTED => Some(Input::Disconnected { session: self.session_near(first) }),
            DISK_SPACE => Some(Input::JournalSpace { low: first % 2 == 1 }),
            VOLUME_DONE => self.volume_done(first, said),
            LEADER_FOUND => Some(self.leader_found(first, said)),
            CRASH => return self.crash(first, wire::number(said, 2)),
            _ => self.container_event(kind, first, said),
        };
        if let Some(input) = input {
            met_variant("input", &input);
            self.give(input);
        }
    }

    /// Mostly the present one.
    fn session_near(&self, first: u64) -> u64 {
        if first % 4 == 3 { first } else { self.session }
    }

    fn order(&self, term: u64, said: &[u8]) -> Option<Input> {
        let parts = wire::parts(said);
        let (_, message) = parts.iter().find(|(number, _)| *number == 2)?;
        let (said_term, order) = match read_body(*message).and_then(orders::read_master_message) {
            Ok(order) => order,
            Err(refusal) => {
                met(("no order", refusal.field));
                return None;
            }
        };
        let present = self.agent.identity().term.max(1);
        let term = match term % 4 {
            0 | 1 => present,
            2 => present.saturating_add(1),
            _ => said_term,
        };
        met_variant("order", &order);
        Some(Input::Order { session: self.session, term, order })
    }

    fn container_event(&self, kind: usize, nth: u64, said: &[u8]) -> Option<Input> {
        let known: Vec<&ContainerId> = self.containers.keys().collect();
        let at = usize::try_from(nth).unwrap_or(0) % (known.len() + 1);
        // One too many: of a container that never was.
        let container = match known.get(at) {
            Some(container) => (*container).clone(),
            None => ContainerId::new("c-unknown").expect("an id"),
        };
        let second = wire::number(said, 2);
        let message = "as the shell said".to_owned();
        let kinds = [
            FailureKind::NotFound,
            FailureKind::NotExecutable,
            FailureKind::Invalid,
            FailureKind::Cancelled,
            FailureKind::Abandoned,
            FailureKind::Volume,
            FailureKind::Other,
            FailureKind::Image,
        ];
        let failure = LaunchFailure { kind: kinds[usize::try_from(second % 8).ok()?], message };
        Some(match kind {
            STARTED => Input::ContainerStarted { container },
            FAILED => Input::ContainerFailed { container, failure },
            RESIZED => {
                let refused = wire::number(said, 3) % 2 == 1;
                let result = if refused { Err("no".to_owned()) } else { Ok(()) };
                Input::ContainerResized { container, version: second, result }
            }
            _ => {
                let code = i32::try_from(second % 256).expect("small");
                let ending = match second % 5 {
                    0 => Ending::Exited(code),
                    1 => Ending::Signaled(code),
                    2 => Ending::OutOfMemory { limit_bytes: Some(second) },
                    3 => Ending::LaunchFailed(failure),
                    _ => Ending::SupervisorLost,
                };
                let killed_by_request = wire::number(said, 3) % 2 == 1;
                let memory_peak_bytes = Some(second);
                let report = ExitReport { ending, killed_by_request, memory_peak_bytes };
                Input::ContainerExited { container, report }
            }
        })
    }

    /// Of a question that may have been asked, and a term that is higher or not.
    fn leader_found(&self, question: u64, said: &[u8]) -> Input {
        let term = self.agent.identity().term.saturating_add(wire::number(said, 2) % 3);
        let leader = (wire::number(said, 3).is_multiple_of(2)).then(|| "m2:1".to_owned());
        let cluster = "fuzz".parse().expect("an id");
        Input::LeaderFound { question, answer: Some(Leadership { cluster, term, leader }) }
    }

    fn volume_done(&self, nth: u64, said: &[u8]) -> Option<Input> {
        let at = usize::try_from(nth).unwrap_or(0) % self.wanted_of_volumes.len().max(1);
        let (key, version) = *self.wanted_of_volumes.get(at)?;
        let version = match wire::number(said, 2) {
            0 => version,
            other => other,
        };
        let fails = wire::number(said, 3) % 2 == 1;
        let result = if fails { Err("the disk".to_owned()) } else { Ok(()) };
        Some(Input::VolumeDone { key, version, result })
    }

    fn give(&mut self, input: Input) {
        let is_tick = input == Input::Tick;
        let mut outbox = Outbox::new();
        self.agent.step(self.now, input, &mut outbox);
        self.execute(outbox);
        self.check();
        if is_tick && let Some(deadline) = self.agent.deadline() {
            assert!(deadline > self.now, "due at {deadline:?} again, at {:?}", self.now);
        }
    }

    fn check(&self) {
        invariants::check(&self.agent).expect("invariants");
        let rows: Vec<&TaskRow> = self.agent.tasks().collect();
        assert_eq!(self.disk.rows.len(), rows.len(), "what it knows is durable");
        for (durable, row) in self.disk.rows.values().zip(&rows) {
            // What is confirmed is not journaled at once: after a crash it is sent once more.
            assert!(durable.pending.ends_with(&row.pending), "{durable:?}, known as {row:?}");
            let durable = TaskRow { pending: row.pending.clone(), ..durable.clone() };
            assert_eq!(durable, **row, "what it knows is durable");
        }
        for row in &rows {
            met(("row", format!("{:?}", row.state), row.membership.is_some()));
        }
    }

    fn execute(&mut self, mut outbox: Outbox) {
        let effects = outbox.drain();
        assert!(effects.len() <= EFFECTS_MAX, "{} effects of one step", effects.len());
        for effect in effects {
            met_variant("effect", &effect);
            match effect {
                Effect::Journal(records) => self.disk.apply(&records),
                Effect::StartContainer { container, key, .. } => {
                    let row = self.disk.rows.get(&key).expect("T7: a durable intent");
                    assert_eq!(row.container.as_ref(), Some(&container), "T7: for this one");
                    assert!(self.started_ever.insert(container.clone()), "T3: a name used again");
                    self.started_for.insert(key);
                    self.containers.insert(container, true);
                }
                Effect::RemoveContainer { container } => drop(self.containers.remove(&container)),
                Effect::MakeVolume { key, version }
                | Effect::ShrinkVolume { key, version, .. }
                | Effect::DeleteVolume { key, version } => {
                    self.wanted_of_volumes.push((key, version));
                }
                Effect::Connect { session, .. } => self.session = session,
                _ => {}
            }
        }
    }

    /// Another life on the same disk; `how` says what is found of containers and volumes.
    fn crash(&mut self, how: u64, and: u64) {
        self.lives += 1;
        let report = ExitReport {
            ending: Ending::Signaled(9),
            killed_by_request: how & 4 != 0,
            memory_peak_bytes: None,
        };
        let observe = |(index, container): (usize, &ContainerId)| {
            let observation = match (how >> (index % 16)) & 3 {
                0 | 1 => Observation::Running,
                2 => Observation::Exited(report.clone()),
                _ => Observation::Nothing,
            };
            (container.clone(), observation)
        };
        let observed = self.containers.keys().enumerate().map(observe).collect();
        let boot = if and % 4 == 3 { "boot-2" } else { "boot-1" };
        let found = self.disk.volumes.keys().copied();
        let found = found.filter(|_| and & 4 == 0).collect();
        let mut outbox = Outbox::new();
        let config = config(self.lives, boot);
        let agent =
            Agent::recover(config, self.disk.journal(), observed, found, self.now, &mut outbox);
        self.agent = agent.expect("its own journal");
        self.wanted_of_volumes.clear();
        met("crash");
        self.execute(outbox);
        self.check();
    }
}
