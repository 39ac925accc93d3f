//! What is said of roles, to wire and back: as commands, and as rows of a snapshot.

use super::{
    Command, RoleConfig,
    codec_commands::{read_id, required},
};
use proto::convert::{
    quota::{read_quota, read_weight, write_quota},
    role_settings::{read_change, read_settings, write_change, write_settings},
};
use proto::model::{Milli, Quota, Refusal, Role, RoleSettingsChange};
use proto::wire::{
    log::v1::{
        command::{self as wire, Command as Kind},
        record,
    },
    v1 as api,
};

pub(super) fn write_set_weight(role: &Role, weight: Option<Milli>) -> Kind {
    let weight_milli = weight.map(|weight| weight.0);
    Kind::SetWeight(wire::SetWeight { role: role.to_string(), weight_milli })
}

pub(super) fn write_set_quota(role: &Role, quota: &Quota, force: bool) -> Kind {
    let quota = Some(write_quota(quota));
    Kind::SetQuota(wire::SetQuota { role: role.to_string(), quota, force })
}

pub(super) fn write_remove_quota(role: &Role) -> Kind {
    Kind::RemoveQuota(wire::RemoveQuota { role: role.to_string() })
}

pub(super) fn write_configure_role(role: &Role, change: &RoleSettingsChange) -> Kind {
    let change = Some(write_change(change));
    Kind::ConfigureRole(wire::ConfigureRole { role: role.to_string(), change })
}

pub(super) fn read_set_weight(set: &wire::SetWeight) -> Result<Command, Refusal> {
    let weight = read_weight("weight_milli", set.weight_milli)?;
    Ok(Command::SetWeight { role: read_id("role", &set.role)?, weight })
}

pub(super) fn read_set_quota(set: wire::SetQuota) -> Result<Command, Refusal> {
    let quota = read_quota_at(required("quota", set.quota)?)?;
    Ok(Command::SetQuota { role: read_id("role", &set.role)?, quota, force: set.force })
}

pub(super) fn read_remove_quota(remove: &wire::RemoveQuota) -> Result<Command, Refusal> {
    Ok(Command::RemoveQuota { role: read_id("role", &remove.role)? })
}

pub(super) fn read_configure_role(configure: wire::ConfigureRole) -> Result<Command, Refusal> {
    let change = required("change", configure.change)?;
    let change = read_change(change).map_err(|refusal| refusal.under("change"))?;
    Ok(Command::ConfigureRole { role: read_id("role", &configure.role)?, change })
}

pub(super) fn write_role(role: &Role, row: &RoleConfig) -> record::Role {
    record::Role {
        role: role.to_string(),
        weight_milli: row.weight.map(|weight| weight.0),
        quota: row.quota.as_ref().map(write_quota),
        settings: write_settings(&row.settings),
    }
}

pub(super) fn read_role(row: record::Role) -> Result<(Role, RoleConfig), Refusal> {
    let weight = read_weight("weight_milli", row.weight_milli)?;
    let quota = row.quota.map(read_quota_at).transpose()?;
    let settings = read_settings(row.settings.unwrap_or_default());
    let settings = settings.map_err(|refusal| refusal.under("settings"))?;
    Ok((read_id("role", &row.role)?, RoleConfig { weight, quota, settings }))
}

fn read_quota_at(quota: api::Quota) -> Result<Quota, Refusal> {
    read_quota(quota).map_err(|refusal| refusal.under("quota"))
}
