//! The directories of volumes: looked for, made, found for a task.

use super::owner;
use crate::walk::{Stop, Use, WalkError, measure, open_directory};
use jail::plan::User;
use proto::model::{Milli, VolumeKey};
use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, fchmod, fsync, mkdirat, openat, renameat, statat},
    io::Errno,
};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

const VOLUMES: &str = "volumes";
pub(super) const MAKING: &str = "making";
pub(super) const DESTROYING: &str = "destroying";
/// What tasks see of a volume.
pub(super) const DATA: &str = "data";
/// Others may pass through, to a volume of theirs, and see nothing.
const PASSAGE: u32 = 0o711;
/// Of data without an owner: whoever may only read reads that there is nothing.
const OWNERLESS: u32 = 0o755;
const MIB: u64 = 1 << 20;

/// The volumes of one agent.
#[derive(Debug, Clone)]
pub(crate) struct VolumeTree(Arc<Tree>);

#[derive(Debug)]
struct Tree {
    root: PathBuf,
    /// Whole ones: those that were there when this life began, and those that were made in it.
    known: Mutex<BTreeSet<VolumeKey>>,
    /// Held while a volume gets its owner: of two tasks one is the first.
    owning: Mutex<()>,
}

/// Why something was not done with a volume, for people: it goes to the master.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VolumeError {
    /// The system refuses something.
    #[error("cannot {what}")]
    System {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    /// Something has the volume's name, and is none that this agent made.
    #[error("the agent's directory of volumes has {name} in it, which is none that it made")]
    Stranger { name: String },
    /// There is no such volume, or its data are not there.
    #[error("there are no data of the volume {key} on this agent")]
    Missing { key: VolumeKey },
    /// More is used than the volume is to have.
    #[error("more than {size} MiB are used")]
    Used { size: Milli },
    /// Its data cannot be gone through.
    #[error(transparent)]
    Walk(#[from] WalkError),
}

impl VolumeTree {
    /// The volumes below a data directory, and those that are there; blocks.
    pub(crate) fn open(data_dir: &Path) -> io::Result<(Self, BTreeSet<VolumeKey>)> {
        let make = |path: &Path, mode| {
            fs::DirBuilder::new().recursive(true).mode(mode).create(path)?;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        };
        let root = data_dir.join(VOLUMES);
        make(&root, PASSAGE)?;
        // It may be a link to a larger disk; the jail takes no detours.
        let root = root.canonicalize()?;
        make(&root.join(MAKING), 0o700)?;
        make(&root.join(DESTROYING), 0o700)?;
        sync(&open_directory(&root)?)?;
        sync(&open_directory(data_dir)?)?;
        let found = look(&root)?;
        let known = Mutex::new(found.clone());
        Ok((Self(Arc::new(Tree { root, known, owning: Mutex::default() })), found))
    }

    /// Makes a volume, empty, so that it outlives power cuts when this has returned; again is as
    /// good. Blocks.
    pub(crate) fn make(&self, key: VolumeKey) -> Result<(), VolumeError> {
        let system = |what| move |source| VolumeError::System { what, source };
        let (root, name) = (self.root()?, key.to_string());
        if kind(&root, &name)?.is_some() {
            return match self.known().contains(&key) {
                true => Ok(()),
                false => Err(VolumeError::Stranger { name }),
            };
        }
        let make = || {
            let making = open_at(&root, MAKING)?;
            let volume = make_at(&making, &name, PASSAGE)?;
            sync(&make_at(&volume, DATA, OWNERLESS)?)?;
            sync(&volume)?;
            // Under its own name only now: a volume is there whole, or not at all.
            renameat(&making, &*name, &root, &*name)?;
            sync(&making)?;
            sync(&root)
        };
        make().map_err(system("make the volume's directory"))?;
        self.known().insert(key);
        Ok(())
    }

    /// Where the data of a volume are. They belong to the user of the first task that may write
    /// there; without one, to the agent's own. Blocks.
    pub(crate) fn for_task(
        &self,
        key: VolumeKey,
        user: Option<&User>,
        read_only: bool,
    ) -> Result<PathBuf, VolumeError> {
        let volume = self.volume(key)?;
        if !read_only {
            let _guard = self.0.owning.lock().unwrap_or_else(PoisonError::into_inner);
            let unowned = |source| VolumeError::System { what: "give the data to a user", source };
            owner::give_once(&volume, user).map_err(unowned)?;
        }
        Ok(self.0.root.join(key.to_string()).join(DATA))
    }

    /// Whether no more of a volume is used than so many MiB; blocks for as long as it takes to look
    /// at every file.
    pub(crate) fn check_use(
        &self,
        key: VolumeKey,
        size: Milli,
        stop: Stop<'_>,
    ) -> Result<(), VolumeError> {
        let volume = self.volume(key)?;
        let milli = u64::try_from(size.0).unwrap_or(0);
        // Thousandths of a MiB.
        let bytes = milli.saturating_mul(MIB) / 1_000;
        match measure(&volume, OsStr::new(DATA), bytes, stop)? {
            Use::Bytes(_) => Ok(()),
            Use::More => Err(VolumeError::Used { size }),
        }
    }

    pub(super) fn root(&self) -> Result<OwnedFd, VolumeError> {
        let unopened =
            |source| VolumeError::System { what: "open the directory of volumes", source };
        open_directory(&self.0.root).map_err(unopened)
    }

    pub(super) fn known(&self) -> MutexGuard<'_, BTreeSet<VolumeKey>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A volume's directory, if it is whole.
    fn volume(&self, key: VolumeKey) -> Result<OwnedFd, VolumeError> {
        let (root, name) = (self.root()?, key.to_string());
        let opened = open_at(&root, &name).and_then(|volume| {
            open_at(&volume, DATA)?;
            Ok(volume)
        });
        opened.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => VolumeError::Missing { key },
            _ => VolumeError::System { what: "open the volume's directory", source },
        })
    }
}

