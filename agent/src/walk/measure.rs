//! How much of a disk a directory takes, as far as it matters.
//!
//! Counted are the blocks that the file system has given out, of directories too; a file with
//! several names counts once, what is mounted in it is not gone into. It is no snapshot: who writes
//! meanwhile may be missed.

use super::{Stop, WalkError, descent::Descent};
use rustix::{
    fs::{AtFlags, Dir, FileType, Stat, fstat, statat},
    io::Errno,
};
use std::{
    collections::BTreeSet,
    ffi::{CString, OsStr},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
};

/// `stat` counts in these, whatever the file system's own blocks are.
const BLOCK_BYTES: u64 = 512;
/// Names and numbers that are remembered at once: with the longest names some 64 MiB.
const REMEMBERED_MAX: usize = 200_000;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// No more than was asked about: this much.
    Bytes(u64),
    /// More. How much more was not looked at.
    More,
}

/// What is known on the way.
struct Measuring<'a> {
    most_bytes: u64,
    stop: Stop<'a>,
    bytes: u64,
    /// Files with several names that were counted. (Of a device each: a tree that is no mount may
    /// still be of several, as with subvolumes and overlays.)
    counted: BTreeSet<(u64, u64)>,
    /// Directories that wait, on the whole way.
    waiting: usize,
}

/// Measures a directory in a directory, until it is seen to be more than so much.
pub(crate) fn measure(
    above: &OwnedFd,
    name: &OsStr,
    most_bytes: u64,
    stop: Stop<'_>,
) -> Result<Use, WalkError> {
    let name = CString::new(name.as_bytes()).expect("what names a file has no zero byte");
    let unopened =
        |errno| WalkError::system("open", super::shown([name.to_bytes()].into_iter()), errno);
    let mut descent = Descent::begin(above, &name, Vec::new()).map_err(unopened)?;
    let counted = BTreeSet::new();
    let mut all = Measuring { most_bytes, stop, bytes: 0, counted, waiting: 0 };
    all.look(&mut descent)?;
    while all.bytes <= most_bytes {
        let Some(next) = descent.here().1.pop() else {
            match descent.leave()? {
                Some(_) => continue,
                None => return Ok(Use::Bytes(all.bytes)),
            }
        };
        all.waiting -= 1;
        match descent.enter(&next, Vec::new()) {
            Ok(()) => all.look(&mut descent)?,
            // Gone, or something else by now; or of another file system.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => {}
            Err(errno) => return Err(descent.error("open", Some(&next), errno)),
        }
    }
    Ok(Use::More)
}

impl Measuring<'_> {
    /// Counts a directory and what is in it; the directories in it are to be gone into.
    fn look(&mut self, descent: &mut Descent<Vec<CString>>) -> Result<(), WalkError> {
        let unlisted = |descent: &Descent<_>, errno| descent.error("list", None, errno);
        let own = fstat(descent.here().0).map_err(|errno| unlisted(descent, errno))?;
        self.add(&own)?;
        let entries = Dir::read_from(descent.here().0).map_err(|errno| unlisted(descent, errno))?;
        for entry in entries {
            if (self.stop)() {
                return Err(WalkError::Stopped);
            }
            if self.bytes > self.most_bytes {
                return Ok(());
            }
            let entry = entry.map_err(|errno| unlisted(descent, errno))?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let stat = match statat(descent.here().0, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(descent.error("look at", Some(name), errno)),
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    self.waiting += 1;
                    self.remember()?;
                    descent.here().1.push(name.to_owned());
                }
                _ => self.add(&stat)?,
            }
        }
        Ok(())
    }

    fn add(&mut self, stat: &Stat) -> Result<(), WalkError> {
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if stat.st_nlink > 1 && !is_directory {
            if !self.counted.insert((stat.st_dev, stat.st_ino)) {
                return Ok(());
            }
            self.remember()?;
        }
        let blocks = u64::try_from(stat.st_blocks).unwrap_or(0);
        self.bytes = self.bytes.saturating_add(blocks.saturating_mul(BLOCK_BYTES));
        Ok(())
    }

    fn remember(&self) -> Result<(), WalkError> {
        match self.waiting + self.counted.len() > REMEMBERED_MAX {
            true => Err(WalkError::TooMany),
            false => Ok(()),
        }
    }
}
