//! Tasks that use volumes, and volumes that are lost and come back.

use crate::{build::*, histories::restore};
use master_core::ledger::{
    Applied, Command, Event, ReservationChange, Volume, VolumeChange, digest::digest,
};
use proto::model::{
    GroupId, Milli, Operation, OperationResult, Reason, ReservationId, ReservationPlan,
    ReservationRef, TaskGroup, TaskInfo, TaskState, VolumeId, VolumeKey, VolumeMount, VolumeName,
    VolumePlan, VolumeRef, VolumeReport, VolumeResize, VolumeState,
};

/// Agents a1 and a2 with 1,000 MiB of disk; of that of a1, 600 are kept for eng. A framework of
/// alice with the roles `*` and eng.
fn world() -> World {
    let mut world = World::newest();
    for name in ["a1", "a2"] {
        world.done(&come(name, 1, &[]));
    }
    world.done(&subscribe(None, "request-1"));
    let plan = ReservationPlan {
        agent: agent("a1"),
        role: role("eng"),
        resources: with_disk(resources(0, 0..0), 600),
        labels: Vec::new(),
        parent: None,
    };
    let owner = "ops".to_owned();
    world.done(&Command::ChangeReservations(ReservationChange::Reserve { plan, owner }));
    world
}

/// An agent registers and has the data of these volumes.
fn come(name: &str, incarnation: u64, found: &[u64]) -> Command {
    let info = agent_info(name, with_disk(resources(4_000, 31_000..31_010), 1_000));
    let volumes = found.iter().map(|id| VolumeKey { id: VolumeId(*id), incarnation: 0 }).collect();
    Command::RegisterAgent { info, incarnation, tasks: vec![], volumes }
}

fn plan(name: &str, shared: bool) -> VolumePlan {
    VolumePlan {
        reservation: ReservationRef::Known(ReservationId(1)),
        name: VolumeName::new(name).expect("a name"),
        size: Milli(100_000),
        shared,
        labels: Vec::new(),
    }
}

fn create(name: &str, shared: bool) -> Command {
    let owner = "alice".to_owned();
    Command::ChangeVolumes(VolumeChange::Create { plan: plan(name, shared), owner })
}

fn destroy(id: u64) -> Command {
    Command::ChangeVolumes(VolumeChange::Destroy(VolumeRef::Known(VolumeId(id))))
}

fn resize(id: u64, mib: i64) -> VolumeResize {
    VolumeResize { volume: VolumeRef::Known(VolumeId(id)), size: Milli(mib * 1_000) }
}

fn report(id: u64, version: u64) -> Command {
    let key = VolumeKey { id: VolumeId(id), incarnation: 0 };
    let report = VolumeReport { key, version, failed: None };
    Command::RecordVolume { agent: agent("a1"), incarnation: 1, report }
}

fn mount(volume: VolumeRef, path: &str) -> VolumeMount {
    VolumeMount { volume, path: path.to_owned(), read_only: false, incarnation: 77 }
}

fn using(id: &str, volumes: &[u64]) -> TaskInfo {
    let known = |id: &u64| mount(VolumeRef::Known(VolumeId(*id)), &format!("v{id}"));
    let volumes = volumes.iter().map(known).collect();
    TaskInfo { volumes, ..task_info(id, "a1", resources(100, 0..0)) }
}

fn operate(operations: Vec<Operation>) -> Command {
    Command::Accept {
        session: session(1, 1),
        role: role("eng"),
        request: None,
        operations: operations.into_iter().map(Ok).collect(),
        partial: false,
        revocable: false,
    }
}

fn launch(tasks: Vec<TaskInfo>) -> Command {
    operate(vec![Operation::Launch { tasks }])
}

fn row(world: &World, id: u64) -> &Volume {
    world.ledger.volume(VolumeId(id)).expect("there is one")
}

