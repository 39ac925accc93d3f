//! Trees such as nobody but a task would make them.

use super::*;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use rustix::fs::{AtFlags, mkdirat, openat};
use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::PathBuf,
};

/// A mount that goes when the test ends.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    /// A file system of its own; `None`, loudly, without being root.
    pub(crate) fn fresh(test: &str, at: &Path) -> Option<Self> {
        Self::new(test, "none", at, Some("tmpfs"), MsFlags::empty())
    }

    /// What is elsewhere on the same file system.
    pub(crate) fn bound(test: &str, source: &Path, at: &Path) -> Option<Self> {
        Self::new(test, source.to_str().unwrap(), at, None, MsFlags::MS_BIND)
    }

    fn new(
        test: &str,
        source: &str,
        at: &Path,
        kind: Option<&str>,
        flags: MsFlags,
    ) -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            assert!(std::env::var_os("BOURSE_TEST_STRICT").is_none(), "{test} needs root");
            println!("SKIPPED {test}: needs root");
            return None;
        }
        mount(Some(source), at, kind, flags, None::<&str>).unwrap();
        Some(Self(at.to_owned()))
    }

    /// A directory above it was renamed.
    pub(crate) fn moved_to(mut self, at: &Path) -> Self {
        self.0 = at.to_owned();
        self
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        umount2(&self.0, MntFlags::MNT_DETACH).unwrap();
    }
}

/// Runs something without root's privileges, on a thread of its own.
pub(crate) fn unprivileged<T: Send>(owned: &Path, work: impl FnOnce() -> T + Send) -> T {
    const NOBODY: u32 = 65_534;
    if !nix::unistd::geteuid().is_root() {
        return work();
    }
    nix::unistd::chown(owned, Some(NOBODY.into()), Some(NOBODY.into())).unwrap();
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let nobody = rustix::process::Uid::from_raw(NOBODY);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

/// `place/tree`, and beside it what must never be touched.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("tree/inner")).unwrap();
        fs::create_dir(place.path().join("precious")).unwrap();
        fs::write(place.path().join("precious/file"), "precious").unwrap();
        Self(place)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn delete(&self) -> Result<(), WalkError> {
        delete_directory(&self.path("tree"))
    }

    fn measure(&self, most_bytes: u64) -> Result<Use, WalkError> {
        let above = open_directory(self.0.path()).unwrap();
        measure(&above, OsStr::new("tree"), most_bytes, &never)
    }

    fn used(&self) -> u64 {
        match self.measure(u64::MAX).unwrap() {
            Use::Bytes(bytes) => bytes,
            Use::More => panic!("nothing is more than that"),
        }
    }

    fn assert_precious(&self) {
        assert_eq!(fs::read_to_string(self.path("precious/file")).unwrap(), "precious");
    }
}

/// Deeper than files may be open, and longer than a path may be.
fn dig(tree: &Path, depth: usize) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let mut here = open_directory(tree).unwrap();
    let name = "x".repeat(50);
    for _ in 0..depth {
        mkdirat(&here, &*name, Mode::RWXU).unwrap();
        // Others are there, too.
        mkdirat(&here, "aside", Mode::RWXU).unwrap();
        here = openat(&here, &*name, flags, Mode::empty()).unwrap();
    }
}

