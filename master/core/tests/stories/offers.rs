//! Offers: who may use them, once, in time, for what they hold.

use super::rig::{Rig, accept, register, status, task};
use proto::model::{Duration, OfferId, SchedulerCall, TaskState};

#[test]
fn an_offer_that_is_not_the_callers_is_refused() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.agent(2, "b", register("b", 8));
    rig.subscribe(3, "hello");
    rig.subscribe(4, "other");
    let (first, second) = (rig.offers[0].id, rig.offers[1].id);
    rig.tell("another framework's");
    rig.refused_call("other", accept(&[first], vec![task("t", "a", 500)]));
    rig.tell("another leader's");
    let foreign = OfferId { term: first.term + 1, number: first.number };
    rig.refused_call("hello", accept(&[foreign], vec![task("t", "a", 500)]));
    rig.tell("used");
    rig.call("hello", accept(&[first], vec![task("t", "a", 500)]));
    rig.refused_call("hello", accept(&[first], vec![task("u", "a", 500)]));
    rig.refused_call("hello", accept(&[second, second], vec![task("u", "b", 500)]));
    rig.tell("expired after 5 s");
    rig.pass(5_100);
    rig.refused_call("hello", accept(&[second], vec![task("u", "b", 500)]));
    let decline = SchedulerCall::Decline { offers: vec![second], refuse: Duration(0).into() };
    rig.refused_call("hello", decline);
    rig.matches("offers_refused");
}

#[test]
fn an_offer_holds_what_it_holds() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.agent(2, "b", register("b", 8));
    rig.subscribe(3, "hello");
    let first = rig.offers.iter().find(|offer| offer.agent.as_str() == "a").expect("offered").id;
    rig.tell("more than it holds");
    rig.refused_call("hello", accept(&[first], vec![task("t", "a", 2_001)]));
    let two = vec![task("t", "a", 1_500), task("u", "a", 501)];
    rig.refused_call("hello", accept(&[first], two));
    rig.tell("of an agent that is not among them");
    rig.refused_call("hello", accept(&[first], vec![task("t", "b", 500)]));
    rig.tell("all of it");
    rig.call("hello", accept(&[first], vec![task("t", "a", 2_000)]));
    rig.matches("offers_held");
}

#[test]
fn a_task_id_is_used_once() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Finished, 1));
    rig.tell("all or none: the second of these exists");
    let offer = rig.offers.last().expect("offered again").id;
    rig.call("hello", accept(&[offer], vec![task("u", "a", 500), task("t", "a", 500)]));
    assert_eq!(rig.master.ledger().tasks().len(), 1);
    rig.matches("task_exists");
}

#[test]
fn declined_and_suppressed_offers_stay_away() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    let offers = vec![rig.offers[0].id];
    rig.tell("declined for 3 s");
    rig.call("hello", SchedulerCall::Decline { offers, refuse: Duration(3_000).into() });
    rig.pass(2_900);
    rig.tell("they are over");
    rig.pass(200);
    rig.tell("suppressed");
    rig.call("hello", SchedulerCall::Suppress { roles: vec![] });
    let offers = vec![rig.offers[1].id];
    rig.call("hello", SchedulerCall::Decline { offers, refuse: Duration(0).into() });
    rig.pass(1_000);
    rig.tell("revived, first in a role that it does not have");
    let roles = vec!["db".parse().expect("a role")];
    rig.call("hello", SchedulerCall::Revive { roles });
    rig.call("hello", SchedulerCall::Revive { roles: vec![] });
    rig.matches("declined");
}

#[test]
fn cleared_filters_do_not_wake_what_is_suppressed() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    let decline = |rig: &mut Rig| {
        let offers = vec![rig.offers.last().expect("it was offered").id];
        rig.call("hello", SchedulerCall::Decline { offers, refuse: Duration(60_000).into() });
    };
    decline(&mut rig);
    rig.tell("cleared, first in a role that it does not have: offered again at once");
    let roles = vec!["db".parse().expect("a role")];
    rig.call("hello", SchedulerCall::ClearFilters { roles });
    rig.call("hello", SchedulerCall::ClearFilters { roles: vec![] });
    rig.tell("suppressed: cleared filters change nothing before it is revived");
    rig.call("hello", SchedulerCall::Suppress { roles: vec![] });
    decline(&mut rig);
    rig.call("hello", SchedulerCall::ClearFilters { roles: vec![] });
    rig.pass(1_000);
    rig.call("hello", SchedulerCall::Revive { roles: vec![] });
    rig.matches("filters_cleared");
}

#[test]
fn a_framework_without_a_stream_uses_no_offers() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.close(2);
    let offer = rig.offers[0].id;
    rig.refused_call("hello", accept(&[offer], vec![task("t", "a", 500)]));
    rig.matches("not_subscribed");
}
