//! The oracle's reservations: pools worked out from all rows each time. Its histories reserve CPUs,
//! which tasks take, and disk, which volumes take.

use crate::oracle::{No, Oracle, TaskModel, amounts_of, no};
use crate::oracle_roles::within;
use crate::oracle_volumes::disk_of;
use master_core::ledger::{AgentState, Applied, Event, Ledger, ReservationChange};
use proto::model::{
    AgentId, OperationResult, Reason, ReservationId, ReservationPlan, ReservationRef, Role,
    TaskInfo, Unreserve,
};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReservationModel {
    pub(crate) id: u64,
    pub(crate) agent: AgentId,
    pub(crate) role: Role,
    pub(crate) owner: String,
    pub(crate) cpus: i64,
    pub(crate) disk: i64,
    pub(crate) parent: Option<u64>,
    pub(crate) declared: bool,
}

/// A framework by its owner and the role of its offers; an operator is none.
pub(crate) type By<'a> = Option<(&'a str, &'a Role)>;

fn is_below(role: &Role, above: &Role) -> bool {
    role != above && within(role, above)
}

pub(crate) fn cpus_of(info: &TaskInfo, id: Option<u64>) -> i64 {
    let is = |from: ReservationRef| match from {
        ReservationRef::Known(ReservationId(known)) => id.is_none_or(|id| id == known),
        ReservationRef::Made(_) => panic!("a row names its reservations by id"),
    };
    let parts = info.reserved.iter().filter(|part| is(part.from));
    parts.map(|part| amounts_of(&part.resources).0).sum()
}

impl Oracle {
    pub(crate) fn living(&self) -> impl Iterator<Item = &TaskModel> {
        self.tasks.iter().filter(|task| task.lives())
    }

    pub(crate) fn used_of(&self, id: u64) -> i64 {
        self.living().map(|task| cpus_of(&task.info, Some(id))).sum()
    }

    pub(crate) fn refinements_of(&self, id: u64) -> usize {
        self.reservations.iter().filter(|row| row.parent == Some(id)).count()
    }

    pub(crate) fn reserved_on(&self, agent: &AgentId) -> i64 {
        self.reservations.iter().filter(|row| row.agent == *agent).map(|row| row.cpus).sum()
    }

    pub(crate) fn disk_reserved_on(&self, agent: &AgentId) -> i64 {
        self.reservations.iter().filter(|row| row.agent == *agent).map(|row| row.disk).sum()
    }

    /// CPUs that tasks take besides reservations, `taking` among them, and those that are reserved
    /// fit into so many.
    pub(crate) fn pools_fit(&self, agent: &AgentId, have: i64, taking: Option<&TaskInfo>) -> bool {
        let there = self.living().filter(|task| task.info.agent == *agent);
        let besides = |info: &TaskInfo, held: i64| held - cpus_of(info, None);
        let more = taking.map_or(0, |info| besides(info, amounts_of(&info.resources).0));
        let sum: i64 = there.map(|task| besides(&task.info, self.held(task).0)).sum();
        sum + more + self.reserved_on(agent) <= have
    }

    /// What counts towards the limit of a role.
    pub(crate) fn charged_in(&self, role: &Role) -> i64 {
        let held = self.reservations.iter().filter(|row| within(&row.role, role));
        let tasks = self.living().filter(|task| within(&task.role, role));
        let besides = |task: &TaskModel| self.held(task).0 - cpus_of(&task.info, None);
        held.map(|row| row.cpus).sum::<i64>() + tasks.map(besides).sum::<i64>()
    }

    pub(crate) fn named(
        &self,
        reference: ReservationRef,
        before: &[OperationResult],
    ) -> Option<usize> {
        let id = match reference {
            ReservationRef::Known(id) => id,
            ReservationRef::Made(operation) => match before.get(operation as usize)? {
                OperationResult::Reserved(id) => *id,
                _ => return None,
            },
        };
        self.reservations.iter().position(|row| row.id == id.0)
    }

    fn judge_charge(&self, role: &Role, above: Option<&Role>, more: i64) -> Result<(), No> {
        for (cap, most) in self.limits_of(role) {
            let held = above.is_some_and(|above| within(above, &cap));
            if !held && more > 0 && self.charged_in(&cap) + more > most {
                return no(Reason::QuotaExceeded, "resources[0]");
            }
        }
        Ok(())
    }

    fn judge_role(&self, by: By<'_>, role: &Role) -> Result<(), No> {
        match by {
            Some((_, own)) if !within(role, own) => no(Reason::InvalidField, "role"),
            _ => Ok(()),
        }
    }

