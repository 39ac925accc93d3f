//! Work that gives way to work of a higher priority; and that this comes to an end.

use super::rig::{Rig, accept, register, status, task};
use master_core::{
    input::{OperatorCall, WhyQuery, WhySubject},
    ledger::Task,
};
use proptest::prelude::*;
use proto::model::{
    AgentCall, Change, DemandId, DisruptionBudget, Duration, FrameworkId, Milli, Priority, Quota,
    ResourceName, Resources, Role, RoleSettingsChange, SchedulerCall, StatedDemand, StatusReason,
    TaskInfo, TaskState, TaskStatus, Value,
};
use std::collections::{BTreeMap, BTreeSet};

fn role(text: &str) -> Role {
    Role::new(text).expect("a role")
}

fn priority(number: u32) -> Priority {
    Priority::new(number).expect("a priority")
}

fn demand(name: &str, cpus_milli: i64, count: u32, at: u32) -> StatedDemand {
    StatedDemand {
        id: DemandId::new(name).expect("an id"),
        shape: Resources::cpus_mem(cpus_milli, 64),
        count,
        constraints: Vec::new(),
        per_agent_max: None,
        spread: Vec::new(),
        gang_timeout: None,
        priority: priority(at),
    }
}

fn state(of: &str, demands: Vec<StatedDemand>) -> SchedulerCall {
    SchedulerCall::StateDemand { role: role(of), demands: Some(demands) }
}

fn at(number: u32, task: TaskInfo) -> TaskInfo {
    TaskInfo { priority: priority(number), ..task }
}

/// A task that takes so much of an agent's memory too.
fn half(id: &str) -> TaskInfo {
    TaskInfo { resources: Resources::cpus_mem(1_000, 512), ..task(id, "a", 1_000) }
}

fn with_notice(ms: u64, task: TaskInfo) -> TaskInfo {
    TaskInfo { preemption_notice: Some(Duration(ms)), ..task }
}

/// What an operator lets a role ask for.
fn allow(rig: &mut Rig, of: &str, most: u32) {
    let change =
        RoleSettingsChange { priority_max: Change::Set(priority(most)), ..Default::default() };
    rig.operator(OperatorCall::ConfigureRole { role: role(of), change });
}

fn why(name: &str) -> OperatorCall {
    let demand = DemandId::new(name).expect("an id");
    let subject = WhySubject::Demand { framework: None, demand };
    OperatorCall::Why(WhyQuery { subject, role: None })
}

/// One agent of 2 CPUs that runs this batch work; and a role that may ask for a higher priority.
fn full_of(tasks: Vec<TaskInfo>) -> Rig {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    allow(&mut rig, "web", 7);
    rig.subscribe_in(3, "batch", &["batch"]);
    let offer = rig.offers.last().expect("an offer").id;
    rig.call("batch", accept(&[offer], tasks));
    rig.call("batch", state("batch", vec![]));
    rig.transcript.clear();
    rig
}

#[test]
fn a_task_gives_way_with_notice() {
    let mut rig = full_of(vec![
        at(1, with_notice(2_000, half("one"))),
        at(1, with_notice(2_000, half("two"))),
    ]);
    rig.update(1, "a", "batch", status("one", "a", TaskState::Running, 1));
    rig.update(1, "a", "batch", status("two", "a", TaskState::Running, 1));
    rig.tell("somebody waits at a higher priority, for a second in vain");
    rig.subscribe_in(4, "web", &["web"]);
    rig.call("web", state("web", vec![demand("front", 1_000, 1, 7)]));
    rig.pass(1_000);
    rig.operator(why("front"));
    rig.tell("a new instance of the framework hears it too");
    rig.subscribe(5, "batch");
    rig.tell("the notice is over; what is freed is for whom it is freed");
    rig.pass(2_000);
    let end = status("one", "a", TaskState::Killed, 2);
    let end = TaskStatus { reason: StatusReason::Preempted, ..end };
    rig.update(1, "a", "batch", end);
    let offer = rig.offers.last().expect("an offer").id;
    rig.call("web", accept(&[offer], vec![at(7, task("front", "a", 1_000))]));
    rig.tell("whoever gave way waits at a lower priority, and gets nothing of that");
    rig.call("batch", state("*", vec![demand("again", 1_000, 1, 1)]));
    rig.pass(3_000);
    rig.operator(why("again"));
    rig.matches("preemption_with_notice");
}

#[test]
fn nothing_gives_way_without_a_claim() {
    let mut rig = full_of(vec![at(1, half("t")), at(3, half("u"))]);
    rig.tell("a role may not ask for more than it is allowed");
    rig.subscribe_in(4, "ops", &["ops"]);
    rig.refused_call("ops", state("ops", vec![demand("front", 500, 1, 4)]));
    rig.subscribe_in(5, "web", &["web"]);
    rig.tell("more than half of what there is are more than a fair share");
    rig.call("web", state("web", vec![demand("front", 1_400, 1, 7)]));
    rig.pass(3_000);
    rig.operator(why("front"));
    rig.tell("the same priority is not lower");
    rig.call("web", state("web", vec![demand("front", 1_000, 1, 1)]));
    rig.pass(3_000);
    rig.operator(why("front"));
    rig.matches("preemption_without_a_claim");
}

