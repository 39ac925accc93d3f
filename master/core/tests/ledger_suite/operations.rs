//! Accepts of several operations: what each sees of those before it, and what is remembered.

use crate::build::*;
use master_core::ledger::{Applied, Command, Event, LogVersion, Proposed};
use proto::model::{Operation, OperationResult, Reason, Refusal, Resize, TaskState, limits};

/// On a2, which has 4 CPUs.
fn launch(tasks: &[(&str, i64)]) -> Proposed {
    let info = |(id, milli): &(&str, i64)| task_info(id, "a2", resources(*milli, 0..0));
    Ok(Operation::Launch { tasks: tasks.iter().map(info).collect() })
}

fn accept(operations: Vec<Proposed>, partial: bool) -> Command {
    let request = Some(request("request-7"));
    Command::Accept {
        session: session(1, 1),
        role: role("*"),
        request,
        operations,
        partial,
        revocable: false,
    }
}

fn furnished() -> World {
    let mut world = World::furnished();
    world.done(&Command::RaiseVersion(LogVersion::CURRENT));
    world
}

fn refused(world: &mut World, operations: Vec<Proposed>) -> (Reason, String) {
    let refusal = world.apply(&accept(operations, false)).expect_err("refused");
    (refusal.reason, refusal.field)
}

#[test]
fn all_or_none_counts_what_earlier_operations_took() {
    let mut world = furnished();
    let operations = vec![launch(&[("t2", 2_000)]), launch(&[("t3", 1_000), ("t4", 1_001)])];
    let field = "operations[1].launch.tasks[1].resources";
    assert_eq!(refused(&mut world, operations), (Reason::ResourcesTaken, field.to_owned()));
    let operations = vec![launch(&[("t2", 1)]), launch(&[("t2", 1)])];
    let field = "operations[1].launch.tasks[0].task_id";
    assert_eq!(refused(&mut world, operations), (Reason::TaskExists, field.to_owned()));
    let operations = vec![launch(&[("t2", 1)]), launch(&[])];
    let field = "operations[1].launch.tasks";
    assert_eq!(refused(&mut world, operations), (Reason::InvalidField, field.to_owned()));
    assert_eq!(world.cpus_taken("a2"), 0);

    let operations = vec![launch(&[("t2", 2_000)]), launch(&[("t3", 1_000), ("t4", 1_000)])];
    let events = world.done(&accept(operations, false));
    let added = ["t2", "t3", "t4"].map(|id| Event::TaskAdded(key(1, id)));
    assert_eq!(events, added, "in the operations' order");
    assert_eq!(world.cpus_taken("a2"), 4_000);
}

#[test]
fn a_partial_accept_is_remembered_with_its_refusals() {
    let mut world = furnished();
    let not_offered = Refusal::new(Reason::ResourcesNotOffered, "of another agent");
    let command = accept(
        vec![
            launch(&[("t2", 3_000)]),
            launch(&[("t3", 500), ("t4", 501)]),
            Err(not_offered.clone()),
            launch(&[("t3", 1_000)]),
        ],
        true,
    );
    let (applied, events) = world.apply(&command).expect("partly done");
    let Applied::Accepted { results, .. } = &applied else { panic!("{applied:?}") };
    assert_eq!(results[0], OperationResult::Launched { tasks: vec![task("t2")] });
    let refusal = results[1].refusal().expect("more than is free");
    let found = (refusal.reason, refusal.field.as_str());
    assert_eq!(found, (Reason::ResourcesTaken, "launch.tasks[1].resources"));
    assert_eq!(results[2], OperationResult::Refused(not_offered));
    assert_eq!(results[3], OperationResult::Launched { tasks: vec![task("t3")] });
    assert_eq!(events.len(), 2);
    let again = world.apply(&command).expect("the same answer").0;
    assert_eq!(again, Applied::AnsweredBefore(results.clone()));
}

#[test]
fn what_did_nothing_is_judged_anew() {
    let mut world = furnished();
    let command = accept(vec![launch(&[("t2", 4_001)])], true);
    for _ in 0..2 {
        let (applied, events) = world.apply(&command).expect("partial");
        let Applied::Accepted { results, .. } = applied else { panic!("{applied:?}") };
        assert!(results[0].refusal().is_some());
        assert_eq!(events, []);
    }
}

#[test]
fn operations_are_bounded() {
    let mut world = furnished();
    let most = limits::OPERATIONS_PER_ACCEPT_MAX;
    let operations = (0..=most).map(|n| launch(&[(&format!("n{n}"), 1)])).collect();
    assert_eq!(refused(&mut world, operations), (Reason::LimitExceeded, "operations".to_owned()));
    assert_eq!(refused(&mut world, vec![]), (Reason::InvalidField, "operations".to_owned()));
    let names: Vec<String> = (0..=limits::TASKS_PER_ACCEPT_MAX).map(|n| format!("n{n}")).collect();
    let halves = names.chunks(names.len() / 2 + 1);
    let half =
        |names: &[String]| launch(&names.iter().map(|name| (name.as_str(), 1)).collect::<Vec<_>>());
    let operations = halves.map(half).collect();
    assert_eq!(refused(&mut world, operations), (Reason::LimitExceeded, "tasks".to_owned()));
}

#[test]
fn several_operations_need_a_version_of_the_log() {
    let mut world = World::furnished();
    let field = (Reason::VersionTooLow, String::new());
    assert_eq!(refused(&mut world, vec![launch(&[("t2", 1)]), launch(&[("t3", 1)])]), field);
    let refusal = world.apply(&accept(vec![launch(&[("t2", 1)])], true)).expect_err("partial");
    assert_eq!(refusal.reason, Reason::VersionTooLow);
    world.done(&accept(vec![launch(&[("t2", 1)])], false));
}

/// Ports are no amount: such a task has no part in any sum.
#[test]
fn a_task_of_ports_alone_ends_like_any_other() {
    let mut world = World::newest();
    world.done(&register("a2", 1, vec![]));
    world.done(&subscribe(None, "request-1"));
    let ports = task_info("t2", "a2", resources(0, 31_000..31_001));
    world.done(&accept(vec![Ok(Operation::Launch { tasks: vec![ports] })], false));
    world.done(&update(1, told("t2", "a2", TaskState::Running, 1)));
    let larger = Resize { task: task("t2"), resources: resources(100, 31_000..31_001) };
    // Whatever becomes of it, the sums go on.
    let _ = world.apply(&accept(vec![Ok(Operation::Resize(larger))], true));
    world.done(&update(1, told("t2", "a2", TaskState::Finished, 2)));
}
