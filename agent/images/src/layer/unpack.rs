//! Unpacks one layer: its archive in, a directory and what it was out.

use super::{
    EntryError,
    compression::plain,
    extract::{Amounts, extract},
    mount::{EnterError, Workplace},
};
use crate::{
    digest::{Digest, Hashing},
    limits::{LAYER_BYTES_MAX, LAYER_ENTRIES_MAX},
};
use nix::errno::Errno;
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// A layer that was unpacked. Whether it is the one that was meant is for the caller to see.
#[derive(Debug)]
pub(crate) struct Unpacked {
    /// Of the archive as it came.
    pub(crate) digest: Digest,
    /// Of the archive without its compression.
    pub(crate) diff_id: Digest,
    /// What was in it.
    pub(crate) amounts: Amounts,
}

/// Why a layer cannot be unpacked. Nothing outside its own directory has changed.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The directory to unpack in.
    #[error("cannot make or keep {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The thread's own root directory.
    #[error("cannot enter the new layer")]
    Enter(#[source] EnterError),
    /// It cannot be read, is cut off, is no archive, or is larger than a layer may be.
    #[error("the layer's archive cannot be read")]
    Archive(#[source] io::Error),
    /// An entry that no layer may have.
    #[error("the layer's archive is refused")]
    Entry(#[source] EntryError),
    /// A kind of file that no layer has.
    #[error("{path:?} is of an unknown kind, {kind}")]
    Kind {
        /// Which.
        path: String,
        /// The kind in its header.
        kind: u8,
    },
    /// A file cannot be made.
    #[error("cannot make {path:?}")]
    Make {
        /// Which, in the layer.
        path: String,
        /// The cause: no space, or an archive that contradicts itself.
        #[source]
        errno: Errno,
    },
    /// More than any layer needs.
    #[error("the layer has more than {LAYER_ENTRIES_MAX} entries")]
    TooManyEntries,
    /// More than any layer needs.
    #[error("the layer's files have more than {LAYER_BYTES_MAX} bytes")]
    TooLarge,
}

/// Unpacks an archive over the layers below it, given from the bottom up, in an empty directory:
/// there it becomes `fs`.
///
/// Blocks. Needs `CAP_SYS_ADMIN`, `CAP_SYS_CHROOT`, and what it takes to give files to others.
pub(crate) fn unpack(
    archive: impl Read + Send,
    below: &[PathBuf],
    directory: &Path,
) -> Result<Unpacked, UnpackError> {
    let not_kept = |source| UnpackError::Directory { path: directory.to_path_buf(), source };
    let place = Workplace::new(directory).map_err(not_kept)?;
    // A root directory is of everybody until the archive says otherwise.
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&place.upper, readable).map_err(not_kept)?;
    let (digest, diff_id, amounts) = std::thread::scope(|scope| {
        let work = || {
            place.enter(below).map_err(UnpackError::Enter)?;
            read(archive)
        };
        let thread = std::thread::Builder::new().name("unpack".to_owned());
        let thread = thread.spawn_scoped(scope, work).map_err(not_kept)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    // All of it at once: a sync of every file would take as long as the files are many.
    let synced = File::open(&place.upper)
        .and_then(|directory| rustix::fs::syncfs(&directory).map_err(io::Error::from));
    synced.and_then(|()| place.leave()).map_err(not_kept)?;
    Ok(Unpacked { digest, diff_id, amounts })
}

/// In the root directory of the calling thread.
fn read(archive: impl Read) -> Result<(Digest, Digest, Amounts), UnpackError> {
    let mut packed = Hashing::new(archive, LAYER_BYTES_MAX);
    let (diff_id, amounts) = {
        let plain = plain(&mut packed).map_err(UnpackError::Archive)?;
        let mut plain = Hashing::new(plain, LAYER_BYTES_MAX);
        let amounts = extract(&mut plain)?;
        (plain.finish().map_err(UnpackError::Archive)?.0, amounts)
    };
    let (digest, _) = packed.finish().map_err(UnpackError::Archive)?;
    Ok((digest, diff_id, amounts))
}
