//! What befalls agents, frameworks and tasks, one rule per story.

use crate::{build::*, histories::restore};
use master_core::ledger::{
    AgentState, Applied, Command, Event, FrameworkState, Kill, digest::digest,
};
use proto::model::{
    Duration, FrameworkId, Instant, Milli, OperationResult, ResourceName, Resources, StatusReason,
    StatusSource, TaskState, TaskState::*, Value, WallTime,
};

/// Each changed task's new state and number, and whether it freed its resources.
fn changes(events: &[Event]) -> Vec<(&str, TaskState, u64, bool)> {
    let change = |event| match event {
        &Event::TaskUpdated { ref status, freed, .. } => {
            Some((status.task.as_str(), status.state, status.sequence, freed))
        }
        _ => None,
    };
    events.iter().filter_map(change).collect()
}

#[test]
fn a_task_lives_and_is_forgotten_only_when_it_must_make_room() {
    let mut world = World::furnished();
    assert_eq!((world.task(1, "t1").state(), world.cpus_taken("a1")), (Staging, 500));
    assert_eq!(world.waiting(1, "t1"), []);
    world.done(&update(1, told("t1", "a1", Starting, 1)));
    world.done(&update(1, told("t1", "a1", Running, 2)));
    let events = world.done(&update(1, told("t1", "a1", Finished, 3)));
    assert_eq!(changes(&events), [("t1", Finished, 3, true)]);
    let committed = Event::UpdateCommitted { agent: agent("a1"), key: key(1, "t1"), sequence: 3 };
    assert_eq!(events.last(), Some(&committed));
    assert_eq!((world.cpus_taken("a1"), world.ledger.live_task_count()), (0, 0));
    assert_eq!(world.waiting(1, "t1"), [(1, Starting), (2, Running), (3, Finished)]);

    let events = world.done(&acknowledge(session(1, 1), "t1", 2));
    assert_eq!(events, [Event::UpdatesAcknowledged { key: key(1, "t1"), sequence: 2 }]);
    assert_eq!(world.done(&acknowledge(session(1, 1), "t1", 1)), [], "known already");
    world.done(&acknowledge(session(1, 1), "t1", 3));
    assert_eq!(world.waiting(1, "t1"), []);
    assert_eq!(world.done(&kill(key(1, "t1"), None)), [], "it has ended");
    let again = accept(session(1, 1), vec![task_info("t1", "a1", resources(1, 0..0))]);
    world.apply(&again).expect_err("its id is still remembered");
}

#[test]
fn updates_are_recorded_once_and_never_backwards() {
    let mut world = World::furnished();
    let running = update(1, told("t1", "a1", Running, 1));
    assert_eq!(changes(&world.done(&running)), [("t1", Running, 1, false)]);
    assert_eq!(world.done(&running).len(), 1, "a repeat is only confirmed");
    let events = world.done(&update(1, told("t1", "a1", Starting, 2)));
    assert_eq!((changes(&events), events.len()), (vec![], 1), "a step back is no news");
    world.done(&update(1, told("t1", "a1", Failed, 3)));
    let events = world.done(&update(1, told("t1", "a1", Finished, 4)));
    assert_eq!((changes(&events), events.len()), (vec![], 1), "an end is the end");
    let task = world.task(1, "t1");
    assert_eq!((task.state(), task.agent_sequence, task.sequence), (Failed, 4, 2));
}

