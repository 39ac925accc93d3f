//! A leader is lost with an accept in flight: the caller is told that it may or may not have
//! happened, and finds out by repeating it under the next leader.

use super::group::Group;
use master_core::{
    Input,
    input::{CallId, StreamId},
    outbox::Answer,
};
use proto::model::{
    AgentCall, AgentId, AgentInfo, Command, Duration, FrameworkInfo, NodeId, Offer, Operation,
    Principal, Reason, RequestId, Resources, Role, SchedulerCall, SchedulerEvent, Session,
    Subscribe, TaskId, TaskInfo,
};

pub(crate) fn principal(text: &str) -> Principal {
    format!("spiffe://group/{text}").parse().expect("a principal")
}

pub(crate) fn agent_registers(stream: u64) -> Input {
    let info = AgentInfo {
        reservations: Vec::new(),
        id: AgentId::new("a").expect("an id"),
        hostname: "a.example".to_owned(),
        address: String::new(),
        resources: Resources::cpus_mem(2_000, 1_024),
        attributes: vec![],
        domain: None,
        version: "0.1.0".to_owned(),
    };
    let message = AgentCall::Register { info, incarnation: 7, tasks: vec![], volumes: vec![] };
    Input::AgentMessage { stream: StreamId(stream), principal: principal("agent/a"), message }
}

fn framework_subscribes(stream: u64, again: Option<Session>) -> Input {
    let info = FrameworkInfo {
        name: "f".to_owned(),
        roles: vec![Role::any()],
        failover_timeout: Duration(3_600_000),
        labels: vec![],
        disruption_budget: None,
        offer_terms: Vec::new(),
    };
    let framework = again.map(|session| session.framework);
    let request = RequestId::new("subscription-000000").expect("an id");
    let subscribe = Subscribe { info, framework, request, suppressed: vec![] };
    let (stream, principal) = (StreamId(stream), principal("framework/f"));
    Input::FrameworkSubscribe { stream, principal, subscribe }
}

fn accepts(call: u64, session: Session, offer: &Offer) -> Input {
    let command = Command { arguments: vec!["true".to_owned()], ..Command::default() };
    let id = TaskId::new("t").expect("an id");
    let task = TaskInfo::new(id, offer.agent.clone(), Resources::cpus_mem(500, 64), command);
    let request = SchedulerCall::Accept {
        offers: vec![offer.id],
        operations: Operation::launch(vec![task]),
        partial: false,
        refuse: Duration(0).into(),
        request: Some(RequestId::new("accept-0000000000000").expect("an id")),
    };
    Input::FrameworkCall {
        call: CallId(call),
        principal: principal("framework/f"),
        session,
        request,
    }
}

/// Agent and framework at the leader; the framework's session and what it is offered.
fn connected(group: &mut Group, stream: u64, again: Option<Session>) -> (Session, Offer) {
    let leader = group.leader().expect("a leader");
    group.heard.clear();
    group.ask(leader, agent_registers(stream));
    group.ask(leader, framework_subscribes(stream + 1, again));
    let (mut session, mut offer) = (None, None);
    for event in &group.heard {
        match event {
            SchedulerEvent::Subscribed { session: mine, .. } => session = Some(*mine),
            SchedulerEvent::Offers(offers) => offer = offers.first().cloned(),
            _ => {}
        }
    }
    (session.expect("subscribed"), offer.expect("an offer"))
}

/// Until another master leads; the one that led before hears of it.
pub(crate) fn next_leader(group: &mut Group, before: u64) {
    group.until("another leader", |group| group.leader().is_some_and(|leader| leader != before));
    group.mend(before);
    group.until("agreement", |group| group.master(before).leader() != Some(NodeId(before)));
}

pub(crate) fn unknown(group: &Group, call: u64) -> bool {
    let answer = group.answer(CallId(call));
    matches!(answer, Some(Err(refusal)) if refusal.reason == Reason::OutcomeUnknown)
}

fn launched(group: &Group, call: u64) -> Option<usize> {
    match group.answer(CallId(call)) {
        Some(Ok(Answer::Accepted(results))) => {
            Some(results.iter().map(|result| result.tasks().len()).sum())
        }
        _ => None,
    }
}

#[test]
fn an_accept_that_reached_a_quorum_is_found_again() {
    let mut group = Group::of(3);
    let before = group.leader().expect("a leader");
    let (session, offer) = connected(&mut group, 100, None);
    group.tell("its entry reaches the others; that they have it, the leader never hears");
    group.deafen(before);
    group.ask(before, accepts(900, session, &offer));
    next_leader(&mut group, before);
    assert!(unknown(&group, 900), "{:?}", group.answer(CallId(900)));
    let (session, _) = connected(&mut group, 200, Some(session));
    let leader = group.leader().expect("a leader");
    group.tell("agent and framework are at the next leader; the framework repeats its accept");
    group.ask(leader, accepts(901, session, &offer));
    assert_eq!(launched(&group, 901), Some(1), "the answer of the call that was lost");
    assert_eq!(group.master(leader).ledger().live_task_count(), 1, "once");
    group.matches("accept_found_again");
}

#[test]
fn an_accept_that_reached_nobody_did_not_happen() {
    let mut group = Group::of(3);
    let before = group.leader().expect("a leader");
    let (session, offer) = connected(&mut group, 100, None);
    group.tell("the leader is cut off before it sends the entry");
    group.cut(before);
    group.ask(before, accepts(900, session, &offer));
    next_leader(&mut group, before);
    assert!(unknown(&group, 900), "{:?}", group.answer(CallId(900)));
    let (session, newer) = connected(&mut group, 200, Some(session));
    let leader = group.leader().expect("a leader");
    group.tell("agent and framework are at the next leader; the framework repeats its accept");
    group.ask(leader, accepts(901, session, &offer));
    let answer = group.answer(CallId(901));
    let void = matches!(answer, Some(Err(no)) if no.reason == Reason::OfferInvalid);
    assert!(void, "another leader's offer: {answer:?}");
    group.tell("and then accepts what this one offers");
    group.ask(leader, accepts(902, session, &newer));
    assert_eq!(launched(&group, 902), Some(1));
    assert_eq!(group.master(leader).ledger().live_task_count(), 1, "once");
    group.matches("accept_lost");
}
