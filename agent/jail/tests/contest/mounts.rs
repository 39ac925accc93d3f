//! What is mounted inside is never seen outside, and goes with the container.

use std::path::PathBuf;

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::rig::Rig;

/// A sandbox on a mount that shares: what is mounted below it appears in every copy of it, unless
/// the container has made its own copy private.
struct Sharing(PathBuf);

impl Sharing {
    fn new(path: PathBuf) -> Self {
        mount(Some("none"), &path, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
        let sharing = Self(path);
        mount(None::<&str>, &sharing.0, None::<&str>, MsFlags::MS_SHARED, None::<&str>).unwrap();
        sharing
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        umount2(&self.0, MntFlags::MNT_DETACH).unwrap();
    }
}

#[test]
fn mounts_stay_inside() {
    let Some(rig) = Rig::root("mounts_stay_inside") else { return };
    let _sharing = Sharing::new(rig.sandbox());
    let script = "mkdir m && mount -t tmpfs none m && touch m/inside && ls m && touch ready && \
        while [ ! -e go ]; do sleep 0.01; done";
    let launched = rig.launch(&rig.shell(script));
    rig.wait_for_file("ready");
    rig.assert_no_mounts();
    assert!(!rig.sandbox().join("m/inside").exists());
    std::fs::write(rig.sandbox().join("go"), "").unwrap();
    launched.wait();
    assert_eq!(rig.stdout(), "inside\n", "the task itself did see it");
}
