//! A task that honours TERM ends by itself, long before the grace period is over.

use std::time::Instant;

use jail::Outcome;

use crate::rig::Rig;

fn judge(rig: &Rig) {
    // The child is in the task's process group, so it hears the order too.
    let script = "trap 'wait; exit 5' TERM; sh -c \"trap 'touch heard; exit' TERM; touch ready; \
        while :; do sleep 0.01; done\" & while :; do sleep 0.01; done";
    let mut plan = rig.shell(script);
    plan.grace_ms = 3_600_000;
    let launched = rig.launch(&plan);
    rig.wait_for_file("ready");
    let ordered = Instant::now();
    assert!(launched.supervisor().stop().unwrap());
    let record = launched.wait();
    assert_eq!(record.outcome, Outcome::Exited { code: 5 });
    assert!(record.killed_by_request);
    assert!(ordered.elapsed().as_secs() < 3600, "it did not wait for the grace period");
    assert!(rig.sandbox().join("heard").exists());
}

#[test]
fn stop_is_honoured() {
    let Some(rig) = Rig::root("stop_is_honoured") else { return };
    judge(&rig);
}

#[test]
fn stop_is_honoured_without_isolation() {
    judge(&Rig::plain());
}
