//! Finding the leader, and noticing that it is gone.

use super::*;

fn not_leader(leader: &str) -> Failure {
    let mut refusal = Refusal::new(Reason::NotLeader, "ask the leader");
    refusal.leader_address = Some(leader.to_owned());
    Failure::Refused(refusal)
}

#[test]
fn masters_are_tried_in_turn_with_growing_pauses() {
    let mut bench = Bench::new(&["m1:1", "m2:1"]);
    bench.flush();
    let mut tried = bench.connects();
    let mut waits = Vec::new();
    for connection in 1..=9 {
        let before = bench.now;
        bench.break_connection(connection);
        bench.wait();
        waits.push(bench.now.since(before).0);
        tried.extend(bench.connects());
    }
    assert_eq!(tried, ["m1:1", "m2:1"].repeat(5));
    for (index, wait) in waits.iter().enumerate() {
        let whole = 50 << (index / 2);
        assert!((whole / 2..=whole).contains(wait), "pause {index} is {wait}");
    }
}

#[test]
fn a_follower_shows_the_way_and_two_that_show_in_circles_do_not_spin() {
    let mut bench = Bench::new(&["m1:1"]);
    bench.flush();
    bench.input(Input::Ended(ConnectionId(1), not_leader("m9:1")));
    assert_eq!(bench.connects(), ["m1:1", "m9:1"], "without a pause");
    for connection in 2..=3 {
        bench.input(Input::Ended(ConnectionId(connection), not_leader("m8:1")));
    }
    assert_eq!(bench.connects().len(), 2);
    bench.input(Input::Ended(ConnectionId(4), not_leader("m9:1")));
    assert!(bench.connects().is_empty(), "the fourth in a row waits");
    bench.wait();
    assert_eq!(bench.connects(), ["m9:1"]);
}

/// It has just said that it does not lead, or nothing at all.
#[test]
fn whoever_was_tried_last_is_not_tried_next() {
    let mut bench = Bench::new(&["m1:1", "m2:1", "m3:1"]);
    bench.flush();
    bench.input(Input::Ended(ConnectionId(1), not_leader("m2:1")));
    bench.subscribe(2, 1);
    bench.break_connection(2);
    bench.wait();
    assert_eq!(bench.connects(), ["m1:1", "m2:1", "m3:1"], "not m2, though it was its turn");
}

#[test]
fn a_retried_first_subscription_has_the_same_request_id() {
    let mut bench = Bench::new(&["m1:1"]);
    bench.flush();
    bench.break_connection(1);
    bench.wait();
    let requests: Vec<_> = bench.effects.iter().filter_map(subscribe_of).collect();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);
    assert_eq!(requests[0].framework, None);
}

fn subscribe_of(effect: &Effect) -> Option<Subscribe> {
    match effect {
        Effect::Connect { subscribe, .. } => Some(subscribe.clone()),
        _ => None,
    }
}

#[test]
fn a_new_connection_keeps_the_framework_and_what_is_suppressed() {
    let mut bench = Bench::subscribed();
    bench.ask(SchedulerCall::Suppress { roles: Vec::new() });
    bench.effects.clear();
    bench.break_connection(1);
    bench.wait();
    let subscribe = bench.effects.iter().find_map(subscribe_of).unwrap();
    assert_eq!(subscribe.framework, Some(FrameworkId(7)));
    assert_eq!(subscribe.suppressed, [Role::any()]);
    bench.ask(SchedulerCall::Revive { roles: Vec::new() });
    bench.break_connection(2);
    bench.effects.clear();
    bench.wait();
    let subscribe = bench.effects.iter().find_map(subscribe_of).unwrap();
    assert!(subscribe.suppressed.is_empty());
}

#[test]
fn a_silent_stream_is_given_up_and_a_heartbeat_keeps_it() {
    let mut bench = Bench::subscribed();
    bench.now = Instant(2_900);
    bench.input(Input::Event(ConnectionId(1), SchedulerEvent::Heartbeat));
    bench.now = Instant(5_800);
    bench.flush();
    let given_up = Effect::Disconnect(ConnectionId(1));
    assert!(!bench.effects.contains(&given_up), "2.9 s is late but not dead");
    bench.now = Instant(5_900);
    bench.flush();
    assert!(bench.effects.contains(&given_up), "whatever others say: {:?}", bench.effects);
    assert_eq!(bench.events(), [Event::Disconnected]);
    bench.wait();
    bench.effects.clear();
    bench.update(1, "t", TaskState::Running, 1);
    assert!(bench.events().is_empty(), "of a connection that was given up");
}

#[test]
fn a_connection_that_never_subscribes_is_given_up() {
    let mut bench = Bench::new(&["m1:1", "m2:1"]);
    bench.flush();
    bench.effects.clear();
    bench.now = Instant(900);
    bench.input(Input::Reached(ConnectionId(1)));
    bench.wait();
    assert_eq!(bench.now, Instant(5_900));
    assert_eq!(bench.effects, [Effect::Disconnect(ConnectionId(1))]);
    bench.wait();
    assert_eq!(bench.connects(), ["m2:1"]);
    assert!(bench.events().is_empty(), "nothing was lost that was never there");
}

