//! Weights, quotas and settings, set and removed; and the one place where limits hold tasks back.

use super::{
    AgentState, Applied, Event, Ledger, RoleConfig,
    role_tree::{Quotas, Sums, Units, promised},
    roles::Cap,
};
use proto::{
    model::{
        Milli, Quota, Reason, Refusal, ResourceName, Resources, Role, RoleSettingsChange, limits,
    },
    planted::{self, Bug},
};

impl Ledger {
    /// Without a weight, the role weighs what the configuration says.
    pub(super) fn set_weight(
        &mut self,
        role: &Role,
        weight: Option<Milli>,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        if weight.is_some_and(|weight| !(1..=limits::MILLI_MAX).contains(&weight.0)) {
            return Err(Refusal::invalid("weight_milli", "is not a weight"));
        }
        self.put_role(role, RoleConfig { weight, ..self.roles.row(role) }, events)
    }

    /// Contradictions to other quotas are refused always, what the agents could not hold unless
    /// forced. A limit may be below what is used: what runs goes on, nothing is launched.
    pub(super) fn set_quota(
        &mut self,
        role: &Role,
        quota: &Quota,
        force: bool,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        self.check_quota(role, quota, force)?;
        let quota = Some(quota.clone());
        self.put_role(role, RoleConfig { quota, ..self.roles.row(role) }, events)
    }

    /// Whether a quota may be set; one that is set already may be set again.
    pub(crate) fn check_quota(
        &self,
        role: &Role,
        quota: &Quota,
        force: bool,
    ) -> Result<(), Refusal> {
        if self.roles.quota(role) == Some(quota) {
            return Ok(());
        }
        let mut quotas: Quotas<'_> = self.roles.quotas().collect();
        let before = promised(&quotas).expect("A5: no quota contradicts another");
        quotas.insert(role, quota);
        let after = promised(&quotas).map_err(|no| Refusal::invalid(no.field(), no))?;
        if !force {
            self.check_capacity(&before, &after)?;
            self.check_pieces(quota)?;
        }
        Ok(())
    }

    /// Cannot contradict anything: what roles further up say holds for those below all the same.
    pub(super) fn remove_quota(
        &mut self,
        role: &Role,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        self.put_role(role, RoleConfig { quota: None, ..self.roles.row(role) }, events)
    }

    /// What a role does not have of its own it inherits; see [`super::Roles::settings`].
    pub(super) fn configure_role(
        &mut self,
        role: &Role,
        change: &RoleSettingsChange,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let row = self.roles.row(role);
        let settings = row.settings.changed(change);
        self.put_role(role, RoleConfig { settings, ..row }, events)
    }

    /// Puts a row, or takes it out when it says nothing; what is so already makes no fact.
    fn put_role(
        &mut self,
        role: &Role,
        row: RoleConfig,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let rows = &mut self.roles.rows;
        let nothing = RoleConfig::default();
        if *rows.get(role).unwrap_or(&nothing) == row {
            return Ok(Applied::Done);
        }
        if !rows.contains_key(role) && rows.len() >= limits::ROLES_CONFIGURED_MAX {
            return Err(Refusal::limit("role", rows.len() + 1, limits::ROLES_CONFIGURED_MAX));
        }
        match row == nothing {
            true => drop(rows.remove(role)),
            false => drop(rows.insert(role.clone(), row)),
        }
        events.push(Event::RoleChanged(role.clone()));
        Ok(Applied::Done)
    }

    /// Whether the agents have what would be promised over all. What does not promise more than
    /// before is not asked: a cluster that has shrunk may still be told to promise less.
    fn check_capacity(&self, before: &Sums, after: &Sums) -> Result<(), Refusal> {
        let more = |(name, milli): &(_, &i128)| before.get(*name).is_none_or(|was| **milli > *was);
        for (name, promised) in after.iter().filter(more) {
            let milli = |agent: &super::Agent| i128::from(agent.info.resources.count(name).0);
            let total: i128 = self.present_agents().map(milli).sum();
            if *promised > total {
                let (promised, total) = (Units(*promised), Units(total));
                let message = format!(
                    "{promised} {name} would be promised over all roles, the agents have {total}"
                );
                let refusal = Refusal::new(Reason::CapacityExceeded, message);
                return Err(refusal.at("quota.guarantee"));
            }
        }
        Ok(())
    }

    /// Whether the agents, empty, have room for the guarantee in its pieces.
    fn check_pieces(&self, quota: &Quota) -> Result<(), Refusal> {
        let Some(shape) = quota.shape() else { return Ok(()) };
        let room = |agent: &super::Agent| {
            let of = |name| agent.info.resources.count(name).0 / shape.scalar(name).0;
            let pieces = shape.iter().map(|(name, _)| of(name)).min().unwrap_or(0);
            u64::try_from(pieces).expect("amounts are not negative")
        };
        let room = self.present_agents().map(room).fold(0, u64::saturating_add);
        let pieces = quota.shapes();
        if pieces > room {
            let message =
                format!("{pieces} pieces of {shape} are promised, the agents have room for {room}");
            return Err(Refusal::new(Reason::CapacityExceeded, message).at("quota.shape"));
        }
        Ok(())
    }

    fn present_agents(&self) -> impl Iterator<Item = &super::Agent> {
        let agents = self.agents.iter().map(|(_, agent)| agent);
        agents.filter(|agent| agent.state != AgentState::Removed)
    }
}

/// Whether what is asked for, which adds `more` to what counts towards limits, fits under them;
/// `used` is what counts already. What adds nothing cannot be held back.
pub(super) fn check_caps(
    caps: &[Cap<'_>],
    (who, asked, more): (&str, &Resources, &Resources),
    used: impl Fn(&Role, &ResourceName) -> i128,
) -> Result<(), Refusal> {
    for Cap { role, quota } in caps.iter().filter(|_| !planted::is(Bug::QuotaNotCounted)) {
        for (index, (name, _)) in asked.iter().enumerate() {
            let Some(most) = quota.limit(name) else { continue };
            let (used, more) = (used(role, name), more.scalar(name));
            if more.0 > 0 && used + i128::from(more.0) > most.0.into() {
                let used = Units(used);
                let message = format!(
                    "role {role} may use {most} {name} and uses {used}; {who} asks for {more}"
                );
                let refusal = Refusal::new(Reason::QuotaExceeded, message);
                return Err(refusal.at(format!("resources[{index}]")));
            }
        }
    }
    Ok(())
}
