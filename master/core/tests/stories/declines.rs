//! Declines with reasons, and terms on which nothing need be declined: what is said of them when
//! somebody asks why nothing comes.

use super::rig::{Rig, accept, register, task};
use master_core::input::{OperatorCall, WhyQuery, WhySubject};
use proto::model::{
    DeclineFilter, DeclineReason, Duration, OfferTerms, ResourceName, Resources, Role,
    SchedulerCall, offer_terms::OfferGroup,
};

fn decline(rig: &mut Rig, offer: usize, reason: DeclineReason, message: &str) {
    let offers = vec![rig.offers[offer].id];
    let message = message.to_owned();
    let refuse = DeclineFilter { time: Duration(60_000), reason, message };
    rig.call("hello", SchedulerCall::Decline { offers, refuse });
}

fn why(rig: &mut Rig) {
    let subject = WhySubject::Framework(rig.framework("hello"));
    rig.operator(OperatorCall::Why(WhyQuery { subject, role: None }));
}

#[test]
fn reasons_are_counted_by_agents_and_the_last_words_are_kept() {
    let mut rig = Rig::serving();
    for (stream, name) in (1..).zip(["a", "b", "c", "d", "e", "f"]) {
        rig.agent(stream, name, register(name, 7));
    }
    rig.subscribe(9, "hello");
    rig.tell("two lack memory, one also a GPU, and one is nothing it wants");
    let memory = DeclineReason::not_enough(&[ResourceName::MEM]);
    decline(&mut rig, 0, memory, "");
    decline(&mut rig, 1, memory, "waits for a large one");
    let both = DeclineReason::not_enough(&[ResourceName::MEM, ResourceName::GPUS]);
    decline(&mut rig, 2, both, "");
    decline(&mut rig, 3, DeclineReason::ConstraintUnmet, "");
    rig.tell("an accept says why it leaves the rest");
    let offer = rig.offers[4].id;
    let refuse = DeclineFilter::because(DeclineReason::Spread).for_time(Duration(60_000));
    let accept = match accept(&[offer], vec![task("t", "e", 500)]) {
        SchedulerCall::Accept { offers, operations, partial, request, .. } => {
            SchedulerCall::Accept { offers, operations, partial, refuse, request }
        }
        other => panic!("{other:?}"),
    };
    rig.call("hello", accept);
    rig.tell("the last one is not answered");
    rig.pass(5_100);
    why(&mut rig);
    let declines = &rig.master.figures().declines;
    let told: Vec<_> = declines.iter().map(|(reason, count)| (*reason, *count)).collect();
    let not_enough = DeclineReason::not_enough([]);
    assert_eq!(told, [(not_enough, 3), (DeclineReason::ConstraintUnmet, 1)]);
    rig.tell("cleared filters take the reasons and the last words with them");
    rig.call("hello", SchedulerCall::ClearFilters { roles: vec![] });
    why(&mut rig);
    rig.matches("declined_with_reasons");
}

#[test]
fn a_framework_changes_its_terms_and_is_told_which_fail() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.agent(2, "b", register("b", 7));
    rig.subscribe(3, "hello");
    let session = rig.sessions["hello"];
    let info = rig.master.ledger().framework(session.framework).expect("it is there").info.clone();
    let update = |rig: &mut Rig, groups: Vec<OfferGroup>, least: Vec<Resources>| {
        let offer_terms = vec![OfferTerms { role: Role::any(), groups, least, revocable: false }];
        let info = proto::model::FrameworkInfo { offer_terms, ..info.clone() };
        rig.call("hello", SchedulerCall::UpdateFramework { info });
    };
    let group = |text: &str, offered| OfferGroup {
        constraints: vec![text.parse().expect("a constraint")],
        offered,
    };
    let offers = rig.offers.iter().map(|offer| offer.id).collect();
    rig.tell("what is handed back comes on its terms only");
    update(&mut rig, vec![group("hostname in b.example", Resources::new())], vec![]);
    rig.call("hello", SchedulerCall::Decline { offers, refuse: Duration(0).into() });
    rig.pass(200);
    let offers = vec![rig.offers.last().expect("b is offered again").id];
    rig.tell("more than anybody has, or an agent that there is not");
    let groups = vec![
        group("hostname in c.example", Resources::new()),
        group("id in a", Resources::cpus_mem(3_000, 0)),
    ];
    update(&mut rig, groups, vec![Resources::cpus_mem(2_500, 0)]);
    rig.call("hello", SchedulerCall::Decline { offers, refuse: Duration(0).into() });
    rig.pass(200);
    why(&mut rig);
    rig.matches("offer_terms");
}
