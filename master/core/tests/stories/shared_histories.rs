//! Random histories of two shared frameworks, an exclusive one, and agents that come and go,
//! against the definition: what is free is what no task takes and no live offer holds.
//!
//! After each step: nothing is allocated twice (the rig checks the ledger), what each reader was
//! shown is what is free, and every commit was answered once, with exactly what fits.

use super::{
    rig::{Rig, register, status, task},
    shared::{commit, commit_each, share},
};
use master_core::outbox::Answer;
use proptest::{collection, prelude::*};
use proto::model::{
    AgentDirective, AgentId, Duration, OperationResult, Reason, Resources, SchedulerCall, TaskId,
    TaskInfo, TaskKey, TaskState, TaskStatus,
};
use std::collections::{BTreeMap, BTreeSet};

const AGENTS: [&str; 3] = ["a", "b", "c"];
const SHARED: [(&str, u64, &str); 2] = [("one", 11, "lab"), ("two", 12, "lab/deep")];

/// A commit: by whom, whether each task by itself, and on which agent how much.
type Asked = (usize, bool, Vec<(usize, i64)>);

#[derive(Debug, Clone)]
enum Step {
    /// Commits of one turn.
    Commit(Vec<Asked>),
    /// The exclusive framework answers its oldest offer: launches on a part of it, or declines.
    Answer(Option<i64>),
    /// A task ends.
    Finish(usize),
    Register(usize),
    Deactivate(usize),
    Reactivate(usize),
    Gone(usize),
    /// A shared framework subscribes again.
    Return(usize),
    /// It stops reading, or reads.
    Pause(usize),
    Read,
    Pass,
}

fn step() -> impl Strategy<Value = Step> {
    let tasks = collection::vec((0..3usize, 1..=4i64), 1..4);
    let commits = collection::vec((0..2usize, any::<bool>(), tasks), 1..4);
    prop_oneof![
        6 => commits.prop_map(Step::Commit),
        3 => prop::option::of(1..=4i64).prop_map(Step::Answer),
        3 => (0..20usize).prop_map(Step::Finish),
        2 => (0..3usize).prop_map(Step::Register),
        1 => (0..3usize).prop_map(Step::Deactivate),
        1 => (0..3usize).prop_map(Step::Reactivate),
        1 => (0..3usize).prop_map(Step::Gone),
        1 => (0..2usize).prop_map(Step::Return),
        1 => (0..2usize).prop_map(Step::Pause),
        2 => Just(Step::Read),
        1 => Just(Step::Pass),
    ]
}

/// The rig, and what an outsider has seen.
struct World {
    rig: Rig,
    tasks: u64,
    streams: u64,
    /// The stream of each shared framework.
    readers: [u64; 2],
    conflicts: u64,
    launched: u64,
}

impl World {
    fn new() -> Self {
        let mut rig = Rig::serving();
        share(&mut rig, "lab");
        for (name, stream, role) in SHARED {
            rig.subscribe_in(stream, name, &[role]);
        }
        rig.subscribe_in(10, "solo", &["ops"]);
        let readers = SHARED.map(|(_, stream, _)| stream);
        Self { rig, tasks: 0, streams: 100, readers, conflicts: 0, launched: 0 }
    }

    fn next_task(&mut self, agent: usize, cpus: i64) -> TaskInfo {
        self.tasks += 1;
        task(&format!("t{}", self.tasks), AGENTS[agent], cpus * 250)
    }

    /// By the definition.
    fn free(&self) -> BTreeMap<AgentId, Resources> {
        let ledger = self.rig.master.ledger();
        let agents = ledger.agents().iter().filter(|(_, row)| ledger.takes_tasks(row));
        let free = agents.map(|(id, row)| {
            let held = self.rig.live.values().filter(|offer| offer.agent == *id);
            let left = held.fold(row.free(), |left, offer| {
                left.checked_sub(&offer.resources).expect("A2: nothing is offered that is taken")
            });
            (id.clone(), left)
        });
        free.filter(|(_, free)| !free.is_empty()).collect()
    }

    /// What a reader has been shown on its stream.
    fn seen(&self, reader: usize) -> BTreeMap<AgentId, Resources> {
        let mut seen = BTreeMap::new();
        let states = self.rig.shown.iter().filter(|(stream, _)| *stream == self.readers[reader]);
        for (_, state) in states {
            if state.begins {
                seen.clear();
            }
            for agent in &state.agents {
                seen.insert(agent.agent.clone(), agent.free.clone());
            }
        }
        seen.retain(|_, free: &mut Resources| !free.is_empty());
        seen
    }

    fn check(&self) {
        let free = self.free();
        for reader in 0..2 {
            let stream = master_core::input::StreamId(self.readers[reader]);
            if !self.rig.slow.contains(&stream) {
                assert_eq!(self.seen(reader), free, "what reader {reader} was shown");
            }
        }
    }

    fn happen(&mut self, step: &Step) {
        match step {
            Step::Commit(commits) => self.commit(commits),
            Step::Answer(part) => self.answer(*part),
            Step::Finish(index) => self.finish(*index),
            Step::Register(agent) => {
                let (name, stream) = (AGENTS[*agent], 20 + *agent as u64);
                self.rig.agent(stream, name, register(name, stream));
            }
            Step::Deactivate(agent) => self.direct(*agent, AgentDirective::Deactivate),
            Step::Reactivate(agent) => self.direct(*agent, AgentDirective::Reactivate),
            Step::Gone(agent) => self.direct(*agent, AgentDirective::DeclareGone),
            Step::Return(reader) => {
                self.rig.slow.remove(&master_core::input::StreamId(self.readers[*reader]));
                self.streams += 1;
                self.readers[*reader] = self.streams;
                let (name, _, role) = SHARED[*reader];
                self.rig.subscribe_in(self.streams, name, &[role]);
            }
            Step::Pause(reader) => {
                self.rig.slow.insert(master_core::input::StreamId(self.readers[*reader]));
            }
            Step::Read => {
                self.rig.slow.clear();
                self.rig.read();
            }
            Step::Pass => self.rig.pass(300),
        }
    }

