//! Calls: answered once, sent again when that is safe, never left in doubt.

use super::*;

fn request_of(call: &SchedulerCall) -> Option<&RequestId> {
    match call {
        SchedulerCall::Accept { request, .. } => request.as_ref(),
        _ => None,
    }
}

/// The answer to an accept that launches tasks and does nothing else.
fn accepted(call: CallId, tasks: Vec<TaskId>) -> Event {
    let results = vec![OperationResult::Launched { tasks: tasks.clone() }];
    Event::Accepted { call, tasks, results }
}

#[test]
fn an_accept_is_sent_again_on_the_next_connection_with_the_same_id() {
    let mut bench = Bench::subscribed();
    let id = bench.ask(accept(&["t1", "t2"]));
    let (_, first) = bench.only_send();
    bench.reconnect(1);
    let (send, second) = bench.only_send();
    assert_eq!(request_of(&first), request_of(&second));
    assert!(request_of(&first).is_some());
    bench.events();
    bench.answer(send, Ok(Answer::Done));
    let tasks = vec![task_id("t1"), task_id("t2")];
    assert_eq!(bench.events(), [accepted(id, tasks)]);
}

#[test]
fn a_refusal_without_a_doubt_is_final() {
    let mut bench = Bench::subscribed();
    let id = bench.ask(accept(&["t1"]));
    let (send, _) = bench.only_send();
    bench.refuse(send, Reason::OfferInvalid);
    let events = bench.events();
    assert!(matches!(&events[..], [Event::Refused { call, .. }] if *call == id));
    assert!(bench.sends().is_empty());
}

/// An accept whose first attempt broke and whose second was refused: the session asks.
fn in_doubt() -> (Bench, CallId) {
    let mut bench = Bench::subscribed();
    let id = bench.ask(accept(&["t1"]));
    bench.only_send();
    bench.reconnect(1);
    bench.events();
    let (send, _) = bench.only_send();
    bench.refuse(send, Reason::OfferInvalid);
    assert!(bench.events().is_empty());
    let (send, call) = bench.only_send();
    assert_eq!(call, SchedulerCall::Reconcile { tasks: vec![task_id("t1")] });
    bench.answer(send, Ok(Answer::Reconciling(1)));
    (bench, id)
}

#[test]
fn a_doubt_is_resolved_by_asking() {
    let (mut bench, id) = in_doubt();
    bench.update(2, "t1", TaskState::Unknown, 0);
    let events = bench.events();
    assert!(
        matches!(&events[..], [Event::Refused { call, refusal }]
            if *call == id && refusal.reason == Reason::OfferInvalid),
        "{events:?}"
    );

    let (mut bench, id) = in_doubt();
    bench.update(2, "t1", TaskState::Running, 0);
    let events = bench.events();
    assert_eq!(events[0], accepted(id, vec![task_id("t1")]));
    assert_eq!(events[1], Event::Update(status("t1", TaskState::Running, 0)));
}

#[test]
fn a_question_is_asked_again_on_a_new_connection() {
    let (mut bench, _) = in_doubt();
    bench.reconnect(2);
    let (_, call) = bench.only_send();
    assert_eq!(call, SchedulerCall::Reconcile { tasks: vec![task_id("t1")] });
}

#[test]
fn an_update_that_overtakes_the_answer_comes_after_accepted() {
    let mut bench = Bench::subscribed();
    let id = bench.ask(accept(&["t1", "t2"]));
    let (send, _) = bench.only_send();
    bench.update(1, "t2", TaskState::Running, 1);
    let tasks = vec![task_id("t1"), task_id("t2")];
    let running = Event::Update(status("t2", TaskState::Running, 1));
    assert_eq!(bench.events(), [accepted(id, tasks), running]);
    bench.answer(send, Ok(Answer::Done));
    assert!(bench.events().is_empty(), "it was answered already");
}

#[test]
fn an_overloaded_cluster_is_asked_again_later() {
    let mut bench = Bench::subscribed();
    bench.ask(SchedulerCall::Kill { task: task_id("t"), grace_period: None });
    let (send, call) = bench.only_send();
    let refusal = Refusal::new(Reason::Overloaded, "busy").retry_after(Duration(300));
    bench.answer(send, Err(Failure::Refused(refusal)));
    assert_eq!(bench.session.deadline(), Some(Instant(300)));
    assert!(bench.sends().is_empty());
    bench.wait();
    assert_eq!(bench.only_send().1, call);
}

