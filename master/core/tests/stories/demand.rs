//! Frameworks that say what they want, and what those are told who get nothing.

use super::rig::{Rig, accept, register, status, task};
use master_core::{
    input::{OperatorCall, Page, WhyQuery, WhySubject},
    ledger::digest::digest,
};
use proto::model::{
    AgentCall, Attribute, AttributeValue, DemandId, Duration, Milli, OfferId, Priority, Quota,
    ResourceName, Resources, Role, SchedulerCall, StatedDemand, TaskId, TaskState, Value,
};

fn role(text: &str) -> Role {
    Role::new(text).expect("a role")
}

fn id(text: &str) -> DemandId {
    DemandId::new(text).expect("an id")
}

/// So many pieces of one shape, without further wishes.
pub(crate) fn demand(name: &str, cpus_milli: i64, count: u32) -> StatedDemand {
    StatedDemand {
        id: id(name),
        shape: Resources::cpus_mem(cpus_milli, 64),
        count,
        constraints: Vec::new(),
        per_agent_max: None,
        spread: Vec::new(),
        gang_timeout: None,
        priority: Priority::DEFAULT,
        revocable: false,
    }
}

fn on(text: &str, demand: StatedDemand) -> StatedDemand {
    let constraint = text.parse().expect("a constraint");
    StatedDemand { constraints: vec![constraint], ..demand }
}

pub(crate) fn gang(timeout_ms: u64, demand: StatedDemand) -> StatedDemand {
    StatedDemand { gang_timeout: Some(Duration(timeout_ms)), ..demand }
}

pub(crate) fn state(of: &str, demands: Vec<StatedDemand>) -> SchedulerCall {
    SchedulerCall::StateDemand { role: role(of), demands: Some(demands) }
}

/// An agent of 2 CPUs in a rack.
fn in_rack(name: &str, incarnation: u64, rack: &str) -> AgentCall {
    let mut call = register(name, incarnation);
    if let AgentCall::Register { info, .. } = &mut call {
        let value = AttributeValue::Text(rack.to_owned());
        info.attributes = vec![Attribute { name: "rack".to_owned(), value }];
    }
    call
}

/// Two agents in two racks, and a framework that is offered nothing yet.
fn two_racks() -> Rig {
    let mut rig = Rig::serving();
    rig.agent(1, "a", in_rack("a", 7, "r1"));
    rig.agent(2, "b", in_rack("b", 8, "r2"));
    rig
}

/// A framework that says what it wants before there is anything to offer.
fn wanting(demands: Vec<StatedDemand>) -> Rig {
    let mut rig = Rig::serving();
    rig.subscribe(3, "f");
    rig.call("f", state("*", demands));
    rig.transcript.clear();
    rig.agent(1, "a", in_rack("a", 7, "r1"));
    rig.agent(2, "b", in_rack("b", 8, "r2"));
    rig
}

pub(crate) fn why_framework(rig: &Rig, name: &str) -> OperatorCall {
    let subject = WhySubject::Framework(rig.framework(name));
    OperatorCall::Why(WhyQuery { subject, role: None })
}

fn why_demand(name: &str) -> OperatorCall {
    let subject = WhySubject::Demand { framework: None, demand: id(name) };
    OperatorCall::Why(WhyQuery { subject, role: None })
}

fn all_offers(rig: &Rig) -> Vec<OfferId> {
    rig.offers.iter().map(|offer| offer.id).collect()
}

fn list() -> OperatorCall {
    OperatorCall::ListDemands { page: Page { size: 100, after: None }, framework: None }
}

#[test]
fn what_is_wanted_is_offered_and_nothing_else() {
    let mut rig = wanting(vec![demand("small", 300, 3), on("rack in r2", demand("big", 900, 1))]);
    rig.tell("three small ones anywhere and a big one in rack r2");
    rig.operator(list());
    rig.tell("two tasks for three pieces: one is offered again");
    let on_a = rig.offers.iter().find(|it| it.agent.as_str() == "a").expect("an offer of a").id;
    rig.call("f", accept(&[on_a], vec![task("t", "a", 300), task("u", "a", 300)]));
    rig.pass(6_000);
    rig.operator(list());
    rig.tell("nothing more is wanted");
    rig.call("f", state("*", vec![]));
    rig.pass(6_000);
    rig.tell("whatever there is");
    rig.call("f", SchedulerCall::StateDemand { role: Role::any(), demands: None });
    rig.operator(list());
    rig.matches("demand");
}

