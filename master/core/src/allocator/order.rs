//! Bidders by fairness: roles by weighted share, within a role frameworks by share, ties by name
//! and id. Moving one costs the logarithm of how many there are. It does not know where shares come
//! from.

use super::{Bidder, Share};
use proto::model::{FrameworkId, Role};
use std::collections::{BTreeMap, BTreeSet};

/// The order, roles without bidders left out.
#[derive(Debug, Clone, Default)]
pub struct Order {
    by_share: BTreeSet<(Share, Role)>,
    roles: BTreeMap<Role, RoleEntry>,
}

#[derive(Debug, Clone)]
struct RoleEntry {
    share: Share,
    by_share: BTreeSet<(Share, FrameworkId)>,
    shares: BTreeMap<FrameworkId, Share>,
}

/// Where a bidder stands: compares as the order does.
pub type Rank = (Share, Role, Share, FrameworkId);

impl Order {
    /// Puts a bidder in its place, or moves it there; its role as well.
    pub fn set(&mut self, bidder: &Bidder, role_share: Share, share: Share) {
        let (by_share, shares) = (BTreeSet::new(), BTreeMap::new());
        let entry = self.roles.entry(bidder.role.clone()).or_insert_with(|| {
            self.by_share.insert((role_share, bidder.role.clone()));
            RoleEntry { share: role_share, by_share, shares }
        });
        if let Some(previous) = entry.shares.insert(bidder.framework, share) {
            entry.by_share.remove(&(previous, bidder.framework));
        }
        entry.by_share.insert((share, bidder.framework));
        assert_eq!(entry.shares.len(), entry.by_share.len(), "one place per framework");
        self.set_role(&bidder.role, role_share);
    }

    /// Moves a role to its place, if any bidder is in it.
    pub fn set_role(&mut self, role: &Role, share: Share) {
        if let Some(entry) = self.roles.get_mut(role)
            && entry.share != share
        {
            let mut place = (entry.share, role.clone());
            assert!(self.by_share.remove(&place), "every role has its place");
            place.0 = share;
            self.by_share.insert(place);
            entry.share = share;
        }
    }

    /// Takes a bidder out, if it is there.
    pub fn remove(&mut self, bidder: &Bidder) {
        let Some(entry) = self.roles.get_mut(&bidder.role) else { return };
        let Some(share) = entry.shares.remove(&bidder.framework) else { return };
        assert!(entry.by_share.remove(&(share, bidder.framework)), "one place per framework");
        if entry.shares.is_empty() {
            assert!(
                self.by_share.remove(&(entry.share, bidder.role.clone())),
                "one place per role"
            );
            self.roles.remove(&bidder.role);
        }
    }

    /// All bidders, the one with the smallest share first, with their ranks.
    pub fn walk(&self) -> impl Iterator<Item = Rank> {
        self.by_share.iter().flat_map(|(role_share, role)| {
            let frameworks = self.roles[role].by_share.iter();
            frameworks.map(|(share, framework)| (*role_share, role.clone(), *share, *framework))
        })
    }

    /// Whether the bidder is there.
    pub fn contains(&self, bidder: &Bidder) -> bool {
        self.roles.get(&bidder.role).is_some_and(|role| role.shares.contains_key(&bidder.framework))
    }

    /// A bidder's rank, if it is there.
    pub fn rank(&self, bidder: &Bidder) -> Option<Rank> {
        let role = self.roles.get(&bidder.role)?;
        let share = role.shares.get(&bidder.framework)?;
        Some((role.share, bidder.role.clone(), *share, bidder.framework))
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty()
    }
}
