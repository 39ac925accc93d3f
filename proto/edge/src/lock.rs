//! One process per data directory.
//!
//! An advisory `flock` on the file `lock`: the kernel releases it when the process ends, however
//! it ends, so there is no stale lock to remove by hand. The holder's process id is written into
//! the file for the operator's eyes only; nothing decides on it.
//!
//! A program that is being started holds whatever its parent had open until it is executed, also
//! after the parent was killed. So somebody who finds a lock held tries again for a moment: what
//! follows on a killed process is not sent away for the sake of a child that never knew.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the lock file inside a data directory.
pub const LOCK_FILE: &str = "lock";
/// How often a lock that is held is tried again, and how long before each. Together three seconds:
/// much longer than a start of a program takes on a busy machine, and short for who started a
/// second process by mistake.
const TRIES: u32 = 60;
const BETWEEN: Duration = Duration::from_millis(50);

/// The held lock of a data directory; released on drop or when the process ends.
#[derive(Debug)]
pub struct DirectoryLock {
    file: File,
}

/// Why a data directory could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error(
        "the data directory {} is in use by {}; no two processes may share one",
        directory.display(),
        match pid { Some(pid) => format!("process {pid}"), None => "another process".to_owned() }
    )]
    Held {
        /// The directory.
        directory: PathBuf,
        /// Who holds it, as far as the holder had time to write it down.
        pid: Option<u32>,
    },
    /// The lock file cannot be used.
    #[error("the lock file {} cannot be used", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl DirectoryLock {
    /// Takes the lock of `directory`, or says who has it and keeps it. Blocks for up to three
    /// seconds.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        Self::acquire_between(directory, || std::thread::sleep(BETWEEN))
    }

    /// The same, with what is done between two tries.
    fn acquire_between(directory: &Path, mut wait: impl FnMut()) -> Result<Self, LockError> {
        for _ in 0..TRIES {
            match Self::try_acquire(directory) {
                Err(LockError::Held { .. }) => wait(),
                tried => return tried,
            }
        }
        Self::try_acquire(directory)
    }

    fn try_acquire(directory: &Path) -> Result<Self, LockError> {
        let path = directory.join(LOCK_FILE);
        let failed = |source| LockError::Io { path: path.clone(), source };
        // Not truncated on open: the content belongs to the holder until the lock is ours.
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder may be between taking the lock and writing its id.
                let pid =
                    file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(LockError::Held { directory: directory.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { file })
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing is not enough at once: a child process that was just forked holds the same open
        // file until it executes its program.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_it() {
        let place = tempfile::tempdir().unwrap();
        let held = DirectoryLock::acquire(place.path()).unwrap();
        let error = DirectoryLock::acquire_between(place.path(), || {}).unwrap_err();
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        drop(held);
        DirectoryLock::acquire(place.path()).unwrap();
    }

    #[test]
    fn a_killed_holder_s_child_is_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let mut held = DirectoryLock::acquire(place.path()).unwrap();
        // What a child has until it executes its program. Its parent is killed: it unlocks nothing.
        let mut of_child = Some(held.file.try_clone().unwrap());
        held.file = File::open("/dev/null").unwrap();
        drop(held);
        let mut waits = 0;
        let wait = || {
            waits += 1;
            of_child.take_if(|_| waits == 3);
        };
        DirectoryLock::acquire_between(place.path(), wait).unwrap();
        assert_eq!(waits, 3);
    }
}
