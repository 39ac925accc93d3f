//! Disk of one agent that outlives the tasks that use it: a part of one reservation, with an id.
//!
//! ```text
//!  create ──▶ Creating ──▶ Active ◀──▶ Resizing
//!                │           │ ▲
//!                ▼           ▼ │
//!              Failed       Lost       each but Resizing ──destroy──▶ Destroying ──▶ gone
//! ```
//!
//! The master decides, the agent carries out: what is ordered of it is so until it has answered.

use super::{
    ids::{AgentId, IdError, VolumeName, canonical_number},
    reservation::{ReservationId, ReservationRef},
    resources::Milli,
    role::Role,
};
use std::{fmt, str::FromStr};

/// Given by the ledger: `volume-` and its number, which is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeId(pub u64);

/// Which volume: one that exists, or one that an earlier operation of the same accept makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VolumeRef {
    /// One that exists.
    Known(VolumeId),
    /// The one that this operation makes, counted from 0.
    Made(u32),
}

/// What is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumePlan {
    /// Out of whose disk.
    pub reservation: ReservationRef,
    /// Unique among the volumes of its agent and role.
    pub name: VolumeName,
    /// Of `disk`, in MiB; at least [`super::limits::VOLUME_SIZE_MIN`].
    pub size: Milli,
    /// Any number of tasks may use it at once; otherwise one.
    pub shared: bool,
    /// Keys and values, shown and not interpreted.
    pub labels: Vec<(String, String)>,
}

/// Another size for a volume, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeResize {
    /// Which.
    pub volume: VolumeRef,
    /// Of `disk`, in MiB; at least [`super::limits::VOLUME_SIZE_MIN`].
    pub size: Milli,
}

/// Where a volume is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VolumeState {
    /// Ordered of the agent.
    Creating,
    /// The agent has it.
    Active,
    /// Its agent is to give it another size.
    Resizing,
    /// Its agent is to delete it.
    Destroying,
    /// Its agent could not make it.
    Failed,
    /// Its agent came back without it.
    Lost,
    /// There is no such row any longer.
    Gone,
}

/// A volume as its agent knows it: a cluster that was restored from a backup may give out a number
/// again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeKey {
    /// Which.
    pub id: VolumeId,
    /// Of the cluster that made it.
    pub incarnation: u64,
}

/// What is ordered of an agent about a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeAction {
    /// Make it, empty.
    Make {
        /// For this role and those below it.
        role: Role,
        /// Unique among the volumes of the agent and role.
        name: VolumeName,
        /// Of `disk`, in MiB.
        size: Milli,
        /// Any number of tasks may use it at once; otherwise one.
        shared: bool,
    },
    /// Give it this size, of `disk`, in MiB; not when more is used.
    Resize(Milli),
    /// Delete it with its data, once no task that uses it is left.
    Delete,
}

/// What an agent made of an order about a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeReport {
    /// Which volume.
    pub key: VolumeKey,
    /// Which of the orders.
    pub version: u64,
    /// Why it could not be done; `None` when it is.
    pub failed: Option<String>,
}

/// A volume, as a task sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMount {
    /// Which.
    pub volume: VolumeRef,
    /// Where it appears, relative to the task's sandbox: names that are neither `.` nor `..`; not
    /// the files that the task's output goes to.
    pub path: String,
    /// The task cannot write there.
    pub read_only: bool,
    /// Of the cluster that made the volume; there once the task is launched.
    pub incarnation: u64,
}

/// A volume that tasks on an offer may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedVolume {
    /// Which.
    pub id: VolumeId,
    /// Unique among the volumes of the agent and role.
    pub name: VolumeName,
    /// For this role and those below it.
    pub role: Role,
    /// Of `disk`, in MiB.
    pub size: Milli,
    /// Any number of tasks may use it at once; otherwise one.
    pub shared: bool,
}

/// A volume as it is, as frameworks hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeInfo {
    /// Which.
    pub id: VolumeId,
    /// Of which agent.
    pub agent: AgentId,
    /// Out of which reservation's disk.
    pub reservation: ReservationId,
    /// That the reservation was for when the volume was made.
    pub role: Role,
    /// Who made it: the id in the certificate.
    pub owner: String,
    /// Unique among the volumes of the agent and role.
    pub name: VolumeName,
    /// What it holds of `disk`, in MiB.
    pub size: Milli,
    /// Any number of tasks may use it at once; otherwise one.
    pub shared: bool,
    /// Keys and values, shown and not interpreted.
    pub labels: Vec<(String, String)>,
    /// Where it is in its life.
    pub state: VolumeState,
    /// The size that its agent is to give it, in MiB; there while it is `Resizing`.
    pub resizing_to: Option<Milli>,
    /// What the agent said of the last thing that it could not do.
    pub message: String,
    /// Counts what was ordered of the agent.
    pub version: u64,
    /// Of the cluster that made it.
    pub incarnation: u64,
    /// Tasks that use it and have not ended.
    pub task_count: u64,
}

impl VolumeState {
    /// Whether a task may be launched with it.
    pub const fn is_usable(self) -> bool {
        matches!(self, VolumeState::Creating | VolumeState::Active | VolumeState::Resizing)
    }

    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            VolumeState::Creating => "creating",
            VolumeState::Active => "active",
            VolumeState::Resizing => "resizing",
            VolumeState::Destroying => "destroying",
            VolumeState::Failed => "failed",
            VolumeState::Lost => "lost",
            VolumeState::Gone => "gone",
        }
    }
}

impl fmt::Display for VolumeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for VolumeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "volume-{}", self.0)
    }
}

impl FromStr for VolumeId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        text.strip_prefix("volume-")
            .and_then(canonical_number)
            .map(VolumeId)
            .ok_or(IdError::Form { form: "volume-NUMBER" })
    }
}

impl VolumeInfo {
    /// What its agent knows it as.
    pub fn key(&self) -> VolumeKey {
        VolumeKey { id: self.id, incarnation: self.incarnation }
    }
}

impl VolumeMount {
    /// The volume, of a task that was launched.
    pub fn key(&self) -> Option<VolumeKey> {
        match self.volume {
            VolumeRef::Known(id) => Some(VolumeKey { id, incarnation: self.incarnation }),
            VolumeRef::Made(_) => None,
        }
    }
}

/// Also the name of its directory.
impl fmt::Display for VolumeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, self.incarnation)
    }
}

impl FromStr for VolumeKey {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let key = text.split_once('.').and_then(|(id, incarnation)| {
            Some(Self { id: id.parse().ok()?, incarnation: canonical_number(incarnation)? })
        });
        key.ok_or(IdError::Form { form: "volume-NUMBER.INCARNATION" })
    }
}

impl fmt::Display for VolumeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VolumeRef::Known(id) => id.fmt(f),
            VolumeRef::Made(operation) => write!(f, "the volume of operation {operation}"),
        }
    }
}