#[test]
fn budgets_and_guarantees_keep_what_is_theirs() {
    let mut rig = full_of(vec![at(1, half("t")), at(1, half("u"))]);
    rig.subscribe_in(5, "web", &["web"]);
    rig.tell("a guarantee of all that there is");
    let amounts = |milli| {
        let entry = (ResourceName::CPUS, Value::Scalar(Milli(milli)));
        Resources::from_entries([entry]).expect("an amount")
    };
    let quota = Quota::new(amounts(2_000), vec![], None).expect("a quota");
    rig.operator(OperatorCall::SetQuota { role: role("batch"), quota, force: false });
    rig.call("web", state("web", vec![demand("front", 1_000, 1, 7)]));
    rig.pass(3_000);
    rig.operator(why("front"));
    rig.tell("no guarantee, and a budget that lets nothing end");
    rig.operator(OperatorCall::RemoveQuota(role("batch")));
    let mut info = rig.master.ledger().framework(FrameworkId(1)).expect("it is there").info.clone();
    info.disruption_budget = Some(DisruptionBudget { label: None, tasks_max: 0 });
    rig.call("batch", SchedulerCall::UpdateFramework { info: info.clone() });
    rig.pass(3_000);
    rig.operator(why("front"));
    rig.tell("the budget is gone");
    info.disruption_budget = None;
    rig.call("batch", SchedulerCall::UpdateFramework { info });
    rig.pass(1_100);
    rig.matches("preemption_budgets");
}

/// A cluster that plays by itself: whoever is offered what it wants launches it, whoever is told to
/// end ends, whoever was ended wants it again.
struct Play {
    rig: Rig,
    wishes: Vec<Wish>,
    launched: u64,
    /// How often each framework's tasks gave way.
    preempted: usize,
}

struct Wish {
    name: String,
    role: String,
    cpus_milli: i64,
    at: u32,
    count: u32,
    budget: Option<u32>,
}

const ROLES: [&str; 3] = ["eng", "eng/a", "ops"];

impl Play {
    fn new(agents: u64, wishes: Vec<(usize, i64, u32, u32, Option<u32>)>) -> Self {
        let mut rig = Rig::serving();
        for agent in 0..agents {
            rig.agent(100 + agent, &format!("a{agent}"), register(&format!("a{agent}"), 7));
        }
        ROLES.iter().for_each(|of| allow(&mut rig, of, 9));
        let wish =
            |(number, (of, cpus, at, count, budget)): (usize, (usize, i64, u32, u32, _))| Wish {
                name: format!("f{number}"),
                role: ROLES[of % ROLES.len()].to_owned(),
                cpus_milli: 250 * (1 + cpus % 8),
                at: at % 10,
                count: 1 + count % 4,
                budget,
            };
        let wishes: Vec<Wish> = wishes.into_iter().enumerate().map(wish).collect();
        Self { rig, wishes, launched: 0, preempted: 0 }
    }

    /// Everybody comes, one after the other.
    fn come(&mut self) {
        for index in 0..self.wishes.len() {
            let wish = &self.wishes[index];
            let (name, of, budget) = (wish.name.clone(), wish.role.clone(), wish.budget);
            self.rig.subscribe_in(index as u64 + 1, &name, &[of.as_str()]);
            if let Some(tasks_max) = budget {
                let framework = self.rig.framework(&name);
                let row = self.rig.master.ledger().framework(framework).expect("it came");
                let mut info = row.info.clone();
                info.disruption_budget = Some(DisruptionBudget { label: None, tasks_max });
                self.rig.call(&name, SchedulerCall::UpdateFramework { info });
            }
            self.want(index);
            (0..10).for_each(|_| self.go_on());
        }
    }

    /// Says what is wanted beyond what runs.
    fn want(&mut self, index: usize) {
        let wish = &self.wishes[index];
        let framework = self.rig.framework(&wish.name);
        let runs = self.rig.master.ledger().tasks_of_framework(framework);
        let runs = runs.filter(|task| !task.is_terminal() && !task.is_ending()).count() as u32;
        let (name, of) = (wish.name.clone(), wish.role.clone());
        let missing = wish.count.saturating_sub(runs);
        let wanted = (missing > 0).then(|| demand("d", wish.cpus_milli, missing, wish.at));
        self.rig.call(&name, state(&of, wanted.into_iter().collect()));
    }

