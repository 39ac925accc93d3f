//! The rows of volumes: disk of an agent, out of one reservation, whose data outlive tasks.
//!
//! What volumes take of a reservation is counted beside what tasks take of it: none of it is a
//! task's, and none of it is given up with one. A volume that changes its size takes the larger of
//! both until its agent has answered.
//!
//! A row is there until its agent has confirmed that the data are deleted, or is gone itself.

use super::{Event, Index, Ledger, Reservation, Table, Task};
use proto::model::{
    AgentId, Milli, OfferedVolume, Reason, Refusal, ResourceName, Resources, Role, TaskInfo,
    TaskKey, VolumeId, VolumeInfo, VolumeName, VolumeRef, VolumeState, resources::Value,
};
use std::collections::{BTreeMap, BTreeSet};

/// The volumes of one agent by what names them there.
pub(super) type Names = BTreeMap<(Role, VolumeName), VolumeId>;

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// As others see it.
    pub info: VolumeInfo,
    /// What it held before the change of its size that is under way, MiB of `disk`.
    pub resize_from: Option<Milli>,
}

impl Volume {
    /// What names it on its agent.
    pub(super) fn name(&self) -> (Role, VolumeName) {
        (self.info.role.clone(), self.info.name.clone())
    }
}

impl Reservation {
    /// What its tasks and its volumes take; `None` when that cannot be counted.
    pub(super) fn taken(&self) -> Option<Resources> {
        match self.volumes {
            Milli(0) => Some(self.used.clone()),
            disk => self.used.checked_add(&of_disk(disk)).ok(),
        }
    }

    /// What its tasks and its volumes take of what it holds.
    pub(crate) fn taken_of(&self) -> Resources {
        self.taken().expect("A1: used ≤ reserved")
    }

    /// Who takes of it, for refusals.
    pub(super) fn users(&self) -> &'static str {
        if self.volumes > Milli(0) { "tasks and volumes" } else { "tasks" }
    }

    /// Whether a task or a volume takes of it.
    pub(super) fn is_used(&self) -> bool {
        !self.used.is_empty() || self.volumes > Milli(0)
    }

    /// Whether it holds what its tasks and its volumes take.
    pub(super) fn holds_all(&self) -> bool {
        self.taken().is_some_and(|taken| self.resources.contains(&taken))
    }
}

impl Ledger {
    /// One volume.
    pub fn volume(&self, id: VolumeId) -> Option<&Volume> {
        self.volumes.get(&id)
    }

    /// Every volume, by id.
    pub fn volumes(&self) -> &Table<VolumeId, Volume> {
        &self.volumes
    }

    /// An agent's volumes, by role and name.
    pub fn volumes_of_agent(&self, id: &AgentId) -> impl Iterator<Item = &Volume> {
        let names = self.index.agent_volumes.get(id).into_iter().flatten();
        names.map(|(_, id)| self.volumes.get(id).expect("an indexed volume has a row"))
    }

    /// Live tasks that use a volume.
    pub fn users_of_volume(&self, id: VolumeId) -> impl Iterator<Item = &TaskKey> {
        self.index.volume_tasks.get(&id).into_iter().flatten()
    }

    /// The volumes of an agent that tasks in a role may use and that are free to be used, by role
    /// and name.
    pub fn usable_volumes(&self, agent: &AgentId, role: &Role) -> Vec<OfferedVolume> {
        let rows = self.volumes_of_agent(agent).map(|row| &row.info);
        let usable = rows.filter(|info| {
            let is_free = info.shared || info.task_count == 0;
            is_free && info.state.is_usable() && role.is_within(&info.role)
        });
        let offered = usable.map(|info| OfferedVolume {
            id: info.id,
            name: info.name.clone(),
            role: info.role.clone(),
            size: info.size,
            shared: info.shared,
        });
        offered.collect()
    }

    /// Puts a volume's row, new or not, and says so, unless nothing but its use has changed: who
    /// launches knows.
    pub(super) fn put_volume(&mut self, row: Volume, events: &mut Vec<Event>) {
        let before = self.volumes.get(&row.info.id);
        let is_new = before.is_none();
        let is_news = before.is_none_or(|before| {
            let task_count = row.info.task_count;
            let before = VolumeInfo { task_count, ..before.info.clone() };
            before != row.info
        });
        if is_new {
            self.index.note_volume(&row);
        }
        if is_news {
            events.push(Event::VolumeChanged(Box::new(row.info.clone())));
        }
        self.volumes.insert(row.info.id, row);
    }

