//! Random histories: orders, container events, crashes at any point of an effect list, reboots.
//!
//! Around the agent stand a disk (what was journaled), a kernel (which containers run, which left
//! an exit record) and a master (which commits updates in order and remembers what it ordered). The
//! checks are made where the truth is: at the kernel for T3 and T7, at the master for U1, U2 and
//! T4.

use crate::stage::{Disk, config, key, report};
use agent_core::{
    Agent, ContainerId, Effect, Ending, Input, Observation, Outbox, Record, invariants,
};
use master::Committed;
use orders::{kill_order, launch_order, resize_order};
use proptest::prelude::*;
use proto::model::{Duration, Instant, Leadership, Order, TaskKey, TaskState, TaskStatus};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod groups;
mod master;
mod orders;
mod volumes;

const TASKS: u8 = 6;

/// One thing that happens; indexes are taken modulo what there is.
#[derive(Debug, Clone)]
enum Action {
    Launch(u8),
    LaunchGroup(u8),
    Kill(u8),
    KillGroup(u8),
    Resize(u8, u8),
    MakeVolume,
    ResizeVolume(u8, u8),
    DestroyVolume(u8),
    WorkOnVolume { fails: bool },
    HideVolume(u8),
    FindVolumes,
    StaleLaunch(u8),
    Start(u8),
    FailStart(u8),
    Exit(u8, i32),
    LoseSupervisor(u8),
    Wait(u16),
    Answer(u8),
    Disconnect,
    Crash { executed: u8 },
    Reboot,
    NewLeader,
    DiskFull(bool),
}

#[derive(Debug, Clone, PartialEq)]
enum Container {
    Starting,
    Running,
    Exited(Ending, bool),
    /// The supervisor died and left nothing.
    Lost,
}

struct World {
    agent: Agent,
    disk: Disk,
    now: Instant,
    session: Option<u64>,
    term: u64,
    boot: u64,
    seed: u64,
    /// Effects are executed up to this many more; then the agent is dead.
    budget: Option<u8>,
    containers: BTreeMap<ContainerId, Container>,
    starts: BTreeMap<TaskKey, u32>,
    started_ever: BTreeSet<ContainerId>,
    owners: BTreeMap<ContainerId, TaskKey>,
    master: BTreeMap<TaskKey, Committed>,
    wire: VecDeque<TaskStatus>,
    inputs: VecDeque<Input>,
    volumes: volumes::Volumes,
}

impl World {
    fn new() -> Self {
        let mut disk = Disk::new();
        disk.directories.extend(volumes::strangers());
        let mut outbox = Outbox::new();
        let (journal, found) = (disk.journal(), disk.directories.clone());
        let observed = BTreeMap::new();
        let agent =
            Agent::recover(config(1, "0"), journal, observed, found, Instant(0), &mut outbox);
        let mut world = Self {
            agent: agent.expect("an empty journal"),
            disk,
            now: Instant(0),
            session: None,
            term: 1,
            boot: 0,
            seed: 1,
            budget: None,
            containers: BTreeMap::new(),
            starts: BTreeMap::new(),
            started_ever: BTreeSet::new(),
            owners: BTreeMap::new(),
            master: BTreeMap::new(),
            wire: VecDeque::new(),
            inputs: VecDeque::new(),
            volumes: volumes::Volumes::default(),
        };
        world.execute(outbox.drain());
        world
    }

    fn give(&mut self, input: Input) {
        self.inputs.push_back(input);
        while let Some(input) = self.inputs.pop_front() {
            let mut outbox = Outbox::new();
            self.agent.step(self.now, input, &mut outbox);
            invariants::check(&self.agent).expect("invariants");
            if !self.execute(outbox.drain()) {
                self.restart();
            }
        }
    }

    /// Whether the agent lived to execute all of them.
    fn execute(&mut self, effects: Vec<Effect>) -> bool {
        for effect in effects {
            if let Some(left) = &mut self.budget {
                if *left == 0 {
                    return false;
                }
                *left -= 1;
            }
            self.execute_one(effect);
        }
        true
    }