    /// A fifth of a second.
    fn go_on(&mut self) {
        self.rig.pass(200);
        let agents: Vec<_> =
            self.rig.master.ledger().agents().iter().map(|(id, _)| id.to_string()).collect();
        for (number, name) in agents.iter().enumerate() {
            self.rig.agent(100 + number as u64, name, AgentCall::Heartbeat);
        }
        for offer in std::mem::take(&mut self.rig.offers) {
            let index = self.wishes.iter().position(|wish| {
                self.rig.sessions.get(&wish.name).is_some_and(|it| it.framework == offer.framework)
            });
            let wish = &self.wishes[index.expect("an offer for one of them")];
            let pieces: u32 = offer.pieces.iter().map(|(_, count)| count).sum();
            let mut tasks = Vec::new();
            for _ in 0..pieces {
                self.launched += 1;
                let id = format!("t{}", self.launched);
                tasks.push(at(wish.at, task(&id, offer.agent.as_str(), wish.cpus_milli)));
            }
            let name = wish.name.clone();
            self.rig.call(&name, accept(&[offer.id], tasks));
        }
        let ending = |task: &&Task| !task.is_terminal() && task.kill.is_some();
        let tasks = self.rig.master.ledger().tasks().iter().map(|(_, task)| task);
        let ending: Vec<Task> = tasks.filter(ending).cloned().collect();
        let mut ended = BTreeSet::new();
        for task in ending {
            self.preempted += 1;
            let agent = task.info.agent.clone();
            let end = TaskStatus {
                reason: StatusReason::Preempted,
                ..status(
                    task.info.id.as_str(),
                    agent.as_str(),
                    TaskState::Killed,
                    task.agent_sequence + 1,
                )
            };
            let number: u64 = agent.as_str()[1..].parse().expect("its number");
            let update = AgentCall::Update { framework: task.key.framework, status: end };
            self.rig.agent(100 + number, agent.as_str(), update);
            ended.insert(task.key.framework);
        }
        for index in 0..self.wishes.len() {
            let session = self.rig.sessions.get(&self.wishes[index].name);
            if session.is_some_and(|session| ended.contains(&session.framework)) {
                self.want(index);
            }
        }
        self.check();
    }

    /// What must hold at any time.
    fn check(&self) {
        let ledger = self.rig.master.ledger();
        for (task, to) in ledger.preempted_tasks() {
            assert!(task.info.priority < to.priority, "{} gives way to its like", task.key);
        }
        let mut disrupted = BTreeMap::<FrameworkId, u32>::new();
        for (task, _) in ledger.preempted_tasks() {
            *disrupted.entry(task.key.framework).or_default() += 1;
        }
        for (framework, count) in disrupted {
            let row = ledger.framework(framework).expect("it is there");
            let most = row.info.disruption_budget.as_ref().map_or(u32::MAX, |it| it.tasks_max);
            assert!(count <= most, "{framework} loses {count} of {most}");
        }
    }

    /// When all is quiet, nobody waits whose own role runs something lower that would do.
    fn check_rest(&self) {
        let ledger = self.rig.master.ledger();
        for wish in &self.wishes {
            let framework = self.rig.framework(&wish.name);
            let runs = ledger.tasks_of_framework(framework).filter(|task| !task.is_terminal());
            if runs.count() as u32 >= wish.count {
                continue;
            }
            for (id, _) in ledger.agents().iter() {
                let lower = ledger.tasks_of_agent(id).filter(|task| {
                    let has_budget = ledger
                        .framework(task.key.framework)
                        .is_some_and(|row| row.info.disruption_budget.is_some());
                    !task.is_terminal()
                        && task.info.priority < priority(wish.at)
                        && task.role.is_within(&role(&wish.role))
                        && !has_budget
                });
                let cpus: i64 =
                    lower.map(|task| task.info.resources.scalar(&ResourceName::CPUS).0).sum();
                assert!(
                    cpus < wish.cpus_milli,
                    "{:#?}\n{} waits for {} and {cpus} run below it on {id}",
                    self.rig.transcript.lines().rev().take(40).collect::<Vec<_>>(),
                    wish.name,
                    wish.cpus_milli
                );
            }
        }
    }
}

/// What is free is counted on, and would be offered to others before those who give way are told.
#[test]
fn what_a_preemption_counts_on_is_kept_for_it_from_the_look_on() {
    let wishes =
        vec![(2, 2, 1, 2, None), (0, 0, 2, 2, None), (2, 1, 0, 1, None), (2, 7, 2, 1, None)];
    let mut play = Play::new(2, wishes);
    play.come();
    (0..20).for_each(|_| play.go_on());
    assert!(play.preempted > 0, "somebody gave way");
    let for_whom = play.rig.framework("f3");
    let tasks = play.rig.master.ledger().tasks_of_framework(for_whom);
    assert!(tasks.count() > 0, "and not in vain");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever is wanted where: it comes to rest, with no task of a higher priority ended for a
    /// lower one, no budget exceeded, and nobody kept waiting by its own role's lower work.
    #[test]
    fn it_comes_to_rest(
        agents in 1..4u64,
        wishes in prop::collection::vec(
            (0..3usize, 0..8i64, 0..10u32, 0..4u32, prop::option::of(0..3u32)),
            2..7,
        ),
    ) {
        let mut play = Play::new(agents, wishes);
        play.come();
        (0..150).for_each(|_| play.go_on());
        let before = play.preempted;
        (0..50).for_each(|_| play.go_on());
        prop_assert_eq!(play.preempted, before, "ten seconds later it still goes on");
        // Each piece is displaced at most once for every piece above it.
        let pieces: u32 = play.wishes.iter().map(|wish| wish.count).sum();
        prop_assert!(play.preempted <= (pieces * pieces) as usize);
        play.check_rest();
    }
}
