//! Inverse offers: frameworks are asked to leave agents and say what they will do, and operators
//! see it.

use super::rig::{Rig, accept, register, status, task};
use master_core::input::{OperatorCall, Page};
use proto::model::{
    AgentCall, AgentDirective, AgentId, DisruptionBudget, DrainPlan, Duration, FrameworkInfo,
    InverseAnswer, InverseOfferId, Role, SchedulerCall, TaskKey, TaskState, WindowId, WindowPlan,
    agent::AgentTask,
};

/// A framework whose tasks nobody ends before the deadline.
fn unbudgeted(name: &str) -> SchedulerCall {
    SchedulerCall::UpdateFramework {
        info: FrameworkInfo {
            name: name.to_owned(),
            roles: vec![Role::any()],
            failover_timeout: Duration(60_000),
            labels: vec![],
            disruption_budget: Some(DisruptionBudget { label: None, tasks_max: 0 }),
            offer_terms: Vec::new(),
        },
    }
}

/// Agent a, with one task of `hello` and one of `other`.
fn two_tenants() -> Rig {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    for (stream, name, id) in [(2, "hello", "t"), (3, "other", "u")] {
        rig.subscribe(stream, name);
        let offer = rig.offers.last().expect("an offer").id;
        rig.call(name, accept(&[offer], vec![task(id, "a", 500)]));
        rig.call(name, SchedulerCall::Suppress { roles: vec![] });
        rig.update(1, "a", name, status(id, "a", TaskState::Running, 1));
        rig.call(name, unbudgeted(name));
    }
    rig.transcript.clear();
    rig
}

fn id(term: u64, number: u64) -> InverseOfferId {
    InverseOfferId { term, number }
}

fn yes(offers: &[InverseOfferId]) -> SchedulerCall {
    SchedulerCall::AnswerInverse { offers: offers.to_vec(), answer: InverseAnswer::Accept }
}

fn no(offers: &[InverseOfferId], why: &str) -> SchedulerCall {
    let answer = InverseAnswer::Decline { message: why.to_owned() };
    SchedulerCall::AnswerInverse { offers: offers.to_vec(), answer }
}

fn direct(directive: AgentDirective) -> OperatorCall {
    OperatorCall::DirectAgent { agent: AgentId::new("a").expect("an id"), directive }
}

fn drain(deadline_ms: u64) -> OperatorCall {
    let deadline = Duration(deadline_ms);
    direct(AgentDirective::Drain(DrainPlan { deadline, max_grace: None, mark_gone: true }))
}

fn window(starts_in_ms: u64, drain: Option<DrainPlan>) -> OperatorCall {
    OperatorCall::ScheduleMaintenance(WindowPlan {
        selector: "hostname=a.example".parse().expect("a selector"),
        starts_in: Duration(starts_in_ms),
        duration: Duration(10_000),
        drain,
        comment: "new disks".to_owned(),
    })
}

fn show(rig: &mut Rig) {
    rig.operator(OperatorCall::GetAgent(AgentId::new("a").expect("an id")));
}

fn windows(rig: &mut Rig) {
    rig.operator(OperatorCall::ListMaintenance(Page { size: 10, after: None }));
}

/// The agent comes back to another leader, with both tasks.
fn back(rig: &Rig) -> AgentCall {
    let task = |name: &str, id: &str| AgentTask {
        key: TaskKey { framework: rig.framework(name), task: id.parse().expect("an id") },
        state: TaskState::Running,
        sequence: 1,
    };
    let mut again = register("a", 7);
    let AgentCall::Register { tasks, .. } = &mut again else { unreachable!() };
    *tasks = vec![task("hello", "t"), task("other", "u")];
    again
}

