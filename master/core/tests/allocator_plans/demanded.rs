//! Who has said what it wants is offered that and nothing else; gangs get all of it or nothing.

use crate::world::{World, agent_id, resources, role};
use master_core::allocator::{Bidder, stated::Outcome};
use proto::model::{
    Attribute, AttributeValue, Constraint, DemandId, Duration, FrameworkId, Milli, Offer, Priority,
    Resources, StatedDemand,
    demand::{Rule, Subject},
};

fn id(name: &str) -> DemandId {
    DemandId::new(name).unwrap()
}

pub(crate) fn pieces(count: u32, cpus_milli: i64, mem_mib: i64) -> StatedDemand {
    StatedDemand {
        id: id("work"),
        shape: Resources::cpus_mem(cpus_milli, mem_mib),
        count,
        constraints: Vec::new(),
        per_agent_max: None,
        spread: Vec::new(),
        gang_timeout: None,
        priority: Priority::DEFAULT,
        revocable: false,
    }
}

fn gang(count: u32, cpus_milli: i64, timeout_ms: u64) -> StatedDemand {
    StatedDemand { gang_timeout: Some(Duration(timeout_ms)), ..pieces(count, cpus_milli, 100) }
}

pub(crate) fn given(offers: &[Offer], framework: FrameworkId) -> Vec<(String, Resources)> {
    let own = offers.iter().filter(|offer| offer.framework == framework);
    own.map(|offer| (offer.agent.to_string(), offer.resources.clone())).collect()
}

#[test]
fn only_what_is_wanted_is_offered_and_the_rest_goes_to_others() {
    let mut world = World::new(&[]);
    let modest = world.framework(&["modest"], &[]);
    let greedy = world.framework(&["plain"], &[]);
    world.state(modest, "modest", vec![pieces(3, 1_000, 500)]);
    world.agent(1, resources(4_000, 4_000, 4));
    let offers = world.offer();
    assert_eq!(given(&offers, modest), [("agent-001".to_owned(), resources(3_000, 1_500, 0))]);
    assert_eq!(given(&offers, greedy), [("agent-001".to_owned(), resources(1_000, 2_500, 4))]);
    world.check();
}

#[test]
fn pieces_that_are_out_are_not_offered_twice_and_come_back_when_refused() {
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    world.state(framework, "a", vec![pieces(2, 1_000, 500)]);
    world.agent(1, resources(1_000, 4_000, 0));
    world.agent(2, resources(1_000, 4_000, 0));
    world.agent(3, resources(1_000, 4_000, 0));
    let offers = world.offer();
    assert_eq!(offers.len(), 2);
    world.decline(&offers[0], 60_000);
    // The other agents are full, or were refused.
    let again = world.offer();
    assert_eq!(given(&again, framework), [("agent-003".to_owned(), resources(1_000, 500, 0))]);
    world.use_up(&again[0], &resources(1_000, 500, 0));
    world.use_up(&offers[1], &resources(1_000, 500, 0));
    world.check();
    let bidder = Bidder { framework, role: role("a") };
    assert!(world.demand.active(&bidder).is_none(), "all that was wanted runs");
    world.agent(4, resources(4_000, 4_000, 0));
    assert_eq!(world.offer(), []);
    world.demand.unstate(framework, &role("a")).unwrap();
    assert_eq!(world.offer()[0].resources, resources(4_000, 4_000, 0), "plain offers again");
}

#[test]
fn constraints_and_the_most_per_agent_are_kept() {
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    let rack = |name: &str| Attribute {
        name: "rack".to_owned(),
        value: AttributeValue::Text(name.to_owned()),
    };
    world.agent_with(1, resources(8_000, 8_000, 0), vec![rack("r1")]);
    world.agent_with(2, resources(8_000, 8_000, 0), vec![rack("r2")]);
    world.agent_with(3, resources(8_000, 8_000, 0), vec![rack("r1")]);
    let (subject, rule) = (Subject::Attribute("rack".to_owned()), Rule::In(vec!["r1".to_owned()]));
    let constraints = vec![Constraint { subject, rule }];
    let wanted = StatedDemand { constraints, per_agent_max: Some(2), ..pieces(5, 1_000, 500) };
    world.state(framework, "a", vec![wanted]);
    let offers = world.offer();
    let two = resources(2_000, 1_000, 0);
    let expected = [("agent-001".to_owned(), two.clone()), ("agent-003".to_owned(), two)];
    assert_eq!(given(&offers, framework), expected);
    for offer in &offers {
        world.use_up(offer, &resources(1_000, 500, 0));
    }
    assert_eq!(world.offer(), [], "what runs counts");
    world.agent_with(2, resources(8_000, 8_000, 0), vec![rack("r1")]);
    let last = ("agent-002".to_owned(), resources(1_000, 500, 0));
    assert_eq!(given(&world.offer(), framework), [last], "an agent that moved");
}

#[test]
fn an_agent_in_the_place_of_one_that_is_gone_begins_without_pieces() {
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    world.agent(1, resources(8_000, 8_000, 0));
    world.state(
        framework,
        "a",
        vec![StatedDemand { per_agent_max: Some(1), ..pieces(3, 1_000, 500) }],
    );
    let offer = world.offer().remove(0);
    world.use_up(&offer, &resources(1_000, 500, 0));
    world.lose_agent(1);
    world.remove_agent(1);
    assert_eq!(world.offer(), [], "nothing is there");
    world.agent(2, resources(8_000, 8_000, 0));
    let next = ("agent-002".to_owned(), resources(1_000, 500, 0));
    assert_eq!(given(&world.offer(), framework), [next]);
    world.check();
}

