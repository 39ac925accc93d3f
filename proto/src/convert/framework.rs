//! Frameworks as they describe themselves.

use super::{
    agent_life::{read_budget, write_budget},
    form,
    offer_terms::{read_offer_terms, write_offer_terms},
    task::{read_labels, write_labels},
    text,
};
use crate::model::{FrameworkInfo, Refusal, Role, limits};
use crate::wire::v1;

/// Reads a framework's description and orders its roles.
pub fn read_framework_info(framework: v1::FrameworkInfo) -> Result<FrameworkInfo, Refusal> {
    let texts = form::some("roles", framework.roles)?;
    let mut roles = form::distinct_ids::<Role>("roles", texts, limits::FRAMEWORK_ROLES_MAX)?;
    roles.sort();
    let offer_terms = read_offer_terms(framework.offer_terms, &roles)?;
    let timeout_ms = framework.failover_timeout_ms;
    Ok(FrameworkInfo {
        name: text::read_line("name", framework.name)?,
        roles,
        failover_timeout: form::duration(
            "failover_timeout_ms",
            timeout_ms,
            limits::FAILOVER_TIMEOUT_MAX,
        )?,
        labels: read_labels(framework.labels).map_err(|no| no.under("labels"))?,
        disruption_budget: framework
            .disruption_budget
            .map(read_budget)
            .transpose()
            .map_err(|no| no.under("disruption_budget"))?,
        offer_terms,
    })
}

/// Writes a framework's description.
pub fn write_framework_info(framework: &FrameworkInfo) -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        name: framework.name.clone(),
        roles: framework.roles.iter().map(Role::to_string).collect(),
        failover_timeout_ms: framework.failover_timeout.as_ms(),
        labels: write_labels(&framework.labels),
        disruption_budget: framework.disruption_budget.as_ref().map(write_budget),
        offer_terms: framework.offer_terms.iter().map(write_offer_terms).collect(),
    }
}
