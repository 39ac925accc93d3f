//! A task that cannot be started is reported with the reason, recorded, and leaves nothing behind.

use std::os::unix::fs::PermissionsExt;

use jail::plan::Limits;
use jail::{FailureReason, Outcome, Plan, Step};

use crate::rig::Rig;

fn judge(rig: &Rig, plan: &Plan, reason: FailureReason, step: Step) {
    let launched = rig.launch(plan);
    let failure = launched.failure();
    assert_eq!((failure.reason, failure.step), (reason, step), "{failure:?}");
    let record = launched.wait();
    assert_eq!(record.outcome, Outcome::LaunchFailed(failure), "the record tells the same");
}

fn programs(rig: &Rig) {
    let missing = [&["/no/such/program"][..], &["no-such-program", "x"], &["./missing"]];
    for argv in missing {
        judge(rig, &rig.plan(argv), FailureReason::NotFound, Step::Exec);
    }
    let text = rig.sandbox().join("text");
    std::fs::write(&text, "no program\n").unwrap();
    judge(rig, &rig.plan(&["./text"]), FailureReason::NotExecutable, Step::Exec);
    std::fs::set_permissions(&text, PermissionsExt::from_mode(0o755)).unwrap();
    judge(rig, &rig.plan(&["./text"]), FailureReason::NotExecutable, Step::Exec);
    judge(rig, &rig.plan(&["/etc"]), FailureReason::NotExecutable, Step::Exec);
}

#[test]
fn programs_that_cannot_be_executed() {
    let Some(rig) = Rig::root("programs_that_cannot_be_executed") else { return };
    programs(&rig);
}

#[test]
fn programs_that_cannot_be_executed_without_isolation() {
    programs(&Rig::plain());
}

#[test]
fn a_sandbox_that_is_not_there() {
    let Some(rig) = Rig::root("a_sandbox_that_is_not_there") else { return };
    let mut plan = rig.shell("true");
    plan.sandbox_dir = rig.sandbox().join("missing");
    judge(&rig, &plan, FailureReason::Sandbox, Step::OpenOutput);
}

#[test]
fn a_cgroup_that_cannot_be_made() {
    let Some(rig) = Rig::root("a_cgroup_that_cannot_be_made") else { return };
    let mut plan = rig.shell("true");
    plan.limits = Limits { pids_max: Some(5), ..Limits::default() };
    let layout = &mut plan.cgroups.as_mut().unwrap().layout;
    for hierarchy in layout.controllers.values_mut() {
        hierarchy.base = "/proc/self".into();
    }
    judge(&rig, &plan, FailureReason::Cgroups, Step::CreateCgroups);
}

#[test]
fn a_runtime_directory_that_is_not_there() {
    let rig = Rig::plain();
    let mut plan = rig.shell("true");
    plan.runtime_dir = rig.runtime().join("missing");
    let launched = rig.launch(&plan);
    let failure = launched.failure();
    assert_eq!((failure.reason, failure.step), (FailureReason::Runtime, Step::OpenRuntime));
}