/// The whole volumes below a directory. Whatever else is there is said and left.
fn look(root: &Path) -> io::Result<BTreeSet<VolumeKey>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        if name == MAKING || name == DESTROYING {
            continue;
        }
        let key = name.to_str().and_then(|name| name.parse::<VolumeKey>().ok());
        let is_whole = || {
            let volume = open_directory(&root.join(&name))?;
            open_at(&volume, DATA)
        };
        match (key, is_whole()) {
            (Some(key), Ok(_)) => drop(found.insert(key)),
            (Some(_), Err(error)) => {
                tracing::warn!(?name, %error, "a volume without data; it is left as it is");
            }
            (None, _) => {
                tracing::warn!(?name, "what is no volume is among the volumes; it is left there");
            }
        }
    }
    for entry in fs::read_dir(root.join(DESTROYING))? {
        tracing::info!(name = ?entry?.file_name(), "a volume was not wholly deleted");
    }
    Ok(found)
}

/// What has this name, if anything has.
pub(super) fn kind(above: &OwnedFd, name: &str) -> Result<Option<FileType>, VolumeError> {
    match statat(above, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => {
            Err(VolumeError::System { what: "look for the volume", source: errno.into() })
        }
    }
}

pub(super) fn open_at(above: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(above, name, flags, Mode::empty())?)
}

pub(super) fn sync(file: &OwnedFd) -> io::Result<()> {
    Ok(fsync(file)?)
}

/// Makes a directory, or takes the one that an earlier try has left.
fn make_at(above: &OwnedFd, name: &str, mode: u32) -> io::Result<OwnedFd> {
    match mkdirat(above, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    let directory = open_at(above, name)?;
    // Said once more, because the mask of this process has had its say.
    fchmod(&directory, Mode::from_raw_mode(mode))?;
    Ok(directory)
}
