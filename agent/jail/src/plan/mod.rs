//! The plan of one container, as data.
//!
//! The agent decides everything and writes it down; the jail carries it out and decides nothing. A
//! plan that contains an unknown field, an unknown version or an impossible wish is refused before
//! anything has happened. The rules of refusal are in [`validate`](Plan::validate), which the agent
//! may call before it spawns anything. This file touches neither files nor processes.

mod mounts;
mod root;
pub(crate) mod stop;
mod validate;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cgroups::{ControllerName, Layout};
pub use mounts::Mount;
pub use root::{CAPABILITIES_IN_IMAGE, ImageRoot, Root, SANDBOX_IN_IMAGE, UserNamespace};
pub use stop::{Stop, StopStep};

/// The version of the plan that this build understands.
pub const PLAN_VERSION: u32 = 1;
/// The most bytes a plan may have on the wire.
pub const MAX_PLAN_BYTES: usize = 1024 * 1024;
/// The most bytes a name may have that becomes the name of a cgroup.
pub const MAX_NAME_BYTES: usize = 200;
/// The longest grace period.
pub const MAX_GRACE_MS: u64 = 24 * 60 * 60 * 1000;
/// The most filters of system calls.
pub const MAX_FILTERS: usize = 16;
/// The smallest memory limit: less does not even load a program.
pub const MIN_MEMORY_BYTES: u64 = 1024 * 1024;

/// Everything the jail needs to know about one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Must be [`PLAN_VERSION`].
    pub version: u32,
    /// The container's name: letters, digits, `.`, `_`, `-`; unique on this host; names its
    /// cgroups.
    pub container_id: String,
    /// Program and arguments, executed directly, without a shell. A program without a slash is
    /// searched in the `PATH` of [`Self::env`].
    pub argv: Vec<String>,
    /// The whole environment; nothing is inherited.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Where the task works, and where its `stdout` and `stderr` files are.
    pub sandbox_dir: PathBuf,
    /// What else of the host it finds there. Not written when there is none, so that a jail from
    /// before there were any takes the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Where the records go. Must not lie inside the sandbox, whose owner could forge them.
    pub runtime_dir: PathBuf,
    /// Whom the task runs as; `None` leaves the identity of the supervisor.
    #[serde(default)]
    pub user: Option<User>,
    /// What the container is kept apart from.
    pub isolation: Isolation,
    /// What the task sees as its root file system.
    #[serde(default)]
    pub root: Root,
    /// What the container may use up.
    #[serde(default)]
    pub limits: Limits,
    /// Where its cgroups go. Without them no limits can be had.
    #[serde(default)]
    pub cgroups: Option<CgroupPlace>,
    /// Time between the first signal and KILL when a stop is ordered.
    pub grace_ms: u64,
    /// Which signals are sent in that time.
    #[serde(default)]
    pub stop: Stop,
    /// The task's rank when the kernel must kill for memory, -1000 to 1000. `None`: 0 under full
    /// isolation, untouched without.
    #[serde(default)]
    pub oom_score_adj: Option<i32>,
    /// Limits of each process; soft and hard alike. Those not named stay as inherited.
    #[serde(default)]
    pub process_limits: BTreeMap<ProcessLimit, u64>,
    /// Files with the filters of system calls that the task is executed under, in the order in
    /// which they are installed, each an array of `struct sock_filter` (seccomp(2)). Not written
    /// when there is none, as with [`Self::mounts`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub system_call_filters: Vec<PathBuf>,
}

/// A numeric identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// User.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Supplementary groups; exactly these.
    #[serde(default)]
    pub groups: Vec<u32>,
}

/// How far a container is kept apart from the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Isolation {
    /// Own pid, mount, ipc and uts namespaces, own `/proc`. Needs root.
    Full {
        /// The host name inside; `None` keeps the host's.
        hostname: Option<String>,
    },
    /// A plain process tree, for development without root.
    None,
}

/// What the container as a whole may use up. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Processor share in thousandths of a core: its part when processors are short.
    #[serde(default)]
    pub cpu_milli: Option<u64>,
    /// Makes [`Self::cpu_milli`] an upper bound also when processors are idle.
    #[serde(default)]
    pub cpu_quota: bool,
    /// Memory, swap included.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Processes and threads of the task. The jail's own init does not count.
    #[serde(default)]
    pub pids_max: Option<u64>,
}

/// Where a container's cgroups go: `<hierarchy>/bourse/<parent>/<container id>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CgroupPlace {
    /// What [`crate::cgroups::probe`] found on this host.
    pub layout: Layout,
    /// The agent's own name.
    pub parent: String,
}

/// Limits that the kernel keeps for each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessLimit {
    /// Size of a core dump.
    CoreBytes,
    /// Size of one file.
    FileBytes,
    /// Locked memory.
    LockedBytes,
    /// Descriptors.
    OpenFiles,
    /// Processes of the user.
    Processes,
    /// Stack.
    StackBytes,
}