    fn execute_one(&mut self, effect: Effect) {
        match effect {
            Effect::Journal(records) => self.journal(&records),
            Effect::StartContainer { container, key, .. } => {
                let row = self.disk.rows.get(&key).expect("T7: a durable intent");
                assert_eq!(row.container.as_ref(), Some(&container), "T7: for this container");
                self.check_turn(&key);
                self.check_mounts(&key);
                self.owners.insert(container.clone(), key.clone());
                let starts = self.starts.entry(key).or_default();
                *starts += 1;
                assert_eq!(*starts, 1, "T3: one container per task");
                assert!(self.started_ever.insert(container.clone()), "T3: names are not reused");
                self.containers.insert(container, Container::Starting);
            }
            Effect::StopContainer { container, .. } => {
                self.check_stop(&container);
                // The supervisor obeys when the history says `Exit`, or at the end.
                if let Some(state @ (Container::Starting | Container::Running)) =
                    self.containers.get_mut(&container)
                {
                    *state = Container::Exited(Ending::Signaled(15), true);
                    let report = report(Ending::Signaled(15), true);
                    self.inputs.push_back(Input::ContainerExited { container, report });
                }
            }
            Effect::ResizeContainer { container, version, .. } => {
                if self.containers.get(&container) == Some(&Container::Running) {
                    let is_refused = version.is_multiple_of(3);
                    let result = if is_refused { Err("no".to_owned()) } else { Ok(()) };
                    self.inputs.push_back(Input::ContainerResized { container, version, result });
                }
            }
            Effect::RemoveContainer { container } => drop(self.containers.remove(&container)),
            Effect::AdoptContainer { container } => self.adopt(container),
            Effect::MakeVolume { .. }
            | Effect::ShrinkVolume { .. }
            | Effect::DeleteVolume { .. } => self.want_of_volume(&effect),
            Effect::Connect { session, .. } => {
                self.session = Some(session);
                self.inputs.push_back(Input::Connected { session });
            }
            Effect::Disconnect { .. } => {
                self.session = None;
                self.wire.clear();
                self.volumes.forget_wire();
            }
            // Sometimes its leader has a successor, which is the same to this history.
            Effect::FindLeader { question, .. } => {
                let term = question.above_term + question.number % 2;
                let (cluster, leader) = ("test".parse().expect("an id"), Some("b:1".to_owned()));
                let answer = Some(Leadership { cluster, term, leader });
                let question = question.number;
                self.inputs.push_back(Input::LeaderFound { question, answer });
            }
            // What is sent on a stream that was cut is lost.
            Effect::Send { session, call } if self.session == Some(session) => self.hear(call),
            Effect::Send { .. } => {}
            Effect::Abandon(_) => unreachable!("this master removes nobody"),
        }
    }

    fn journal(&mut self, records: &[Record]) {
        for record in records {
            if let Record::Forget(key) = record {
                let known = self.master.get(key).and_then(|committed| committed.state);
                assert!(known.is_some_and(TaskState::is_terminal), "U1: forgotten once committed");
            }
        }
        self.check_volume_records(records);
        self.disk.apply(records);
    }

    fn adopt(&mut self, container: ContainerId) {
        match self.containers.get(&container) {
            Some(Container::Starting) => {
                self.containers.insert(container, Container::Running);
            }
            Some(Container::Running) => {}
            other => panic!("adopted {container}, which is {other:?}"),
        }
    }

    fn restart(&mut self) {
        self.budget = None;
        self.session = None;
        self.wire.clear();
        self.volumes.forget_process();
        self.inputs.clear();
        self.seed += 1;
        let mut observed = BTreeMap::new();
        for (container, state) in &self.containers {
            let observation = match state {
                Container::Starting | Container::Running => Observation::Running,
                Container::Exited(ending, asked) => {
                    Observation::Exited(report(ending.clone(), *asked))
                }
                Container::Lost => Observation::Nothing,
            };
            observed.insert(container.clone(), observation);
        }
        let mut outbox = Outbox::new();
        let config = config(self.seed, &self.boot.to_string());
        let (journal, found) = (self.disk.journal(), self.disk.directories.clone());
        let agent = Agent::recover(config, journal, observed, found, self.now, &mut outbox);
        self.agent = agent.expect("own journal");
        invariants::check(&self.agent).expect("invariants after recovery");
        assert!(self.execute(outbox.drain()), "nobody kills it here");
    }

