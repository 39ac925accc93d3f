//! The agent may shorten the grace period of the plan through a file, also after a first order.

use jail::Outcome;
use jail::records::GRACE_FILE;

use crate::rig::Rig;

#[test]
fn grace_is_taken_from_the_file() {
    let rig = Rig::plain();
    let mut plan = rig.shell("trap '' TERM; touch ready; while :; do sleep 0.01; done");
    plan.grace_ms = 3_600_000;
    let launched = rig.launch(&plan);
    rig.wait_for_file("ready");
    assert!(launched.supervisor().stop().unwrap());
    std::fs::write(rig.runtime().join(GRACE_FILE), "1").unwrap();
    assert!(launched.supervisor().stop().unwrap());
    let record = launched.wait();
    assert_eq!(record.outcome, Outcome::Signaled { signal: 9 });
}
