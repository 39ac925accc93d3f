//! The data directory: one process, one journal, and what is done when the disk is full.
//!
//! ```text
//! DATA/lock          held while an agent runs
//! DATA/journal.redb  who the agent is, and its tasks
//! DATA/reserve       room for updates when everything else has filled the disk
//! DATA/run/          runtime records, one folder for each container
//! DATA/sandboxes/    where tasks work
//! DATA/volumes/      what outlives them
//! ```

mod journal_file;
mod space;
mod writer;

pub use journal_file::{CommitError, JournalFileError};
pub(crate) use journal_file::{JournalFile, put_away};
pub(crate) use space::{Space, watch_space};
pub(crate) use writer::{JournalWriter, WriteError};
