//! When the task has ended nothing that it started lives on, daemons in sessions of their own
//! included.

use jail::Outcome;

use crate::rig::Rig;

fn judge(rig: &Rig) {
    let script = "setsid sh -c 'trap \"\" TERM HUP; touch daemon; sleep 1000 & sleep 1000' & \
        sleep 1000 & while [ ! -e daemon ]; do sleep 0.01; done; exit 4";
    // Nothing left is asserted by the waiting itself.
    let record = rig.run(&rig.shell(script));
    assert_eq!(record.outcome, Outcome::Exited { code: 4 });
}

#[test]
fn tree_is_gone() {
    let Some(rig) = Rig::root("tree_is_gone") else { return };
    judge(&rig);
}

#[test]
fn tree_is_gone_without_isolation() {
    judge(&Rig::plain());
}

#[test]
fn tree_is_gone_without_isolation_but_with_cgroups() {
    let Some(rig) = Rig::root("tree_is_gone_with_cgroups") else { return };
    let mut plan = rig.shell("setsid sleep 1000 & sleep 1000 & touch out; exit 4");
    plan.isolation = jail::plan::Isolation::None;
    let record = rig.run(&plan);
    assert_eq!(record.outcome, Outcome::Exited { code: 4 });
}