#[test]
fn pieces_are_spread() {
    let spread = StatedDemand { per_agent_max: Some(1), ..demand("web", 300, 3) };
    let mut rig = wanting(vec![spread]);
    rig.tell("one on each agent, and the third has no agent");
    let tasks = vec![task("t", "a", 300), task("u", "b", 300)];
    let offers = all_offers(&rig);
    rig.call("f", accept(&offers, tasks));
    rig.operator(why_demand("web"));
    rig.matches("demand_spread");
}

#[test]
fn a_gang_is_placed_at_once() {
    let mut rig = Rig::serving();
    rig.subscribe(3, "f");
    rig.call("f", state("*", vec![gang(60_000, demand("train", 1_500, 2))]));
    rig.transcript.clear();
    rig.tell("one agent has room for half of it");
    rig.agent(1, "a", in_rack("a", 7, "r1"));
    rig.operator(why_demand("train"));
    rig.tell("two have room for all of it");
    rig.agent(2, "b", in_rack("b", 8, "r2"));
    let offers = all_offers(&rig);
    rig.call("f", accept(&offers, vec![task("t", "a", 1_500), task("u", "b", 1_500)]));
    rig.operator(why_demand("train"));
    rig.matches("gang");
}

#[test]
fn a_gang_is_given_up() {
    let mut rig = Rig::serving();
    rig.subscribe(3, "f");
    rig.call("f", state("*", vec![gang(5_000, demand("train", 1_500, 2))]));
    rig.transcript.clear();
    rig.agent(1, "a", in_rack("a", 7, "r1"));
    rig.tell("its time passes");
    rig.pass(5_100);
    rig.operator(why_framework(&rig, "f"));
    rig.operator(list());
    rig.matches("gang_failed");
}

#[test]
fn why_it_was_so_is_kept_for_a_while() {
    let both = || vec![demand("served", 300, 1), on("rack in r9", demand("nowhere", 300, 1))];
    let mut rig = wanting(both());
    rig.pass(2_000);
    rig.tell("stated again with the same names: both are wanted since the first time");
    rig.call("f", state("*", both()));
    let newest = rig.offers.last().expect("offered again");
    let (offer, agent) = (newest.id, newest.agent.to_string());
    rig.call("f", accept(&[offer], vec![task("t", &agent, 300)]));
    rig.tell("one has been served, the other is taken back");
    rig.call("f", state("*", vec![gang(1_000, demand("train", 9_000, 2))]));
    rig.pass(1_500);
    for name in ["served", "nowhere", "train"] {
        rig.operator(why_demand(name));
    }
    rig.tell("an hour later nobody knows");
    rig.pass(3_600_000);
    for name in ["served", "train"] {
        rig.operator(why_demand(name));
    }
    rig.matches("demand_past");
}

#[test]
fn statements_that_cannot_be_are_refused() {
    let mut rig = two_racks();
    rig.subscribe_in(3, "f", &["eng", "ops"]);
    rig.call("f", state("eng", vec![demand("a", 100, 1)]));
    rig.transcript.clear();
    rig.operator(list());
    rig.tell("a role that is not the framework's");
    rig.refused_call("f", state("other", vec![demand("b", 100, 1)]));
    let plain = SchedulerCall::StateDemand { role: role("other"), demands: None };
    rig.refused_call("f", plain);
    rig.tell("nobody hears of it any longer");
    rig.close(3);
    rig.refused_call("f", state("eng", vec![demand("b", 100, 1)]));
    rig.operator(list());
    rig.tell("a new subscription begins with nothing stated");
    rig.subscribe(5, "f");
    let before = digest(rig.master.ledger());
    rig.operator(list());
    assert_eq!(digest(rig.master.ledger()), before, "nothing of this is replicated");
    rig.matches("demand_refused");
}

#[test]
fn demands_are_listed_by_pages() {
    let mut rig = Rig::serving();
    rig.subscribe_in(3, "f", &["eng", "ops"]);
    rig.subscribe_in(4, "g", &["eng"]);
    rig.call("f", state("eng", vec![demand("b", 100, 1), demand("a", 100, 2)]));
    rig.call("f", state("ops", vec![demand("a", 100, 3)]));
    rig.call("g", state("eng", vec![demand("c", 100, 4)]));
    rig.transcript.clear();
    let page = |size, after: Option<&str>, framework| {
        let page = Page { size, after: after.map(str::to_owned) };
        OperatorCall::ListDemands { page, framework }
    };
    rig.operator(page(2, None, None));
    rig.operator(page(2, Some("framework-1,eng,b"), None));
    let of_g = rig.framework("g");
    rig.operator(page(9, None, Some(of_g)));
    for token in ["x", "framework-1,eng", "framework-1,eng,b,c", "framework-1,a/../b,c"] {
        rig.operator(page(2, Some(token), None));
    }
    rig.matches("demand_pages");
}

