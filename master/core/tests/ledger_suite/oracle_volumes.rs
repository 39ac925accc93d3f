//! The oracle's volumes: each row as others see it, and the size that it had before a change. What
//! they take is summed up each time.

use crate::oracle::{No, Oracle, no};
use crate::oracle_reservations::{By, ReservationModel};
use crate::oracle_roles::within;
use master_core::ledger::{AgentState, Applied, Event, Ledger, VolumeChange};
use proto::model::{
    AgentId, Milli, Operation, OperationResult, Reason, ResourceName, Resources, VolumeId,
    VolumeInfo, VolumeKey, VolumePlan, VolumeRef, VolumeReport, VolumeResize, VolumeState,
};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VolumeModel {
    pub(crate) info: VolumeInfo,
    pub(crate) from: Option<Milli>,
}

/// In thousandths of a MiB.
pub(crate) fn disk_of(resources: &Resources) -> i64 {
    resources.scalar(&ResourceName::DISK).0
}

impl Oracle {
    /// What the volumes of a reservation take.
    pub(crate) fn disk_of_volumes(&self, reservation: u64) -> i64 {
        let its = self.volumes.iter().filter(|row| row.info.reservation.0 == reservation);
        its.map(|row| row.info.size.0).sum()
    }

    pub(crate) fn free_disk_of(&self, row: &ReservationModel) -> i64 {
        row.disk - self.disk_of_volumes(row.id)
    }

    pub(crate) fn volume_at(
        &self,
        reference: VolumeRef,
        before: &[OperationResult],
    ) -> Result<usize, No> {
        let id = match reference {
            VolumeRef::Known(id) => Some(id),
            VolumeRef::Made(operation) => match before.get(operation as usize) {
                Some(OperationResult::VolumeCreating(id)) => Some(*id),
                _ => None,
            },
        };
        let at = self.volumes.iter().position(|row| Some(row.info.id) == id);
        at.map_or_else(|| no(Reason::VolumeUnknown, "volume"), Ok)
    }

    fn judge_contact(&self, agent: &AgentId, field: &str) -> Result<(), No> {
        let at = self.agent_at(agent).expect("what is reserved is of an agent");
        match self.agents[at].state {
            AgentState::Registered => Ok(()),
            AgentState::Unreachable => no(Reason::AgentUnreachable, field),
            AgentState::Removed => panic!("nothing is reserved of what is removed"),
        }
    }

