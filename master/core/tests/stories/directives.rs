//! What operators direct about agents and frameworks: drains, windows, ends; and callers that ask
//! too much.

use super::rig::{Rig, register, status, task};
use master_core::{
    config::{CallRate, CallRates},
    input::{OperatorCall, Page},
    ledger::digest::digest,
};
use proto::model::{
    AgentDirective, AgentId, DisruptionBudget, DrainPlan, Duration, FrameworkId, FrameworkInfo,
    Role, SchedulerCall, TaskState, WindowId, WindowPlan,
};
use std::collections::BTreeMap;

fn direct(agent: &str, directive: AgentDirective) -> OperatorCall {
    OperatorCall::DirectAgent { agent: AgentId::new(agent).expect("an id"), directive }
}

fn drain(agent: &str, deadline_ms: u64) -> OperatorCall {
    let max_grace = Some(Duration(2_000));
    let plan = DrainPlan { deadline: Duration(deadline_ms), max_grace, mark_gone: false };
    direct(agent, AgentDirective::Drain(plan))
}

fn show(agent: &str) -> OperatorCall {
    OperatorCall::GetAgent(AgentId::new(agent).expect("an id"))
}

fn windows() -> OperatorCall {
    OperatorCall::ListMaintenance(Page { size: 10, after: None })
}

fn window(selector: &str, starts_in_ms: u64, drain: Option<DrainPlan>) -> OperatorCall {
    OperatorCall::ScheduleMaintenance(WindowPlan {
        selector: selector.parse().expect("a selector"),
        starts_in: Duration(starts_in_ms),
        duration: Duration(2_000),
        drain,
        comment: "new disks".to_owned(),
    })
}

fn budget(tasks_max: u32) -> SchedulerCall {
    let disruption_budget = Some(DisruptionBudget { label: None, tasks_max });
    SchedulerCall::UpdateFramework { info: FrameworkInfo { disruption_budget, ..info() } }
}

fn info() -> FrameworkInfo {
    FrameworkInfo {
        name: "hello".to_owned(),
        roles: vec![Role::any()],
        failover_timeout: Duration(10_000),
        labels: vec![],
        disruption_budget: None,
        offer_terms: Vec::new(),
    }
}

/// Agent a on stream 1 with running tasks of `hello`, which is on stream 2 and wants no more.
fn with_tasks(names: &[&str]) -> Rig {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    let tasks = names.iter().map(|name| task(name, "a", 500)).collect();
    let offer = rig.offers[0].id;
    rig.call("hello", super::rig::accept(&[offer], tasks));
    rig.call("hello", SchedulerCall::Suppress { roles: vec![] });
    for name in names {
        rig.update(1, "a", "hello", status(name, "a", TaskState::Running, 1));
    }
    rig
}

/// An operator's call that is refused and leaves no trace in any row.
fn refused(rig: &mut Rig, call: OperatorCall) {
    let rows = |rig: &Rig| {
        let records = master_core::ledger::dump::records(rig.master.ledger());
        records.skip(1).collect::<Vec<_>>()
    };
    let before = rows(rig);
    rig.operator(call);
    assert_eq!(rows(rig), before, "S2: a refusal changes nothing");
}

#[test]
fn a_drain_is_cancelled() {
    let mut rig = with_tasks(&["t", "u"]);
    rig.call("hello", budget(1));
    rig.tell("the framework hears of it before anything ends; then one task ends");
    rig.operator(drain("a", 20_000));
    rig.pass(100);
    rig.operator(show("a"));
    rig.tell("it is cancelled: the other task runs on, and the agent is offered again");
    rig.operator(direct("a", AgentDirective::CancelDrain));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Killed, 2));
    rig.pass(300);
    rig.operator(show("a"));
    rig.call("hello", SchedulerCall::Revive { roles: vec![] });
    rig.tell("twice");
    refused(&mut rig, direct("a", AgentDirective::CancelDrain));
    rig.matches("drain_cancelled");
}

