//! A node of the tree and where it stands among its siblings. It does not know where in the tree it
//! is.

use super::{NodeIndex, Whom, siblings::Siblings};
use crate::allocator::{
    Amounts, Share, demand::BidderIndex, quota::RoleQuota, share::WEIGHT_DEFAULT,
};
use proto::model::{FrameworkId, Milli, Role};
use std::collections::BTreeSet;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) name: Name,
    pub(super) parent: NodeIndex,
    /// Of a role: the child that stands for the frameworks directly in it.
    pub(super) own: Option<NodeIndex>,
    pub(super) weight: Milli,
    pub(super) quota: Option<Box<RoleQuota>>,
    /// A limit has kept something back since the node last used less.
    pub(super) bound: bool,
    pub(super) used: Amounts,
    /// What of that is revocable, where anything is: a guarantee is not used by it.
    pub(super) revocable: Option<Box<Amounts>>,
    /// Of a leaf that wants offers.
    pub(super) active: Option<BidderIndex>,
    /// Every child, for as long as it is there.
    pub(super) children: BTreeSet<NodeIndex>,
    /// Children in order: those that want offers, and those of them that were renewed.
    pub(super) all: Siblings,
    pub(super) renewed: Siblings,
    /// Where it stands among its siblings.
    pub(super) key: Option<Key>,
    pub(super) key_renewed: bool,
}

/// Compares as siblings are served.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) not_owed: bool,
    pub(super) share: Share,
    pub(super) name: Name,
    pub(super) node: NodeIndex,
}

/// What a node is, and how ties are broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Name {
    Root,
    /// The frameworks directly in a role, together.
    Own,
    Framework(FrameworkId),
    Role(Role),
}

impl Node {
    pub(super) fn new(name: Name, parent: NodeIndex) -> Self {
        Self {
            name,
            parent,
            own: None,
            weight: WEIGHT_DEFAULT,
            quota: None,
            bound: false,
            used: Amounts::new(),
            revocable: None,
            active: None,
            children: BTreeSet::new(),
            all: Siblings::new(),
            renewed: Siblings::new(),
            key: None,
            key_renewed: false,
        }
    }

    pub(super) fn is_vacant(&self) -> bool {
        self.name == Name::Root
    }

    pub(super) fn children_of(&self, whom: Whom) -> &Siblings {
        match whom {
            Whom::All => &self.all,
            Whom::Renewed => &self.renewed,
        }
    }

    pub(super) fn owed(&self) -> Option<(Amounts, &RoleQuota)> {
        let quota = self.quota.as_deref()?;
        let owed = match &self.revocable {
            None => quota.owed(&self.used)?,
            Some(revocable) => {
                let mut firm = self.used.clone();
                firm.take_some(revocable);
                quota.owed(&firm)?
            }
        };
        Some((owed, quota))
    }

    /// Changes what it uses that is revocable.
    pub(super) fn change_revocable(&mut self, less: &Amounts, more: &Amounts) {
        if less.is_empty() && more.is_empty() {
            return;
        }
        let mut sum = self.revocable.take().unwrap_or_default();
        sum.subtract(less);
        sum.add(more);
        self.revocable = (!sum.is_empty()).then_some(sum);
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.quota.as_ref().is_some_and(|quota| quota.is_exhausted(&self.used))
    }

    /// Its part of these totals, over its weight.
    pub(super) fn share(&self, totals: &Amounts) -> Share {
        Share::dominant(totals, self.weight, &self.used)
    }

    /// Where it stands, if it does.
    pub(super) fn key(&self, node: NodeIndex, totals: &Amounts) -> Option<Key> {
        let wants = self.active.is_some() || !self.all.is_empty();
        if !wants || self.is_exhausted() {
            return None;
        }
        let below = self.all.first().is_none_or(|first| first.not_owed);
        Some(Key {
            not_owed: self.owed().is_none() && below,
            share: self.share(totals),
            name: self.name.clone(),
            node,
        })
    }
}
