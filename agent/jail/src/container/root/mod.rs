//! An image as root file system: made in the container's own mounts, entered for good.
//!
//! The idea: what comes from the host is taken hold of by descriptor *before* the root changes, and
//! put in its place *after* it. By then every name means something in the image or nothing, so that
//! the image may contain whatever links it likes. Where the kernel's own file systems go no link is
//! followed at all: a program that believes a forged `/proc` believes anything.

mod devices;
mod ids;
mod masks;

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, fcntl, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{Gid, Uid, chdir, fchownat, pivot_root};
use rustix::fs::{Mode as RustixMode, OFlags, ResolveFlags};
use rustix::mount::{MoveMountFlags, OpenTreeFlags};

use super::{Container, Failed};
use crate::plan::{ImageRoot, Plan, Root, SANDBOX_IN_IMAGE};
use crate::report::Step;

/// In the runtime directory.
const PLACE: &str = "root";
/// What a program needs of the host to find others by name.
const HOST_FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// An image, in the form in which system calls take it.
#[derive(Debug)]
pub(super) struct Prepared {
    /// In the order in which overlayfs takes them: from the top.
    layers: Vec<PathBuf>,
    upper: PathBuf,
    work: PathBuf,
    merged: PathBuf,
    working_dir: PathBuf,
    ids: ids::Ids,
}

/// Makes what is needed in the runtime directory. Nothing without an image.
pub(super) fn prepare(plan: &Plan) -> Result<Option<Prepared>, Failed> {
    let Root::Image(image) = &plan.root else { return Ok(None) };
    let ids =
        ids::Ids::prepare(image.user_namespace).map_err(|errno| (Step::UserNamespace, errno))?;
    prepare_with(plan, image, ids).map(Some).map_err(|errno| (Step::MountRoot, errno))
}

fn prepare_with(plan: &Plan, image: &ImageRoot, ids: ids::Ids) -> Result<Prepared, Errno> {
    let place = plan.runtime_dir.join(PLACE);
    let made = |path: &Path, mode: u32| {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().mode(mode).create(path).map_err(|error| errno_of(&error))
    };
    made(&place, 0o700)?;
    let [upper, work, merged] = ["upper", "work", "merged"].map(|name| place.join(name));
    for directory in [&upper, &work, &merged] {
        made(directory, 0o755)?;
    }
    // The task's root directory is the topmost one: its owner and mode are those of the image.
    let top = image.layers.last().expect("a checked image has a layer");
    copy_metadata(top, &upper, ids.root())?;
    Ok(Prepared {
        layers: image.layers.iter().rev().cloned().collect(),
        upper,
        work,
        merged,
        working_dir: image.working_dir.clone().unwrap_or_else(|| SANDBOX_IN_IMAGE.into()),
        ids,
    })
}

impl Prepared {
    /// To be called in the container's own mount namespace, when nothing mounted there is seen
    /// outside any more, and the plan's directories are mounted in the sandbox.
    pub(super) fn enter(&self, container: &Container) -> Result<(), Failed> {
        let root = |errno| (Step::MountRoot, errno);
        self.mount().map_err(root)?;
        let sandbox = tree_of(Path::new(std::ffi::OsStr::from_bytes(container.sandbox.as_bytes())))
            .map_err(root)?;
        self.ids.map(&sandbox).map_err(|errno| (Step::MountDirectory, errno))?;
        // A host without one of them has nothing to say.
        let files: Vec<(&str, OwnedFd)> = HOST_FILES
            .iter()
            .filter_map(|path| tree_of(Path::new(path)).ok().map(|tree| (*path, tree)))
            .collect();
        // They can be read, whoever owns them, where this host's /etc knows no mapping.
        for (_, tree) in &files {
            let _ = self.ids.map(tree);
        }
        self.pivot().map_err(root)?;
        let owner = self.ids.root();
        devices::make(owner).map_err(|errno| (Step::MountDevices, errno))?;
        masks::hide().map_err(|errno| (Step::MountMasks, errno))?;
        let place = make_directories(Path::new(SANDBOX_IN_IMAGE), owner).map_err(root)?;
        // What the host's users may reach has no devices and no setuid programs made in it.
        attach(&sandbox, &place)
            .and_then(|()| restrict(&sandbox, MsFlags::empty()))
            .map_err(|errno| (Step::MountDirectory, errno))?;
        for (path, tree) in files {
            let file = make_file(Path::new(path), owner).map_err(root)?;
            attach(&tree, &file).map_err(root)?;
            restrict(&tree, MsFlags::MS_RDONLY).map_err(root)?;
        }
        Ok(())
    }

    /// The task's own first step under its root: whoever it will run as, it is root inside first.
    pub(super) fn become_root(&self) -> Result<(), Failed> {
        self.ids.become_root().map_err(|errno| (Step::UserNamespace, errno))
    }

    /// One of the output files, so that the task may open it anew by the descriptor, as programs do
    /// that log to `/dev/stdout`: as the host opened it, it belongs to nobody whom the task knows.
    /// `None` where ids are those of the host.
    pub(super) fn output(&self, name: &str, of_host: &OwnedFd) -> Result<Option<OwnedFd>, Errno> {
        if !self.ids.are_mapped() {
            return Ok(None);
        }
        let path = Path::new(SANDBOX_IN_IMAGE).join(name);
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_SYMLINKS;
        let mode = RustixMode::empty();
        let opened = rustix::fs::openat2(rustix::fs::CWD, path, flags, mode, resolve);
        let opened = opened.map_err(from)?;
        let (now, before) = (fstat(&opened)?, fstat(of_host)?);
        if (now.st_dev, now.st_ino) != (before.st_dev, before.st_ino) {
            // Somebody has put another one in its place since it was looked at.
            return Err(Errno::EMLINK);
        }
        fcntl(&opened, FcntlArg::F_SETFL(OFlag::O_APPEND))?;
        Ok(Some(opened))
    }