#[test]
fn an_agent_out_of_contact_comes_back_with_its_tasks() {
    let mut world = World::furnished();
    let names = ["runs", "ended", "dropped"];
    for name in names {
        world.done(&accept(session(1, 1), vec![task_info(name, "a1", resources(100, 0..0))]));
        world.done(&update(1, told(name, "a1", Running, 1)));
    }
    let events = world.done(&unreachable_agent("a1", 1));
    assert_eq!(events[0], Event::AgentUnreachable(agent("a1")));
    assert_eq!(changes(&events).len(), 4);
    assert_eq!(world.cpus_taken("a1"), 800, "resources stay taken");

    let tasks = vec![journal(1, "runs", Killing), journal(1, "ended", Finished)];
    let events = world.done(&register("a1", 1, tasks));
    assert_eq!(events[0], Event::AgentRegistered(agent("a1")));
    let expected = [
        ("dropped", Gone, 3, true),
        ("runs", Killing, 3, false),
        ("t1", Staging, 0, false), // never reached the agent: launched again
    ];
    assert_eq!(changes(&events), expected);
    assert_eq!(world.task(1, "ended").state(), Unreachable, "its update follows");
    let status = &world.task(1, "runs").status;
    assert_eq!(
        (status.source, status.reason),
        (StatusSource::Master, StatusReason::AgentReregistered)
    );
    assert_eq!(status.at, WallTime(5_000));
    assert_eq!(world.waiting(1, "t1"), [(1, Unreachable)]);
    world.done(&acknowledge(session(1, 1), "t1", 1));

    let events = world.done(&unreachable_agent("a1", 1));
    assert_eq!(changes(&events), [("runs", Unreachable, 4, false), ("t1", Unreachable, 2, false)]);
    let events = world.done(&update(1, told("ended", "a1", Finished, 2)));
    assert_eq!(changes(&events), [("ended", Finished, 3, true)]);
    world.done(&update(1, told("t1", "a1", Starting, 1)));
    assert_eq!(world.task(1, "t1").state_before_unreachable, None);
}

#[test]
fn a_task_that_is_still_being_set_up_is_staging_again() {
    let mut world = World::furnished();
    world.done(&unreachable_agent("a1", 1));
    let events = world.done(&register("a1", 1, vec![journal(1, "t1", Staging)]));
    assert_eq!(changes(&events), [("t1", Staging, 0, false)]);
    let running = world.done(&update(1, told("t1", "a1", Running, 1)));
    assert_eq!(changes(&running), [("t1", Running, 2, false)]);
}

#[test]
fn a_journal_that_holds_too_much_is_told() {
    let mut world = World::furnished();
    world.done(&update(1, told("t1", "a1", Failed, 1)));
    let t2 = accept(session(1, 1), vec![task_info("t2", "a2", resources(1, 0..0))]);
    world.done(&t2);
    let tasks = vec![
        journal(1, "t1", Running),
        journal(1, "t2", Running),
        journal(1, "t3", Finished),
        journal(9, "t1", Running),
    ];
    let events = world.done(&register("a1", 1, tasks));
    let unknown: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::AgentTaskUnknown { agent, key } => Some(format!("{agent} {key}")),
            _ => None,
        })
        .collect();
    let expected = ["t1", "t2", "t3"].map(|id| format!("a1 framework-1/{id}"));
    assert_eq!(unknown[..3], expected);
    assert_eq!(unknown[3..], ["a1 framework-9/t1"]);
    let events = world.done(&register("a1", 1, vec![journal(1, "t1", Failed)]));
    assert_eq!(events, [Event::AgentRegistered(agent("a1"))], "both know that it ended");
}

#[test]
fn another_journal_ends_all_tasks_and_starts_anew() {
    let mut world = World::furnished();
    let events = world.done(&register("a1", 2, vec![journal(1, "t1", Running)]));
    assert_eq!(changes(&events), [("t1", Gone, 1, true)]);
    assert!(matches!(events.last(), Some(Event::AgentTaskUnknown { .. })));
    assert_eq!(world.cpus_taken("a1"), 0);
    let row = world.ledger.agent(&agent("a1")).expect("known");
    assert_eq!((row.incarnation, row.state), (2, AgentState::Registered));
}

