//! Whose directory it is, who may open it, and what an empty one may do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use master::disk::{
    ClusterId, DataDirectory, IdentityError, LoadError, LockError, LogFileError, LogOpenError,
    LogStore, MarkError, Opening, Standing,
};

use super::scribe::first_entries;

fn cluster(name: &str) -> ClusterId {
    name.to_owned().try_into().unwrap()
}

fn member(node: u64) -> Opening {
    Opening { cluster: cluster("north"), node, bootstrap: false }
}

fn founder(node: u64) -> Opening {
    Opening { bootstrap: true, ..member(node) }
}

fn open(path: &Path) -> Result<DataDirectory, IdentityError> {
    DataDirectory::open(path, &member(1))
}

/// A directory whose log holds three entries, closed again.
fn used(path: &Path) {
    let mut directory = DataDirectory::open(path, &founder(1)).unwrap();
    let mut log = directory.open_log().unwrap();
    assert!(log.load().unwrap().is_empty());
    directory.mark_voter().unwrap();
    log.append(&[first_entries(3)]).unwrap();
}

#[test]
fn a_new_directory_is_fresh_once_and_keeps_its_store_id() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("deep/data");
    let directory = open(&path).unwrap();
    let store = directory.store_id();
    assert!(directory.is_fresh());
    assert_eq!(directory.standing(), Standing::Joining);
    assert_eq!((directory.node(), directory.cluster().as_str()), (1, "north"));
    drop(directory);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("identity")), 0o600);
    let again = open(&path).unwrap();
    assert!(!again.is_fresh());
    assert_eq!(again.store_id(), store);

    let other = open(&root.path().join("other")).unwrap();
    assert_ne!(other.store_id(), store);
}

#[test]
fn only_the_word_of_the_operator_makes_a_founder_and_voters_stay_voters() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    let mut directory = DataDirectory::open(&path, &founder(1)).unwrap();
    assert_eq!(directory.standing(), Standing::Founding);
    directory.mark_voter().unwrap();
    drop(directory);
    for opening in [member(1), founder(1)] {
        let directory = DataDirectory::open(&path, &opening).unwrap();
        assert_eq!(directory.standing(), Standing::Voter);
    }
    // The wiped disk: the same member, a new store, no vote.
    fs::remove_dir_all(&path).unwrap();
    let mut wiped = open(&path).unwrap();
    assert!(wiped.is_fresh());
    assert_eq!(wiped.standing(), Standing::Joining);
    assert!(wiped.open_log().unwrap().load().unwrap().is_empty());
    drop(wiped);
    let error = DataDirectory::open(&path, &founder(1)).unwrap_err();
    assert!(matches!(error, IdentityError::BootstrapOfJoining { .. }), "{error:?}");
    let mut joined = open(&path).unwrap();
    assert_eq!(joined.standing(), Standing::Joining);
    joined.mark_voter().unwrap();
    drop(joined);
    assert_eq!(open(&path).unwrap().standing(), Standing::Voter);
}

#[test]
fn another_cluster_or_member_is_refused_and_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    drop(open(&path).unwrap());
    let before = fs::read(path.join("identity")).unwrap();
    let stranger = Opening { cluster: cluster("south"), ..member(1) };
    let error = DataDirectory::open(&path, &stranger).unwrap_err();
    assert!(matches!(error, IdentityError::OtherCluster { .. }), "{error:?}");
    let error = DataDirectory::open(&path, &member(2)).unwrap_err();
    assert!(matches!(error, IdentityError::OtherNode { expected: 2, found: 1, .. }), "{error:?}");
    let error = DataDirectory::open(&path, &member(0)).unwrap_err();
    assert!(matches!(error, IdentityError::ZeroNode), "{error:?}");
    assert_eq!(fs::read(path.join("identity")).unwrap(), before);
    drop(open(&path).unwrap());
}

#[test]
fn a_directory_that_others_may_read_is_refused_with_the_cure() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    drop(open(&path).unwrap());
    for mode in [0o750, 0o701, 0o755, 0o770] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        match open(&path).unwrap_err() {
            error @ IdentityError::LaxMode { mode: found, .. } => {
                assert_eq!(found, mode);
                assert!(error.to_string().contains("chmod 700"), "{error}");
            }
            error => panic!("{error:?}"),
        }
    }
    fs::set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
    drop(open(&path).unwrap());
}

