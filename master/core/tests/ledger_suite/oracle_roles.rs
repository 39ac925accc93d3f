//! The oracle's roles: weights, quotas, limits and settings, from their definitions and by looking
//! at everything each time. Its quotas are of one resource, CPUs.

use crate::oracle::{No, Oracle, amounts_of, counted, no};
use master_core::ledger::{AgentState, Applied, Event, Ledger, RoleConfig};
use proto::model::{
    Change, Milli, Quota, Reason, ResourceName, Role, RoleSettings, RoleSettingsChange, TaskInfo,
};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoleModel {
    pub(crate) role: Role,
    pub(crate) weight: Option<Milli>,
    pub(crate) quota: Option<Quota>,
    pub(crate) settings: RoleSettings,
}

impl RoleModel {
    fn empty(role: &Role) -> Self {
        let settings = RoleSettings::default();
        Self { role: role.clone(), weight: None, quota: None, settings }
    }
}

/// Whether a path is the role or below it.
pub(crate) fn within(path: &Role, role: &Role) -> bool {
    let (path, role) = (path.as_str(), role.as_str());
    path == role || path.starts_with(&format!("{role}/"))
}

fn is_right_below(path: &str, role: &str) -> bool {
    path.strip_prefix(&format!("{role}/")).is_some_and(|rest| !rest.contains('/'))
}

fn cpus_promised(quota: &Quota) -> i64 {
    quota.guarantee().scalar(&ResourceName::CPUS).0
}

fn cpus_allowed(quota: &Quota) -> Option<i64> {
    quota.limit(&ResourceName::CPUS).map(|most| most.0)
}

fn quota_of<'a>(models: &'a [RoleModel], role: &str) -> Option<&'a Quota> {
    models.iter().find(|model| model.role.as_str() == role)?.quota.as_ref()
}

/// Every path with a quota, and every beginning of one.
fn paths(models: &[RoleModel]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for model in models.iter().filter(|model| model.quota.is_some()) {
        let parts: Vec<_> = model.role.as_str().split('/').collect();
        paths.extend((1..=parts.len()).map(|count| parts[..count].join("/")));
    }
    paths
}

fn below(models: &[RoleModel], role: &str) -> i64 {
    let paths = paths(models);
    let children = paths.iter().filter(|path| is_right_below(path, role));
    children.map(|child| promised(models, child)).sum()
}

fn promised(models: &[RoleModel], role: &str) -> i64 {
    match quota_of(models, role).map_or(0, cpus_promised) {
        0 => below(models, role),
        own => own,
    }
}

fn promised_over_all(models: &[RoleModel]) -> i64 {
    paths(models).iter().filter(|path| !path.contains('/')).map(|path| promised(models, path)).sum()
}

impl Oracle {
    pub(crate) fn set_weight(&mut self, role: &Role, weight: Option<Milli>) -> Applied {
        let model = RoleModel { weight, ..self.role_model(role) };
        self.put_role(model)
    }

    pub(crate) fn configure_role(
        &mut self,
        role: &Role,
        change: &RoleSettingsChange,
    ) -> Result<Applied, No> {
        if self.version.is_none() {
            return no(Reason::VersionTooLow, "");
        }
        fn change_one<T: Copy>(old: &mut Option<T>, change: Change<T>) {
            match change {
                Change::Keep => {}
                Change::Reset => *old = None,
                Change::Set(new) => *old = Some(new),
            }
        }
        let mut model = self.role_model(role);
        change_one(&mut model.settings.placement, change.placement);
        change_one(&mut model.settings.offer_mode, change.offer_mode);
        change_one(&mut model.settings.priority_max, change.priority_max);
        Ok(self.put_role(model))
    }

    fn role_model(&self, role: &Role) -> RoleModel {
        let known = self.roles.iter().find(|model| model.role == *role).cloned();
        known.unwrap_or_else(|| RoleModel::empty(role))
    }

    /// A setting of the longest path that is the role or above it and has it.
    pub(crate) fn setting_of<T>(
        &self,
        role: &Role,
        of: fn(&RoleSettings) -> Option<T>,
    ) -> Option<T> {
        let above = self.roles.iter().filter(|model| within(role, &model.role));
        let set = above.filter_map(|model| Some((model.role.as_str().len(), of(&model.settings)?)));
        set.max_by_key(|(length, _)| *length).map(|(_, value)| value)
    }

    pub(crate) fn set_quota(
        &mut self,
        role: &Role,
        quota: Option<Quota>,
        force: bool,
    ) -> Result<Applied, No> {
        let old = self.role_model(role);
        let known = old.quota.clone();
        let model = RoleModel { quota: quota.clone(), ..old };
        if let Some(quota) = quota.filter(|quota| known.as_ref() != Some(quota)) {
            let mut after = self.roles.clone();
            after.retain(|model| model.role != *role);
            after.push(model.clone());
            judge_tree(&after)?;
            if !force {
                self.judge_capacity(&after, &quota)?;
            }
        }
        Ok(self.put_role(model))
    }