#[test]
fn a_removed_agent_returns_only_with_another_journal() {
    let mut world = World::furnished();
    world.done(&update(1, told("t1", "a1", Running, 1)));
    world.done(&unreachable_agent("a1", 1));
    let events = world.done(&remove_agent("a1", 1));
    assert_eq!(events[0], Event::AgentRemoved(agent("a1")));
    assert_eq!(changes(&events), [("t1", Gone, 3, true)]);
    assert!(world.ledger.agent(&agent("a1")).expect("a tombstone").free().is_empty());
    world.apply(&register("a1", 1, vec![])).expect_err("its tasks were reported as gone");
    let events = world.done(&register("a1", 2, vec![journal(1, "t1", Running)]));
    assert_eq!(events.len(), 2, "registered, and told to end what it holds");
    assert_eq!(world.ledger.agent(&agent("a1")).expect("known").state, AgentState::Registered);
}

#[test]
fn subscriptions_are_found_again_and_fence_each_other() {
    let mut world = World::furnished();
    let retried = world.apply(&subscribe(None, "request-1")).expect("found again").0;
    assert_eq!(retried, Applied::Subscribed { framework: FrameworkId(1), epoch: 2 });
    let taken = world.apply(&subscribe(Some(1), "request-5")).expect("taken over").0;
    assert_eq!(taken, Applied::Subscribed { framework: FrameworkId(1), epoch: 3 });
    let new = world.apply(&subscribe(None, "request-5")).expect("a new one").0;
    assert_eq!(new, Applied::Subscribed { framework: FrameworkId(2), epoch: 1 });
}

#[test]
fn a_failover_timeout_starts_with_the_disconnection() {
    let mut world = World::furnished();
    let expiry = Command::RemoveFramework { session: session(1, 1), expired: true };
    world.pass(5_000);
    let events = world.done(&Command::DisconnectFramework(session(1, 1)));
    assert_eq!(events, [Event::FrameworkDisconnected(FrameworkId(1))]);
    world.pass(999);
    assert_eq!(world.done(&Command::DisconnectFramework(session(1, 1))), [], "it was already");
    world.apply(&expiry).expect_err("a millisecond early");
    world.pass(1);
    let events = world.done(&expiry);
    assert_eq!(events[0], Event::FrameworkRemoved(FrameworkId(1)));
}

#[test]
fn a_removed_framework_ends_its_tasks_and_shows_them_afterwards() {
    let mut world = World::furnished();
    for (name, state) in [("runs", Running), ("failed", Failed), ("settled", Finished)] {
        world.done(&accept(session(1, 1), vec![task_info(name, "a1", resources(100, 0..0))]));
        world.done(&update(1, told(name, "a1", state, 1)));
    }
    world.done(&acknowledge(session(1, 1), "settled", 1));
    world.pass(10);
    world.done(&kill(key(1, "runs"), Some(9)));
    let events = world.done(&Command::RemoveFramework { session: session(1, 1), expired: false });
    let expected = [
        Event::FrameworkRemoved(FrameworkId(1)),
        Event::KillRequested(key(1, "runs")),
        Event::KillRequested(key(1, "t1")),
    ];
    assert_eq!(events, expected);
    let since = |world: &World, id| (world.waiting(1, id), world.task(1, id).changed.0);
    assert_eq!(since(&world, "failed"), (vec![], 1_010), "nobody will acknowledge");
    assert_eq!(since(&world, "settled"), (vec![], 1_000), "it was over before");
    let kill_of = |world: &World, id| world.task(1, id).kill;
    let first = Kill { grace_period: Some(Duration(9)), reason: StatusReason::KilledByFramework };
    assert_eq!(kill_of(&world, "runs"), Some(first), "the first reason stays");
    let removed = Kill { grace_period: None, reason: StatusReason::FrameworkRemoved };
    assert_eq!(kill_of(&world, "t1"), Some(removed));

    world.done(&unreachable_agent("a1", 1));
    assert_eq!(world.waiting(1, "runs"), [], "nobody would acknowledge");
    let events = world.done(&register("a1", 1, vec![journal(1, "runs", Running)]));
    assert_eq!(changes(&events).len(), 2);
    let killed = update(1, told("runs", "a1", Killed, 2));
    let events = world.done(&killed);
    assert_eq!(changes(&events), [("runs", Killed, 4, true)]);
    assert_eq!(world.done(&killed).len(), 1, "a repeat is only confirmed");
    world.done(&update(1, told("t1", "a1", Dropped, 1)));
    let states = ["failed", "runs", "settled", "t1"].map(|id| world.task(1, id).state());
    assert_eq!(states, [Failed, Killed, Finished, Dropped]);
    assert_eq!((world.cpus_taken("a1"), world.ledger.live_task_count()), (0, 0));
    assert_eq!(digest(&restore(&world.ledger)), digest(&world.ledger), "D3");
    let row = world.ledger.framework(FrameworkId(1)).expect("a tombstone");
    assert_eq!((row.state, row.allocated.len()), (FrameworkState::Removed, 0));
}

