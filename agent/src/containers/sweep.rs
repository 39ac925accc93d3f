//! The agent's own corner of the cgroup trees: found, prepared, swept and given back.

use super::plan::Cgroups;
use edge::errors::chain;
use jail::cgroups::{Base, CgroupError, ControllerName, Layout, ProbeError, prepare, probe};
use rustix::io::Errno;
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
/// agent does not limit its containers; below the agent's own cgroup where the root is not for us.
/// A shortage is no reason to go elsewhere: the next life would not look for containers there.
pub(crate) fn claim(data_dir: &Path) -> Result<Cgroups, CgroupsError> {
    let parent = parent_name(data_dir);
    let at = |base| {
        let layout = probe(base).map_err(CgroupsError::Probe)?;
        prepare(&layout, &parent).map_err(CgroupsError::Prepare)?;
        Ok(layout)
    };
    let layout = match at(Base::Root) {
        Err(error) if !is_shortage(&error) => at(Base::Own)?,
        result => result?,
    };
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

/// Whether it may go away by itself.
fn is_shortage(error: &CgroupsError) -> bool {
    let CgroupsError::Prepare(error) = error else { return false };
    let shortages = [Errno::NOSPC, Errno::NOMEM, Errno::AGAIN, Errno::MFILE, Errno::NFILE];
    error.errno().is_some_and(|errno| shortages.contains(&Errno::from_raw_os_error(errno)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_is_told_from_a_root_that_is_not_for_us() {
        let failed = |errno: Errno| {
            let dir = "/sys/fs/cgroup/pids/bourse".into();
            CgroupsError::Prepare(CgroupError::Create { dir, source: errno.into() })
        };
        assert!(is_shortage(&failed(Errno::NOSPC)));
        for errno in [Errno::ACCESS, Errno::PERM, Errno::ROFS, Errno::BUSY] {
            assert!(!is_shortage(&failed(errno)), "{errno}");
        }
    }
}