#[test]
fn links_lead_nowhere() {
    let place = Place::new();
    symlink("../precious", place.path("tree/relative")).unwrap();
    symlink(place.path("precious"), place.path("tree/inner/absolute")).unwrap();
    symlink(place.path("precious/file"), place.path("tree/inner/file")).unwrap();
    symlink("..", place.path("tree/inner/up")).unwrap();
    symlink("nothing", place.path("tree/dangling")).unwrap();
    symlink("loop", place.path("tree/loop")).unwrap();
    fs::hard_link(place.path("precious/file"), place.path("tree/inner/other-name")).unwrap();
    nix::unistd::mkfifo(&place.path("tree/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("tree/socket")).unwrap();
    place.used();
    place.delete().unwrap();
    assert!(!place.path("tree").exists());
    place.assert_precious();
    place.delete().expect("what is not there is as good");
    symlink("precious", place.path("tree")).unwrap();
    place.delete().expect_err("a link is no directory");
    place.assert_precious();
    assert!(place.path("tree").exists());
}

#[test]
fn mounts_are_not_gone_into() {
    let place = Place::new();
    fs::write(place.path("tree/inner/before"), "").unwrap();
    let used = place.used();
    fs::create_dir(place.path("tree/inner/mounted")).unwrap();
    let with_place = place.used();
    let at = place.path("tree/inner/mounted");
    type Mount = fn(&Place, &Path) -> Option<Mounted>;
    let mounts: [Mount; 2] = [
        |_, at| Mounted::fresh("mounts_are_not_gone_into", at),
        |place, at| Mounted::bound("mounts_are_not_gone_into", &place.path("precious"), at),
    ];
    for mount in mounts {
        let Some(mounted) = mount(&place, &at) else { return };
        fs::write(at.join("large"), vec![1; 1 << 20]).unwrap();
        assert!((used..=with_place).contains(&place.used()), "not a part of it");
        let error = place.delete().unwrap_err();
        assert!(
            matches!(&error, WalkError::Mounted { path } if path == "tree/inner/mounted"),
            "{error}"
        );
        assert!(at.join("large").exists());
        drop(mounted);
    }
    place.assert_precious();
    fs::write(place.path("tree/inner/file"), "").unwrap();
    let at = place.path("tree/inner/file");
    let mounted = Mounted::bound("mounts_are_not_gone_into", &place.path("precious/file"), &at);
    let error = place.delete().unwrap_err();
    assert!(matches!(error, WalkError::Mounted { .. }), "{error}");
    drop(mounted);
    place.delete().expect("there is no mount left");
    place.assert_precious();
}

#[test]
fn what_is_mounted_as_a_whole_stays() {
    let place = Place::new();
    let Some(_mounted) = Mounted::fresh("what_is_mounted_as_a_whole_stays", &place.path("tree"))
    else {
        return;
    };
    fs::write(place.path("tree/file"), "").unwrap();
    let error = place.delete().unwrap_err();
    assert!(matches!(&error, WalkError::Mounted { path } if path == "tree"), "{error}");
    assert!(place.path("tree/file").exists());
}

#[test]
fn depth_is_no_hindrance() {
    let place = Place::new();
    let shallow = place.used();
    dig(&place.path("tree"), 1_000);
    let per_directory = fs::metadata(place.path("tree/aside")).unwrap().blocks() * 512;
    assert!(place.used() >= shallow + 2_000 * per_directory, "each one is counted");
    place.delete().unwrap();
    assert!(!place.path("tree").exists());
}

#[test]
fn locked_directories_of_our_own_are_unlocked() {
    let place = Place::new();
    let tree = place.path("tree");
    fs::set_permissions(place.0.path(), Permissions::from_mode(0o777)).unwrap();
    unprivileged(&tree, || {
        for mode in [0o000, 0o100, 0o400, 0o500, 0o600] {
            let directory = tree.join(format!("mode-{mode:o}"));
            fs::create_dir_all(directory.join("inner/most")).unwrap();
            fs::write(directory.join("inner/file"), "").unwrap();
            fs::set_permissions(directory.join("inner"), Permissions::from_mode(mode)).unwrap();
            fs::set_permissions(directory, Permissions::from_mode(mode)).unwrap();
        }
        // What is not ours: `tree/inner` was made by whoever runs the test.
        fs::set_permissions(&tree, Permissions::from_mode(0o500)).unwrap();
        place.delete().unwrap();
    });
    assert!(!tree.exists());
    place.assert_precious();
}

#[test]
fn what_belongs_to_others_ends_it_with_its_name() {
    let place = Place::new();
    let strange = place.path("tree").join("a\n\u{1b}[31m");
    fs::create_dir(&strange).unwrap();
    fs::write(strange.join("file"), "").unwrap();
    fs::set_permissions(place.0.path(), Permissions::from_mode(0o777)).unwrap();
    if !nix::unistd::geteuid().is_root() {
        println!("SKIPPED what_belongs_to_others_ends_it_with_its_name: needs root");
        return;
    }
    let error = unprivileged(&place.path("tree"), || place.delete()).unwrap_err();
    assert_eq!(error.to_string(), r"cannot remove tree/a\n\x1b[31m/file");
    let path = "tree/".to_owned() + &"long/".repeat(100);
    let names = path.split('/').map(str::as_bytes);
    assert!(shown(names).len() < SHOWN_BYTES_MAX + 10);
}

#[test]
fn blocks_are_counted_once_and_holes_not_at_all() {
    let place = Place::new();
    let before = place.used();
    fs::write(place.path("tree/inner/file"), vec![7; 100_000]).unwrap();
    fs::File::open(place.path("tree/inner/file")).unwrap().sync_all().unwrap();
    let blocks = fs::metadata(place.path("tree/inner/file")).unwrap().blocks() * 512;
    assert!(blocks >= 100_000);
    let used = place.used();
    assert_eq!(used, before + blocks);
    fs::hard_link(place.path("tree/inner/file"), place.path("tree/second")).unwrap();
    symlink(place.path("tree/inner/file"), place.path("tree/inner/link")).unwrap();
    fs::File::create(place.path("tree/hole")).unwrap().set_len(1 << 40).unwrap();
    let now = place.used();
    assert!((used..used + 100_000).contains(&now), "{now}");
    assert_eq!(place.measure(now).unwrap(), Use::Bytes(now));
    assert_eq!(place.measure(now - 1).unwrap(), Use::More);
    assert_eq!(place.measure(0).unwrap(), Use::More);
}

#[test]
fn both_can_be_stopped() {
    let place = Place::new();
    let above = open_directory(place.0.path()).unwrap();
    let tree = OsStr::new("tree");
    let stopped = measure(&above, tree, u64::MAX, &|| true).unwrap_err();
    assert!(matches!(stopped, WalkError::Stopped));
    let stopped = delete(&above, tree, &|| true).unwrap_err();
    assert!(matches!(stopped, WalkError::Stopped));
    assert!(place.path("tree/inner").exists());
    let empty = rustix::fs::statat(&above, tree, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    assert!(empty.st_nlink > 0);
}
