//! What changes the tree: use, wishes, weights and quota. Everything ends with the nodes on the way
//! to the root standing in their places again.

use super::{
    NodeIndex, ROOT, Tree,
    node::{Key, Name, Node},
    siblings::Siblings,
};
use crate::{
    allocator::{
        Amounts, Bidder, Charge, demand::BidderIndex, quota::RoleQuota, share::WEIGHT_DEFAULT,
    },
    ledger::RoleConfig,
};
use proto::model::Role;
use std::{collections::BTreeSet, mem};

impl Tree {
    /// Sets what a bidder uses, what of that is revocable, and whether it wants offers. Returns the
    /// leaves that may be eligible for more by that: a limit keeps less back, or their role is owed
    /// something no longer.
    pub fn set(
        &mut self,
        bidder: &Bidder,
        used: &Amounts,
        revocable: &Amounts,
        active: Option<BidderIndex>,
    ) -> Vec<NodeIndex> {
        let leaf = match self.leaf(bidder) {
            Some(leaf) => leaf,
            None if active.is_none() && used.is_empty() => return Vec::new(),
            None => self.add_leaf(bidder),
        };
        let node = self.node(leaf);
        let lent_before = node.revocable.as_deref().cloned().unwrap_or_default();
        if node.used == *used && node.active == active && lent_before == *revocable {
            return Vec::new();
        }
        let before = node.used.clone();
        let mut relieved = Vec::new();
        if before != *used || lent_before != *revocable {
            let above: Vec<_> = self.path_indexes(leaf).collect();
            for index in above {
                let node = self.node_mut(index);
                let was_owed = node.owed().is_some();
                node.used.subtract(&before);
                node.used.add(used);
                node.change_revocable(&lent_before, revocable);
                let less_bound = node.bound && !used.contains(&before);
                if less_bound || was_owed != node.owed().is_some() {
                    node.bound &= !less_bound;
                    relieved.push(index);
                }
            }
        }
        self.node_mut(leaf).active = active;
        self.settle(leaf);
        let leaves = relieved.into_iter().flat_map(|index| self.active_below(index)).collect();
        if active.is_none() && used.is_empty() {
            self.leaves.remove(bidder);
            self.leave(leaf);
        }
        leaves
    }

    /// A leaf gets more, revocable or not. Returns the leaves that may be eligible for more by
    /// that, because their role is owed something no longer.
    pub fn give(&mut self, leaf: NodeIndex, amounts: &Amounts, revocable: bool) -> Vec<NodeIndex> {
        let mut eased = Vec::new();
        let mut index = leaf;
        while index != ROOT {
            let node = self.node_mut(index);
            let was_owed = node.owed().is_some();
            node.used.add(amounts);
            if revocable {
                node.change_revocable(&Amounts::new(), amounts);
            }
            node.bound |= node.is_exhausted();
            if was_owed && node.owed().is_none() {
                eased.push(index);
            }
            self.place(index);
            index = self.node(index).parent;
        }
        eased.into_iter().flat_map(|index| self.active_below(index)).collect()
    }

    /// A limit above this leaf keeps something back from it.
    pub fn note_bound(&mut self, leaf: NodeIndex) {
        let above: Vec<_> = self.path_indexes(leaf).collect();
        for index in above {
            let node = self.node_mut(index);
            node.bound |= node.quota.is_some();
        }
    }

    /// Sets what is said of a role. Returns the leaves below it, which may be eligible for more.
    pub fn configure(&mut self, role: &Role, said: &RoleConfig) -> Vec<NodeIndex> {
        let is_default = said.weight.is_none() && said.quota.is_none();
        if is_default && !self.roles.contains_key(role) {
            return Vec::new();
        }
        let index = self.add_role(role);
        let node = self.node_mut(index);
        node.weight = said.weight.unwrap_or(WEIGHT_DEFAULT);
        node.quota = said.quota.as_ref().map(|quota| Box::new(RoleQuota::new(quota)));
        node.bound = node.is_exhausted();
        match said.quota {
            Some(_) => drop(self.quotas.insert(role.clone(), index)),
            None => drop(self.quotas.remove(role)),
        }
        self.settle(index);
        let below = self.active_below(index);
        self.leave(index);
        below
    }

    /// Something else of reservations counts towards a role's quota. Returns the leaves below it,
    /// if they may be eligible for more by that.
    pub fn charge(&mut self, role: &Role, charge: &Charge) -> Vec<NodeIndex> {
        let Some(index) = self.quotas.get(role).copied() else { return Vec::new() };
        let node = self.node_mut(index);
        let was_owed = node.owed().is_some();
        let quota = node.quota.as_mut().expect("a role among those with a quota");
        if !quota.set_charge(charge) {
            return Vec::new();
        }
        let relieved = node.bound || was_owed != node.owed().is_some();
        node.bound = node.is_exhausted();
        self.settle(index);
        match relieved {
            true => self.active_below(index),
            false => Vec::new(),
        }
    }

    /// Walks these leaves as renewed, and no others.
    pub fn set_renewed(&mut self, leaves: BTreeSet<NodeIndex>) {
        let before = mem::replace(&mut self.renewed, leaves);
        for leaf in before.symmetric_difference(&self.renewed.clone()) {
            if !self.node(*leaf).is_vacant() {
                self.settle(*leaf);
            }
        }
    }

