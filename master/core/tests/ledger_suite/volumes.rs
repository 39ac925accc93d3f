//! Volumes from their making to their end: by operations, by operators, by what agents report.

use crate::{build::*, histories::restore};
use master_core::{
    Ledger,
    ledger::{Applied, Command, Event, ReservationChange, Volume, VolumeChange, digest::digest},
};
use proto::model::{
    Milli, Operation, OperationResult, Reason, ReservationId, ReservationPlan, ReservationRef,
    ResourceName, Resources, Unreserve, VolumeId, VolumeKey, VolumeName, VolumePlan, VolumeRef,
    VolumeReport, VolumeResize, VolumeState, resources::Value,
};

fn disk(mib: i64) -> Resources {
    let entry = (ResourceName::DISK, Value::Scalar(Milli(mib * 1_000)));
    Resources::from_entries([entry]).expect("an amount")
}

/// An agent with 1,000 MiB of disk, 600 of them reserved; a framework of somebody else.
fn world() -> World {
    let mut world = World::newest();
    let mut has = resources(4_000, 0..0);
    has = has.checked_add(&disk(1_000)).expect("fits");
    let info = agent_info("a1", has);
    world.done(&Command::RegisterAgent { info, incarnation: 1, tasks: vec![], volumes: vec![] });
    world.done(&subscribe(None, "request-1"));
    let plan = ReservationPlan {
        agent: agent("a1"),
        role: role("eng"),
        resources: disk(600),
        labels: Vec::new(),
        parent: None,
    };
    let owner = "ops".to_owned();
    world.done(&Command::ChangeReservations(ReservationChange::Reserve { plan, owner }));
    world
}

fn known(id: u64) -> VolumeRef {
    VolumeRef::Known(VolumeId(id))
}

fn mib(count: i64) -> Milli {
    Milli(count * 1_000)
}

fn plan(name: &str, size: i64) -> VolumePlan {
    VolumePlan {
        reservation: ReservationRef::Known(ReservationId(1)),
        name: VolumeName::new(name).expect("a name"),
        size: mib(size),
        shared: false,
        labels: Vec::new(),
    }
}

fn create(name: &str, size: i64) -> Command {
    let owner = "ops".to_owned();
    Command::ChangeVolumes(VolumeChange::Create { plan: plan(name, size), owner })
}

fn grow(id: u64, size: i64) -> Command {
    Command::ChangeVolumes(VolumeChange::Grow(VolumeResize { volume: known(id), size: mib(size) }))
}

fn shrink(id: u64, size: i64) -> Command {
    let resize = VolumeResize { volume: known(id), size: mib(size) };
    Command::ChangeVolumes(VolumeChange::Shrink(resize))
}

fn destroy(id: u64) -> Command {
    Command::ChangeVolumes(VolumeChange::Destroy(known(id)))
}

fn report(id: u64, version: u64, failed: Option<&str>) -> Command {
    let failed = failed.map(str::to_owned);
    let key = VolumeKey { id: VolumeId(id), incarnation: 0 };
    let report = VolumeReport { key, version, failed };
    Command::RecordVolume { agent: agent("a1"), incarnation: 1, report }
}

fn row(world: &World, id: u64) -> &Volume {
    world.ledger.volume(VolumeId(id)).expect("there is one")
}

fn free(ledger: &Ledger) -> Milli {
    let row = ledger.reservation(ReservationId(1)).expect("is there");
    row.free().scalar(&ResourceName::DISK)
}

#[test]
fn a_volume_lives_until_its_agent_has_deleted_it() {
    let mut world = world();
    let (applied, events) = world.apply(&create("data", 200)).expect("fits");
    assert_eq!(applied, Applied::VolumeCreating(VolumeId(1)));
    assert!(matches!(events.as_slice(), [Event::VolumeChanged(_)]));
    assert_eq!((row(&world, 1).info.state, free(&world.ledger)), (VolumeState::Creating, mib(400)));
    refused(&mut world, &grow(1, 300), Reason::VolumeChanging, "volume_id");
    world.done(&report(1, 1, None));
    assert_eq!(row(&world, 1).info.state, VolumeState::Active);

    world.done(&grow(1, 500));
    assert_eq!((row(&world, 1).info.size, free(&world.ledger)), (mib(500), mib(100)));
    assert_eq!(world.done(&grow(1, 500)), [], "said again");
    refused(&mut world, &shrink(1, 100), Reason::VolumeChanging, "volume_id");
    refused(&mut world, &destroy(1), Reason::VolumeChanging, "volume_id");
    assert_eq!(world.done(&report(1, 1, None)), [], "of what was overtaken");
    world.done(&report(1, 2, None));
    assert_eq!(row(&world, 1).info.state, VolumeState::Active);

    world.done(&shrink(1, 100));
    assert_eq!((row(&world, 1).info.size, free(&world.ledger)), (mib(500), mib(100)));
    world.done(&report(1, 3, Some("400 MiB are used")));
    let info = &row(&world, 1).info;
    assert_eq!((info.size, info.message.as_str()), (mib(500), "400 MiB are used"));
    world.done(&shrink(1, 450));
    world.done(&report(1, 4, None));
    assert_eq!((row(&world, 1).info.size, free(&world.ledger)), (mib(450), mib(150)));

    world.done(&destroy(1));
    assert_eq!(free(&world.ledger), mib(150), "held until it is deleted");
    let refusal = refused(&mut world, &destroy(1), Reason::VolumeDestroying, "volume_id");
    assert!(refusal.message.contains("volume-1"));
    world.done(&report(1, 5, Some("busy")));
    assert_eq!(row(&world, 1).info.state, VolumeState::Destroying, "what is ordered stays so");
    let copy = restore(&world.ledger);
    assert_eq!(digest(&copy), digest(&world.ledger));
    assert_eq!(copy.volume(VolumeId(1)), world.ledger.volume(VolumeId(1)));
    world.done(&report(1, 5, None));
    assert_eq!((world.ledger.volume(VolumeId(1)), free(&world.ledger)), (None, mib(600)));
    assert_eq!(world.done(&report(1, 5, None)), [], "said again");
    refused(&mut world, &destroy(1), Reason::VolumeUnknown, "volume_id");
    let (applied, _) = world.apply(&create("data", 200)).expect("its name is free");
    assert_eq!(applied, Applied::VolumeCreating(VolumeId(2)), "its number is not");
}

