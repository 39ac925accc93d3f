//! Task groups in the histories: the order is checked where the containers are.

use super::{
    Container, World,
    orders::{PARTS, kill_order},
};
use crate::stage::key;
use agent_core::ContainerId;
use proto::model::{TaskKey, TaskState, task_group::Part};
use std::collections::BTreeSet;

pub(super) const GROUPS: u8 = 2;

/// A task's group, and its part there.
fn membership(task: &TaskKey) -> Option<(u8, &str, Part)> {
    let (group, name) = task.task.as_str().strip_prefix('g')?.split_once('-')?;
    let (name, part) = PARTS.into_iter().find(|(known, _)| *known == name)?;
    Some((group.parse().ok()?, name, part))
}

fn members(group: u8) -> impl Iterator<Item = (TaskKey, Part)> {
    PARTS.into_iter().map(move |(name, part)| (key(&format!("g{group}-{name}")), part))
}

impl World {
    /// The leader orders a group as long as it has heard of none of it.
    pub(super) fn launch_group(&mut self, index: u8) {
        let (group, drawn) = (index % GROUPS, index / GROUPS);
        let is_new = members(group).all(|(key, _)| {
            let committed = self.master.entry(key).or_default();
            committed.state.is_none() && !committed.kill
        });
        if is_new {
            self.choose_volume(&key(&format!("g{group}-m0")), drawn);
            self.order(self.term, self.group_order_of(group));
        }
    }

    /// Asked by any of its tasks, the leader ends all of them that it holds for alive.
    pub(super) fn kill_group(&mut self, group: u8) {
        for (key, _) in members(group % GROUPS) {
            let committed = self.master.entry(key.clone()).or_default();
            if !committed.state.is_some_and(TaskState::is_terminal) {
                committed.kill = true;
                self.order(self.term, kill_order(&key));
            }
        }
    }

    /// Groups that the leader orders again when the agent comes back.
    pub(super) fn groups_again(&self, listed: &BTreeSet<TaskKey>) -> Vec<u8> {
        let is_new = |key: &TaskKey| {
            let committed = self.master.get(key);
            committed.is_some_and(|it| it.state.is_none() && !it.kill) && !listed.contains(key)
        };
        (0..GROUPS).filter(|group| members(*group).all(|(key, _)| is_new(&key))).collect()
    }

    pub(super) fn is_of_group(key: &TaskKey) -> bool {
        membership(key).is_some()
    }

    fn runs(&self, key: &TaskKey) -> bool {
        let mut containers = self.containers.iter();
        containers.any(|(container, state)| {
            let is_up = matches!(state, Container::Starting | Container::Running);
            is_up && self.owners.get(container) == Some(key)
        })
    }

    /// G1, at the kernel: everything that comes before has run, and no init task runs any more.
    pub(super) fn check_turn(&self, task: &TaskKey) {
        let Some((group, name, part)) = membership(task) else { return };
        for (other, earlier) in members(group) {
            let before = match (part, earlier) {
                (Part::Init, Part::Init) => other.task.as_str() < task.task.as_str(),
                (Part::Init, _) => false,
                (_, Part::Init) => true,
                (Part::Main, Part::Sidecar) => true,
                _ => false,
            };
            let has_run = self.starts.contains_key(&other);
            assert!(!before || has_run, "G1: {task} before {other}");
            let is_init = earlier == Part::Init && other != *task;
            assert!(!is_init || !self.runs(&other), "G1: {other} runs when {name} begins");
        }
    }

    /// G1: sidecars are told to end behind the others, unless the agent destroys what lingers.
    pub(super) fn check_stop(&self, container: &ContainerId) {
        let Some(task) = self.owners.get(container) else { return };
        let Some((group, _, Part::Sidecar)) = membership(task) else { return };
        for (other, part) in members(group).filter(|(_, part)| *part != Part::Sidecar) {
            assert!(!self.runs(&other), "G1: the sidecar ends before {part} {other}");
        }
    }
}

/// A fixed history in which a group does everything that it is there for.
#[test]
fn histories_do_run_groups() {
    use super::Action;
    let mut world = World::new();
    world.give(agent_core::Input::Tick);
    world.act(&Action::LaunchGroup(0));
    for name in ["i0", "i1"] {
        assert!(world.runs(&key(&format!("g0-{name}"))), "{name}");
        world.act(&Action::Start(0));
        world.act(&Action::Crash { executed: 0 });
        world.act(&Action::Answer(5));
        world.give(agent_core::Input::Tick);
        world.act(&Action::Exit(0, 0));
    }
    world.heal();
    for (key, _) in members(0) {
        assert_eq!(world.starts.get(&key), Some(&1), "{key} has run once");
        // The sidecar ends by itself, or is told to when the main tasks have ended.
        let (state, is_sidecar) = (world.master[&key].state, key.task.as_str() == "g0-s");
        let is_well = state == Some(TaskState::Finished) || is_sidecar;
        assert!(is_well, "{key} is {state:?}");
    }
}
