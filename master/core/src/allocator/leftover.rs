//! What the last plan left: to those who are shown what is free instead of being made offers, and
//! to those for whom others may have to give way.

use super::{Amounts, Bidder, Bundle, Drf, Place, room::clip};
use proto::model::Role;
use std::collections::BTreeSet;

impl Drf {
    /// What the frameworks of a role may have of what is free at a place: all that is not kept back
    /// for others.
    pub fn left_for(&self, role: &Role, place: Place, free: &Bundle) -> Bundle {
        if self.headroom.is_empty() {
            return free.clone();
        }
        let left = self.headroom.leave_for_role(&self.tree, place, role, free.amounts());
        match left == *free.amounts() {
            true => free.clone(),
            false => clip(free, &left),
        }
    }

    /// What is left at a place for a bidder when all that the last plan kept for others stays.
    pub fn left_for_bidder(&self, bidder: &Bidder, place: Place, free: &Amounts) -> Amounts {
        match self.tree.leaf(bidder) {
            Some(leaf) => self.headroom.leave(&self.tree, place, leaf, free),
            None => self.headroom.leave_all(place, free),
        }
    }

    /// Places of which another part is kept back than when this was last asked. Costs in proportion
    /// to what is kept.
    pub fn take_kept_changes(&mut self) -> BTreeSet<Place> {
        if self.headroom.is_empty() && self.headroom_seen.is_empty() {
            return BTreeSet::new();
        }
        let before = std::mem::replace(&mut self.headroom_seen, self.headroom.clone());
        self.headroom.changes(&before)
    }
}
