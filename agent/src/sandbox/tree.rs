//! The tree of sandboxes: made, found, listed. Names are ids, which are safe in paths by their
//! rule.

use super::owner;
use crate::walk::delete_directory;
use agent_core::{ContainerId, TaskRow};
use edge::errors::chain;
use proto::model::{FrameworkId, OwnerId, TaskId, TaskKey};
use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

const ENDED: &str = "ended";
const OWNER: &str = "owner";

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
    owner: PathBuf,
    runtime: PathBuf,
}

impl SandboxTree {
    /// The tree below a data directory.
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { root: data_dir.join("sandboxes"), run_dir: data_dir.join("run") }
    }

    /// Makes a container's sandbox, and beside it, where the task does not write, says whose it is.
    pub(crate) fn create(
        &self,
        key: &TaskKey,
        container: &ContainerId,
        owner: Option<&OwnerId>,
    ) -> io::Result<PathBuf> {
        // Others may pass through, to a sandbox of their own, and see nothing.
        fs::DirBuilder::new().recursive(true).mode(0o711).create(self.task_dir(key))?;
        let sandbox = self.of_container(key, container);
        fs::DirBuilder::new().mode(0o750).create(&sandbox.path)?;
        owner.map_or(Ok(()), |owner| owner::write(&sandbox.owner, owner))?;
        Ok(sandbox.path)
    }

    /// Says again whose sandboxes these rows' are. A host that loses its power may lose what was
    /// said when they were made, which unlike the journal does not wait for the disk.
    pub(crate) fn restore_owners(&self, rows: &[TaskRow]) -> io::Result<()> {
        for row in rows {
            let (Some(owner), Some(container)) = (&row.owner, &row.container) else { continue };
            let sandbox = self.of_container(&row.key, container);
            if sandbox.path.is_dir() && sandbox.owner().as_ref() != Some(owner) {
                owner::write(&sandbox.owner, owner)?;
            }
        }
        Ok(())
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
        Ok(directories(task)?.into_iter().map(|path| self.at(path)).collect())
    }

    fn of_container(&self, key: &TaskKey, container: &ContainerId) -> Sandbox {
        self.at(self.task_dir(key).join(container.as_str()))
    }

    fn at(&self, path: PathBuf) -> Sandbox {
        let name = path.file_name().expect("a sandbox is named after its container");
        Sandbox {
            runtime: self.run_dir.join(name),
            marker: path.with_added_extension(ENDED),
            owner: path.with_added_extension(OWNER),
            path,
        }
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

    /// Who may read it besides operators.
    pub(crate) fn owner(&self) -> Option<OwnerId> {
        owner::read(&self.owner)
    }

    /// Removes it, and the directories above that it leaves empty.
    pub(crate) fn remove(&self) -> io::Result<()> {
        // First: without a sandbox nobody would come back for it.
        match fs::remove_file(&self.owner) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Not through what a task linked, or anybody mounted, there.
        delete_directory(&self.path).map_err(|error| io::Error::other(chain(&error)))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::TaskState;

    #[test]
    fn what_was_said_of_owners_is_said_again() {
        let place = tempfile::tempdir().unwrap();
        let tree = SandboxTree::new(place.path());
        let key = TaskKey { framework: FrameworkId(1), task: "t".parse().unwrap() };
        let owner: OwnerId = "nightly".parse().unwrap();
        let row = |container: &str, owner: Option<&OwnerId>| TaskRow {
            container: Some(ContainerId::new(container).unwrap()),
            owner: owner.cloned(),
            ..TaskRow::new(key.clone(), TaskState::Finished)
        };
        let made = ContainerId::new("made").unwrap();
        tree.create(&key, &made, Some(&owner)).unwrap();
        let sandbox = tree.latest(&key).unwrap().unwrap();
        fs::write(&sandbox.owner, "").unwrap();
        assert_eq!(sandbox.owner(), None, "lost with the power");
        let never_made = row("never-made", Some(&owner));
        tree.restore_owners(&[row("made", None), never_made.clone()]).unwrap();
        assert_eq!(sandbox.owner(), None, "the journal does not know either");
        tree.restore_owners(&[row("made", Some(&owner)), never_made]).unwrap();
        assert_eq!(sandbox.owner(), Some(owner));
        let beside = fs::read_dir(tree.task_dir(&key)).unwrap().count();
        assert_eq!(beside, 2, "nothing is said of a sandbox that is not there");
        sandbox.ended_at().unwrap();
        sandbox.remove().unwrap();
        assert!(!place.path().join("sandboxes/framework-1").exists(), "nothing is left of it");
    }
}
