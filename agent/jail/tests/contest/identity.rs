//! The task runs as the plan's user and groups, and owns its output files.

use std::os::unix::fs::{MetadataExt, chown};

use jail::plan::User;

use crate::rig::Rig;

#[test]
fn identity_is_taken() {
    let Some(rig) = Rig::root("identity_is_taken") else { return };
    chown(rig.sandbox(), Some(12345), Some(23456)).unwrap();
    let mut plan = rig.shell("id -u; id -g; id -G; touch mine");
    plan.user = Some(User { uid: 12345, gid: 23456, groups: vec![34567] });
    rig.run(&plan);
    assert_eq!(rig.stdout(), "12345\n23456\n23456 34567\n");
    for name in ["stdout", "stderr", "mine"] {
        let stat = std::fs::metadata(rig.sandbox().join(name)).unwrap();
        assert_eq!((stat.uid(), stat.gid()), (12345, 23456), "{name}");
    }
}
