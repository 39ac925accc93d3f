//! The file systems and devices that every program counts on: those of the OCI runtime-spec 1.2,
//! "Default Filesystems" and "Default Devices".

use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_string, fsmount,
    fsopen,
};

use super::{attach, errno_of, from, make_directories};

/// A file system of the kernel's own.
struct FileSystem {
    place: &'static str,
    kind: &'static str,
    flags: MountAttrFlags,
    options: &'static [(&'static str, &'static str)],
    /// Options whose value is a group or a user inside.
    ids: &'static [(&'static str, u32)],
}

const PLAIN: MountAttrFlags =
    MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NOEXEC);
const FILE_SYSTEMS: [FileSystem; 6] = [
    FileSystem { place: "/proc", kind: "proc", flags: NO_DEVICES, options: &[], ids: &[] },
    FileSystem {
        place: "/sys",
        kind: "sysfs",
        flags: NO_DEVICES.union(MountAttrFlags::MOUNT_ATTR_RDONLY),
        options: &[],
        ids: &[],
    },
    FileSystem {
        place: "/dev",
        kind: "tmpfs",
        flags: MountAttrFlags::MOUNT_ATTR_NOSUID,
        options: &[("mode", "755"), ("size", "65536k")],
        ids: &[("uid", 0), ("gid", 0)],
    },
    FileSystem {
        place: "/dev/pts",
        kind: "devpts",
        flags: PLAIN,
        options: &[("ptmxmode", "0666"), ("mode", "0620")],
        ids: &[("gid", 5)],
    },
    FileSystem {
        place: "/dev/shm",
        kind: "tmpfs",
        flags: NO_DEVICES,
        options: &[("mode", "1777"), ("size", "65536k")],
        ids: &[("uid", 0), ("gid", 0)],
    },
    FileSystem { place: "/dev/mqueue", kind: "mqueue", flags: NO_DEVICES, options: &[], ids: &[] },
];
const NO_DEVICES: MountAttrFlags = PLAIN.union(MountAttrFlags::MOUNT_ATTR_NODEV);
/// Major and minor numbers, from the kernel's `devices.txt`.
const DEVICES: [(&str, u64, u64); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];
const LINKS: [(&str, &str); 5] = [
    ("/dev/ptmx", "pts/ptmx"),
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];

/// In the new root, where nothing of the kernel's is yet.
/// What is made belongs to root inside, whoever that is to the host.
pub(super) fn make(owner: u32) -> Result<(), Errno> {
    for file_system in &FILE_SYSTEMS {
        match file_system.mount(owner) {
            // A kernel without message queues has none for anybody.
            Err(Errno::ENODEV) if file_system.kind == "mqueue" => {}
            result => result?,
        }
    }
    let anybody = Mode::from_bits_truncate(0o666);
    for (path, major, minor) in DEVICES {
        mknod(path, SFlag::S_IFCHR, anybody, makedev(major, minor))?;
        own(path, owner)?;
        // The mask of new files took a part of it.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(path, mode).map_err(|error| errno_of(&error))?;
    }
    for (path, target) in LINKS {
        symlink(target, path).map_err(|error| errno_of(&error))?;
        own(path, owner)?;
    }
    Ok(())
}

fn own(path: &str, owner: u32) -> Result<(), Errno> {
    std::os::unix::fs::lchown(path, Some(owner), Some(owner)).map_err(|error| errno_of(&error))
}

impl FileSystem {
    /// By descriptor: no second look at a name, and no need of the `/proc` that is not there yet.
    fn mount(&self, owner: u32) -> Result<(), Errno> {
        let place = make_directories(Path::new(self.place), owner)?;
        let context = fsopen(self.kind, FsOpenFlags::FSOPEN_CLOEXEC).map_err(from)?;
        for (name, value) in self.options {
            fsconfig_set_string(context.as_fd(), *name, *value).map_err(from)?;
        }
        for (name, inside) in self.ids {
            let id = inside.saturating_add(owner).to_string();
            fsconfig_set_string(context.as_fd(), *name, id.as_str()).map_err(from)?;
        }
        fsconfig_create(context.as_fd()).map_err(from)?;
        let flags = FsMountFlags::FSMOUNT_CLOEXEC;
        let mounted = fsmount(context.as_fd(), flags, self.flags).map_err(from)?;
        attach(&mounted, &place)
    }
}
