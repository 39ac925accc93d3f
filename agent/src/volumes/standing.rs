//! How volumes stand, for those who look after the agent.

use agent_core::{Agent, VolumeStage};

/// How a volume stands, as the metrics page names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Making,
    Ready,
    Shrinking,
    Destroying,
    Failed,
    /// Its data were not found.
    Missing,
}

impl Standing {
    pub(crate) const ALL: [Self; 6] =
        [Self::Making, Self::Ready, Self::Shrinking, Self::Destroying, Self::Failed, Self::Missing];

    pub(crate) fn of(stage: VolumeStage, is_missing: bool) -> Self {
        match stage {
            _ if is_missing => Self::Missing,
            VolumeStage::Making => Self::Making,
            VolumeStage::Ready => Self::Ready,
            VolumeStage::Failed => Self::Failed,
            VolumeStage::Shrinking { .. } => Self::Shrinking,
            VolumeStage::Destroying => Self::Destroying,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Making => "making",
            Self::Ready => "ready",
            Self::Shrinking => "shrinking",
            Self::Destroying => "destroying",
            Self::Failed => "failed",
            Self::Missing => "missing",
        }
    }
}

/// Says at the start what journal and directories do not agree on. Nothing is done about it: people
/// may have their reasons, and the other half of it elsewhere.
pub(crate) fn say_what_is_amiss(agent: &Agent) {
    for row in agent.volumes().filter(|row| agent.is_volume_missing(&row.key)) {
        let (volume, role, name) = (row.key, &row.role, &row.name);
        tracing::error!(%volume, %role, %name, "the data of a volume were not found");
    }
    for volume in agent.stranger_volumes() {
        tracing::warn!(%volume, "data of a volume that the journal does not know; they are left");
    }
}