#[test]
fn a_dump_in_the_midst_of_a_change_is_the_same_ledger() {
    let mut world = world();
    world.done(&create("data", 200));
    world.done(&report(1, 1, None));
    world.done(&shrink(1, 100));
    world.done(&create("more", 100));
    world.done(&report(2, 1, Some("no space")));
    let mut copy = restore(&world.ledger);
    assert_eq!(digest(&copy), digest(&world.ledger));
    assert_eq!(free(&copy), mib(300));
    let mut events = Vec::new();
    copy.apply(world.stamp, &report(1, 2, None), &mut events).expect("is recorded");
    assert_eq!(free(&copy), mib(400));
}

#[test]
fn what_cannot_be_is_refused() {
    let mut world = world();
    world.done(&create("data", 200));
    let refusal = refused(&mut world, &create("data", 1), Reason::VolumeExists, "plan.name");
    assert!(refusal.message.contains("volume-1"), "whoever repeats it learns the id");
    refused(&mut world, &create("more", 401), Reason::ResourcesTaken, "plan.size");
    let owner = "ops".to_owned();
    let reservation = ReservationRef::Known(ReservationId(9));
    let elsewhere = VolumePlan { reservation, ..plan("more", 1) };
    let elsewhere = Command::ChangeVolumes(VolumeChange::Create { plan: elsewhere, owner });
    refused(&mut world, &elsewhere, Reason::ReservationUnknown, "plan.reservation");
    refused(&mut world, &grow(7, 1), Reason::VolumeUnknown, "volume_id");
    world.done(&report(1, 1, None));
    refused(&mut world, &grow(1, 100), Reason::InvalidField, "size");
    refused(&mut world, &shrink(1, 300), Reason::InvalidField, "size");
    refused(&mut world, &grow(1, 601), Reason::ResourcesTaken, "size");

    let give_up = |resources| {
        let reservation = ReservationRef::Known(ReservationId(1));
        let unreserve = Unreserve { reservation, resources };
        Command::ChangeReservations(ReservationChange::Unreserve(unreserve))
    };
    refused(&mut world, &give_up(None), Reason::ReservationInUse, "resources");
    refused(&mut world, &give_up(Some(disk(401))), Reason::ReservationInUse, "resources");
    world.done(&give_up(Some(disk(400))));
    let reservation = ReservationId(1);
    let moved = ReservationChange::Move { reservation, role: role("ops") };
    let moved = Command::ChangeReservations(moved);
    refused(&mut world, &moved, Reason::ReservationInUse, "reservation_id");

    world.done(&destroy(1));
    refused(&mut world, &grow(1, 201), Reason::VolumeDestroying, "volume_id");
    world.done(&report(1, 2, None));
    world.done(&unreachable_agent("a1", 1));
    refused(&mut world, &create("late", 1), Reason::AgentUnreachable, "plan.reservation");
}

#[test]
fn what_could_not_be_made_can_only_be_destroyed() {
    let mut world = world();
    world.done(&create("data", 200));
    world.done(&report(1, 1, Some("read-only file system")));
    assert_eq!(row(&world, 1).info.message, "read-only file system");
    refused(&mut world, &grow(1, 300), Reason::VolumeBroken, "volume_id");
    assert_eq!(world.done(&report(1, 1, None)), [], "it stays so");
    world.done(&destroy(1));
    world.done(&report(1, 2, None));
    assert_eq!(free(&world.ledger), mib(600));
}

#[test]
fn volumes_go_with_their_agent() {
    let mut world = world();
    world.done(&create("data", 200));
    world.done(&unreachable_agent("a1", 1));
    let events = world.done(&remove_agent("a1", 1));
    let gone = |event: &Event| match event {
        Event::VolumeChanged(info) => info.state == VolumeState::Gone,
        _ => false,
    };
    assert_eq!(events.iter().filter(|event| gone(event)).count(), 1);
    assert!(world.ledger.volumes().is_empty());
}

#[test]
fn frameworks_change_what_is_their_owners_alone() {
    let mut world = world();
    world.done(&create("data", 200));
    let operation = |operation| {
        let operations = vec![Ok(operation)];
        let role = world
            .ledger
            .framework(proto::model::FrameworkId(1))
            .expect("known")
            .info
            .roles
            .first()
            .expect("has one")
            .clone();
        Command::Accept {
            session: session(1, 1),
            role,
            request: None,
            operations,
            partial: true,
            revocable: false,
        }
    };
    let commands = [
        (operation(Operation::DestroyVolume(known(1))), "destroy_volume.volume"),
        (operation(Operation::CreateVolume(plan("other", 1))), "create_volume.reservation"),
    ];
    for (command, field) in commands {
        let (applied, events) = world.apply(&command).expect("is partial");
        let Applied::Accepted { results, .. } = applied else { panic!("{applied:?}") };
        let [OperationResult::Refused(refusal)] = results.as_slice() else { panic!("{results:?}") };
        assert_eq!((refusal.reason, refusal.field.as_str()), (Reason::NotAuthorized, field));
        assert_eq!(events, []);
    }
}
