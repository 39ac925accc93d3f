//! What a plan needs to look at: what the logs of view and demand say since the plan before.
//!
//! It does not know who gets what.

use super::{
    Bidder, Demand, Place, PlaceSet, View,
    demand::DemandChange,
    tree::{NodeIndex, Tree},
    view::ViewChange,
};
use proto::model::Role;
use std::collections::{BTreeMap, BTreeSet};

/// What the next plan needs to look at.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// All agents may be such as are freed.
    pub(super) all_freed: bool,
    /// Agents for which anybody may be eligible, in order.
    freed: Vec<Place>,
    /// Bidders that may be eligible for any agent.
    pub(super) renewed: BTreeSet<NodeIndex>,
    /// Bidders that may be eligible for this agent.
    pub(super) reopened: BTreeMap<Place, BTreeSet<NodeIndex>>,
}

/// An agent to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Look {
    pub(super) place: Place,
    /// Anybody may be eligible for it, and not only those who are renewed or reopened.
    pub(super) anybody: bool,
}

/// How far the logs of view and demand were read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    view: u64,
    demand: u64,
}

/// What the logs say.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// All that there is may be different.
    pub(super) everything: bool,
    totals: bool,
    roles: BTreeSet<Role>,
    /// Roles with other reservations.
    charged: BTreeSet<Role>,
    /// Those who use or want something else.
    pub(super) bidders: BTreeSet<Bidder>,
    renewed: BTreeSet<Bidder>,
    reopened: BTreeSet<(Bidder, Place)>,
    freed: Vec<Place>,
}

impl Read {
    /// All of both logs as they are now.
    pub(super) fn all(view: &View, demand: &Demand) -> Self {
        Self { view: view.changes().end(), demand: demand.changes().end() }
    }
}

impl Changed {
    /// What has changed since the logs were read that far.
    pub(super) fn since(read: Option<Read>, view: &View, demand: &Demand) -> Self {
        let mut changed = Self::default();
        changed.read_view(read, view);
        changed.read_demand(read, demand);
        changed
    }

    fn read_view(&mut self, read: Option<Read>, view: &View) {
        let Some(changes) = read.and_then(|read| view.changes().since(read.view)) else {
            self.everything = true;
            return;
        };
        let mut users = Vec::new();
        for change in changes {
            match change {
                ViewChange::Freed(place) => self.freed.push(*place),
                ViewChange::Used(user) => users.push(*user),
                ViewChange::Gone(bidder) => self.note_bidder(bidder),
                ViewChange::Totals => self.totals = true,
                ViewChange::Configured(role) => drop(self.roles.insert(role.clone())),
                ViewChange::Charged(role) => drop(self.charged.insert(role.clone())),
            }
        }
        users.sort_unstable();
        users.dedup();
        let users = users.into_iter().filter_map(|user| view.user(user));
        users.for_each(|bidder| self.note_bidder(bidder));
    }

    fn read_demand(&mut self, read: Option<Read>, demand: &Demand) {
        let Some(changes) = read.and_then(|read| demand.changes().since(read.demand)) else {
            self.everything = true;
            return;
        };
        for change in changes {
            match change {
                DemandChange::Renewed(bidder) => {
                    self.renewed.insert(bidder.clone());
                    self.note_bidder(bidder);
                }
                DemandChange::Withdrawn(bidder) => self.note_bidder(bidder),
                DemandChange::Reopened(bidder, place) => {
                    self.reopened.insert((bidder.clone(), *place));
                }
            }
        }
    }

    /// Something may be free there that was planned to be given.
    pub(super) fn note_freed(&mut self, places: impl Iterator<Item = Place>) {
        self.freed.extend(places);
    }

    /// What it uses or wants may be something else.
    pub(super) fn note_bidder(&mut self, bidder: &Bidder) {
        if !self.bidders.contains(bidder) {
            self.bidders.insert(bidder.clone());
        }
    }

