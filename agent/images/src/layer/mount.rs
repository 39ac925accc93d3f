//! The thread's own view: the new layer over those below it, as the root directory.

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::{chdir, chroot},
};
use std::{
    fs::File,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};

/// Where one layer is made.
#[derive(Debug)]
pub(super) struct Workplace {
    /// What the layer becomes.
    pub(super) upper: PathBuf,
    work: PathBuf,
    merged: PathBuf,
}

/// What could not be done before anything was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnterError {
    /// A mount namespace needs `CAP_SYS_ADMIN`.
    #[error("cannot make a mount namespace")]
    Namespace(#[source] Errno),
    /// A layer below is not there.
    #[error("cannot open a layer below")]
    Below(#[source] Errno),
    /// This kernel or this file system cannot do it.
    #[error("cannot mount the layers below")]
    Overlay(#[source] Errno),
    /// The new layer cannot be entered.
    #[error("cannot change the root directory")]
    Root(#[source] Errno),
}

impl Workplace {
    /// In a directory of its own, which is empty.
    pub(super) fn new(directory: &Path) -> std::io::Result<Self> {
        let made = |name: &str| {
            let path = directory.join(name);
            std::fs::create_dir(&path).map(|()| path)
        };
        Ok(Self { upper: made("fs")?, work: made("work")?, merged: made("merged")? })
    }

    /// Makes the layer the calling thread's root directory, over those below it, from the bottom
    /// up. Only this thread sees it.
    pub(super) fn enter(&self, below: &[PathBuf]) -> Result<(), EnterError> {
        unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).map_err(EnterError::Namespace)?;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
            .map_err(EnterError::Namespace)?;
        let root = if below.is_empty() { &self.upper } else { &self.merged };
        if !below.is_empty() {
            self.overlay(below)?;
        }
        chroot(root).and_then(|()| chdir("/")).map_err(EnterError::Root)
    }

    /// Removes what only the mount needed.
    pub(super) fn leave(&self) -> std::io::Result<()> {
        std::fs::remove_dir_all(&self.work)?;
        std::fs::remove_dir(&self.merged)
    }

    /// Layers are named by descriptors: a hundred of them would not fit by name into the one page
    /// that a mount's options may have.
    fn overlay(&self, below: &[PathBuf]) -> Result<(), EnterError> {
        let opened: Vec<File> = below
            .iter()
            .rev()
            .map(File::open)
            .collect::<Result<_, _>>()
            .map_err(|error| EnterError::Below(errno(&error)))?;
        let work = File::open(&self.work).map_err(|error| EnterError::Overlay(errno(&error)))?;
        let upper = File::open(&self.upper).map_err(|error| EnterError::Overlay(errno(&error)))?;
        let name = |file: &File| format!("/proc/self/fd/{}", file.as_raw_fd());
        let names: Vec<String> = opened.iter().map(name).collect();
        // What the kernel would write into a layer for itself would only be true of this mount.
        let options = format!(
            "lowerdir={},upperdir={},workdir={},index=off,metacopy=off,redirect_dir=off",
            names.join(":"),
            name(&upper),
            name(&work),
        );
        let flags = MsFlags::MS_NODEV | MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
        mount(Some("overlay"), &self.merged, Some("overlay"), flags, Some(options.as_str()))
            .map_err(EnterError::Overlay)
    }
}

pub(super) fn errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
