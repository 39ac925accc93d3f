//! A task that takes more memory than it may is ended, and the record says why.

use jail::plan::Limits;
use jail::{ExitRecord, Outcome};

use crate::rig::Rig;

const LIMIT_BYTES: u64 = 32 * 1024 * 1024;

fn run(rig: &Rig, argv: &[&str]) -> ExitRecord {
    let mut plan = rig.plan(argv);
    plan.limits = Limits { memory_bytes: Some(LIMIT_BYTES), ..Limits::default() };
    rig.run(&plan)
}

#[test]
fn memory_limit_ends_the_task() {
    let Some(rig) = Rig::root("memory_limit_ends_the_task") else { return };
    // Without a line break to print, tail keeps everything it reads.
    let record = run(&rig, &["tail", "/dev/zero"]);
    assert_eq!(record.outcome, Outcome::OutOfMemory { limit_bytes: Some(LIMIT_BYTES) });
    assert!(!record.killed_by_request);
    let peak = record.memory_peak_bytes.unwrap();
    assert!((LIMIT_BYTES / 2..=LIMIT_BYTES).contains(&peak), "{peak}");
}

#[test]
fn a_child_that_is_killed_fails_the_task_for_the_same_reason() {
    let Some(rig) = Rig::root("a_child_that_is_killed_fails_the_task") else { return };
    let record = run(&rig, &["sh", "-c", "tail /dev/zero; exit 3"]);
    assert_eq!(record.outcome, Outcome::OutOfMemory { limit_bytes: Some(LIMIT_BYTES) });
}

#[test]
fn a_task_within_its_limit_is_left_alone() {
    let Some(rig) = Rig::root("a_task_within_its_limit_is_left_alone") else { return };
    let record = run(&rig, &["sh", "-c", "head -c 8000000 /dev/zero | tail >/dev/null"]);
    assert_eq!(record.outcome, Outcome::Exited { code: 0 });
}