    fn direct(&mut self, agent: usize, directive: AgentDirective) {
        let agent = AgentId::new(AGENTS[agent]).expect("an id");
        self.rig.operator(master_core::input::OperatorCall::DirectAgent { agent, directive });
    }

    fn commit(&mut self, commits: &[Asked]) {
        let mut free = self.free();
        let (mut calls, mut expected) = (Vec::new(), Vec::new());
        for (reader, each, tasks) in commits {
            let tasks: Vec<TaskInfo> =
                tasks.iter().map(|(agent, cpus)| self.next_task(*agent, *cpus)).collect();
            expected.push(judge(&mut free, &tasks, *each));
            let (name, _, role) = SHARED[*reader];
            calls.push((name, if *each { commit_each(role, tasks) } else { commit(role, tasks) }));
        }
        let before = self.rig.answers.len();
        self.rig.turn_of_calls(calls);
        let answers = self.rig.answers.split_off(before);
        let ids: BTreeSet<_> = answers.iter().map(|(call, _)| *call).collect();
        assert_eq!((ids.len(), answers.len()), (commits.len(), commits.len()), "each once");
        // Those that are refused at once are answered first.
        let in_order: BTreeMap<_, _> = answers.into_iter().collect();
        for (expected, answer) in expected.into_iter().zip(in_order.into_values()) {
            let results: Vec<Option<Vec<TaskId>>> = match answer {
                Ok(Answer::Accepted(results)) => results.iter().map(launched).collect(),
                Err(refusal) => {
                    assert!(is_lost_race(refusal.reason), "{refusal:?}");
                    vec![None]
                }
                other => panic!("a commit is answered with {other:?}"),
            };
            self.conflicts += results.iter().filter(|result| result.is_none()).count() as u64;
            self.launched += results.iter().filter(|result| result.is_some()).count() as u64;
            assert_eq!(results, expected);
        }
    }

    fn answer(&mut self, part: Option<i64>) {
        let Some((id, offer)) = self.rig.live.pop_first() else { return };
        let index = AGENTS.iter().position(|name| *name == offer.agent.as_str()).expect("ours");
        let refuse = Duration(200).into();
        let task = part.map(|cpus| self.next_task(index, cpus));
        match task.filter(|task| offer.resources.contains(&task.resources)) {
            Some(task) => self.rig.call("solo", super::rig::accept(&[id], vec![task])),
            None => {
                self.rig.call("solo", SchedulerCall::Decline { offers: vec![id], refuse });
            }
        }
    }

    fn finish(&mut self, index: usize) {
        let live: Vec<(TaskKey, TaskStatus)> = self.live_tasks();
        if live.is_empty() {
            return;
        }
        let (key, was) = &live[index % live.len()];
        let agent = AGENTS.iter().position(|name| *name == was.agent.as_str()).expect("ours");
        let names = ["solo", "one", "two"];
        let name = names.into_iter().find(|name| self.rig.framework(name) == key.framework);
        let of = status(key.task.as_str(), was.agent.as_str(), TaskState::Finished, 1);
        self.rig.update(20 + agent as u64, was.agent.as_str(), name.expect("ours"), of);
    }

    fn live_tasks(&self) -> Vec<(TaskKey, TaskStatus)> {
        let tasks = self.rig.master.ledger().tasks().iter();
        let live = tasks.filter(|(_, task)| !task.status.state.is_terminal());
        live.map(|(key, task)| (key.clone(), task.status.clone())).collect()
    }
}

fn launched(result: &OperationResult) -> Option<Vec<TaskId>> {
    match result {
        OperationResult::Launched { tasks } => Some(tasks.clone()),
        OperationResult::Refused(refusal) => {
            assert!(is_lost_race(refusal.reason), "{refusal:?}");
            None
        }
        other => unreachable!("a commit only launches: {other:?}"),
    }
}

/// A conflict, or an agent that was never there.
fn is_lost_race(reason: Reason) -> bool {
    matches!(reason, Reason::Conflict | Reason::AgentUnknown)
}

/// What fits, one after the other.
fn judge(
    free: &mut BTreeMap<AgentId, Resources>,
    tasks: &[TaskInfo],
    each: bool,
) -> Vec<Option<Vec<TaskId>>> {
    let groups: Vec<&[TaskInfo]> = match each {
        true => tasks.chunks(1).collect(),
        false => vec![tasks],
    };
    let judged = groups.into_iter().map(|group| {
        let mut left = free.clone();
        for task in group {
            let there = left.get_mut(&task.agent)?;
            *there = there.checked_sub(&task.resources).ok()?;
        }
        *free = left;
        Some(group.iter().map(|task| task.id.clone()).collect())
    });
    judged.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn what_is_shown_is_free_and_what_fits_is_launched(
        steps in collection::vec(step(), 1..40),
    ) {
        let mut world = World::new();
        for agent in 0..2 {
            world.happen(&Step::Register(agent));
        }
        for step in &steps {
            world.happen(step);
            world.check();
        }
        world.happen(&Step::Read);
        world.check();
    }
}
