//! A supervisor that is killed takes the whole container along; only empty cgroups stay for the
//! sweep.

use std::collections::BTreeSet;

use jail::cgroups;

use crate::rig::{Rig, eventually};

#[test]
fn supervisor_takes_the_container_along() {
    let Some(rig) = Rig::root("supervisor_takes_the_container_along") else { return };
    let script = "setsid sleep 1000 & sleep 1000 & touch ready; trap '' TERM; sleep 1000";
    let launched = rig.launch(&rig.shell(script));
    rig.wait_for_file("ready");
    assert!(rig.processes().len() >= 3, "{:?}", rig.processes());
    launched.kill_supervisor();
    eventually("the container to end", || rig.processes().is_empty());
    assert_eq!(rig.exit_record(), None, "nobody was there to record it");
    let swept = cgroups::sweep(rig.layout(), rig.parent(), &BTreeSet::new()).unwrap();
    assert_eq!(swept.removed, ["container"]);
    rig.assert_nothing_left();
}

#[test]
fn supervisor_takes_the_task_along_without_isolation() {
    let rig = Rig::plain();
    let launched = rig.launch(&rig.plan(&["sleep", "1000"]));
    launched.started();
    assert_eq!(rig.processes().len(), 1);
    launched.kill_supervisor();
    eventually("the task to end", || rig.processes().is_empty());
}
