//! Volumes in an agent's journal.

use super::{owned_task_row, task_info, text};
use proto::wire::{
    journal::v1::{TaskRow, VolumeRow, VolumeStage},
    v1,
};

pub(crate) fn shrinking_volume_row() -> VolumeRow {
    VolumeRow {
        key: Some(v1::VolumeKey { volume_id: text("volume-7"), incarnation: 2 }),
        role: text("db/main"),
        name: text("data"),
        size: Some(v1::Scalar { milli: 2_048_000 }),
        shared: true,
        stage: VolumeStage::Shrinking.into(),
        shrinking_to: Some(v1::Scalar { milli: 1_024_500 }),
        version: 4,
        failed: None,
    }
}

pub(crate) fn failed_volume_row() -> VolumeRow {
    let (stage, failed) = (VolumeStage::Failed.into(), Some(text("no room")));
    VolumeRow { stage, failed, shrinking_to: None, ..shrinking_volume_row() }
}

/// A task with volumes.
pub(crate) fn mounting_task_row() -> TaskRow {
    let known = v1::volume_ref::Volume::VolumeId(text("volume-7"));
    let mount = v1::VolumeMount {
        volume: Some(v1::VolumeRef { volume: Some(known) }),
        path: text("data/main"),
        read_only: true,
        incarnation: 2,
    };
    let task = v1::TaskInfo { volumes: vec![mount], ..task_info() };
    TaskRow { task: Some(task), ..owned_task_row() }
}