#[test]
fn numbered_things_are_asked_for_by_number() {
    use proto::model::{ResourceName, Value};
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    world.agent(1, resources(4_000, 4_000, 4));
    let basic = Resources::cpus_mem(1_000, 500);
    let entries = basic.iter().map(|(name, value)| (name.clone(), value.clone()));
    let ports = (ResourceName::PORTS, Value::Scalar(Milli(2_000)));
    let shape = Resources::from_entries(entries.chain([ports])).unwrap();
    world.state(framework, "a", vec![StatedDemand { shape, ..pieces(5, 1_000, 500) }]);
    let offers = world.offer();
    assert_eq!(offers[0].resources, resources(2_000, 1_000, 4), "ports for two");
}

#[test]
fn a_gang_goes_out_whole_or_not_at_all() {
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    world.state(framework, "a", vec![gang(3, 2_000, 60_000)]);
    world.agent(1, resources(3_000, 4_000, 0));
    world.agent(2, resources(2_000, 4_000, 0));
    assert_eq!(world.offer(), [], "two of three");
    world.agent(3, resources(2_000, 4_000, 0));
    let offers = world.offer();
    assert_eq!(offers.len(), 3);
    world.decline(&offers[0], 0);
    world.check();
}

/// Five hundred that take whatever they are shown and hold it for a while, and one that needs half
/// of the cluster at once.
#[test]
fn a_large_gang_is_placed_among_many_small_ones() {
    let mut world = World::new(&[]);
    (0..20).for_each(|number| world.agent(number, resources(4_000, 4_000, 0)));
    let small: Vec<_> = (0..500).map(|_| world.framework(&["small"], &[])).collect();
    for framework in &small {
        world.state(*framework, "small", vec![pieces(1_000, 1_000, 100)]);
    }
    for offer in world.offer() {
        world.use_up(&offer, &resources(1_000, 100, 0));
    }
    let large = world.framework(&["large"], &[]);
    world.state(large, "large", vec![gang(10, 4_000, 3_600_000)]);
    let mut rounds = 0;
    let placed = loop {
        rounds += 1;
        assert!(rounds <= 400, "each round one of the oldest forty tasks ends");
        let task = world.live_tasks().remove((rounds * 7) % 40);
        world.finish(&task);
        let offers = world.offer();
        if !given(&offers, large).is_empty() {
            break given(&offers, large).len();
        }
        for offer in offers {
            world.use_up(&offer, &resources(1_000, 100, 0));
        }
    };
    assert_eq!(placed, 10);
    assert!(rounds >= 40, "half of the cluster had to end");
}

#[test]
fn of_two_gangs_one_gathers_and_both_are_placed() {
    let mut world = World::new(&[]);
    (0..4).for_each(|number| world.agent(number, resources(1_000, 1_000, 0)));
    let plain = world.framework(&["plain"], &[]);
    let held = world.offer();
    assert_eq!(held.len(), 4);
    let (a, b) = (world.framework(&["a"], &[]), world.framework(&["b"], &[]));
    world.state(a, "a", vec![gang(3, 1_000, 60_000)]);
    world.state(b, "b", vec![gang(3, 1_000, 60_000)]);
    world.suppress(plain, &[]);
    world.decline(&held[0], 0);
    world.decline(&held[1], 0);
    assert_eq!(world.offer(), [], "two of three are kept");
    world.decline(&held[2], 0);
    let offers = world.offer();
    assert_eq!((given(&offers, a).len(), given(&offers, b).len()), (3, 0));
    for offer in offers {
        world.decline(&offer, 60_000);
    }
    let offers = world.offer();
    assert_eq!((given(&offers, a).len(), given(&offers, b).len()), (0, 3));
}

#[test]
fn a_gang_is_given_up_in_time_and_lets_go_of_what_it_kept() {
    let mut world = World::new(&[]);
    let plain = world.framework(&["plain"], &[]);
    let framework = world.framework(&["a"], &[]);
    world.state(framework, "a", vec![gang(2, 1_000, 5_000)]);
    world.agent(1, resources(1_000, 1_000, 0));
    let offers = world.offer();
    assert!(given(&offers, plain).iter().all(|(_, got)| !got.contains(&resources(1_000, 0, 0))));
    let end = world.now + Duration(5_000);
    assert_eq!(world.demand.next_expiry(), Some(end));
    world.now = end;
    offers.iter().for_each(|offer| world.decline(offer, 0));
    let offers = world.offer();
    assert_eq!(given(&offers, plain).len(), 1, "kept no longer");
    let failed = (Bidder { framework, role: role("a") }, id("work"));
    let ended = world.demand.take_ended();
    let ended: Vec<_> =
        ended.into_iter().map(|it| (it.bidder, it.entry.id().clone(), it.outcome)).collect();
    assert_eq!(ended, [(failed.0, failed.1, Outcome::GivenUp)]);
    assert!(world.demand.take_ended().is_empty());
}

#[test]
fn what_is_stated_anew_counts_anew() {
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    world.state(framework, "a", vec![pieces(1, 1_000, 500)]);
    world.agent(1, resources(4_000, 4_000, 0));
    let old = world.offer();
    world.state(framework, "a", vec![pieces(2, 1_000, 500)]);
    let new = world.offer();
    assert_eq!(new[0].resources, resources(2_000, 1_000, 0));
    world.decline(&old[0], 0);
    world.use_up(&new[0], &resources(1_000, 500, 0));
    world.check();
    assert!(world.view.place(&agent_id(1)).is_some());
}