#[test]
fn a_volume_is_used_until_its_task_has_ended() {
    let mut world = world();
    world.done(&create("data", false));
    // While it is being made: its agent hears of it first.
    let events = world.done(&launch(vec![using("t1", &[1])]));
    assert!(matches!(events.as_slice(), [Event::TaskAdded(_)]), "its use is no news: {events:?}");
    let mounted = &world.task(1, "t1").info.volumes;
    let known = VolumeRef::Known(VolumeId(1));
    assert_eq!(*mounted, [VolumeMount { incarnation: 0, ..mount(known, "v1") }], "of this cluster");
    world.done(&report(1, 1));
    assert_eq!(row(&world, 1).info.task_count, 1);
    let refusal = refused(&mut world, &destroy(1), Reason::VolumeInUse, "volume_id");
    assert!(refusal.message.contains("task t1"), "{refusal}");
    let second = launch(vec![using("t2", &[1])]);
    let field = "tasks[0].volumes[0].volume";
    let refusal = refused(&mut world, &second, Reason::VolumeInUse, field);
    assert!(refusal.message.contains("t1"), "{refusal}");
    assert_eq!(world.ledger.usable_volumes(&agent("a1"), &role("eng")), []);
    let copy = restore(&world.ledger);
    assert_eq!(copy.volume(VolumeId(1)), world.ledger.volume(VolumeId(1)));
    assert_eq!(digest(&copy), digest(&world.ledger));

    world.done(&update(1, told("t1", "a1", TaskState::Finished, 1)));
    assert_eq!(row(&world, 1).info.task_count, 0, "whether or not that is acknowledged");
    let usable = world.ledger.usable_volumes(&agent("a1"), &role("eng/search"));
    assert_eq!(usable.iter().map(|volume| volume.id).collect::<Vec<_>>(), [VolumeId(1)]);
    assert_eq!(world.ledger.usable_volumes(&agent("a1"), &role("ops")), []);
    world.done(&second);
    world.done(&update(1, told("t2", "a1", TaskState::Failed, 1)));
    world.done(&destroy(1));
    refused(&mut world, &launch(vec![using("t3", &[1])]), Reason::VolumeDestroying, field);
}

#[test]
fn many_use_a_shared_volume_and_one_group_one_that_is_not() {
    let mut world = world();
    world.done(&create("shared", true));
    world.done(&create("own", false));
    world.done(&launch(vec![using("t1", &[1]), using("t2", &[1])]));
    assert_eq!(row(&world, 1).info.task_count, 2);
    let twice = launch(vec![using("t3", &[2]), using("t4", &[2])]);
    refused(&mut world, &twice, Reason::VolumeInUse, "tasks[1].volumes[0].volume");
    let group = |name: &str, tasks: [&str; 2]| {
        let group = TaskGroup::new(GroupId::new(name).expect("an id"));
        let group = group.init(using(tasks[0], &[2])).main(using(tasks[1], &[1, 2]));
        operate(vec![Operation::LaunchGroup(group)])
    };
    world.done(&group("g1", ["g1-init", "g1-main"]));
    let counts = [1, 2].map(|id| row(&world, id).info.task_count);
    assert_eq!(counts, [3, 2]);
    let other = group("g2", ["g2-init", "g2-main"]);
    let field = "operations[0].launch_group.group.members[0].task.volumes[0].volume";
    refused(&mut world, &other, Reason::VolumeInUse, field);
    world.done(&update(1, told("g1-init", "a1", TaskState::Finished, 1)));
    refused(&mut world, &other, Reason::VolumeInUse, field);
    world.done(&update(1, told("g1-main", "a1", TaskState::Finished, 1)));
    world.done(&other);
}

#[test]
fn what_a_task_cannot_use_is_refused() {
    let mut world = world();
    world.done(&create("data", false));
    let field = "tasks[0].volumes[0].volume";
    refused(&mut world, &launch(vec![using("t1", &[9])]), Reason::VolumeUnknown, field);
    let elsewhere = TaskInfo { agent: agent("a2"), ..using("t1", &[1]) };
    let refusal = refused(&mut world, &launch(vec![elsewhere]), Reason::VolumeUnknown, field);
    assert!(refusal.message.contains("a1"), "it says where: {refusal}");
    let above = Command::launch(session(1, 1), role("*"), None, vec![using("t1", &[1])]);
    refused(&mut world, &above, Reason::NotAuthorized, field);

    // By its operation and by the id that it will have.
    let made = VolumeRef::Made(0);
    let task = TaskInfo {
        volumes: vec![mount(made, "a"), mount(VolumeRef::Known(VolumeId(2)), "b")],
        ..task_info("t1", "a1", resources(100, 0..0))
    };
    let operations = |task: TaskInfo| {
        let create = Operation::CreateVolume(plan("more", false));
        operate(vec![create, Operation::Launch { tasks: vec![task] }])
    };
    let field = "operations[1].launch.tasks[0].volumes[1].volume";
    refused(&mut world, &operations(task.clone()), Reason::InvalidField, field);
    let task = TaskInfo { volumes: vec![mount(made, "a")], ..task };
    let (applied, _) = world.apply(&operations(task)).expect("fits");
    let Applied::Accepted { results, .. } = applied else { panic!("{applied:?}") };
    assert_eq!(results[0], OperationResult::VolumeCreating(VolumeId(2)));
    let mounted = world.task(1, "t1").info.volumes[0].volume;
    assert_eq!(mounted, VolumeRef::Known(VolumeId(2)), "launched with its id");

    let destroyed = operate(vec![
        Operation::Launch { tasks: vec![using("t2", &[1])] },
        Operation::DestroyVolume(VolumeRef::Known(VolumeId(1))),
    ]);
    let field = "operations[1].destroy_volume.volume";
    refused(&mut world, &destroyed, Reason::VolumeInUse, field);
}