#[test]
fn a_master_that_no_longer_leads_is_left() {
    let mut bench = Bench::subscribed();
    bench.ask(accept(&["t1"]));
    let (send, _) = bench.only_send();
    let mut refusal = Refusal::new(Reason::NotLeader, "no");
    refusal.leader_address = Some("m3:1".to_owned());
    bench.answer(send, Err(Failure::Refused(refusal)));
    assert_eq!(bench.connects(), ["m3:1"]);
    assert_eq!(bench.events(), [Event::Disconnected]);
}

#[test]
fn a_fenced_instance_does_not_fence_back() {
    let mut bench = Bench::subscribed();
    bench.ask(accept(&["t1"]));
    let (send, _) = bench.only_send();
    bench.refuse(send, Reason::FrameworkFenced);
    assert!(matches!(bench.session.ended(), Some(Ended::Refused(_))));
}

#[test]
fn suppress_and_revive_keep_their_order() {
    let mut bench = Bench::subscribed();
    bench.ask(SchedulerCall::Suppress { roles: Vec::new() });
    bench.ask(SchedulerCall::Revive { roles: Vec::new() });
    let (send, call) = bench.only_send();
    assert!(matches!(call, SchedulerCall::Suppress { .. }));
    bench.answer(send, Ok(Answer::Done));
    bench.ask(SchedulerCall::ClearFilters { roles: Vec::new() });
    let (send, call) = bench.only_send();
    assert!(matches!(call, SchedulerCall::Revive { .. }));
    bench.answer(send, Ok(Answer::Done));
    assert!(matches!(bench.only_send().1, SchedulerCall::ClearFilters { .. }));
}

#[test]
fn a_lost_connection_fulfils_declines() {
    let mut bench = Bench::subscribed();
    let id = bench.ask(SchedulerCall::Decline { offers: Vec::new(), refuse: Duration(0).into() });
    bench.only_send();
    bench.reconnect(1);
    assert!(bench.events().contains(&Event::Done { call: id }));
    assert!(bench.sends().iter().all(|(_, call)| !matches!(call, SchedulerCall::Decline { .. })));
}

#[test]
fn calls_on_the_way_are_bounded_and_all_are_answered() {
    let mut bench = Bench::subscribed();
    let asked: Vec<CallId> = (0..100).map(|n| bench.ask(accept(&[&format!("t{n}")]))).collect();
    let mut answered = Vec::new();
    loop {
        let sends = bench.sends();
        if sends.is_empty() {
            break;
        }
        assert!(sends.len() <= 24);
        for (send, _) in sends {
            bench.answer(send, Ok(Answer::Done));
        }
        answered.extend(bench.events().into_iter().filter_map(|event| match event {
            Event::Accepted { call, .. } => Some(call),
            _ => None,
        }));
    }
    assert_eq!(answered, asked, "in the order asked, since they were answered in it");
}

#[test]
fn a_scheduler_that_ignores_answers_is_stopped_at_a_limit() {
    let mut bench = Bench::new(&["m1:1"]);
    let reconcile = || SchedulerCall::Reconcile { tasks: Vec::new() };
    let last = (0..8_193).map(|_| bench.ask(reconcile())).last().unwrap();
    let events = bench.events();
    assert!(
        matches!(&events[..], [Event::Refused { call, refusal }]
            if *call == last && refusal.reason == Reason::LimitExceeded),
        "{events:?}"
    );
}

#[test]
fn a_teardown_ends_the_session_when_it_is_confirmed() {
    let mut bench = Bench::subscribed();
    bench.ask(SchedulerCall::Teardown);
    let (send, _) = bench.only_send();
    assert_eq!(bench.session.ended(), None);
    bench.answer(send, Ok(Answer::Done));
    assert_eq!(bench.session.ended(), Some(&Ended::TornDown));

    // The answer is lost; the stream, or a retry, says that the framework is gone.
    let mut bench = Bench::subscribed();
    bench.ask(SchedulerCall::Teardown);
    let gone = Refusal::new(Reason::FrameworkRemoved, "torn down");
    bench.input(Input::Event(ConnectionId(1), SchedulerEvent::Error(gone)));
    assert_eq!(bench.session.ended(), Some(&Ended::TornDown));
}

