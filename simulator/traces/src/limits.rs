//! How much a file may ask of us, with the argument for each number.

/// Bytes of a line. The longest we know are lists of the processors that a job used, a dozen KiB;
/// a file without line ends must not fill the memory.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Names of one table. The largest public traces have some ten thousand users; a column that
/// was taken for one of names by mistake has one for each row.
pub const NAMES_MAX: usize = 1 << 22;

/// Bytes of a name. Google's hashes have 44, host names 253 at most.
pub const NAME_BYTES_MAX: usize = 1 << 12;

/// Different constraints of one file. Apps, models and properties make some thousands.
pub const CONSTRAINTS_MAX: usize = 1 << 20;

/// Fields of a row. Tables have two dozen.
pub const FIELDS_MAX: usize = 1 << 12;

/// Bytes of a damaged value that a message repeats.
pub const SHOWN_BYTES_MAX: usize = 80;