#[test]
fn a_lost_volume_comes_back_as_it_was() {
    let mut world = world();
    world.done(&create("data", false));
    world.done(&report(1, 1));
    world.done(&create("being-made", false));
    let events = world.done(&come("a1", 1, &[]));
    let changed = |event: &Event| matches!(event, Event::VolumeChanged(_));
    assert_eq!(events.iter().filter(|event| changed(event)).count(), 1, "{events:?}");
    assert_eq!(row(&world, 1).info.state, VolumeState::Lost);
    assert_eq!(row(&world, 2).info.state, VolumeState::Creating, "is ordered again");
    let field = "tasks[0].volumes[0].volume";
    refused(&mut world, &launch(vec![using("t1", &[1])]), Reason::VolumeBroken, field);
    assert!(!world.done(&come("a1", 1, &[])).iter().any(changed), "said again");
    world.done(&come("a1", 1, &[1]));
    assert_eq!(row(&world, 1).info.state, VolumeState::Active);
    world.done(&launch(vec![using("t1", &[1])]));

    // Of another cluster's number it has the data, not of this one's.
    let Command::RegisterAgent { info, incarnation, tasks, .. } = come("a1", 1, &[]) else {
        unreachable!("that is what it is")
    };
    let volumes = vec![VolumeKey { id: VolumeId(1), incarnation: 5 }];
    let tasks = [tasks, vec![journal(1, "t1", TaskState::Running)]].concat();
    world.done(&Command::RegisterAgent { info, incarnation, tasks, volumes });
    assert_eq!(row(&world, 1).info.state, VolumeState::Lost);
    assert_eq!(row(&world, 1).info.task_count, 1, "its task may still run");
}

/// A task may have written to it before its agent could say that it is made.
#[test]
fn what_was_being_made_is_not_made_anew_by_an_agent_without_its_journal() {
    let mut world = world();
    world.done(&create("data", false));
    world.done(&launch(vec![using("t1", &[1])]));
    world.done(&come("a1", 2, &[]));
    assert_eq!(row(&world, 1).info.state, VolumeState::Lost);
    world.done(&come("a1", 2, &[]));
    assert_eq!(row(&world, 1).info.state, VolumeState::Lost);
    // The data are there after all.
    world.done(&come("a1", 3, &[1]));
    assert_eq!(row(&world, 1).info.state, VolumeState::Active);
}

#[test]
fn a_change_of_a_lost_volumes_size_is_over() {
    let mut world = world();
    world.done(&create("data", false));
    world.done(&report(1, 1));
    world.done(&Command::ChangeVolumes(VolumeChange::Shrink(resize(1, 50))));
    world.done(&come("a1", 1, &[]));
    let info = &row(&world, 1).info;
    let found = (info.state, info.size, info.resizing_to, info.version);
    assert_eq!(found, (VolumeState::Lost, Milli(100_000), None, 3));
    assert_eq!(world.done(&report(1, 2)), [], "of what is over");
    world.done(&come("a1", 1, &[1]));
    assert_eq!(row(&world, 1).info.size, Milli(100_000));
    world.done(&Command::ChangeVolumes(VolumeChange::Grow(resize(1, 300))));
    world.done(&come("a1", 1, &[]));
    assert_eq!(row(&world, 1).info.size, Milli(300_000), "the larger of both");
    // What is lost is gone when its agent has said so.
    world.done(&destroy(1));
    assert_eq!(row(&world, 1).info.state, VolumeState::Destroying);
    let version = row(&world, 1).info.version;
    world.done(&report(1, version));
    assert_eq!(world.ledger.volume(VolumeId(1)), None);
}