#[test]
fn done_waits_for_the_last_answers_but_not_for_ever() {
    let mut bench = Bench::subscribed();
    bench.update(1, "t", TaskState::Finished, 1);
    bench.session.handled(&task_id("t"), 1);
    bench.session.drain(bench.now);
    bench.flush();
    assert_eq!(bench.session.ended(), None);
    let (send, _) = bench.only_send();
    bench.answer(send, Ok(Answer::Done));
    assert_eq!(bench.session.ended(), Some(&Ended::Done { is_drained: true }));

    let mut bench = Bench::subscribed();
    bench.ask(accept(&["t1"]));
    bench.session.drain(bench.now);
    bench.now = Instant(9_999);
    bench.flush();
    assert_eq!(bench.session.ended(), None);
    bench.now = Instant(10_000);
    bench.flush();
    assert_eq!(bench.session.ended(), Some(&Ended::Done { is_drained: false }));
}

#[test]
fn whoever_describes_itself_anew_subscribes_as_that_from_then_on() {
    let mut bench = Bench::subscribed();
    let info = FrameworkInfo { name: "renamed".to_owned(), ..settings(&["m1:1"]).info };
    let id = bench.ask(SchedulerCall::UpdateFramework { info: info.clone() });
    let (send, call) = bench.only_send();
    assert_eq!(call, SchedulerCall::UpdateFramework { info: info.clone() });
    bench.answer(send, Ok(Answer::Done));
    assert_eq!(bench.events(), [Event::Done { call: id }]);
    bench.break_connection(1);
    bench.wait();
    let subscribes = bench.effects.drain(..).filter_map(|effect| match effect {
        Effect::Connect { subscribe, .. } => Some(subscribe.info),
        _ => None,
    });
    assert_eq!(subscribes.collect::<Vec<_>>(), [info]);
}

#[test]
fn a_new_description_that_is_refused_is_not_kept() {
    let mut bench = Bench::subscribed();
    let known = settings(&["m1:1"]).info;
    let info = FrameworkInfo { roles: vec![], ..known.clone() };
    bench.ask(SchedulerCall::UpdateFramework { info });
    let (send, _) = bench.only_send();
    bench.refuse(send, Reason::InvalidField);
    assert!(matches!(bench.events()[..], [Event::Refused { .. }]));
    bench.break_connection(1);
    bench.wait();
    let subscribes = bench.effects.drain(..).filter_map(|effect| match effect {
        Effect::Connect { subscribe, .. } => Some(subscribe.info),
        _ => None,
    });
    assert_eq!(subscribes.collect::<Vec<_>>(), [known]);
}

#[test]
fn notices_about_agents_are_passed_on() {
    let mut bench = Bench::subscribed();
    let notice = AgentNotice::Draining { deadline: Duration(600_000) };
    let offer = |number| InverseOffer {
        id: InverseOfferId { term: 1, number },
        agent: agent(),
        tasks: vec![],
        begins_in: Duration(0),
        deadline: Duration(600_000),
        ends_tasks: true,
        window: None,
        comment: String::new(),
        agent_goes: false,
    };
    let (inverse_offers, rescinded) = (vec![offer(2)], vec![offer(1).id]);
    let event = SchedulerEvent::AgentNotice {
        agents: vec![agent()],
        notice,
        inverse_offers: inverse_offers.clone(),
        rescinded: rescinded.clone(),
    };
    bench.input(Input::Event(ConnectionId(1), event));
    let expected = Event::AgentNotice { agents: vec![agent()], notice, inverse_offers, rescinded };
    assert_eq!(bench.events(), [expected]);
}

/// An answer that is on its way is not overtaken by the one that takes it back.
#[test]
fn answers_to_inverse_offers_keep_their_order() {
    let mut bench = Bench::subscribed();
    let offers = vec![InverseOfferId { term: 1, number: 1 }];
    let answers =
        [InverseAnswer::Accept, InverseAnswer::Decline { message: "after all not".to_owned() }];
    for answer in answers.clone() {
        bench.ask(SchedulerCall::AnswerInverse { offers: offers.clone(), answer });
    }
    for answer in answers {
        let (send, call) = bench.only_send();
        assert_eq!(call, SchedulerCall::AnswerInverse { offers: offers.clone(), answer });
        bench.input(Input::Answered(send, Ok(Answer::Done)));
    }
    assert!(matches!(bench.events()[..], [Event::Done { .. }, Event::Done { .. }]));
}
