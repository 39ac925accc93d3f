//! The cgroups of an exercise's agents: found in every hierarchy of this host, and removed.
//!
//! An agent names its corner of the trees after its data directory. That is part of no contract;
//! should it change, what is left behind is not found, and the test below fails.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

/// What is left of the cgroups of agents with these data directories.
pub(crate) fn of_agents(data_dirs: &[PathBuf]) -> Vec<PathBuf> {
    let bases = bases();
    let corners = data_dirs.iter().map(|data_dir| corner(data_dir));
    let places = corners.flat_map(|corner| bases.iter().map(move |base| base.join(&corner)));
    places.filter(|place| place.is_dir()).collect()
}

/// What the kernel says of how many processes a container has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pids {
    /// Processes and threads now.
    pub(crate) current: u64,
    /// How often there would have been one too many.
    pub(crate) refused: u64,
}

/// Whether containers can have limits here.
pub(crate) fn check() -> anyhow::Result<()> {
    anyhow::ensure!(rustix::process::geteuid().is_root(), "containers need root: run it as root");
    let read = |file: &Path| fs::read_to_string(file).unwrap_or_default();
    let (one, two) = (read(Path::new("/proc/self/cgroup")), bases());
    let by_name = one.lines().any(|line| line.contains(":pids:"));
    let has_it = |base: &PathBuf| read(&base.join("cgroup.controllers")).contains("pids");
    anyhow::ensure!(by_name || two.iter().any(has_it), "no cgroup here counts processes");
    Ok(())
}

/// The processes of each container of an agent with this data directory.
pub(crate) fn pids(data_dir: &Path) -> Vec<Pids> {
    let mut found = Vec::new();
    for corner in of_agents(&[data_dir.to_owned()]) {
        for entry in fs::read_dir(corner).into_iter().flatten().flatten() {
            found.extend(Pids::of(&entry.path()));
        }
    }
    found
}

impl Pids {
    fn of(container: &Path) -> Option<Self> {
        let current = fs::read_to_string(container.join("pids.current")).ok()?;
        let events = fs::read_to_string(container.join("pids.events")).ok()?;
        let refused = events.lines().find_map(|line| line.strip_prefix("max "))?;
        Some(Self { current: current.trim().parse().ok()?, refused: refused.parse().ok()? })
    }
}

/// Removes a cgroup and all below it, as far as no process is left in them.
pub(crate) fn remove(cgroup: &Path) {
    for entry in fs::read_dir(cgroup).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    // What resists is found by whoever looks for leftovers.
    let _ = fs::remove_dir(cgroup);
}

/// Below which agents have their corners: the root of each hierarchy, or where this process is.
fn bases() -> BTreeSet<PathBuf> {
    let read = |file| fs::read_to_string(file).unwrap_or_default();
    let (mounts, own) = (read("/proc/self/mountinfo"), read("/proc/self/cgroup"));
    let is_cgroup = |line: &&str| line.contains(" - cgroup");
    let roots = mounts.lines().filter(is_cgroup).filter_map(|line| line.split(' ').nth(4));
    let mut bases = BTreeSet::new();
    for root in roots.map(Path::new) {
        let paths = own.lines().filter_map(|line| line.splitn(3, ':').nth(2));
        bases.extend(paths.map(|path| root.join(path.trim_start_matches('/'))));
        bases.insert(root.to_owned());
    }
    bases
}

fn corner(data_dir: &Path) -> PathBuf {
    let sum = crc32fast::hash(data_dir.as_os_str().as_bytes());
    Path::new("bourse").join(format!("agent-{sum:08x}"))
}
