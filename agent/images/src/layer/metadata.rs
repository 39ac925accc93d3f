//! Owner, mode, attributes and times of what was unpacked, in the only order that keeps them all.
//!
//! A change of owner clears the bits that raise privileges and the capabilities, so it comes first;
//! times come last. Nothing follows a link: what is set, is set on the very file that was made.

use super::mount::errno;
use crate::limits::ATTRIBUTES_MAX;
use nix::errno::Errno;
use rustix::fs::{AtFlags, CWD, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags};
use std::path::Path;
use tar::{Entry, EntryType};

/// What a file can have that means something in a container. The kernel's `trusted.*` are how
/// overlayfs keeps its own books, and no archive may write them.
const ATTRIBUTES: [&[u8]; 2] = [b"user.", b"security.capability"];
const PREFIX: &[u8] = b"SCHILY.xattr.";
/// All bits of a mode that are not the kind of the file.
const MODE_BITS: u32 = 0o7777;

/// All that a header says besides the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    uid: u32,
    gid: u32,
    mode: u32,
    /// Seconds since 1970.
    modified: i64,
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Metadata {
    /// Of an entry; numbers that no file of Linux can have are an error.
    pub(super) fn of<R: std::io::Read>(entry: &mut Entry<'_, R>) -> std::io::Result<Self> {
        let invalid = |what: &str| {
            let message = format!("{what} is out of range");
            std::io::Error::new(std::io::ErrorKind::InvalidData, message)
        };
        let mut attributes = Vec::new();
        if let Some(extensions) = entry.pax_extensions()? {
            for extension in extensions {
                let extension = extension?;
                let Some(name) = extension.key_bytes().strip_prefix(PREFIX) else { continue };
                if ATTRIBUTES.iter().any(|known| name.starts_with(known)) {
                    attributes.push((name.to_vec(), extension.value_bytes().to_vec()));
                }
            }
        }
        if attributes.len() > ATTRIBUTES_MAX {
            return Err(invalid("the number of extended attributes"));
        }
        let header = entry.header();
        // The largest number means "leave it" to the kernel.
        let id = |id: u64, what| match u32::try_from(id) {
            Ok(id) if id != u32::MAX => Ok(id),
            _ => Err(invalid(what)),
        };
        Ok(Self {
            uid: id(header.uid()?, "the user")?,
            gid: id(header.gid()?, "the group")?,
            mode: header.mode()? & MODE_BITS,
            modified: i64::try_from(header.mtime()?).map_err(|_| invalid("the time"))?,
            attributes,
        })
    }

    /// Sets all but the times of a directory, which change while it is filled.
    pub(super) fn set(&self, path: &Path, kind: EntryType) -> Result<(), Errno> {
        let (uid, gid) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid));
        let itself = AtFlags::SYMLINK_NOFOLLOW;
        rustix::fs::chownat(CWD, path, Some(uid), Some(gid), itself).map_err(from)?;
        if !kind.is_symlink() {
            // It was made a moment ago, by this thread, where nobody else is: it is no link.
            let mode = Mode::from_raw_mode(self.mode);
            rustix::fs::chmodat(CWD, path, mode, AtFlags::empty()).map_err(from)?;
        }
        for (name, value) in &self.attributes {
            match rustix::fs::lsetxattr(path, name.as_slice(), value, XattrFlags::empty()) {
                // Not every file system keeps them, and no program may count on them.
                Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::PERM) => {}
                Err(error) => return Err(from(error)),
            }
        }
        if kind.is_dir() { Ok(()) } else { self.set_times(path) }
    }

    pub(super) fn set_times(&self, path: &Path) -> Result<(), Errno> {
        let time = Timespec { tv_sec: self.modified, tv_nsec: 0 };
        let times = Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(from)
    }
}

pub(super) fn from(error: rustix::io::Errno) -> Errno {
    errno(&error.into())
}
