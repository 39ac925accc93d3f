//! Whose place a demand may take: where priority and fairness meet.
//!
//! A higher priority alone entitles to nothing: it decides who gives way among those whose place a
//! role has a claim on. It has one
//!
//! - on its own: tasks of the same role and of all below it;
//! - on what its guarantee, or that of a role above it, promises and does not give it;
//! - on what a larger share holds: at the level of the tree where the two roles part, the weighted
//!   dominant share of its side, with the piece, is no larger than that of the other without the
//!   tasks.
//!
//! Of revocable work the second holds whosever it is, within what a guarantee promises: it was told
//! that it has its place only until then.
//!
//! And nobody is pushed below its guarantee by a role outside of it; what is revocable is no part
//! of what a guarantee gives, and is not kept by it. So a priority is worth what an operator lets a
//! role have, and what a share may take from another it cannot take back: after the change it would
//! be the larger one.

use super::choice::{Purse, ShareBound};
use crate::{
    Ledger,
    allocator::{Amounts, Demand, Share, View},
    ledger::Task,
};
use proto::model::{Milli, ResourceName, Role};
use std::collections::BTreeMap;

/// What a role weighs of which nobody has said anything.
const WEIGHT_DEFAULT: Milli = Milli(1_000);

/// What every role uses, as it will be once all that gives way has done so.
#[derive(Debug)]
pub(crate) struct Usage<'a> {
    ledger: &'a Ledger,
    view: &'a View,
    /// With all roles below.
    used: BTreeMap<Role, Amounts>,
    /// What of `used` is revocable.
    revocable: BTreeMap<Role, Amounts>,
    /// Of frameworks in this very role.
    directly: BTreeMap<Role, Amounts>,
}

/// A bound that a claim comes with; the same for all tasks that it names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bound {
    /// A role keeps its guarantee.
    Guarantee(Role),
    /// A role's share, with all roles below it, stays no smaller than that of whoever asks.
    Share(Role),
    /// The same of the frameworks that are in this very role.
    ShareDirectly(Role),
}

/// A piece for a role.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) role: &'a Role,
    pub(crate) shape: &'a Amounts,
}

impl<'a> Usage<'a> {
    pub(crate) fn new(ledger: &'a Ledger, view: &'a View, demand: &Demand) -> Self {
        let (used, revocable, directly) = Default::default();
        let mut usage = Self { ledger, view, used, revocable, directly };
        for bidder in view.users() {
            let used = view.used(bidder);
            usage.change(&bidder.role, |sum| sum.add(&used));
            usage.change_revocable(&bidder.role, |sum| sum.add(&view.revocable(bidder)));
        }
        for claim in demand.claims().iter() {
            usage.change(&claim.bidder.role, |sum| sum.add_times(&claim.shape, claim.count));
        }
        for (task, _) in ledger.preempted_tasks() {
            usage.give_up(task);
        }
        usage
    }

    fn change(&mut self, role: &Role, change: impl Fn(&mut Amounts)) {
        change(self.directly.entry(role.clone()).or_default());
        for role in role.ancestors() {
            change(self.used.entry(role).or_default());
        }
    }

    /// Tasks give way to a piece: what is asked next sees that.
    pub(crate) fn exchange(&mut self, piece: Piece<'_>, victims: &[&Task]) {
        victims.iter().for_each(|task| self.give_up(task));
        self.change(piece.role, |sum| sum.add(piece.shape));
    }

    fn change_revocable(&mut self, role: &Role, change: impl Fn(&mut Amounts)) {
        if self.view.has_revocable() {
            for role in role.ancestors() {
                change(self.revocable.entry(role).or_default());
            }
        }
    }

    /// A task gives way.
    fn give_up(&mut self, task: &Task) {
        let freed = Amounts::of(task.held());
        self.change(&task.role, |sum| sum.take_some(&freed));
        if task.info.revocable {
            self.change_revocable(&task.role, |sum| sum.take_some(&freed));
        }
    }

    fn used(&self, role: &Role) -> Amounts {
        self.used.get(role).cloned().unwrap_or_default()
    }

    /// What counts towards a role's quota.
    fn charged(&self, role: &Role) -> Amounts {
        let used = self.used(role);
        self.view.charge(role).with(&used).into_owned()
    }

    /// What of a guarantee is used.
    fn used_firmly(&self, role: &Role) -> Amounts {
        let mut used = self.charged(role);
        self.revocable.get(role).into_iter().for_each(|revocable| used.take_some(revocable));
        used
    }

    fn weight(&self, role: &Role) -> Milli {
        self.view.role(role).weight.unwrap_or(WEIGHT_DEFAULT)
    }