#[test]
fn a_drain_respects_a_budget_until_its_deadline() {
    let mut rig = with_tasks(&["t", "u", "v"]);
    rig.call("hello", budget(1));
    rig.watch(9, None);
    rig.operator(drain("a", 5_000));
    rig.pass(100);
    rig.tell("one has ended: the next");
    rig.update(1, "a", "hello", status("t", "a", TaskState::Killed, 2));
    rig.pass(200);
    rig.tell("the deadline: all that are left");
    rig.pass(5_000);
    rig.operator(show("a"));
    rig.tell("an agent that comes back is told again, and still drains");
    let mut again = register("a", 7);
    let proto::model::AgentCall::Register { tasks, .. } = &mut again else { unreachable!() };
    *tasks = ["u", "v"]
        .map(|name| proto::model::agent::AgentTask {
            key: proto::model::TaskKey {
                framework: FrameworkId(1),
                task: name.parse().expect("an id"),
            },
            state: TaskState::Running,
            sequence: 1,
        })
        .to_vec();
    rig.agent(3, "a", again);
    rig.tell("the last ones end; empty, it takes no tasks before an operator says so");
    rig.update(3, "a", "hello", status("u", "a", TaskState::Killed, 2));
    rig.update(3, "a", "hello", status("v", "a", TaskState::Killed, 2));
    rig.call("hello", SchedulerCall::Revive { roles: vec![] });
    rig.operator(direct("a", AgentDirective::Reactivate));
    rig.matches("drain_with_budget");
}

/// The budget is zero: the framework has until the deadline to move what it has.
#[test]
fn a_framework_that_comes_back_hears_of_a_drain() {
    let mut rig = with_tasks(&["t"]);
    rig.call("hello", budget(0));
    rig.operator(drain("a", 8_000));
    rig.pass(1_000);
    rig.close(2);
    rig.tell("it comes back and describes itself without a budget");
    rig.subscribe(3, "hello");
    rig.pass(100);
    rig.matches("drain_heard_again");
}

#[test]
fn an_agent_is_gone_once_it_is_empty() {
    let mut rig = with_tasks(&["t"]);
    let plan = DrainPlan { deadline: Duration(0), max_grace: None, mark_gone: true };
    rig.operator(direct("a", AgentDirective::Drain(plan)));
    rig.pass(100);
    rig.update(1, "a", "hello", status("t", "a", TaskState::Killed, 2));
    rig.pass(100);
    rig.tell("it is told to leave, and may not come back");
    rig.agent(3, "a", register("a", 7));
    rig.matches("drain_to_gone");
}

#[test]
fn an_agent_is_declared_gone() {
    let mut rig = with_tasks(&["t"]);
    rig.tell("its tasks are gone, and it ends what it runs");
    rig.operator(direct("a", AgentDirective::DeclareGone));
    rig.tell("its journal may not come back; a new one may");
    rig.agent(3, "a", register("a", 7));
    rig.agent(4, "a", register("a", 8));
    rig.matches("gone");
}

#[test]
fn a_deactivated_agent_is_not_offered() {
    let mut rig = with_tasks(&["t"]);
    rig.call("hello", SchedulerCall::Revive { roles: vec![] });
    rig.tell("what is offered is taken back; what runs runs on");
    rig.operator(direct("a", AgentDirective::Deactivate));
    rig.pass(200);
    rig.operator(show("a"));
    rig.tell("again and again, also for an agent that comes back");
    rig.operator(direct("a", AgentDirective::Deactivate));
    rig.agent(3, "a", register("a", 7));
    rig.pass(200);
    rig.tell("and then");
    rig.operator(direct("a", AgentDirective::Reactivate));
    rig.matches("deactivated");
}

#[test]
fn a_maintenance_window_passes() {
    let mut rig = with_tasks(&["t"]);
    rig.agent(3, "b", register("b", 8));
    rig.call("hello", SchedulerCall::Revive { roles: vec![] });
    rig.watch(9, None);
    rig.tell("who runs tasks there hears of it; what is offered says so from now on");
    let plan = DrainPlan { deadline: Duration(1_000), max_grace: None, mark_gone: false };
    rig.operator(window("hostname=a.example", 3_000, Some(plan)));
    assert!(rig.offers.iter().rev().find(|offer| offer.agent.as_str() == "a").is_some_and(
        |offer| offer.unavailability.is_some_and(|away| away.starts_in == Duration(3_000))
    ));
    rig.operator(windows());
    rig.operator(show("a"));
    rig.tell("it begins");
    rig.pass(3_100);
    rig.operator(windows());
    rig.tell("an operator cannot end its drain but by cancelling it");
    refused(&mut rig, direct("a", AgentDirective::CancelDrain));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Killed, 2));
    refused(&mut rig, direct("a", AgentDirective::Reactivate));
    rig.tell("it ends by itself");
    rig.pass(2_000);
    rig.operator(windows());
    rig.tell("another one is cancelled before it begins");
    rig.operator(window("id=a", 60_000, None));
    rig.operator(OperatorCall::CancelMaintenance(WindowId(2)));
    refused(&mut rig, OperatorCall::CancelMaintenance(WindowId(2)));
    rig.matches("maintenance");
}

