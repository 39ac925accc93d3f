//! A task that ignores TERM is killed when the grace period is over, and not before it has heard
//! TERM.

use jail::Outcome;

use crate::rig::Rig;

fn judge(rig: &Rig) {
    let script = "trap 'echo heard' TERM; touch ready; while :; do sleep 0.01; done";
    let mut plan = rig.shell(script);
    // Long enough for a shell to be heard on a machine that does much else.
    plan.grace_ms = 2_000;
    let launched = rig.launch(&plan);
    rig.wait_for_file("ready");
    assert!(launched.supervisor().stop().unwrap());
    let record = launched.wait();
    assert_eq!(record.outcome, Outcome::Signaled { signal: 9 });
    assert!(record.killed_by_request);
    assert_eq!(rig.stdout(), "heard\n");
}

#[test]
fn stop_escalates() {
    let Some(rig) = Rig::root("stop_escalates") else { return };
    judge(&rig);
}

#[test]
fn stop_escalates_without_isolation() {
    judge(&Rig::plain());
}
