//! A disk that keeps its word and no more: what was not synced is lost when its power is cut.
//!
//! It is a file system of ours behind a real mount, so that the released program writes to it as to
//! any other, and all of it is in memory. `contents` and `tree` know what is durable and what
//! is pending, and are pure; `shell` answers the kernel. A file is durable by a sync of the file,
//! its name by one of its directory. The disk can be full, fail, or be slow as well.

mod contents;
mod shell;
#[cfg(test)]
mod tests;
mod tree;

use anyhow::Context as _;
pub use contents::{BLOCK_BYTES, Contents, Loss};
use shell::Shell;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
pub use tree::{ROOT, Refused, Tree, Troubles};

/// A mounted one.
#[derive(Debug)]
pub struct LossyDisk {
    tree: Arc<Mutex<Tree>>,
    place: PathBuf,
    session: Option<fuser::BackgroundSession>,
}

/// Whether such a disk can be had here.
pub fn check() -> anyhow::Result<()> {
    anyhow::ensure!(rustix::process::geteuid().is_root(), "mounting needs root");
    let device = fs::OpenOptions::new().read(true).write(true).open("/dev/fuse");
    device.map(drop).context("there is no FUSE here: /dev/fuse cannot be opened")
}

impl LossyDisk {
    /// An empty one, mounted at a folder that is made for it.
    pub fn mount(place: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(place)?;
        let tree = Arc::new(Mutex::new(Tree::new()));
        let session = Some(start(&tree, place)?);
        Ok(Self { tree, place: place.to_owned(), session })
    }

    /// Loses what is pending, as chance wants it. Nobody may have anything open on the disk.
    pub fn cut_power(&mut self) -> anyhow::Result<()> {
        self.unmount()?;
        lock(&self.tree).cut_power(&mut rand::rng());
        self.session = Some(start(&self.tree, &self.place)?);
        Ok(())
    }

    /// Changes what is wrong with it.
    pub fn trouble(&self, change: impl FnOnce(&mut Troubles)) {
        change(&mut lock(&self.tree).troubles);
    }

    /// Bytes that all files have.
    pub fn used_bytes(&self) -> u64 {
        lock(&self.tree).used_bytes()
    }

    /// How many syncs it was asked for.
    pub fn syncs(&self) -> u64 {
        lock(&self.tree).syncs
    }

    /// Ends it; all is lost.
    pub fn unmount(&mut self) -> anyhow::Result<()> {
        match self.session.take() {
            Some(session) => session.umount_and_join().context("cannot unmount a disk"),
            None => Ok(()),
        }
    }
}

impl Drop for LossyDisk {
    fn drop(&mut self) {
        // What resists is found by whoever looks for leftovers.
        let _ = self.unmount();
    }
}

fn start(tree: &Arc<Mutex<Tree>>, place: &Path) -> anyhow::Result<fuser::BackgroundSession> {
    let mut config = fuser::Config::default();
    config.mount_options = vec![
        fuser::MountOption::FSName("bourse-trial".to_owned()),
        fuser::MountOption::DefaultPermissions,
    ];
    config.acl = fuser::SessionACL::All;
    fuser::spawn_mount(Shell(Arc::clone(tree)), place, &config).context("cannot mount a disk")
}

fn lock(tree: &Mutex<Tree>) -> MutexGuard<'_, Tree> {
    tree.lock().unwrap_or_else(PoisonError::into_inner)
}
