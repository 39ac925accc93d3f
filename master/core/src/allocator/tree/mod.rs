//! Fairness: the tree of roles with the frameworks as its leaves, every node's children in the
//! order in which they are to be served.
//!
//! A node uses what all leaves below it use. Among siblings, those who are owed something by a
//! guarantee come first, then the smallest dominant share over weight, ties by name or id (weighted
//! DRF at each level, as Mesos' sorter has it, and as "Hierarchical Scheduling for Diverse
//! Datacenter Workloads", SoCC'13, discusses). The frameworks that are directly in a role compete
//! with its child roles as one child of weight 1 (Mesos' virtual leaf). Only who wants offers
//! stands in the order; who has exhausted a limit does not. To change what one leaf uses costs its
//! depth times the logarithm of the number of siblings. It does not know agents.

mod changes;
mod node;
mod siblings;

use self::node::{Name, Node};
use super::{Amounts, Bidder, demand::BidderIndex, quota::RoleQuota};
use proto::model::Role;
use std::collections::{BTreeMap, BTreeSet};

/// A node's place in the tree; given to another one when it has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeIndex(u32);

const ROOT: NodeIndex = NodeIndex(0);

impl NodeIndex {
    pub(super) fn at(position: usize) -> Self {
        Self(u32::try_from(position).expect("roles and frameworks are limited"))
    }

    pub(super) fn position(self) -> usize {
        self.0 as usize
    }
}

/// The tree.
#[derive(Debug, Clone)]
pub struct Tree {
    nodes: Vec<Node>,
    vacant: Vec<NodeIndex>,
    roles: BTreeMap<Role, NodeIndex>,
    leaves: BTreeMap<Bidder, NodeIndex>,
    /// Roles with a quota.
    quotas: BTreeMap<Role, NodeIndex>,
    /// Leaves that are walked by [`Whom::Renewed`].
    renewed: BTreeSet<NodeIndex>,
    totals: Amounts,
}

/// Among whom to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// Everybody who wants offers.
    All,
    /// Those of them who were renewed.
    Renewed,
}

/// Whether an offer serves what a leaf is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Served {
    NothingOwed,
    /// It is owed something, but no piece of that fits.
    NotHere,
    Here,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new(&Amounts::new())
    }
}

impl Tree {
    /// A tree without leaves; shares are of these totals.
    pub fn new(totals: &Amounts) -> Self {
        Self {
            nodes: vec![Node::new(Name::Root, ROOT)],
            vacant: Vec::new(),
            roles: BTreeMap::new(),
            leaves: BTreeMap::new(),
            quotas: BTreeMap::new(),
            renewed: BTreeSet::new(),
            totals: totals.clone(),
        }
    }

    // === what is so ===

    /// Whether nobody wants offers, of all or of the renewed.
    pub fn is_idle(&self, whom: Whom) -> bool {
        self.node(ROOT).children_of(whom).is_empty()
    }

    /// The first leaf, in order, that the visitor wants; what it says of it.
    pub fn first<R>(
        &self,
        whom: Whom,
        mut visit: impl FnMut(NodeIndex, BidderIndex) -> Option<R>,
    ) -> Option<R> {
        self.first_below(ROOT, whom, &mut visit)
    }

    /// The same of the leaves below a node, if that stands in the order with all above it.
    pub(super) fn first_in<R>(
        &self,
        index: NodeIndex,
        mut visit: impl FnMut(NodeIndex, BidderIndex) -> Option<R>,
    ) -> Option<R> {
        let stands = self.path(index).all(|node| node.key.is_some());
        let leaf = stands.then_some(self.node(index).active).flatten();
        match leaf {
            Some(bidder) => visit(index, bidder),
            None if stands => self.first_below(index, Whom::All, &mut visit),
            None => None,
        }
    }

    fn first_below<R>(
        &self,
        index: NodeIndex,
        whom: Whom,
        visit: &mut impl FnMut(NodeIndex, BidderIndex) -> Option<R>,
    ) -> Option<R> {
        self.node(index).children_of(whom).iter().find_map(|key| match self.node(key.node).active {
            Some(bidder) => visit(key.node, bidder),
            None => self.first_below(key.node, whom, visit),
        })
    }

    /// A bidder's leaf.
    pub fn leaf(&self, bidder: &Bidder) -> Option<NodeIndex> {
        self.leaves.get(bidder).copied()
    }