/// A leader whose cable is cut one way has left its frameworks, and cannot be called again.
#[test]
fn a_master_that_cannot_be_reached_costs_a_second_and_then_twice_as_much() {
    let mut bench = Bench::new(&["m1:1"]);
    bench.flush();
    let mut waited = Vec::new();
    for connection in 1..=5 {
        let called = bench.now;
        bench.effects.clear();
        bench.wait();
        waited.push(bench.now.since(called).0);
        assert_eq!(bench.effects, [Effect::Disconnect(ConnectionId(connection))]);
        bench.wait();
        assert_eq!(bench.connects(), ["m1:1"]);
    }
    assert_eq!(waited, [1_000, 2_000, 4_000, 5_000, 5_000], "up to the timeout of the settings");
    bench.subscribe(6, 1);
    bench.break_connection(6);
    bench.wait();
    assert_eq!(bench.session.deadline(), Some(bench.now + Duration(1_000)), "it was reached");
}

#[test]
fn what_trying_again_cannot_mend_ends_the_session() {
    use Reason::*;
    for (reason, is_fatal) in [
        (InvalidField, true),
        (NotAuthorized, true),
        (FrameworkRemoved, true),
        (FrameworkFenced, true),
        (NotReady, false),
        (Overloaded, false),
        (NotLeader, false),
        (OutcomeUnknown, false),
    ] {
        let mut bench = Bench::subscribed();
        let refusal = Refusal::new(reason, "no");
        let event = SchedulerEvent::Error(refusal.clone());
        bench.input(Input::Event(ConnectionId(1), event));
        let ended = is_fatal.then_some(Ended::Refused(refusal));
        assert_eq!(bench.session.ended(), ended.as_ref(), "{reason:?}");
    }
}

#[test]
fn an_overloaded_master_is_left_alone_for_as_long_as_it_says() {
    let mut bench = Bench::subscribed();
    let refusal = Refusal::new(Reason::Overloaded, "busy").retry_after(Duration(700));
    bench.input(Input::Event(ConnectionId(1), SchedulerEvent::Error(refusal)));
    assert_eq!(bench.session.deadline(), Some(Instant(700)));
}

#[test]
fn events_before_the_subscription_are_for_nobody() {
    let mut bench = Bench::new(&["m1:1"]);
    bench.flush();
    bench.update(1, "t", TaskState::Running, 1);
    assert!(bench.events().is_empty());
}

/// A session that has asked who leads, because an accept is not answered.
fn in_doubt() -> (Bench, Question) {
    let mut bench = Bench::subscribed();
    bench.ask(accept(&["t"]));
    bench.effects.clear();
    let asked_at = bench.now;
    bench.wait();
    let question = match &bench.effects[..] {
        [Effect::FindLeader { question, address }] => {
            assert_eq!(address, "m2:1", "not the leader itself");
            *question
        }
        other => panic!("{other:?}"),
    };
    assert!((750..=1_000).contains(&bench.now.since(asked_at).0), "{:?}", bench.now);
    bench.effects.clear();
    (bench, question)
}

#[test]
fn a_silent_leader_is_left_for_one_of_a_higher_term() {
    let (mut bench, question) = in_doubt();
    bench.input(Input::LeaderFound(question.number, Some(leads(question.above_term + 1))));
    assert!(bench.effects.contains(&Effect::Disconnect(ConnectionId(1))), "{:?}", bench.effects);
    assert_eq!(bench.events(), [Event::Disconnected]);
    bench.flush();
    assert_eq!(bench.connects(), ["m3:1"], "at once");
    bench.subscribe(2, 2);
    let sends = bench.sends();
    let accepts = |(_, call): &&_| matches!(call, SchedulerCall::Accept { .. });
    assert_eq!(sends.iter().filter(accepts).count(), 1, "asked again: {sends:?}");
}

#[test]
fn a_slow_leader_is_stayed_with() {
    let (mut bench, question) = in_doubt();
    bench.input(Input::LeaderFound(question.number, Some(leads(question.above_term))));
    assert!(bench.effects.is_empty(), "{:?}", bench.effects);
    let (send, connection) = (SendId(1), ConnectionId(1));
    bench.answer(send, Ok(Answer::Accepted(Vec::new())));
    bench.input(Input::Event(connection, SchedulerEvent::Heartbeat));
    bench.effects.clear();
    let heard = bench.now;
    bench.wait();
    let quiet = bench.now.since(heard).0;
    assert!(quiet >= 1_750, "nothing is expected but the next heartbeat: {quiet} ms");
}

#[test]
fn the_silent_one_is_not_tried_first_when_its_successor_is_not_ready() {
    let mut bench = Bench::new(&["m1:1", "m3:1"]);
    bench.flush();
    bench.subscribe(1, 1);
    bench.ask(accept(&["t"]));
    bench.wait();
    bench.input(Input::LeaderFound(1, Some(leads(2))));
    bench.flush();
    for connection in 2..=4 {
        let refusal = Refusal::new(Reason::NotReady, "not yet");
        bench.input(Input::Ended(ConnectionId(connection), Failure::Refused(refusal)));
        bench.wait();
    }
    assert_eq!(bench.connects(), ["m1:1", "m3:1", "m3:1", "m3:1", "m1:1"]);
}
