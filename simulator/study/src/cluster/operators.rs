//! What an operator says before anything else happens: quotas, and of which roles everything that
//! is free is shown.

use super::{
    jobs::Asks,
    plan::{ClusterPlan, milli, role_of},
};
use crate::plan::PlanError;
use master_core::input::OperatorCall;
use proto::model::{
    Change, Milli, OfferMode, Quota, ResourceName, Resources, RoleSettingsChange, Value,
};
use serde::Deserialize;

/// `[cluster.roles.NAME]` of a study.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RolePlan {
    /// What it is promised.
    pub guarantee: AmountsPlan,
    /// What it may use at most.
    pub limit: AmountsPlan,
}

/// Amounts; what is not named is nothing that is promised, and no limit.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AmountsPlan {
    /// Cores.
    pub cpus: Option<f64>,
    /// MiB.
    pub mem: Option<f64>,
}

/// All that an operator says.
pub(super) fn said(plan: &ClusterPlan) -> Result<Vec<OperatorCall>, PlanError> {
    let mut said = Vec::new();
    for (name, of) in &plan.roles {
        let (role, table) = (role_of("roles", name)?, format!("cluster.roles.{name}"));
        let limit = of.limit.amounts(&table)?;
        let guarantee = Resources::from_entries(
            of.guarantee
                .amounts(&table)?
                .into_iter()
                .map(|(name, milli)| (name, Value::Scalar(milli))),
        );
        let wrong = |problem: String| PlanError::Value { table: table.clone(), problem };
        let guarantee = guarantee.map_err(|problem| wrong(problem.to_string()))?;
        let quota = Quota::new(guarantee, limit, None);
        let quota = quota.map_err(|problem| wrong(problem.to_string()))?;
        // The agents are not there yet, so that nothing could be promised.
        said.push(OperatorCall::SetQuota { role, quota, force: true });
    }
    let shared = plan.jobs.values().filter(|plan| plan.asks == Asks::Shared);
    let mut roles: Vec<&str> = shared.map(|plan| plan.role.as_str()).collect();
    roles.sort_unstable();
    roles.dedup();
    for role in roles {
        let (role, offer_mode) = (role_of("jobs", role)?, Change::Set(OfferMode::Shared));
        let change = RoleSettingsChange { offer_mode, ..RoleSettingsChange::default() };
        said.push(OperatorCall::ConfigureRole { role, change });
    }
    Ok(said)
}

impl AmountsPlan {
    fn amounts(self, table: &str) -> Result<Vec<(ResourceName, Milli)>, PlanError> {
        let named = [(ResourceName::CPUS, self.cpus), (ResourceName::MEM, self.mem)];
        let named = named.into_iter().filter_map(|(name, amount)| Some((name, amount?)));
        named.map(|(name, amount)| Ok((name, Milli(milli(table, amount)?)))).collect()
    }
}
