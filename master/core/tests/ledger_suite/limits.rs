//! Refusals that need many rows. Filling is not checked step by step; the refusal is.

use crate::build::*;
use master_core::ledger::{
    Applied, Command,
    codec::{decode_batch, encode_first},
    digest::digest,
};
use proto::model::{Instant, Reason, Refusal, TaskInfo, WallTime, limits};

/// Applies without looking.
fn fill(world: &mut World, command: &Command) -> Applied {
    world.stamp.index += 1;
    let mut events = Vec::new();
    match world.ledger.apply(world.stamp, command, &mut events) {
        Ok(applied) => applied,
        Err(refusal) => panic!("{command:?}: {refusal:?}"),
    }
}

fn refused(world: &mut World, command: &Command) -> Refusal {
    world.stamp.index += 1;
    let before = digest(&world.ledger);
    let mut events = Vec::new();
    let refusal = world.ledger.apply(world.stamp, command, &mut events).expect_err("a limit");
    assert_eq!((digest(&world.ledger), events.len()), (before, 0));
    refusal
}

fn tasks(prefix: &str, on: &str, count: usize) -> Vec<TaskInfo> {
    (0..count).map(|n| task_info(&format!("{prefix}-{n}"), on, resources(1, 0..0))).collect()
}

#[test]
fn agents_are_bounded() {
    let mut world = World::new();
    for n in 0..limits::AGENTS_MAX {
        fill(&mut world, &register(&format!("agent-{n}"), 1, vec![]));
    }
    let refusal = refused(&mut world, &register("one-more", 1, vec![]));
    assert_eq!((refusal.reason, refusal.field.as_str()), (Reason::LimitExceeded, "agent"));
    fill(&mut world, &register("agent-7", 2, vec![]));
}

#[test]
fn frameworks_are_bounded() {
    let mut world = World::new();
    for n in 0..limits::FRAMEWORKS_MAX {
        fill(&mut world, &subscribe(None, &format!("request-{n}")));
    }
    let refusal = refused(&mut world, &subscribe(None, "one-more"));
    assert_eq!((refusal.reason, refusal.field.as_str()), (Reason::LimitExceeded, "framework"));
    fill(&mut world, &subscribe(None, "request-7"));
}

#[test]
fn tasks_per_accept_and_per_agent_are_bounded() {
    let mut world = World::new();
    let info = agent_info("a1", resources(1_000_000, 0..0));
    fill(
        &mut world,
        &Command::RegisterAgent { info, incarnation: 1, tasks: vec![], volumes: vec![] },
    );
    fill(&mut world, &subscribe(None, "request-1"));
    let accept_of = |prefix: &str, count| accept(session(1, 1), tasks(prefix, "a1", count));

    let refusal = refused(&mut world, &accept_of("t", limits::TASKS_PER_ACCEPT_MAX + 1));
    assert_eq!((refusal.reason, refusal.field.as_str()), (Reason::LimitExceeded, "tasks"));

    for n in 0..limits::TASKS_PER_AGENT_MAX / limits::TASKS_PER_ACCEPT_MAX {
        fill(&mut world, &accept_of(&format!("t{n}"), limits::TASKS_PER_ACCEPT_MAX));
    }
    let refusal = refused(&mut world, &accept_of("more", 1));
    let found = (refusal.reason, refusal.field.as_str());
    assert_eq!(found, (Reason::LimitExceeded, "tasks[0].agent_id"));
}

#[test]
fn a_role_cannot_hold_more_than_can_be_added_up() {
    let mut world = World::new();
    fill(&mut world, &subscribe(None, "request-1"));
    let count = usize::try_from(i64::MAX / limits::MILLI_MAX).expect("some thousands");
    let all = resources(limits::MILLI_MAX, 0..0);
    let mut launch = |n: usize| {
        let text = format!("agent-{n}");
        let info = agent_info(&text, all.clone());
        fill(
            &mut world,
            &Command::RegisterAgent { info, incarnation: 1, tasks: vec![], volumes: vec![] },
        );
        let command = accept(session(1, 1), vec![task_info(&text, &text, all.clone())]);
        match n < count {
            true => drop(fill(&mut world, &command)),
            false => {
                let refusal = refused(&mut world, &command);
                let found = (refusal.reason, refusal.field.as_str());
                assert_eq!(found, (Reason::LimitExceeded, "tasks[0].resources"));
            }
        }
    };
    (0..=count).for_each(&mut launch);
}

#[test]
fn an_entry_takes_as_many_commands_as_it_may() {
    let count = |commands: &[Command]| {
        let (bytes, count) = encode_first(Instant(1), WallTime(2), commands.iter());
        let read = decode_batch(&bytes).expect("what was written can be read");
        assert_eq!(read.commands, commands[..count]);
        assert_eq!((read.time, read.wall), (Instant(1), WallTime(2)));
        count
    };
    let small = vec![unreachable_agent("a1", 1); limits::COMMANDS_PER_BATCH_MAX + 1];
    assert_eq!(count(&small), limits::COMMANDS_PER_BATCH_MAX);
    assert_eq!(count(&small[..3]), 3);
    let large = |tasks: usize| {
        let mut task = task_info("t1", "a1", resources(1, 0..0));
        task.command.arguments = vec!["x".repeat(60_000)];
        accept(session(1, 1), vec![task; tasks])
    };
    let fitting = limits::BATCH_BYTES / 60_100;
    assert_eq!(count(&vec![large(1); fitting + 3]), fitting);
    assert_eq!(count(&[large(fitting + 3), large(1)]), 1, "at least one, however large");
    assert_eq!(count(&[large(1), large(fitting + 3)]), 1);
}
