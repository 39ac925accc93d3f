//! The disk under an agent's volumes: directories that outlive processes and boots, and who has
//! them open. It remembers what was ever made on it, since nothing may be made there twice.

use agent_core::{Agent, ContainerId, VolumeRow};
use proto::model::{GroupKey, TaskKey, VolumeKey};
use std::collections::{BTreeMap, BTreeSet};

/// Who a container runs for, and which volumes it sees.
#[derive(Debug)]
pub(crate) struct Use {
    pub(crate) task: TaskKey,
    pub(crate) group: Option<GroupKey>,
    pub(crate) volumes: BTreeSet<VolumeKey>,
}

/// One disk, with what the journal on it says of volumes.
#[derive(Debug, Default)]
pub(crate) struct VolumeDisk {
    pub(crate) rows: BTreeMap<VolumeKey, VolumeRow>,
    pub(crate) directories: BTreeSet<VolumeKey>,
    /// Volumes that the journal had as made.
    made: BTreeSet<VolumeKey>,
    uses: BTreeMap<ContainerId, Use>,
    /// What a boot did not find.
    unmounted: BTreeSet<VolumeKey>,
    /// What was deleted meanwhile, as far as the agent could see.
    nobodys: BTreeSet<VolumeKey>,
}

impl VolumeDisk {
    /// A directory is made, or is there.
    pub(crate) fn make(&mut self, key: VolumeKey) {
        let is_new = self.directories.insert(key);
        assert!(!is_new || !self.made.contains(&key), "V4: {key} was made before, and is anew");
    }

    /// The journal has this of a volume.
    pub(crate) fn write(&mut self, row: VolumeRow) {
        if row.has_data() {
            self.made.insert(row.key);
        }
        self.rows.insert(row.key, row);
    }

    /// The journal has nothing of a volume any more: nor has the disk.
    pub(crate) fn forget(&mut self, key: VolumeKey) {
        assert!(!self.directories.contains(&key), "V5: {key} is forgotten, and its data are there");
        self.rows.remove(&key);
    }

    /// What a directory that is deleted needs: a row that says so, and nobody who has it open.
    pub(crate) fn delete(&mut self, key: VolumeKey, runs: impl Fn(&ContainerId) -> bool) {
        let row = self.rows.get(&key).expect("V5: only what the journal knows is deleted");
        assert_eq!(row.stage, agent_core::VolumeStage::Destroying, "V5: and is to be");
        let user = self.uses_of(key, runs).next().map(|of| &of.task);
        assert_eq!(user, None, "V6: {key} is deleted under the hands of a task");
        self.directories.remove(&key);
        if self.unmounted.contains(&key) {
            self.nobodys.insert(key);
        }
    }

    /// A boot does not find what is there.
    pub(crate) fn unmount(&mut self) {
        self.unmounted.append(&mut self.directories);
    }

    /// A boot finds again what an earlier one did not; whether that is anything.
    pub(crate) fn mount(&mut self) -> bool {
        let is_any = !self.unmounted.is_empty();
        self.directories.append(&mut self.unmounted);
        is_any
    }

    /// Directories that a row stands for, or should.
    pub(crate) fn owned(&self) -> impl Iterator<Item = &VolumeKey> {
        self.directories.difference(&self.nobodys)
    }

    /// An agent that starts knows what its journal has, and what of it is not there.
    pub(crate) fn is_known_to(&self, agent: &Agent) {
        for (key, row) in &self.rows {
            let known = agent.volume(key);
            assert_eq!(known, Some(row), "V4: {key} is in the journal of an agent that starts");
            let is_missing = row.has_data() && !self.directories.contains(key);
            assert_eq!(agent.is_volume_missing(key), is_missing, "V4: {key} is missing, or is not");
        }
    }

    /// A container begins; whether its volumes are there.
    pub(crate) fn open(
        &mut self,
        container: &ContainerId,
        new: Use,
        runs: impl Fn(&ContainerId) -> bool,
    ) -> bool {
        let is_there = new.volumes.is_subset(&self.directories);
        for key in &new.volumes {
            let row = self.rows.get(key).expect("V7: what is launched finds its volumes' rows");
            let mut others = self.uses_of(*key, &runs).filter(|of| of.task != new.task);
            let stranger = others.find(|of| of.group.is_none() || of.group != new.group);
            let task = &new.task;
            assert!(row.shared || stranger.is_none(), "V8: {task} meets {stranger:?} in {key}");
        }
        if !new.volumes.is_empty() {
            self.uses.insert(container.clone(), new);
        }
        is_there
    }

    pub(crate) fn close(&mut self, container: &ContainerId) {
        self.uses.remove(container);
    }

    /// The journal's part of it is lost with everything else.
    pub(crate) fn replace(&mut self) {
        *self = Self::default();
    }

    fn uses_of(
        &self,
        key: VolumeKey,
        runs: impl Fn(&ContainerId) -> bool,
    ) -> impl Iterator<Item = &Use> {
        let running = self.uses.iter().filter(move |(container, _)| runs(container));
        running.map(|(_, of)| of).filter(move |of| of.volumes.contains(&key))
    }
}
