//! What the quotas of a tree of roles say together: what is promised over all, and where one
//! contradicts another. Knows no agents: whether a cluster can hold it is asked elsewhere.
//!
//! What a role promises is its guarantee, or, for a resource that its guarantee does not name, what
//! the roles right below it promise together. The rules, for each resource:
//!
//! - the roles right below a role promise together no more than its guarantee, where that names the
//!   resource, and no more than its limit, where that does;
//! - no limit is above that of a role further up.

use proto::model::{Milli, Quota, ResourceName, Role};
use std::collections::BTreeMap;

/// Thousandths by resource. Sums over ten thousand roles with 10^15 each need more than 64 bits.
pub(super) type Sums = BTreeMap<ResourceName, i128>;

/// Every quota there is, or would be.
pub(super) type Quotas<'a> = BTreeMap<&'a Role, &'a Quota>;

/// Quotas that cannot both be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Contradiction {
    /// More is promised below a role than to it.
    #[error("roles below {role} are promised {below} {name} together, {role} itself {own}")]
    Guarantee {
        /// The role above.
        role: Role,
        /// Of what.
        name: ResourceName,
        /// What those below are promised.
        below: Units,
        /// What it is promised.
        own: Milli,
    },
    /// More is promised below a role than it may use.
    #[error("roles below {role} are promised {below} {name} together, {role} may use {most}")]
    Limit {
        /// The role above.
        role: Role,
        /// Of what.
        name: ResourceName,
        /// What those below are promised.
        below: Units,
        /// What it may use.
        most: Milli,
    },
    /// A role may use more than one above it.
    #[error("{role} may use {limit} {name}, {above} above it {most}")]
    Limits {
        /// The role.
        role: Role,
        /// The role above.
        above: Role,
        /// Of what.
        name: ResourceName,
        /// What the role may use.
        limit: Milli,
        /// What the role above may use.
        most: Milli,
    },
}

/// Thousandths as people write them, beyond what [`Milli`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Units(pub(super) i128);

impl std::fmt::Display for Units {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0 / 1_000, self.0 % 1_000);
        match rest {
            0 => write!(f, "{whole}"),
            _ => f.write_str(format!("{whole}.{rest:03}").trim_end_matches('0')),
        }
    }
}

impl Contradiction {
    /// Which part of a quota is at fault.
    pub(super) fn field(&self) -> &'static str {
        match self {
            Contradiction::Guarantee { .. } | Contradiction::Limit { .. } => "quota.guarantee",
            Contradiction::Limits { .. } => "quota.limit",
        }
    }
}

/// What all quotas promise together; or the first contradiction.
pub(super) fn promised(quotas: &Quotas<'_>) -> Result<Sums, Contradiction> {
    // Roles without a quota of their own pass on what those below them promise.
    let mut below = BTreeMap::<Role, Sums>::new();
    for (role, quota) in quotas {
        check_limits_above(role, quota, quotas)?;
        for role in role.ancestors() {
            below.entry(role).or_default();
        }
    }
    let mut total = Sums::new();
    // From the end: roles come before those below them.
    while let Some((role, mut sums)) = below.pop_last() {
        if let Some(quota) = quotas.get(&role) {
            check_below(&role, quota, &sums)?;
            for (name, _) in quota.guarantee().iter() {
                sums.insert(name.clone(), quota.guarantee().scalar(name).0.into());
            }
        }
        let above = match role.parent() {
            Some(parent) => below.get_mut(&parent).expect("every role above has sums"),
            None => &mut total,
        };
        for (name, milli) in sums {
            *above.entry(name).or_default() += milli;
        }
    }
    Ok(total)
}

fn check_below(role: &Role, quota: &Quota, sums: &Sums) -> Result<(), Contradiction> {
    for (name, below) in sums {
        let own = quota.guarantee().scalar(name);
        if own.0 > 0 && *below > own.0.into() {
            let (role, name, below) = (role.clone(), name.clone(), Units(*below));
            return Err(Contradiction::Guarantee { role, name, below, own });
        }
        if let Some(most) = quota.limit(name).filter(|most| *below > most.0.into()) {
            let (role, name, below) = (role.clone(), name.clone(), Units(*below));
            return Err(Contradiction::Limit { role, name, below, most });
        }
    }
    Ok(())
}

fn check_limits_above(
    role: &Role,
    quota: &Quota,
    quotas: &Quotas<'_>,
) -> Result<(), Contradiction> {
    for above in role.ancestors().skip(1) {
        let Some(theirs) = quotas.get(&above) else { continue };
        for (name, limit) in quota.limits() {
            if let Some(most) = theirs.limit(name).filter(|most| limit > *most) {
                let (role, name) = (role.clone(), name.clone());
                return Err(Contradiction::Limits { role, above, name, limit, most });
            }
        }
    }
    Ok(())
}