    /// Takes a volume's row out, and gives its disk back to its reservation.
    pub(super) fn drop_volume(&mut self, id: VolumeId, events: &mut Vec<Event>) {
        let row = self.volumes.remove(&id).expect("a known volume");
        self.index.forget_volume(&row);
        let info = row.info.clone();
        self.free_disk(&info, info.size);
        let info = VolumeInfo { state: VolumeState::Gone, resizing_to: None, ..info };
        events.push(Event::VolumeChanged(Box::new(info)));
    }

    /// A volume gives so much back to its reservation.
    pub(super) fn free_disk(&mut self, info: &VolumeInfo, size: Milli) {
        let row = self.reservations.get_mut(&info.reservation);
        let row = row.expect("V1: a volume's reservation is there");
        assert!(row.volumes >= size, "V1: a reservation's sum holds all of its volumes");
        row.volumes.0 -= size.0;
    }

    /// An agent is gone, and the data with it.
    pub(super) fn drop_volumes(&mut self, agent: &AgentId, events: &mut Vec<Event>) {
        let ids: Vec<_> = self.volumes_of_agent(agent).map(|row| row.info.id).collect();
        for id in ids {
            self.drop_volume(id, events);
        }
    }
}

impl Index {
    /// A live task uses its volumes.
    pub(super) fn note_mounts(&mut self, task: &Task) {
        for id in volumes_of(&task.info) {
            match self.volume_tasks.get_mut(&id) {
                Some(keys) => drop(keys.insert(task.key.clone())),
                None => drop(self.volume_tasks.insert(id, BTreeSet::from([task.key.clone()]))),
            }
        }
    }

    /// It has ended.
    pub(super) fn forget_mounts(&mut self, task: &Task) {
        for id in volumes_of(&task.info) {
            let keys = self.volume_tasks.get_mut(&id).expect("index: a volume's user is indexed");
            assert!(keys.remove(&task.key), "index: a volume's user is indexed once");
            if keys.is_empty() {
                self.volume_tasks.remove(&id);
            }
        }
    }

    /// A volume is of an agent; what had its place before, if another did.
    pub(super) fn note_volume(&mut self, row: &Volume) -> Option<VolumeId> {
        let (agent, id) = (&row.info.agent, row.info.id);
        match self.agent_volumes.get_mut(agent) {
            Some(names) => names.insert(row.name(), id),
            None => {
                self.agent_volumes.insert(agent.clone(), Names::from([(row.name(), id)]));
                None
            }
        }
    }

    fn forget_volume(&mut self, row: &Volume) {
        let agent = &row.info.agent;
        let names = self.agent_volumes.get_mut(agent).expect("a volume is indexed");
        names.remove(&row.name());
        if names.is_empty() {
            self.agent_volumes.remove(agent);
        }
    }
}

/// The volumes that a launched task uses.
pub(super) fn volumes_of(info: &TaskInfo) -> impl Iterator<Item = VolumeId> {
    info.volumes.iter().map(|mount| match mount.volume {
        VolumeRef::Known(id) => id,
        VolumeRef::Made(_) => panic!("V3: a launched task names its volumes by id"),
    })
}

/// A task has ended: its volumes are used by one less.
pub(super) fn free_volumes(volumes: &mut Table<VolumeId, Volume>, info: &TaskInfo) {
    for id in volumes_of(info) {
        let row = volumes.get_mut(&id).expect("V3: what is used has a row");
        assert!(row.info.task_count > 0, "V3: each user of a volume is counted");
        row.info.task_count -= 1;
    }
}

/// So much of `disk` and nothing else.
pub(crate) fn of_disk(size: Milli) -> Resources {
    let entry = (ResourceName::DISK, Value::Scalar(size));
    Resources::from_entries([entry]).expect("a volume's size is an amount")
}

pub(super) fn volume_unknown(reference: VolumeRef) -> Refusal {
    Refusal::new(Reason::VolumeUnknown, format!("there is no {reference}"))
}
