//! The task's exit code is kept, with and without isolation.

use jail::Outcome;

use crate::rig::Rig;

#[test]
fn exit_code_is_kept() {
    let Some(rig) = Rig::root("exit_code_is_kept") else { return };
    let record = rig.run(&rig.shell("exit 37"));
    assert_eq!(record.outcome, Outcome::Exited { code: 37 });
    assert!(!record.killed_by_request);
    assert!(record.finished_unix_ms >= record.started_unix_ms);
    assert!(record.cpu_time_us.is_some());
    assert!(record.memory_peak_bytes.is_some());
}

#[test]
fn exit_code_is_kept_without_isolation() {
    let rig = Rig::plain();
    let record = rig.run(&rig.shell("exit 37"));
    assert_eq!(record.outcome, Outcome::Exited { code: 37 });
    assert!(record.cpu_time_us.is_some(), "from the reaped processes");
    assert_eq!(record.memory_peak_bytes, None, "nobody counts");
}