#[test]
fn who_is_asked_to_leave_accepts_or_declines() {
    let mut rig = two_tenants();
    rig.tell("each is asked for its own tasks");
    rig.operator(drain(20_000));
    show(&mut rig);
    rig.tell("one will be gone by then, the other not: the deadline stands");
    rig.call("hello", yes(&[id(1, 1)]));
    rig.call("other", no(&[id(1, 2)], "its disks are here"));
    show(&mut rig);
    rig.tell("nobody answers for another, twice, nothing, or another leader");
    rig.refused_call("hello", no(&[id(1, 1), id(1, 2)], ""));
    rig.refused_call("hello", no(&[id(1, 1), id(1, 1)], ""));
    rig.refused_call("hello", yes(&[id(1, 9)]));
    rig.refused_call("hello", yes(&[id(2, 1)]));
    rig.tell("an answer may be changed");
    rig.call("other", yes(&[id(1, 2)]));
    show(&mut rig);
    rig.tell("another deadline is another question");
    rig.operator(drain(10_000));
    show(&mut rig);
    rig.refused_call("hello", yes(&[id(1, 1)]));
    rig.call("hello", yes(&[id(1, 3)]));
    rig.tell("one of them has gone, as it said");
    rig.update(1, "a", "hello", status("t", "a", TaskState::Finished, 2));
    show(&mut rig);
    rig.tell("cancelled: it is over for who is still there");
    rig.operator(direct(AgentDirective::CancelDrain));
    show(&mut rig);
    rig.refused_call("other", no(&[id(1, 4)], "too late"));
    rig.matches("inverse_offers");
}

#[test]
fn a_window_asks_before_it_begins_and_keeps_its_answers() {
    let mut rig = two_tenants();
    let plan = DrainPlan { deadline: Duration(2_000), max_grace: None, mark_gone: false };
    rig.tell("planned");
    rig.operator(window(3_000, Some(plan)));
    rig.call("hello", yes(&[id(1, 1)]));
    windows(&mut rig);
    rig.tell("one that nobody is drained for asks nobody as long as there is an earlier one");
    rig.operator(window(60_000, None));
    windows(&mut rig);
    rig.tell("it begins: the same is asked, and was answered");
    rig.pass(3_100);
    windows(&mut rig);
    rig.tell("who comes back is asked again, and may answer otherwise");
    rig.close(2);
    rig.subscribe(4, "hello");
    rig.call("hello", no(&[id(1, 1)], "it has started anew"));
    show(&mut rig);
    rig.tell("the deadline binds all of them");
    rig.pass(2_000);
    rig.update(1, "a", "hello", status("t", "a", TaskState::Killed, 2));
    rig.tell("cancelled: what is left is asked for the other window, in which nothing is ended");
    rig.operator(OperatorCall::CancelMaintenance(WindowId(1)));
    rig.call("other", no(&[id(1, 3)], "it stays where it is"));
    windows(&mut rig);
    rig.tell("an agent that is another now need not be left");
    let mut other = back(&rig);
    let AgentCall::Register { info, tasks, .. } = &mut other else { unreachable!() };
    tasks.retain(|task| task.key.task.as_str() == "u");
    info.hostname = "another.example".to_owned();
    rig.agent(5, "a", other);
    windows(&mut rig);
    rig.matches("inverse_offers_of_windows");
}

#[test]
fn another_leader_asks_anew() {
    let mut rig = two_tenants();
    rig.operator(drain(60_000));
    rig.call("hello", yes(&[id(1, 1)]));
    rig.tell("another leads: who is not there yet has not answered");
    rig.begin_another_term();
    let back = back(&rig);
    rig.agent(6, "a", back);
    show(&mut rig);
    rig.subscribe(7, "hello");
    rig.call("hello", unbudgeted("hello"));
    rig.pass(100);
    rig.refused_call("hello", yes(&[id(1, 1)]));
    rig.call("hello", yes(&[id(2, 1)]));
    show(&mut rig);
    rig.tell("the other framework ends, and is asked nothing any more");
    rig.subscribe(8, "other");
    rig.call("other", SchedulerCall::Teardown);
    rig.update(6, "a", "other", status("u", "a", TaskState::Killed, 2));
    show(&mut rig);
    rig.tell("so does the agent");
    rig.operator(direct(AgentDirective::DeclareGone));
    rig.pass(100);
    rig.refused_call("hello", yes(&[id(2, 1)]));
    rig.matches("inverse_offers_anew");
}
