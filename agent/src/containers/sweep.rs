//! The agent's own corner of the cgroup trees: found, prepared, swept and given back.

use super::plan::Cgroups;
use edge::errors::chain;
use jail::cgroups::{Base, CgroupError, ControllerName, Layout, ProbeError, prepare, probe};
use std::{collections::BTreeSet, path::Path};

/// Why there are no cgroups to put containers in.
#[derive(Debug, thiserror::Error)]
pub enum CgroupsError {
    /// The host's cgroups cannot be found out.
    #[error("cannot find out where this host's cgroups are")]
    Probe(#[source] ProbeError),
    /// They are there, but not for us.
    #[error("cannot use this host's cgroups")]
    Prepare(#[source] CgroupError),
}

/// Finds the cgroup trees and makes a place in them. Below the root first, so that what limits the
/// agent does not limit its containers; below the agent's own cgroup where the root is not
/// writable.
pub(crate) fn claim(data_dir: &Path) -> Result<Cgroups, CgroupsError> {
    let parent = parent_name(data_dir);
    let at = |base| {
        let layout = probe(base).map_err(CgroupsError::Probe)?;
        prepare(&layout, &parent).map_err(CgroupsError::Prepare)?;
        Ok(layout)
    };
    let layout = at(Base::Root).or_else(|_: CgroupsError| at(Base::Own))?;
    let missing = missing(&layout);
    if !missing.is_empty() {
        tracing::warn!(controllers = missing.join(","), "limits that this host cannot keep");
    }
    Ok(Cgroups { layout, parent })
}

/// Destroys what is left in the cgroups of all containers but these; blocks.
pub(crate) fn sweep(cgroups: &Cgroups, keep: &BTreeSet<String>) {
    match jail::cgroups::sweep(&cgroups.layout, &cgroups.parent, keep) {
        Ok(swept) => {
            for container in swept.removed {
                tracing::info!(container, "removed the cgroups of a container without supervisor");
            }
            for (container, error) in swept.failed {
                tracing::warn!(container, error = %chain(&error), "cgroups that resist");
            }
        }
        Err(error) => tracing::warn!(error = %chain(&error), "cannot sweep the cgroups"),
    }
}

/// Gives the place back, when no container is left in it; blocks.
pub(crate) fn give_back(cgroups: &Cgroups) {
    if let Err(error) = jail::cgroups::retire(&cgroups.layout, &cgroups.parent) {
        tracing::warn!(error = %chain(&error), "cannot remove the agent's cgroups");
    }
}

fn missing(layout: &Layout) -> Vec<&'static str> {
    let wanted = [
        (ControllerName::Cpu, "cpu"),
        (ControllerName::Memory, "memory"),
        (ControllerName::Pids, "pids"),
    ];
    let absent = wanted.into_iter().filter(|(name, _)| !layout.controllers.contains_key(name));
    absent.map(|(_, word)| word).collect()
}

/// One name for each data directory of a host, the same in every life of the agent.
fn parent_name(data_dir: &Path) -> String {
    format!("agent-{:08x}", crc32fast::hash(data_dir.as_os_str().as_encoded_bytes()))
}
