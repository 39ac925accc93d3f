//! Resource limits through the kernel's control groups, version 1, version 2 and both at once.
//!
//! `layout` finds out where on this host each controller lives, `group` is the set of cgroups of
//! one container, `sweep` removes what a crash left behind. Each controller is one file for each
//! version and knows only its own files, so a controller that is missing shows in the listing of
//! the folder.
//!
//! On a hybrid host (controllers in version 1, an empty version 2 tree beside them) every container
//! gets a cgroup in the version 2 tree too: a process can be *born* in it, `cgroup.kill` ends
//! everything in it at once, setsid'ed daemons included, and `cpu.stat` counts its processor time.

mod files;
mod group;
mod layout;
mod resize;
mod sweep;
mod v1;
mod v2;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::plan::Limits;

pub(crate) use group::{Entrances, Group};
pub use group::{prepare, usage};
pub use layout::{Base, Hierarchy, Layout, ProbeError, Version, parse as parse_layout, probe};
pub use resize::resize;
pub use sweep::{SweepReport, retire, sweep};

/// The controllers we use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControllerName {
    /// Shares and quota of processor time.
    Cpu,
    /// Counts processor time; in version 2 every cgroup does that by itself.
    Cpuacct,
    /// Memory and swap.
    Memory,
    /// Number of processes and threads.
    Pids,
}

/// What a container uses now, as far as this host tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Processor time of all processes, ended ones included.
    pub cpu_time_us: Option<u64>,
    /// Memory held, page cache included.
    pub memory_bytes: Option<u64>,
    /// The most memory ever held.
    pub memory_peak_bytes: Option<u64>,
    /// The most memory it may hold, if there is such a limit.
    pub memory_limit_bytes: Option<u64>,
    /// How many processes the kernel killed for want of memory.
    pub oom_kills: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// Why a cgroup operation failed.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// The container's cgroup is there already: a second container of this name, or a leftover.
    #[error("{} is there already", dir.display())]
    Exists {
        /// The cgroup.
        dir: PathBuf,
    },
    /// A cgroup could not be made.
    #[error("cannot create {}", dir.display())]
    Create {
        /// The cgroup.
        dir: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A controller could not be handed down to the children of a version 2 cgroup.
    ///
    /// EBUSY means that processes live in `dir` itself: run the agent in a child cgroup, or probe
    /// with [`Base::Root`]. EACCES means that the tree is not delegated to this user.
    #[error("cannot enable `{controller}` for the children of {}", dir.display())]
    Delegate {
        /// The cgroup whose children need the controller.
        dir: PathBuf,
        /// The controller.
        controller: ControllerName,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A setting was refused.
    #[error("cannot write {value:?} to {}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// The value.
        value: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A file could not be read or opened.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// A file does not look as documented.
    #[error("{} is malformed", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
    },
    /// The container holds more memory than it may from now on, and does not give it back.
    #[error("the container holds {held_bytes} bytes of memory and cannot be held to {limit_bytes}")]
    InUse {
        /// What it holds.
        held_bytes: u64,
        /// What it was to be held to.
        limit_bytes: u64,
    },
    /// A cgroup could not be removed; after EBUSY had persisted for the whole time allowed, if it
    /// is that.
    #[error("cannot remove {}", dir.display())]
    Remove {
        /// The cgroup.
        dir: PathBuf,
        /// What the kernel said last.
        #[source]
        source: io::Error,
    },
}

/// One controller in one version: which files carry its settings and its counters. Creating and
/// removing is not its business, because several controllers may share one directory.
trait Controller: fmt::Debug + Sync {
    /// Which one.
    fn name(&self) -> ControllerName;

    /// Whether a container with these limits needs this controller at all.
    fn wanted(&self, limits: &Limits, unified: bool) -> bool;

    /// Sets the limits in a fresh cgroup.
    fn apply(&self, dir: &Path, limits: &Limits) -> Result<(), CgroupError>;

    /// Sets other limits in a cgroup with processes in it, or leaves the old ones.
    fn change(&self, dir: &Path, limits: &Limits) -> Result<(), CgroupError> {
        self.apply(dir, limits)
    }

    /// Adds what this controller counts.
    fn stats(&self, dir: &Path, usage: &mut Usage) -> Result<(), CgroupError>;
}

fn controller(name: ControllerName, version: Version) -> &'static dyn Controller {
    match (version, name) {
        (Version::V1, ControllerName::Cpu) => &v1::cpu::Cpu,
        (Version::V1, ControllerName::Cpuacct) => &v1::cpuacct::Cpuacct,
        (Version::V1, ControllerName::Memory) => &v1::memory::Memory,
        (Version::V1, ControllerName::Pids) => &v1::pids::Pids,
        (Version::V2, ControllerName::Cpu) => &v2::cpu::Cpu,
        (Version::V2, ControllerName::Cpuacct) => &v2::cpuacct::Cpuacct,
        (Version::V2, ControllerName::Memory) => &v2::memory::Memory,
        (Version::V2, ControllerName::Pids) => &v2::pids::Pids,
    }
}

impl ControllerName {
    /// Every controller we use.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::Cpuacct, Self::Memory, Self::Pids];

    /// The kernel's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuacct => "cpuacct",
            Self::Memory => "memory",
            Self::Pids => "pids",
        }
    }
}

impl fmt::Display for ControllerName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl CgroupError {
    /// The kernel's error number, where there was one.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Exists { .. } => Some(libc::EEXIST),
            Self::Malformed { .. } | Self::InUse { .. } => None,
            Self::Create { source, .. }
            | Self::Delegate { source, .. }
            | Self::Write { source, .. }
            | Self::Read { source, .. }
            | Self::Remove { source, .. } => source.raw_os_error(),
        }
    }
}
