//! The acknowledged mark: an independent witness of how far the log had come.
//!
//! The log store numbers its transactions. After each durable commit, and before anybody is told,
//! the number is written here, without a sync of its own: the mark may lag behind the log after a
//! power cut, but it is never ahead of it. A log that opens *below* its mark has therefore lost
//! something it acknowledged (an old copy put back, a damaged header that points to the commit
//! before the last) and must not vote as if nothing had happened. Two slots in separate sectors
//! are written in turn, so a torn write leaves the other one.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::durable_file::{private_options, sync_directory};
use super::record;

/// Name of the mark inside a data directory.
pub(super) const MARK_FILE: &str = "acknowledged";
/// A torn write damages one sector, so each slot has its own.
const SLOT_STRIDE_BYTES: u64 = 512;
/// Checksum and sequence number.
const SLOT_BYTES: usize = 12;
const LABEL: &[u8] = b"bourse acknowledged mark";

/// The file that holds the highest acknowledged sequence number of a log.
#[derive(Debug)]
pub struct AcknowledgedMark {
    file: File,
    path: PathBuf,
    sequence: u64,
}

/// Why the mark cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// The system refused.
    #[error("mark file {} cannot be used", path.display())]
    Io {
        /// The mark file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Neither slot is intact, which no power cut can do.
    #[error(
        "mark file {} is damaged: it cannot be told whether the log is complete; move the data \
         directory away and let this member join again with an empty one",
        path.display()
    )]
    Damaged {
        /// The mark file.
        path: PathBuf,
    },
}

impl AcknowledgedMark {
    /// Creates the mark of a new log in `directory`, durably.
    pub fn create(directory: &Path) -> Result<Self, MarkError> {
        let path = directory.join(MARK_FILE);
        let failed = |source| MarkError::Io { path: path.clone(), source };
        let file = private_options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(failed)?;
        file.set_len(2 * SLOT_STRIDE_BYTES).map_err(failed)?;
        let mut mark = Self { file, path: path.clone(), sequence: 0 };
        mark.write(0)?;
        mark.file.sync_all().and_then(|()| sync_directory(directory)).map_err(failed)?;
        Ok(mark)
    }

    /// Opens the mark of an existing log.
    pub fn open(directory: &Path) -> Result<Self, MarkError> {
        let path = directory.join(MARK_FILE);
        let failed = |source| MarkError::Io { path: path.clone(), source };
        let file = private_options().read(true).write(true).open(&path).map_err(failed)?;
        let mut newest = None;
        for slot in 0..2 {
            let mut bytes = [0; SLOT_BYTES];
            match file.read_exact_at(&mut bytes, slot * SLOT_STRIDE_BYTES) {
                Ok(()) => newest = newest.max(decode(&bytes)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => return Err(failed(error)),
            }
        }
        let Some(sequence) = newest else { return Err(MarkError::Damaged { path }) };
        Ok(Self { file, path, sequence })
    }

    /// The highest sequence number known to have been acknowledged.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Records that everything up to `sequence` is durable.
    pub fn write(&mut self, sequence: u64) -> Result<(), MarkError> {
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        record::begin(&mut bytes);
        bytes.extend_from_slice(&sequence.to_le_bytes());
        record::seal(LABEL, &mut bytes);
        self.file
            .write_all_at(&bytes, (sequence % 2) * SLOT_STRIDE_BYTES)
            .map_err(|source| MarkError::Io { path: self.path.clone(), source })?;
        self.sequence = sequence;
        Ok(())
    }
}

fn decode(slot: &[u8]) -> Option<u64> {
    let payload = record::unseal(LABEL, slot).ok()?;
    Some(u64::from_le_bytes(payload.try_into().ok()?))
}
