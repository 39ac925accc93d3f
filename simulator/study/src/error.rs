//! Why a run cannot be made.

use crate::plan::PlanError;
use std::{io, path::PathBuf};
use traces::ReadError;

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its file.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Its data.
    #[error("cannot read the data of the study: {source}")]
    Data {
        /// What was wrong.
        #[from]
        source: ReadError,
    },
    /// What was to be recorded.
    #[error("cannot write records into {}: {source}", directory.display())]
    Record {
        /// Where.
        directory: PathBuf,
        /// What was wrong.
        source: io::Error,
    },
    /// A timeline that never ends.
    #[error("a timeline of more than {max} lines: give a larger `timeline_s`")]
    TimelineTooLong {
        /// How many there may be.
        max: u64,
    },
}
