//! Two things at the same moment: which one was first decides, and nobody is left in between.

use super::rig::{Rig, accept, principal, register, status, task};
use master_core::{Input, input::OperatorCall};
use proto::model::{
    AgentDirective, AgentId, DemandId, Duration, RequestId, Resources, Role, SchedulerCall,
    StatedDemand, TaskState,
};

/// An accept of the newest offer that can be repeated.
fn repeatable(rig: &Rig, name: &str) -> SchedulerCall {
    let offer = rig.offers.last().expect("an offer").id;
    let mut call = accept(&[offer], vec![task(name, "a", 500)]);
    if let SchedulerCall::Accept { request, .. } = &mut call {
        *request = Some(RequestId::new(&format!("accept-of-{name}-00000")).expect("an id"));
    }
    call
}

fn call(rig: &mut Rig, name: &str, request: SchedulerCall) -> Input {
    let (call, session) = (rig.call_id(), rig.sessions[name]);
    let principal = principal(&format!("framework/{name}"));
    Input::FrameworkCall { call, principal, session, request }
}

#[test]
fn a_framework_fails_over_in_the_middle_of_an_accept() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.tell("the older instance accepts, and the newer one subscribes in the same turn");
    let accepts = repeatable(&rig, "t");
    let first = call(&mut rig, "hello", accepts.clone());
    let second = rig.subscription(3, "hello", Some(rig.framework("hello")));
    rig.turn(vec![first, second]);
    rig.tell("the newer one repeats what the older one may have done, and is told that it is done");
    rig.call("hello", accepts);
    rig.update(1, "a", "hello", status("t", "a", TaskState::Running, 1));
    rig.tell("the other way about: who is first in the log is right, the accept is the older's");
    let accepts = repeatable(&rig, "u");
    let first = rig.subscription(4, "hello", Some(rig.framework("hello")));
    let second = call(&mut rig, "hello", accepts.clone());
    rig.turn(vec![first, second]);
    rig.call("hello", accepts);
    assert_eq!(rig.master.ledger().live_task_count(), 1, "one of the two accepts happened");
    rig.matches("failover_amid_accept");
}

#[test]
fn a_gang_is_refused_when_it_is_applied() {
    let mut rig = Rig::serving();
    rig.subscribe(3, "f");
    let train = StatedDemand {
        id: DemandId::new("train").expect("an id"),
        shape: Resources::cpus_mem(1_500, 64),
        count: 2,
        constraints: Vec::new(),
        per_agent_max: None,
        spread: Vec::new(),
        gang_timeout: Some(Duration(60_000)),
        priority: proto::model::Priority::DEFAULT,
        revocable: false,
    };
    let state = SchedulerCall::StateDemand { role: Role::any(), demands: Some(vec![train]) };
    rig.call("f", state);
    rig.transcript.clear();
    rig.agent(1, "a", register("a", 7));
    rig.agent(2, "b", register("b", 8));
    rig.tell("in the same turn an operator takes one of the two agents away, and is first");
    let offers: Vec<_> = rig.offers.iter().map(|offer| offer.id).collect();
    let gang = accept(&offers, vec![task("t", "a", 1_500), task("u", "b", 1_500)]);
    let directive = AgentDirective::Deactivate;
    let agent = AgentId::new("b").expect("an id");
    rig.turn_with_operator(OperatorCall::DirectAgent { agent, directive }, "f", gang);
    assert_eq!(rig.master.ledger().live_task_count(), 0, "all or nothing");
    rig.tell("it is still wanted, and placed when the agent is back");
    let (agent, directive) = (AgentId::new("b").expect("an id"), AgentDirective::Reactivate);
    rig.operator(OperatorCall::DirectAgent { agent, directive });
    rig.pass(6_000);
    rig.matches("gang_refused_at_apply");
}
