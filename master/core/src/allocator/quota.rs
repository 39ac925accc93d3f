//! What a role's quota means at one moment: how much it may still get, and how much it is owed.
//!
//! A role is *owed* what its guarantee promises and its subtree does not use, as long as that can
//! be placed: once one resource of the guarantee is used up (or less than one shape is left), the
//! rest is of no use by itself. It does not know the tree, nor where anything could be placed.

use super::{Amounts, Charge, bundle::is_enough};
use proto::model::{Milli, Quota, ResourceName};

/// A role's quota, ready to calculate with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoleQuota {
    guarantee: Amounts,
    /// Zero is a limit.
    limit: Vec<(ResourceName, u128)>,
    shape: Option<Amounts>,
    /// What of reservations counts.
    charge: Charge,
}

impl RoleQuota {
    pub(super) fn new(quota: &Quota) -> Self {
        Self {
            guarantee: Amounts::of(quota.guarantee()),
            limit: quota.limits().map(|(name, most)| (name.clone(), amount(most))).collect(),
            shape: quota.shape().map(Amounts::of),
            charge: Charge::default(),
        }
    }

    /// Something else of reservations counts from now on; whether it does.
    pub(super) fn set_charge(&mut self, charge: &Charge) -> bool {
        let is_other = self.charge != *charge;
        if is_other {
            self.charge = charge.clone();
        }
        is_other
    }

    /// What is promised and not used; `None` when nothing is owed.
    pub(super) fn owed(&self, used: &Amounts) -> Option<Amounts> {
        let used = self.charge.with(used);
        let mut owed = Amounts::new();
        for (name, promised) in self.guarantee.iter() {
            owed.set(name, promised.saturating_sub(used.get(name)));
        }
        let piece = self.shape.as_ref();
        let placeable = match piece {
            Some(shape) => owed.contains(shape),
            None => self.guarantee.iter().all(|(name, _)| owed.get(name) > 0),
        };
        (placeable && !owed.is_empty()).then_some(owed)
    }

    /// How much of what is free on one agent serves what is owed: whole shapes, or as much as there
    /// is of every resource that is owed; nothing when there is none of one.
    pub(super) fn piece(&self, owed: &Amounts, free: &Amounts) -> Amounts {
        let mut piece = Amounts::new();
        match &self.shape {
            Some(shape) => {
                let times =
                    shape.iter().map(|(name, one)| free.get(name).min(owed.get(name)) / one);
                let times = times.min().expect("a shape is not empty");
                shape.iter().for_each(|(name, one)| piece.set(name, one * times));
            }
            None => {
                for (name, _) in self.guarantee.iter() {
                    let part = owed.get(name).min(free.get(name));
                    if part == 0 {
                        return Amounts::new();
                    }
                    piece.set(name, part);
                }
            }
        }
        piece
    }

    /// Whether the limits leave nothing that is worth an offer.
    pub(super) fn is_exhausted(&self, used: &Amounts) -> bool {
        let used = &self.charge.with(used);
        // What may be offered if everything were free.
        let mut most = Amounts::new();
        for name in [&ResourceName::CPUS, &ResourceName::MEM] {
            most.set(name, self.left(name, used).unwrap_or(u128::MAX));
        }
        !is_enough(&most)
    }

    /// Takes away what the limits do not leave.
    pub(super) fn limit(&self, used: &Amounts, amounts: &mut Amounts) {
        let used = self.charge.with(used);
        for (name, most) in &self.limit {
            let left = most.saturating_sub(used.get(name));
            if left < amounts.get(name) {
                amounts.set(name, left);
            }
        }
    }

    /// How much more of a resource may be used; `None` means that it is not limited.
    fn left(&self, name: &ResourceName, used: &Amounts) -> Option<u128> {
        let (_, most) = self.limit.iter().find(|(limited, _)| limited == name)?;
        Some(most.saturating_sub(used.get(name)))
    }
}

fn amount(milli: Milli) -> u128 {
    u128::try_from(milli.0).expect("checked amounts are not negative")
}
