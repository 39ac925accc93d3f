//! What is bounded by forgetting or by waiting, and that a copy of the ledger stands still.

use crate::{build::*, histories::restore};
use master_core::ledger::{Applied, Command, Event, digest::digest};
use proto::model::{FrameworkId, OperationResult, TaskState::*, limits};

const FULL: u64 = limits::PENDING_UPDATES_PER_TASK_MAX as u64;

/// The furnished world, where t1 has as many updates waiting as there may be.
fn silent_framework() -> World {
    let mut world = World::furnished();
    for sequence in 1..=FULL {
        world.done(&update(1, told("t1", "a1", Running, sequence)));
    }
    world
}

#[test]
fn the_masters_news_takes_effect_at_once_and_is_numbered_when_there_is_room() {
    let mut world = silent_framework();
    let last = |world: &World| world.waiting(1, "t1").last().copied();
    for _ in 0..3 {
        world.done(&unreachable_agent("a1", 1));
        world.done(&register("a1", 1, vec![journal(1, "t1", Running)]));
    }
    world.done(&unreachable_agent("a1", 1));
    assert!(world.task(1, "t1").is_withheld());
    assert_eq!((world.task(1, "t1").state(), last(&world)), (Unreachable, Some((FULL, Running))));

    let events = world.done(&acknowledge(session(1, 1), "t1", 1));
    let numbers: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::TaskUpdated { status, freed: false, .. } => Some(status.sequence),
            _ => None,
        })
        .collect();
    assert_eq!((numbers, last(&world)), (vec![FULL + 1], Some((FULL + 1, Unreachable))));

    let events = world.done(&remove_agent("a1", 1));
    assert!(matches!(events[1], Event::TaskUpdated { freed: true, .. }), "freed though untold");
    assert_eq!(world.cpus_taken("a1"), 0);
    world.done(&acknowledge(session(1, 1), "t1", FULL + 1));
    assert_eq!(world.waiting(1, "t1"), [(FULL + 2, Gone)]);
    world.done(&acknowledge(session(1, 1), "t1", FULL + 2));
    let row = world.ledger.framework(FrameworkId(1)).expect("known");
    assert_eq!(row.pending_acknowledgements, 0);
}

#[test]
fn what_is_no_news_is_confirmed_even_when_nobody_acknowledges() {
    let mut world = silent_framework();
    let events = world.done(&update(1, told("t1", "a1", Starting, FULL + 1)));
    assert_eq!(events.len(), 1);
    world.apply(&update(1, told("t1", "a1", Finished, FULL + 2))).expect_err("no room");
    world.done(&acknowledge(session(1, 1), "t1", 1));
    world.done(&update(1, told("t1", "a1", Finished, FULL + 2)));
}

#[test]
fn removing_a_framework_with_withheld_news_leaves_nothing_waiting() {
    let mut world = silent_framework();
    world.done(&unreachable_agent("a1", 1));
    world.done(&remove(1));
    assert_eq!((world.waiting(1, "t1"), world.task(1, "t1").sequence), (vec![], FULL + 1));
}

/// What a task of a framework's first instance is told from its launch to the end of its last
/// update.
fn life(framework: u64, id: &str) -> [Command; 3] {
    let session = session(framework, 1);
    let info = task_info(id, "a1", resources(1, 0..0));
    let finished = update(framework, told(id, "a1", Finished, 1));
    [accept(session, vec![info]), finished, acknowledge(session, id, 1)]
}

/// Applies without looking: checking everything at every step would cost the square of the number
/// of rows.
fn fill(world: &mut World, commands: &[Command]) {
    for command in commands {
        world.stamp.index += 1;
        world.ledger.apply(world.stamp, command, &mut Vec::new()).expect("well formed");
    }
}

/// So many tasks of framework 1 have ended, `old-1` last: ids descend, since it is time that
/// counts.
fn ended_tasks(count: usize) -> World {
    let mut world = World::furnished();
    for number in (1..=count).rev() {
        fill(&mut world, &life(1, &format!("old-{number}")));
        world.pass(1);
    }
    world
}

fn remove(framework: u64) -> Command {
    Command::RemoveFramework { session: session(framework, 1), expired: false }
}

#[test]
fn the_oldest_ended_task_is_forgotten() {
    let most = limits::ENDED_TASKS_PER_FRAMEWORK_MAX;
    let mut world = ended_tasks(most);
    let oldest = key(1, &format!("old-{most}"));
    assert!(world.ledger.task(&oldest).is_some());
    let [launch, finished, acknowledged] = life(1, "new");
    world.done(&launch);
    world.done(&finished);
    let events = world.done(&acknowledged);
    assert_eq!(events.last(), Some(&Event::TaskForgotten(oldest.clone())));
    assert!(world.ledger.task(&oldest).is_none());
    assert_eq!(world.ledger.tasks_of_framework(FrameworkId(1)).count(), most + 1);
    assert_eq!(world.ledger.tasks_of_agent(&agent("a1")).count(), most + 1);
}