    /// How much more of each resource the limits of a role and of those above it would have to
    /// allow: whose limit, of what, how much.
    pub(crate) fn over_limits(&self, piece: Piece<'_>) -> Vec<(Role, ResourceName, u128)> {
        let mut over = Vec::new();
        for role in piece.role.ancestors() {
            let Some(quota) = self.ledger.roles().quota(&role) else { continue };
            let used = self.charged(&role);
            for (name, milli) in piece.shape.iter() {
                let Some(most) = quota.limit(name) else { continue };
                let most = u128::try_from(most.0).expect("limits are not negative");
                let excess = (used.get(name) + milli).saturating_sub(most);
                if excess > 0 {
                    over.push((role.clone(), name.clone(), excess));
                }
            }
        }
        over
    }

    /// Whether a guarantee of a piece's role, or of a role above it, promises it and does not give
    /// it.
    pub(crate) fn is_promised(&self, piece: Piece<'_>) -> bool {
        piece.role.ancestors().any(|role| self.is_owed(&role, piece.shape))
    }

    /// The same as [`Self::claim`] on revocable tasks.
    pub(crate) fn claim_revocable(&self, piece: Piece<'_>, on: &Role) -> Option<Vec<Bound>> {
        if on.is_within(piece.role) || self.is_promised(piece) {
            return Some(Vec::new());
        }
        let (own, theirs) = self.rivals(piece.role, on);
        let is_larger = self.share_of(&own, piece.shape) > self.share_of(&theirs, &Amounts::new());
        (!is_larger).then(|| vec![theirs])
    }

    /// The bounds within which a piece may take the place of tasks of a role; `None` when it has no
    /// claim on them.
    pub(crate) fn claim(&self, piece: Piece<'_>, on: &Role) -> Option<Vec<Bound>> {
        if on.is_within(piece.role) {
            return Some(Vec::new());
        }
        let outside = |role: &Role| !piece.role.is_within(role);
        let mut bounds: Vec<Bound> = on
            .ancestors()
            .filter(|role| outside(role) && self.ledger.roles().quota(role).is_some())
            .map(Bound::Guarantee)
            .collect();
        let is_owed = piece.role.ancestors().any(|role| {
            // What is promised to both together one cannot claim from the other.
            !on.is_within(&role) && self.is_owed(&role, piece.shape)
        });
        if !is_owed {
            let (own, theirs) = self.rivals(piece.role, on);
            if self.share_of(&own, piece.shape) > self.share_of(&theirs, &Amounts::new()) {
                return None;
            }
            bounds.push(theirs);
        }
        Some(bounds)
    }

    /// The purse of a bound.
    pub(crate) fn purse(&self, bound: &Bound, piece: Piece<'_>, on: &Role) -> Purse {
        match bound {
            Bound::Guarantee(role) => {
                let quota = self.ledger.roles().quota(role).expect("it has a guarantee");
                let used = self.used_firmly(role);
                let spare = Amounts::of(quota.guarantee());
                let spare = spare.iter().map(|(name, promised)| {
                    (name.clone(), used.get(name).saturating_sub(promised))
                });
                Purse::Amounts(spare.collect())
            }
            Bound::Share(_) | Bound::ShareDirectly(_) => {
                let (own, _) = self.rivals(piece.role, on);
                Purse::Share(Box::new(ShareBound {
                    totals: self.view.totals().clone(),
                    weight: self.weight_of(bound),
                    used: self.used_of(bound),
                    least: self.share_of(&own, piece.shape),
                }))
            }
        }
    }

    /// Whether a role's guarantee promises it all of a shape that it names, beyond what it uses.
    fn is_owed(&self, role: &Role, shape: &Amounts) -> bool {
        let Some(quota) = self.ledger.roles().quota(role) else { return false };
        let (used, promised) = (self.used_firmly(role), Amounts::of(quota.guarantee()));
        let mut named = shape.iter().filter(|(name, _)| promised.get(name) > 0).peekable();
        named.peek().is_some()
            && named.all(|(name, milli)| used.get(name) + milli <= promised.get(name))
    }

    /// The two sides at the level of the tree where two roles part; neither is within the first.
    fn rivals(&self, role: &Role, on: &Role) -> (Bound, Bound) {
        let side = |own: &Role, other: &Role| {
            let parted: Option<Role> = own.ancestors().take_while(|it| !other.is_within(it)).last();
            parted.map_or_else(|| Bound::ShareDirectly(own.clone()), Bound::Share)
        };
        (side(role, on), side(on, role))
    }

    fn used_of(&self, side: &Bound) -> Amounts {
        match side {
            Bound::Share(role) | Bound::Guarantee(role) => self.used(role),
            Bound::ShareDirectly(role) => self.directly.get(role).cloned().unwrap_or_default(),
        }
    }

    fn weight_of(&self, side: &Bound) -> Milli {
        match side {
            Bound::Share(role) | Bound::Guarantee(role) => self.weight(role),
            // As the tree has it: those directly in a role are one child of weight 1.
            Bound::ShareDirectly(_) => WEIGHT_DEFAULT,
        }
    }

    fn share_of(&self, side: &Bound, more: &Amounts) -> Share {
        let mut used = self.used_of(side);
        used.add(more);
        Share::dominant(self.view.totals(), self.weight_of(side), &used)
    }
}
