//! Rules about what operators direct, each told as a story.

use crate::build::*;
use master_core::ledger::{Command, Event};
use proto::model::{
    AgentDirective, DisruptionBudget, DrainPlan, Duration, FrameworkId, StatusReason, TaskState::*,
    WindowId, WindowPlan, limits,
};

pub(crate) fn direct(text: &str, directive: AgentDirective) -> Command {
    Command::DirectAgent { agent: agent(text), directive }
}

pub(crate) fn drain(text: &str, deadline_ms: u64) -> Command {
    let plan = DrainPlan { deadline: Duration(deadline_ms), max_grace: None, mark_gone: false };
    direct(text, AgentDirective::Drain(plan))
}

pub(crate) fn advance(text: &str) -> Command {
    Command::AdvanceDrain { agent: agent(text) }
}

fn budget(label: Option<&str>, tasks_max: u32) -> Command {
    let mut info = framework_info(&["*", "eng"], 1_000);
    let label = label.map(str::to_owned);
    info.disruption_budget = Some(DisruptionBudget { label, tasks_max });
    Command::UpdateFramework { session: session(1, 1), info }
}

pub(crate) fn window(selector: &str, drain: Option<DrainPlan>) -> Command {
    Command::ScheduleWindow(WindowPlan {
        selector: selector.parse().expect("a selector"),
        starts_in: Duration(1_000),
        duration: Duration(500),
        drain,
        comment: String::new(),
    })
}

/// Which tasks were told to end.
fn killed(events: &[Event]) -> Vec<String> {
    let kill = |event: &Event| match event {
        Event::KillRequested(key) => Some(key.task.to_string()),
        _ => None,
    };
    events.iter().filter_map(kill).collect()
}

/// The furnished world, with as many tasks on a1.
fn crowded(names: &[(&str, Option<&str>)]) -> World {
    let mut world = World::furnished();
    let info = |(name, tier): &(&str, Option<&str>)| {
        let mut info = task_info(name, "a1", resources(100, 0..0));
        info.labels = tier.iter().map(|tier| ("tier".to_owned(), (*tier).to_owned())).collect();
        info
    };
    world.done(&accept(session(1, 1), names.iter().map(info).collect()));
    world
}

#[test]
fn without_a_budget_all_tasks_end_at_once_and_say_why() {
    let mut world = crowded(&[("t2", None)]);
    world.done(&drain("a1", 60_000));
    assert_eq!(killed(&world.done(&advance("a1"))), ["t1", "t2"]);
    assert_eq!(world.task(1, "t1").kill.expect("a kill").reason, StatusReason::AgentDraining);
    assert_eq!(killed(&world.done(&advance("a1"))), Vec::<String>::new(), "once");
}

#[test]
fn a_budget_is_kept_until_the_deadline() {
    let mut world = crowded(&[("t2", None), ("t3", None)]);
    world.done(&budget(None, 1));
    world.done(&drain("a1", 10_000));
    assert_eq!(killed(&world.done(&advance("a1"))), ["t1"]);
    assert_eq!(killed(&world.done(&advance("a1"))), Vec::<String>::new(), "one at a time");
    world.done(&update(1, told("t1", "a1", Killed, 1)));
    assert_eq!(killed(&world.done(&advance("a1"))), ["t2"]);
    world.pass(9_999);
    assert_eq!(killed(&world.done(&advance("a1"))), Vec::<String>::new());
    world.pass(1);
    assert_eq!(killed(&world.done(&advance("a1"))), ["t3"], "the deadline binds");
}

#[test]
fn a_budget_counts_each_group_by_itself_over_all_agents() {
    let mut world = crowded(&[("g1", Some("gold")), ("g2", Some("gold")), ("s1", Some("silver"))]);
    let mut elsewhere = task_info("g3", "a2", resources(100, 0..0));
    elsewhere.labels = vec![("tier".to_owned(), "gold".to_owned())];
    world.done(&accept(session(1, 1), vec![elsewhere]));
    world.done(&budget(Some("tier"), 1));
    world.done(&drain("a2", 10_000));
    assert_eq!(killed(&world.done(&advance("a2"))), ["g3"]);
    world.done(&drain("a1", 10_000));
    // t1 has no tier: a group of its own. Gold has its one on a2.
    assert_eq!(killed(&world.done(&advance("a1"))), ["s1", "t1"]);
    world.done(&update(1, told("g3", "a2", Killed, 1)));
    assert_eq!(killed(&world.done(&advance("a1"))), ["g1"]);
}

#[test]
fn a_budget_of_nothing_leaves_all_to_the_deadline() {
    let mut world = World::furnished();
    world.done(&budget(None, 0));
    world.done(&drain("a1", 10_000));
    assert_eq!(killed(&world.done(&advance("a1"))), Vec::<String>::new());
    world.pass(10_000);
    assert_eq!(killed(&world.done(&advance("a1"))), ["t1"]);
}

#[test]
fn the_longest_grace_period_binds_those_too_who_end_already() {
    let mut world = World::furnished();
    world.done(&kill(key(1, "t1"), Some(60_000)));
    let plan =
        DrainPlan { deadline: Duration(0), max_grace: Some(Duration(1_000)), mark_gone: false };
    world.done(&direct("a1", AgentDirective::Drain(plan)));
    assert_eq!(killed(&world.done(&advance("a1"))), ["t1"]);
    let kill = world.task(1, "t1").kill.expect("a kill");
    assert_eq!(kill.grace_period, Some(Duration(1_000)));
    assert_eq!(kill.reason, StatusReason::KilledByFramework, "who asked first");
}

