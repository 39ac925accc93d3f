//! GPUs by name: parts of one are never split over two, by whatever policy agents are chosen.

use crate::world::{World, resources};
use master_core::allocator::Drf;
use proptest::prelude::*;
use proto::model::{
    DemandId, Devices, Duration, FrameworkId, Milli, PlacementPolicy, Priority, ResourceName,
    Resources, StatedDemand, Value,
};

fn with(basic: &Resources, name: ResourceName, value: Value) -> Resources {
    let entries = basic.iter().map(|(name, value)| (name.clone(), value.clone()));
    Resources::from_entries(entries.chain([(name, value)])).unwrap()
}

/// An agent with so many GPUs.
fn machine(cpus_milli: i64, count: usize) -> Resources {
    let list = (0..count).map(|number| (format!("gpu{number}"), Milli(1_000)));
    let gpus = Value::Devices(Devices::new(list).unwrap());
    with(&resources(cpus_milli, 8_000, 0), ResourceName::GPUS, gpus)
}

fn shape(cpus_milli: i64, gpus_milli: i64) -> Resources {
    let gpus = Value::Scalar(Milli(gpus_milli));
    with(&resources(cpus_milli, 100, 0), ResourceName::GPUS, gpus)
}

fn pieces(id: &str, count: u32, shape: Resources) -> StatedDemand {
    StatedDemand {
        id: DemandId::new(id).unwrap(),
        shape,
        count,
        constraints: Vec::new(),
        per_agent_max: None,
        gang_timeout: None,
        spread: Vec::new(),
        priority: Priority::DEFAULT,
        revocable: false,
    }
}

/// GPUs that a framework is offered, by agent.
fn offered(world: &mut World, framework: FrameworkId) -> Vec<String> {
    let offers = world.offer();
    world.check();
    let own = offers.iter().filter(|offer| offer.framework == framework);
    own.map(|offer| {
        let gpus = offer.resources.get(&ResourceName::GPUS).expect("GPUs");
        format!("{}{gpus}", &offer.agent.as_str()[6..])
    })
    .collect()
}

#[test]
fn parts_share_a_device_and_do_not_span_two() {
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    world.agent(1, machine(8_000, 2));
    world.state(framework, "a", vec![pieces("w", 3, shape(100, 400))]);
    assert_eq!(offered(&mut world, framework), ["001{gpu0:800,gpu1:400}"]);
    // 200 of one and 600 of the other are left: a piece of 700 has no room, one of 600 has.
    let other = world.framework(&["b"], &[]);
    world.state(other, "b", vec![pieces("w", 1, shape(100, 700))]);
    assert_eq!(offered(&mut world, other), Vec::<String>::new());
    world.state(other, "b", vec![pieces("w", 2, shape(100, 1_000))]);
    assert_eq!(offered(&mut world, other), Vec::<String>::new());
    world.state(other, "b", vec![pieces("w", 2, shape(100, 600))]);
    assert_eq!(offered(&mut world, other), ["001{gpu1:600}"]);
}

#[test]
fn whole_devices_are_wholly_free_ones() {
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    world.agent(1, machine(8_000, 4));
    let list = vec![pieces("half", 1, shape(100, 500)), pieces("two", 2, shape(100, 2_000))];
    world.state(framework, "a", list);
    assert_eq!(offered(&mut world, framework), ["001{gpu0:500,gpu1:1000,gpu2:1000}"]);
}

#[test]
fn a_gang_of_parts_is_placed_at_once() {
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    (1..=2).for_each(|number| world.agent(number, machine(8_000, 1)));
    let gang = |count| StatedDemand {
        gang_timeout: Some(Duration::from_seconds(60)),
        ..pieces("w", count, shape(100, 400))
    };
    world.state(framework, "a", vec![gang(5)]);
    assert_eq!(offered(&mut world, framework), Vec::<String>::new(), "two on each device");
    world.state(framework, "a", vec![gang(4)]);
    assert_eq!(offered(&mut world, framework), ["001{gpu0:800}", "002{gpu0:800}"]);
}

#[test]
fn plain_offers_hold_the_devices_as_far_as_limits_go() {
    let mut world = World::new(&[]);
    let framework = world.framework(&["a"], &[]);
    world.agent(1, machine(8_000, 2));
    let limit = vec![(ResourceName::GPUS, Milli(1_300))];
    assert!(world.quota("a", Resources::new(), limit, None));
    world.stated = true;
    assert_eq!(offered(&mut world, framework), ["001{gpu0:1000,gpu1:300}"]);
}

