//! What of reservations counts towards a role's quota, beside what its tasks use: what is reserved
//! for the role and the roles below it and used by nobody counts; what their tasks take of
//! reservations of roles above does not, since it counts there.
//!
//! So a guarantee is served by what is reserved, used or not, and a task that is launched on a
//! reservation changes nothing.

use super::{Amounts, View, changes::Changes, view::ViewChange};
use crate::ledger::Ledger;
use proto::model::{ReservationId, Role, TaskKey};
use std::{borrow::Cow, collections::BTreeMap};

/// Of one role.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Charge {
    /// What is reserved.
    held: Amounts,
    /// What tasks use of reservations, which is counted among what they use.
    used: Amounts,
}

impl Charge {
    /// Reservations have nothing to do with it.
    pub const fn nothing() -> Self {
        Self { held: Amounts::new(), used: Amounts::new() }
    }

    /// As the ledger has it.
    pub fn of(ledger: &Ledger, role: &Role) -> Self {
        let reserved = ledger.roles().reserved(role);
        reserved.map_or_else(Self::default, |(held, used)| Self {
            held: Amounts::of(held),
            used: Amounts::of(used),
        })
    }

    /// The same from the rows, one by one.
    pub(super) fn by_definition(ledger: &Ledger, role: &Role) -> Self {
        let mut charge = Self::nothing();
        let rows = ledger.reservations().iter().map(|(_, row)| row);
        for row in rows.filter(|row| row.role.is_within(role)) {
            charge.held.add(&Amounts::of(&row.resources));
        }
        let tasks = ledger.tasks().iter().map(|(_, task)| task);
        for task in tasks.filter(|task| !task.is_terminal() && task.role.is_within(role)) {
            let parts = task.info.reserved.iter();
            parts.for_each(|part| charge.used.add(&Amounts::of(&part.resources)));
        }
        charge
    }

    /// Whether reservations have nothing to do with the role.
    pub fn is_nothing(&self) -> bool {
        self.held.is_empty() && self.used.is_empty()
    }

    /// What counts, of a role that uses so much.
    pub fn with<'a>(&self, used: &'a Amounts) -> Cow<'a, Amounts> {
        if self.is_nothing() {
            return Cow::Borrowed(used);
        }
        let mut sum = used.clone();
        sum.add(&self.held);
        // While a task is counted here and not yet there, more is used than is known of.
        sum.take_some(&self.used);
        Cow::Owned(sum)
    }
}

/// Of every role with a quota.
#[derive(Debug, Clone, Default)]
pub(super) struct Charges {
    /// Those that are not nothing.
    of: BTreeMap<Role, Charge>,
    /// For whom what is reserved.
    reserved_for: BTreeMap<ReservationId, Role>,
}

static NOTHING: Charge = Charge::nothing();

impl Charges {
    /// Knows reservations, and nothing of roles yet.
    pub(super) fn of(ledger: &Ledger) -> Self {
        let rows = ledger.reservations().iter();
        let reserved_for = rows.map(|(id, row)| (*id, row.role.clone())).collect();
        Self { of: BTreeMap::new(), reserved_for }
    }

    /// What counts for a role.
    pub(super) fn get(&self, role: &Role) -> &Charge {
        self.of.get(role).unwrap_or(&NOTHING)
    }

    /// A reservation is made, has changed, or is gone.
    pub(super) fn read_reservation(
        &mut self,
        ledger: &Ledger,
        id: ReservationId,
        changes: &mut Changes<ViewChange>,
    ) {
        let after = ledger.reservation(id).map(|row| row.role.clone());
        let before = match &after {
            Some(role) => self.reserved_for.insert(id, role.clone()),
            None => self.reserved_for.remove(&id),
        };
        let roles = before.iter().chain(&after).flat_map(Role::ancestors);
        self.read(ledger, roles.collect::<Vec<_>>(), changes);
    }

    /// A task is launched, has another size, or has ended; it may be forgotten already.
    pub(super) fn read_task(
        &mut self,
        ledger: &Ledger,
        key: &TaskKey,
        changes: &mut Changes<ViewChange>,
    ) {
        match ledger.task(key) {
            // One that has become smaller may have given up all that it took of reservations.
            Some(task) if !task.info.reserved.is_empty() || task.size.is_some() => {
                self.read(ledger, task.role.ancestors(), changes);
            }
            Some(_) => {}
            None => {
                let roles: Vec<Role> = self.of.keys().cloned().collect();
                self.read(ledger, roles, changes);
            }
        }
    }

    /// Reads again what counts, of those of these roles that have a quota.
    pub(super) fn read(
        &mut self,
        ledger: &Ledger,
        roles: impl IntoIterator<Item = Role>,
        changes: &mut Changes<ViewChange>,
    ) {
        for role in roles {
            let charge = match ledger.roles().quota(&role) {
                Some(_) => Charge::of(ledger, &role),
                None => Charge::nothing(),
            };
            if *self.get(&role) == charge {
                continue;
            }
            match charge.is_nothing() {
                true => drop(self.of.remove(&role)),
                false => drop(self.of.insert(role.clone(), charge)),
            }
            changes.note(ViewChange::Charged(role));
        }
    }
}

impl View {
    /// What of reservations counts towards a role's quota.
    pub fn charge(&self, role: &Role) -> &Charge {
        self.charges.get(role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::Resources;

    #[test]
    fn what_is_reserved_counts_once() {
        let amounts = |cpus| Amounts::of(&Resources::cpus_mem(cpus, 0));
        let charge = |held, used| Charge { held: amounts(held), used: amounts(used) };
        let with = |charge: Charge, used| charge.with(&amounts(used)).into_owned();
        assert_eq!(with(charge(0, 0), 500), amounts(500));
        assert_eq!(with(charge(400, 0), 500), amounts(900), "nobody uses the reservation");
        assert_eq!(with(charge(400, 400), 500), amounts(500), "all of it is used");
        assert_eq!(with(charge(0, 300), 500), amounts(200), "the role above has the reservation");
    }
}
