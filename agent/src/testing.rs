//! For tests that feed bytes: an agent's journal and its sandboxes, without an agent.

use crate::{JournalFileError, disk::JournalFile, sandbox::beneath};
use agent_core::{Identity, Journal, Record};
use proto::model::Refusal;
use std::{fs::File, os::fd::OwnedFd, path::Path};

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

/// Opens a file of a sandbox as an operator's call does.
///
/// # Errors
/// As that call.
pub fn open_in_sandbox(sandbox: &Path, path: &str) -> Result<File, Refusal> {
    beneath::open_file(sandbox, path)
}

/// Opens a directory of a sandbox, to be listed.
///
/// # Errors
/// As an operator's call.
pub fn list_in_sandbox(sandbox: &Path, path: &str) -> Result<OwnedFd, Refusal> {
    beneath::open_directory(sandbox, path)
}
