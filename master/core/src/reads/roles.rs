//! Roles as operators see them: a tree, in which each role has what those below it have.

use super::{
    listings::{after, page_of},
    summaries::add_amounts,
};
use crate::{
    Ledger,
    allocator::{Amounts, Share, share::WEIGHT_DEFAULT},
    input::Page,
    master::leadership::Leadership,
};
use proto::{
    convert::{quota::write_quota, resources::write_resources, role_settings::write_settings},
    model::{Milli, Refusal, ResourceName, Resources, Role, Value},
    wire::v1,
};
use std::collections::BTreeMap;

/// What is counted for a role.
#[derive(Default)]
struct Counts {
    offered: Resources,
    revocable: Resources,
    frameworks: u64,
}

pub(super) fn list_roles(
    ledger: &Ledger,
    leader: Option<&Leadership>,
    page: &Page,
) -> Result<v1::ListRolesResponse, Refusal> {
    let mut roles = BTreeMap::<Role, Counts>::new();
    let configured = ledger.roles().iter().map(|(role, _)| role);
    let in_use = ledger.roles().in_use().map(|(role, _)| role);
    for role in configured.chain(in_use).flat_map(Role::ancestors) {
        roles.entry(role).or_default();
    }
    for (_, framework) in ledger.frameworks().iter().filter(|(_, row)| !row.is_removed()) {
        for role in &framework.info.roles {
            for (height, role) in role.ancestors().enumerate() {
                roles.entry(role).or_default().frameworks += u64::from(height == 0);
            }
        }
    }
    for offer in leader.into_iter().flat_map(|leader| leader.book.iter(None)) {
        for role in offer.role.ancestors() {
            add_amounts(&mut roles.entry(role).or_default().offered, &offer.resources);
        }
    }
    for (role, taken) in ledger.revocable_by_user() {
        for role in role.ancestors() {
            add_amounts(&mut roles.entry(role).or_default().revocable, taken);
        }
    }
    let start = after::<Role>(page)?;
    let rows = roles.into_iter().filter(|(role, _)| start.as_ref().is_none_or(|s| role > s));
    let (rows, next_page_token) = page_of(rows, page, |(role, _)| role.to_string());
    let roles = rows.into_iter().map(|(role, counts)| summary(ledger, leader, &role, &counts));
    Ok(v1::ListRolesResponse { roles: roles.collect(), next_page_token })
}

/// A role without what only a leader knows.
pub(crate) fn role_summary(ledger: &Ledger, role: &Role) -> v1::RoleSummary {
    summary(ledger, None, role, &Counts::default())
}

fn summary(
    ledger: &Ledger,
    leader: Option<&Leadership>,
    role: &Role,
    counts: &Counts,
) -> v1::RoleSummary {
    let configured =
        leader.and_then(|leader| leader.view.role(role).weight).unwrap_or(WEIGHT_DEFAULT);
    let set = ledger.roles().weight(role);
    let weight = set.unwrap_or(configured);
    let allocated = ledger.roles().allocated(role);
    let share = leader.map_or(0, |leader| share_ppm(leader, weight, allocated, &counts.offered));
    v1::RoleSummary {
        role: role.to_string(),
        weight_milli: weight.0,
        weight_set: set.is_some(),
        allocated: write_resources(allocated),
        offered: write_resources(&counts.offered),
        framework_count: counts.frameworks,
        weighted_dominant_share_ppm: share,
        quota: ledger.roles().quota(role).map(write_quota),
        settings: write_settings(&ledger.roles().row(role).settings),
        settings_in_force: write_settings(&ledger.roles().settings(role)),
        revocable: write_resources(&counts.revocable),
        lent: leader.map_or_else(Vec::new, |leader| write_amounts(&leader.allocator.lent_of(role))),
    }
}

fn write_amounts(amounts: &Amounts) -> Vec<v1::Resource> {
    let entry = |(name, milli): (&ResourceName, u128)| {
        let milli = i64::try_from(milli).unwrap_or(i64::MAX);
        (name.clone(), Value::Scalar(Milli(milli)))
    };
    let resources = Resources::from_entries(amounts.iter().map(entry));
    resources.map_or_else(|_| Vec::new(), |resources| write_resources(&resources))
}

fn share_ppm(
    leader: &Leadership,
    weight: Milli,
    allocated: &Resources,
    offered: &Resources,
) -> u64 {
    let mut used = Amounts::of(allocated);
    used.add(&Amounts::of(offered));
    let share = Share::dominant(leader.view.totals(), weight, &used);
    share.millionths(WEIGHT_DEFAULT)
}
