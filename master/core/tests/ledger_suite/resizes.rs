//! Told by hand: a task grows, shrinks, cannot, and ends in the midst of it.

use crate::build::*;
use master_core::ledger::{Command, Event, SizeChange};
use proto::model::{
    FrameworkId, Operation, Reason, Refusal, Resize, ResourceName, Resources, Role, StatusReason,
    TaskState::*, TaskStatus,
};

fn resize(id: &str, cpus: i64) -> Operation {
    Operation::Resize(Resize { task: task(id), resources: resources(cpus, 31_000..31_002) })
}

fn operate(operations: Vec<Operation>) -> Command {
    Command::Accept {
        session: session(1, 1),
        role: Role::any(),
        request: None,
        operations: operations.into_iter().map(Ok).collect(),
        partial: false,
        revocable: false,
    }
}

fn says(id: &str, reason: StatusReason, sequence: u64) -> Command {
    update(1, TaskStatus { reason, ..told(id, "a1", Running, sequence) })
}

/// One agent with 4 cpus, and a task that runs with one of them and two ports.
fn running() -> World {
    let mut world = World::newest();
    world.done(&register("a1", 1, vec![]));
    world.done(&subscribe(None, "request-1"));
    let info = task_info("t1", "a1", resources(1_000, 31_000..31_002));
    world.done(&operate(Operation::launch(vec![info])));
    world.done(&says("t1", StatusReason::None, 1));
    world
}

fn cpus(world: &World) -> (i64, i64, i64) {
    let cpus = |bag: &Resources| bag.scalar(&ResourceName::CPUS).0;
    let framework = world.ledger.framework(FrameworkId(1)).expect("a framework");
    let role = framework.allocated.get(&Role::any()).map_or(0, cpus);
    let all = cpus(world.ledger.roles().allocated(&Role::any()));
    assert_eq!(role, all);
    (cpus(&world.task(1, "t1").info.resources), world.cpus_taken("a1"), role)
}

#[test]
fn growth_is_taken_at_once_and_what_shrinks_is_free_when_it_is_applied() {
    let mut world = running();
    assert_eq!(world.done(&operate(vec![resize("t1", 3_000)])), [Event::TaskResized(key(1, "t1"))]);
    assert_eq!(cpus(&world), (3_000, 3_000, 3_000));
    let size = world.task(1, "t1").size.clone().expect("a size");
    let change =
        SizeChange { from: resources(1_000, 31_000..31_002), to: resources(3_000, 31_000..31_002) };
    assert_eq!((size.version, size.change), (1, Some(change)));
    world.done(&says("t1", StatusReason::Resized, 2));
    assert_eq!(cpus(&world), (3_000, 3_000, 3_000));
    world.done(&operate(vec![resize("t1", 500)]));
    assert_eq!(cpus(&world), (3_000, 3_000, 3_000), "it may be in use");
    let events = world.done(&says("t1", StatusReason::Resized, 3));
    assert!(events.contains(&Event::TaskResized(key(1, "t1"))), "{events:?}");
    assert_eq!(cpus(&world), (500, 500, 500));
    assert_eq!(world.task(1, "t1").size.as_ref().expect("a size").version, 2);
}

#[test]
fn what_cannot_be_applied_leaves_the_old_size() {
    for cpus_wanted in [2_000, 100] {
        let mut world = running();
        world.done(&operate(vec![resize("t1", cpus_wanted)]));
        world.done(&says("t1", StatusReason::ResizeFailed, 2));
        assert_eq!(cpus(&world), (1_000, 1_000, 1_000));
        assert_eq!(world.task(1, "t1").size_change(), None);
    }
}

#[test]
fn an_end_in_the_midst_of_it_frees_all() {
    let mut world = running();
    world.done(&operate(vec![resize("t1", 2_000)]));
    world.done(&update(1, told("t1", "a1", Finished, 2)));
    assert_eq!(world.cpus_taken("a1"), 0);
    assert_eq!(world.task(1, "t1").size_change(), None);
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let refused = |operations: Vec<Operation>, prepare: &[Command]| -> Refusal {
        let mut world = running();
        prepare.iter().for_each(|command| drop(world.done(command)));
        world.apply(&operate(operations)).expect_err("is refused")
    };
    let other_port =
        Operation::Resize(Resize { task: task("t1"), resources: resources(1_000, 31_000..31_003) });
    let killed = kill(key(1, "t1"), None);
    let under_way = operate(vec![resize("t1", 2_000)]);
    for (operations, prepare, reason, field) in [
        (vec![resize("t9", 1)], vec![], Reason::TaskUnknown, "operations[0].resize.task_id"),
        (vec![other_port], vec![], Reason::InvalidField, "operations[0].resize.resources"),
        (vec![resize("t1", 0)], vec![], Reason::InvalidField, "operations[0].resize.resources"),
        (
            vec![resize("t1", 4_001)],
            vec![],
            Reason::ResourcesTaken,
            "operations[0].resize.resources",
        ),
        (
            vec![resize("t1", 2)],
            vec![killed],
            Reason::TaskNotRunning,
            "operations[0].resize.task_id",
        ),
        (
            vec![resize("t1", 2)],
            vec![under_way],
            Reason::ResizeUnderWay,
            "operations[0].resize.task_id",
        ),
        (
            vec![resize("t1", 2), resize("t1", 3)],
            vec![],
            Reason::ResizeUnderWay,
            "operations[1].resize.task_id",
        ),
    ] {
        let refusal = refused(operations, &prepare);
        assert_eq!((refusal.reason, refusal.field.as_str()), (reason, field));
    }
}

/// A launch and a growth see each other, in whichever order they come.
#[test]
fn a_transaction_counts_both() {
    for launch_first in [true, false] {
        let mut world = running();
        let info = task_info("t2", "a1", resources(1_500, 31_004..31_005));
        let mut operations = Operation::launch(vec![info]);
        let at = if launch_first { 1 } else { 0 };
        operations.insert(at, resize("t1", 2_600));
        let refusal = world.apply(&operate(operations.clone())).expect_err("100 too many");
        assert_eq!(refusal.reason, Reason::ResourcesTaken);
        operations[at] = resize("t1", 2_500);
        world.done(&operate(operations));
        assert_eq!(cpus(&world), (2_500, 4_000, 4_000));
    }
}
