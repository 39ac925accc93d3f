//! The folder below which everything of a test lives, and what is left of it on this host.

use super::eventually;
use jail::cgroups::{Base, Layout, probe, retire, sweep};
use live::home::{mounts, processes};
use nix::{
    mount::{MntFlags, umount2},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::Mutex,
};

/// A test's folder. When it goes, it sees to it that nothing is left.
#[derive(Debug)]
pub(crate) struct Home {
    folder: Option<tempfile::TempDir>,
    path: PathBuf,
    /// Data directories of agents with containers.
    agents: Mutex<BTreeSet<PathBuf>>,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("bourse-live-").tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        for name in ["tmp", "data", "logs"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        Self { folder: Some(folder), path, agents: Mutex::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Has the cgroups of an agent with this data directory looked at in the end.
    pub(crate) fn watch_agent(&self, data_dir: &Path) {
        self.agents.lock().unwrap().insert(data_dir.to_owned());
    }

    /// Everything of this test that is still on this host, besides files.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let mut found: Vec<String> = processes(&self.path)
            .into_iter()
            .map(|(pid, command)| format!("process {pid}: {command}"))
            .collect();
        found.extend(mounts(&self.path).iter().map(|place| format!("mount {}", place.display())));
        for agent in self.data_dirs() {
            let cgroups = cgroups_of(&cgroup_parent(&agent));
            found.extend(cgroups.iter().map(|path| format!("cgroup {}", path.display())));
        }
        found
    }

    /// Nothing is left, or will be in a moment: the kernel ends processes and cgroups when it can.
    pub(crate) fn assert_clean(&self) {
        let mut left = Vec::new();
        let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
        eventually("a look at what is left", || {
            left = self.leftovers();
            (left.is_empty() || std::time::Instant::now() > patience).then_some(())
        });
        assert!(left.is_empty(), "left behind: {left:#?}");
    }

    /// Data directories of agents with containers: those that a test names, and those of exercises
    /// that were ended before they could remove anything.
    fn data_dirs(&self) -> BTreeSet<PathBuf> {
        let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
        let exercises = entries(&self.path.join("tmp")).map(|entry| entry.path());
        let folders = exercises.flat_map(|exercise| entries(&exercise));
        let is_agent = |entry: &fs::DirEntry| entry.file_name().as_bytes().starts_with(b"agent-");
        let mut found = self.agents.lock().unwrap().clone();
        found.extend(folders.filter(is_agent).map(|entry| entry.path()));
        found
    }

    fn destroy(&self) {
        while let pids @ [_, ..] = &processes(&self.path)[..] {
            for (pid, _) in pids {
                // It may have ended by itself.
                let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
            }
        }
        for place in mounts(&self.path) {
            // Whoever answered for it may have been killed.
            let _ = umount2(&place, MntFlags::MNT_DETACH);
        }
        for agent in self.data_dirs() {
            for layout in layouts() {
                let parent = cgroup_parent(&agent);
                // Only a second chance: what is left is reported below.
                let _ = sweep(&layout, &parent, &BTreeSet::new());
                let _ = retire(&layout, &parent);
            }
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.destroy();
        let left = self.leftovers();
        let removed = self.folder.take().map(tempfile::TempDir::close);
        if std::thread::panicking() {
            left.iter().for_each(|left| println!("left behind: {left}"));
        } else {
            assert!(left.is_empty(), "cannot be removed: {left:#?}");
            assert!(matches!(removed, Some(Ok(()))), "{removed:?}");
        }
    }
}

/// The name of an agent's cgroups: one for each data directory.
pub(crate) fn cgroup_parent(data_dir: &Path) -> String {
    format!("agent-{:08x}", crc32fast::hash(data_dir.as_os_str().as_bytes()))
}

fn layouts() -> Vec<Layout> {
    [Base::Root, Base::Own].into_iter().filter_map(|base| probe(base).ok()).collect()
}

/// Folders of an agent's cgroups, in all hierarchies.
pub(crate) fn cgroups_of(parent: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for layout in layouts() {
        let bases = layout.controllers.values().map(|hierarchy| &hierarchy.base);
        let folders = bases.chain(&layout.unified).map(|base| base.join("bourse").join(parent));
        found.extend(folders.filter(|folder| folder.is_dir()));
    }
    found
}

/// Processes of one task, by their environment: the command and what it has started.
pub(crate) fn processes_of_task(home: &Home, task: &str) -> Vec<i32> {
    let sandbox = format!("BOURSE_SANDBOX={}", home.path().display());
    let task = format!("BOURSE_TASK_ID={task}");
    let is_ours = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        variables.clone().any(|variable| variable == task.as_bytes())
            && variables.any(|variable| variable.starts_with(sandbox.as_bytes()))
    };
    pids().filter(is_ours).collect()
}

fn pids() -> impl Iterator<Item = i32> {
    let own = i32::try_from(std::process::id()).unwrap();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(move |pid| *pid != own)
}
