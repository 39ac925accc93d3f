//! Processor share and quota are written where the kernel looks for them.

use jail::cgroups::{ControllerName, Version};
use jail::plan::Limits;

use crate::rig::Rig;

#[test]
fn cpu_limits_are_set() {
    let Some(rig) = Rig::root("cpu_limits_are_set") else { return };
    let mut plan = rig.shell("while [ ! -e go ]; do sleep 0.01; done");
    plan.limits = Limits { cpu_milli: Some(1500), cpu_quota: true, ..Limits::default() };
    let launched = rig.launch(&plan);
    launched.started();
    let expected = match rig.layout().controllers[&ControllerName::Cpu].version {
        Version::V1 => [("cpu.shares", "1536"), ("cpu.cfs_quota_us", "150000")],
        Version::V2 => [("cpu.weight", "59"), ("cpu.max", "150000 100000")],
    };
    for (name, value) in expected {
        assert_eq!(rig.cgroup_file(name).unwrap().trim(), value, "{name}");
    }
    std::fs::write(rig.sandbox().join("go"), "").unwrap();
    launched.wait();
}
