//! Why a run cannot be made.

use crate::plan::PlanError;
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
}