/// Why a plan is refused. Each names the field.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// More bytes than any plan needs.
    #[error("the plan has more than {MAX_PLAN_BYTES} bytes")]
    TooLarge,
    /// Not JSON, a field is missing, unknown or of the wrong type.
    #[error("the plan is malformed")]
    Malformed(#[source] serde_json::Error),
    /// Made for another jail.
    #[error("version: this jail understands plan version {PLAN_VERSION}, not {found}")]
    Version {
        /// The version asked for.
        found: u32,
    },
    /// Empty, too long, or with other characters than letters, digits, `.`, `_`, `-`.
    #[error("{field}: {value:?} cannot name a cgroup")]
    Name {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// There is no program to execute.
    #[error("argv: names no program")]
    NoProgram,
    /// The kernel's strings end at a zero byte.
    #[error("{field}: contains a zero byte")]
    ZeroByte {
        /// The field.
        field: &'static str,
    },
    /// Empty, or contains `=`.
    #[error("env: {name:?} cannot name a variable")]
    VariableName {
        /// The name.
        name: String,
    },
    /// Not absolute, or with `.`/`..` parts.
    #[error("{field}: {} is not an absolute path without detours", path.display())]
    Path {
        /// The field.
        field: &'static str,
        /// Its value.
        path: PathBuf,
    },
    /// The task could forge its own records.
    #[error("runtime_dir: lies inside sandbox_dir, or around it, or is the same")]
    DirectoriesOverlap,
    /// The sandbox or the records are in it, or it is in them.
    #[error("mounts.source: {} has to do with sandbox_dir or runtime_dir", path.display())]
    MountSource {
        /// Its value.
        path: PathBuf,
    },
    /// Not below the sandbox, with detours, too long, or where the jail keeps files of its own.
    #[error("mounts.path: {} is no place for a directory in the sandbox", path.display())]
    MountPath {
        /// Its value.
        path: PathBuf,
    },
    /// Two directories in one place, or one in the other.
    #[error("mounts.path: {} is in another mount, or around it, or is the same", path.display())]
    MountsOverlap {
        /// The later one.
        path: PathBuf,
    },
    /// A root file system of its own needs mounts of its own.
    #[error("root.image: needs full isolation")]
    ImageWithoutIsolation,
    /// A link cannot keep anybody from writing.
    #[error("mounts.read_only: {} needs full isolation", path.display())]
    ReadOnlyMount {
        /// Which.
        path: PathBuf,
    },
    /// Empty, longer than 64 bytes, or with other characters than letters, digits, `.`, `-`.
    #[error("isolation.hostname: {hostname:?} is not a host name")]
    Hostname {
        /// The name.
        hostname: String,
    },
    /// A number outside its range.
    #[error("{field}: {value} is outside {min} to {max}")]
    Range {
        /// The field.
        field: &'static str,
        /// Its value.
        value: i128,
        /// The smallest allowed.
        min: i128,
        /// The largest allowed.
        max: i128,
    },
    /// Not a signal that a task can be asked to end by.
    #[error("{field}: signal {number} does not ask a task to end")]
    Signal {
        /// The field.
        field: &'static str,
        /// Its value.
        number: i32,
    },
    /// A bound of an unknown height.
    #[error("limits.cpu_quota: needs limits.cpu_milli")]
    QuotaWithoutShare,
    /// A limit is asked for, but no cgroups to keep it.
    #[error("limits.{field}: needs cgroups")]
    LimitWithoutCgroups {
        /// The limit.
        field: &'static str,
    },
    /// A limit is asked for that this host has no controller for.
    #[error("limits.{field}: this host has no `{controller}` controller")]
    NoController {
        /// The limit.
        field: &'static str,
        /// The controller it needs.
        controller: ControllerName,
    },
}

impl Plan {
    /// Reads and checks a plan.
    pub fn from_json(bytes: &[u8]) -> Result<Self, PlanError> {
        /// The version is looked at first: a newer plan is told apart from a malformed one.
        #[derive(Deserialize)]
        struct VersionOnly {
            version: u32,
        }
        if bytes.len() > MAX_PLAN_BYTES {
            return Err(PlanError::TooLarge);
        }
        let VersionOnly { version } =
            serde_json::from_slice(bytes).map_err(PlanError::Malformed)?;
        if version != PLAN_VERSION {
            return Err(PlanError::Version { found: version });
        }
        let plan: Self = serde_json::from_slice(bytes).map_err(PlanError::Malformed)?;
        plan.validate()?;
        Ok(plan)
    }

    /// Writes a plan the way [`Self::from_json`] reads it. Fails only on a path that is not UTF-8.
    pub fn to_json(&self) -> Result<Vec<u8>, PlanError> {
        serde_json::to_vec(self).map_err(PlanError::Malformed)
    }
}