#[test]
fn a_directory_serves_one_holder_and_names_it() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    let first = open(&path).unwrap();
    match open(&path).unwrap_err() {
        error @ IdentityError::Lock(LockError::Held { pid, .. }) => {
            assert_eq!(pid, Some(std::process::id()));
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
        error => panic!("{error:?}"),
    }
    drop(first);
    drop(open(&path).unwrap());
}

#[test]
fn a_directory_with_strangers_in_it_is_not_taken_into_use() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    used(&path);
    fs::remove_file(path.join("identity")).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, IdentityError::NotEmpty { .. }), "{error:?}");
}

#[test]
fn every_flipped_bit_and_every_cut_of_the_identity_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    drop(open(&path).unwrap());
    let file = path.join("identity");
    let good = fs::read(&file).unwrap();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &bad).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, IdentityError::Damaged { .. }), "bit {bit}: {error:?}");
    }
    for length in 0..good.len() {
        fs::write(&file, &good[..length]).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, IdentityError::Damaged { .. }), "cut to {length}: {error:?}");
    }
    fs::write(&file, &good).unwrap();
    drop(open(&path).unwrap());
}

#[test]
fn the_log_comes_back_and_its_loss_is_no_new_beginning() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    used(&path);
    let mut directory = open(&path).unwrap();
    let restored = directory.open_log().unwrap().load().unwrap();
    assert_eq!((restored.entries.len(), restored.sequence), (3, 1));
    let log = path.join("log.redb");
    for empty in [false, true] {
        fs::remove_file(&log).unwrap();
        if empty {
            fs::write(&log, b"").unwrap();
        }
        let error = directory.open_log().unwrap_err();
        assert!(matches!(error, LogFileError::LogMissing { .. }), "{error:?}");
        if !empty {
            fs::write(&log, b"x").unwrap();
        }
    }
    fs::write(&log, b"this is no log at all").unwrap();
    let error = directory.open_log().unwrap_err();
    assert!(matches!(error, LogFileError::Open(LogOpenError::Database { .. })), "{error:?}");
}

#[test]
fn a_crash_before_the_log_was_recorded_starts_over() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    let mut directory = open(&path).unwrap();
    fs::write(path.join("log.redb"), b"half of a log").unwrap();
    fs::write(path.join("acknowledged"), b"").unwrap();
    assert!(directory.open_log().unwrap().load().unwrap().is_empty());
}

#[test]
fn the_log_of_another_disk_and_old_copies_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let (one, two) = (root.path().join("one"), root.path().join("two"));
    used(&one);
    used(&two);
    let old = fs::read(one.join("log.redb")).unwrap();
    fs::copy(two.join("log.redb"), one.join("log.redb")).unwrap();
    let mut directory = open(&one).unwrap();
    let error = directory.open_log().unwrap_err();
    assert!(matches!(error, LogFileError::Open(LogOpenError::OtherStore { .. })), "{error:?}");

    fs::write(one.join("log.redb"), &old).unwrap();
    let mut log = directory.open_log().unwrap();
    log.load().unwrap();
    let mut batch = first_entries(4);
    batch.entries.drain(..3);
    log.append(&[batch]).unwrap();
    drop(log);
    fs::write(one.join("log.redb"), &old).unwrap();
    let error = directory.open_log().unwrap().load().unwrap_err();
    assert!(matches!(error, LoadError::RolledBack { acknowledged: 2, found: 1 }), "{error:?}");
}

#[test]
fn a_mark_survives_one_bad_slot_and_is_refused_with_two() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    used(&path);
    let mut directory = open(&path).unwrap();
    let mark = path.join("acknowledged");
    let good = fs::read(&mark).unwrap();
    for slot in [0, 512] {
        let mut torn = good.clone();
        torn[slot..slot + 12].fill(0xff);
        fs::write(&mark, &torn).unwrap();
        directory.open_log().unwrap().load().unwrap();
    }
    fs::write(&mark, vec![0; good.len()]).unwrap();
    let error = directory.open_log().unwrap_err();
    assert!(matches!(error, LogFileError::Mark(MarkError::Damaged { .. })), "{error:?}");
}

#[test]
fn cluster_ids_are_short_plain_names() {
    for good in ["a", "north-1.eu_west", &"x".repeat(64)] {
        assert!(ClusterId::try_from(good.to_owned()).is_ok(), "{good:?}");
    }
    for bad in ["", "a b", "a\nb", "ä", "a/b", &"x".repeat(65)] {
        let error = ClusterId::try_from(bad.to_owned()).unwrap_err();
        assert_eq!(error.text, bad);
    }
}