    fn judge_capacity(&self, after: &[RoleModel], quota: &Quota) -> Result<(), No> {
        let there = self.agents.iter().filter(|agent| agent.state != AgentState::Removed);
        let have: Vec<i64> = there.map(|agent| amounts_of(&agent.info.resources).0).collect();
        let wanted = promised_over_all(after);
        if wanted > promised_over_all(&self.roles) && wanted > have.iter().sum() {
            return no(Reason::CapacityExceeded, "quota.guarantee");
        }
        if let Some(shape) = quota.shape() {
            let piece = shape.scalar(&ResourceName::CPUS).0;
            let room: i64 = have.iter().map(|cpus| cpus / piece).sum();
            if room * piece < cpus_promised(quota) {
                return no(Reason::CapacityExceeded, "quota.shape");
            }
        }
        Ok(())
    }

    fn put_role(&mut self, model: RoleModel) -> Applied {
        let nothing = RoleModel::empty(&model.role);
        let old = self.roles.iter().find(|old| old.role == model.role).unwrap_or(&nothing);
        if *old != model {
            self.events.push(Event::RoleChanged(model.role.clone()));
        }
        self.roles.retain(|old| old.role != model.role);
        if model != nothing {
            self.roles.push(model);
        }
        Applied::Done
    }

    /// Whether a task fits under every limit, by what it takes besides reservations.
    pub(crate) fn judge_limits(&self, role: &Role, info: &TaskInfo) -> Result<(), No> {
        let parts = info.reserved.iter().map(|part| amounts_of(&part.resources).0);
        let asked = amounts_of(&info.resources).0 - parts.sum::<i64>();
        for (cap, most) in self.limits_of(role) {
            if asked > 0 && self.charged_in(&cap) + asked > most {
                return no(Reason::QuotaExceeded, "resources[0]");
            }
        }
        Ok(())
    }

    /// The limits that a role is under.
    pub(crate) fn limits_of(&self, role: &Role) -> Vec<(Role, i64)> {
        let above = self.roles.iter().filter(|model| within(role, &model.role));
        let limit = |model: &RoleModel| {
            Some((model.role.clone(), model.quota.as_ref().and_then(cpus_allowed)?))
        };
        above.filter_map(limit).collect()
    }

    fn used_in(&self, role: &Role) -> i64 {
        let living = self.tasks.iter().filter(|task| task.lives() && within(&task.role, role));
        living.map(|task| counted(self.held(task))).sum()
    }

    pub(crate) fn compare_roles(&self, ledger: &Ledger) {
        let roles = ledger.roles();
        assert_eq!(roles.iter().len(), self.roles.len());
        for RoleModel { role, weight, quota, settings } in &self.roles {
            assert_eq!(
                (roles.weight(role), roles.quota(role)),
                (*weight, quota.as_ref()),
                "{role}"
            );
            let row = RoleConfig { weight: *weight, quota: quota.clone(), settings: *settings };
            assert!(roles.iter().any(|(other, kept)| other == role && *kept == row));
        }
        for name in ["*", "eng", "eng/search", "eng/search/batch", "ops"] {
            let role = Role::new(name).expect("a role");
            let kept = amounts_of(roles.allocated(&role));
            assert_eq!(kept, (self.used_in(&role), vec![]), "{role}");
            let settings = RoleSettings {
                placement: self.setting_of(&role, |it| it.placement),
                offer_mode: self.setting_of(&role, |it| it.offer_mode),
                priority_max: self.setting_of(&role, |it| it.priority_max),
            };
            assert_eq!(roles.settings(&role), settings, "{role}");
        }
    }
}

fn judge_tree(models: &[RoleModel]) -> Result<(), No> {
    let limit = |model: &RoleModel| model.quota.as_ref().and_then(cpus_allowed);
    for model in models {
        for above in models.iter().filter(|above| within(&model.role, &above.role)) {
            if limit(model).zip(limit(above)).is_some_and(|(own, above)| own > above) {
                return no(Reason::InvalidField, "quota.limit");
            }
        }
    }
    for model in models {
        let Some(quota) = &model.quota else { continue };
        let below = below(models, model.role.as_str());
        let own = cpus_promised(quota);
        if (own > 0 && below > own) || cpus_allowed(quota).is_some_and(|most| below > most) {
            return no(Reason::InvalidField, "quota.guarantee");
        }
    }
    Ok(())
}