    pub(crate) fn reserve(
        &mut self,
        by: (By<'_>, &str),
        plan: &ReservationPlan,
        before: &[OperationResult],
    ) -> Result<ReservationId, No> {
        self.judge_role(by.0, &plan.role)?;
        let (more, disk) = (amounts_of(&plan.resources).0, disk_of(&plan.resources));
        let Some(at) = self.agent_at(&plan.agent) else {
            return no(Reason::AgentUnknown, "agent_id");
        };
        match self.agents[at].state {
            AgentState::Registered => {}
            AgentState::Unreachable => return no(Reason::AgentUnreachable, "agent_id"),
            AgentState::Removed => return no(Reason::AgentRemoved, "agent_id"),
        }
        let parent = match plan.parent {
            None => {
                let has = &self.agents[at].info.resources;
                let room = disk_of(has) - self.disk_reserved_on(&plan.agent);
                let fits = self.pools_fit(&plan.agent, amounts_of(has).0 - more, None);
                if !fits || disk > room {
                    return no(Reason::ResourcesTaken, "resources");
                }
                None
            }
            Some(parent) => {
                let found = self.named(parent, before);
                let found = found.filter(|at| self.reservations[*at].agent == plan.agent);
                let Some(at) = found else { return no(Reason::ReservationUnknown, "parent") };
                let row = &self.reservations[at];
                if !is_below(&plan.role, &row.role) {
                    return no(Reason::InvalidField, "role");
                }
                if more > row.cpus - self.used_of(row.id) || disk > self.free_disk_of(row) {
                    return no(Reason::ResourcesTaken, "resources");
                }
                Some(at)
            }
        };
        let above = parent.map(|at| self.reservations[at].role.clone());
        self.judge_charge(&plan.role, above.as_ref(), more)?;
        self.reservations_made += 1;
        let id = self.reservations_made;
        let row = ReservationModel {
            id,
            agent: plan.agent.clone(),
            role: plan.role.clone(),
            owner: by.1.to_owned(),
            cpus: more,
            disk,
            parent: parent.map(|at| self.reservations[at].id),
            declared: false,
        };
        if let Some(at) = parent {
            self.reservations[at].cpus -= more;
            self.reservations[at].disk -= disk;
        }
        self.reservations.push(row);
        Ok(ReservationId(id))
    }

    pub(crate) fn unreserve(
        &mut self,
        by: By<'_>,
        unreserve: &Unreserve,
        before: &[OperationResult],
    ) -> Result<(), No> {
        let at = self.owned(by, unreserve.reservation, before)?;
        let row = self.reservations[at].clone();
        let (less, disk) = match &unreserve.resources {
            Some(less) => (amounts_of(less).0, disk_of(less)),
            None => (row.cpus, row.disk),
        };
        if less > row.cpus - self.used_of(row.id) || disk > self.free_disk_of(&row) {
            return no(Reason::ReservationInUse, "resources");
        }
        if unreserve.resources.is_none() && self.refinements_of(row.id) > 0 {
            return no(Reason::ReservationInUse, "reservation");
        }
        self.reservations[at].cpus -= less;
        self.reservations[at].disk -= disk;
        if let Some(parent) = row.parent {
            let parent = self.reservations.iter_mut().find(|other| other.id == parent);
            let parent = parent.expect("a parent");
            (parent.cpus, parent.disk) = (parent.cpus + less, parent.disk + disk);
        }
        if (row.cpus, row.disk) == (less, disk) && self.refinements_of(row.id) == 0 {
            self.reservations.remove(at);
        }
        Ok(())
    }

    pub(crate) fn move_reservation(
        &mut self,
        by: By<'_>,
        (reservation, role): (ReservationRef, &Role),
        before: &[OperationResult],
    ) -> Result<(), No> {
        let at = self.owned(by, reservation, before)?;
        self.judge_role(by, role)?;
        let row = self.reservations[at].clone();
        let is_used = self.used_of(row.id) > 0 || self.disk_of_volumes(row.id) > 0;
        if is_used || self.refinements_of(row.id) > 0 {
            return no(Reason::ReservationInUse, "reservation");
        }
        let parent = self.reservations.iter().find(|other| Some(other.id) == row.parent);
        if parent.is_some_and(|parent| !is_below(role, &parent.role)) {
            return no(Reason::InvalidField, "role");
        }
        self.reservations[at].cpus = 0;
        let judged = self.judge_charge(role, None, row.cpus);
        self.reservations[at].cpus = row.cpus;
        judged?;
        self.reservations[at].role = role.clone();
        Ok(())
    }

    fn owned(
        &self,
        by: By<'_>,
        reservation: ReservationRef,
        before: &[OperationResult],
    ) -> Result<usize, No> {
        let Some(at) = self.named(reservation, before) else {
            return no(Reason::ReservationUnknown, "reservation");
        };
        match by {
            _ if self.reservations[at].declared => no(Reason::NotAuthorized, "reservation"),
            Some((owner, _)) if self.reservations[at].owner != owner => {
                no(Reason::NotAuthorized, "reservation")
            }
            _ => Ok(at),
        }
    }

    /// The parts of a task by the ids of their reservations, if it may take them.
    pub(crate) fn judge_parts(
        &self,
        role: &Role,
        info: &TaskInfo,
        before: &[OperationResult],
    ) -> Result<TaskInfo, No> {
        let mut known = info.clone();
        known.reserved.clear();
        for (index, part) in info.reserved.iter().enumerate() {
            let from = || format!("reserved[{index}].from");
            let at = self.named(part.from, before);
            let at = at.filter(|at| self.reservations[*at].agent == info.agent);
            let Some(at) = at else { return no(Reason::ReservationUnknown, from()) };
            let row = &self.reservations[at];
            if !within(role, &row.role) {
                return no(Reason::NotAuthorized, from());
            }
            let mine = cpus_of(&known, Some(row.id)) + amounts_of(&part.resources).0;
            if self.used_of(row.id) + mine > row.cpus {
                return no(Reason::ResourcesTaken, format!("reserved[{index}].resources"));
            }
            let mut part = part.clone();
            part.from = ReservationRef::Known(ReservationId(row.id));
            known.reserved.push(part);
        }
        let at = self.agent_at(&info.agent).expect("was judged before");
        let have = amounts_of(&self.agents[at].info.resources).0;
        match self.pools_fit(&info.agent, have, Some(&known)) {
            true => Ok(known),
            false => no(Reason::ResourcesTaken, "resources"),
        }
    }

    /// Facts of a transaction: whatever is another than it was.
    pub(crate) fn note_reservations(&mut self, before: &[ReservationModel]) {
        let after = &self.reservations;
        let ids = before.iter().chain(after).map(|row| (row.id, row.agent.clone()));
        let ids: std::collections::BTreeSet<_> = ids.collect();
        let of = |list: &[ReservationModel], id| list.iter().find(|row| row.id == id).cloned();
        let changed = ids.into_iter().filter(|(id, _)| of(before, *id) != of(after, *id));
        let fact =
            |(id, agent)| Event::ReservationChanged { reservation: ReservationId(id), agent };
        self.events.extend(changed.map(fact));
    }

    pub(crate) fn change_reservations(
        &mut self,
        change: &ReservationChange,
    ) -> Result<Applied, No> {
        match change {
            ReservationChange::Reserve { plan, owner } => self.by_operator(
                |oracle| {
                    let made = oracle.reserve((None, owner), plan, &[]);
                    made.map_err(|(reason, field)| (reason, format!("plan.{field}")))
                },
                Applied::Reserved,
            ),
            ReservationChange::Unreserve(unreserve) => self
                .by_operator(|oracle| oracle.unreserve(None, unreserve, &[]), |()| Applied::Done),
            ReservationChange::Move { reservation, role } => self.by_operator(
                |oracle| {
                    let reservation = ReservationRef::Known(*reservation);
                    oracle.move_reservation(None, (reservation, role), &[])
                },
                |()| Applied::Done,
            ),
        }
    }

    /// As a transaction of its own: what an operator asks.
    fn by_operator<T>(
        &mut self,
        ask: impl FnOnce(&mut Self) -> Result<T, No>,
        answer: impl FnOnce(T) -> Applied,
    ) -> Result<Applied, No> {
        let before = self.reservations.clone();
        let asked = ask(self).map_err(|(reason, field)| match field.as_str() {
            "reservation" => (reason, "reservation_id".to_owned()),
            _ => (reason, field),
        })?;
        self.note_reservations(&before);
        Ok(answer(asked))
    }

    /// An agent is gone: nothing is reserved of it.
    pub(crate) fn forget_reservations(&mut self, agent: &AgentId) {
        let before = self.reservations.clone();
        self.reservations.retain(|row| row.agent != *agent);
        self.note_reservations(&before);
    }

    pub(crate) fn compare_reservations(&self, ledger: &Ledger) {
        assert_eq!(ledger.reservations().len(), self.reservations.len());
        for model in &self.reservations {
            let row = ledger.reservation(ReservationId(model.id)).expect("a reservation");
            let found = ReservationModel {
                id: row.id.0,
                agent: row.agent.clone(),
                role: row.role.clone(),
                owner: row.owner.clone(),
                cpus: amounts_of(&row.resources).0,
                disk: disk_of(&row.resources),
                parent: row.parent.map(|parent| parent.0),
                declared: row.declared,
            };
            assert_eq!(found, *model);
            let counted = (amounts_of(&row.used).0, row.refinements);
            assert_eq!(counted, (self.used_of(model.id), self.refinements_of(model.id)));
            assert_eq!(disk_of(&row.free()), self.free_disk_of(model));
        }
    }
}
