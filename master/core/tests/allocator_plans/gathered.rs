//! Room is gathered for a piece that fits nowhere: for who is first in the order, on one agent.

use crate::{
    demanded::{given, pieces},
    world::{World, agent_id, resources},
};
use proto::model::{
    Constraint, Duration, FrameworkId, Offer, StatedDemand,
    demand::{Rule, Subject},
};

/// Agents with four cores, all in use by tasks of one core of a framework that wants more.
fn full(agents: u64) -> World {
    let mut world = World::new(&[]);
    (1..=agents).for_each(|number| world.agent(number, resources(4_000, 400, 0)));
    wants(&mut world, "small", 10_000, 1);
    use_all(&mut world);
    world
}

/// Somebody who wants so many pieces of so many cores.
fn wants(world: &mut World, role: &str, count: u32, cpus: i64) -> FrameworkId {
    let framework = world.framework(&[role], &[]);
    world.state(framework, role, vec![pieces(count, 1_000 * cpus, 100 * cpus)]);
    framework
}

/// Everybody uses what it is offered; the offers.
fn use_all(world: &mut World) -> Vec<Offer> {
    let offers = world.offer();
    for offer in &offers {
        let count = offer.pieces.iter().map(|(_, count)| count).sum::<u32>();
        let all = offer.resources.scalar(&proto::model::ResourceName::CPUS).0;
        let each = all / i64::from(count) / 1_000;
        world.use_up(offer, &resources(1_000 * each, 100 * each, 0));
    }
    world.check();
    offers
}

/// One task of an agent ends.
fn end_one(world: &mut World, agent: u64) {
    let agent = agent_id(agent);
    let is_there = |key: &_| world.ledger.task(key).unwrap().info.agent == agent;
    let task = world.live_tasks().into_iter().find(is_there).expect("it has some");
    world.finish(&task);
}

fn pass(world: &mut World, ms: u64) {
    world.now = world.now + Duration(ms);
}

/// What the next task to end on an agent leaves goes to.
fn next(world: &mut World, agent: u64) -> Option<FrameworkId> {
    end_one(world, agent);
    let offers = use_all(world);
    assert!(offers.len() <= 1);
    offers.first().map(|offer| offer.framework)
}

#[test]
fn a_large_piece_is_placed_among_small_ones() {
    let mut world = full(5);
    let large = wants(&mut world, "large", 1, 4);
    let mut seconds = 0;
    while given(&use_all(&mut world), large).is_empty() {
        seconds += 1;
        assert!(seconds <= 60, "four of twenty tasks have to end, one each second does");
        pass(&mut world, 1_000);
        end_one(&mut world, 1 + (seconds * 7) % 5);
    }
    assert!(seconds > 10, "nothing is kept at once");
}

#[test]
fn one_agent_is_kept_and_the_others_go_on() {
    let mut world = full(3);
    let small = world.frameworks()[0];
    let large = wants(&mut world, "large", 1, 4);
    assert_eq!(next(&mut world, 1), Some(small), "it has not waited yet");
    pass(&mut world, 10_000);
    assert_eq!(next(&mut world, 3), Some(small), "then it is looked at");
    assert_eq!(next(&mut world, 1), None);
    assert_eq!(next(&mut world, 2), Some(small));
    assert_eq!(next(&mut world, 1), None);
    assert_eq!(next(&mut world, 3), Some(small));
    assert_eq!((next(&mut world, 1), next(&mut world, 1)), (None, Some(large)));
    pass(&mut world, 1_000);
    assert_eq!(next(&mut world, 2), Some(small), "nobody waits for more");
}

#[test]
fn who_comes_before_it_need_not_leave_it_anything() {
    let mut world = full(1);
    let small = world.frameworks()[0];
    let large = wants(&mut world, "large", 1, 4);
    pass(&mut world, 10_000);
    assert_eq!(next(&mut world, 1), Some(small));
    assert_eq!(next(&mut world, 1), None);
    assert!(given(&use_all(&mut world), large).is_empty());
    // Another one comes, whose name is before that of the other: neither has anything.
    let new = wants(&mut world, "abel", 1, 1);
    let offers = use_all(&mut world);
    assert_eq!(given(&offers, new).len(), 1, "of what was kept");
}

/// Its place in the order is another one when a task of its ends elsewhere, and nothing else is.
#[test]
fn who_comes_to_be_before_it_is_looked_at_again() {
    let mut world = full(2);
    let small = world.frameworks()[0];
    let abel = wants(&mut world, "abel", 1, 1);
    assert_eq!(next(&mut world, 2), Some(abel));
    let large = wants(&mut world, "large", 1, 4);
    pass(&mut world, 10_000);
    assert_eq!(next(&mut world, 1), Some(small));
    assert_eq!(next(&mut world, 1), None);
    let there =
        Constraint { subject: Subject::AgentId, rule: Rule::In(vec!["agent-001".to_owned()]) };
    let wanted = StatedDemand { constraints: vec![there], ..pieces(1, 1_000, 100) };
    world.state(abel, "abel", vec![wanted]);
    assert!(use_all(&mut world).is_empty(), "it has something, and the large one nothing");
    let own = world.live_tasks().into_iter().find(|key| key.framework == abel).unwrap();
    world.finish(&own);
    let offers = use_all(&mut world);
    assert_eq!(given(&offers, abel).len(), 1, "of what was kept");
    assert_eq!(given(&offers, large), []);
}

#[test]
fn another_agent_is_tried_when_one_does_not_become_free() {
    let mut world = full(2);
    let small = world.frameworks()[0];
    let large = wants(&mut world, "large", 1, 4);
    pass(&mut world, 10_000);
    next(&mut world, 1);
    assert_eq!(next(&mut world, 1), None);
    pass(&mut world, 60_000);
    assert_eq!(next(&mut world, 2), Some(small), "until now agent 1 was tried");
    assert_eq!(given(&use_all(&mut world), small).len(), 1, "what was kept there");
    assert_eq!(next(&mut world, 2), None, "and now agent 2");
    (0..2).for_each(|_| assert_eq!(next(&mut world, 2), None));
    assert_eq!(next(&mut world, 2), Some(large));
}

#[test]
fn nothing_is_kept_for_what_no_agent_could_hold() {
    let mut world = full(2);
    let small = world.frameworks()[0];
    wants(&mut world, "huge", 1, 5);
    let large = wants(&mut world, "large", 1, 4);
    pass(&mut world, 10_000);
    assert_eq!(next(&mut world, 1), Some(small), "the huge one is looked at");
    assert_eq!(next(&mut world, 1), Some(small));
    pass(&mut world, 1_000);
    assert_eq!(next(&mut world, 1), Some(small), "and the other one");
    (0..3).for_each(|_| assert_eq!(next(&mut world, 1), None));
    assert_eq!(next(&mut world, 1), Some(large));
}

#[test]
fn who_is_revocable_or_a_gang_is_not_kept_room_here() {
    let mut world = full(2);
    let small = world.frameworks()[0];
    let lent = world.framework(&["lent"], &[]);
    let wanted = StatedDemand { revocable: true, ..pieces(1, 4_000, 400) };
    world.state(lent, "lent", vec![wanted]);
    pass(&mut world, 10_000);
    (0..6).for_each(|_| assert_eq!(next(&mut world, 1), Some(small)));
}
