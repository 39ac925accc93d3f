//! Report and record name the supervisor and the container truly.

use jail::process::{ProcessId, boot_id};
use jail::records;

use crate::rig::Rig;

fn judge(rig: &Rig) {
    let launched = rig.launch(&rig.shell("while [ ! -e go ]; do sleep 0.01; done"));
    let started = launched.started();
    let record = records::read_jail(&rig.runtime()).unwrap().unwrap();
    assert_eq!(record.container_id, "container");
    assert_eq!(record.supervisor(), launched.supervisor());
    assert_eq!(record.boot_id, boot_id().unwrap());
    assert_eq!(record.container_pid, started.container_pid);
    assert_eq!(ProcessId::of(started.pid).unwrap(), Some(record.supervisor()));
    assert!(record.supervisor().open().unwrap().is_some());
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", started.container_pid)).unwrap();
    assert!(status.contains(&format!("\nPPid:\t{}\n", started.pid)), "{status}");
    std::fs::write(rig.sandbox().join("go"), "").unwrap();
    let record = launched.wait();
    assert_eq!(record.started_unix_ms, started.started_unix_ms);
}

#[test]
fn records_are_true() {
    let Some(rig) = Rig::root("records_are_true") else { return };
    judge(&rig);
}

#[test]
fn records_are_true_without_isolation() {
    judge(&Rig::plain());
}
