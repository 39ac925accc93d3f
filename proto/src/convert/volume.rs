//! Volumes: what is asked for, and what there is.

use super::{
    form::{self, Read},
    reservation::{
        read_ref as read_reservation_ref, read_reserved_role, write_ref as write_reservation_ref,
    },
    task::{read_labels, write_labels},
    text,
};
use crate::model::{
    Milli, OfferedVolume, Refusal, VolumeInfo, VolumePlan, VolumeRef, VolumeResize, VolumeState,
    limits,
};
use crate::wire::v1::{self, volume_ref::Volume as RefKind};

/// Reads what is to be made.
pub fn read_volume_plan(plan: v1::CreateVolumePlan) -> Result<VolumePlan, Refusal> {
    Ok(VolumePlan {
        reservation: read_reservation_ref("reservation", plan.reservation)?,
        name: form::id("name", &plan.name)?,
        size: read_volume_size("size", plan.size)?,
        shared: plan.shared,
        labels: read_labels(plan.labels).map_err(|no| no.under("labels"))?,
    })
}

/// Writes what is to be made.
pub fn write_volume_plan(plan: &VolumePlan) -> v1::CreateVolumePlan {
    v1::CreateVolumePlan {
        reservation: Some(write_reservation_ref(plan.reservation)),
        name: plan.name.to_string(),
        size: Some(write_volume_size(plan.size)),
        shared: plan.shared,
        labels: write_labels(&plan.labels),
    }
}

/// Reads which volume is to have another size.
pub fn read_volume_resize(plan: v1::ResizeVolumePlan) -> Result<VolumeResize, Refusal> {
    let volume = read_volume_ref("volume", plan.volume)?;
    Ok(VolumeResize { volume, size: read_volume_size("size", plan.size)? })
}

/// Writes which volume is to have another size.
pub fn write_volume_resize(resize: VolumeResize) -> v1::ResizeVolumePlan {
    v1::ResizeVolumePlan {
        volume: Some(write_volume_ref(resize.volume)),
        size: Some(write_volume_size(resize.size)),
    }
}

/// Reads which volume is to be no longer.
pub fn read_volume_destroy(plan: v1::DestroyVolumePlan) -> Result<VolumeRef, Refusal> {
    read_volume_ref("volume", plan.volume)
}

/// Writes which volume is to be no longer.
pub fn write_volume_destroy(volume: VolumeRef) -> v1::DestroyVolumePlan {
    v1::DestroyVolumePlan { volume: Some(write_volume_ref(volume)) }
}

/// Reads a volume as it is.
pub fn read_volume(volume: v1::Volume) -> Result<VolumeInfo, Refusal> {
    let state = read_volume_state("state", volume.state)?;
    let resizing_to = volume.resizing_to.map(|size| read_volume_size("resizing_to", Some(size)));
    let resizing_to = resizing_to.transpose()?;
    if resizing_to.is_some() != (state == VolumeState::Resizing) {
        return Err(Refusal::invalid("resizing_to", format!("does not go with {state}")));
    }
    Ok(VolumeInfo {
        id: form::id("volume_id", &volume.volume_id)?,
        agent: form::id("agent_id", &volume.agent_id)?,
        reservation: form::id("reservation_id", &volume.reservation_id)?,
        role: read_reserved_role(&volume.role)?,
        owner: text::read_line("owner", volume.owner)?,
        name: form::id("name", &volume.name)?,
        size: read_volume_size("size", volume.size)?,
        shared: volume.shared,
        labels: read_labels(volume.labels).map_err(|no| no.under("labels"))?,
        state,
        resizing_to,
        message: text::read_message("message", volume.message)?,
        version: volume.version,
        incarnation: volume.incarnation,
        task_count: volume.task_count,
    })
}

/// Writes a volume as it is.
pub fn write_volume(volume: &VolumeInfo) -> v1::Volume {
    v1::Volume {
        volume_id: volume.id.to_string(),
        agent_id: volume.agent.to_string(),
        reservation_id: volume.reservation.to_string(),
        role: volume.role.to_string(),
        owner: volume.owner.clone(),
        name: volume.name.to_string(),
        size: Some(write_volume_size(volume.size)),
        shared: volume.shared,
        labels: write_labels(&volume.labels),
        state: write_volume_state(volume.state).into(),
        resizing_to: volume.resizing_to.map(write_volume_size),
        message: volume.message.clone(),
        version: volume.version,
        incarnation: volume.incarnation,
        task_count: volume.task_count,
    }
}

