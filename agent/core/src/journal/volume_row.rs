//! A volume, as far as it must survive: from the order to make it until its data are deleted.
//!
//! The row is what makes a directory this agent's to delete: one that no row stands for is left
//! alone, whatever a master says.

use proto::model::{Milli, Role, VolumeKey, VolumeName};

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeRow {
    /// Which.
    pub key: VolumeKey,
    /// For this role and those below it.
    pub role: Role,
    /// Unique among the volumes of the role.
    pub name: VolumeName,
    /// Of `disk`, in MiB.
    pub size: Milli,
    /// Any number of tasks may use it at once; otherwise one, or those of one group.
    pub shared: bool,
    /// How far it is.
    pub stage: VolumeStage,
    /// Of the last order that was taken.
    pub version: u64,
    /// Why that order could not be carried out; `None` when it was, or is under way.
    pub failed: Option<String>,
}

/// How far a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeStage {
    /// Its directory is being made.
    Making,
    /// It can be used.
    Ready,
    /// It could not be made.
    Failed,
    /// It can be used; what is used of it is being measured.
    Shrinking {
        /// The size that it gets if no more than that is used, of `disk`, in MiB.
        to: Milli,
    },
    /// It is deleted as soon as no task that uses it is left, again and again until that is done.
    Destroying,
}

impl VolumeRow {
    /// Whether its directory was made and is to be kept.
    pub fn has_data(&self) -> bool {
        matches!(self.stage, VolumeStage::Ready | VolumeStage::Shrinking { .. })
    }
}
