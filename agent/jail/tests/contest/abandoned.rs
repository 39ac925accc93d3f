//! A spawner that is gone before the task runs may have written it off: the task must not run.

use std::io::Write;

use jail::{FailureReason, Outcome, launch};

use crate::rig::{Rig, program};

fn judge(rig: &Rig) {
    let nothing: [&str; 0] = [];
    let mut child = launch::command(program(), nothing).spawn().unwrap();
    drop(child.stdout.take());
    let plan = rig.shell("touch ran");
    child.stdin.take().unwrap().write_all(&plan.to_json().unwrap()).unwrap();
    child.wait().unwrap();
    let Outcome::LaunchFailed(failure) = rig.exit_record().unwrap().outcome else {
        panic!("{:?}", rig.exit_record())
    };
    assert_eq!(failure.reason, FailureReason::Abandoned);
    assert!(!rig.sandbox().join("ran").exists());
    rig.assert_nothing_left();
}

#[test]
fn abandoned_tasks_do_not_run() {
    let Some(rig) = Rig::root("abandoned_tasks_do_not_run") else { return };
    judge(&rig);
}

#[test]
fn abandoned_tasks_do_not_run_without_isolation() {
    judge(&Rig::plain());
}
