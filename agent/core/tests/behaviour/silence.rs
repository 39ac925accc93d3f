//! What an agent makes of a leader that is silent.

use crate::stage::{Stage, container_of, key, launch};
use agent_core::{Effect, Input};
use proto::model::{AgentCall, Duration, Instant, Leadership, Order, Question};

/// What another master answers when this term has a leader.
fn leads(term: u64) -> Option<Leadership> {
    let cluster = "test".parse().expect("an id");
    Some(Leadership { cluster, term, leader: Some("b:1".to_owned()) })
}

fn question(effects: &[Effect]) -> Option<Question> {
    effects.iter().find_map(|effect| match effect {
        Effect::FindLeader { question, .. } => Some(*question),
        _ => None,
    })
}

/// Goes on until the agent asks who leads, but not beyond a time.
fn asked_until(stage: &mut Stage, end: Instant) -> Option<Question> {
    while stage.now < end {
        let due = stage.agent.deadline().map_or(end, |due| due.min(end));
        let wait = due.since(stage.now).0;
        if let Some(question) = question(&stage.wait_ms(wait)) {
            return Some(question);
        }
    }
    None
}

fn asked(stage: &mut Stage) -> Question {
    let end = stage.now + Duration(2_000);
    asked_until(stage, end).expect("it asks")
}

/// A leader whose cable is cut one way has left its agents, and cannot be called again.
#[test]
fn a_master_that_cannot_be_reached_costs_two_seconds_and_then_twice_as_much() {
    let mut stage = Stage::registered();
    let session = stage.session;
    stage.give(Input::Disconnected { session });
    let mut waited = Vec::new();
    for _ in 0..5 {
        next_call(&mut stage);
        let called = stage.now;
        let due = stage.agent.deadline().expect("it does not wait for ever");
        let effects = stage.wait_ms(due.since(called).0);
        let session = stage.session;
        assert!(effects.contains(&Effect::Disconnect { session }), "{effects:?}");
        waited.push(stage.now.since(called).0);
    }
    assert_eq!(waited, [2_000, 4_000, 8_000, 10_000, 10_000], "up to the timeout of an answer");
}

/// Goes on until the agent calls a master.
fn next_call(stage: &mut Stage) {
    loop {
        let due = stage.agent.deadline().expect("it tries again");
        let effects = stage.wait_ms(due.since(stage.now).0);
        let mut sessions = effects.iter().filter_map(|effect| match effect {
            Effect::Connect { session, .. } => Some(*session),
            _ => None,
        });
        if let Some(session) = sessions.next() {
            stage.session = session;
            return;
        }
    }
}

#[test]
fn a_heartbeat_without_an_answer_makes_doubt() {
    let mut stage = Stage::registered();
    let effects = stage.wait_ms(1_000);
    let heartbeat = Effect::Send { session: stage.session, call: AgentCall::Heartbeat };
    assert!(effects.contains(&heartbeat), "{effects:?}");
    let sent = stage.now;
    let question = asked(&mut stage);
    assert_eq!(question.above_term, 1);
    assert!((1_000..=2_000).contains(&stage.now.since(sent).0), "{:?}", stage.now);
}

#[test]
fn an_agent_at_rest_asks_nothing() {
    let mut stage = Stage::registered();
    for _ in 0..1_000 {
        assert_eq!(question(&stage.wait_ms(1_000)), None);
        assert_eq!(question(&stage.order(Order::Heartbeat)), None);
    }
}

#[test]
fn an_update_without_confirmation_makes_doubt_and_few_questions() {
    let mut stage = Stage::registered();
    let order = launch("t", 1);
    let container = container_of(&stage.order(order));
    stage.give(Input::ContainerStarted { container });
    let mut questions = 0;
    // Not often enough to be above doubt, often enough not to be left.
    for _ in 0..20 {
        stage.order(Order::Heartbeat);
        let end = stage.now + Duration(2_900);
        // The leader lives, and confirms nothing: whoever is asked names the same one.
        while let Some(question) = asked_until(&mut stage, end) {
            questions += 1;
            let (question, answer) = (question.number, leads(1));
            let effects = stage.give(Input::LeaderFound { question, answer });
            let session = stage.session;
            assert!(!effects.contains(&Effect::Disconnect { session }), "{effects:?}");
        }
    }
    assert!((1..=11).contains(&questions), "{questions} questions in a minute");
    assert!(stage.agent.is_registered());
    stage.order(Order::Committed { key: key("t"), sequence: 1 });
}

#[test]
fn a_leader_of_a_higher_term_is_gone_over_to() {
    let mut stage = Stage::registered();
    stage.wait_ms(1_000);
    let question = asked(&mut stage).number;
    let session = stage.session;
    let effects = stage.give(Input::LeaderFound { question, answer: leads(2) });
    assert!(effects.contains(&Effect::Disconnect { session }), "{effects:?}");
    let wait = stage.agent.deadline().expect("it goes on").since(stage.now).0;
    assert!(wait <= 100, "soon: {wait} ms");
    let effects = stage.wait_ms(wait);
    let connect = Effect::Connect { session: session + 1, leader: Some("b:1".to_owned()) };
    assert!(effects.contains(&connect), "{effects:?}");
}
