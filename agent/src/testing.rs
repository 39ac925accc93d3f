//! For tests that feed bytes: opens an agent's journal without an agent.

use crate::{JournalFileError, disk::JournalFile};
use agent_core::{Identity, Journal, Record};
use std::path::Path;

/// Opens the journal of a data directory, or makes one for `new` if there is none.
///
/// # Errors
/// As an agent's start.
pub fn open_journal(data_dir: &Path, new: &Identity) -> Result<Journal, JournalFileError> {
    JournalFile::open(data_dir, || new.clone()).map(|(_, journal)| journal)
}

/// Makes the journal of a data directory that has none, and writes these groups of records to it.
///
/// # Panics
/// If it cannot be written.
pub fn write_journal(data_dir: &Path, new: &Identity, groups: &[Vec<Record>]) {
    let (mut file, _) = JournalFile::open(data_dir, || new.clone()).expect("a new journal");
    groups.iter().for_each(|records| file.commit(records).expect("a healthy disk"));
}
