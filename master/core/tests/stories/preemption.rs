//! Work that gives way to work of a higher priority; and that this comes to an end.

use super::{
    play::{Play, allow, at, demand, role, state},
    rig::{Rig, accept, acknowledge, config, register, status, task},
};
use master_core::{
    Config,
    input::{OperatorCall, WhyQuery, WhySubject},
};
use proptest::prelude::*;
use proto::model::{
    AgentCall, DemandId, DisruptionBudget, Duration, FrameworkId, Milli, Quota, ResourceName,
    Resources, SchedulerCall, StatusReason, TaskInfo, TaskKey, TaskState, TaskStatus, Value,
    agent::AgentTask,
};

/// A task that takes so much of an agent's memory too.
fn half(id: &str) -> TaskInfo {
    TaskInfo { resources: Resources::cpus_mem(1_000, 512), ..task(id, "a", 1_000) }
}

fn with_notice(ms: u64, task: TaskInfo) -> TaskInfo {
    TaskInfo { preemption_notice: Some(Duration(ms)), ..task }
}

fn why(name: &str) -> OperatorCall {
    let demand = DemandId::new(name).expect("an id");
    let subject = WhySubject::Demand { framework: None, demand };
    OperatorCall::Why(WhyQuery { subject, role: None })
}

/// One agent of 2 CPUs that runs this batch work; and a role that may ask for a higher priority.
fn full_of(tasks: Vec<TaskInfo>) -> Rig {
    filled(Rig::serving(), tasks)
}

fn filled(rig: Rig, tasks: Vec<TaskInfo>) -> Rig {
    let mut rig = rig;
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

/// The task that gave way has ended and is forgotten when another member begins to lead.
#[test]
fn the_limit_per_minute_is_not_begun_anew_with_each_leader() {
    const ALL: [&str; 4] = ["t1", "t2", "t3", "t4"];
    let quarter = |id| TaskInfo { resources: Resources::cpus_mem(500, 256), ..task(id, "a", 500) };
    let tasks = ALL.map(|id| at(1, quarter(id)));
    let config = || Config { preemptions_per_minute: 1, ..config(1) };
    let mut rig = filled(Rig::with_config(config()).until_serving(), tasks.to_vec());
    let ending = |rig: &Rig| {
        let ledger = rig.master.ledger();
        ledger.preempted_tasks().map(|(task, _)| task.info.id.to_string()).collect::<Vec<_>>()
    };
    rig.subscribe_in(4, "web", &["web"]);
    rig.call("web", state("web", vec![demand("front", 500, 2, 7)]));
    rig.pass(2_000);
    let gone = ending(&rig);
    let [gone] = &gone[..] else { panic!("one may in a minute: {gone:?}") };
    let end = status(gone, "a", TaskState::Killed, 1);
    rig.update(1, "a", "batch", TaskStatus { reason: StatusReason::Preempted, ..end });
    rig.call("batch", acknowledge(gone, 1));
    rig.begin_another_term_as(config());
    let others: Vec<_> = ALL.into_iter().filter(|id| id != gone).collect();
    rig.agent(1, "a", running(register("a", 7), &rig, &others));
    rig.subscribe_in(3, "batch", &["batch"]);
    rig.call("batch", state("batch", vec![]));
    rig.subscribe_in(4, "web", &["web"]);
    rig.call("web", state("web", vec![demand("front", 500, 2, 7)]));
    let heard = |rig: &mut Rig| {
        rig.agent(1, "a", AgentCall::Heartbeat);
        rig.pass(5_000);
    };
    (0..6).for_each(|_| heard(&mut rig));
    assert_eq!(ending(&rig), [] as [&str; 0], "after half a minute");
    (0..8).for_each(|_| heard(&mut rig));
    assert_eq!(ending(&rig).len(), 1, "after a whole one");
}

/// An agent's registration with tasks of the framework "batch" that run.
fn running(registration: AgentCall, rig: &Rig, ids: &[&str]) -> AgentCall {
    let mut registration = registration;
    let AgentCall::Register { tasks, .. } = &mut registration else { unreachable!() };
    let task = |id: &&str| AgentTask {
        key: TaskKey { framework: rig.framework("batch"), task: id.parse().expect("an id") },
        state: TaskState::Running,
        sequence: 1,
    };
    tasks.extend(ids.iter().map(task));
    registration
}

/// The look at another demand comes before this one's patience is over, and finds nothing.
#[test]
fn who_comes_while_another_waits_is_looked_at_too() {
    let mut rig = full_of(vec![at(1, half("t")), at(1, half("u"))]);
    rig.subscribe_in(4, "vast", &["web"]);
    rig.call("vast", state("web", vec![demand("vast", 9_000, 1, 7)]));
    rig.pass(600);
    rig.subscribe_in(5, "web", &["web"]);
    rig.call("web", state("web", vec![demand("front", 1_000, 1, 7)]));
    rig.pass(500);
    assert_eq!(rig.master.ledger().preempted_tasks().count(), 0, "it has waited for half a second");
    rig.pass(600);
    assert_eq!(rig.master.ledger().preempted_tasks().count(), 1);
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
