//! Volumes among what lies there without being one, and deletions that are broken off.

use super::{
    VolumeTree,
    directories::{DATA, DESTROYING, MAKING, VolumeError},
};
use crate::walk::{WalkError, never, tests::Mounted};
use jail::plan::User;
use proto::model::{Milli, VolumeKey};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

struct Place {
    place: tempfile::TempDir,
    tree: VolumeTree,
    found: BTreeSet<VolumeKey>,
}

impl Place {
    fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap())
    }

    fn at(place: tempfile::TempDir) -> Self {
        let (tree, found) = VolumeTree::open(place.path()).unwrap();
        Self { place, tree, found }
    }

    /// Another life of the agent.
    fn again(self) -> Self {
        Self::at(self.place)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.place.path().join("volumes").join(path)
    }

    /// Makes a volume with a file in it.
    fn fill(&self, text: &str) -> VolumeKey {
        let key = key(text);
        self.tree.make(key).unwrap();
        fs::create_dir(self.path(text).join("data/inner")).unwrap();
        fs::write(self.path(text).join("data/inner/file"), text).unwrap();
        key
    }

    fn delete(&self, key: VolumeKey) -> Result<(), VolumeError> {
        self.tree.delete(key, &never)
    }

    /// Whatever lies in the directory of volumes, but for what is always there.
    fn names(&self) -> Vec<String> {
        names(&self.path("")).into_iter().filter(|n| n != MAKING && n != DESTROYING).collect()
    }
}

