//! Removing the cgroups of containers nobody supervises any more.
//!
//! Leftovers appear when a supervisor is killed before it could tidy up. The agent calls this when
//! it starts, after it has found out which containers live on. What is inside is killed first: a
//! process without a supervisor would use resources that the agent offers to others.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::group::{Group, OURS};
use super::{CgroupError, Layout};

const PATIENCE: Duration = Duration::from_secs(5);
const ATTEMPT: Duration = Duration::from_millis(20);

/// What a sweep did.
#[derive(Debug, Default)]
pub struct SweepReport {
    /// The containers whose cgroups are gone now.
    pub removed: Vec<String>,
    /// The containers whose cgroups resisted; a later sweep may succeed.
    pub failed: Vec<(String, CgroupError)>,
}

/// Removes all cgroups below `parent` except those of the containers in `keep`, and kills what is
/// inside.
pub fn sweep(
    layout: &Layout,
    parent: &str,
    keep: &BTreeSet<String>,
) -> Result<SweepReport, CgroupError> {
    let mut found = BTreeSet::new();
    let bases = layout.controllers.values().map(|hierarchy| &hierarchy.base);
    for base in bases.chain(&layout.unified) {
        list(&base.join(OURS).join(parent), &mut found)?;
    }
    let mut report = SweepReport::default();
    for id in found.difference(keep) {
        match destroy(&Group::existing(layout, parent, id)) {
            Ok(()) => report.removed.push(id.clone()),
            Err(error) => report.failed.push((id.clone(), error)),
        }
    }
    Ok(report)
}

/// Removes everything below `parent`, and `parent` itself: the opposite of [`super::prepare`].
pub fn retire(layout: &Layout, parent: &str) -> Result<SweepReport, CgroupError> {
    let report = sweep(layout, parent, &BTreeSet::new())?;
    let bases = layout.controllers.values().map(|hierarchy| &hierarchy.base);
    for base in bases.chain(&layout.unified) {
        let ours = base.join(OURS);
        // What is still in use stays, and so does what another agent needs.
        let _ = std::fs::remove_dir(ours.join(parent));
        let _ = std::fs::remove_dir(ours);
    }
    Ok(report)
}

fn destroy(group: &Group) -> Result<(), CgroupError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        group.kill();
        match group.remove(ATTEMPT) {
            Err(error) if error.errno() == Some(libc::EBUSY) && Instant::now() < deadline => {
                sleep(ATTEMPT);
            }
            result => return result,
        }
    }
}

fn list(dir: &Path, found: &mut BTreeSet<String>) -> Result<(), CgroupError> {
    let read = |source| CgroupError::Read { file: dir.to_owned(), source };
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(read(source)),
    };
    for entry in entries {
        let entry = entry.map_err(read)?;
        // Names of ours are ASCII; another name is not ours and is left alone.
        if entry.file_type().map_err(read)?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            found.insert(name);
        }
    }
    Ok(())
}
