//! Volumes in log and snapshot, as version 2 first wrote them: kept as files, see `compat`.

use crate::{
    build::*,
    compat::{check_dump, golden},
};
use master_core::ledger::{
    Command, ReservationChange, VolumeChange,
    codec::{Batch, decode_batch, encode_batch},
};
use proto::model::{
    Instant, Milli, Operation, ReservationId, ReservationPlan, ReservationRef, StatusReason,
    TaskState, VolumeId, VolumeKey, VolumeMount, VolumeName, VolumePlan, VolumeRef, VolumeReport,
    VolumeResize, VolumeState, WallTime,
};

/// Of the ledger in `dump-v2-volumes.bin`.
const VOLUMES_DIGEST: u128 = 49_341_600_261_110_817_575_819_645_756_862_536_684;

fn known(id: u64) -> VolumeRef {
    VolumeRef::Known(VolumeId(id))
}

fn plan(name: &str, reservation: ReservationRef, shared: bool) -> VolumePlan {
    VolumePlan {
        reservation,
        name: VolumeName::new(name).expect("a name"),
        size: Milli(100_500),
        shared,
        labels: vec![("for".to_owned(), "tests".to_owned())],
    }
}

fn create(name: &str, shared: bool) -> Command {
    let plan = plan(name, ReservationRef::Known(ReservationId(1)), shared);
    Command::ChangeVolumes(VolumeChange::Create { plan, owner: "ann".to_owned() })
}

fn mount(volume: VolumeRef, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount { volume, path: path.to_owned(), read_only, incarnation: 0 }
}

fn report(id: u64, version: u64, failed: Option<&str>) -> Command {
    let key = VolumeKey { id: VolumeId(id), incarnation: 0 };
    let report = VolumeReport { key, version, failed: failed.map(str::to_owned) };
    Command::RecordVolume { agent: agent("a1"), incarnation: 1, report }
}

fn change(change: fn(VolumeResize) -> VolumeChange, id: u64, milli: i64) -> Command {
    Command::ChangeVolumes(change(VolumeResize { volume: known(id), size: Milli(milli) }))
}

fn come(found: &[(u64, u64)]) -> Command {
    let info = agent_info("a1", with_disk(resources(4_000, 0..0), 1_000));
    let key =
        |(id, incarnation): &(u64, u64)| VolumeKey { id: VolumeId(*id), incarnation: *incarnation };
    let volumes = found.iter().map(key).collect();
    Command::RegisterAgent { info, incarnation: 1, tasks: vec![], volumes }
}

#[test]
fn volumes_of_version_2() {
    let resize = VolumeResize { volume: VolumeRef::Made(0), size: Milli(200_000) };
    let mut task = task_info("t1", "a1", resources(500, 0..0));
    task.volumes = vec![mount(known(7), "data", true), mount(VolumeRef::Made(0), "a/b", false)];
    let operations = vec![
        Ok(Operation::CreateVolume(plan("data", ReservationRef::Made(3), false))),
        Ok(Operation::GrowVolume(resize)),
        Ok(Operation::ShrinkVolume(VolumeResize { volume: known(3), ..resize })),
        Ok(Operation::DestroyVolume(known(4))),
        Ok(Operation::Launch { tasks: vec![task] }),
    ];
    let mut status = told("t1", "a1", TaskState::Dropped, 1);
    status.reason = StatusReason::VolumeUnavailable;
    let commands = vec![
        Command::Accept {
            session: session(1, 2),
            role: role("eng"),
            request: Some(request("request-2")),
            operations,
            partial: false,
            revocable: false,
        },
        create("more", true),
        change(VolumeChange::Grow, 1, 300_000),
        change(VolumeChange::Shrink, 1, 50_000),
        Command::ChangeVolumes(VolumeChange::Destroy(known(2))),
        report(1, 3, None),
        report(2, 4, Some("400 MiB are used")),
        come(&[(1, 0), (2, 5)]),
        update(1, status),
    ];
    let batch = Batch { time: Instant(12), wall: WallTime(34), commands };
    let bytes = golden("batch-v2-volumes.bin", &encode_batch(&batch));
    assert_eq!(decode_batch(&bytes), Ok(batch.clone()));
    assert_eq!(encode_batch(&batch), bytes, "this software still writes version 2");
    let world = world();
    let states: Vec<_> = world.ledger.volumes().iter().map(|(_, row)| row.info.state).collect();
    use VolumeState::{Active, Creating, Destroying, Failed, Lost, Resizing};
    assert_eq!(states, [Lost, Failed, Active, Resizing, Destroying, Creating]);
    check_dump("dump-v2-volumes.bin", &world, VOLUMES_DIGEST);
}

/// A volume in every state that has a row, one of them in use.
fn world() -> World {
    let mut world = World::newest();
    world.done(&come(&[]));
    world.done(&subscribe(None, "request-1"));
    let plan = ReservationPlan {
        agent: agent("a1"),
        role: role("eng"),
        resources: with_disk(resources(0, 0..0), 900),
        labels: Vec::new(),
        parent: None,
    };
    let owner = "ann".to_owned();
    world.done(&Command::ChangeReservations(ReservationChange::Reserve { plan, owner }));
    for name in ["lost", "failed", "active", "resizing", "destroying", "creating"] {
        world.done(&create(name, name == "active"));
    }
    world.done(&report(1, 1, None));
    world.done(&report(2, 1, Some("read-only file system")));
    for id in [3, 4, 5] {
        world.done(&report(id, 1, None));
    }
    let mut task = task_info("t1", "a1", resources(500, 0..0));
    task.volumes = vec![mount(known(3), "data", true)];
    world.done(&Command::launch(session(1, 1), role("eng"), None, vec![task]));
    world.done(&come(&[(3, 0), (4, 0), (5, 0)]));
    world.done(&change(VolumeChange::Shrink, 4, 50_000));
    world.done(&Command::ChangeVolumes(VolumeChange::Destroy(known(5))));
    world.done(&report(5, 2, Some("busy")));
    world
}
