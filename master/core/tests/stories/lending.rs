//! What is promised and not used is lent to revocable work, and comes back with notice.

use super::{
    play::{Play, Wish, allow, at, demand, role, state},
    rig::{Rig, accept, register, status, task},
};
use master_core::input::{OperatorCall, Page, WhyQuery, WhySubject};
use proptest::prelude::*;
use proto::model::{
    AgentCall, DeclineFilter, DemandId, Duration, Milli, OfferTerms, Quota, ResourceName,
    Resources, SchedulerCall, StatedDemand, StatusReason, TaskInfo, TaskState, TaskStatus, Value,
};

fn cpus(milli: i64) -> Resources {
    let entry = (ResourceName::CPUS, Value::Scalar(Milli(milli)));
    Resources::from_entries([entry]).expect("an amount")
}

fn promise(rig: &mut Rig, to: &str, milli: i64) {
    let quota = Quota::new(cpus(milli), vec![], None).expect("a quota");
    rig.operator(OperatorCall::SetQuota { role: role(to), quota, force: false });
}

fn revocable(demand: StatedDemand) -> StatedDemand {
    StatedDemand { revocable: true, ..demand }
}

fn with_notice(ms: u64, task: TaskInfo) -> TaskInfo {
    TaskInfo { preemption_notice: Some(Duration(ms)), ..task }
}

fn roles(rig: &mut Rig) {
    rig.operator(OperatorCall::ListRoles(Page { size: 9, after: None }));
}

fn why(name: &str) -> OperatorCall {
    let demand = DemandId::new(name).expect("an id");
    let subject = WhySubject::Demand { framework: None, demand };
    OperatorCall::Why(WhyQuery { subject, role: None })
}

fn ends(rig: &mut Rig, id: &str) {
    let end = status(id, "a", TaskState::Killed, 2);
    let end = TaskStatus { reason: StatusReason::Preempted, ..end };
    rig.update(1, "a", "batch", end);
}

/// One agent of 2 CPUs, all of them promised to a role that uses none.
fn promised() -> Rig {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    promise(&mut rig, "web", 2_000);
    allow(&mut rig, "batch", 9);
    rig.transcript.clear();
    rig
}

/// The same, lent to two tasks.
fn lent() -> Rig {
    let mut rig = promised();
    rig.come_for(3, "batch", &role("batch"), vec![revocable(demand("idle", 1_000, 2, 9))]);
    let offer = rig.offers.last().expect("an offer").id;
    let tasks = ["one", "two"].map(|id| at(9, with_notice(2_000, task(id, "a", 1_000))));
    rig.call("batch", accept(&[offer], tasks.to_vec()));
    for id in ["one", "two"] {
        rig.update(1, "a", "batch", status(id, "a", TaskState::Running, 1));
    }
    rig
}

#[test]
fn an_idle_guarantee_is_lent_and_comes_back_with_notice() {
    let mut rig = promised();
    rig.tell("what is promised to others is no place for work that is to stay");
    rig.come_for(3, "batch", &role("batch"), vec![demand("stays", 1_000, 2, 9)]);
    rig.operator(why("stays"));
    rig.tell("what may be ended again gets it, and is revocable though it does not say so");
    rig.call("batch", state("batch", vec![revocable(demand("idle", 1_000, 2, 9))]));
    let offer = rig.offers.last().expect("an offer").id;
    let tasks = ["one", "two"].map(|id| at(9, with_notice(2_000, task(id, "a", 1_000))));
    rig.call("batch", accept(&[offer], tasks.to_vec()));
    for id in ["one", "two"] {
        rig.update(1, "a", "batch", status(id, "a", TaskState::Running, 1));
    }
    roles(&mut rig);
    rig.tell(
        "its owner comes; a second later one gives way, though its priority is the higher one",
    );
    rig.come_for(4, "web", &role("web"), vec![demand("front", 1_000, 1, 3)]);
    rig.operator(why("front"));
    rig.pass(1_000);
    rig.operator(why("front"));
    rig.tell("who gave way wants to go on, and gets nothing of what is kept for the owner");
    rig.call("batch", state("batch", vec![revocable(demand("idle", 1_000, 1, 9))]));
    rig.pass(2_000);
    ends(&mut rig, "one");
    let offer = rig.offers.last().expect("an offer").id;
    rig.call("web", accept(&[offer], vec![task("front", "a", 1_000)]));
    rig.pass(3_000);
    rig.tell("the owner has enough; what it does not use is lent still");
    rig.update(1, "a", "web", status("front", "a", TaskState::Finished, 1));
    roles(&mut rig);
    rig.matches("lending_with_notice");
}

/// Who takes plain offers wants what it is promised, until it declines.
#[test]
fn what_is_lent_comes_back_for_plain_offers_until_they_are_declined() {
    let mut rig = lent();
    rig.transcript.clear();
    rig.tell("an owner without demands comes");
    rig.subscribe_in(4, "web", &["web"]);
    rig.pass(1_000);
    rig.tell("the notice is over");
    rig.pass(2_000);
    ends(&mut rig, "one");
    ends(&mut rig, "two");
    rig.tell("it declines: then it is lent again, and stays so when the filter is over");
    let refuse = DeclineFilter::default().for_time(Duration(3_000));
    let offers = rig.offers.iter().rev().take(3).map(|offer| offer.id).collect();
    rig.call("web", SchedulerCall::Decline { offers, refuse: refuse.clone() });
    let offers = vec![rig.offers.last().expect("an offer").id];
    rig.call("web", SchedulerCall::Decline { offers, refuse });
    rig.call("batch", state("batch", vec![revocable(demand("idle", 1_000, 2, 9))]));
    let offer = rig.offers.last().expect("an offer").id;
    let again = ["three", "four"].map(|id| at(9, task(id, "a", 1_000)));
    rig.call("batch", accept(&[offer], again.to_vec()));
    for _ in 0..2 {
        rig.pass(2_000);
        rig.agent(1, "a", AgentCall::Heartbeat);
    }
    rig.tell("it wants offers again");
    rig.call("web", SchedulerCall::Revive { roles: vec![] });
    rig.pass(1_000);
    rig.matches("lending_plain");
}

