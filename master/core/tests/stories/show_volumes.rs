//! Volumes, as transcripts show them.

use proto::{
    convert::volume::write_volume,
    model::{VolumeAction, VolumeInfo, VolumeKey},
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
    format!("{id} {name} {size} MiB{to} of {of} {state:?} #{version} owner {owner}")
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