    /// Brings the tree up to date; `None` when there are too many changes for that.
    pub(super) fn follow(self, tree: &mut Tree, view: &View, demand: &Demand) -> Option<Scope> {
        if self.everything {
            return None;
        }
        let mut scope = Scope::default();
        if self.totals {
            tree.set_totals(view.totals());
        }
        for role in &self.roles {
            scope.renewed.extend(tree.configure(role, &view.role(role)));
        }
        for role in self.charged.union(&self.roles) {
            scope.renewed.extend(tree.charge(role, view.charge(role)));
        }
        for bidder in &self.bidders {
            scope.renewed.extend(set(tree, bidder, view, demand));
        }
        let leaf = |bidder: &Bidder| tree.leaf(bidder);
        scope.renewed.extend(self.renewed.iter().filter_map(leaf));
        for (bidder, place) in &self.reopened {
            scope.reopened.entry(*place).or_default().extend(leaf(bidder));
        }
        scope.add_freed(self.freed);
        Some(scope)
    }
}

impl Scope {
    /// Everything, and a tree for that.
    pub(super) fn everything(tree: &mut Tree, view: &View, demand: &Demand) -> Self {
        *tree = Tree::new(view.totals());
        let roles: BTreeSet<_> = view.configured_roles().collect();
        for role in roles {
            tree.configure(role, &view.role(role));
            tree.charge(role, view.charge(role));
        }
        let bidders: BTreeSet<_> = view.users().cloned().chain(demand.bidders()).collect();
        bidders.iter().for_each(|bidder| drop(set(tree, bidder, view, demand)));
        Self { all_freed: true, ..Self::default() }
    }

    /// Nothing but these agents and bidders.
    pub(super) fn of(freed: Vec<Place>, renewed: BTreeSet<NodeIndex>) -> Self {
        let mut scope = Self { renewed, ..Self::default() };
        scope.add_freed(freed);
        scope
    }

    /// Anybody may be eligible for these agents too.
    pub(super) fn add_freed(&mut self, places: Vec<Place>) {
        self.freed.extend(places);
        self.freed.sort_unstable();
        self.freed.dedup();
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.all_freed
            && self.freed.is_empty()
            && self.renewed.is_empty()
            && self.reopened.is_empty()
    }

    /// Agents that a bidder may have become eligible for, in order.
    pub(super) fn candidates(&self, leaf: NodeIndex, offerable: &PlaceSet) -> Vec<Place> {
        if self.all_freed || self.renewed.contains(&leaf) {
            return offerable.iter().collect();
        }
        let looks = self.some_looks(offerable).into_iter();
        let is_one = |look: &Look| {
            let reopened = self.reopened.get(&look.place);
            look.anybody || reopened.is_some_and(|leaves| leaves.contains(&leaf))
        };
        looks.filter(is_one).map(|look| look.place).collect()
    }

    /// Whether anybody may be eligible for an agent.
    pub(super) fn is_for_all(&self, place: Place) -> bool {
        self.all_freed || self.freed.binary_search(&place).is_ok()
    }

    /// The agents to look at, in order.
    pub(super) fn looks(&self, start: Option<Place>, offerable: &PlaceSet) -> Vec<Look> {
        let mut looks = match self.all_freed || !self.renewed.is_empty() {
            true => self.all_looks(offerable),
            false => self.some_looks(offerable),
        };
        let after_start =
            looks.partition_point(|look| start.is_some_and(|start| look.place <= start));
        looks.rotate_left(after_start);
        looks
    }

    fn all_looks(&self, offerable: &PlaceSet) -> Vec<Look> {
        let mut freed = self.freed.iter().copied().peekable();
        let look = |place| {
            while freed.next_if(|freed| *freed < place).is_some() {}
            Look { place, anybody: self.all_freed || freed.peek() == Some(&place) }
        };
        offerable.iter().map(look).collect()
    }

    fn some_looks(&self, offerable: &PlaceSet) -> Vec<Look> {
        let freed = self.freed.iter().map(|place| Look { place: *place, anybody: true });
        let is_freed = |place: &Place| self.freed.binary_search(place).is_ok();
        let reopened = self.reopened.keys().filter(|place| !is_freed(place));
        let reopened = reopened.map(|place| Look { place: *place, anybody: false });
        let looks = freed.chain(reopened).filter(|look| offerable.contains(look.place));
        let mut looks: Vec<_> = looks.collect();
        looks.sort_unstable();
        looks
    }
}

/// Reads again what a bidder uses and wants.
fn set(tree: &mut Tree, bidder: &Bidder, view: &View, demand: &Demand) -> Vec<NodeIndex> {
    let revocable = view.revocable(bidder);
    tree.set(bidder, &view.used(bidder), &revocable, demand.active(bidder))
}