/// Two agents, on which a quarter of one GPU each is taken; then halves come, and tasks that want
/// whole GPUs. Spread takes the halves from free GPUs, by fragmentation they go to the begun ones.
#[test]
fn fgd_places_what_spread_cannot() {
    let placed = |policy| {
        let mut world = World::new(&[]);
        world.place("a", Some(policy));
        let whole = world.framework(&["a/whole"], &[]);
        let halves = world.framework(&["a/halves"], &[]);
        world.state(whole, "a/whole", vec![pieces("w", 3, shape(100, 1_000))]);
        world.state(halves, "a/halves", vec![pieces("h", 2, shape(100, 500))]);
        world.suppress(whole, &[]);
        (1..=2).for_each(|number| world.agent(number, machine(8_000, 2)));
        world.offer();
        world.revive(whole, &[]);
        let offers = world.offer();
        world.check();
        let own = offers.iter().filter(|offer| offer.framework == whole);
        own.flat_map(|offer| &offer.pieces).map(|(_, count)| count).sum::<u32>()
    };
    assert_eq!(placed(PlacementPolicy::Spread), 2);
    assert_eq!(placed(PlacementPolicy::Fgd), 3);
}

fn policy() -> impl Strategy<Value = PlacementPolicy> {
    prop::sample::select(PlacementPolicy::ALL.to_vec())
}

fn part_or_whole() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0_i64), 1..1_000_i64, Just(1_000), Just(2_000)]
}

/// Whether a piece fits on what is free of an agent, by trying each device.
fn fits(free: &Resources, cpus: i64, gpus: i64) -> bool {
    let each: Vec<i64> = match free.get(&ResourceName::GPUS) {
        Some(Value::Devices(devices)) => devices.iter().map(|(_, milli)| milli.0).collect(),
        _ => Vec::new(),
    };
    let room = match gpus {
        0 => true,
        1..1_000 => each.iter().any(|milli| *milli >= gpus),
        _ => each.iter().filter(|milli| **milli == 1_000).count() as i64 * 1_000 >= gpus,
    };
    room && free.scalar(&ResourceName::CPUS).0 >= cpus
        && free.scalar(&ResourceName::MEM).0 >= 100_000
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Every piece that is offered is really there for one task after the other, and what is still
    /// wanted afterwards fits nowhere.
    #[test]
    fn what_fits_is_offered_and_can_be_taken(
        machines in prop::collection::vec((1_i64..9, 0_usize..4), 1..5),
        policies in prop::collection::vec(policy(), 2),
        demands in prop::collection::vec(
            (0_usize..2, 1_u32..6, 1_i64..4, part_or_whole()),
            1..6,
        ),
        ended in any::<prop::sample::Index>(),
    ) {
        let mut world = World::new(&[]);
        let names = ["a", "b"];
        names.iter().zip(policies).for_each(|(name, policy)| world.place(name, Some(policy)));
        for (number, (cpus, count)) in machines.iter().enumerate() {
            world.agent(number as u64, machine(1_000 * cpus, *count));
        }
        let mut wanted = Vec::new();
        for (at, count, cpus, gpus) in demands {
            let framework = world.framework(&[names[at]], &[]);
            let shape = shape(1_000 * cpus, gpus);
            world.state(framework, names[at], vec![pieces("w", count, shape.clone())]);
            wanted.push((framework, names[at], 1_000 * cpus, gpus));
            for offer in world.offer() {
                // One after the other out of the offer, as a framework does.
                let mut left = offer.resources.clone();
                let count: u32 = offer.pieces.iter().map(|(_, count)| count).sum();
                for _ in 0..count {
                    let picked = left.pick(&shape).expect("as many as were offered");
                    left = left.checked_sub(&picked).unwrap();
                }
                prop_assert!(left.is_empty(), "no more than that: {left}");
            }
            world.check();
        }
        let held: Vec<_> = world.book.iter(None).cloned().collect();
        if !held.is_empty() {
            world.decline(ended.get(&held), 0);
            world.offer();
            world.check();
        }
        for (framework, name, cpus, gpus) in wanted {
            let index = world.demand.index(framework, &proto::model::Role::new(name).unwrap());
            let entry = &world.demand.wanted(index.unwrap()).unwrap().entries()[0];
            for agent in world.view.agents() {
                let room = fits(world.view.free(agent).resources(), cpus, gpus);
                prop_assert!(entry.open() == 0 || !room, "{agent} has room for {cpus}, {gpus}");
            }
        }
        world.drf = Drf::new();
        prop_assert_eq!(world.plan().offers, vec![]);
    }
}
