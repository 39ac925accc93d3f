//! What is kept back for roles that are owed something and do not take it now: idle, or refusing
//! what is there; for a gang that gathers its pieces; and for a piece that room is gathered for.
//!
//! Kept as pieces on agents and not as one sum over the cluster, so that what is kept can be used:
//! crumbs on a thousand agents add up to any guarantee and hold no task. Roles below come before
//! those above them, whose guarantees theirs are part of; agents by place. Worked out anew from
//! what is free and owed; costs in proportion to what is owed.
//!
//! What revocable work holds could be had back, so that pieces may lie there as well as in what is
//! free: that part is *lent*, and takes nothing of what is free from others.

use super::{
    Amounts, Place,
    bundle::is_enough,
    quota::RoleQuota,
    tree::{NodeIndex, Tree},
};
use proto::model::Role;
use std::collections::{BTreeMap, BTreeSet};

/// Pieces by place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Headroom {
    /// Of what is free.
    kept: BTreeMap<Place, Vec<(NodeIndex, Amounts)>>,
    /// Of what revocable work holds.
    lent: BTreeMap<Place, Vec<(NodeIndex, Amounts)>>,
    /// Of whom those who come before it need not leave what is kept for it.
    in_turn: Option<NodeIndex>,
}

/// An agent, as pieces are found on it.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) place: Place,
    pub(super) free: Amounts,
    /// What could be had back, beyond what is free.
    pub(super) revocable: Amounts,
}

impl Headroom {
    /// What is to be kept of what is free and of what could be had back; sites by place.
    pub(super) fn work_out(tree: &Tree, sites: impl Iterator<Item = Site>) -> Self {
        let mut headroom = Self::default();
        // What is left of each agent; those of which nothing is left stand in front of the first.
        let mut left: Vec<Site> = Vec::new();
        let mut rest = sites;
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
                let site = &mut left[at];
                let piece = site.piece(&owed, quota);
                if !piece.is_empty() {
                    owed.take_some(&piece);
                    let of_free = site.take(&piece);
                    for above in tree.way_up(role) {
                        kept.entry(above).or_default().add(&piece);
                    }
                    headroom.note(site.place, role, piece, of_free);
                }
                if at == first && !site.is_enough() {
                    first += 1;
                }
                at += 1;
            }
        }
        headroom
    }

    /// A piece of which this much is of what is free.
    fn note(&mut self, place: Place, role: NodeIndex, piece: Amounts, kept: Amounts) {
        let mut lent = piece;
        lent.take_some(&kept);
        if !kept.is_empty() {
            self.kept.entry(place).or_default().push((role, kept));
        }
        if !lent.is_empty() {
            self.lent.entry(place).or_default().push((role, lent));
        }
    }

    /// What is left at a place for a leaf: all that is not kept for roles it is not in.
    pub(super) fn leave(
        &self,
        tree: &Tree,
        place: Place,
        leaf: NodeIndex,
        free: &Amounts,
    ) -> Amounts {
        self.leave_unless(place, free, |whose| {
            tree.is_above(whose, leaf) || self.comes_first(tree, leaf, whose)
        })
    }

    /// Whether a leaf need not leave what is kept for another one.
    fn comes_first(&self, tree: &Tree, leaf: NodeIndex, whose: NodeIndex) -> bool {
        let both_stand = || tree.standing(leaf).is_some() && tree.standing(whose).is_some();
        self.in_turn == Some(whose) && both_stand() && tree.is_before(leaf, whose)
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

    /// What is left at a place for revocable work of a leaf: what is kept for roles is lent, but
    /// not what is kept for a gang, or for whom others have given way.
    pub(super) fn lend(
        &self,
        tree: &Tree,
        place: Place,
        leaf: NodeIndex,
        free: &Amounts,
    ) -> Amounts {
        self.leave_unless(place, free, |whose| whose == leaf || !tree.is_leaf(whose))
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
        self.kept.entry(place).or_default().push((whose, piece));
    }

    /// The same, from those alone who come after it.
    pub(super) fn keep_in_turn(&mut self, place: Place, whose: NodeIndex, piece: Amounts) {
        self.in_turn = Some(whose);
        self.keep(place, whose, piece);
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
        let pieces = self.kept.get_mut(&place).into_iter().flatten();
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
        self.kept.is_empty() && self.lent.is_empty()
    }

    /// What is kept for a role at a place, of what is free.
    pub(super) fn kept_of(&self, place: Place, whose: NodeIndex) -> Amounts {
        let mut sum = Amounts::new();
        let own = self.kept(place).filter(|(other, _)| *other == whose);
        own.for_each(|(_, piece)| sum.add(piece));
        sum
    }

    /// Whether anything that is kept is lent.
    pub(super) fn has_lent(&self) -> bool {
        !self.lent.is_empty()
    }

    /// What is lent: by place, of whose.
    pub(super) fn lent(&self) -> impl Iterator<Item = (Place, NodeIndex, &Amounts)> {
        self.lent
            .iter()
            .flat_map(|(place, pieces)| pieces.iter().map(|(whose, piece)| (*place, *whose, piece)))
    }

    /// What is lent at a place of roles that a leaf is not in.
    pub(super) fn lent_of_others(&self, tree: &Tree, place: Place, leaf: NodeIndex) -> Amounts {
        let mut sum = Amounts::new();
        let pieces = self.lent.get(&place).into_iter().flatten();
        let others = pieces.filter(|(role, _)| !tree.is_above(*role, leaf));
        others.for_each(|(_, piece)| sum.add(piece));
        sum
    }

    /// Places of which less is kept than before.
    pub(super) fn released(&self, before: &Self) -> Vec<Place> {
        let is_other = |(place, pieces): &(&Place, _)| self.kept.get(place) != Some(*pieces);
        let changed = before.kept.iter().filter(is_other);
        changed.map(|(place, _)| *place).collect()
    }

    /// Places of which another part is kept than before.
    pub(super) fn changes(&self, before: &Self) -> BTreeSet<Place> {
        let places = self.kept.keys().chain(before.kept.keys()).copied();
        places.filter(|place| self.kept.get(place) != before.kept.get(place)).collect()
    }

    fn kept(&self, place: Place) -> impl Iterator<Item = &(NodeIndex, Amounts)> {
        self.kept.get(&place).into_iter().flatten()
    }
}

impl Site {
    /// A piece of what is owed, of all that could be had.
    fn piece(&self, owed: &Amounts, quota: &RoleQuota) -> Amounts {
        if self.revocable.is_empty() {
            return quota.piece(owed, &self.free);
        }
        let mut all = self.free.clone();
        all.add(&self.revocable);
        quota.piece(owed, &all)
    }

    /// Takes a piece, of what could be had back first: what is free others could use as it is. Says
    /// how much is of what is free.
    fn take(&mut self, piece: &Amounts) -> Amounts {
        let mut of_free = piece.clone();
        of_free.take_some(&self.revocable);
        self.revocable.take_some(piece);
        self.free.take_some(&of_free);
        of_free
    }

    fn is_enough(&self) -> bool {
        is_enough(&self.free) || is_enough(&self.revocable)
    }
}