    fn nth(&self, index: u8, wanted: impl Fn(&Container) -> bool) -> Option<ContainerId> {
        let all: Vec<_> =
            self.containers.iter().filter(|(_, state)| wanted(state)).map(|(id, _)| id).collect();
        all.get(usize::from(index) % all.len().max(1)).map(|id| (*id).clone())
    }

    fn exit(&mut self, container: ContainerId, ending: Ending) {
        self.containers.insert(container.clone(), Container::Exited(ending.clone(), false));
        self.give(Input::ContainerExited { container, report: report(ending, false) });
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Launch(index) | Action::StaleLaunch(index) => {
                let key = key(&format!("t{}", index % TASKS));
                if matches!(action, Action::StaleLaunch(_)) {
                    return self.order(self.term - 1, launch_order(&key));
                }
                let committed = self.master.entry(key.clone()).or_default();
                if committed.state.is_none() && !committed.kill {
                    self.choose_volume(&key, index / TASKS);
                    self.order(self.term, self.launch_order_of(&key));
                }
            }
            Action::Kill(index) => {
                let key = key(&format!("t{}", index % TASKS));
                let committed = self.master.entry(key.clone()).or_default();
                if !committed.state.is_some_and(TaskState::is_terminal) {
                    committed.kill = true;
                    self.order(self.term, kill_order(&key));
                }
            }
            Action::LaunchGroup(group) => self.launch_group(*group),
            Action::KillGroup(group) => self.kill_group(*group),
            Action::Resize(index, cpus) => {
                let key = key(&format!("t{}", index % TASKS));
                let Some(committed) = self.master.get_mut(&key) else { return };
                let is_running = committed.state == Some(TaskState::Running) && !committed.kill;
                if is_running && committed.sizes.0 == committed.sizes.1 {
                    committed.sizes.0 += 1;
                    committed.cpus = *cpus;
                    let order = resize_order(&key, committed);
                    self.order(self.term, order);
                }
            }
            Action::Start(index) => {
                if let Some(container) = self.nth(*index, |state| *state == Container::Starting) {
                    self.containers.insert(container.clone(), Container::Running);
                    self.give(Input::ContainerStarted { container });
                }
            }
            Action::FailStart(index) => {
                if let Some(container) = self.nth(*index, |state| *state == Container::Starting) {
                    let failure = agent_core::LaunchFailure {
                        kind: agent_core::FailureKind::NotFound,
                        message: "no such program".to_owned(),
                    };
                    self.exit(container, Ending::LaunchFailed(failure));
                }
            }
            Action::Exit(index, code) => {
                if let Some(container) = self.nth(*index, |state| *state == Container::Running) {
                    self.exit(container, Ending::Exited(*code));
                }
            }
            Action::LoseSupervisor(index) => {
                if let Some(container) = self.nth(*index, |state| *state == Container::Running) {
                    self.containers.insert(container.clone(), Container::Lost);
                    let report = report(Ending::SupervisorLost, false);
                    self.give(Input::ContainerExited { container, report });
                }
            }
            other => self.act_around(other),
        }
    }

    fn act_around(&mut self, action: &Action) {
        match action {
            Action::MakeVolume => self.make_volume(),
            Action::ResizeVolume(index, size) => self.resize_volume(*index, *size),
            Action::DestroyVolume(index) => self.destroy_volume(*index),
            Action::WorkOnVolume { fails } => self.work_on_volume(*fails),
            Action::HideVolume(index) => self.hide_volume(*index),
            Action::FindVolumes => self.find_volumes(),
            Action::Wait(ms) => {
                self.now = self.now + Duration(u64::from(*ms));
                self.give(Input::Tick);
            }
            Action::Answer(count) => (0..*count).for_each(|_| self.answer()),
            Action::Disconnect => {
                self.wire.clear();
                self.volumes.forget_wire();
                if let Some(session) = self.session.take() {
                    self.give(Input::Disconnected { session });
                }
            }
            Action::Crash { executed } => self.budget = Some(*executed),
            Action::Reboot => {
                self.boot += 1;
                for state in self.containers.values_mut() {
                    if matches!(state, Container::Starting | Container::Running) {
                        *state = Container::Lost;
                    }
                }
                self.restart();
                self.give(Input::Tick);
            }
            Action::NewLeader => {
                self.term += 1;
                self.act_around(&Action::Disconnect);
            }
            Action::DiskFull(low) => self.give(Input::JournalSpace { low: *low }),
            _ => unreachable!("the caller took the others"),
        }
    }

    /// All faults end, every container ends, and the master hears of everything.
    fn heal(&mut self) {
        self.budget = None;
        self.find_volumes();
        for _ in 0..200 {
            self.now = self.now + Duration(1_000);
            self.order(self.term, Order::Heartbeat);
            self.give(Input::Tick);
            self.act(&Action::Start(0));
            self.act(&Action::Exit(0, 0));
            self.heal_volumes();
            (0..32).for_each(|_| self.answer());
        }
        assert!(self.agent.is_registered(), "it comes back");
        assert_eq!(self.agent.tasks().len(), 0, "everything ends and is forgotten");
        assert!(self.disk.rows.is_empty(), "on the disk too");
        assert!(self.containers.is_empty(), "H1: nothing is left: {:?}", self.containers);
        assert!(self.agent.promised().is_empty());
        self.check_volumes_are_gone();
        for (key, committed) in &self.master {
            let ended = committed.state.is_some_and(TaskState::is_terminal);
            assert!(ended, "{key}: no update is lost: {committed:?}");
        }
    }
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => any::<u8>().prop_map(Action::Launch),
        2 => any::<u8>().prop_map(Action::LaunchGroup),
        2 => any::<u8>().prop_map(Action::Kill),
        1 => any::<u8>().prop_map(Action::KillGroup),
        4 => any::<(u8, u8)>().prop_map(|(index, cpus)| Action::Resize(index, cpus)),
        3 => Just(Action::MakeVolume),
        2 => any::<(u8, u8)>().prop_map(|(index, size)| Action::ResizeVolume(index, size)),
        2 => any::<u8>().prop_map(Action::DestroyVolume),
        6 => (0..5_u8).prop_map(|chance| Action::WorkOnVolume { fails: chance == 0 }),
        1 => any::<u8>().prop_map(Action::HideVolume),
        1 => Just(Action::FindVolumes),
        1 => any::<u8>().prop_map(Action::StaleLaunch),
        6 => any::<u8>().prop_map(Action::Start),
        1 => any::<u8>().prop_map(Action::FailStart),
        4 => (any::<u8>(), 0..3_i32).prop_map(|(index, code)| Action::Exit(index, code)),
        1 => any::<u8>().prop_map(Action::LoseSupervisor),
        4 => (0..20_000_u16).prop_map(Action::Wait),
        4 => (1..6_u8).prop_map(Action::Answer),
        1 => Just(Action::Disconnect),
        3 => (0..8_u8).prop_map(|executed| Action::Crash { executed }),
        1 => Just(Action::Reboot),
        1 => Just(Action::NewLeader),
        1 => any::<bool>().prop_map(Action::DiskFull),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn no_history_breaks_a_promise(actions in prop::collection::vec(action(), 1..80)) {
        let mut world = World::new();
        for action in &actions {
            world.act(action);
        }
        world.heal();
    }
}

/// A green run says little if nothing happens in it: a fixed history reaches every kind of end.
#[test]
fn histories_do_run_tasks() {
    let mut world = World::new();
    let mut ends = BTreeSet::new();
    world.give(Input::Tick);
    for index in 0..4 {
        world.act(&Action::Launch(index));
        world.act(&Action::Start(0));
    }
    world.act(&Action::Exit(0, 0));
    world.act(&Action::Exit(0, 1));
    world.act(&Action::Kill(3));
    world.act(&Action::Crash { executed: 0 });
    world.act(&Action::Reboot);
    world.heal();
    for committed in world.master.values() {
        ends.extend(committed.state.map(TaskState::name));
    }
    assert!(ends.contains("TASK_FINISHED"), "{ends:?}");
    assert!(ends.contains("TASK_FAILED"), "{ends:?}");
    assert!(world.starts.len() == 4, "{:?}", world.starts);
}
