//! A plan looks at what has changed, and at no more; and gives the same as if it looked at all.

use crate::demanded::pieces;
use crate::world::{World, agent_id, resources, role};
use master_core::allocator::{Bundle, PlannedOffer};
use proto::model::{Duration, FrameworkId, Offer, Resources};

/// Thirty agents, half used by tasks, the other half refused by both frameworks.
fn busy() -> (World, FrameworkId, FrameworkId) {
    let mut world = World::new(&[]);
    (0..30).for_each(|number| world.agent(number, resources(4_000, 4_000, 0)));
    let (first, second) = (world.framework(&["a"], &[]), world.framework(&["b"], &[]));
    for offer in world.offer() {
        assert!(world.launch(&offer, half(&offer), 60_000));
    }
    for offer in world.offer() {
        world.decline(&offer, 60_000);
    }
    assert_eq!(world.offer(), []);
    (world, first, second)
}

fn half(offer: &Offer) -> Resources {
    assert_eq!(offer.resources, resources(4_000, 4_000, 0));
    resources(2_000, 2_000, 0)
}

#[test]
fn nothing_changed_is_nothing_to_look_at() {
    let (mut world, ..) = busy();
    let plan = world.plan();
    assert_eq!(plan.explanation.free_agents, 30);
    assert_eq!(plan.explanation.agents_examined, 0);
}

#[test]
fn a_demand_that_is_met_looks_no_further() {
    let mut world = World::new(&[]);
    (0..30).for_each(|number| world.agent(number, resources(4_000, 4_000, 0)));
    let framework = world.framework(&["a"], &["a"]);
    world.state(framework, "a", vec![pieces(6, 1_000, 100)]);
    assert_eq!(world.offer(), []);
    world.revive(framework, &[]);
    let plan = world.plan();
    assert_eq!((plan.offers.len(), plan.explanation.agents_examined), (2, 2));
}

#[test]
fn one_freed_task_is_one_agent() {
    let (mut world, ..) = busy();
    let task = world.live_tasks().remove(7);
    let agent = world.ledger.task(&task).unwrap().info.agent.clone();
    world.finish(&task);
    let plan = world.plan();
    assert_eq!(plan.explanation.agents_examined, 1);
    assert_eq!(plan.offers.len(), 1);
    assert_eq!(plan.offers[0].agent, agent);
}

#[test]
fn one_ended_filter_is_one_agent() {
    let (mut world, first, _) = busy();
    world.revive(first, &[]);
    let offers = world.offer();
    assert_eq!(offers.len(), 30);
    for (index, offer) in offers.iter().enumerate() {
        world.decline(offer, 1_000 + index as u64);
    }
    assert_eq!(world.offer(), []);
    world.now = world.now + Duration(1_000);
    let plan = world.plan();
    assert_eq!(plan.explanation.agents_examined, 1);
    assert_eq!(plan.offers.len(), 1);
    assert_eq!(plan.offers[0].agent, offers[0].agent);
}

#[test]
fn a_revival_looks_at_agents_with_something_free() {
    let (mut world, first, _) = busy();
    world.agent(100, resources(1_000, 1_000, 0));
    world.offer();
    world.revive(first, &[role("a")]);
    let plan = world.plan();
    assert_eq!(plan.explanation.agents_examined, 30, "the thirty-first is in an offer");
    assert!(plan.offers.iter().all(|offer| offer.framework == first));
    world.carry_out(&plan, |_| true);
    world.revive(first, &[]);
    let again = world.plan();
    assert_eq!(again.explanation.agents_examined, 0, "it had nothing to be revived from");
}

/// A reader of the logs that is too far behind looks at everything, and gives the same.
#[test]
fn more_changes_than_the_log_holds() {
    let (mut world, first, _) = busy();
    let (role, agent) = (role("a"), agent_id(3));
    let some = Bundle::new(resources(1_000, 1_000, 0));
    let place = world.view.place(&agent).unwrap();
    let (resources, framework) = (some.clone(), first);
    let pieces = Vec::new();
    let planned =
        PlannedOffer { framework, role, agent, place, resources, pieces, revocable: false };
    for _ in 0..33_000 {
        world.view.hold(&planned);
        world.view.release(&planned.agent, &planned.role, first, &some);
    }
    world.check();
    let task = world.live_tasks().remove(7);
    world.finish(&task);
    let plan = world.plan();
    assert_eq!(plan.explanation.agents_examined, 30);
    assert_eq!(plan.offers.len(), 1);
}

/// The agent that is shown first is another one each time, so that two frameworks that hand
/// everything back are not shown the same half for ever.
#[test]
fn the_first_agent_rotates() {
    let mut world = World::new(&[]);
    (0..3).for_each(|number| world.agent(number, resources(1_000, 1_000, 0)));
    world.framework(&["a"], &[]);
    let mut firsts = Vec::new();
    for _ in 0..4 {
        let offers = world.offer();
        firsts.push(offers[0].agent.clone());
        offers.iter().for_each(|offer| world.decline(offer, 0));
    }
    assert_eq!(firsts, [0, 1, 2, 0].map(agent_id));
}

/// Who is looked at as renewed stands behind what others of the role got in the same plan.
#[test]
fn a_grant_to_another_of_the_role_counts() {
    let mut world = World::new(&[]);
    world.agent(1, resources(1_000, 1_000, 0));
    let (first, second) = (world.framework(&["a"], &[]), world.framework(&["a"], &[]));
    let third = world.framework(&["b"], &[]);
    for _ in 0..3 {
        let offer = world.offer().remove(0);
        world.decline(&offer, 60_000);
    }
    assert_eq!(world.offer(), []);
    // The new agent goes to the first, so that the role of the second is behind that of the third.
    world.agent(2, resources(2_000, 2_000, 0));
    world.revive(second, &[]);
    world.revive(third, &[]);
    let offers = world.offer();
    let given: Vec<_> = offers.into_iter().map(|offer| (offer.agent, offer.framework)).collect();
    assert_eq!(given, [(agent_id(2), first), (agent_id(1), third)]);
}

/// Of one who was revived and one whose filter has ended, the one with the smaller rank is first.
#[test]
fn an_ended_filter_ranks_with_a_revival() {
    let mut world = World::new(&[]);
    world.agent(1, resources(1_000, 1_000, 0));
    let (first, second) = (world.framework(&["a"], &[]), world.framework(&["a"], &[]));
    for refuse_ms in [5_000, 60_000] {
        let offer = world.offer().remove(0);
        world.decline(&offer, refuse_ms);
    }
    assert_eq!(world.offer(), []);
    world.now = world.now + Duration(5_000);
    world.revive(second, &[]);
    assert_eq!(world.offer()[0].framework, first);
}
