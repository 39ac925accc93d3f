//! The way down: the directories above the one that is looked at, of which only the nearest are
//! open.
//!
//! One that was closed is opened again as `..` of the one below it, and must then be the one that
//! it was: a tree may be deeper than a process may have files open, or than a path may be long.

use super::{WalkError, shown};
use rustix::{
    fs::{Mode, OFlags, ResolveFlags, fstat, openat, openat2},
    io::Errno,
};
use std::{
    ffi::{CStr, CString},
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

/// Directories that are open at once. Tasks seldom go deeper; an agent has a thousand descriptors.
const OPEN_MAX: usize = 32;

/// Where a walk is; each directory on the way carries a `T`.
#[derive(Debug)]
pub(super) struct Descent<T> {
    frames: Vec<Frame<T>>,
}

#[derive(Debug)]
struct Frame<T> {
    /// In the directory above.
    name: CString,
    identity: Identity,
    open: Option<OwnedFd>,
    carried: T,
}

/// What tells one file from all others that exist at the same time.
pub(super) type Identity = (u64, u64);

impl<T> Descent<T> {
    /// Begins at a directory in a directory.
    pub(super) fn begin(above: &OwnedFd, name: &CStr, carried: T) -> Result<Self, Errno> {
        let frame = Frame::open(above, name, carried)?;
        Ok(Self { frames: vec![frame] })
    }

    /// The directory that is looked at.
    pub(super) fn here(&mut self) -> (&OwnedFd, &mut T) {
        let frame = self.frames.last_mut().expect("a walk is somewhere until it has ended");
        (frame.open.as_ref().expect("the nearest are open"), &mut frame.carried)
    }

    /// Goes into a directory in this one.
    pub(super) fn enter(&mut self, name: &CStr, carried: T) -> Result<(), Errno> {
        let frame = Frame::open(self.here().0, name, carried)?;
        self.frames.push(frame);
        if let Some(far) = self.frames.len().checked_sub(OPEN_MAX + 1) {
            self.frames[far].open = None;
        }
        Ok(())
    }

    /// Goes back up. The answer is the name of what was left; none where the walk began, which it
    /// then has ended.
    pub(super) fn leave(&mut self) -> Result<Option<CString>, WalkError> {
        let left = self.frames.pop().expect("a walk is somewhere until it has ended");
        let Some(above) = self.frames.last_mut() else { return Ok(None) };
        if above.open.is_none() {
            let below = left.open.as_ref().expect("the nearest are open");
            let opened = openat(below, c"..", directory_flags(), Mode::empty());
            let same = |opened: &OwnedFd| identity(opened).ok() == Some(above.identity);
            above.open = opened.ok().filter(same);
            if above.open.is_none() {
                return Err(WalkError::Changing { path: self.path(Some(&left.name)) });
            }
        }
        Ok(Some(left.name))
    }

    /// The path of the directory that is looked at, or of something in it.
    pub(super) fn path(&self, name: Option<&CStr>) -> String {
        let names = self.frames.iter().map(|frame| frame.name.as_c_str());
        shown(names.chain(name).map(CStr::to_bytes))
    }

    pub(super) fn error(&self, what: &'static str, name: Option<&CStr>, errno: Errno) -> WalkError {
        WalkError::system(what, self.path(name), errno)
    }
}

impl<T> Frame<T> {
    fn open(above: &OwnedFd, name: &CStr, carried: T) -> Result<Self, Errno> {
        let open = open_beneath(above, name, directory_flags())?;
        Ok(Self { name: name.to_owned(), identity: identity(&open)?, open: Some(open), carried })
    }
}

/// Makes a directory of our own one that we may open and change. (Root needs no leave.)
pub(super) fn unlock(above: &OwnedFd, name: &CStr) -> Result<(), Errno> {
    let found = open_beneath(above, name, directory_flags() | OFlags::PATH)?;
    // By its descriptor: the name may lead elsewhere in the next moment.
    let itself = format!("/proc/self/fd/{}", found.as_raw_fd());
    rustix::fs::chmod(itself, Mode::RWXU)
}

fn open_beneath(above: &OwnedFd, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_XDEV
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS;
    openat2(above, name, flags, Mode::empty(), resolve)
}

fn identity(file: &impl AsFd) -> Result<Identity, Errno> {
    fstat(file).map(|stat| (stat.st_dev, stat.st_ino))
}

fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}
