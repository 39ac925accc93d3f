//! The journal's file: what was committed comes back, and nothing else.

use super::*;
use agent_core::{TaskRow, VolumeRow, VolumeStage};
use proto::model::{
    FrameworkId, Milli, StatusReason, StatusSource, TaskKey, TaskState, TaskStatus, VolumeId,
    VolumeKey, WallTime,
};
use redb::backends::InMemoryBackend;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

/// A disk of which one sync fails, once.
#[derive(Debug)]
struct Failing {
    disk: InMemoryBackend,
    syncs: Arc<AtomicU32>,
    fails_at: u32,
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.syncs.fetch_add(1, Relaxed) == self.fails_at {
            true => Err(io::Error::from_raw_os_error(5)),
            false => self.disk.sync_data(),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.disk.write(offset, data)
    }
}

fn identity() -> Identity {
    Identity {
        agent: "agent-1".parse().unwrap(),
        cluster: None,
        incarnation: 5,
        boot_id: "boot".to_owned(),
        term: 0,
    }
}

fn row(name: &str) -> TaskRow {
    let key = TaskKey { framework: FrameworkId(3), task: name.parse().unwrap() };
    let status = TaskStatus {
        task: key.task.clone(),
        agent: "agent-1".parse().unwrap(),
        state: TaskState::Gone,
        source: StatusSource::Agent,
        reason: StatusReason::KilledDuringLaunch,
        message: "two\nlines".to_owned(),
        exit_code: Some(-1),
        signal: None,
        memory_peak_bytes: Some(7),
        at: WallTime(9),
        sequence: 1,
    };
    TaskRow {
        sequence: 1,
        pending: vec![status],
        owner: Some("nightly".parse().unwrap()),
        ..TaskRow::new(key, TaskState::Gone)
    }
}

fn volume(id: u64) -> VolumeRow {
    VolumeRow {
        key: VolumeKey { id: VolumeId(id), incarnation: 1 },
        role: "db".parse().unwrap(),
        name: "data".parse().unwrap(),
        size: Milli(9_000),
        shared: false,
        stage: VolumeStage::Shrinking { to: Milli(1_000) },
        version: 2,
        failed: None,
    }
}

#[test]
fn what_was_committed_comes_back() {
    let place = tempfile::tempdir().unwrap();
    let (mut file, journal) = JournalFile::open(place.path(), identity).unwrap();
    let (rows, volumes) = (Vec::new(), Vec::new());
    assert_eq!(journal, Journal { identity: identity(), rows, volumes });
    let later = Identity { term: 8, ..identity() };
    let put = |name| Record::Task(Box::new(row(name)));
    file.commit(&[Record::Identity(later.clone()), put("a"), put("b")]).unwrap();
    let put_volume = |id| Record::Volume(Box::new(volume(id)));
    file.commit(&[put_volume(7), put_volume(8), Record::Forget(row("a").key)]).unwrap();
    file.commit(&[Record::ForgetVolume(volume(7).key)]).unwrap();
    drop(file);
    let (_, journal) = JournalFile::open(place.path(), || panic!("it exists")).unwrap();
    let (rows, volumes) = (vec![row("b")], vec![volume(8)]);
    assert_eq!(journal, Journal { identity: later, rows, volumes });
}

#[test]
fn no_sync_of_a_new_journal_may_fail() {
    for fails_at in 0.. {
        let syncs = Arc::new(AtomicU32::new(0));
        let disk = InMemoryBackend::new();
        let made = found(Failing { disk, syncs: Arc::clone(&syncs), fails_at }, &identity());
        if syncs.load(Relaxed) <= fails_at {
            made.unwrap();
            assert!(fails_at > 1, "it syncs");
            return;
        }
        assert!(made.is_err(), "sync {fails_at}");
    }
}

#[test]
fn nobody_else_may_read_it() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(FILE);
    let open = || drop(JournalFile::open(place.path(), identity).unwrap());
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    open();
    assert_eq!(mode(), PRIVATE);
    // As older versions left it.
    std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    open();
    assert_eq!(mode(), PRIVATE);
}

#[test]
fn damage_is_refused_wherever_it_is() {
    let place = tempfile::tempdir().unwrap();
    let (mut file, _) = JournalFile::open(place.path(), identity).unwrap();
    file.commit(&[Record::Task(Box::new(row("needle")))]).unwrap();
    drop(file);
    let path = place.path().join(FILE);
    let whole = std::fs::read(&path).unwrap();
    let at = whole.windows(9).rposition(|window| window == b"two\nlines").unwrap();
    for damage in 0..3 {
        let mut bytes = whole.clone();
        match damage {
            0 => bytes[at] ^= 1,
            1 => bytes.clear(),
            _ => bytes[..64].fill(0xa5),
        }
        std::fs::write(&path, &bytes).unwrap();
        let error = JournalFile::open(place.path(), || panic!("it exists")).unwrap_err();
        assert!(error.to_string().contains("journal.redb"), "{error}");
        assert!(error.to_string().contains("move it away"), "{error}");
    }
}

#[test]
fn the_reserve_is_kept_and_given_up() {
    let place = tempfile::tempdir().unwrap();
    keep_reserve(place.path()).unwrap();
    keep_reserve(place.path()).unwrap();
    let metadata = std::fs::metadata(place.path().join(RESERVE)).unwrap();
    assert_eq!(metadata.len(), RESERVE_BYTES);
    give_up_reserve(place.path()).unwrap();
    give_up_reserve(place.path()).unwrap();
    assert!(!place.path().join(RESERVE).exists());
}
