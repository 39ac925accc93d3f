//! What of `/proc` and `/sys` is not for containers: hidden, or only to be read. The list is that
//! of Docker and containerd.

use std::path::Path;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};

const HIDDEN: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];
const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
const NONE: Option<&str> = None;

/// In the new root, whose `/proc` and `/sys` are the kernel's.
pub(super) fn hide() -> Result<(), Errno> {
    for path in HIDDEN.map(Path::new) {
        // Not every kernel has all of them.
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.is_dir() {
            let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
            mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some("size=0k,mode=555"))?;
        } else {
            mount(Some("/dev/null"), path, NONE, MsFlags::MS_BIND, NONE)?;
        }
    }
    for path in READ_ONLY.map(Path::new).into_iter().filter(|path| path.exists()) {
        mount(Some(path), path, NONE, MsFlags::MS_BIND, NONE)?;
        let flags = MsFlags::MS_BIND
            | MsFlags::MS_REMOUNT
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV
            | MsFlags::MS_NOEXEC;
        mount(NONE, path, NONE, flags, NONE)?;
    }
    Ok(())
}
