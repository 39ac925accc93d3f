//! What is kept back for roles that are owed something and do not take it now: idle, or refusing
//! what is there; and for a gang that gathers its pieces.
//!
//! Kept as pieces on agents and not as one sum over the cluster, so that what is kept can be used:
//! crumbs on a thousand agents add up to any guarantee and hold no task. Roles below come before
//! those above them, whose guarantees theirs are part of; agents by place. Worked out anew from
//! what is free and owed; costs in proportion to what is owed.

use super::{
    Amounts, Place,
    bundle::is_enough,
    tree::{NodeIndex, Tree},
};
use proto::model::Role;
use std::collections::{BTreeMap, BTreeSet};

/// Pieces by place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Headroom(BTreeMap<Place, Vec<(NodeIndex, Amounts)>>);

impl Headroom {
    /// What is to be kept of what is free.
    pub(super) fn work_out<'a>(
        tree: &Tree,
        free: impl Iterator<Item = (Place, &'a Amounts)>,
    ) -> Self {
        let mut headroom = Self::default();
        // What is left of each agent; those of which nothing is left stand in front of the first.
        let mut left: Vec<(Place, Amounts)> = Vec::new();
        let mut rest = free.map(|(place, free)| (place, free.clone()));
        let mut first = 0;
        // What is kept for a role below is kept for those above it too.
        let mut kept: BTreeMap<NodeIndex, Amounts> = BTreeMap::new();
        for (role, mut owed, quota) in tree.owed().rev() {
            kept.get(&role).into_iter().for_each(|kept| owed.take_some(kept));
            let mut at = first;
            while !quota.piece(&owed, &owed).is_empty() {
                if at == left.len() {
                    let Some(next) = rest.next() else { break };
                    left.push(next);
                }
                let (place, free) = &mut left[at];
                let piece = quota.piece(&owed, free);
                if !piece.is_empty() {
                    owed.take_some(&piece);
                    free.take_some(&piece);
                    for above in tree.way_up(role) {
                        kept.entry(above).or_default().add(&piece);
                    }
                    headroom.0.entry(*place).or_default().push((role, piece));
                }
                if at == first && !is_enough(free) {
                    first += 1;
                }
                at += 1;
            }
        }
        headroom
    }

    /// What is left at a place for a leaf: all that is not kept for roles it is not in.
    pub(super) fn leave(
        &self,
        tree: &Tree,
        place: Place,
        leaf: NodeIndex,
        free: &Amounts,
    ) -> Amounts {
        self.leave_unless(place, free, |role| tree.is_above(role, leaf))
    }

    /// What is left at a place for the frameworks of a role: all that is not kept for roles it is
    /// not in, nor for a gang.
    pub(super) fn leave_for_role(
        &self,
        tree: &Tree,
        place: Place,
        role: &Role,
        free: &Amounts,
    ) -> Amounts {
        self.leave_unless(place, free, |whose| tree.is_role_above(whose, role))
    }

    /// What is left at a place when all that is kept stays.
    pub(super) fn leave_all(&self, place: Place, free: &Amounts) -> Amounts {
        self.leave_unless(place, free, |_| false)
    }

    fn leave_unless(
        &self,
        place: Place,
        free: &Amounts,
        is_own: impl Fn(NodeIndex) -> bool,
    ) -> Amounts {
        let mut left = free.clone();
        let others = self.kept(place).filter(|(role, _)| !is_own(*role));
        others.for_each(|(_, piece)| left.take_some(piece));
        left
    }

    /// Keeps a piece at a place for somebody.
    pub(super) fn keep(&mut self, place: Place, whose: NodeIndex, piece: Amounts) {
        self.0.entry(place).or_default().push((whose, piece));
    }

    /// A leaf has been given something at a place: what was kept there for it is kept no longer,
    /// that of the role nearest to it first.
    pub(super) fn hand_over(
        &mut self,
        tree: &Tree,
        place: Place,
        leaf: NodeIndex,
        given: &Amounts,
    ) {
        let mut given = given.clone();
        let pieces = self.0.get_mut(&place).into_iter().flatten();
        for (_, piece) in pieces.filter(|(role, _)| tree.is_above(*role, leaf)) {
            let before = piece.clone();
            piece.take_some(&given);
            given.take_some(&before);
        }
    }

    /// For whom something is kept at a place.
    pub(super) fn kept_for(&self, place: Place) -> impl Iterator<Item = NodeIndex> {
        self.kept(place).filter(|(_, piece)| !piece.is_empty()).map(|(whose, _)| *whose)
    }

    /// Whether nothing is kept anywhere.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Places of which less is kept than before.
    pub(super) fn released(&self, before: &Self) -> Vec<Place> {
        let changed = before.0.iter().filter(|(place, pieces)| self.0.get(place) != Some(pieces));
        changed.map(|(place, _)| *place).collect()
    }

    /// Places of which another part is kept than before.
    pub(super) fn changes(&self, before: &Self) -> BTreeSet<Place> {
        let places = self.0.keys().chain(before.0.keys()).copied();
        places.filter(|place| self.0.get(place) != before.0.get(place)).collect()
    }

    fn kept(&self, place: Place) -> impl Iterator<Item = &(NodeIndex, Amounts)> {
        self.0.get(&place).into_iter().flatten()
    }
}
