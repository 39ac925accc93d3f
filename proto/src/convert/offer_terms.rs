//! Which offers a framework wants in a role.

use super::{
    demand::{read_constraint, read_shape, write_constraint},
    form::{self, Read},
    resources::write_resources,
};
use crate::model::{
    Refusal, Resources, Role, limits, offer_terms::OfferGroup, offer_terms::OfferTerms,
};
use crate::wire::v1;

/// Reads the terms of a framework with these roles, ordered by role.
pub(super) fn read_offer_terms(list: Vec<v1::OfferTerms>, roles: &[Role]) -> Read<Vec<OfferTerms>> {
    let field = "offer_terms";
    let mut terms = form::each(field, list, limits::FRAMEWORK_ROLES_MAX, |it| read_one(it, roles))?;
    form::distinct(&terms, |it| &it.role, |index| format!("{field}[{index}].role"))?;
    terms.sort_by(|a, b| a.role.cmp(&b.role));
    Ok(terms)
}

/// Writes the terms of one role.
pub(super) fn write_offer_terms(terms: &OfferTerms) -> v1::OfferTerms {
    let group = |group: &OfferGroup| v1::OfferGroup {
        constraints: group.constraints.iter().map(write_constraint).collect(),
        offered: write_resources(&group.offered),
    };
    let size = |least: &Resources| v1::OfferSize { resources: write_resources(least) };
    v1::OfferTerms {
        role: terms.role.to_string(),
        groups: terms.groups.iter().map(group).collect(),
        least: terms.least.iter().map(size).collect(),
        revocable: terms.revocable,
    }
}

fn read_one(terms: v1::OfferTerms, roles: &[Role]) -> Read<OfferTerms> {
    let role: Role = form::id("role", &terms.role)?;
    if !roles.contains(&role) {
        return Err(Refusal::invalid("role", "is not among the framework's roles"));
    }
    let size = |size: v1::OfferSize| read_shape("resources", size.resources);
    Ok(OfferTerms {
        role,
        groups: form::each("groups", terms.groups, limits::OFFER_GROUPS_MAX, read_group)?,
        least: form::each("least", terms.least, limits::OFFER_SIZES_MAX, size)?,
        revocable: terms.revocable,
    })
}

fn read_group(group: v1::OfferGroup) -> Read<OfferGroup> {
    if group.constraints.is_empty() && group.offered.is_empty() {
        return Err(Refusal::invalid("constraints", "are none, nor is anything to be offered"));
    }
    let offered = match group.offered.is_empty() {
        true => Resources::new(),
        false => read_shape("offered", group.offered)?,
    };
    let (field, limit) = ("constraints", limits::CONSTRAINTS_MAX);
    let constraints = form::each(field, group.constraints, limit, read_constraint)?;
    Ok(OfferGroup { constraints, offered })
}
