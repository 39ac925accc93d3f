//! Why a run cannot be made.

use crate::plan::PlanError;
use simulator::engine::Time;
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
    /// Its data, which a run reads again, is not what it was.
    #[error("the data of the study changed while it was read: a job is out of order")]
    Changed,
    /// What was to be recorded.
    #[error("cannot write records into {}: {source}", directory.display())]
    Record {
        /// Where.
        directory: PathBuf,
        /// What was wrong.
        source: io::Error,
    },
    /// What was done once more was not the same.
    #[error(
        "what happened until {at} has the digest {found}, and had {expected}: the data or the \
         program is another one"
    )]
    Elsewhere {
        /// When.
        at: Time,
        /// What it was.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A timeline that never ends.
    #[error("a timeline of more than {max} lines: give a larger `timeline_s`")]
    TimelineTooLong {
        /// How many there may be.
        max: u64,
    },
}
