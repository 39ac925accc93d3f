//! One process per data directory.
//!
//! An advisory `flock` on the file `lock`: the kernel releases it when the process ends, however
//! it ends, so there is no stale lock to remove by hand. The holder's process id is written into
//! the file for the operator's eyes only; nothing decides on it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Name of the lock file inside a data directory.
pub const LOCK_FILE: &str = "lock";

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
    /// Takes the lock of `directory` or says at once who has it.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
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
        let error = DirectoryLock::acquire(place.path()).unwrap_err();
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        drop(held);
        DirectoryLock::acquire(place.path()).unwrap();
    }
}
