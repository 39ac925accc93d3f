//! Volumes between master and agent: which, what is ordered, what became of it, and where tasks
//! see them.

use super::{
    form::{self, Read},
    reservation::read_reserved_role,
    text,
    volume::{read_volume_ref, read_volume_size, write_volume_ref, write_volume_size},
};
use crate::model::{Refusal, VolumeAction, VolumeKey, VolumeMount, VolumeReport, limits};
use crate::wire::v1::{self, volume_order::Action};

/// Files of the sandbox that are the agent's to write.
const OUTPUT_FILES: [&str; 2] = ["stdout", "stderr"];

/// Reads which volume is meant.
pub fn read_key(key: v1::VolumeKey) -> Result<VolumeKey, Refusal> {
    let id = form::id("volume_id", &key.volume_id)?;
    Ok(VolumeKey { id, incarnation: key.incarnation })
}

/// Writes which volume is meant.
pub fn write_key(key: VolumeKey) -> v1::VolumeKey {
    v1::VolumeKey { volume_id: key.id.to_string(), incarnation: key.incarnation }
}

/// Reads an order: about which volume, which one, and what.
pub(super) fn read_order(order: v1::VolumeOrder) -> Read<(VolumeKey, u64, VolumeAction)> {
    let key = read_key(form::required("key", order.key)?).map_err(|no| no.under("key"))?;
    let action = match form::required("action", order.action)? {
        Action::Make(make) => read_make(make).map_err(|no| no.under("make"))?,
        Action::Resize(v1::SizeVolume { size }) => {
            VolumeAction::Resize(read_volume_size("resize.size", size)?)
        }
        Action::Delete(v1::DeleteVolume {}) => VolumeAction::Delete,
    };
    Ok((key, read_version(order.version)?, action))
}

/// Writes an order.
pub(super) fn write_order(key: VolumeKey, version: u64, action: &VolumeAction) -> v1::VolumeOrder {
    let action = match action {
        VolumeAction::Make { role, name, size, shared } => Action::Make(v1::MakeVolume {
            role: role.to_string(),
            name: name.to_string(),
            size: Some(write_volume_size(*size)),
            shared: *shared,
        }),
        VolumeAction::Resize(size) => {
            Action::Resize(v1::SizeVolume { size: Some(write_volume_size(*size)) })
        }
        VolumeAction::Delete => Action::Delete(v1::DeleteVolume {}),
    };
    v1::VolumeOrder { key: Some(write_key(key)), version, action: Some(action) }
}

/// Reads what became of an order.
pub(super) fn read_report(report: v1::VolumeReport) -> Read<VolumeReport> {
    Ok(VolumeReport {
        key: read_key(form::required("key", report.key)?).map_err(|no| no.under("key"))?,
        version: read_version(report.version)?,
        failed: report.failed.map(|text| text::read_message("failed", text)).transpose()?,
    })
}

/// Writes what became of an order.
pub(super) fn write_report(report: &VolumeReport) -> v1::VolumeReport {
    v1::VolumeReport {
        key: Some(write_key(report.key)),
        version: report.version,
        failed: report.failed.clone(),
    }
}

/// Reads where a task sees volumes.
pub fn read_mounts(field: &str, list: Vec<v1::VolumeMount>) -> Result<Vec<VolumeMount>, Refusal> {
    let mounts = form::each(field, list, limits::VOLUMES_PER_TASK_MAX, |mount| {
        Ok(VolumeMount {
            volume: read_volume_ref("volume", mount.volume)?,
            path: read_path("path", mount.path)?,
            read_only: mount.read_only,
            incarnation: mount.incarnation,
        })
    })?;
    form::distinct(&mounts, |mount| &mount.volume, |index| format!("{field}[{index}].volume"))?;
    for (index, mount) in mounts.iter().enumerate() {
        let meets = |other: &&VolumeMount| is_within(&mount.path, &other.path);
        let others = mounts.iter().enumerate().filter(|(other, _)| *other != index);
        if let Some(other) = others.map(|(_, other)| other).find(meets) {
            let problem = format!("is {} or below it, where another volume is", other.path);
            return Err(Refusal::invalid(format!("{field}[{index}].path"), problem));
        }
    }
    Ok(mounts)
}

/// Writes where a task sees volumes.
pub fn write_mounts(mounts: &[VolumeMount]) -> Vec<v1::VolumeMount> {
    let write = |mount: &VolumeMount| v1::VolumeMount {
        volume: Some(write_volume_ref(mount.volume)),
        path: mount.path.clone(),
        read_only: mount.read_only,
        incarnation: mount.incarnation,
    };
    mounts.iter().map(write).collect()
}

/// Reads where in its sandbox a task sees a volume; the agent makes directories of it.
pub fn read_path(field: &str, path: String) -> Result<String, Refusal> {
    let path = text::read_line_to(field, path, limits::VOLUME_PATH_BYTES_MAX)?;
    let mut names = path.split('/');
    if names.clone().any(|name| matches!(name, "" | "." | "..")) {
        let problem = "is not a path below the sandbox: names with single '/' between them, \
                       none of them '.' or '..'";
        return Err(Refusal::invalid(field, problem));
    }
    if names.clone().any(|name| name.len() > limits::FILE_NAME_BYTES_MAX) {
        return Err(Refusal::invalid(field, "has a name that is too long for a file"));
    }
    match names.next().is_some_and(|first| OUTPUT_FILES.contains(&first)) {
        true => Err(Refusal::invalid(field, "is where the task's output goes")),
        false => Ok(path),
    }
}

fn read_make(make: v1::MakeVolume) -> Read<VolumeAction> {
    Ok(VolumeAction::Make {
        role: read_reserved_role(&make.role)?,
        name: form::id("name", &make.name)?,
        size: read_volume_size("size", make.size)?,
        shared: make.shared,
    })
}

/// What is ordered about a volume is counted from 1.
fn read_version(version: u64) -> Read<u64> {
    match version {
        0 => Err(Refusal::invalid("version", "is zero; orders are counted from 1")),
        version => Ok(version),
    }
}

fn is_within(path: &str, other: &str) -> bool {
    let rest = path.strip_prefix(other);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
