//! Which namespaces are the container's own, and which are still the host's.

use std::fs;

use crate::rig::Rig;

#[test]
fn namespaces_are_own() {
    let Some(rig) = Rig::root("namespaces_are_own") else { return };
    let names = ["ipc", "mnt", "pid", "uts", "net"];
    let script = names.map(|name| format!("readlink /proc/self/ns/{name};")).concat();
    rig.run(&rig.shell(&script));
    let stdout = rig.stdout();
    for (name, inside) in names.iter().zip(stdout.lines()) {
        let outside = fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        let shared = outside.to_str().unwrap() == inside;
        assert_eq!(shared, *name == "net", "{name}: {inside}");
    }
    assert_eq!(stdout.lines().count(), names.len());
}
