//! An operator's call is lost with its leader: repeated under its request id, it is done once and
//! answered by the next leader as it would have been by the first.

use super::{
    accepts::{agent_registers, next_leader, principal, unknown},
    group::Group,
};
use master_core::{
    Input,
    input::{CallId, OperatorCall},
    outbox::Answer,
};
use proto::model::{
    AgentId, Milli, Reason, RequestId, ReservationId, ReservationPlan, ReservationRef, Resources,
    Role, Unreserve, VolumeId, VolumePlan,
};

fn reserve(cpus_milli: i64) -> OperatorCall {
    OperatorCall::Reserve(ReservationPlan {
        agent: AgentId::new("a").expect("an id"),
        role: Role::new("eng").expect("a role"),
        resources: Resources::cpus_mem(cpus_milli, 64),
        labels: Vec::new(),
        parent: None,
    })
}

fn under(request: &str, call: OperatorCall) -> OperatorCall {
    let request = RequestId::new(request).expect("an id");
    OperatorCall::Once { request, call: Box::new(call) }
}

fn asks(call: u64, who: &str, request: OperatorCall) -> Input {
    Input::OperatorCall { call: CallId(call), principal: principal(who), request }
}

/// The leader has an agent, and hears nothing any longer of what it sends.
fn deaf_leader() -> (Group, u64) {
    let mut group = Group::of(3);
    let leader = group.leader().expect("a leader");
    group.ask(leader, agent_registers(100));
    group.deafen(leader);
    (group, leader)
}

#[test]
fn a_call_that_reached_a_quorum_is_answered_by_the_next_leader() {
    let (mut group, before) = deaf_leader();
    group.tell("its entry reaches the others; that they have it, the leader never hears");
    group.ask(before, asks(900, "operator/ann", under("ann-0000000000001", reserve(500))));
    next_leader(&mut group, before);
    assert!(unknown(&group, 900), "{:?}", group.answer(CallId(900)));
    let leader = group.leader().expect("a leader");
    group.tell("repeated: the same reservation; by another operator: another one");
    group.ask(leader, asks(901, "operator/ann", under("ann-0000000000001", reserve(500))));
    group.ask(leader, asks(902, "operator/ben", under("ann-0000000000001", reserve(500))));
    let made = |call| match group.answer(CallId(call)) {
        Some(Ok(Answer::Reserved(id))) => id.0,
        other => panic!("{other:?}"),
    };
    assert_eq!((made(901), made(902)), (1, 2));
    assert_eq!(group.master(leader).ledger().reservations().len(), 2);
    group.tell("another call under the same id is a mistake");
    group.ask(leader, asks(903, "operator/ann", under("ann-0000000000001", reserve(400))));
    let Some(Err(refusal)) = group.answer(CallId(903)) else { panic!("it is refused") };
    assert_eq!((refusal.reason, refusal.field.as_str()), (Reason::InvalidField, "request_id"));
    group.tell("given up: to repeat that is answered, and so is what it undid");
    let unreserve = || {
        let reservation = ReservationRef::Known(ReservationId(1));
        OperatorCall::Unreserve(Unreserve { reservation, resources: None })
    };
    for call in [904, 905] {
        group.ask(leader, asks(call, "operator/ann", under("ann-0000000000002", unreserve())));
        assert_eq!(group.answer(CallId(call)), Some(&Ok(Answer::Done)));
    }
    group.ask(leader, asks(906, "operator/ann", under("ann-0000000000001", reserve(500))));
    assert_eq!(group.answer(CallId(906)), Some(&Ok(Answer::Reserved(ReservationId(1)))));
    assert_eq!(group.master(leader).ledger().reservations().len(), 1, "nothing is made anew");
    group.matches("asked_once");
}

#[test]
fn a_call_of_which_nothing_was_done_is_judged_anew() {
    let mut group = Group::of(3);
    let leader = group.leader().expect("a leader");
    let asked = || under("ann-0000000000001", reserve(500));
    group.ask(leader, asks(900, "operator/ann", asked()));
    let Some(Err(refusal)) = group.answer(CallId(900)) else { panic!("there is no agent") };
    assert_eq!(refusal.reason, Reason::AgentUnknown);
    group.ask(leader, agent_registers(100));
    group.ask(leader, asks(901, "operator/ann", asked()));
    assert_eq!(group.answer(CallId(901)), Some(&Ok(Answer::Reserved(ReservationId(1)))));
    let create = OperatorCall::CreateVolume(VolumePlan {
        reservation: ReservationRef::Known(ReservationId(1)),
        name: "data".parse().expect("a name"),
        size: Milli(64_000),
        shared: false,
        labels: Vec::new(),
    });
    let destroy = OperatorCall::DestroyVolume(VolumeId(1));
    for (call, of) in [(902, create), (903, destroy)] {
        group.ask(leader, asks(call, "operator/ann", under("ann-0000000000009", of)));
        assert!(matches!(group.answer(CallId(call)), Some(Err(_))), "it has no disk");
    }
    group.ask(
        leader,
        asks(904, "operator/ann", under("ann-0000000000003", OperatorCall::GetCluster)),
    );
    let Some(Err(refusal)) = group.answer(CallId(904)) else { panic!("it changes nothing") };
    assert_eq!(refusal.field, "request_id");
}