    /// The bidder index of a leaf that stands in the order with all nodes above it.
    pub fn standing(&self, leaf: NodeIndex) -> Option<BidderIndex> {
        let stands = self.path(leaf).all(|node| node.key.is_some());
        self.node(leaf).active.filter(|_| stands)
    }

    /// Whether one leaf comes before another. Both stand in the order.
    pub fn is_before(&self, leaf: NodeIndex, other: NodeIndex) -> bool {
        let keys = |leaf| {
            let mut keys: Vec<_> = self.path(leaf).map(|node| &node.key).collect();
            keys.reverse();
            keys
        };
        keys(leaf) < keys(other)
    }

    /// Who a leaf is.
    pub fn bidder(&self, leaf: NodeIndex) -> Bidder {
        let node = self.node(leaf);
        let Name::Framework(framework) = node.name else { unreachable!("leaves are frameworks") };
        let role = &self.node(self.node(node.parent).parent).name;
        let Name::Role(role) = role else { unreachable!("frameworks are in roles") };
        Bidder { framework, role: role.clone() }
    }

    /// Whether a node is a role's, and the role this one or above it.
    pub(super) fn is_role_above(&self, node: NodeIndex, role: &Role) -> bool {
        matches!(&self.node(node).name, Name::Role(own) if role.is_within(own))
    }

    /// Whether any role has a quota.
    pub fn has_quotas(&self) -> bool {
        !self.quotas.is_empty()
    }

    /// Roles that are owed something that their limits allow: the node, what, and by which quota; a
    /// role after those above it.
    pub(super) fn owed(&self) -> impl DoubleEndedIterator<Item = (NodeIndex, Amounts, &RoleQuota)> {
        self.quotas.values().filter_map(|index| {
            let (mut owed, quota) = self.node(*index).owed()?;
            self.limit(*index, &mut owed);
            Some((*index, owed, quota))
        })
    }

    /// Whether a leaf's role, or one above it, is owed something.
    pub(super) fn is_owed(&self, leaf: NodeIndex) -> bool {
        self.path(leaf).any(|node| node.owed().is_some())
    }

    /// Whether a node is a framework in a role, and no role.
    pub(super) fn is_leaf(&self, index: NodeIndex) -> bool {
        matches!(self.node(index).name, Name::Framework(_))
    }

    /// A role's node.
    pub(super) fn role(&self, role: &Role) -> Option<NodeIndex> {
        self.roles.get(role).copied()
    }

    /// Takes away what the limits of a node and of those above it do not leave.
    pub(super) fn limit(&self, index: NodeIndex, amounts: &mut Amounts) {
        for node in self.path(index) {
            if let Some(quota) = &node.quota {
                quota.limit(&node.used, amounts);
            }
        }
    }

    /// A node and all that are above it.
    pub(super) fn way_up(&self, node: NodeIndex) -> impl Iterator<Item = NodeIndex> {
        self.path_indexes(node)
    }

    /// Whether `above` is on the way from a node to the root, the node included.
    pub fn is_above(&self, above: NodeIndex, node: NodeIndex) -> bool {
        self.path_indexes(node).any(|index| index == above)
    }

    /// How much of what is free a leaf may be offered: no more than its limits leave, and while it
    /// is owed something, the piece that serves that; and whether there is such a piece if it is.
    pub(super) fn allowed(&self, leaf: NodeIndex, free: &Amounts) -> (Amounts, Served) {
        let mut allowed = free.clone();
        let mut served = Served::NothingOwed;
        self.limit(leaf, &mut allowed);
        for node in self.path(leaf) {
            let Some((owed, quota)) = node.owed() else { continue };
            let piece = quota.piece(&owed, &allowed);
            match piece.is_empty() {
                true if served == Served::NothingOwed => served = Served::NotHere,
                true => {}
                false => served = Served::Here,
            }
            piece.iter().for_each(|(name, milli)| allowed.set(name, milli));
        }
        (allowed, served)
    }

    // === the rooms inside ===

    fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.position()]
    }

    fn node_mut(&mut self, index: NodeIndex) -> &mut Node {
        &mut self.nodes[index.position()]
    }

    /// A node and all nodes above it, without the root.
    fn path_indexes(&self, from: NodeIndex) -> impl Iterator<Item = NodeIndex> {
        let next = |index: NodeIndex| (index != ROOT).then_some(index);
        std::iter::successors(next(from), move |index| next(self.node(*index).parent))
    }

    fn path(&self, from: NodeIndex) -> impl Iterator<Item = &Node> {
        self.path_indexes(from).map(|index| self.node(index))
    }
}
