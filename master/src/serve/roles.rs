//! What operators say of roles: weights, quotas and settings, read from the wire.

use super::operators::id;
use master_core::input::OperatorCall;
use proto::{
    convert::{
        quota::{read_quota, read_weight},
        role_settings::read_change,
    },
    model::{Principal, Refusal},
    wire::v1,
};

pub(super) fn read_set_weight(request: v1::SetWeightRequest) -> Result<OperatorCall, Refusal> {
    let weight = read_weight("weight_milli", request.weight_milli)?;
    Ok(OperatorCall::SetWeight { role: id("role", &request.role)?, weight })
}

pub(super) fn read_set_quota(request: v1::SetQuotaRequest) -> Result<OperatorCall, Refusal> {
    let role = id("role", &request.role)?;
    let quota = request.quota.ok_or_else(|| Refusal::invalid("quota", "is missing"))?;
    let quota = read_quota(quota).map_err(|refusal| refusal.under("quota"))?;
    Ok(OperatorCall::SetQuota { role, quota, force: request.force })
}

pub(super) fn read_remove_quota(request: v1::RemoveQuotaRequest) -> Result<OperatorCall, Refusal> {
    Ok(OperatorCall::RemoveQuota(id("role", &request.role)?))
}

pub(super) fn read_configure_role(
    request: v1::ConfigureRoleRequest,
) -> Result<OperatorCall, Refusal> {
    let role = id("role", &request.role)?;
    let change = request.change.ok_or_else(|| Refusal::invalid("change", "is missing"))?;
    let change = read_change(change).map_err(|refusal| refusal.under("change"))?;
    match change.is_empty() {
        true => Err(Refusal::invalid("change", "neither sets nor resets anything")),
        false => Ok(OperatorCall::ConfigureRole { role, change }),
    }
}

/// Writes down who changed what of a role.
pub(super) fn audit(node: &str, principal: &Principal, call: &OperatorCall) {
    match call {
        OperatorCall::SetWeight { role, weight } => {
            let weight = weight.map_or_else(|| "default".to_owned(), |weight| weight.to_string());
            tracing::info!(
                target: "bourse::audit", %node, %principal, %role, %weight, "set weight"
            );
        }
        OperatorCall::SetQuota { role, quota, force } => {
            tracing::info!(
                target: "bourse::audit", %node, %principal, %role, ?quota, force, "set quota"
            );
        }
        OperatorCall::RemoveQuota(role) => {
            tracing::info!(target: "bourse::audit", %node, %principal, %role, "remove quota");
        }
        OperatorCall::ConfigureRole { role, change } => {
            tracing::info!(
                target: "bourse::audit", %node, %principal, %role, ?change, "configure role"
            );
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(name: &str, milli: i64) -> v1::Resource {
        let value = Some(v1::resource::Value::Scalar(v1::Scalar { milli }));
        v1::Resource { name: name.to_owned(), value }
    }

    fn refused(role: &str, quota: v1::Quota) -> String {
        let request =
            v1::SetQuotaRequest { role: role.to_owned(), quota: Some(quota), force: true };
        read_set_quota(request).unwrap_err().field
    }

    #[test]
    fn a_quota_names_the_part_that_is_wrong() {
        let quota = v1::Quota { limit: vec![amount("cpus", 0)], ..v1::Quota::default() };
        assert_eq!(refused("eng/*", quota.clone()), "role");
        assert_eq!(refused("a/b/c/d/e/f/g/h/i", quota), "role");
        assert_eq!(refused("eng", v1::Quota::default()), "quota");
        let set = v1::resource::Value::Set(v1::Set { items: vec!["a".to_owned()] });
        let racks = v1::Resource { name: "racks".to_owned(), value: Some(set) };
        let limit = vec![amount("cpus", 1), racks.clone()];
        assert_eq!(
            refused("eng", v1::Quota { limit, ..Default::default() }),
            "quota.limit[1].value"
        );
        let limit = vec![amount("cpus", -1)];
        assert_eq!(
            refused("eng", v1::Quota { limit, ..Default::default() }),
            "quota.limit[0].scalar"
        );
        let guarantee = vec![racks];
        assert_eq!(
            refused("eng", v1::Quota { guarantee, ..Default::default() }),
            "quota.guarantee"
        );
        let (guarantee, shape) = (vec![amount("cpus", 3)], vec![amount("cpus", 2)]);
        let quota = v1::Quota { guarantee, shape, ..Default::default() };
        assert_eq!(refused("eng", quota), "quota.shape");
        let none = v1::SetQuotaRequest { role: "eng".to_owned(), ..Default::default() };
        assert_eq!(read_set_quota(none).unwrap_err().field, "quota");
    }

    #[test]
    fn settings_name_the_part_that_is_wrong() {
        let field = |role: &str, change| {
            let request = v1::ConfigureRoleRequest { role: role.to_owned(), change };
            read_configure_role(request).unwrap_err().field
        };
        assert_eq!(field("eng/*", Some(v1::RoleSettingsChange::default())), "role");
        assert_eq!(field("eng", None), "change");
        assert_eq!(field("eng", Some(v1::RoleSettingsChange::default())), "change");
        let change = v1::RoleSettingsChange { reset: vec![1, 1], ..Default::default() };
        assert_eq!(field("eng", Some(change)), "change.reset[1]");
    }

    #[test]
    fn a_weight_is_positive_or_absent() {
        let request = |weight_milli| v1::SetWeightRequest { role: "eng".to_owned(), weight_milli };
        assert!(read_set_weight(request(None)).is_ok());
        assert!(read_set_weight(request(Some(1))).is_ok());
        for bad in [0, -5, i64::MAX] {
            assert_eq!(read_set_weight(request(Some(bad))).unwrap_err().field, "weight_milli");
        }
    }
}
