//! The second order kills at once, however long the grace period of a stop before it.

use jail::Outcome;

use crate::rig::Rig;

fn judge(rig: &Rig) {
    let mut plan = rig.shell("trap '' TERM; touch ready; while :; do sleep 0.01; done");
    plan.grace_ms = 3_600_000;
    let launched = rig.launch(&plan);
    rig.wait_for_file("ready");
    assert!(launched.supervisor().stop().unwrap());
    assert!(launched.supervisor().destroy().unwrap());
    let supervisor = launched.supervisor();
    let record = launched.wait();
    assert_eq!(record.outcome, Outcome::Signaled { signal: 9 });
    assert!(record.killed_by_request);
    assert!(!supervisor.destroy().unwrap(), "nobody is there to take a second order");
}

#[test]
fn destroy_is_immediate() {
    let Some(rig) = Rig::root("destroy_is_immediate") else { return };
    judge(&rig);
}

#[test]
fn destroy_is_immediate_without_isolation() {
    judge(&Rig::plain());
}