#[test]
fn why_says_what_the_framework_did_itself() {
    let mut rig = two_racks();
    rig.tell("nobody");
    let subject = WhySubject::Framework(proto::model::FrameworkId(9));
    rig.operator(OperatorCall::Why(WhyQuery { subject, role: None }));
    rig.operator(why_demand("nothing"));
    rig.subscribe(3, "f");
    rig.tell("it holds offers");
    rig.operator(why_framework(&rig, "f"));
    rig.tell("it refused them");
    let offers = all_offers(&rig);
    rig.call("f", SchedulerCall::Decline { offers, refuse: Duration(60_000).into() });
    rig.operator(why_framework(&rig, "f"));
    rig.tell("it wants nothing, in two ways");
    rig.call("f", state("*", vec![]));
    rig.operator(why_framework(&rig, "f"));
    rig.call("f", SchedulerCall::Suppress { roles: vec![] });
    rig.operator(why_framework(&rig, "f"));
    rig.tell("another role, and a framework of somebody else");
    let subject = WhySubject::Framework(rig.framework("f"));
    rig.operator(OperatorCall::Why(WhyQuery { subject, role: Some(role("eng")) }));
    rig.ask_as("framework/g", why_framework(&rig, "f"));
    rig.ask_as("framework/f", why_framework(&rig, "f"));
    rig.tell("it is gone");
    rig.close(3);
    rig.operator(why_framework(&rig, "f"));
    rig.matches("why_own");
}

#[test]
fn why_says_what_does_not_fit() {
    let big = demand("big", 9_000, 1);
    let picky = on("rack in r3", demand("picky", 100, 1));
    let mut rig = wanting(vec![big, picky]);
    rig.tell("no agent is as large, none is in that rack");
    rig.operator(why_framework(&rig, "f"));
    rig.operator(why_demand("picky"));
    rig.tell("room for it is in use");
    rig.call("f", state("*", vec![demand("all", 1_500, 2)]));
    let offers: Vec<_> = rig.offers.iter().map(|offer| offer.id).collect();
    rig.call("f", accept(&offers, vec![task("t", "a", 1_500), task("u", "b", 1_500)]));
    rig.update(1, "a", "f", status("t", "a", TaskState::Running, 1));
    rig.call("f", state("*", vec![on("rack in r2", demand("more", 900, 1))]));
    rig.operator(why_demand("more"));
    rig.tell("a task that is there needs no reason");
    let task = TaskId::new("t").expect("an id");
    let subject = WhySubject::Task { framework: None, task };
    rig.operator(OperatorCall::Why(WhyQuery { subject, role: None }));
    rig.matches("why_fit");
}

#[test]
fn why_says_what_others_keep() {
    let amounts = |milli| {
        let cpus = [(ResourceName::CPUS, Value::Scalar(Milli(milli)))];
        Resources::from_entries(cpus).expect("amounts")
    };
    let set = |of: &str, quota| OperatorCall::SetQuota { role: role(of), quota, force: false };
    let limit = |milli| vec![(ResourceName::CPUS, Milli(milli))];
    let mut rig = two_racks();
    rig.tell("somebody else holds all that is free");
    rig.subscribe_in(3, "first", &["eng"]);
    rig.subscribe_in(4, "second", &["ops"]);
    rig.operator(why_framework(&rig, "second"));
    rig.ask_as("framework/second", why_framework(&rig, "second"));
    rig.tell("all of it is used");
    let offers = all_offers(&rig);
    let all = |id, agent| task(id, agent, 2_000);
    let tasks = vec![all("t", "a"), all("u", "b")];
    let tasks = tasks.into_iter().map(|mut task| {
        task.resources = Resources::cpus_mem(2_000, 1_024);
        task
    });
    rig.call("first", accept(&offers, tasks.collect()));
    rig.operator(why_framework(&rig, "second"));
    rig.tell("its role may not use more");
    let quota = Quota::new(Resources::new(), limit(500), None).expect("a quota");
    rig.operator(set("ops", quota));
    rig.call("second", state("ops", vec![demand("web", 600, 1)]));
    rig.operator(why_framework(&rig, "second"));
    rig.operator(OperatorCall::RemoveQuota(role("ops")));
    rig.tell("what is free is kept for a role that is promised it");
    let quota = Quota::new(amounts(4_000), vec![], None).expect("a quota");
    rig.operator(set("kept", quota));
    for (stream, agent, task) in [(1, "a", "t"), (2, "b", "u")] {
        rig.update(stream, agent, "first", status(task, agent, TaskState::Finished, 1));
    }
    rig.pass(6_000);
    rig.call("first", SchedulerCall::Suppress { roles: vec![] });
    rig.operator(why_framework(&rig, "second"));
    rig.matches("why_others");
}
