//! Roles with placement policies: who gets which agents, by demand, by plain offers, in gangs.

use crate::world::{World, resources, role};
use master_core::allocator::Drf;
use proptest::prelude::*;
use proto::model::{
    DemandId, Duration, FrameworkId, Milli, Offer, PlacementPolicy, PlacementPolicy::*,
    ResourceName, Resources, StatedDemand, Value,
};
use std::collections::BTreeMap;

fn pieces(count: u32, shape: Resources) -> StatedDemand {
    StatedDemand {
        id: DemandId::new("work").unwrap(),
        shape,
        count,
        constraints: Vec::new(),
        per_agent_max: None,
        spread: Vec::new(),
        gang_timeout: None,
        priority: proto::model::Priority::DEFAULT,
        revocable: false,
    }
}

fn cpus(milli: i64) -> Resources {
    resources(milli, 100, 0)
}

/// A piece with whole GPUs.
fn gpus(cpus_milli: i64, gpus: i64) -> Resources {
    with_gpus(cpus(cpus_milli), gpus)
}

/// An agent with memory for ten pieces.
fn machine(cpus_milli: i64, gpus: i64) -> Resources {
    with_gpus(resources(cpus_milli, 1_000, 0), gpus)
}

fn with_gpus(basic: Resources, gpus: i64) -> Resources {
    let entries = basic.iter().map(|(name, value)| (name.clone(), value.clone()));
    let gpus = (ResourceName::GPUS, Value::Scalar(Milli(1_000 * gpus)));
    Resources::from_entries(entries.chain([gpus])).unwrap()
}

/// Agents 1, 2 and 3, of 8 CPUs each, of which 2, 6 and 4 are in use.
fn used() -> World {
    let mut world = World::new(&[]);
    (1..=3).for_each(|number| world.agent(number, resources(8_000, 8_000, 0)));
    let other = world.framework(&["other"], &[]);
    for offer in world.offer() {
        let used = match offer.agent.as_str() {
            "agent-001" => 2_000,
            "agent-002" => 6_000,
            _ => 4_000,
        };
        world.launch(&offer, cpus(used), 0);
    }
    world.suppress(other, &[]);
    assert_eq!(world.offer(), []);
    world
}

/// Pieces on each agent.
fn on(offers: &[Offer]) -> Vec<(&str, u32)> {
    let mut on = BTreeMap::new();
    for offer in offers {
        let count: u32 = offer.pieces.iter().map(|(_, count)| count).sum();
        assert!(on.insert(offer.agent.as_str(), count).is_none(), "one offer of each agent");
    }
    on.into_iter().collect()
}

fn placed(policy: PlacementPolicy, demand: StatedDemand) -> Vec<(String, u32)> {
    let mut world = used();
    world.place("a", Some(policy));
    let framework = world.framework(&["a/b"], &[]);
    world.state(framework, "a/b", vec![demand]);
    let offers = world.offer();
    world.check();
    on(&offers).into_iter().map(|(agent, count)| (agent.to_owned(), count)).collect()
}

#[test]
fn pieces_go_to_the_agents_that_the_policy_says() {
    let placed = |policy, count| {
        let placed = placed(policy, pieces(count, cpus(1_000)));
        placed.into_iter().map(|(agent, count)| (agent[6..].parse().unwrap(), count)).collect()
    };
    let nothing: Vec<(u32, u32)> = vec![];
    assert_eq!(placed(FirstFit, 0), nothing);
    // From the agent after the one that the plan before began with.
    assert_eq!(placed(FirstFit, 5), [(2, 2), (3, 3)]);
    // The fullest is filled first, then the next.
    assert_eq!(placed(Pack, 5), [(2, 2), (3, 3)]);
    // 6, 2 and 4 CPUs are free: two go to the first until it has 4 as well, then they alternate.
    assert_eq!(placed(Spread, 5), [(1, 4), (3, 1)]);
    // When the first has 4 left as well, the third has more memory.
    assert_eq!(placed(DotProduct, 3), [(1, 2), (3, 1)]);
    assert_eq!(placed(Fgd, 5), [(1, 5)], "without GPUs every agent is as good: the first");
    let drawn: Vec<(u32, u32)> = placed(Random, 12);
    assert_eq!(drawn, [(1, 6), (2, 2), (3, 4)], "all that there is, in whatever order");
}

#[test]
fn a_gang_is_placed_by_the_policy_too() {
    let gang = |count| StatedDemand {
        gang_timeout: Some(Duration::from_seconds(60)),
        ..pieces(count, cpus(1_000))
    };
    let agents = |list: &[(&str, u32)]| -> Vec<(String, u32)> {
        list.iter().map(|(agent, count)| (format!("agent-00{agent}"), *count)).collect()
    };
    assert_eq!(placed(FirstFit, gang(5)), agents(&[("1", 5)]));
    assert_eq!(placed(Pack, gang(5)), agents(&[("2", 2), ("3", 3)]));
    assert_eq!(placed(Spread, gang(5)), agents(&[("1", 4), ("3", 1)]));
    assert_eq!(placed(Spread, gang(13)), [], "not at all");
    assert_eq!(placed(Random, gang(12)).len(), 3);
}

