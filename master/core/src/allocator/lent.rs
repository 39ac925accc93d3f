//! What revocable work holds: tasks, offers, and accepts under way.
//!
//! By bidder: this part of what it uses is not what its role's guarantee promises. By place: this
//! much could be had back, and so is as good as free for whoever it is kept for. Nothing where
//! nothing is revocable. It does not know for whom anything is kept.

use super::{Amounts, Bidder, Bundle, Place, View};
use crate::Ledger;
use proto::model::{AgentId, FrameworkId, Offer, Resources, Role};
use std::collections::{BTreeMap, btree_map::Entry};

/// All of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Lent {
    users: BTreeMap<FrameworkId, BTreeMap<Role, Part>>,
    places: BTreeMap<Place, Part>,
    /// What tasks that give way take until they have ended.
    coming: BTreeMap<Place, Amounts>,
}

#[derive(Debug, Clone, Default)]
struct Part {
    by_tasks: Amounts,
    /// And accepts.
    by_offers: Amounts,
}

impl Lent {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What of a bidder's use is revocable.
    pub(super) fn of(&self, bidder: &Bidder) -> Option<Amounts> {
        self.users.get(&bidder.framework)?.get(&bidder.role).map(Part::sum)
    }

    /// What could be had back at a place.
    pub(super) fn at(&self, place: Place) -> Option<Amounts> {
        self.places.get(&place).map(Part::sum)
    }

    /// Places where anything could be had back, and how much.
    pub(super) fn places(&self) -> impl Iterator<Item = (Place, Amounts)> {
        self.places.iter().map(|(place, part)| (*place, part.sum()))
    }

    /// Reads an agent's tasks again. What gives way is free soon, and cannot be had back a second
    /// time.
    pub(super) fn read_agent(&mut self, ledger: &Ledger, id: &AgentId, place: Place) {
        let revocable = ledger.revocable_on(id);
        if revocable.is_some() || !self.is_empty() {
            change(&mut self.places, place, |part| {
                part.by_tasks = revocable.map_or_else(Amounts::new, Amounts::of);
            });
        }
        let coming = coming_on(ledger, id);
        match coming.is_empty() {
            true => drop(self.coming.remove(&place)),
            false => drop(self.coming.insert(place, coming)),
        }
    }

    /// What a framework's revocable tasks take, by role.
    pub(super) fn set_tasks_of<'a>(
        &mut self,
        framework: FrameworkId,
        taken: impl Iterator<Item = (&'a Role, &'a Resources)>,
    ) {
        let now: BTreeMap<&Role, &Resources> = taken.collect();
        if self.users.is_empty() && now.is_empty() {
            return;
        }
        let roles = self.users.entry(framework).or_default();
        let idle = roles.keys().filter(|role| !now.contains_key(role)).cloned();
        for role in idle.collect::<Vec<Role>>() {
            change(roles, role, |part| part.by_tasks = Amounts::new());
        }
        for (role, taken) in now {
            change(roles, role.clone(), |part| part.by_tasks = Amounts::of(taken));
        }
        if roles.is_empty() {
            self.users.remove(&framework);
        }
    }

    /// An offer holds this, if it is revocable.
    pub(super) fn hold_offer(&mut self, place: Place, offer: &Offer, bundle: &Bundle) {
        if offer.revocable {
            let bidder = Bidder { framework: offer.framework, role: offer.role.clone() };
            self.hold(place, bidder, bundle.amounts());
        }
    }

    /// A revocable offer holds this.
    pub(super) fn hold(&mut self, place: Place, bidder: Bidder, amounts: &Amounts) {
        change(&mut self.places, place, |part| part.by_offers.add(amounts));
        let roles = self.users.entry(bidder.framework).or_default();
        change(roles, bidder.role, |part| part.by_offers.add(amounts));
    }

    /// It holds it no longer.
    ///
    /// # Panics
    /// When it did not (A2).
    pub(super) fn release(&mut self, place: Place, bidder: Bidder, amounts: &Amounts) {
        change(&mut self.places, place, |part| part.by_offers.subtract(amounts));
        let roles = self.users.get_mut(&bidder.framework);
        let roles = roles.expect("A2: what was held is released once");
        change(roles, bidder.role, |part| part.by_offers.subtract(amounts));
        if roles.is_empty() {
            self.users.remove(&bidder.framework);
        }
    }
}

impl Part {
    fn sum(&self) -> Amounts {
        let mut sum = self.by_tasks.clone();
        sum.add(&self.by_offers);
        sum
    }
}

impl View {
    /// What a revocable offer or accept held is held no longer.
    ///
    /// # Panics
    /// When it was not held (A2).
    pub fn release_revocable(&mut self, agent: &AgentId, bidder: Bidder, resources: &Bundle) {
        let place = self.place(agent).expect("A2: what was held is released once");
        self.lent.release(place, bidder.clone(), resources.amounts());
        self.release(agent, &bidder.role, bidder.framework, resources);
    }

    /// What of a bidder's use is revocable.
    pub fn revocable(&self, bidder: &Bidder) -> Amounts {
        self.lent.of(bidder).unwrap_or_default()
    }

    /// Whether any revocable work holds anything.
    pub fn has_revocable(&self) -> bool {
        !self.lent.is_empty()
    }

    /// What revocable work holds on an agent that takes tasks, and nobody has told to give way:
    /// others could have it back.
    pub fn revocable_at(&self, place: Place) -> Amounts {
        let there = self.row(place).offering.then(|| self.lent.at(place)).flatten();
        there.unwrap_or_default()
    }

    /// What will be free at a place because tasks give way.
    pub fn coming_at(&self, place: Place) -> Amounts {
        self.lent.coming.get(&place).cloned().unwrap_or_default()
    }

    /// Every place where others could have anything back, in order, and how much.
    pub fn with_revocable(&self) -> impl Iterator<Item = (Place, Amounts)> {
        self.lent.places().filter(|(place, _)| self.row(*place).offering)
    }
}

/// Changes an entry; one of nothing is none.
fn change<K: Ord>(parts: &mut BTreeMap<K, Part>, key: K, change: impl FnOnce(&mut Part)) {
    match parts.entry(key) {
        Entry::Occupied(mut entry) => {
            change(entry.get_mut());
            if entry.get().sum().is_empty() {
                entry.remove();
            }
        }
        Entry::Vacant(entry) => {
            let mut part = Part::default();
            change(&mut part);
            if !part.sum().is_empty() {
                entry.insert(part);
            }
        }
    }
}

/// What tasks of an agent take that give way.
fn coming_on(ledger: &Ledger, id: &AgentId) -> Amounts {
    let mut coming = Amounts::new();
    let tasks = ledger.preempted_tasks().filter(|(task, _)| task.info.agent == *id);
    tasks.for_each(|(task, _)| coming.add(&Amounts::of(&task.info.resources)));
    coming
}
