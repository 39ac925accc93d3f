//! Volumes in commands and in dumps, to wire and back.

use super::{
    Command, Volume, VolumeChange,
    codec_commands::{read_id, required},
};
use proto::convert::volume::{
    read_volume, read_volume_destroy, read_volume_plan, read_volume_resize, read_volume_size,
    write_volume, write_volume_destroy, write_volume_plan, write_volume_resize, write_volume_size,
};
use proto::model::{
    AgentId, Refusal, VolumeInfo, VolumeKey, VolumeRef, VolumeReport, VolumeResize, VolumeState,
};
use proto::wire::{
    log::v1::{
        command::{self as wire, Command as Kind},
        record,
    },
    v1 as api,
};

pub(super) fn write_volume_change(change: &VolumeChange) -> Kind {
    match change {
        VolumeChange::Create { plan, owner } => {
            let plan = Some(write_volume_plan(plan));
            Kind::CreateVolume(wire::CreateVolume { plan, owner: owner.clone() })
        }
        VolumeChange::Grow(resize) => Kind::GrowVolume(write_volume_resize(*resize)),
        VolumeChange::Shrink(resize) => Kind::ShrinkVolume(write_volume_resize(*resize)),
        VolumeChange::Destroy(volume) => Kind::DestroyVolume(write_volume_destroy(*volume)),
    }
}

pub(super) fn read_create_volume(create: wire::CreateVolume) -> Result<Command, Refusal> {
    let plan = read_volume_plan(required("plan", create.plan)?);
    let plan = plan.map_err(|refusal| refusal.under("plan"))?;
    Ok(Command::ChangeVolumes(VolumeChange::Create { plan, owner: create.owner }))
}

pub(super) fn read_grow_volume(plan: api::ResizeVolumePlan) -> Result<Command, Refusal> {
    Ok(Command::ChangeVolumes(VolumeChange::Grow(read_known_resize(plan)?)))
}

pub(super) fn read_shrink_volume(plan: api::ResizeVolumePlan) -> Result<Command, Refusal> {
    Ok(Command::ChangeVolumes(VolumeChange::Shrink(read_known_resize(plan)?)))
}

fn read_known_resize(plan: api::ResizeVolumePlan) -> Result<VolumeResize, Refusal> {
    let resize = read_volume_resize(plan)?;
    by_id(resize.volume).map(|()| resize)
}

pub(super) fn read_destroy_volume(plan: api::DestroyVolumePlan) -> Result<Command, Refusal> {
    let volume = read_volume_destroy(plan)?;
    by_id(volume).map(|()| Command::ChangeVolumes(VolumeChange::Destroy(volume)))
}

/// Of what no accept stands behind.
fn by_id(volume: VolumeRef) -> Result<(), Refusal> {
    match volume {
        VolumeRef::Known(_) => Ok(()),
        VolumeRef::Made(_) => Err(Refusal::invalid("volume", "is not named by its id")),
    }
}

pub(super) fn write_volume_report(agent: &AgentId, incarnation: u64, of: &VolumeReport) -> Kind {
    Kind::RecordVolume(wire::RecordVolume {
        agent_id: agent.to_string(),
        incarnation,
        volume_id: of.key.id.to_string(),
        volume_incarnation: of.key.incarnation,
        version: of.version,
        failed: of.failed.clone(),
    })
}

pub(super) fn read_volume_report(record: wire::RecordVolume) -> Result<Command, Refusal> {
    Ok(Command::RecordVolume {
        agent: read_id("agent_id", &record.agent_id)?,
        incarnation: record.incarnation,
        report: VolumeReport {
            key: VolumeKey {
                id: read_id("volume_id", &record.volume_id)?,
                incarnation: record.volume_incarnation,
            },
            version: record.version,
            failed: record.failed,
        },
    })
}

pub(super) fn write_volume_row(row: &Volume) -> record::Volume {
    // What uses it is derived.
    let info = VolumeInfo { task_count: 0, ..row.info.clone() };
    let resize_from = row.resize_from.map(write_volume_size);
    record::Volume { volume: Some(write_volume(&info)), resize_from }
}

pub(super) fn read_volume_row(row: record::Volume) -> Result<Volume, Refusal> {
    let info = read_volume(required("volume", row.volume)?);
    let info = info.map_err(|refusal| refusal.under("volume"))?;
    if info.state == VolumeState::Gone {
        return Err(Refusal::invalid("volume.state", "is of what has no row"));
    }
    let info = VolumeInfo { task_count: 0, ..info };
    let from = row.resize_from.map(|size| read_volume_size("resize_from", Some(size)));
    Ok(Volume { info, resize_from: from.transpose()? })
}
