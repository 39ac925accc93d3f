//! Volumes, as transcripts show them.

use proto::{convert::volume::write_volume, model::VolumeInfo, wire::v1};

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