#[test]
fn the_first_reason_and_the_shortest_grace_period_of_a_kill_count() {
    let mut world = World::furnished();
    assert_eq!(world.done(&kill(key(1, "t1"), Some(10_000))), [Event::KillRequested(key(1, "t1"))]);
    let grace = |world: &World| world.task(1, "t1").kill.and_then(|kill| kill.grace_period);
    world.done(&kill(key(1, "t1"), None)); // the task's own, three seconds
    assert_eq!(grace(&world), None);
    world.done(&kill(key(1, "t1"), Some(5_000)));
    assert_eq!(grace(&world), None);
    let by_operator = Command::KillTask {
        key: key(1, "t1"),
        grace_period: Some(Duration(1)),
        reason: StatusReason::KilledByOperator,
    };
    world.done(&by_operator);
    let expected =
        Kill { grace_period: Some(Duration(1)), reason: StatusReason::KilledByFramework };
    assert_eq!(world.task(1, "t1").kill, Some(expected));
}

#[test]
fn an_accept_is_answered_once() {
    let mut world = World::furnished();
    let tasks = vec![
        task_info("t2", "a1", resources(500, 31_000..31_002)),
        task_info("t3", "a2", resources(500, 31_000..31_002)),
    ];
    let command = Command::launch(session(1, 1), role("eng"), Some(request("request-7")), tasks);
    let results = vec![OperationResult::Launched { tasks: vec![task("t2"), task("t3")] }];
    let (applied, events) = world.apply(&command).expect("free");
    assert_eq!(applied, Applied::Accepted { results: results.clone(), role: role("eng") });
    assert_eq!(events, [Event::TaskAdded(key(1, "t2")), Event::TaskAdded(key(1, "t3"))]);
    let share = &world.ledger.framework(FrameworkId(1)).expect("known").allocated[&role("eng")];
    let ports = (ResourceName::PORTS, Value::Scalar(Milli(4_000)));
    let cpus = (ResourceName::CPUS, Value::Scalar(Milli(1_000)));
    assert_eq!(*share, Resources::from_entries([cpus, ports]).unwrap(), "as they are counted");
    let (applied, events) = world.apply(&command).expect("the same answer");
    assert_eq!((applied, events), (Applied::AnsweredBefore(results), vec![]));
}

#[test]
fn time_never_goes_back_and_a_new_term_is_told() {
    let mut world = World::furnished();
    world.stamp.time = Instant(10);
    world.stamp.term = 2;
    let events = world.done(&Command::Barrier { term: 2 });
    assert_eq!(events, [Event::BarrierPassed { term: 2 }]);
    let applied = world.ledger.applied();
    assert_eq!((applied.term, applied.time), (2, Instant(1_000)));
}

#[test]
#[should_panic(expected = "C5")]
fn an_older_entry_is_not_applied() {
    let mut world = World::furnished();
    world.stamp.index -= 2;
    world.done(&Command::Barrier { term: 1 });
}
