//! Volumes are made, get other sizes and are destroyed: by operations of frameworks, by operators,
//! and by what the agent says that it has done.
//!
//! ```text
//!  operation ──▶ row changes, version + 1 ──order──▶ agent ──report of that version──▶ row changes
//! ```
//!
//! Whatever is ordered holds the larger of what the volume had and is to have. A report of another
//! version than the last is of something that was overtaken, and is of no interest; so is one of a
//! volume of another incarnation of the cluster: it may have the same number, and is another.

use super::{
    AgentState, Applied, Event, Ledger, Reservation, Stamp, Volume, VolumeChange,
    agents::{agent_removed, agent_unknown},
    apply_reservation::By,
    draft::Draft,
    volumes::volume_unknown,
};
use proto::{
    model::{
        AgentId, Milli, OperationResult, Reason, Refusal, VolumeId, VolumeInfo, VolumeKey,
        VolumePlan, VolumeRef, VolumeReport, VolumeResize, VolumeState, limits,
    },
    planted::{self, Bug},
};

/// Which way a size is to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Grow,
    Shrink,
}

impl Ledger {
    /// An operator says something about volumes.
    pub(super) fn change_volumes(
        &mut self,
        now: Stamp,
        change: &VolumeChange,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let mut draft = Draft::default();
        let by = By::Operator(match change {
            VolumeChange::Create { owner, .. } => owner,
            VolumeChange::Grow(_) | VolumeChange::Shrink(_) | VolumeChange::Destroy(_) => "",
        });
        let named = |refusal: Refusal| match refusal.field.as_str() {
            "volume" => refusal.at("volume_id"),
            _ => refusal,
        };
        let applied = match change {
            VolumeChange::Create { plan, .. } => {
                let made = self.draft_create_volume(by, plan, &[], &mut draft);
                Applied::VolumeCreating(made.map_err(|refusal| refusal.under("plan"))?)
            }
            VolumeChange::Grow(resize) => {
                let done = self.draft_resize_volume((by, Way::Grow), resize, &[], &mut draft);
                done.map(|()| Applied::Done).map_err(named)?
            }
            VolumeChange::Shrink(resize) => {
                let done = self.draft_resize_volume((by, Way::Shrink), resize, &[], &mut draft);
                done.map(|()| Applied::Done).map_err(named)?
            }
            VolumeChange::Destroy(volume) => {
                let done = self.draft_destroy_volume(by, *volume, &[], &mut draft);
                done.map(|()| Applied::Done).map_err(named)?
            }
        };
        self.write_back(now, None, draft, events);
        Ok(applied)
    }

    /// Makes a volume in the draft.
    pub(super) fn draft_create_volume(
        &self,
        by: By<'_>,
        plan: &VolumePlan,
        before: &[OperationResult],
        draft: &mut Draft<'_>,
    ) -> Result<VolumeId, Refusal> {
        let row = self.named(plan.reservation, before, draft)?;
        by.check_use(&row)?;
        self.check_in_contact(&row.agent).map_err(|refusal| refusal.at("reservation"))?;
        self.check_volume_count(&row.agent, draft)?;
        let name = (row.role.clone(), plan.name.clone());
        let names = self.index.agent_volumes.get(&row.agent);
        let taken = names.and_then(|names| names.get(&name).copied()).or_else(|| {
            let mut drafted = draft.volumes.values().filter(|other| other.info.agent == row.agent);
            drafted.find(|other| other.name() == name).map(|other| other.info.id)
        });
        if let Some(other) = taken {
            let message = format!("{other} of {} is named {} already", row.role, plan.name);
            return Err(Refusal::new(Reason::VolumeExists, message).at("name"));
        }
        let id = VolumeId(self.next_volume + draft.volumes_made);
        let info = VolumeInfo {
            id,
            agent: row.agent.clone(),
            reservation: row.id,
            role: row.role.clone(),
            owner: by.owner().to_owned(),
            name: plan.name.clone(),
            size: plan.size,
            shared: plan.shared,
            labels: plan.labels.clone(),
            state: VolumeState::Creating,
            resizing_to: None,
            message: String::new(),
            version: 1,
            incarnation: self.members.incarnation,
            task_count: 0,
        };
        let row = take_disk(row, plan.size)?;
        draft.reservations.insert(row.id, Some(row));
        draft.volumes.insert(id, Volume { info, resize_from: None });
        draft.volumes_made += 1;
        Ok(id)
    }

