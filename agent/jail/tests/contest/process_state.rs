//! The state a program starts with: no signal blocked or ignored, no way to gain privileges, the
//! process limits and scores of the plan.

use std::collections::BTreeMap;

use jail::plan::ProcessLimit;

use crate::rig::Rig;

fn field<'text>(status: &'text str, name: &str) -> &'text str {
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line[name.len()..].trim()
}

fn judge(rig: &Rig) {
    rig.run(&rig.plan(&["cat", "/proc/self/status"]));
    let status = rig.stdout();
    assert_eq!(field(&status, "SigBlk:"), "0000000000000000");
    assert_eq!(field(&status, "SigIgn:"), "0000000000000000");
    assert_eq!(field(&status, "NoNewPrivs:"), "1");
    assert_eq!(field(&status, "Umask:"), "0022");
}

#[test]
fn process_state_is_clean() {
    let Some(rig) = Rig::root("process_state_is_clean") else { return };
    judge(&rig);
}

#[test]
fn process_state_is_clean_without_isolation() {
    judge(&Rig::plain());
}

#[test]
fn limits_and_score_are_the_plans() {
    let Some(rig) = Rig::root("limits_and_score_are_the_plans") else { return };
    let mut plan = rig.shell("ulimit -n; ulimit -c; cat /proc/self/oom_score_adj");
    plan.process_limits =
        BTreeMap::from([(ProcessLimit::OpenFiles, 123), (ProcessLimit::CoreBytes, 0)]);
    rig.run(&plan);
    plan.oom_score_adj = Some(321);
    rig.run(&plan);
    assert_eq!(rig.stdout(), "123\n0\n0\n123\n0\n321\n");
}