    fn create_volume(
        &mut self,
        (by, owner): (By<'_>, &str),
        plan: &VolumePlan,
        before: &[OperationResult],
    ) -> Result<VolumeId, No> {
        let Some(at) = self.named(plan.reservation, before) else {
            return no(Reason::ReservationUnknown, "reservation");
        };
        let of = self.reservations[at].clone();
        if by.is_some_and(|(_, own)| !within(own, &of.role)) {
            return no(Reason::NotAuthorized, "reservation");
        }
        self.judge_contact(&of.agent, "reservation")?;
        let same = |info: &VolumeInfo| {
            (&info.agent, &info.role, &info.name) == (&of.agent, &of.role, &plan.name)
        };
        if self.volumes.iter().any(|row| same(&row.info)) {
            return no(Reason::VolumeExists, "name");
        }
        if plan.size.0 > self.free_disk_of(&of) {
            return no(Reason::ResourcesTaken, "size");
        }
        self.volumes_made += 1;
        let id = VolumeId(self.volumes_made);
        let info = VolumeInfo {
            id,
            agent: of.agent,
            reservation: proto::model::ReservationId(of.id),
            role: of.role,
            owner: owner.to_owned(),
            name: plan.name.clone(),
            size: plan.size,
            shared: plan.shared,
            labels: plan.labels.clone(),
            state: VolumeState::Creating,
            resizing_to: None,
            message: String::new(),
            version: 1,
            incarnation: 0,
            task_count: 0,
        };
        self.volumes.push(VolumeModel { info, from: None });
        Ok(id)
    }

    fn owned_volume(
        &self,
        by: By<'_>,
        volume: VolumeRef,
        before: &[OperationResult],
    ) -> Result<usize, No> {
        let at = self.volume_at(volume, before)?;
        match by {
            Some((owner, _)) if self.volumes[at].info.owner != owner => {
                no(Reason::NotAuthorized, "volume")
            }
            _ => Ok(at),
        }
    }

    fn resize_volume(
        &mut self,
        (by, grows): (By<'_>, bool),
        resize: &VolumeResize,
        before: &[OperationResult],
    ) -> Result<(), No> {
        use VolumeState::{Active, Creating, Destroying, Failed, Gone, Lost, Resizing};
        let at = self.owned_volume(by, resize.volume, before)?;
        let info = self.volumes[at].info.clone();
        match info.state {
            Resizing if info.resizing_to == Some(resize.size) => return Ok(()),
            Active if info.size == resize.size => return Ok(()),
            Active => {}
            Creating | Resizing => return no(Reason::VolumeChanging, "volume"),
            Destroying => return no(Reason::VolumeDestroying, "volume"),
            Failed | Lost | Gone => return no(Reason::VolumeBroken, "volume"),
        }
        if grows != (resize.size > info.size) {
            return no(Reason::InvalidField, "size");
        }
        self.judge_contact(&info.agent, "volume")?;
        let of = self.reservations.iter().find(|row| row.id == info.reservation.0);
        let of = of.expect("a volume's reservation");
        if grows && by.is_some_and(|(_, own)| !within(own, &of.role)) {
            return no(Reason::NotAuthorized, "reservation");
        }
        if grows && resize.size.0 - info.size.0 > self.free_disk_of(of) {
            return no(Reason::ResourcesTaken, "size");
        }
        let row = &mut self.volumes[at];
        row.from = Some(info.size);
        row.info.size = info.size.max(resize.size);
        row.info.resizing_to = Some(resize.size);
        row.info.state = Resizing;
        row.info.message.clear();
        row.info.version += 1;
        Ok(())
    }

    fn destroy_volume(
        &mut self,
        by: By<'_>,
        volume: VolumeRef,
        before: &[OperationResult],
    ) -> Result<(), No> {
        let at = self.owned_volume(by, volume, before)?;
        match self.volumes[at].info.state {
            VolumeState::Destroying => return no(Reason::VolumeDestroying, "volume"),
            VolumeState::Resizing => return no(Reason::VolumeChanging, "volume"),
            _ if self.is_used(self.volumes[at].info.id) => {
                return no(Reason::VolumeInUse, "volume");
            }
            _ => {}
        }
        let info = &mut self.volumes[at].info;
        info.state = VolumeState::Destroying;
        info.message.clear();
        info.version += 1;
        Ok(())
    }

    /// What a framework does with volumes.
    pub(crate) fn operate_volume(
        &mut self,
        (by, owner): (By<'_>, &str),
        operation: &Operation,
        before: &[OperationResult],
    ) -> Result<OperationResult, No> {
        let done = |()| OperationResult::Done;
        match operation {
            Operation::CreateVolume(plan) => {
                self.create_volume((by, owner), plan, before).map(OperationResult::VolumeCreating)
            }
            Operation::GrowVolume(resize) => {
                self.resize_volume((by, true), resize, before).map(done)
            }
            Operation::ShrinkVolume(resize) => {
                self.resize_volume((by, false), resize, before).map(done)
            }
            Operation::DestroyVolume(volume) => self.destroy_volume(by, *volume, before).map(done),
            other => panic!("{other:?} is not about volumes"),
        }
    }

    /// What an operator does with them.
    pub(crate) fn change_volumes(&mut self, change: &VolumeChange) -> Result<Applied, No> {
        let before = self.volumes.clone();
        let done = |()| Applied::Done;
        let asked = match change {
            VolumeChange::Create { plan, owner } => {
                let made = self.create_volume((None, owner), plan, &[]);
                let made = made.map_err(|(reason, field)| (reason, format!("plan.{field}")));
                made.map(Applied::VolumeCreating)
            }
            VolumeChange::Grow(resize) => self.resize_volume((None, true), resize, &[]).map(done),
            VolumeChange::Shrink(resize) => {
                self.resize_volume((None, false), resize, &[]).map(done)
            }
            VolumeChange::Destroy(volume) => self.destroy_volume(None, *volume, &[]).map(done),
        };
        let asked = asked.map_err(|(reason, field)| match field.as_str() {
            "volume" => (reason, "volume_id".to_owned()),
            _ => (reason, field),
        })?;
        self.note_volumes(&before);
        Ok(asked)
    }

    /// What an agent says of one of its volumes.
    pub(crate) fn record_volume(
        &mut self,
        (agent, incarnation): (&AgentId, u64),
        report: &VolumeReport,
    ) -> Result<Applied, No> {
        use VolumeState::{Active, Creating, Destroying, Failed, Resizing};
        self.journal_at(agent, incarnation)?;
        let before = self.volumes.clone();
        let meant = |info: &VolumeInfo| {
            info.agent == *agent && info.key() == report.key && info.version == report.version
        };
        let Some(at) = self.volumes.iter().position(|row| meant(&row.info)) else {
            return Ok(Applied::Done);
        };
        let row = &mut self.volumes[at];
        match (row.info.state, report.failed.clone()) {
            (Destroying, None) => drop(self.volumes.remove(at)),
            (Destroying, Some(why)) => row.info.message = why,
            (Creating, None) => row.info.state = Active,
            (Creating, Some(why)) => (row.info.state, row.info.message) = (Failed, why),
            (Resizing, failed) => {
                let (from, to) = (row.from.take(), row.info.resizing_to.take());
                let size = if failed.is_some() { from } else { to };
                row.info.size = size.expect("it had one and is to have one");
                (row.info.state, row.info.message) = (Active, failed.unwrap_or_default());
            }
            _ => {}
        }
        self.note_volumes(&before);
        Ok(Applied::Done)
    }

    /// Volumes of which an agent that registers has the data, and those of which it has not.
    pub(crate) fn find_volumes(&mut self, agent: &AgentId, found: &[VolumeKey], same: bool) {
        use VolumeState::{Active, Creating, Lost, Resizing};
        let before = self.volumes.clone();
        for row in self.volumes.iter_mut().filter(|row| row.info.agent == *agent) {
            let is_there = found.contains(&row.info.key());
            row.info.state = match (row.info.state, is_there) {
                (Active | Resizing, false) => Lost,
                (Creating, false) if !same => Lost,
                (Lost, true) => Active,
                (state, _) => state,
            };
            // Nobody waits for the answer any longer.
            if row.info.state == Lost && row.from.is_some() {
                (row.from, row.info.resizing_to) = (None, None);
                row.info.version += 1;
            }
        }
        self.note_volumes(&before);
    }

    /// An agent is gone, and its volumes with it.
    pub(crate) fn forget_volumes(&mut self, agent: &AgentId) {
        let before = self.volumes.clone();
        self.volumes.retain(|row| row.info.agent != *agent);
        self.note_volumes(&before);
    }

    /// Facts of a transaction: whatever is another than it was.
    pub(crate) fn note_volumes(&mut self, before: &[VolumeModel]) {
        let find = |list: &[VolumeModel], id| list.iter().find(|row| row.info.id == id).cloned();
        let mut facts = Vec::new();
        for row in &self.volumes {
            if find(before, row.info.id).as_ref() != Some(row) {
                facts.push(row.info.clone());
            }
        }
        for row in before {
            if find(&self.volumes, row.info.id).is_none() {
                let state = VolumeState::Gone;
                facts.push(VolumeInfo { state, resizing_to: None, ..row.info.clone() });
            }
        }
        for mut info in facts {
            info.task_count = self.users_of(info.id).count() as u64;
            self.events.push(Event::VolumeChanged(Box::new(info)));
        }
    }

    pub(crate) fn compare_volumes(&self, ledger: &Ledger) {
        assert_eq!(ledger.volumes().len(), self.volumes.len());
        for model in &self.volumes {
            let row = ledger.volume(model.info.id).expect("a volume");
            let users: Vec<_> = self.users_of(model.info.id).map(|task| &task.key).collect();
            let info = VolumeInfo { task_count: users.len() as u64, ..model.info.clone() };
            assert_eq!((&row.info, row.resize_from), (&info, model.from));
            let kept = ledger.users_of_volume(model.info.id).collect::<BTreeSet<_>>();
            assert_eq!(kept, users.into_iter().collect());
        }
    }
}