    /// A leaf has all that it wants of this plan: it is walked as renewed no longer.
    pub(in crate::allocator) fn is_content(&mut self, leaf: NodeIndex) {
        if self.renewed.remove(&leaf) && !self.node(leaf).is_vacant() {
            self.settle(leaf);
        }
    }

    /// Shares are of other totals from now on. Who stands in the order, and who in it is owed
    /// something, is the same as before.
    pub fn set_totals(&mut self, totals: &Amounts) {
        self.totals = totals.clone();
        for node in &mut self.nodes {
            let share = node.share(totals);
            node.key.iter_mut().for_each(|key| key.share = share);
        }
        for index in (0..self.nodes.len()).map(NodeIndex::at) {
            let again = |siblings: &Siblings| {
                let keys = siblings.iter().map(|key| self.node(key.node).key.clone());
                Siblings::of(keys.map(|key| key.expect("who stands has a key")).collect())
            };
            let node = self.node(index);
            let (all, renewed) = (again(&node.all), again(&node.renewed));
            let node = self.node_mut(index);
            (node.all, node.renewed) = (all, renewed);
        }
    }

    /// Leaves that want offers, whether or not they stand in the order.
    pub(in crate::allocator) fn active_below(&self, index: NodeIndex) -> Vec<NodeIndex> {
        let mut leaves = Vec::new();
        let mut open = vec![index];
        while let Some(index) = open.pop() {
            let node = self.node(index);
            leaves.extend(node.active.is_some().then_some(index));
            open.extend(&node.children);
        }
        leaves
    }

    fn add_leaf(&mut self, bidder: &Bidder) -> NodeIndex {
        let role = self.add_role(&bidder.role);
        let own = match self.node(role).own {
            Some(own) => own,
            None => {
                let own = self.add(Name::Own, role);
                self.node_mut(role).own = Some(own);
                own
            }
        };
        let leaf = self.add(Name::Framework(bidder.framework), own);
        self.leaves.insert(bidder.clone(), leaf);
        leaf
    }

    fn add_role(&mut self, role: &Role) -> NodeIndex {
        if let Some(index) = self.roles.get(role) {
            return *index;
        }
        let parent = role.parent().map_or(ROOT, |parent| self.add_role(&parent));
        let index = self.add(Name::Role(role.clone()), parent);
        self.roles.insert(role.clone(), index);
        index
    }

    fn add(&mut self, name: Name, parent: NodeIndex) -> NodeIndex {
        let node = Node::new(name, parent);
        let index = match self.vacant.pop() {
            Some(index) => {
                *self.node_mut(index) = node;
                index
            }
            None => {
                self.nodes.push(node);
                NodeIndex::at(self.nodes.len() - 1)
            }
        };
        self.node_mut(parent).children.insert(index);
        index
    }

    /// Takes a node out that has become pointless, and those above that become so by it.
    fn leave(&mut self, mut index: NodeIndex) {
        while index != ROOT {
            let node = self.node(index);
            let said = node.quota.is_some() || node.weight != WEIGHT_DEFAULT;
            let is_leaf = matches!(node.name, Name::Framework(_));
            if !node.children.is_empty() || said || (is_leaf && node.active.is_some()) {
                return;
            }
            assert!(node.used.is_empty(), "who is not there uses nothing");
            let parent = node.parent;
            self.stand(index, None, false);
            let node = mem::replace(self.node_mut(index), Node::new(Name::Root, ROOT));
            self.vacant.push(index);
            self.renewed.remove(&index);
            match node.name {
                Name::Role(role) => drop(self.roles.remove(&role)),
                Name::Own => self.node_mut(parent).own = None,
                Name::Root | Name::Framework(_) => {}
            }
            self.node_mut(parent).children.remove(&index);
            self.settle(parent);
            index = parent;
        }
    }

    /// Puts a node and all above it in their places.
    fn settle(&mut self, from: NodeIndex) {
        let mut index = from;
        while index != ROOT {
            self.place(index);
            index = self.node(index).parent;
        }
    }

    /// Puts a node in its place among its siblings, whose order below is right.
    fn place(&mut self, index: NodeIndex) {
        if index == ROOT {
            return;
        }
        let key = self.node(index).key(index, &self.totals);
        let renewed = key.is_some() && self.is_renewed(index);
        let node = self.node(index);
        if key == node.key && renewed == node.key_renewed {
            return;
        }
        self.stand(index, key, renewed);
    }

    /// Whether it is, or has below it, a renewed leaf that stands in the order.
    fn is_renewed(&self, index: NodeIndex) -> bool {
        let node = self.node(index);
        match node.active {
            Some(_) => self.renewed.contains(&index),
            None => !node.renewed.is_empty(),
        }
    }

    /// Puts a node where its key says; out of the order without one.
    fn stand(&mut self, index: NodeIndex, key: Option<Key>, renewed: bool) {
        let node = self.node_mut(index);
        let before = mem::replace(&mut node.key, key.clone());
        let was_renewed = mem::replace(&mut node.key_renewed, renewed);
        let parent = node.parent;
        let parent = self.node_mut(parent);
        if was_renewed || renewed {
            let before = before.as_ref().filter(|_| was_renewed);
            parent.renewed.change(before, key.clone().filter(|_| renewed));
        }
        parent.all.change(before.as_ref(), key);
    }
}