#[test]
fn a_cancelled_drain_leaves_what_was_not_told_to_end() {
    let mut world = crowded(&[("t2", None)]);
    world.done(&budget(None, 1));
    world.done(&drain("a1", 10_000));
    world.done(&advance("a1"));
    let events = world.done(&direct("a1", AgentDirective::CancelDrain));
    assert_eq!(events, [Event::AgentReactivated(agent("a1"))]);
    assert!(world.task(1, "t1").kill.is_some() && world.task(1, "t2").kill.is_none());
    world.done(&accept(session(1, 1), vec![task_info("t9", "a1", resources(100, 0..0))]));
}

#[test]
fn a_drain_outlives_its_agents_journal() {
    let mut world = World::furnished();
    world.done(&drain("a1", 10_000));
    world.done(&register("a1", 1, vec![journal(1, "t1", Running)]));
    assert!(world.ledger.agent(&agent("a1")).expect("there").drain.is_some());
    let events = world.done(&register("a1", 2, vec![]));
    assert!(events.contains(&Event::AgentDrained(agent("a1"))), "{events:?}");
    assert!(world.ledger.agent(&agent("a1")).expect("there").drain.is_some());
}

#[test]
fn an_agent_that_is_to_be_gone_goes_when_it_is_empty() {
    let mut world = World::furnished();
    let plan = DrainPlan { deadline: Duration(0), max_grace: None, mark_gone: true };
    world.done(&direct("a1", AgentDirective::Drain(plan)));
    world.done(&advance("a1"));
    world.done(&update(1, told("t1", "a1", Killed, 1)));
    let events = world.done(&advance("a1"));
    assert_eq!(events, [Event::AgentRemoved(agent("a1"))]);
    world.apply(&register("a1", 1, vec![])).expect_err("its journal is buried");
    world.done(&register("a1", 2, vec![]));
    let row = world.ledger.agent(&agent("a1")).expect("another one");
    assert!(world.ledger.takes_tasks(row), "what was said was said of the one that is gone");
}

#[test]
fn the_tasks_of_a_gone_agent_are_gone() {
    let mut world = World::furnished();
    world.done(&direct("a1", AgentDirective::DeclareGone));
    let status = &world.task(1, "t1").status;
    assert_eq!((status.state, status.reason), (Gone, StatusReason::AgentGone));
}

/// An agent that ended a task before it ran says only that; the ledger knows why.
#[test]
fn a_task_that_never_ran_says_that_it_was_drained() {
    let mut world = World::furnished();
    world.done(&drain("a1", 0));
    world.done(&advance("a1"));
    let mut status = told("t1", "a1", Killed, 1);
    status.reason = StatusReason::KilledDuringLaunch;
    world.done(&update(1, status));
    assert_eq!(world.task(1, "t1").status.reason, StatusReason::AgentDraining);
}

#[test]
fn a_window_drains_and_lets_go() {
    let mut world = World::furnished();
    let plan = DrainPlan { deadline: Duration(0), max_grace: None, mark_gone: false };
    world.done(&window("id=a1", Some(plan)));
    world.pass(1_000);
    world.done(&Command::TurnWindow(WindowId(1)));
    assert_eq!(killed(&world.done(&advance("a1"))), ["t1"]);
    let row = world.ledger.agent(&agent("a1")).expect("there");
    assert_eq!(row.drain.as_ref().expect("drains").window, Some(WindowId(1)));
    world.pass(500);
    let events = world.done(&Command::TurnWindow(WindowId(1)));
    assert_eq!(events, [Event::WindowEnded(WindowId(1)), Event::AgentReactivated(agent("a1"))]);
    assert!(world.ledger.takes_tasks(world.ledger.agent(&agent("a1")).expect("there")));
}

#[test]
fn who_joins_during_a_window_is_away_too() {
    let mut world = World::furnished();
    world.done(&window("hostname=a7.example", None));
    world.pass(1_000);
    world.done(&Command::TurnWindow(WindowId(1)));
    world.done(&register("a7", 1, vec![]));
    assert!(!world.ledger.takes_tasks(world.ledger.agent(&agent("a7")).expect("there")));
    world.done(&Command::CancelWindow(WindowId(1)));
    assert!(world.ledger.takes_tasks(world.ledger.agent(&agent("a7")).expect("there")));
}

#[test]
fn an_operators_drain_outlives_a_window() {
    let mut world = World::furnished();
    let plan = DrainPlan { deadline: Duration(0), max_grace: None, mark_gone: false };
    world.done(&window("id=a1", Some(plan)));
    world.pass(1_000);
    world.done(&Command::TurnWindow(WindowId(1)));
    world.done(&drain("a1", 5));
    world.done(&Command::CancelWindow(WindowId(1)));
    let row = world.ledger.agent(&agent("a1")).expect("there");
    assert_eq!(row.drain.as_ref().expect("drains").window, None);
}

#[test]
fn windows_have_a_limit() {
    let mut world = World::new();
    for _ in 0..limits::WINDOWS_MAX {
        world.done(&window("id=a1", None));
    }
    let refusal = world.apply(&window("id=a1", None)).expect_err("one too many");
    assert_eq!(refusal.reason, proto::model::Reason::LimitExceeded);
}

#[test]
fn a_role_in_which_tasks_run_stays() {
    let mut world = World::furnished();
    let info = framework_info(&["eng"], 5);
    let leave = Command::UpdateFramework { session: session(1, 1), info: info.clone() };
    assert_eq!(world.apply(&leave).expect_err("t1 runs").field, "framework.roles");
    world.done(&update(1, told("t1", "a1", Finished, 1)));
    assert_eq!(world.done(&leave), [Event::FrameworkUpdated(FrameworkId(1))]);
    assert_eq!(world.ledger.framework(FrameworkId(1)).expect("there").info, info);
}
