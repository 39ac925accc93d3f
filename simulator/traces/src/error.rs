//! What can be wrong with a file: always which file, and where in it.

use std::{fmt, io, sync::Arc};

/// Why a trace cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system, or the compression, does not give its bytes.
    #[error("{place}: cannot be read")]
    Io {
        /// The last line that was whole.
        place: Place,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A value is not what its column holds.
    #[error("{place}, column `{column}`: `{value}` is not {expected}")]
    Value {
        /// The row.
        place: Place,
        /// The column, by the name that the format's documents give it.
        column: &'static str,
        /// The value, cut if it is long.
        value: String,
        /// What it must be, with its unit and range.
        expected: &'static str,
    },
    /// A row has another number of fields than its table.
    #[error("{place}: {found} fields, {expected} expected")]
    Fields {
        /// The row.
        place: Place,
        /// How many it has.
        found: usize,
        /// How many it must have.
        expected: usize,
    },
    /// A column is not in the header.
    #[error("{place}: no column `{column}`; this is not {expected}")]
    Column {
        /// The header.
        place: Place,
        /// The column that is missing.
        column: &'static str,
        /// What was to be read.
        expected: &'static str,
    },
    /// Nobody can say what a file is.
    #[error("{file}: {what}; name its format")]
    Unknown {
        /// The file.
        file: Arc<str>,
        /// What was found instead.
        what: &'static str,
    },
    /// A line cannot be split into fields.
    #[error("{place}: {what}")]
    Line {
        /// The line.
        place: Place,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A line is no object of the form.
    #[error("{place}: not a line of a trace in JSON")]
    Json {
        /// The line.
        place: Place,
        /// What is wrong, with the column, counted in bytes from 1.
        #[source]
        source: serde_json::Error,
    },
    /// Bytes of a file without lines are not what must stand there.
    #[error("{file}, byte {offset}: {what}")]
    Damaged {
        /// The file.
        file: Arc<str>,
        /// Where, counted from 0: the begin of the piece in which it was found.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The system does not give the bytes of a file without lines.
    #[error("{file}, byte {offset}: cannot be read")]
    Bytes {
        /// The file.
        file: Arc<str>,
        /// Where, counted from 0.
        offset: u64,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// More different names than a table holds.
    #[error("{place}, column `{column}`: more than {max} different names")]
    Names {
        /// The row.
        place: Place,
        /// The column of the name that has no room.
        column: &'static str,
        /// How many there may be.
        max: usize,
    },
}

/// A file, and a line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its path, or what stands for it.
    pub file: Arc<str>,
    /// Counted from 1, as editors do; 0 is no line, but the file as a whole.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => formatter.write_str(&self.file),
            line => write!(formatter, "{}:{line}", self.file),
        }
    }
}
