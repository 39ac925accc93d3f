//! What operators say of roles, and what each role uses together with all roles below it.
//!
//! A role needs no row: one that nobody has said anything about weighs what the masters'
//! configuration says, is promised nothing, has no limit, and is served as the roles above it.

use super::Ledger;
use crate::table::Table;
use proto::model::{Milli, Quota, ReservedPart, ResourceName, Resources, Role, RoleSettings};

static NOTHING: Resources = Resources::new();

/// What operators have said of a role; at least one of the three.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleConfig {
    /// What it weighs among its siblings; `None` means what the configuration says.
    pub weight: Option<Milli>,
    /// What it is promised and may use.
    pub quota: Option<Quota>,
    /// How it is served; what is `None` is inherited.
    pub settings: RoleSettings,
}

/// All roles of which there is something to say.
#[derive(Debug, Clone, Default)]
pub struct Roles {
    pub(super) rows: Table<Role, RoleConfig>,
    /// What live tasks take, amounts only, by role and all roles below it; derived.
    pub(super) allocated: Table<Role, Resources>,
    /// What reservations have to do with it, amounts only, by role and all roles below it; derived.
    pub(super) reserved: Table<Role, ReservedSums>,
}

/// What is reserved for a role and all roles below it, and what of reservations their tasks take.
/// Neither is part of the other: a task of a role below may take what is reserved for one above.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ReservedSums {
    /// By the role of the reservation.
    pub(super) held: Resources,
    /// By the role of the task.
    pub(super) used: Resources,
}

/// A limit that a role is under: its own, or that of a role above it.
#[derive(Debug)]
pub(super) struct Cap<'a> {
    /// Whose limit it is.
    pub(super) role: Role,
    /// The limit.
    pub(super) quota: &'a Quota,
}

impl Roles {
    /// What operators said that a role weighs.
    pub fn weight(&self, role: &Role) -> Option<Milli> {
        self.rows.get(role)?.weight
    }

    /// What a role is promised, and its limit.
    pub fn quota(&self, role: &Role) -> Option<&Quota> {
        self.rows.get(role)?.quota.as_ref()
    }

    /// What operators have said of a role; nothing for one without a row.
    pub fn row(&self, role: &Role) -> RoleConfig {
        self.rows.get(role).cloned().unwrap_or_default()
    }

    /// How a role is served: by its own settings, and for each that it does not have by that of the
    /// nearest role above which has one. What is still `None` then nobody has said anything about.
    pub fn settings(&self, role: &Role) -> RoleSettings {
        if self.rows.is_empty() {
            return RoleSettings::default();
        }
        let said = |role: Role| self.rows.get(&role).map(|row| row.settings);
        role.ancestors().filter_map(said).fold(RoleSettings::default(), RoleSettings::or)
    }