#[test]
fn plain_offers_come_in_the_order_of_the_policy() {
    let order = |policy| {
        let mut world = used();
        world.place("a", Some(policy));
        world.framework(&["a"], &[]);
        let offers = world.offer();
        world.check();
        let digits = offers.iter().map(|offer| offer.agent.as_str().chars().last().unwrap());
        digits.collect::<String>()
    };
    assert_eq!((order(Spread), order(Pack)), ("132".to_owned(), "231".to_owned()));
    let mut all: Vec<char> = order(Random).chars().collect();
    all.sort_unstable();
    assert_eq!(all, ['1', '2', '3']);
}

#[test]
fn the_policy_of_a_role_is_its_own_and_changes_at_run_time() {
    let mut world = used();
    world.place("a", Some(Pack));
    let packed = world.framework(&["a"], &[]);
    let spread = world.framework(&["b"], &[]);
    world.place("b", Some(Spread));
    world.state(spread, "b", vec![]);
    let give = |world: &mut World, framework: FrameworkId, name: &str| {
        world.state(framework, name, vec![pieces(1, cpus(1_000))]);
        let offers = world.offer();
        let offer = offers.iter().find(|offer| offer.framework == framework).unwrap();
        let agent = offer.agent.to_string();
        world.decline(offer, 0);
        world.demand.state(framework, &role(name), vec![], world.now).unwrap();
        agent
    };
    assert_eq!(give(&mut world, packed, "a"), "agent-002");
    assert_eq!(give(&mut world, spread, "b"), "agent-001");
    world.place("a", Some(Spread));
    assert_eq!(give(&mut world, packed, "a"), "agent-001");
    world.place("a", None);
    assert_eq!(world.view.placement(&role("a")), FirstFit);
}

#[test]
fn one_freed_agent_is_the_only_candidate() {
    let mut world = used();
    world.place("a", Some(Pack));
    let framework = world.framework(&["a"], &[]);
    world.state(framework, "a", vec![pieces(100, cpus(1_000))]);
    assert_eq!(world.offer().len(), 3);
    assert_eq!(world.plan().offers, vec![]);
    let task = world.live_tasks().remove(0);
    world.finish(&task);
    let plan = world.plan();
    assert_eq!((plan.offers.len(), plan.explanation.agents_examined), (1, 1));
    assert_eq!(world.plan().explanation.agents_examined, 1, "until it is carried out");
}

/// Four agents of 8 CPUs and 2 GPUs: tasks without GPUs that are spread leave no agent with CPUs
/// enough for a task of two GPUs; by fragmentation they are kept together.
#[test]
fn what_spreading_strands_fgd_places() {
    let fits = |policy| {
        let mut world = World::new(&[]);
        world.place("a", Some(policy));
        (1..=4).for_each(|number| world.agent(number, machine(8_000, 2)));
        let small = world.framework(&["a/small"], &[]);
        let large = world.framework(&["a/large"], &[]);
        // What is usual is known before anything is placed.
        world.state(
            large,
            "a/large",
            vec![StatedDemand { per_agent_max: Some(1), ..pieces(8, gpus(6_000, 2)) }],
        );
        world.suppress(large, &[]);
        world.state(small, "a/small", vec![pieces(4, cpus(2_500))]);
        for offer in world.offer() {
            world.use_up(&offer, &cpus(2_500));
        }
        world.revive(large, &[]);
        world.offer().iter().filter(|offer| offer.framework == large).count()
    };
    assert_eq!(fits(Spread), 0);
    assert_eq!(fits(Fgd), 2);
}

#[test]
fn the_same_history_is_placed_the_same() {
    let run = || {
        let mut world = used();
        world.place("a", Some(Random));
        let framework = world.framework(&["a"], &[]);
        world.state(framework, "a", vec![pieces(5, cpus(1_000))]);
        let offers = world.offer();
        on(&offers).into_iter().map(|(a, n)| (a.to_owned(), n)).collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

fn policy() -> impl Strategy<Value = PlacementPolicy> {
    prop::sample::select(PlacementPolicy::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whoever states what it wants gets all of it that fits, whatever the policy: an allocator
    /// that looks at everything again finds nothing to add.
    #[test]
    fn demand_is_served_as_far_as_it_fits(
        sizes in prop::collection::vec((1_i64..9, 0_i64..3), 1..6),
        policies in prop::collection::vec(policy(), 3),
        demands in prop::collection::vec((0_usize..3, 1_u32..6, 1_i64..5, 0_i64..3), 1..6),
        ended in any::<prop::sample::Index>(),
    ) {
        let mut world = World::new(&[]);
        let names = ["a", "b", "b/c"];
        names.iter().zip(policies).for_each(|(name, policy)| world.place(name, Some(policy)));
        for (number, (cpus, count)) in sizes.iter().enumerate() {
            world.agent(number as u64, machine(1_000 * cpus, *count));
        }
        for (at, count, cpus, wanted) in demands {
            let framework = world.framework(&[names[at]], &[]);
            let shape = gpus(1_000 * cpus, wanted);
            world.state(framework, names[at], vec![pieces(count, shape.clone())]);
            for offer in world.offer() {
                world.use_up(&offer, &shape);
            }
        }
        let tasks = world.live_tasks();
        if !tasks.is_empty() {
            world.finish(ended.get(&tasks));
        }
        world.offer();
        world.check();
        world.drf = Drf::new();
        prop_assert_eq!(world.plan().offers, vec![]);
    }
}