/// Reads which volumes tasks on an offer may use.
pub(super) fn read_offered_volumes(list: Vec<v1::OfferedVolume>) -> Read<Vec<OfferedVolume>> {
    let volumes = form::each("volumes", list, limits::VOLUMES_PER_AGENT_MAX, |volume| {
        Ok(OfferedVolume {
            id: form::id("volume_id", &volume.volume_id)?,
            name: form::id("name", &volume.name)?,
            role: read_reserved_role(&volume.role)?,
            size: read_volume_size("size", volume.size)?,
            shared: volume.shared,
        })
    })?;
    form::distinct(&volumes, |volume| &volume.id, |index| format!("volumes[{index}].volume_id"))?;
    Ok(volumes)
}

/// Writes which volumes tasks on an offer may use.
pub(super) fn write_offered_volumes(volumes: &[OfferedVolume]) -> Vec<v1::OfferedVolume> {
    let write = |volume: &OfferedVolume| v1::OfferedVolume {
        volume_id: volume.id.to_string(),
        name: volume.name.to_string(),
        role: volume.role.to_string(),
        size: Some(write_volume_size(volume.size)),
        shared: volume.shared,
    };
    volumes.iter().map(write).collect()
}

/// Reads which volume is meant.
pub(super) fn read_volume_ref(field: &str, reference: Option<v1::VolumeRef>) -> Read<VolumeRef> {
    let kind = form::required(field, reference)?.volume;
    Ok(match form::required(field, kind)? {
        RefKind::VolumeId(id) => VolumeRef::Known(form::id(&format!("{field}.volume_id"), &id)?),
        RefKind::Operation(operation) => VolumeRef::Made(operation),
    })
}

/// Writes which volume is meant.
pub(super) fn write_volume_ref(reference: VolumeRef) -> v1::VolumeRef {
    v1::VolumeRef {
        volume: Some(match reference {
            VolumeRef::Known(id) => RefKind::VolumeId(id.to_string()),
            VolumeRef::Made(operation) => RefKind::Operation(operation),
        }),
    }
}

/// Reads how large a volume is.
pub fn read_volume_size(field: &str, size: Option<v1::Scalar>) -> Result<Milli, Refusal> {
    let size = Milli(form::required(field, size)?.milli);
    match (limits::VOLUME_SIZE_MIN..=Milli(limits::MILLI_MAX)).contains(&size) {
        true => Ok(size),
        false => Err(Refusal::invalid(field, "is not an amount of at least 1 MiB")),
    }
}

/// Writes how large a volume is.
pub fn write_volume_size(size: Milli) -> v1::Scalar {
    v1::Scalar { milli: size.0 }
}

/// Reads where a volume is in its life.
pub fn read_volume_state(field: &str, state: i32) -> Result<VolumeState, Refusal> {
    use v1::VolumeState as Wire;
    Ok(match Wire::try_from(state).unwrap_or(Wire::Unspecified) {
        Wire::Unspecified => return Err(Refusal::invalid(field, "is not a volume's state")),
        Wire::VolumeCreating => VolumeState::Creating,
        Wire::VolumeActive => VolumeState::Active,
        Wire::VolumeResizing => VolumeState::Resizing,
        Wire::VolumeDestroying => VolumeState::Destroying,
        Wire::VolumeFailed => VolumeState::Failed,
        Wire::VolumeLost => VolumeState::Lost,
        Wire::VolumeGone => VolumeState::Gone,
    })
}

/// Writes where a volume is in its life.
pub fn write_volume_state(state: VolumeState) -> v1::VolumeState {
    match state {
        VolumeState::Creating => v1::VolumeState::VolumeCreating,
        VolumeState::Active => v1::VolumeState::VolumeActive,
        VolumeState::Resizing => v1::VolumeState::VolumeResizing,
        VolumeState::Destroying => v1::VolumeState::VolumeDestroying,
        VolumeState::Failed => v1::VolumeState::VolumeFailed,
        VolumeState::Lost => v1::VolumeState::VolumeLost,
        VolumeState::Gone => v1::VolumeState::VolumeGone,
    }
}
