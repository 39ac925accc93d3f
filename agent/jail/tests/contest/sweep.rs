//! The sweep ends and removes what nobody keeps, and keeps what somebody does.

use std::collections::BTreeSet;

use jail::Outcome;
use jail::cgroups;

use crate::rig::Rig;

#[test]
fn sweep_keeps_what_it_is_told_to_keep() {
    let Some(rig) = Rig::root("sweep_keeps_what_it_is_told_to_keep") else { return };
    let launched = rig.launch(&rig.shell("touch ready; sleep 1000"));
    rig.wait_for_file("ready");
    let keep = BTreeSet::from(["container".to_owned()]);
    let swept = cgroups::sweep(rig.layout(), rig.parent(), &keep).unwrap();
    assert!(swept.removed.is_empty() && swept.failed.is_empty(), "{swept:?}");
    assert!(!rig.processes().is_empty());
    let swept = cgroups::sweep(rig.layout(), rig.parent(), &BTreeSet::new()).unwrap();
    assert_eq!(swept.removed, ["container"]);
    let record = launched.wait();
    assert_eq!(record.outcome, Outcome::Signaled { signal: 9 });
    assert!(!record.killed_by_request, "the sweep is not an order");
}

#[test]
fn sweep_removes_cgroups_that_the_task_made_itself() {
    let Some(rig) = Rig::root("sweep_removes_nested_cgroups") else { return };
    let launched = rig.launch(&rig.shell("touch ready; while [ ! -e go ]; do sleep 0.01; done"));
    rig.wait_for_file("ready");
    for dir in rig.cgroups() {
        std::fs::create_dir_all(dir.join("inner/most")).or_else(accept_existing).unwrap();
    }
    std::fs::write(rig.sandbox().join("go"), "").unwrap();
    launched.wait();
}

/// Two controllers may share one directory.
fn accept_existing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

#[test]
fn sweep_of_nothing_is_nothing() {
    let Some(rig) = Rig::root("sweep_of_nothing_is_nothing") else { return };
    let swept =
        cgroups::sweep(rig.layout(), "bourse-test-that-never-was", &BTreeSet::new()).unwrap();
    assert!(swept.removed.is_empty() && swept.failed.is_empty());
    cgroups::prepare(rig.layout(), rig.parent()).unwrap();
    cgroups::prepare(rig.layout(), rig.parent()).unwrap();
}