/// An offer of what is lent is void as soon as the owner waits.
#[test]
fn what_is_only_on_offer_comes_back_at_once() {
    let mut rig = promised();
    rig.tell("all plain offers of one who takes what is lent are revocable");
    rig.come_for(3, "batch", &role("batch"), vec![]);
    let framework = rig.framework("batch");
    let mut info = rig.master.ledger().framework(framework).expect("it is there").info.clone();
    let (groups, least) = (Vec::new(), Vec::new());
    info.offer_terms = vec![OfferTerms { role: role("batch"), groups, least, revocable: true }];
    rig.call("batch", SchedulerCall::UpdateFramework { info });
    rig.call("batch", SchedulerCall::StateDemand { role: role("batch"), demands: None });
    rig.tell("the owner waits for a second");
    rig.come_for(4, "web", &role("web"), vec![demand("front", 1_000, 1, 3)]);
    rig.pass(1_000);
    rig.matches("lending_rescinded");
}

#[test]
fn revocable_offers_and_others_are_not_accepted_together() {
    let mut rig = promised();
    promise(&mut rig, "web", 1_000);
    let demands = vec![demand("stays", 1_000, 1, 9), revocable(demand("idle", 1_000, 1, 9))];
    rig.come_for(3, "batch", &role("batch"), demands);
    let offers: Vec<_> = rig.offers.iter().map(|offer| offer.id).collect();
    assert_eq!(offers.len(), 2, "{}", rig.transcript);
    rig.transcript.clear();
    rig.refused_call("batch", accept(&offers, vec![task("t", "a", 1_000)]));
    rig.matches("lending_mixed");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever else is wanted at whatever priority, revocable or not: whoever is promised its
    /// pieces gets them, within a notice, and then nothing is ended any more.
    #[test]
    fn the_owner_gets_its_guarantee_and_it_comes_to_rest(
        agents in 1..4u64,
        wishes in prop::collection::vec(
            ((0..3usize, 0..8i64, 0..10u32, 0..4u32, prop::option::of(0..3u32)), any::<bool>()),
            1..6,
        ),
        (piece, count) in (0..8i64, 1..5u32),
    ) {
        let (wishes, kinds): (Vec<_>, Vec<_>) = wishes.into_iter().unzip();
        let mut play = Play::new(agents, wishes);
        play.wishes.iter_mut().zip(kinds).for_each(|(wish, kind)| wish.revocable = kind);
        let milli = 250 * (1 + piece % 8);
        // As many pieces as there is room for, so that the quota is not refused.
        let count = count.min(u32::try_from(2_000 / milli).expect("few") * agents as u32);
        let shape = Some(cpus(milli));
        let quota = Quota::new(cpus(milli * i64::from(count)), vec![], shape).expect("a quota");
        play.rig.operator(OperatorCall::SetQuota { role: role("own"), quota, force: false });
        play.come();
        play.wishes.push(Wish {
            name: "owner".to_owned(),
            role: "own".to_owned(),
            cpus_milli: milli,
            at: 3,
            count,
            budget: None,
            revocable: false,
        });
        let wanted = demand("d", milli, count, 3);
        play.rig.come_for(99, "owner", &role("own"), vec![wanted]);
        // What is wanted goes out, is looked for after a second, and ends at once: no task here has
        // asked for notice. One look is for 32 pieces.
        (0..50).for_each(|_| play.go_on());
        let framework = play.rig.framework("owner");
        let runs = |play: &Play| {
            let tasks = play.rig.master.ledger().tasks_of_framework(framework);
            tasks.filter(|task| !task.is_terminal()).count() as u32
        };
        prop_assert_eq!(runs(&play), count, "{}", play.rig.transcript);
        (0..100).for_each(|_| play.go_on());
        let before = play.preempted;
        (0..50).for_each(|_| play.go_on());
        prop_assert_eq!(play.preempted, before, "ten seconds later it still goes on");
        prop_assert_eq!(runs(&play), count, "nobody took it back");
        play.check_rest();
    }
}

/// The work of somebody whose tasks are revocable does not end for its own role's other work of a
/// lower priority but for what is to stay: whatever the priority.
#[test]
fn what_is_to_stay_comes_before_what_is_revocable() {
    let wishes = vec![(2, 3, 9, 1, None), (2, 3, 0, 1, None)];
    let mut play = Play::new(1, wishes);
    play.wishes[0].revocable = true;
    play.comes(0);
    (0..30).for_each(|_| play.go_on());
    play.comes(1);
    (0..20).for_each(|_| play.go_on());
    let runs = |name: &str| {
        let framework = play.rig.framework(name);
        let tasks = play.rig.master.ledger().tasks_of_framework(framework);
        tasks.filter(|task| !task.is_terminal()).count()
    };
    assert_eq!(play.wishes[1].at, 0);
    assert_eq!((runs("f0"), runs("f1")), (0, 2), "{}", play.rig.transcript);
    assert_eq!(play.preempted, 2);
}
