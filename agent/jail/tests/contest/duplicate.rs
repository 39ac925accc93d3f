//! A second container of the same name is refused and does not disturb the first.

use jail::{FailureReason, Outcome};

use crate::rig::Rig;

#[test]
fn duplicate_is_refused() {
    let Some(rig) = Rig::root("duplicate_is_refused") else { return };
    let first =
        rig.launch(&rig.shell("touch ready; while [ ! -e go ]; do sleep 0.01; done; exit 6"));
    rig.wait_for_file("ready");
    let before = rig.cgroups();
    let mut plan = rig.shell("touch second");
    plan.runtime_dir = rig.runtime().join("second");
    std::fs::create_dir(&plan.runtime_dir).unwrap();
    let second = rig.launch(&plan);
    assert_eq!(second.failure().reason, FailureReason::Cgroups);
    drop(second);
    assert_eq!(rig.cgroups(), before, "the first one's cgroups are untouched");
    std::fs::write(rig.sandbox().join("go"), "").unwrap();
    assert_eq!(first.wait().outcome, Outcome::Exited { code: 6 });
    assert!(!rig.sandbox().join("second").exists());
}
