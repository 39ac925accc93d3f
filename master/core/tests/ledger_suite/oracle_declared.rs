//! The oracle's declared reservations: what an agent says of itself, compared with what is there.

use crate::oracle::{No, Oracle, amounts_of, no};
use crate::oracle_reservations::{ReservationModel, cpus_of};
use crate::oracle_volumes::disk_of;
use proto::model::{AgentId, AgentInfo, DeclaredReservation, Reason, Resources};

impl Oracle {
    /// What a reservation and all that refine it hold.
    fn whole(&self, row: &ReservationModel) -> (i64, i64) {
        let refinements = self.reservations.iter().filter(|other| other.parent == Some(row.id));
        refinements.map(|other| self.whole(other)).fold((row.cpus, row.disk), add)
    }

    /// Rows that an agent declares no longer, or otherwise.
    fn undeclared(&self, id: &AgentId, said: &[DeclaredReservation]) -> Vec<ReservationModel> {
        let goes_on = |row: &&ReservationModel| {
            let same = |it: &&DeclaredReservation| {
                it.role == row.role && both(&it.resources) == self.whole(row)
            };
            said.iter().any(|it| same(&it))
        };
        let rows = self.reservations.iter().filter(|row| row.declared && row.agent == *id);
        rows.filter(|row| !goes_on(row)).cloned().collect()
    }

    /// Whether an agent may declare what it does, and has what it must.
    pub(crate) fn judge_declared(&self, info: &AgentInfo, same: bool) -> Result<(), No> {
        let gone = self.undeclared(&info.id, &info.reservations);
        for row in &gone {
            let used = (same && self.used_of(row.id) > 0) || self.disk_of_volumes(row.id) > 0;
            if self.refinements_of(row.id) > 0 || used {
                return no(Reason::ReservationInUse, "agent.reservations");
            }
        }
        let here = self.reservations.iter().filter(|row| row.agent == info.id);
        let kept: Vec<_> = here.filter(|row| !gone.contains(row)).collect();
        let is_new =
            |it: &&DeclaredReservation| kept.iter().all(|row| !row.declared || row.role != it.role);
        let new = info.reservations.iter().filter(is_new).map(|it| both(&it.resources));
        let reserved = kept.iter().map(|row| (row.cpus, row.disk)).chain(new);
        let (cpus, disk) = reserved.fold((0, 0), add);
        let tasks = self.living().filter(|task| same && task.info.agent == info.id);
        let besides = tasks.map(|task| self.held(task).0 - cpus_of(&task.info, None));
        let (has, room) = both(&info.resources);
        match besides.sum::<i64>() + cpus <= has && disk <= room {
            true => Ok(()),
            false => no(Reason::InvalidField, "agent.resources"),
        }
    }

    /// It registers.
    pub(crate) fn declare(&mut self, id: &AgentId, said: &[DeclaredReservation]) {
        let gone = self.undeclared(id, said);
        self.reservations.retain(|row| !gone.contains(row));
        for it in said {
            let mut known = self.reservations.iter().filter(|row| row.declared);
            if known.any(|row| row.agent == *id && row.role == it.role) {
                continue;
            }
            self.reservations_made += 1;
            self.reservations.push(ReservationModel {
                id: self.reservations_made,
                agent: id.clone(),
                role: it.role.clone(),
                owner: id.to_string(),
                cpus: amounts_of(&it.resources).0,
                disk: disk_of(&it.resources),
                parent: None,
                declared: true,
            });
        }
    }
}

/// CPUs in thousandths and disk in thousandths of a MiB.
fn both(resources: &Resources) -> (i64, i64) {
    (amounts_of(resources).0, disk_of(resources))
}

fn add(sum: (i64, i64), more: (i64, i64)) -> (i64, i64) {
    (sum.0 + more.0, sum.1 + more.1)
}
