//! The folder of snapshot files and the order in which they come and go.
//!
//! Write and sync the file, make the pointer to it durable in the log, then sweep: exactly the
//! file the log points to stays. A crash in between leaves either a partial file or a complete one
//! that nothing points to; both are ignored and swept at the next start. An older snapshot is no
//! fallback, since the log may already have forgotten the entries after it. Removing a file that
//! is being sent to a peer is harmless: the open file lives on until it is closed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::durable_file::sync_directory;
use super::identity::ClusterId;
use super::snapshot_file::{SnapshotMeta, SnapshotPointer, SnapshotWriteError, SnapshotWriter};
use super::snapshot_reader::{SnapshotReadError, SnapshotReader};

/// The snapshots of one data directory.
#[derive(Debug, Clone)]
pub struct SnapshotDirectory {
    path: PathBuf,
    cluster: ClusterId,
}

impl SnapshotDirectory {
    /// The folder, which must exist, and the cluster its files must belong to.
    #[must_use]
    pub fn new(path: PathBuf, cluster: ClusterId) -> Self {
        Self { path, cluster }
    }

    /// Where the files are.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a snapshot, taken here or received from a peer.
    pub fn create(&self, meta: &SnapshotMeta) -> Result<SnapshotWriter, SnapshotWriteError> {
        SnapshotWriter::create(&self.path, meta)
    }

    /// Opens the snapshot the log points to.
    pub fn open(&self, pointer: &SnapshotPointer) -> Result<SnapshotReader, SnapshotReadError> {
        SnapshotReader::open_pointed(&self.path, pointer, &self.cluster)
    }

    /// Removes every file but the one the log durably points to; answers what was removed.
    ///
    /// Only to be called while no snapshot is being written. Snapshot files are never
    /// subdirectories, and a subdirectory is never ours, so those stay.
    pub fn sweep(&self, keep: Option<&SnapshotPointer>) -> io::Result<Vec<String>> {
        let mut removed = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let kept = keep.is_some_and(|pointer| name == pointer.file.as_str());
            if !kept && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
                removed.push(name.to_string_lossy().into_owned());
            }
        }
        if !removed.is_empty() {
            sync_directory(&self.path)?;
        }
        removed.sort_unstable();
        Ok(removed)
    }
}