    /// Where the task begins; made if it is not there.
    pub(super) fn working_dir(&self) -> Result<OwnedFd, Errno> {
        std::fs::create_dir_all(&self.working_dir).map_err(|error| errno_of(&error))?;
        open_path(&self.working_dir)
    }

    /// By descriptors of this very mount namespace: by name, a hundred layers would not fit into
    /// the one page that a mount's options may have, and overlayfs takes no others' descriptors.
    fn mount(&self) -> Result<(), Errno> {
        let layers = self.layers.iter().map(|path| self.layer(path));
        let layers: Vec<OwnedFd> = layers.collect::<Result<_, _>>()?;
        let (upper, work) = (open_path(&self.upper)?, open_path(&self.work)?);
        let name = |descriptor: &OwnedFd| format!("/proc/self/fd/{}", descriptor.as_raw_fd());
        let names: Vec<String> = layers.iter().map(name).collect();
        let (layers, upper, work) = (names.join(":"), name(&upper), name(&work));
        let options = format!("lowerdir={layers},upperdir={upper},workdir={work}");
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("overlay"), &self.merged, Some("overlay"), flags, Some(options.as_str()))
    }

    /// Kernels before 6.15 take a layer with mapped ids only where it is attached; it may be
    /// covered, though, and a descriptor finds it.
    fn layer(&self, path: &Path) -> Result<OwnedFd, Errno> {
        if !self.ids.are_mapped() {
            return open_path(path);
        }
        let layer = tree_of(path)?;
        self.ids.map(&layer)?;
        attach(&layer, &open_path(&self.merged)?)?;
        Ok(layer)
    }

    /// The old root lies over the new one for a moment, and is then let go: `pivot_root(2)`,
    /// "pivot_root(\".\", \".\")".
    fn pivot(&self) -> Result<(), Errno> {
        chdir(&self.merged)?;
        pivot_root(".", ".")?;
        umount2(".", MntFlags::MNT_DETACH)?;
        chdir("/")
    }
}

/// A copy of a mount's part, that is nowhere yet. What is mounted in it comes along.
fn tree_of(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    rustix::mount::open_tree(rustix::fs::CWD, path, flags).map_err(from)
}

fn attach(tree: &OwnedFd, place: &OwnedFd) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(tree, c"", place, c"", flags).map_err(from)
}

/// A tree that is attached, without devices and setuid programs.
fn restrict(tree: &OwnedFd, more: MsFlags) -> Result<(), Errno> {
    let itself = format!("/proc/self/fd/{}", tree.as_raw_fd());
    let flags =
        more | MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(None::<&str>, itself.as_str(), None::<&str>, flags, None::<&str>)
}

/// A directory of the new root, and all above it, none of them a link. What has to be made belongs
/// to root inside.
pub(super) fn make_directories(path: &Path, owner: u32) -> Result<OwnedFd, Errno> {
    let mut directory = open_path(Path::new("/"))?;
    for part in path.iter().skip(1) {
        match rustix::fs::mkdirat(&directory, part, RustixMode::from_raw_mode(0o755)) {
            Ok(()) => give(&directory, Path::new(part), owner)?,
            Err(rustix::io::Errno::EXIST) => {}
            Err(error) => return Err(from(error)),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        directory =
            rustix::fs::openat(&directory, part, flags, RustixMode::empty()).map_err(from)?;
    }
    Ok(directory)
}

/// A file of the new root that something can be mounted on. A link there is one of the image, and
/// leads nowhere else.
fn make_file(path: &Path, owner: u32) -> Result<OwnedFd, Errno> {
    if let Some(above) = path.parent() {
        make_directories(above, owner)?;
    }
    let created = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mode = RustixMode::from_raw_mode(0o644);
    rustix::fs::open(path, created, mode).map_err(from)?;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let root = open_path(Path::new("/"))?;
    rustix::fs::openat2(&root, path, flags, RustixMode::empty(), resolve).map_err(from)
}

/// The owner is one inside, with `root` as the first of them.
fn copy_metadata(from: &Path, to: &Path, root: u32) -> Result<(), Errno> {
    use std::os::unix::fs::{MetadataExt, chown};
    let metadata = File::open(from).and_then(|file| file.metadata());
    metadata
        .and_then(|metadata| {
            let id = |inside: u32| Some(inside.saturating_add(root));
            chown(to, id(metadata.uid()), id(metadata.gid()))?;
            std::fs::set_permissions(to, metadata.permissions())
        })
        .map_err(|error| errno_of(&error))
}

/// Makes root inside the owner of what was just made.
pub(super) fn give(directory: &OwnedFd, name: &Path, owner: u32) -> Result<(), Errno> {
    let (user, group) = (Some(Uid::from_raw(owner)), Some(Gid::from_raw(owner)));
    fchownat(directory, name, user, group, AtFlags::AT_SYMLINK_NOFOLLOW)
}

fn open_path(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty())
}

pub(super) fn errno_of(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

pub(super) fn from(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}