    /// Every role that operators have said something of, by path: a role comes right before those
    /// below it.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Role, &RoleConfig)> {
        self.rows.iter()
    }

    /// Every quota, by path.
    pub fn quotas(&self) -> impl Iterator<Item = (&Role, &Quota)> {
        self.rows.iter().filter_map(|(role, row)| Some((role, row.quota.as_ref()?)))
    }

    /// What the live tasks of a role and of all roles below it take: amounts only.
    pub fn allocated(&self, role: &Role) -> &Resources {
        self.allocated.get(role).unwrap_or(&NOTHING)
    }

    /// Every role with live tasks, and those above them, with what they take.
    pub fn in_use(&self) -> impl Iterator<Item = (&Role, &Resources)> {
        self.allocated.iter()
    }

    /// What is reserved for a role and all roles below it, and what their tasks take of
    /// reservations; amounts only.
    pub fn reserved(&self, role: &Role) -> Option<(&Resources, &Resources)> {
        self.reserved.get(role).map(|sums| (&sums.held, &sums.used))
    }

    /// The limits that a role is under, its own first.
    pub(super) fn caps(&self, role: &Role) -> Vec<Cap<'_>> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let cap = |role: Role| {
            let quota = self.quota(&role).filter(|quota| quota.limits().len() > 0)?;
            Some(Cap { role, quota })
        };
        role.ancestors().filter_map(cap).collect()
    }

    /// Counts what new tasks take, which was checked to fit.
    pub(super) fn add(&mut self, role: &Role, sum: &Resources) {
        if sum.is_empty() {
            return;
        }
        for role in role.ancestors() {
            match self.allocated.get_mut(&role) {
                Some(allocated) => {
                    *allocated = allocated.checked_add(sum).expect("was checked to fit");
                }
                None => drop(self.allocated.insert(role, sum.clone())),
            }
        }
    }

    /// Takes what an ended task took out of the sums.
    pub(super) fn release(&mut self, role: &Role, resources: &Resources) {
        let sum = resources.counts();
        if sum.is_empty() {
            return;
        }
        for role in role.ancestors() {
            let allocated = self.allocated.get_mut(&role).expect("A5: a live task is counted");
            *allocated = allocated.checked_sub(&sum).expect("A5: a sum holds all of its tasks");
            if allocated.is_empty() {
                self.allocated.remove(&role);
            }
        }
    }

    /// Whether sums still can be when a role takes so much more; that at the top of the tree is the
    /// largest.
    pub(super) fn has_room_for(&self, role: &Role, more: &Resources) -> bool {
        let top = role.ancestors().last().expect("a role is the first of its ancestors");
        let reserved = self.reserved.get(&top).map_or(&NOTHING, |sums| &sums.held);
        let sum = self.allocated(&top).checked_add(more);
        sum.and_then(|sum| sum.checked_add(reserved)).is_ok()
    }

    /// What counts towards the limit of a role: what is reserved for it and the roles below it,
    /// used or not, and what their tasks take besides.
    pub(super) fn charged(&self, role: &Role, name: &ResourceName) -> i128 {
        let allocated = self.allocated(role).scalar(name).0;
        let reserved = self.reserved.get(role);
        let of = |resources: &Resources| i128::from(resources.scalar(name).0);
        i128::from(allocated) + reserved.map_or(0, |sums| of(&sums.held) - of(&sums.used))
    }

    /// Counts what is newly reserved.
    pub(super) fn reserve(&mut self, role: &Role, resources: &Resources) {
        self.change_reserved(role, resources, |sums, amounts| {
            sums.held = sums.held.checked_add(amounts).expect("was checked to fit");
        });
    }

    /// Counts what is reserved; `None` when the sum cannot be.
    pub(super) fn try_reserve(&mut self, role: &Role, resources: &Resources) -> Option<()> {
        self.has_room_for(role, &resources.counts()).then(|| self.reserve(role, resources))
    }

    /// Takes what is reserved no longer out of the sums.
    pub(super) fn unreserve(&mut self, role: &Role, resources: &Resources) {
        self.change_reserved(role, resources, |sums, amounts| {
            sums.held = sums.held.checked_sub(amounts).expect("A5: a sum holds every reservation");
        });
    }

    /// Counts what a new task takes of reservations.
    pub(super) fn use_reserved(&mut self, role: &Role, parts: &[ReservedPart]) {
        for part in parts {
            self.change_reserved(role, &part.resources, |sums, amounts| {
                sums.used = sums.used.checked_add(amounts).expect("is part of what is allocated");
            });
        }
    }

    /// Takes what an ended task took of reservations out of the sums.
    pub(super) fn free_reserved(&mut self, role: &Role, parts: &[ReservedPart]) {
        for part in parts {
            self.change_reserved(role, &part.resources, |sums, amounts| {
                sums.used = sums.used.checked_sub(amounts).expect("A5: a sum holds all tasks");
            });
        }
    }

    fn change_reserved(
        &mut self,
        role: &Role,
        resources: &Resources,
        change: impl Fn(&mut ReservedSums, &Resources),
    ) {
        let amounts = resources.counts();
        if amounts.is_empty() {
            return;
        }
        for role in role.ancestors() {
            let mut sums = self.reserved.get(&role).cloned().unwrap_or_default();
            change(&mut sums, &amounts);
            match sums == ReservedSums::default() {
                true => drop(self.reserved.remove(&role)),
                false => drop(self.reserved.insert(role, sums)),
            }
        }
    }
}

impl Ledger {
    /// What is known of roles.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }
}
