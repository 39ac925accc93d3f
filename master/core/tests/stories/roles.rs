//! Roles as operators direct them: weights, quotas and settings, while frameworks go on.

use super::rig::{Rig, accept, register, status, task};
use master_core::input::{OperatorCall, Page};
use proto::model::{
    Change, Milli, PlacementPolicy, Priority, Quota, ResourceName, Resources, Role,
    RoleSettingsChange, SchedulerCall, TaskState, Value,
};

fn role(text: &str) -> Role {
    Role::new(text).expect("a role")
}

fn amounts(milli: i64) -> Resources {
    Resources::from_entries([(ResourceName::CPUS, Value::Scalar(Milli(milli)))]).expect("amounts")
}

fn quota(promised: i64, most: Option<i64>) -> Quota {
    let limit = most.map(|milli| (ResourceName::CPUS, Milli(milli))).into_iter().collect();
    Quota::new(amounts(promised), limit, None).expect("a quota")
}

fn set(text: &str, quota: Quota) -> OperatorCall {
    OperatorCall::SetQuota { role: role(text), quota, force: false }
}

fn limit(text: &str, milli: i64) -> OperatorCall {
    set(text, quota(0, Some(milli)))
}

fn weight(text: &str, milli: Option<i64>) -> OperatorCall {
    OperatorCall::SetWeight { role: role(text), weight: milli.map(Milli) }
}

fn list() -> OperatorCall {
    OperatorCall::ListRoles(Page { size: 100, after: None })
}

#[test]
fn a_weight_changes_at_run_time() {
    let mut rig = Rig::serving();
    rig.watch(9, None);
    rig.subscribe_in(2, "search", &["eng/search", "eng/ads"]);
    rig.tell("a role weighs more");
    rig.operator(weight("eng/search", Some(2_500)));
    rig.operator(list());
    rig.tell("what is so already is no error and no news");
    rig.operator(weight("eng/search", Some(2_500)));
    rig.tell("and as much as the configuration says again");
    rig.operator(weight("eng/search", None));
    rig.operator(list());
    rig.matches("role_weight");
}

#[test]
fn settings_are_inherited() {
    let mut rig = Rig::serving();
    rig.watch(9, None);
    rig.subscribe_in(2, "search", &["eng/search", "ops"]);
    let configure = |text: &str, change| OperatorCall::ConfigureRole { role: role(text), change };
    let pack = RoleSettingsChange {
        placement: Change::Set(PlacementPolicy::Pack),
        priority_max: Change::Set(Priority::MAX),
        ..RoleSettingsChange::default()
    };
    rig.tell("what is set for a role holds for those below it");
    rig.operator(configure("eng", pack));
    rig.operator(list());
    rig.tell("unless they have their own");
    let spread = RoleSettingsChange {
        placement: Change::Set(PlacementPolicy::Spread),
        ..RoleSettingsChange::default()
    };
    rig.operator(configure("eng/search", spread));
    rig.operator(list());
    rig.tell("what is so already is no error and no news");
    rig.operator(configure("eng/search", spread));
    rig.tell("and inherited again");
    let reset = RoleSettingsChange { placement: Change::Reset, ..RoleSettingsChange::default() };
    rig.operator(configure("eng/search", reset));
    rig.operator(list());
    rig.matches("role_settings");
}

#[test]
fn quota_is_refused_or_forced() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.tell("one agent of 2 CPUs: more is not promised");
    rig.operator(set("eng", quota(3_000, None)));
    rig.tell("unless by force");
    let forced =
        OperatorCall::SetQuota { role: role("eng"), quota: quota(3_000, None), force: true };
    rig.operator(forced);
    rig.operator(list());
    rig.tell("what contradicts another quota is never set");
    rig.operator(set("eng/search", quota(3_001, None)));
    rig.tell("a new quota replaces all of the old one");
    rig.operator(limit("eng", 1_000));
    rig.operator(limit("eng/search/batch", 1_001));
    rig.operator(limit("eng/search/batch", 1_000));
    rig.tell("removed, twice");
    rig.operator(OperatorCall::RemoveQuota(role("eng")));
    rig.operator(OperatorCall::RemoveQuota(role("eng")));
    rig.operator(list());
    rig.matches("quota_refused");
}

#[test]
fn quota_is_lowered_below_use() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe_in(2, "search", &["eng/search"]);
    rig.launch("search", task("t", "a", 1_500));
    rig.update(1, "a", "search", status("t", "a", TaskState::Running, 1));
    rig.pass(5_500);
    rig.tell("the limit of the role above is less than what runs, which goes on");
    rig.operator(limit("eng", 1_000));
    rig.operator(list());
    rig.tell("nothing new is launched, not even on an offer from before");
    rig.launch("search", task("u", "a", 500));
    rig.tell("until the limit is gone");
    rig.operator(OperatorCall::RemoveQuota(role("eng")));
    rig.pass(6_000);
    rig.launch("search", task("u", "a", 500));
    rig.operator(list());
    rig.matches("quota_lowered");
}

#[test]
fn an_accept_over_a_limit_is_refused_when_it_is_applied() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe_in(2, "search", &["eng/search"]);
    let offer = rig.offers.last().expect("an offer").id;
    let tasks = vec![task("t", "a", 600), task("u", "a", 600)];
    rig.tell("a limit comes while an accept of more is on its way");
    rig.turn_with_operator(limit("eng", 1_000), "search", accept(&[offer], tasks));
    rig.tell("what fits is launched");
    rig.pass(6_000);
    rig.launch("search", task("t", "a", 600));
    rig.operator(list());
    rig.matches("quota_exceeded");
}

#[test]
fn a_framework_has_several_roles() {
    let mut rig = Rig::serving();
    rig.subscribe_in(2, "both", &["eng/search", "ops"]);
    rig.agent(1, "a", register("a", 7));
    rig.agent(3, "b", register("b", 8));
    rig.tell("an offer is of one role, and so is an accept");
    let offers: Vec<_> = rig.offers.iter().map(|offer| offer.id).collect();
    rig.refused_call("both", accept(&offers, vec![task("t", "a", 500), task("u", "b", 500)]));
    let on = |rig: &Rig, agent: &str| {
        let offer = rig.offers.iter().find(|offer| offer.agent.as_str() == agent);
        offer.expect("an offer of the agent").id
    };
    let (on_a, on_b) = (on(&rig, "a"), on(&rig, "b"));
    rig.call("both", accept(&[on_a], vec![task("t", "a", 500)]));
    rig.call("both", accept(&[on_b], vec![task("u", "b", 700)]));
    rig.operator(list());
    rig.tell("one role rests, the other does not");
    rig.call("both", SchedulerCall::Suppress { roles: vec![role("ops")] });
    rig.pass(6_000);
    rig.refused_call("both", SchedulerCall::Revive { roles: vec![role("eng")] });
    rig.matches("roles_several");
}
