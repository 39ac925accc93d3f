//! The tree of sandboxes: made, found, listed. Names are ids, which are safe in paths by their
//! rule.

use agent_core::ContainerId;
use proto::model::{FrameworkId, TaskId, TaskKey};
use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

const ENDED: &str = "ended";

/// The sandboxes of one agent.
#[derive(Debug, Clone)]
pub(crate) struct SandboxTree {
    root: PathBuf,
    /// What has a runtime directory has not ended.
    run_dir: PathBuf,
}

/// One sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sandbox {
    pub(crate) path: PathBuf,
    marker: PathBuf,
    runtime: PathBuf,
}

impl SandboxTree {
    /// The tree below a data directory.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { root: data_dir.join("sandboxes"), run_dir: data_dir.join("run") }
    }

    /// Makes a container's sandbox.
    pub(crate) fn create(&self, key: &TaskKey, container: &ContainerId) -> io::Result<PathBuf> {
        let task = self.task_dir(key);
        // Others may pass through, to a sandbox of their own, and see nothing.
        fs::DirBuilder::new().recursive(true).mode(0o711).create(&task)?;
        let path = task.join(container.as_str());
        fs::DirBuilder::new().mode(0o750).create(&path)?;
        Ok(path)
    }

    /// The sandbox of a task's latest container, if any is left.
    pub(crate) fn latest(&self, key: &TaskKey) -> io::Result<Option<Sandbox>> {
        let mut latest = None;
        for sandbox in self.of_task(&self.task_dir(key))? {
            let made = fs::metadata(&sandbox.path).and_then(|m| m.created().or(m.modified()));
            let place = (!sandbox.has_ended(), made.ok());
            if latest.as_ref().is_none_or(|(best, _)| *best < place) {
                latest = Some((place, sandbox));
            }
        }
        Ok(latest.map(|(_, sandbox)| sandbox))
    }

    /// Every sandbox.
    pub(crate) fn all(&self) -> io::Result<Vec<Sandbox>> {
        let mut all = Vec::new();
        for framework in directories(&self.root)? {
            for task in directories(&framework)? {
                all.extend(self.of_task(&task)?);
            }
        }
        Ok(all)
    }

    fn of_task(&self, task: &Path) -> io::Result<Vec<Sandbox>> {
        let sandbox = |path: PathBuf| {
            let name = path.file_name()?.to_owned();
            let marker = path.with_added_extension(ENDED);
            Some(Sandbox { runtime: self.run_dir.join(name), marker, path })
        };
        Ok(directories(task)?.into_iter().filter_map(sandbox).collect())
    }

    fn task_dir(&self, TaskKey { framework, task }: &TaskKey) -> PathBuf {
        let (framework, task): (&FrameworkId, &TaskId) = (framework, task);
        self.root.join(framework.to_string()).join(task.as_str())
    }
}

impl Sandbox {
    /// Whether its container is gone.
    pub(crate) fn has_ended(&self) -> bool {
        !self.runtime.exists()
    }

    /// When it was first seen to have ended; marks it if this is the first time.
    pub(crate) fn ended_at(&self) -> io::Result<Option<SystemTime>> {
        if !self.has_ended() {
            return Ok(None);
        }
        match fs::metadata(&self.marker) {
            Ok(metadata) => metadata.modified().map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::File::create(&self.marker)?.metadata()?.modified().map(Some)
            }
            Err(error) => Err(error),
        }
    }

    /// Removes it, and the directories above that it leaves empty.
    pub(crate) fn remove(&self) -> io::Result<()> {
        fs::remove_dir_all(&self.path)?;
        fs::remove_file(&self.marker)?;
        // The task's directory, then the framework's; whichever is not empty stays.
        for above in self.path.ancestors().skip(1).take(2) {
            if fs::remove_dir(above).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// The directories in a directory; none if there is no such thing. Links are none.
fn directories(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
