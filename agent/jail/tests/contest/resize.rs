//! The limits of a container that runs change, and stay as they are when memory cannot be had back.

use jail::Outcome;
use jail::cgroups::{CgroupError, ControllerName, Version, resize};
use jail::plan::Limits;

use crate::rig::Rig;

const MIB: u64 = 1 << 20;

fn limits(cpu_milli: u64, memory_bytes: u64) -> Limits {
    let (cpu_milli, memory_bytes) = (Some(cpu_milli), Some(memory_bytes));
    Limits { cpu_milli, cpu_quota: true, memory_bytes, pids_max: None }
}

/// What the kernel says of the container.
fn in_force(rig: &Rig) -> (u64, u64) {
    let version = |name| rig.layout().controllers[&name].version;
    let text = |name: &str| rig.cgroup_file(name).expect(name);
    let quota = match version(ControllerName::Cpu) {
        Version::V1 => text("cpu.cfs_quota_us"),
        Version::V2 => text("cpu.max").split(' ').next().unwrap().to_owned(),
    };
    let memory = match version(ControllerName::Memory) {
        Version::V1 => text("memory.limit_in_bytes"),
        Version::V2 => text("memory.max"),
    };
    (quota.trim().parse().unwrap(), memory.trim().parse().unwrap())
}

#[test]
fn limits_of_a_running_container_change() {
    let Some(rig) = Rig::root("limits_of_a_running_container_change") else { return };
    let mut plan = rig.shell("while [ ! -e go ]; do sleep 0.01; done");
    plan.limits = limits(1_000, 64 * MIB);
    let launched = rig.launch(&plan);
    launched.started();
    let change =
        |old: &Limits, new: &Limits| resize(rig.layout(), rig.parent(), "container", old, new);
    assert_eq!(in_force(&rig), (100_000, 64 * MIB));
    let (small, large) = (limits(250, 32 * MIB), limits(3_000, 256 * MIB));
    change(&plan.limits, &large).unwrap();
    assert_eq!(in_force(&rig), (300_000, 256 * MIB));
    change(&large, &small).unwrap();
    assert_eq!(in_force(&rig), (25_000, 32 * MIB));
    std::fs::write(rig.sandbox().join("go"), "").unwrap();
    assert_eq!(launched.wait().outcome, Outcome::Exited { code: 0 });
}

/// A shell that holds 48 MiB in a variable keeps them, and its old limits.
#[test]
fn memory_that_is_held_is_not_taken_away() {
    let Some(rig) = Rig::root("memory_that_is_held_is_not_taken_away") else { return };
    let script = "held=$(head -c 50331648 /dev/zero | tr '\\0' x); touch ready; \
        while [ ! -e go ]; do sleep 0.01; done; exit ${#held}";
    let mut plan = rig.plan(&["bash", "-c", script]);
    plan.limits = limits(2_000, 512 * MIB);
    let launched = rig.launch(&plan);
    rig.wait_for_file("ready");
    let wanted = limits(1_000, 16 * MIB);
    let error = resize(rig.layout(), rig.parent(), "container", &plan.limits, &wanted).unwrap_err();
    let CgroupError::InUse { held_bytes, limit_bytes } = error else { panic!("{error}") };
    assert!(held_bytes > limit_bytes && limit_bytes == 16 * MIB, "{held_bytes}");
    assert_eq!(in_force(&rig), (200_000, 512 * MIB));
    std::fs::write(rig.sandbox().join("go"), "").unwrap();
    assert!(matches!(launched.wait().outcome, Outcome::Exited { .. }), "it lives on");
}

/// What it is held to now is said when it takes more.
#[test]
fn the_limit_that_ended_it_is_the_new_one() {
    let Some(rig) = Rig::root("the_limit_that_ended_it_is_the_new_one") else { return };
    let script = "touch ready; while [ ! -e go ]; do sleep 0.01; done; \
        held=$(head -c 134217728 /dev/zero | tr '\\0' x); exit ${#held}";
    let mut plan = rig.plan(&["bash", "-c", script]);
    plan.limits = limits(1_000, 1_024 * MIB);
    let launched = rig.launch(&plan);
    rig.wait_for_file("ready");
    let new = limits(1_000, 48 * MIB);
    resize(rig.layout(), rig.parent(), "container", &plan.limits, &new).unwrap();
    std::fs::write(rig.sandbox().join("go"), "").unwrap();
    let limit_bytes = Some(48 * MIB);
    assert_eq!(launched.wait().outcome, Outcome::OutOfMemory { limit_bytes });
}
