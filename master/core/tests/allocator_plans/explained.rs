//! Why somebody got nothing, as data.

use crate::world::{World, resources, role};
use master_core::allocator::{Bidder, Why};
use proto::model::FrameworkId;

fn bidder(framework: FrameworkId, name: &str) -> Bidder {
    Bidder { framework, role: role(name) }
}

#[test]
fn each_bidder_has_its_reason() {
    let mut world = World::new(&[]);
    let quiet = world.framework(&["quiet", "idle"], &["quiet", "idle"]);
    let picky = world.framework(&["work"], &[]);
    let why = |world: &World, plan: &master_core::allocator::Plan, who: &Bidder| {
        plan.explanation.why(who, &world.demand)
    };
    let plan = world.plan();
    assert_eq!(why(&world, &plan, &bidder(picky, "work")), Why::NoFreeAgent);
    assert_eq!(why(&world, &plan, &bidder(quiet, "quiet")), Why::Suppressed);
    assert_eq!(why(&world, &plan, &bidder(quiet, "work")), Why::NotSubscribed);
    assert_eq!(why(&world, &plan, &bidder(FrameworkId(99), "work")), Why::NotSubscribed);

    world.agent(1, resources(1_000, 1_000, 0));
    let offer = world.offer().remove(0);
    world.decline(&offer, 60_000);
    let plan = world.plan();
    assert_eq!(plan.explanation.free_agents, 1);
    assert_eq!(plan.explanation.passed_over, [(bidder(picky, "work"), 1)].into());
    assert_eq!(why(&world, &plan, &bidder(picky, "work")), Why::Filtered { agents: 1 });

    let eager = world.framework(&["work"], &[]);
    let late = world.framework(&["work"], &[]);
    let plan = world.plan();
    world.carry_out(&plan, |_| true);
    assert_eq!(why(&world, &plan, &bidder(eager, "work")), Why::Served { offers: 1 });
    let behind = bidder(eager, "work");
    assert_eq!(why(&world, &plan, &bidder(late, "work")), Why::LowerRanked { behind });

    let all = plan.explanation.all(&world.demand, 100);
    assert_eq!(all.len(), 5);
    assert_eq!(all[0], (bidder(quiet, "idle"), Why::Suppressed));
    assert_eq!(plan.explanation.all(&world.demand, 2).len(), 2);
}

#[test]
fn nothing_new_is_said_so() {
    let mut world = World::new(&[]);
    world.agent(1, resources(1_000, 1_000, 0));
    let first = world.framework(&["work"], &[]);
    let offer = world.offer().remove(0);
    world.decline(&offer, 60_000);
    world.offer();
    let plan = world.plan();
    assert_eq!(plan.explanation.agents_examined, 0);
    let who = bidder(first, "work");
    assert_eq!(plan.explanation.why(&who, &world.demand), Why::Filtered { agents: 1 });
    world.now = world.now + proto::model::Duration(60_000);
    world.demand.expire(world.now);
    assert_eq!(plan.explanation.why(&who, &world.demand), Why::NothingNew);
}
