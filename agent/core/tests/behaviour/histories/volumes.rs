//! Volumes in the histories: a disk whose directories come and go, and a master that orders, is
//! told, and reconciles as the ledger does.
//!
//! The checks are made where the truth is: at the disk that nothing is made anew, nothing deleted
//! that no durable row says is to be, and nothing under the hands of a task; at the master that
//! nothing is told that is not durable, and that nothing is lost but what was hidden.

use super::{
    Action, Container, World,
    orders::{group_order, launch_order},
};
use crate::stage::key;
use agent_core::{Effect, Input, Record, VolumeStage};
use proto::model::{
    Milli, Order, StatusReason, TaskInfo, TaskKey, TaskState, VolumeAction, VolumeId, VolumeKey,
    VolumeMount, VolumeRef, VolumeReport, VolumeState as State,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const VOLUMES: u64 = 5;

/// What the master knows of a volume.
#[derive(Debug)]
struct Ordered {
    state: State,
    version: u64,
    size: Milli,
    to: Milli,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Make,
    Shrink,
    Delete,
}

#[derive(Debug, Default)]
pub(super) struct Volumes {
    ordered: BTreeMap<VolumeKey, Ordered>,
    made: u64,
    /// What each task was launched with.
    mounts: BTreeMap<TaskKey, Option<VolumeKey>>,
    /// What the process still has to do, in order.
    work: VecDeque<(Work, VolumeKey, u64)>,
    wire: VecDeque<VolumeReport>,
    /// Durably there, once.
    had_data: BTreeSet<VolumeKey>,
    hidden: BTreeSet<VolumeKey>,
    ever_hidden: BTreeSet<VolumeKey>,
    never_made: BTreeSet<VolumeKey>,
    /// Directories that no row stands for any more, or ever did.
    nobodys: BTreeSet<VolumeKey>,
    deleted: u64,
}

impl Volumes {
    pub(super) fn forget_wire(&mut self) {
        self.wire.clear();
    }

    pub(super) fn forget_process(&mut self) {
        self.wire.clear();
        self.work.clear();
    }

    fn nth(&self, index: u8, wanted: impl Fn(&VolumeKey, &Ordered) -> bool) -> Option<VolumeKey> {
        let all = self.ordered.iter().filter(|(key, row)| wanted(key, row));
        let all: Vec<VolumeKey> = all.map(|(key, _)| *key).collect();
        all.get(usize::from(index) % all.len().max(1)).copied()
    }
}

/// A directory that is there from the beginning; one of the volumes will have its name.
pub(super) fn strangers() -> [VolumeKey; 1] {
    [volume(3)]
}

fn volume(id: u64) -> VolumeKey {
    VolumeKey { id: VolumeId(id), incarnation: 1 }
}

/// Every other one is for one.
fn is_shared(key: VolumeKey) -> bool {
    key.id.0.is_multiple_of(2)
}

fn order_of(key: VolumeKey, row: &Ordered) -> Option<Order> {
    let action = match row.state {
        State::Creating => VolumeAction::Make {
            role: "db".parse().expect("a role"),
            name: format!("v{}", key.id.0).parse().expect("a name"),
            size: row.size,
            shared: is_shared(key),
        },
        State::Resizing => VolumeAction::Resize(row.to),
        State::Destroying => VolumeAction::Delete,
        _ => return None,
    };
    Some(Order::Volume { key, version: row.version, action })
}

fn with_volume(task: &mut TaskInfo, key: Option<VolumeKey>) {
    let mount = |key: VolumeKey| VolumeMount {
        volume: VolumeRef::Known(key.id),
        path: "data".to_owned(),
        read_only: false,
        incarnation: key.incarnation,
    };
    task.volumes = key.map(mount).into_iter().collect();
}

/// What the master orders.
impl World {
    pub(super) fn make_volume(&mut self) {
        if self.volumes.made < VOLUMES {
            self.volumes.made += 1;
            let (key, size) = (volume(self.volumes.made), Milli(100_000));
            let row = Ordered { state: State::Creating, version: 1, size, to: size };
            self.volumes.ordered.insert(key, row);
            self.order_volume(key);
        }
    }

    pub(super) fn resize_volume(&mut self, index: u8, size: u8) {
        let Some(key) = self.volumes.nth(index, |_, row| row.state == State::Active) else {
            return;
        };
        let row = self.volumes.ordered.get_mut(&key).expect("it was just found");
        let to = Milli(1_000 * (1 + i64::from(size)));
        if to != row.size {
            (row.state, row.version, row.to) = (State::Resizing, row.version + 1, to);
            self.order_volume(key);
        }
    }

    pub(super) fn destroy_volume(&mut self, index: u8) {
        let used: BTreeSet<VolumeKey> = self.users().map(|(_, volume)| volume).collect();
        let is_ripe = |key: &VolumeKey, row: &Ordered| {
            !used.contains(key) && !matches!(row.state, State::Resizing | State::Destroying)
        };
        let Some(key) = self.volumes.nth(index, is_ripe) else { return };
        let row = self.volumes.ordered.get_mut(&key).expect("it was just found");
        (row.state, row.version) = (State::Destroying, row.version + 1);
        self.order_volume(key);
    }

    fn order_volume(&mut self, key: VolumeKey) {
        let order = self.volumes.ordered.get(&key).and_then(|row| order_of(key, row));
        self.order(self.term, order.expect("there is something to order"));
    }

    /// The tasks that have not ended by what the master has committed, with their volumes.
    fn users(&self) -> impl Iterator<Item = (&TaskKey, VolumeKey)> {
        let lives = |key: &TaskKey| {
            let state = self.master.get(key).and_then(|committed| committed.state);
            !state.is_some_and(TaskState::is_terminal)
        };
        let mounts = self.volumes.mounts.iter().filter(move |(key, _)| lives(key));
        mounts.filter_map(|(key, volume)| Some((key, (*volume)?)))
    }

    /// What a task is launched with is decided once: a volume that it may use, or none.
    pub(super) fn choose_volume(&mut self, task: &TaskKey, drawn: u8) {
        if self.volumes.mounts.contains_key(task) {
            return;
        }
        let used: BTreeSet<VolumeKey> = self.users().map(|(_, volume)| volume).collect();
        let is_free = |key: &VolumeKey, row: &Ordered| {
            row.state.is_usable() && (is_shared(*key) || !used.contains(key))
        };
        let volume = self.volumes.nth(drawn, is_free).filter(|_| drawn % 4 != 3);
        self.volumes.mounts.insert(task.clone(), volume);
    }

    pub(super) fn launch_order_of(&self, key: &TaskKey) -> Order {
        let mut order = launch_order(key);
        if let Order::Launch { task, .. } = &mut order {
            with_volume(task, self.volumes.mounts.get(key).copied().flatten());
        }
        order
    }

    /// The first init task uses what the main tasks use.
    pub(super) fn group_order_of(&self, group: u8) -> Order {
        let mut order = group_order(group);
        let main = key(&format!("g{group}-m0"));
        let volume = self.volumes.mounts.get(&main).copied().flatten();
        if let Order::LaunchGroup { group, .. } = &mut order {
            let ids = ["i0", "m0", "m1"];
            let uses = |task: &TaskInfo| ids.iter().any(|id| task.id.as_str().ends_with(id));
            let tasks = group.members.iter_mut().map(|member| &mut member.task);
            tasks.filter(|task| uses(task)).for_each(|task| with_volume(task, volume));
        }
        order
    }
}

/// What the master hears.
impl World {
    /// The agent is back: what it does not list is lost, and what is open is ordered again.
    pub(super) fn volumes_again(&mut self, listed: &[VolumeKey]) -> Vec<Order> {
        let mut orders = Vec::new();
        for (key, row) in &mut self.volumes.ordered {
            match (row.state, listed.contains(key)) {
                (State::Active | State::Resizing, false) => {
                    assert!(self.volumes.ever_hidden.contains(key), "{key} was lost by nobody");
                    row.size = row.size.max(row.to);
                    (row.state, row.version, row.to) = (State::Lost, row.version + 1, row.size);
                }
                (State::Lost, true) => row.state = State::Active,
                (State::Failed, true) => {
                    let was_hidden = self.volumes.ever_hidden.contains(key);
                    assert!(was_hidden, "{key} was never made, and is there");
                }
                _ => {}
            }
            orders.extend(order_of(*key, row));
        }
        orders
    }

    pub(super) fn hear_of_volume(&mut self, report: VolumeReport) {
        let durable = self.disk.volumes.get(&report.key);
        let ordered = self.volumes.ordered.get(&report.key);
        if let Some(ordered) = ordered.filter(|ordered| ordered.version == report.version) {
            let is_durable = match (ordered.state, &report.failed) {
                (State::Destroying, None) => durable.is_none(),
                (State::Creating, None) => durable.is_some_and(agent_core::VolumeRow::has_data),
                (State::Resizing, None) => durable.is_some_and(|row| row.size == ordered.to),
                _ => true,
            };
            assert!(is_durable, "D9: {report:?} was told, the journal has {durable:?}");
        }
        self.volumes.wire.push_back(report);
    }

    /// The master commits the next report on the wire.
    pub(super) fn answer_volume(&mut self) {
        let Some(VolumeReport { key, version, failed }) = self.volumes.wire.pop_front() else {
            return;
        };
        let row = self.volumes.ordered.get_mut(&key).filter(|row| row.version == version);
        let Some(row) = row else { return };
        match (row.state, failed.is_none()) {
            (State::Creating, true) => row.state = State::Active,
            (State::Creating, false) => row.state = State::Failed,
            (State::Resizing, is_done) => {
                row.size = if is_done { row.to } else { row.size };
                (row.state, row.to) = (State::Active, row.size);
            }
            (State::Destroying, true) => {
                self.volumes.deleted += 1;
                self.volumes.ordered.remove(&key);
            }
            _ => {}
        }
    }

    /// A launch ends for want of a volume only if that was hidden, or could not be made.
    pub(super) fn check_unavailable(&self, task: &TaskKey, reason: StatusReason) {
        if reason == StatusReason::VolumeUnavailable {
            let group = task.task.as_str().split_once('-').map(|(group, _)| group);
            let main = group.map(|group| key(&format!("{group}-m0")));
            let volume = self.volumes.mounts[main.as_ref().unwrap_or(task)].expect("it has one");
            let is_known = self.volumes.ever_hidden.contains(&volume)
                || self.volumes.never_made.contains(&volume)
                || strangers().contains(&volume);
            assert!(is_known, "{task} ended for want of {volume}");
        }
    }
}

/// What the disk sees.
impl World {
    pub(super) fn check_volume_records(&mut self, records: &[Record]) {
        for record in records {
            match record {
                Record::Volume(row) if row.has_data() => {
                    self.volumes.had_data.insert(row.key);
                }
                Record::ForgetVolume(key) => {
                    let is_left = self.disk.directories.contains(key);
                    assert!(!is_left, "V5: {key} is forgotten, and its data are there");
                    if self.volumes.hidden.contains(key) {
                        self.volumes.nobodys.insert(*key);
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn want_of_volume(&mut self, effect: &Effect) {
        let (work, key, version) = match effect {
            Effect::MakeVolume { key, version } => (Work::Make, *key, *version),
            Effect::ShrinkVolume { key, version, .. } => (Work::Shrink, *key, *version),
            Effect::DeleteVolume { key, version } => (Work::Delete, *key, *version),
            other => unreachable!("{other:?} is about no volume"),
        };
        let row = self.disk.volumes.get(&key).expect("V5: an intent is durable first");
        match work {
            Work::Make => assert!(!self.volumes.had_data.contains(&key), "V4: {key} is anew"),
            Work::Shrink => assert!(matches!(row.stage, VolumeStage::Shrinking { .. })),
            Work::Delete => self.check_deletion(key),
        }
        self.volumes.work.push_back((work, key, version));
    }

    fn check_deletion(&self, key: VolumeKey) {
        let stage = self.disk.volumes.get(&key).map(|row| row.stage);
        assert_eq!(stage, Some(VolumeStage::Destroying), "V5: it is to be deleted");
        let user = self.running_users(key).next();
        assert_eq!(user, None, "V6: {key} is deleted under the hands of a task");
    }

    /// The tasks with a container that has the volume open.
    fn running_users(&self, volume: VolumeKey) -> impl Iterator<Item = &TaskKey> {
        let up = self.containers.iter();
        let up = up.filter(|(_, it)| matches!(it, Container::Starting | Container::Running));
        let tasks = up.filter_map(|(container, _)| self.owners.get(container));
        tasks.filter(move |task| {
            let row = self.disk.rows.get(*task).and_then(|row| row.task.as_ref());
            let mut mounts = row.into_iter().flat_map(|task| &task.volumes);
            mounts.any(|mount| mount.key() == Some(volume))
        })
    }

    /// A container begins: its volumes have rows, and nobody is in those that are for one.
    pub(super) fn check_mounts(&self, task: &TaskKey) {
        let row = &self.disk.rows[task];
        for mount in row.task.iter().flat_map(|task| &task.volumes) {
            let volume = mount.key().expect("it is known");
            assert!(self.disk.volumes.contains_key(&volume), "V7: {volume} has a row");
            if !is_shared(volume) {
                let group = row.group();
                let strangers = self.running_users(volume).filter(|user| {
                    group.is_none()
                        || self.disk.rows.get(*user).map(|it| it.group()) != Some(group.clone())
                });
                assert_eq!(strangers.count(), 0, "V8: {task} meets others in {volume}");
            }
        }
    }

    /// The next thing is done for the process, or is not.
    pub(super) fn work_on_volume(&mut self, fails: bool) {
        let Some((work, key, version)) = self.volumes.work.pop_front() else { return };
        let is_there = self.disk.directories.contains(&key);
        let fails = fails || (work == Work::Shrink && !is_there);
        match work {
            Work::Make if fails => drop(self.volumes.never_made.insert(key)),
            Work::Make => drop(self.disk.directories.insert(key)),
            Work::Delete if !fails => {
                self.check_deletion(key);
                self.disk.directories.remove(&key);
            }
            Work::Shrink | Work::Delete => {}
        }
        let result = if fails { Err(format!("{work:?} failed")) } else { Ok(()) };
        self.give(Input::VolumeDone { key, version, result });
    }

    /// A directory is not there when the agent comes back.
    pub(super) fn hide_volume(&mut self, index: u8) {
        let ours = self.disk.directories.iter().filter(|key| !strangers().contains(key));
        let all: Vec<VolumeKey> = ours.copied().collect();
        let Some(key) = all.get(usize::from(index) % all.len().max(1)).copied() else { return };
        self.disk.directories.remove(&key);
        self.volumes.hidden.insert(key);
        self.volumes.ever_hidden.insert(key);
        self.restart();
        self.give(Input::Tick);
    }

    /// What was hidden is there again.
    pub(super) fn find_volumes(&mut self) {
        self.disk.directories.append(&mut self.volumes.hidden);
        self.restart();
        self.give(Input::Tick);
    }

    /// Everything is destroyed, and nothing fails any more.
    pub(super) fn heal_volumes(&mut self) {
        for _ in 0..VOLUMES {
            self.act_around(&Action::WorkOnVolume { fails: false });
            self.act_around(&Action::DestroyVolume(0));
        }
    }

    pub(super) fn check_volumes_are_gone(&self) {
        assert_eq!(self.volumes.ordered.len(), 0, "{:?}", self.volumes.ordered);
        assert!(self.disk.volumes.is_empty(), "rows are left: {:?}", self.disk.volumes);
        let mut nobodys = self.volumes.nobodys.clone();
        nobodys.extend(strangers());
        assert_eq!(self.disk.directories, nobodys, "V5: what no row stands for is left alone");
    }
}

/// As long as the row is there, what was hidden while it was deleted is deleted when it is back.
#[test]
fn a_hidden_volume_is_nobodys_once_its_row_is_gone() {
    let left = |crash: Option<Action>| {
        let mut world = World::new();
        world.give(Input::Tick);
        world.act(&Action::MakeVolume);
        world.act(&Action::WorkOnVolume { fails: false });
        world.act(&Action::DestroyVolume(0));
        world.act(&Action::HideVolume(0));
        crash.iter().for_each(|crash| world.act(crash));
        world.act(&Action::WorkOnVolume { fails: false });
        world.heal();
        world.disk.directories.contains(&volume(1))
    };
    assert!(left(None), "its row was forgotten");
    assert!(!left(Some(Action::Crash { executed: 0 })), "its row still says that it is to go");
}

/// A fixed history in which volumes do everything that they are there for.
#[test]
fn histories_do_use_volumes() {
    let mut world = World::new();
    world.give(Input::Tick);
    for _ in 0..VOLUMES {
        world.act(&Action::MakeVolume);
    }
    // The third has the name of a directory that is there: it is never made.
    (1..VOLUMES).for_each(|_| world.act(&Action::WorkOnVolume { fails: false }));
    (0..VOLUMES).for_each(|_| world.act(&Action::Answer(1)));
    let states: Vec<State> = world.volumes.ordered.values().map(|row| row.state).collect();
    use State::{Active, Failed};
    assert_eq!(states, [Active, Active, Failed, Active, Active]);
    world.act(&Action::Launch(0));
    world.act(&Action::Start(0));
    assert_eq!(world.running_users(volume(1)).count(), 1);
    world.act(&Action::ResizeVolume(1, 3));
    world.act(&Action::Crash { executed: 0 });
    world.act(&Action::WorkOnVolume { fails: false });
    world.act(&Action::HideVolume(3));
    world.give(Input::Tick);
    let lost = world.volumes.ordered.values().filter(|row| row.state == State::Lost).count();
    assert_eq!(lost, 1, "{:?}", world.volumes.ordered);
    world.heal();
    assert_eq!(world.volumes.deleted, VOLUMES);
}