#[test]
fn whoever_asks_too_much_is_told_when_to_come_back() {
    let rate = CallRate { calls_per_second: 10, burst: 3 };
    let rates = CallRates { default: Some(rate), named: BTreeMap::new() };
    let mut rig = Rig::limited(rates);
    rig.tell("the subscription is one, two more are free");
    rig.subscribe(2, "hello");
    let ask = || SchedulerCall::Reconcile { tasks: vec![] };
    rig.call("hello", ask());
    rig.call("hello", ask());
    rig.refused_call("hello", ask());
    rig.tell("others are not concerned");
    rig.subscribe(3, "other");
    rig.tell("as was said");
    rig.pass(100);
    rig.call("hello", ask());
    rig.tell("a subscription too many is refused and may be repeated");
    rig.subscribe(4, "hello");
    rig.pass(100);
    rig.subscribe(5, "hello");
    rig.matches("pushed_back");
}

#[test]
fn a_framework_describes_itself_anew() {
    let mut rig = with_tasks(&["t"]);
    let eng = || vec![Role::new("eng").expect("a role")];
    let update = |roles| SchedulerCall::UpdateFramework { info: FrameworkInfo { roles, ..info() } };
    rig.tell("a role in which a task runs stays");
    let before = master_core::ledger::dump::records(rig.master.ledger()).skip(1).count();
    rig.call("hello", update(eng()));
    assert_eq!(master_core::ledger::dump::records(rig.master.ledger()).skip(1).count(), before);
    rig.tell("another one beside it: offers in that, while the first is suppressed");
    rig.call("hello", update([vec![Role::any()], eng()].concat()));
    rig.tell("the task has ended: only the other one, and nothing else is asked for");
    rig.update(1, "a", "hello", status("t", "a", TaskState::Finished, 2));
    rig.call("hello", update(eng()));
    rig.operator(OperatorCall::GetFramework(FrameworkId(1)));
    rig.matches("described");
}

#[test]
fn an_operator_ends_a_framework() {
    let mut rig = with_tasks(&["t"]);
    rig.operator(OperatorCall::TeardownFramework(FrameworkId(1)));
    rig.tell("again, and one that never was");
    refused(&mut rig, OperatorCall::TeardownFramework(FrameworkId(1)));
    let before = digest(rig.master.ledger());
    refused(&mut rig, OperatorCall::TeardownFramework(FrameworkId(9)));
    assert_eq!(digest(rig.master.ledger()), before, "refused before the log");
    rig.matches("operator_teardown");
}

#[test]
fn directives_for_nobody_change_nothing() {
    let mut rig = with_tasks(&["t"]);
    for directive in [
        AgentDirective::Deactivate,
        AgentDirective::Reactivate,
        AgentDirective::Drain(DrainPlan {
            deadline: Duration(1),
            max_grace: None,
            mark_gone: false,
        }),
        AgentDirective::CancelDrain,
        AgentDirective::DeclareGone,
    ] {
        refused(&mut rig, direct("nobody", directive));
    }
    refused(&mut rig, direct("a", AgentDirective::CancelDrain));
    refused(&mut rig, OperatorCall::CancelMaintenance(WindowId(7)));
    rig.tell("only operators direct");
    let calls = [
        drain("a", 1),
        OperatorCall::TeardownFramework(FrameworkId(1)),
        window("id=a", 0, None),
        windows(),
        OperatorCall::CancelMaintenance(WindowId(1)),
    ];
    for who in ["framework/hello", "agent/a", "master/1"] {
        for call in &calls {
            let before = digest(rig.master.ledger());
            rig.ask_as(who, call.clone());
            assert_eq!(digest(rig.master.ledger()), before);
        }
    }
    rig.matches("directives_refused");
}
