//! Going through what tasks wrote: to delete it, to see how much it is.
//!
//! Tasks choose names, links, depth and number of what is found, and may change it meanwhile. So
//! each directory is opened from the one above (`openat2`) such that the kernel itself refuses
//! links and mounts, bind mounts of the same file system among them; how many are open at once is
//! bounded, however deep the tree is; and all of it can be stopped. What the directories are for is
//! not known here.

mod delete;
mod descent;
mod measure;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use delete::{delete, delete_directory};
pub(crate) use measure::{Use, measure};

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};
use std::{fmt::Write as _, io, os::fd::OwnedFd, path::Path};

/// Bytes of a path in a message; of a longer one the end is left out.
const SHOWN_BYTES_MAX: usize = 200;

/// Why a walk did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalkError {
    /// The system refused something.
    #[error("cannot {what} {path}")]
    System {
        what: &'static str,
        /// From where the walk began, in a form that can be shown.
        path: String,
        #[source]
        source: io::Error,
    },
    /// Not gone into, whatever it is.
    #[error("something is mounted at {path}")]
    Mounted { path: String },
    /// Somebody moves or makes things faster than they are gone through.
    #[error("somebody changes {path} meanwhile")]
    Changing { path: String },
    /// More than there is room to remember.
    #[error("there are too many files")]
    TooMany,
    /// The agent ends.
    #[error("the agent ends")]
    Stopped,
}

/// Whether to stop; asked again and again.
pub(crate) type Stop<'a> = &'a dyn Fn() -> bool;

/// For what is over soon.
pub(crate) fn never() -> bool {
    false
}

/// Opens a directory by a path that is believed, except for its last part, which must be no link.
pub(crate) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

impl WalkError {
    fn system(what: &'static str, path: String, errno: Errno) -> Self {
        match errno {
            // Also what the kernel says when a mount point itself is to go.
            Errno::XDEV | Errno::BUSY => Self::Mounted { path },
            errno => Self::System { what, path, source: errno.into() },
        }
    }
}

/// A path of names that anybody may have chosen.
fn shown<'a>(names: impl Iterator<Item = &'a [u8]>) -> String {
    let mut text = String::new();
    for name in names {
        if text.len() > SHOWN_BYTES_MAX {
            text.push_str("/…");
            break;
        }
        let begin = if text.is_empty() { "" } else { "/" };
        let _ = write!(text, "{begin}{}", name.escape_ascii());
    }
    text
}
