//! Small files that are either wholly old or wholly new after a power cut.
//!
//! Temporary name, fsync, rename, fsync of the directory: without the last step the new name
//! itself may vanish. This file does not know what it stores.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Ending of a file that is still being written; such files are leftovers after a crash.
pub(super) const PARTIAL_SUFFIX: &str = ".part";

/// Options for a file only its owner may read: the log holds everything users entrust to us.
pub(super) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Replaces `directory/name` by `contents`, durably.
pub(super) fn replace(directory: &Path, name: &str, contents: &[u8]) -> io::Result<()> {
    let partial = directory.join(format!("{name}{PARTIAL_SUFFIX}"));
    let mut file = private_options().write(true).create(true).truncate(true).open(&partial)?;
    file.write_all(contents)?;
    file.sync_all()?;
    fs::rename(&partial, directory.join(name))?;
    sync_directory(directory)
}

/// Makes names created, renamed or removed in `directory` durable.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
