//! The host name is the container's own.

use jail::plan::Isolation;

use crate::rig::Rig;

#[test]
fn hostname_is_own() {
    let Some(rig) = Rig::root("hostname_is_own") else { return };
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let before = host();
    let mut plan = rig.plan(&["cat", "/proc/sys/kernel/hostname"]);
    plan.isolation = Isolation::Full { hostname: Some("web-7.bourse".into()) };
    rig.run(&plan);
    assert_eq!(rig.stdout(), "web-7.bourse\n");
    assert_eq!(host(), before);
}