#[test]
fn fewer_ended_tasks_are_remembered_of_a_removed_framework() {
    let most = limits::ENDED_TASKS_PER_REMOVED_FRAMEWORK_MAX;
    let mut world = ended_tasks(most + 2);
    let events = world.done(&remove(1));
    let expected = [
        Event::FrameworkRemoved(FrameworkId(1)),
        Event::KillRequested(key(1, "t1")),
        Event::TaskForgotten(key(1, &format!("old-{}", most + 2))),
        Event::TaskForgotten(key(1, &format!("old-{}", most + 1))),
    ];
    assert_eq!(events, expected);
    let count = |world: &World| world.ledger.tasks_of_framework(FrameworkId(1)).count();
    assert_eq!(count(&world), most + 1, "the one that still runs does not count");

    let events = world.done(&update(1, told("t1", "a1", Killed, 1)));
    assert_eq!(events[1..2], [Event::TaskForgotten(key(1, &format!("old-{most}")))]);
    assert_eq!((count(&world), world.task(1, "t1").state()), (most, Killed));
    assert_eq!(digest(&restore(&world.ledger)), digest(&world.ledger), "D3");
}

#[test]
fn a_removed_framework_is_forgotten_with_its_tasks_and_not_before_they_end() {
    let most = limits::REMOVED_REMEMBERED_MAX as u64;
    let mut world = World::furnished();
    world.done(&remove(1));
    for framework in 2..most + 2 {
        world.pass(1);
        fill(&mut world, &[subscribe(None, &format!("call-{framework}"))]);
        if framework == 2 {
            fill(&mut world, &life(2, "first"));
            world.pass(1);
            fill(&mut world, &life(2, "a-second"));
        }
        fill(&mut world, &[remove(framework)]);
    }
    assert_eq!(world.ledger.frameworks().len() as u64, most + 1, "t1 is being ended");

    let events = world.done(&update(1, told("t1", "a1", Killed, 1)));
    assert_eq!(events[1..2], [Event::TaskForgotten(key(1, "t1"))], "with the oldest framework");
    assert!(world.ledger.framework(FrameworkId(1)).is_none());

    world.done(&subscribe(None, "one-more"));
    let events = world.done(&remove(most + 2));
    let forgotten = ["first", "a-second"].map(|id| Event::TaskForgotten(key(2, id)));
    assert_eq!(events[1..], forgotten, "in the order in which they ended");
    assert!(world.ledger.framework(FrameworkId(2)).is_none());
    assert_eq!(world.ledger.tasks().len(), 0);
    assert_eq!(world.ledger.tasks_of_agent(&agent("a1")).count(), 0);
}

#[test]
fn the_oldest_answer_is_forgotten() {
    let mut world = World::furnished();
    let call = |n: usize| {
        let tasks = vec![task_info(&format!("n{n}"), "a2", resources(1, 0..0))];
        Command::launch(session(1, 1), role("*"), Some(request(&format!("request-{n}"))), tasks)
    };
    for n in 0..=limits::ACCEPT_OUTCOMES_PER_FRAMEWORK_MAX {
        world.done(&call(n));
    }
    world.apply(&call(0)).expect_err("its answer is forgotten, its task is not");
    let answer = world.apply(&call(1)).expect("remembered").0;
    assert_eq!(
        answer,
        Applied::AnsweredBefore(vec![OperationResult::Launched { tasks: vec![task("n1")] }])
    );
}

#[test]
fn the_oldest_tombstones_are_forgotten() {
    let mut world = World::new();
    let most = limits::REMOVED_REMEMBERED_MAX;
    for n in 0..=most {
        let name = format!("agent-{}", most - n);
        let agent =
            [register(&name, 1, vec![]), unreachable_agent(&name, 1), remove_agent(&name, 1)];
        fill(&mut world, &agent);
        fill(&mut world, &[subscribe(None, &format!("request-{n}")), remove(n as u64 + 1)]);
        world.pass(1);
    }
    assert_eq!(world.ledger.agents().len(), most);
    assert!(world.ledger.agent(&agent(&format!("agent-{most}"))).is_none());
    assert_eq!(world.ledger.frameworks().len(), most);
    assert!(world.ledger.framework(FrameworkId(1)).is_none());
    let anew = world.apply(&subscribe(None, "request-0")).expect("its call is forgotten").0;
    let framework = FrameworkId(most as u64 + 2);
    assert_eq!(anew, Applied::Subscribed { framework, epoch: 1 }, "numbers are used once");
}

#[test]
fn a_copy_stands_still_while_the_ledger_goes_on() {
    let mut world = World::furnished();
    let copy = world.ledger.clone();
    let before = digest(&copy);
    world.done(&update(1, told("t1", "a1", Failed, 1)));
    world.done(&register("a1", 2, vec![]));
    world.done(&remove(1));
    assert_eq!(digest(&copy), before);
    assert_ne!(digest(&world.ledger), before);
    assert_eq!(copy.task(&key(1, "t1")).expect("in the copy").state(), Staging);
}
