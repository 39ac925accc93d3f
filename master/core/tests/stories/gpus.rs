//! Parts of GPUs: asked for by amount, offered and taken by name, never split over two.

use super::rig::{Rig, accept, register, status, task};
use proto::model::{
    AgentCall, DemandId, Devices, Milli, Offer, Priority, ResourceName, Resources, Role,
    SchedulerCall, StatedDemand, TaskInfo, TaskState, Value,
};

fn with_gpus(basic: &Resources, value: Value) -> Resources {
    let entries = basic.iter().map(|(name, value)| (name.clone(), value.clone()));
    Resources::from_entries(entries.chain([(ResourceName::GPUS, value)])).expect("resources")
}

fn devices(list: &[(&str, i64)]) -> Value {
    let list = list.iter().map(|(name, milli)| (*name, Milli(*milli)));
    Value::Devices(Devices::new(list).expect("parts of devices"))
}

fn shape(gpus_milli: i64) -> Resources {
    with_gpus(&Resources::cpus_mem(500, 64), Value::Scalar(Milli(gpus_milli)))
}

fn machine(name: &str) -> AgentCall {
    let mut call = register(name, 7);
    if let AgentCall::Register { info, .. } = &mut call {
        info.resources = with_gpus(&info.resources, devices(&[("gpu0", 1_000), ("gpu1", 1_000)]));
    }
    call
}

fn want(count: u32, gpus_milli: i64) -> SchedulerCall {
    let demand = StatedDemand {
        id: DemandId::new("train").expect("an id"),
        shape: shape(gpus_milli),
        count,
        constraints: Vec::new(),
        per_agent_max: None,
        gang_timeout: None,
        spread: Vec::new(),
        priority: Priority::DEFAULT,
        revocable: false,
    };
    SchedulerCall::StateDemand {
        role: Role::new("eng").expect("a role"),
        demands: Some(vec![demand]),
    }
}

/// A task with what a part of an offer is for it.
fn part(id: &str, resources: Resources) -> TaskInfo {
    TaskInfo { resources, ..task(id, "a", 500) }
}

fn named(list: &[(&str, i64)]) -> Resources {
    with_gpus(&Resources::cpus_mem(500, 64), devices(list))
}

fn last(rig: &Rig) -> Offer {
    rig.offers.last().expect("an offer").clone()
}

#[test]
fn two_halves_share_a_gpu_and_the_third_goes_to_the_next() {
    let mut rig = Rig::serving();
    rig.subscribe_in(2, "trainer", &["eng"]);
    rig.call("trainer", want(3, 500));
    rig.tell("three halves: two of one GPU, one of the next");
    rig.agent(1, "a", machine("a"));
    let offer = last(&rig);
    rig.tell(
        "a task that takes what is not offered of a GPU is refused, and one that names an amount",
    );
    rig.refused_call("trainer", accept(&[offer.id], vec![part("t0", named(&[("gpu1", 501)]))]));
    rig.refused_call("trainer", accept(&[offer.id], vec![part("t0", shape(500))]));
    rig.tell("all three run");
    let mut left = offer.resources.clone();
    let tasks: Vec<_> = (0..3)
        .map(|number| {
            let picked = left.pick(&shape(500)).expect("it was offered");
            left = left.checked_sub(&picked).expect("a part of it");
            part(&format!("t{number}"), picked)
        })
        .collect();
    rig.call("trainer", accept(&[offer.id], tasks));
    rig.tell("a whole one has no room: two halves of different GPUs are none");
    rig.call("trainer", want(1, 1_000));
    rig.update(1, "a", "trainer", status("t1", "a", TaskState::Finished, 1));
    rig.tell("until a whole one is free");
    rig.update(1, "a", "trainer", status("t2", "a", TaskState::Finished, 1));
    rig.matches("gpus_shared");
}
