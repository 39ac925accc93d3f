//! What is wanted: said once, said again after a lost connection, less what was launched.

use super::*;
use crate::DemandBuilder;
use crate::model::{DemandId, Offer, OfferId, Resources, StatedDemand};

fn wants(name: &str, count: u32) -> StatedDemand {
    DemandBuilder::new(name, Resources::cpus_mem(100, 32), count).build().unwrap()
}

fn state(demands: Vec<StatedDemand>) -> SchedulerCall {
    SchedulerCall::StateDemand { role: Role::any(), demands: Some(demands) }
}

/// The counts of a statement.
fn counts(call: &SchedulerCall) -> Vec<(String, u32)> {
    let SchedulerCall::StateDemand { demands: Some(demands), .. } = call else {
        panic!("no statement: {call:?}")
    };
    demands.iter().map(|demand| (demand.id.to_string(), demand.count)).collect()
}

fn count(name: &str, count: u32) -> Vec<(String, u32)> {
    vec![(name.to_owned(), count)]
}

impl Bench {
    /// A session whose statement of so many pieces of `a` is confirmed.
    fn stating(pieces: u32) -> Self {
        let mut bench = Self::subscribed();
        bench.ask(state(vec![wants("a", pieces)]));
        let (send, _) = bench.only_send();
        bench.answer(send, Ok(Answer::Done));
        bench.events();
        bench
    }

    /// An offer for so many pieces of `a`, as the one that `accept` takes.
    fn offer(&mut self, pieces: u32) {
        let offer = Offer {
            reserved: Vec::new(),
            id: OfferId { term: 1, number: 1 },
            framework: FrameworkId(7),
            role: Role::any(),
            agent: agent(),
            hostname: String::new(),
            resources: Resources::cpus_mem(1_000, 320),
            attributes: Vec::new(),
            domain: None,
            expires_in: None,
            unavailability: None,
            pieces: vec![(DemandId::new("a").unwrap(), pieces)],
            revocable: false,
            volumes: Vec::new(),
        };
        self.input(Input::Event(ConnectionId(1), SchedulerEvent::Offers(vec![offer])));
    }

    /// What is said by itself on the next connection.
    fn restated(&mut self) -> Option<SchedulerCall> {
        self.reconnect(1);
        let sends = self.sends().into_iter().map(|(_, call)| call);
        sends.into_iter().find(|call| matches!(call, SchedulerCall::StateDemand { .. }))
    }
}

#[test]
fn a_new_subscription_is_told_again() {
    let mut bench = Bench::stating(3);
    assert_eq!(counts(&bench.restated().expect("said again")), count("a", 3));
}

#[test]
fn what_was_launched_is_wanted_no_longer() {
    let mut bench = Bench::stating(3);
    bench.offer(2);
    bench.ask(accept(&["t-0", "t-1"]));
    let (send, _) = bench.only_send();
    bench.answer(send, Ok(Answer::Done));
    assert_eq!(counts(&bench.restated().expect("said again")), count("a", 1));
}

#[test]
fn what_was_refused_is_wanted_still() {
    let mut bench = Bench::stating(3);
    bench.offer(2);
    bench.ask(accept(&["t-0", "t-1"]));
    let (send, _) = bench.only_send();
    bench.refuse(send, Reason::QuotaExceeded);
    assert_eq!(counts(&bench.restated().expect("said again")), count("a", 3));
}

#[test]
fn who_takes_what_comes_says_nothing_again() {
    let mut bench = Bench::stating(3);
    bench.ask(SchedulerCall::StateDemand { role: Role::any(), demands: None });
    let (send, _) = bench.only_send();
    bench.answer(send, Ok(Answer::Done));
    assert_eq!(bench.restated(), None);
}

#[test]
fn wanting_nothing_is_said_again_too() {
    let mut bench = Bench::stating(1);
    bench.offer(1);
    bench.ask(accept(&["t-0"]));
    let (send, _) = bench.only_send();
    bench.answer(send, Ok(Answer::Done));
    assert_eq!(counts(&bench.restated().expect("said again")), []);
}

#[test]
fn of_statements_that_wait_only_the_last_is_sent() {
    let mut bench = Bench::subscribed();
    bench.ask(SchedulerCall::Suppress { roles: vec![] });
    let (suppress, _) = bench.only_send();
    let first = bench.ask(state(vec![wants("a", 1)]));
    let second = bench.ask(state(vec![wants("a", 2)]));
    assert_eq!(bench.events(), [Event::Done { call: first }], "overtaken");
    assert!(bench.sends().is_empty(), "one after another");
    bench.answer(suppress, Ok(Answer::Done));
    let (send, call) = bench.only_send();
    assert_eq!(counts(&call), count("a", 2));
    bench.answer(send, Ok(Answer::Done));
    assert!(bench.events().contains(&Event::Done { call: second }));
}

#[test]
fn what_is_said_meanwhile_comes_after_what_is_said_again() {
    let mut bench = Bench::stating(3);
    bench.reconnect(1);
    let sends = bench.sends();
    let is_statement = |call: &SchedulerCall| matches!(call, SchedulerCall::StateDemand { .. });
    let (again, _) = *sends.iter().find(|(_, call)| is_statement(call)).expect("said again");
    bench.ask(state(vec![wants("a", 7)]));
    assert!(bench.sends().is_empty(), "the older one first");
    bench.answer(again, Ok(Answer::Done));
    assert_eq!(counts(&bench.only_send().1), count("a", 7));
}

#[test]
fn a_gang_that_failed_is_told_and_not_said_again() {
    let mut bench = Bench::stating(3);
    let (role, demand) = (Role::any(), DemandId::new("a").unwrap());
    let event = SchedulerEvent::DemandFailed { role: role.clone(), demand: demand.clone() };
    bench.input(Input::Event(ConnectionId(1), event));
    assert_eq!(bench.events(), [Event::DemandFailed { role, demand }]);
    assert_eq!(counts(&bench.restated().expect("said again")), []);
}

#[test]
fn after_a_new_description_it_is_said_again() {
    let mut bench = Bench::stating(3);
    let info = settings(&["m1:1"]).info;
    bench.ask(SchedulerCall::UpdateFramework { info });
    let (send, _) = bench.only_send();
    bench.answer(send, Ok(Answer::Done));
    assert_eq!(counts(&bench.only_send().1), count("a", 3));
}
