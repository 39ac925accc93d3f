//! What a master's log says has happened, for whoever asks afterwards: the newest snapshot, and
//! every committed entry behind it, once more. The master does not run meanwhile: its directory is
//! locked.

use crate::{
    disk::{DataDirectory, IdentityError},
    storage::{self, OpenStorageError},
};
use master_core::{
    Ledger,
    ledger::{Event, Stamp, codec::CodecError},
};
use proto::model::{ClusterId, IdError};
use std::path::Path;

/// Whoever is told.
pub trait Reader {
    /// Where the log begins: what was so before its first entry.
    fn begins(&mut self, ledger: &Ledger);

    /// A fact, with the ledger as it is after the command that made it.
    fn fact(&mut self, ledger: &Ledger, stamp: Stamp, event: &Event);
}

/// How much was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Of the newest snapshot; 0 when the log goes back to its beginning.
    pub first: u64,
    /// The last committed entry.
    pub last: u64,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The directory.
    #[error(transparent)]
    Directory(#[from] IdentityError),
    /// The name of its cluster.
    #[error("the data directory's cluster has no name that a cluster can have")]
    Cluster(#[source] IdError),
    /// What is in it.
    #[error(transparent)]
    Storage(Box<OpenStorageError>),
    /// An entry.
    #[error("the log entry {index} cannot be read")]
    Entry {
        /// Which.
        index: u64,
        /// Why.
        #[source]
        source: CodecError,
    },
}

/// Reads the log of a data directory that no master uses.
///
/// # Errors
/// See [`HistoryError`].
pub fn read(path: &Path, reader: &mut dyn Reader) -> Result<Extent, HistoryError> {
    let directory = DataDirectory::open_existing(path)?;
    let cluster = directory.cluster().to_string();
    let cluster = ClusterId::new(&cluster).map_err(HistoryError::Cluster)?;
    let opened = storage::read(directory, &cluster);
    let opened = opened.map_err(|problem| HistoryError::Storage(Box::new(problem)))?;
    let mut ledger = opened.ledger;
    reader.begins(&ledger);
    let first = ledger.applied().index;
    let committed = opened.restored.hard_state.commit;
    let later = opened.restored.entries.iter().filter(|entry| entry.index > first);
    for entry in later.take_while(|entry| entry.index <= committed) {
        let fact = &mut |ledger: &Ledger, stamp, event: &Event| reader.fact(ledger, stamp, event);
        ledger
            .replay(entry, fact)
            .map_err(|source| HistoryError::Entry { index: entry.index, source })?;
    }
    Ok(Extent { first, last: ledger.applied().index })
}
