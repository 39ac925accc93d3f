//! The two durable records of a container: who supervises it, and how it ended.
//!
//! Both are small JSON files in the runtime directory, written by temporary file and rename, so
//! that a reader sees a whole record or none. The end is synced, so that it survives a power cut;
//! who supervises means something in one boot only and is left to the page cache, which outlives
//! the agent. The agent reads them after its own restart. Nothing here knows how a container is
//! run.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::process::ProcessId;
use crate::report::LaunchFailure;

/// The file name of [`JailRecord`].
pub const JAIL_FILE: &str = "jail.json";
/// The file name of [`ExitRecord`].
pub const EXIT_FILE: &str = "exit.json";
/// A file that the agent may put beside them before it orders a stop: another grace period, in
/// milliseconds.
pub const GRACE_FILE: &str = "grace_ms";

const MAX_RECORD_BYTES: u64 = 64 * 1024;

/// Who supervises the container. Written before the task may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JailRecord {
    /// The container's name.
    pub container_id: String,
    /// The supervisor.
    pub pid: i32,
    /// The supervisor's start time.
    pub start_time: u64,
    /// The boot in which both numbers mean something.
    pub boot_id: String,
    /// The container's first process as the host sees it.
    pub container_pid: i32,
}

/// How the container ended. Once this file is there, no process of the container is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// What happened.
    pub outcome: Outcome,
    /// Whether a stop had been ordered before the end.
    pub killed_by_request: bool,
    /// The most memory the container ever held, where the kernel tells.
    pub memory_peak_bytes: Option<u64>,
    /// Processor time of all its processes.
    pub cpu_time_us: Option<u64>,
    /// When the task began; for a failed launch, when the supervisor did.
    pub started_unix_ms: u64,
    /// When the end was seen.
    pub finished_unix_ms: u64,
}

/// The ways a container ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The task returned.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal ended the task.
    Signaled {
        /// Its number.
        signal: i32,
    },
    /// The kernel killed for want of memory, and the task did not end well afterwards.
    OutOfMemory {
        /// The container's own limit; `None` if the shortage came from above it.
        limit_bytes: Option<u64>,
    },
    /// The task never ran.
    LaunchFailed(LaunchFailure),
}

/// Why a record could not be read. A missing file is no error.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file is there but cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The file is larger than any record of ours.
    #[error("{} is larger than any record", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a record.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it went wrong.
        #[source]
        source: serde_json::Error,
    },
}

impl JailRecord {
    /// The supervisor's identity, meaningful only if [`Self::boot_id`] is the running boot.
    #[must_use]
    pub fn supervisor(&self) -> ProcessId {
        ProcessId { pid: self.pid, start_time: self.start_time }
    }
}

/// Reads who supervises the container of this runtime directory.
pub fn read_jail(runtime_dir: &Path) -> Result<Option<JailRecord>, RecordError> {
    read(runtime_dir.join(JAIL_FILE))
}

/// Reads how the container of this runtime directory ended.
pub fn read_exit(runtime_dir: &Path) -> Result<Option<ExitRecord>, RecordError> {
    read(runtime_dir.join(EXIT_FILE))
}

fn read<T: DeserializeOwned>(path: PathBuf) -> Result<Option<T>, RecordError> {
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RecordError::Read { path, source }),
    };
    let mut bytes = Vec::new();
    if let Err(source) = file.take(MAX_RECORD_BYTES + 1).read_to_end(&mut bytes) {
        return Err(RecordError::Read { path, source });
    }
    if bytes.len() as u64 > MAX_RECORD_BYTES {
        return Err(RecordError::TooLarge { path });
    }
    match serde_json::from_slice(&bytes) {
        Ok(record) => Ok(Some(record)),
        Err(source) => Err(RecordError::Damaged { path, source }),
    }
}

/// What a record must outlive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlives {
    /// Every process of this boot. After a power cut it may be gone or empty.
    Processes,
    /// A power cut, from the return of the write.
    PowerCuts,
}

/// Writes a record.
pub(crate) fn write(
    directory: &OwnedFd,
    name: &str,
    record: &impl Serialize,
    outlives: Outlives,
) -> io::Result<()> {
    let bytes = serde_json::to_vec(record).map_err(io::Error::other)?;
    let temporary = format!(".{name}.new");
    match unlinkat(directory, temporary.as_str(), UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(nix::errno::Errno::ENOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    let mut file = File::from(openat(directory, temporary.as_str(), flags, mode)?);
    file.write_all(&bytes)?;
    if outlives == Outlives::PowerCuts {
        file.sync_all()?;
    }
    renameat(directory, temporary.as_str(), directory, name)?;
    if outlives == Outlives::PowerCuts {
        fsync(directory.as_fd())?;
    }
    Ok(())
}

/// The grace period the agent left beside the records, if it did and it is a number.
pub(crate) fn read_grace_ms(directory: &OwnedFd) -> Option<u64> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = File::from(openat(directory, GRACE_FILE, flags, Mode::empty()).ok()?);
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FailureReason, Step};

    fn directory(path: &Path) -> OwnedFd {
        File::open(path).unwrap().into()
    }

    fn record(outcome: Outcome) -> ExitRecord {
        ExitRecord {
            outcome,
            killed_by_request: false,
            memory_peak_bytes: Some(1),
            cpu_time_us: None,
            started_unix_ms: 2,
            finished_unix_ms: 3,
        }
    }

    #[test]
    fn every_outcome_comes_back() {
        let place = tempfile::tempdir().unwrap();
        let failure =
            LaunchFailure::of_reason(FailureReason::Died, Step::Clone, "it died \"early\"\n");
        for outcome in [
            Outcome::Exited { code: 3 },
            Outcome::Signaled { signal: 9 },
            Outcome::OutOfMemory { limit_bytes: Some(7) },
            Outcome::LaunchFailed(failure),
        ] {
            let written = record(outcome);
            write(&directory(place.path()), EXIT_FILE, &written, Outlives::PowerCuts).unwrap();
            assert_eq!(read_exit(place.path()).unwrap(), Some(written));
        }
        let names: Vec<_> = std::fs::read_dir(place.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "no temporary file stays");
    }

    #[test]
    fn absence_is_not_damage() {
        let place = tempfile::tempdir().unwrap();
        assert!(read_jail(place.path()).unwrap().is_none());
        std::fs::write(place.path().join(JAIL_FILE), b"{\"pid\":1").unwrap();
        assert!(matches!(read_jail(place.path()), Err(RecordError::Damaged { .. })));
        std::fs::write(place.path().join(JAIL_FILE), vec![b' '; 70_000]).unwrap();
        assert!(matches!(read_jail(place.path()), Err(RecordError::TooLarge { .. })));
    }

    #[test]
    fn a_temporary_file_left_by_a_crash_is_replaced() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(".exit.json.new"), b"half").unwrap();
        let written = record(Outcome::Exited { code: 0 });
        write(&directory(place.path()), EXIT_FILE, &written, Outlives::PowerCuts).unwrap();
        assert_eq!(read_exit(place.path()).unwrap(), Some(written));
    }

    #[test]
    fn the_grace_file_is_optional_and_distrusted() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(read_grace_ms(&directory(place.path())), None);
        std::fs::write(place.path().join(GRACE_FILE), "250\n").unwrap();
        assert_eq!(read_grace_ms(&directory(place.path())), Some(250));
        std::fs::write(place.path().join(GRACE_FILE), "soon").unwrap();
        assert_eq!(read_grace_ms(&directory(place.path())), None);
    }
}