fn key(text: &str) -> VolumeKey {
    text.parse().unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn what_was_made_is_found_again() {
    let place = Place::new();
    assert!(place.found.is_empty());
    let first = place.fill("volume-1.7");
    place.tree.make(first).expect("again is as good");
    assert!(place.path("volume-1.7/data/inner/file").exists(), "and changes nothing");
    // The same number in a cluster that was restored is another volume.
    let second = key("volume-1.8");
    place.tree.make(second).unwrap();
    assert!(names(&place.path("volume-1.8/data")).is_empty());
    for (path, expected) in [
        ("", 0o711),
        (MAKING, 0o700),
        (DESTROYING, 0o700),
        ("volume-1.7", 0o711),
        ("volume-1.7/data", 0o755),
    ] {
        assert_eq!(mode(&place.path(path)), expected, "{path:?}");
    }
    let place = place.again();
    assert_eq!(place.found, BTreeSet::from([first, second]));
    place.tree.make(first).expect("an earlier life made it");
    assert_eq!(place.tree.for_task(first, None, true).unwrap(), place.path("volume-1.7/data"));
}

#[test]
fn one_that_was_begun_is_made_whole() {
    let place = Place::new();
    for (begun, text) in [("volume-1.1", "volume-1.1"), ("volume-2.1/data", "volume-2.1")] {
        fs::create_dir_all(place.path(MAKING).join(begun)).unwrap();
        place.tree.make(key(text)).unwrap();
        assert_eq!(names(&place.path(text)), [DATA]);
    }
    assert!(names(&place.path(MAKING)).is_empty());
}

#[test]
fn what_is_no_volume_is_left() {
    let place = Place::new();
    let elsewhere = place.place.path().join("elsewhere");
    fs::create_dir_all(elsewhere.join("data")).unwrap();
    fs::write(elsewhere.join("data/file"), "precious").unwrap();
    for strange in ["backup", "volume-x", "volume-01.1", "volume-3", "volume-4.1/other"] {
        fs::create_dir_all(place.path(strange)).unwrap();
    }
    fs::write(place.path("volume-5.1"), "").unwrap();
    symlink(&elsewhere, place.path("volume-6.1")).unwrap();
    fs::create_dir(place.path("volume-7.1")).unwrap();
    symlink(elsewhere.join("data"), place.path("volume-7.1/data")).unwrap();
    let before = place.names();
    let place = place.again();
    assert!(place.found.is_empty(), "{:?}", place.found);
    for text in ["volume-4.1", "volume-5.1", "volume-6.1", "volume-7.1"] {
        let error = place.tree.make(key(text)).unwrap_err();
        assert!(matches!(error, VolumeError::Stranger { .. }), "{text}: {error}");
        let error = place.tree.for_task(key(text), None, false).unwrap_err();
        assert!(matches!(error, VolumeError::Missing { .. }), "{text}: {error}");
        place.tree.check_use(key(text), Milli(1_000), &never).unwrap_err();
    }
    for text in ["volume-5.1", "volume-6.1"] {
        let error = place.delete(key(text)).unwrap_err();
        assert!(matches!(error, VolumeError::Stranger { .. }), "{text}: {error}");
    }
    assert_eq!(place.names(), before);
    assert_eq!(names(&elsewhere.join("data")), ["file"]);
    // A directory that is to be deleted is, but not what a link in it leads to.
    place.delete(key("volume-7.1")).unwrap();
    assert_eq!(names(&elsewhere.join("data")), ["file"]);
}

#[test]
fn only_what_is_named_is_deleted() {
    let place = Place::new();
    let doomed = place.fill("volume-1.1");
    for other in ["volume-1.2", "volume-11.1", "volume-2.1"] {
        place.fill(other);
    }
    fs::create_dir_all(place.path(DESTROYING).join("volume-2.1/data")).unwrap();
    place.delete(doomed).unwrap();
    assert_eq!(place.names(), ["volume-1.2", "volume-11.1", "volume-2.1"]);
    assert_eq!(names(&place.path(DESTROYING)), ["volume-2.1"], "nobody has ordered that");
    place.delete(doomed).expect("what is not there is as good");
    let place = place.again();
    assert_eq!(place.found.len(), 3);
    assert_eq!(names(&place.path(DESTROYING)), ["volume-2.1"]);
}

#[test]
fn a_deletion_goes_on_from_wherever_it_was_broken_off() {
    type Before = fn(&Place);
    let broken_off: [Before; 5] = [
        |_| {},
        // Set aside, nothing deleted yet; then in part; then all but the directory itself.
        |place| fs::rename(place.path("volume-1.1"), place.path("destroying/volume-1.1")).unwrap(),
        |place| {
            fs::rename(place.path("volume-1.1"), place.path("destroying/volume-1.1")).unwrap();
            fs::remove_file(place.path("destroying/volume-1.1/data/inner/file")).unwrap();
        },
        |place| {
            fs::remove_dir_all(place.path("volume-1.1")).unwrap();
            fs::create_dir(place.path("destroying/volume-1.1")).unwrap();
        },
        // Somebody has put a copy back, which is the volume that is to go.
        |place| fs::create_dir_all(place.path("destroying/volume-1.1/data/old")).unwrap(),
    ];
    for before in broken_off {
        let place = Place::new();
        let key = place.fill("volume-1.1");
        before(&place);
        fs::create_dir_all(place.path("making/volume-1.1/data")).unwrap();
        let place = place.again();
        place.delete(key).unwrap();
        assert!(place.names().is_empty());
        assert!(names(&place.path(DESTROYING)).is_empty());
        assert!(names(&place.path(MAKING)).is_empty());
        assert!(place.again().found.is_empty());
    }
}

#[test]
fn a_deletion_that_is_stopped_leaves_no_volume() {
    let place = Place::new();
    let key = place.fill("volume-1.1");
    let asked = std::cell::Cell::new(0);
    // Not at once: it stops in the midst of it.
    let stop = || asked.replace(asked.get() + 1) > 0;
    let error = place.tree.delete(key, &stop).unwrap_err();
    assert!(matches!(error, VolumeError::Walk(WalkError::Stopped)));
    let place = place.again();
    assert!(place.found.is_empty(), "what is half deleted is no volume");
    assert_eq!(names(&place.path(DESTROYING)), ["volume-1.1"]);
    place.delete(key).unwrap();
    assert!(names(&place.path(DESTROYING)).is_empty());
}

/// What cannot be seen is not deleted, and nobody may be told so.
#[test]
fn a_volume_whose_disk_is_away_is_not_deleted() {
    let place = Place::new();
    let key = place.fill("volume-1.1");
    let (disk, away) = (place.path(""), place.place.path().join("away"));
    fs::rename(&disk, &away).unwrap();
    for below in [MAKING, DESTROYING] {
        fs::create_dir_all(place.path(below)).unwrap();
    }
    let error = place.delete(key).unwrap_err();
    assert!(matches!(error, VolumeError::Missing { .. }), "{error}");
    fs::remove_dir_all(&disk).unwrap();
    fs::rename(&away, &disk).unwrap();
    assert_eq!(place.names(), ["volume-1.1"]);
    place.delete(key).unwrap();
    assert!(place.names().is_empty());
    place.delete(key).expect("what is not there is as good");
}

#[test]
fn mounts_keep_a_volume_from_being_deleted() {
    const TEST: &str = "mounts_keep_a_volume_from_being_deleted";
    for at in ["volume-1.1", "volume-1.1/data", "volume-1.1/data/inner"] {
        let place = Place::new();
        let key = place.fill("volume-1.1");
        let Some(mounted) = Mounted::fresh(TEST, &place.path(at)) else { return };
        fs::create_dir(place.path(at).join("data")).unwrap();
        place.delete(key).unwrap_err();
        // Set aside or not, the mount goes along.
        let both = [place.path(at), place.path(DESTROYING).join(at)];
        let moved = both.iter().find(|path| path.join("data").exists()).expect("untouched");
        let mounted = mounted.moved_to(moved);
        place.delete(key).unwrap_err();
        assert!(moved.join("data").exists());
        drop(mounted);
        place.delete(key).unwrap();
        assert!(place.names().is_empty() && names(&place.path(DESTROYING)).is_empty());
    }
}

#[test]
fn the_first_who_may_write_owns_it() {
    if !nix::unistd::geteuid().is_root() {
        assert!(std::env::var_os("BOURSE_TEST_STRICT").is_none(), "needs root");
        println!("SKIPPED the_first_who_may_write_owns_it: needs root");
        return;
    }
    let place = Place::new();
    let key = key("volume-1.1");
    place.tree.make(key).unwrap();
    let user = |uid| Some(User { uid, gid: uid + 1, groups: Vec::new() });
    let data = place.path("volume-1.1/data");
    let owner = |data: &Path| {
        let stat = fs::metadata(data).unwrap();
        (stat.uid(), stat.gid(), mode(data))
    };
    place.tree.for_task(key, user(5_000).as_ref(), true).unwrap();
    assert_eq!(owner(&data), (0, 0, 0o755), "a reader leaves it to a writer");
    place.tree.for_task(key, user(6_000).as_ref(), false).unwrap();
    assert_eq!(owner(&data), (6_000, 6_001, 0o750));
    let said = fs::read_to_string(place.path("volume-1.1/owner")).unwrap();
    assert_eq!(said, "6000:6001\n");
    // What its owner makes of it stays, whoever comes.
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    let place = place.again();
    for other in [user(7_000), None] {
        place.tree.for_task(key, other.as_ref(), false).unwrap();
        assert_eq!(owner(&data), (6_000, 6_001, 0o777));
    }
    // Without a user it stays the agent's own.
    let second = self::key("volume-2.1");
    place.tree.make(second).unwrap();
    place.tree.for_task(second, None, false).unwrap();
    place.tree.for_task(second, user(6_000).as_ref(), false).unwrap();
    assert_eq!(owner(&place.path("volume-2.1/data")), (0, 0, 0o750));
    // What was begun and not said is done again.
    let third = self::key("volume-3.1");
    place.tree.make(third).unwrap();
    nix::unistd::chown(&place.path("volume-3.1/data"), Some(5_000.into()), None).unwrap();
    fs::write(place.path("volume-3.1/.owner.new"), "50").unwrap();
    place.tree.for_task(third, user(6_000).as_ref(), false).unwrap();
    assert_eq!(owner(&place.path("volume-3.1/data")), (6_000, 6_001, 0o750));
    assert_eq!(names(&place.path("volume-3.1")), ["data", "owner"]);
}

#[test]
fn no_more_than_the_new_size_may_be_used() {
    let place = Place::new();
    let key = place.fill("volume-1.1");
    let file = place.path("volume-1.1/data/large");
    fs::write(&file, vec![1; 3 << 20]).unwrap();
    fs::File::open(&file).unwrap().sync_all().unwrap();
    place.tree.check_use(key, Milli(4_000), &never).unwrap();
    let error = place.tree.check_use(key, Milli(2_000), &never).unwrap_err();
    assert_eq!(error.to_string(), "more than 2 MiB are used");
    fs::remove_file(file).unwrap();
    place.tree.check_use(key, Milli(2_000), &never).unwrap();
    let error = place.tree.check_use(self::key("volume-9.1"), Milli(1_000), &never).unwrap_err();
    assert!(matches!(error, VolumeError::Missing { .. }), "{error}");
}

#[test]
fn the_directory_of_volumes_may_be_a_link_to_another_disk() {
    let (place, disk) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    symlink(disk.path(), place.path().join("volumes")).unwrap();
    let place = Place::at(place);
    let key = place.fill("volume-1.1");
    let data = place.tree.for_task(key, None, false).unwrap();
    assert_eq!(data, disk.path().canonicalize().unwrap().join("volume-1.1/data"));
    place.delete(key).unwrap();
    assert_eq!(names(disk.path()), [DESTROYING, MAKING]);
}
