//! The plan's directories in the sandbox: mounts under full isolation, links without.
//!
//! The sandbox may belong to the task's user, so other tasks of that user can change it at any
//! moment, and a container may be started again over what an earlier one left there. So the way to
//! a place is gone part by part from the sandbox's own descriptor, no link is followed, and what is
//! there already is left as it is. A mount goes by descriptors from its source to its place: there
//! is no second look at a name that could find something else.

use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, fstat, mkdirat};
use nix::unistd::{Gid, Uid, fchown, geteuid, symlinkat};
use rustix::fs::StatVfsMountFlags;
use rustix::mount::{MountFlags, MoveMountFlags, OpenTreeFlags};

use crate::plan::{Isolation, Mount, Plan, User};

/// One mount, in the form in which system calls take it.
#[derive(Debug)]
pub(super) struct Prepared {
    source: CString,
    /// Parts below the sandbox.
    parts: Vec<CString>,
    read_only: bool,
}

/// Makes the places of the plan's directories in the sandbox. What is left to be done in the
/// container's own mounts is given back: nothing without isolation.
pub(super) fn prepare(plan: &Plan) -> Result<Vec<Prepared>, Errno> {
    if plan.mounts.is_empty() {
        return Ok(Vec::new());
    }
    let sandbox = open(&plan.sandbox_dir, directory_flags(), Mode::empty())?;
    for mount in &plan.mounts {
        let parts: Vec<&OsStr> = mount.path.iter().collect();
        let (last, above) = parts.split_last().expect("a checked path has a part");
        let directory = enter_all(&sandbox, above, plan.user.as_ref())?;
        match plan.isolation {
            Isolation::Full { .. } => drop(enter(&directory, last, plan.user.as_ref())?),
            Isolation::None => link(&directory, last, &mount.source)?,
        }
    }
    match plan.isolation {
        Isolation::Full { .. } => Ok(plan.mounts.iter().map(Prepared::new).collect()),
        Isolation::None => Ok(Vec::new()),
    }
}

impl Prepared {
    fn new(mount: &Mount) -> Self {
        let string = |text: &OsStr| {
            CString::new(text.as_bytes()).expect("the plan was checked and has no zero byte")
        };
        Self {
            source: string(mount.source.as_os_str()),
            parts: mount.path.iter().map(string).collect(),
            read_only: mount.read_only,
        }
    }

    /// To be called in the container's own mount namespace, when nothing mounted there is seen
    /// outside any more. What is mounted in the source is not taken along.
    pub(super) fn mount(&self, sandbox: &CString) -> Result<(), Errno> {
        let path_flags = directory_flags() | OFlag::O_PATH;
        let source = open(self.source.as_c_str(), path_flags, Mode::empty())?;
        let mut place = open(sandbox.as_c_str(), path_flags, Mode::empty())?;
        for part in &self.parts {
            place = openat(&place, part.as_c_str(), path_flags, Mode::empty())?;
        }
        let copy = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH;
        let tree = rustix::mount::open_tree(&source, c"", copy).map_err(errno)?;
        let by_descriptors =
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        rustix::mount::move_mount(&tree, c"", &place, c"", by_descriptors).map_err(errno)?;
        // The descriptor of a tree that was attached is the root of the mount, wherever it is.
        let itself = format!("/proc/self/fd/{}", tree.as_raw_fd());
        let flags = flags(&source, self.read_only)? | MountFlags::BIND;
        rustix::mount::mount_remount(itself, flags, c"").map_err(errno)
    }
}

/// What the source's own mount forbids stays forbidden. (Times of access stay as they are unless
/// something is said of them.)
fn flags(source: &OwnedFd, read_only: bool) -> Result<MountFlags, Errno> {
    let has = rustix::fs::fstatvfs(source).map_err(errno)?.f_flag;
    let mut flags = MountFlags::NODEV | MountFlags::NOSUID;
    flags.set(MountFlags::NOEXEC, has.contains(StatVfsMountFlags::NOEXEC));
    flags.set(MountFlags::RDONLY, read_only || has.contains(StatVfsMountFlags::RDONLY));
    Ok(flags)
}

fn enter_all(from: &OwnedFd, parts: &[&OsStr], user: Option<&User>) -> Result<OwnedFd, Errno> {
    let mut directory = from
        .try_clone()
        .map_err(|error| error.raw_os_error().map_or(Errno::EMFILE, Errno::from_raw))?;
    for part in parts {
        directory = enter(&directory, part, user)?;
    }
    Ok(directory)
}

/// Opens a directory in a directory; makes it for the user if there is none.
fn enter(above: &OwnedFd, name: &OsStr, user: Option<&User>) -> Result<OwnedFd, Errno> {
    let made = match mkdirat(above, name, Mode::from_bits_truncate(0o750)) {
        Ok(()) => true,
        Err(Errno::EEXIST) => false,
        Err(errno) => return Err(errno),
    };
    let directory = openat(above, name, directory_flags(), Mode::empty())?;
    if let Some(user) = user.filter(|_| made)
        // Nobody can have put a directory of ours in the place of the one that was made.
        && fstat(&directory)?.st_uid == geteuid().as_raw()
    {
        fchown(directory.as_fd(), Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))?;
    }
    Ok(directory)
}

/// A container that is started again finds its own link.
fn link(above: &OwnedFd, name: &OsStr, source: &Path) -> Result<(), Errno> {
    match symlinkat(source, above, name) {
        Err(Errno::EEXIST) => match nix::fcntl::readlinkat(above, name) {
            Ok(target) if target == source.as_os_str() => Ok(()),
            _ => Err(Errno::EEXIST),
        },
        result => result,
    }
}

fn directory_flags() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

fn errno(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}
