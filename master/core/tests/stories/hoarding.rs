//! Frameworks that keep offers: what that costs them, and that it costs nobody else anything.

use super::rig::{Rig, accept, acknowledge, register, status, task};
use master_core::input::{FrameworkFilter, OperatorCall, Page, WhyQuery, WhySubject};
use proto::model::{Duration, FrameworkId, OfferId, Resources, SchedulerCall, TaskInfo, TaskState};

/// Of the test that measures.
const TICKS: u64 = 3_000;

/// A hoarder that comes first, and a worker that gets nothing for as long as it holds the agent.
fn hoarder_and_worker(rig: &mut Rig) {
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hoarder");
    rig.subscribe(3, "worker");
}

/// The framework and the offer that was made last.
fn last(rig: &Rig) -> (FrameworkId, OfferId) {
    let offer = rig.offers.last().expect("something was offered");
    (offer.framework, offer.id)
}

fn decline(offer: OfferId, refuse_ms: u64) -> SchedulerCall {
    SchedulerCall::Decline { offers: vec![offer], refuse: Duration(refuse_ms).into() }
}

/// A task that takes all of an agent.
fn whole(id: &str, agent: &str) -> TaskInfo {
    TaskInfo { resources: Resources::cpus_mem(2_000, 1_024), ..task(id, agent, 2_000) }
}

/// One task on the last offer, which ends.
fn work(rig: &mut Rig, number: u64) {
    let id = format!("t-{number}");
    let (worker, offer) = last(rig);
    assert_eq!(worker, rig.framework("worker"), "whoever works is offered it");
    rig.call("worker", accept(&[offer], vec![whole(&id, "a")]));
    rig.update(1, "a", "worker", status(&id, "a", TaskState::Finished, 1));
    rig.call("worker", acknowledge(&id, 1));
}

fn ask_why(rig: &mut Rig) {
    let subject = WhySubject::Framework(rig.framework("hoarder"));
    rig.operator(OperatorCall::Why(WhyQuery { subject, role: None }));
}

fn list(rig: &mut Rig) {
    let (page, filter) = (Page { size: 10, after: None }, FrameworkFilter::default());
    rig.operator(OperatorCall::ListFrameworks { page, filter });
}

#[test]
fn whoever_never_answers_comes_last_until_it_does() {
    let mut rig = Rig::serving();
    hoarder_and_worker(&mut rig);
    rig.tell("not answered within 5 s: the other is offered it");
    rig.pass(5_100);
    ask_why(&mut rig);
    rig.tell("and again whenever it is free, although both have nothing");
    (0..3).for_each(|number| work(&mut rig, number));
    rig.tell("nobody else wants it: the hoarder may have it, for half the time");
    let (_, offer) = last(&rig);
    rig.call("worker", SchedulerCall::Suppress { roles: vec![] });
    rig.call("worker", decline(offer, 0));
    rig.pass(5_000);
    assert_eq!(last(&rig).0, rig.framework("hoarder"));
    rig.pass(2_600);
    rig.call("worker", SchedulerCall::Revive { roles: vec![] });
    list(&mut rig);
    rig.tell("it answers, late even: it has the usual time again, and is behind for what it kept");
    let kept = rig.offers.iter().rev().find(|offer| offer.framework == rig.framework("hoarder"));
    let kept = kept.expect("it was offered something").id;
    rig.call("hoarder", decline(kept, 0));
    rig.call("hoarder", SchedulerCall::Revive { roles: vec![] });
    ask_why(&mut rig);
    work(&mut rig, 3);
    rig.tell("that is over after 10 s: both have nothing, and it is first again");
    for number in 4..7 {
        rig.pass(3_400);
        work(&mut rig, number);
    }
    assert_eq!(last(&rig).0, rig.framework("hoarder"));
    list(&mut rig);
    rig.matches("hoarding");
}

#[test]
fn what_is_handed_back_late_is_charged_and_what_is_used_is_not() {
    let mut rig = Rig::patient(Some(Duration::from_seconds(60)));
    hoarder_and_worker(&mut rig);
    rig.tell("used after 20 s: no charge");
    rig.pass(20_000);
    let (_, offer) = last(&rig);
    rig.call("hoarder", accept(&[offer], vec![whole("used", "a")]));
    list(&mut rig);
    rig.update(1, "a", "hoarder", status("used", "a", TaskState::Finished, 1));
    rig.tell("handed back after 4 s: none");
    rig.pass(4_000);
    let (_, offer) = last(&rig);
    rig.call("hoarder", decline(offer, 0));
    list(&mut rig);
    rig.tell("handed back after 11 s: behind for 6 s");
    rig.call("worker", SchedulerCall::Suppress { roles: vec![] });
    let (_, offer) = last(&rig);
    rig.call("worker", decline(offer, 0));
    rig.pass(11_000);
    let (_, offer) = last(&rig);
    rig.call("hoarder", decline(offer, 1_000));
    list(&mut rig);
    rig.call("worker", SchedulerCall::Revive { roles: vec![] });
    (0..2).for_each(|number| work(&mut rig, number));
    rig.tell("over");
    rig.pass(6_000);
    list(&mut rig);
    rig.matches("hold_charged");
}

/// Five minutes of a worker that uses whatever it is offered, beside one that never answers: of the
/// time after its first deadline, the hoarder has the agents for less than a fiftieth. Did it
/// not stand behind the worker, it would have them for a sixth of it.
#[test]
fn who_never_answers_costs_others_nothing_after_its_deadlines() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.agent(4, "b", register("b", 8));
    rig.subscribe_in(2, "hoarder", &["lazy"]);
    rig.subscribe_in(3, "worker", &["busy"]);
    rig.pass(5_100);
    let hoarder = rig.framework("hoarder");
    let (mut seen, mut launched, mut kept_ticks) = (0, 0, 0);
    let mut running: Vec<(u64, String, &str, u64)> = Vec::new();
    for tick in 0..TICKS {
        for offer in rig.offers.split_off(seen) {
            if offer.framework != hoarder {
                let (agent, stream) = if offer.agent.as_str() == "a" { ("a", 1) } else { ("b", 4) };
                let id = format!("t-{launched}");
                rig.live.remove(&offer.id);
                rig.call("worker", accept(&[offer.id], vec![whole(&id, agent)]));
                running.push((tick + 10, id, agent, stream));
                launched += 1;
            }
        }
        let (ended, rest) = running.into_iter().partition(|(end, ..)| *end <= tick);
        running = rest;
        for (_, id, agent, stream) in ended {
            rig.update(stream, agent, "worker", status(&id, agent, TaskState::Finished, 1));
            rig.call("worker", acknowledge(&id, 1));
        }
        kept_ticks += rig.live.values().filter(|offer| offer.framework == hoarder).count();
        rig.pass(100);
        seen = 0;
        rig.transcript.clear();
    }
    let agent_ticks = 2 * usize::try_from(TICKS).expect("few");
    assert!(kept_ticks < agent_ticks / 50, "the hoarder held an agent for {kept_ticks} ticks");
    assert!(launched > 500, "{launched} tasks, of 600 at most");
}
