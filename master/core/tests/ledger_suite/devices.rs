//! Devices told as stories: parts of one GPU, quota over their sum, and the version that has them.

use crate::{build::*, histories::restore, roles::golden};
use master_core::ledger::{
    Command, LogVersion,
    codec::{Batch, decode_batch, encode_batch},
    digest::digest,
};
use proto::model::{
    Devices, Instant, Milli, Quota, Reason, ResourceName, Resources, TaskState::*, Value, WallTime,
};

fn gpus(cpus_milli: i64, list: &[(&str, i64)]) -> Resources {
    let list = list.iter().map(|(name, milli)| (*name, Milli(*milli)));
    let devices = Devices::new(list).expect("parts of devices");
    Resources::from_entries([
        (ResourceName::CPUS, Value::Scalar(Milli(cpus_milli))),
        (ResourceName::GPUS, Value::Devices(devices)),
    ])
    .expect("resources")
}

fn registration() -> Command {
    let info = agent_info("a1", gpus(4_000, &[("gpu0", 1_000), ("gpu1", 1_000)]));
    Command::RegisterAgent { info, incarnation: 1, tasks: vec![], volumes: vec![] }
}

fn world() -> World {
    let mut world = World::newest();
    world.done(&registration());
    world.done(&subscribe(None, "request-1"));
    world
}

fn launch(id: &str, list: &[(&str, i64)]) -> Command {
    accept(session(1, 1), vec![task_info(id, "a1", gpus(100, list))])
}

#[test]
fn parts_of_one_device_are_taken_until_it_is_full() {
    let mut world = world();
    world.done(&launch("a", &[("gpu0", 500)]));
    world.done(&launch("b", &[("gpu0", 500)]));
    let full = world.apply(&launch("c", &[("gpu0", 1)])).expect_err("is refused");
    assert_eq!(full.reason, Reason::ResourcesTaken);
    world.done(&launch("c", &[("gpu1", 1_000)]));
    assert_eq!(
        world.apply(&launch("d", &[("gpu2", 1)])).unwrap_err().reason,
        Reason::ResourcesTaken
    );
    let used = world.ledger.roles().allocated(&role("*"));
    assert_eq!(used.scalar(&ResourceName::GPUS), Milli(2_000), "they add up");
    world.done(&update(1, told("a", "a1", Finished, 1)));
    world.done(&launch("e", &[("gpu0", 500)]));
    let restored = restore(&world.ledger);
    assert_eq!(digest(&restored), digest(&world.ledger));
}

#[test]
fn quota_is_of_their_sum() {
    let mut world = world();
    let limit = vec![(ResourceName::GPUS, Milli(1_200))];
    let quota = Quota::new(Resources::new(), limit, None).expect("a quota");
    world.done(&Command::SetQuota { role: role("*"), quota, force: false });
    world.done(&launch("a", &[("gpu0", 700)]));
    let refusal = world.apply(&launch("b", &[("gpu1", 501)])).expect_err("is refused");
    assert_eq!(refusal.reason, Reason::QuotaExceeded);
    assert!(refusal.message.contains("uses 0.7; the task asks for 0.501"), "{refusal}");
    world.done(&launch("b", &[("gpu1", 500)]));
    let promise = |milli| {
        let gpus = Resources::from_entries([(ResourceName::GPUS, Value::Scalar(Milli(milli)))]);
        let quota = Quota::new(gpus.expect("an amount"), vec![], None).expect("a quota");
        Command::SetQuota { role: role("ops"), quota, force: false }
    };
    assert_eq!(world.apply(&promise(2_001)).unwrap_err().reason, Reason::CapacityExceeded);
    world.done(&promise(2_000));
}

#[test]
fn devices_wait_for_the_version_that_has_them() {
    let mut world = World::new();
    assert_eq!(world.apply(&registration()).unwrap_err().reason, Reason::VersionTooLow);
    world.done(&Command::RaiseVersion(LogVersion::CURRENT));
    world.done(&registration());
    assert_eq!(launch("a", &[("gpu0", 1)]).since().number(), 2);
}

#[test]
fn commands_with_devices_of_version_2() {
    let commands = vec![registration(), launch("a", &[("gpu0", 250), ("gpu1", 1_000)])];
    let batch = Batch { time: Instant(12), wall: WallTime(34), commands };
    let bytes = golden("batch-v2-devices.bin", &encode_batch(&batch));
    assert_eq!(decode_batch(&bytes), Ok(batch.clone()));
    assert_eq!(encode_batch(&batch), bytes);
}