    /// Gives a volume another size in the draft. One that it has already, or is about to get, is
    /// nothing new.
    pub(super) fn draft_resize_volume(
        &self,
        (by, way): (By<'_>, Way),
        resize: &VolumeResize,
        before: &[OperationResult],
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let mut row = self.named_volume(resize.volume, before, draft)?;
        by.check_owner_of_volume(&row.info)?;
        let (has, wanted) = (row.info.resizing_to.unwrap_or(row.info.size), resize.size);
        let (id, state) = (row.info.id, row.info.state);
        match state {
            VolumeState::Active | VolumeState::Resizing if has == wanted => return Ok(()),
            VolumeState::Active => {}
            VolumeState::Creating | VolumeState::Resizing => {
                return Err(volume_changing(&row.info).at("volume"));
            }
            VolumeState::Destroying => return Err(destroying(id)),
            VolumeState::Failed | VolumeState::Lost | VolumeState::Gone => {
                let message = format!("{id} is {state}, and can only be destroyed");
                return Err(Refusal::new(Reason::VolumeBroken, message).at("volume"));
            }
        }
        if (way == Way::Grow) != (wanted > has) {
            let size = proto::model::resources::Value::Scalar(has);
            let problem = match way {
                Way::Grow => format!("is smaller than it is, {size}; shrink it"),
                Way::Shrink => format!("is larger than it is, {size}; grow it"),
            };
            return Err(Refusal::invalid("size", problem));
        }
        self.check_in_contact(&row.info.agent).map_err(|refusal| refusal.at("volume"))?;
        if way == Way::Grow {
            let reservation = self.drafted(draft, row.info.reservation);
            let reservation = reservation.expect("V1: a volume's reservation is there").clone();
            by.check_use(&reservation)?;
            let reservation = take_disk(reservation, Milli(wanted.0 - has.0))?;
            draft.reservations.insert(reservation.id, Some(reservation));
        }
        row.resize_from = Some(has);
        row.info.size = has.max(wanted);
        row.info.resizing_to = Some(wanted);
        row.info.state = VolumeState::Resizing;
        row.info.message = String::new();
        row.info.version += 1;
        draft.volumes.insert(id, row);
        Ok(())
    }

    /// Destroys a volume in the draft: from now on nobody may use it, its disk is free when the
    /// agent has confirmed.
    pub(super) fn draft_destroy_volume(
        &self,
        by: By<'_>,
        volume: VolumeRef,
        before: &[OperationResult],
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let mut row = self.named_volume(volume, before, draft)?;
        by.check_owner_of_volume(&row.info)?;
        let (id, info) = (row.info.id, &mut row.info);
        match info.state {
            VolumeState::Destroying => return Err(destroying(id)),
            VolumeState::Resizing => {
                let message = format!("{id} is resizing; an event says when that is over");
                return Err(Refusal::new(Reason::VolumeChanging, message).at("volume"));
            }
            _ if info.task_count > 0 && !planted::is(Bug::VolumeDestroyedInUse) => {
                let message = match info.task_count {
                    1 => format!("task {} uses {id}", self.user_of_volume(id, draft)),
                    count => format!("{count} tasks use {id}"),
                };
                return Err(Refusal::new(Reason::VolumeInUse, message).at("volume"));
            }
            _ => {}
        }
        info.state = VolumeState::Destroying;
        info.message = String::new();
        info.version += 1;
        draft.volumes.insert(id, row);
        Ok(())
    }

    /// An agent says what became of what was ordered of it about a volume.
    pub(super) fn record_volume(
        &mut self,
        agent: &AgentId,
        incarnation: u64,
        report: &VolumeReport,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        self.agent_of_journal(agent, incarnation)?;
        let Some(row) = self.volumes.get(&report.key.id) else { return Ok(Applied::Done) };
        let meant = (&row.info.agent, row.info.incarnation, row.info.version)
            == (agent, report.key.incarnation, report.version);
        if !meant {
            return Ok(Applied::Done);
        }
        let mut row = row.clone();
        let info = &mut row.info;
        match (info.state, &report.failed) {
            (VolumeState::Creating, None) => info.state = VolumeState::Active,
            (VolumeState::Creating, Some(_)) => info.state = VolumeState::Failed,
            (VolumeState::Resizing, failed) => {
                let to = info.resizing_to.take().expect("V2: what is resizing has a size to come");
                let from = row.resize_from.take().expect("V2: what is resizing had a size");
                let settled = if failed.is_none() { to } else { from };
                let given_up = Milli(info.size.0 - settled.0);
                info.size = settled;
                info.state = VolumeState::Active;
                self.free_disk(info, given_up);
            }
            (VolumeState::Destroying, None) => {
                self.drop_volume(report.key.id, events);
                return Ok(Applied::Done);
            }
            // It tries again: what was ordered stays ordered.
            (VolumeState::Destroying, Some(_)) => {}
            // Was reported before.
            _ => return Ok(Applied::Done),
        }
        info.message = report.failed.clone().unwrap_or_default();
        self.put_volume(row, events);
        Ok(Applied::Done)
    }

    /// An agent registers, and says whose data it has. What is being made is ordered again of the
    /// journal that it was ordered of: another one cannot know whether it was made, and written to,
    /// before. What is back is as it was.
    pub(super) fn find_volumes(
        &mut self,
        agent: &AgentId,
        found: &[VolumeKey],
        same_journal: bool,
        events: &mut Vec<Event>,
    ) {
        let changed = |row: &&Volume| {
            let is_there = found.contains(&row.info.key());
            match row.info.state {
                VolumeState::Creating => !same_journal && !is_there,
                VolumeState::Active | VolumeState::Resizing => !is_there,
                VolumeState::Lost => is_there,
                _ => false,
            }
        };
        let rows: Vec<Volume> = self.volumes_of_agent(agent).filter(changed).cloned().collect();
        for mut row in rows {
            let info = &mut row.info;
            info.state = match info.state {
                VolumeState::Lost => VolumeState::Active,
                _ => VolumeState::Lost,
            };
            // A change of its size is over, at the larger of both: what is lost is not measured.
            if row.resize_from.take().is_some() {
                info.resizing_to = None;
                info.version += 1;
            }
            self.put_volume(row, events);
        }
    }

    pub(super) fn named_volume(
        &self,
        reference: VolumeRef,
        before: &[OperationResult],
        draft: &Draft<'_>,
    ) -> Result<Volume, Refusal> {
        let id = match reference {
            VolumeRef::Known(id) => Some(id),
            VolumeRef::Made(operation) => {
                let place = usize::try_from(operation).ok();
                match place.and_then(|place| before.get(place)) {
                    Some(OperationResult::VolumeCreating(id)) => Some(*id),
                    _ => None,
                }
            }
        };
        let row = id.and_then(|id| draft.volumes.get(&id).or_else(|| self.volumes.get(&id)));
        row.cloned().ok_or_else(|| volume_unknown(reference).at("volume"))
    }

    fn check_volume_count(&self, agent: &AgentId, draft: &Draft<'_>) -> Result<(), Refusal> {
        let all = self.volumes.len() + draft.volumes.len();
        if all >= limits::VOLUMES_MAX {
            return Err(Refusal::limit("volumes", all + 1, limits::VOLUMES_MAX));
        }
        let is_new = |row: &&Volume| row.info.agent == *agent && row.info.id.0 >= self.next_volume;
        let here = self.index.agent_volumes.get(agent).map_or(0, super::volumes::Names::len)
            + draft.volumes.values().filter(is_new).count();
        match here >= limits::VOLUMES_PER_AGENT_MAX {
            true => Err(Refusal::limit("reservation", here + 1, limits::VOLUMES_PER_AGENT_MAX)),
            false => Ok(()),
        }
    }

    fn check_in_contact(&self, id: &AgentId) -> Result<(), Refusal> {
        let agent = self.agents.get(id).ok_or_else(|| agent_unknown(id))?;
        match agent.state {
            AgentState::Registered => Ok(()),
            AgentState::Unreachable => {
                let message = format!("agent {id} is out of contact");
                Err(Refusal::new(Reason::AgentUnreachable, message))
            }
            AgentState::Removed => Err(agent_removed(id)),
        }
    }
}

/// The reservation, with so much more of its disk in volumes.
fn take_disk(mut row: Reservation, size: Milli) -> Result<Reservation, Refusal> {
    row.volumes.0 += size.0;
    match row.holds_all() {
        true => Ok(row),
        false => {
            let size = proto::model::resources::Value::Scalar(size);
            let message = format!("{} does not have {size} of disk free", row.id);
            Err(Refusal::new(Reason::ResourcesTaken, message).at("size"))
        }
    }
}

pub(super) fn destroying(id: VolumeId) -> Refusal {
    let message = format!("{id} is being destroyed");
    Refusal::new(Reason::VolumeDestroying, message).at("volume")
}

/// One change of a volume at a time.
pub(crate) fn volume_changing(info: &VolumeInfo) -> Refusal {
    let message = format!("{} is {}; an event says when that is over", info.id, info.state);
    Refusal::new(Reason::VolumeChanging, message)
}
