//! Declines with reasons: what is said of them when somebody asks why nothing comes.

use super::rig::{Rig, accept, register, task};
use master_core::input::{OperatorCall, WhyQuery, WhySubject};
use proto::model::{DeclineFilter, DeclineReason, Duration, ResourceName, SchedulerCall};

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
