//! Volumes, as transcripts show them.

use proto::{
    convert::volume::write_volume,
    model::{TaskInfo, VolumeAction, VolumeInfo, VolumeKey},
    wire::v1,
};

pub(crate) fn show_volume_update(volume: &VolumeInfo) -> String {
    format!("volume {}", show_volume(&write_volume(volume)))
}

pub(crate) fn show_volume(row: &v1::Volume) -> String {
    let mib = |size: &Option<v1::Scalar>| size.as_ref().map_or(0, |size| size.milli / 1_000);
    let to = match row.resizing_to {
        Some(_) => format!(" to {}", mib(&row.resizing_to)),
        None => String::new(),
    };
    let (id, name, of, state) = (&row.volume_id, &row.name, &row.reservation_id, row.state());
    let (size, version, owner) = (mib(&row.size), row.version, &row.owner);
    let users =
        if row.task_count == 0 { String::new() } else { format!(" users {}", row.task_count) };
    let said = if row.message.is_empty() { String::new() } else { format!(": {}", row.message) };
    format!("{id} {name} {size} MiB{to} of {of} {state:?} #{version} owner {owner}{users}{said}")
}

pub(crate) fn show_volume_order(key: VolumeKey, version: u64, action: &VolumeAction) -> String {
    match action {
        VolumeAction::Make { role, name, size, shared } => {
            let shared = if *shared { " shared" } else { "" };
            format!("make {key} {role}/{name} {} MiB{shared}, version {version}", size.0 / 1_000)
        }
        VolumeAction::Resize(size) => {
            format!("resize {key} to {} MiB, version {version}", size.0 / 1_000)
        }
        VolumeAction::Delete => format!("delete {key}, version {version}"),
    }
}

pub(crate) fn show_mounts(task: &TaskInfo) -> String {
    let mounts = task.volumes.iter().map(|mount| {
        let read_only = if mount.read_only { " read-only" } else { "" };
        let key = mount.key().map_or_else(|| mount.volume.to_string(), |key| key.to_string());
        format!(" with {key} at {}{read_only}", mount.path)
    });
    mounts.collect()
}
