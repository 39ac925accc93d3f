//! Random histories: after each step the view equals its sources, and each plan the oracle's.

use crate::world::{World, agent_id, resources, role};
use master_core::{allocator::Drf, ledger::AgentState};
use proptest::prelude::*;
use proto::model::{
    Duration, FrameworkId, Milli, Offer, PlacementPolicy, Ranges, RequestId, ResourceName,
    Resources, TaskState, Value, agent::AgentTask,
};

/// Two trees and a role by itself.
const ROLES: [&str; 6] = ["a", "a/x", "a/y", "b/x", "b/x/y", "c"];
const ROLE_SETS: usize = 1 << ROLES.len();
const AGENTS: u64 = 7;

#[derive(Debug, Clone)]
enum Step {
    RegisterAgent { agent: u64, new_journal: bool },
    LoseAgent(u64),
    RemoveAgent(u64),
    Subscribe { roles: usize, suppressed: usize },
    Resubscribe { framework: usize, roles: usize },
    Disconnect(usize),
    TearDown(usize),
    Terms { framework: usize, role: usize, kind: usize },
    Suppress { framework: usize, role: usize },
    Keep { framework: usize, ms: u64 },
    Revive { framework: usize, role: usize },
    Plan,
    PlanInPart(usize),
    NewAllocator,
    Decline { offer: usize, refuse_ms: u64 },
    Launch { offer: usize, part: i64, refuse_ms: u64 },
    BeginAccept { offer: usize, part: i64 },
    EndAccept { accept: usize, refuse_ms: u64 },
    Finish(usize),
    Wait(u64),
    Weight { role: usize, weight: Option<i64> },
    Quota { role: usize, guarantee: i64, shape: i64, limit: Option<i64>, ports: bool },
    RemoveQuota { role: usize },
    Placement { role: usize, policy: Option<PlacementPolicy> },
}

/// The same, with placement policies that change.
fn placed_step() -> impl Strategy<Value = Step> {
    let policy = prop::option::of(prop::sample::select(PlacementPolicy::ALL.to_vec()));
    prop_oneof![
        1 => (0..ROLES.len(), policy).prop_map(|(role, policy)| Step::Placement { role, policy }),
        12 => step(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let refuse_ms = || prop_oneof![Just(0), 1..20_000u64];
    prop_oneof![
        4 => (0..AGENTS, prop::bool::weighted(0.2))
            .prop_map(|(agent, new_journal)| Step::RegisterAgent { agent, new_journal }),
        1 => (0..AGENTS).prop_map(Step::LoseAgent),
        1 => (0..AGENTS).prop_map(Step::RemoveAgent),
        3 => (1..ROLE_SETS, 0..ROLE_SETS)
            .prop_map(|(roles, suppressed)| Step::Subscribe { roles, suppressed }),
        1 => (0..9usize, 1..ROLE_SETS)
            .prop_map(|(framework, roles)| Step::Resubscribe { framework, roles }),
        1 => (0..9usize).prop_map(Step::Disconnect),
        1 => (0..9usize).prop_map(Step::TearDown),
        2 => (0..9usize, 0..ROLES.len(), 0..8usize)
            .prop_map(|(framework, role, kind)| Step::Terms { framework, role, kind }),
        2 => (0..9usize, 0..=ROLES.len())
            .prop_map(|(framework, role)| Step::Suppress { framework, role }),
        2 => (0..9usize, 1..90_000u64).prop_map(|(framework, ms)| Step::Keep { framework, ms }),
        3 => (0..9usize, 0..=ROLES.len())
            .prop_map(|(framework, role)| Step::Revive { framework, role }),
        12 => Just(Step::Plan),
        1 => (0..4usize).prop_map(Step::PlanInPart),
        1 => Just(Step::NewAllocator),
        8 => (0..20usize, refuse_ms())
            .prop_map(|(offer, refuse_ms)| Step::Decline { offer, refuse_ms }),
        8 => (0..20usize, 1..=4i64, refuse_ms())
            .prop_map(|(offer, part, refuse_ms)| Step::Launch { offer, part, refuse_ms }),
        2 => (0..20usize, 1..=4i64).prop_map(|(offer, part)| Step::BeginAccept { offer, part }),
        2 => (0..4usize, refuse_ms())
            .prop_map(|(accept, refuse_ms)| Step::EndAccept { accept, refuse_ms }),
        6 => (0..30usize).prop_map(Step::Finish),
        4 => (1..30_000u64).prop_map(Step::Wait),
        1 => (0..ROLES.len() + 1, prop::option::of(1..4_000i64))
            .prop_map(|(role, weight)| Step::Weight { role, weight }),
        2 => quota_step(),
        1 => (0..ROLES.len() + 1).prop_map(|role| Step::RemoveQuota { role }),
    ]
}

/// Of any role, and of one above two of them.
fn quota_step() -> impl Strategy<Value = Step> {
    let limit = prop::option::of(0..8i64);
    (0..ROLES.len() + 1, 0..6i64, 0..3i64, limit, prop::bool::weighted(0.3)).prop_map(
        |(role, guarantee, shape, limit, ports)| Step::Quota {
            role,
            guarantee,
            shape,
            limit,
            ports,
        },
    )
}

fn any_role(number: usize) -> &'static str {
    ROLES.get(number).copied().unwrap_or("b")
}

/// A guarantee of so many CPUs and GiB in pieces of so many (of any kind if none); a limit of CPUs.
/// Or of as many ports beside them, and a limit of ports.
fn take_quota_step(world: &mut World, step: Step) {
    match step {
        Step::Weight { role, weight } => world.weight(any_role(role), weight),
        Step::Quota { role, guarantee, shape, limit, ports } => {
            let promised = guarantee * shape.max(1);
            if promised == 0 && limit.is_none() {
                return;
            }
            let limit = limit.map(|limit| Milli(1_000 * limit.max(promised)));
            let limited = if ports { ResourceName::PORTS } else { ResourceName::CPUS };
            let limit = limit.map(|limit| (limited, limit)).into_iter().collect();
            let pieces = |count: i64| {
                let ports = ports.then_some(Value::Scalar(Milli(1_000 * count)));
                let ports = ports.map(|ports| (ResourceName::PORTS, ports));
                let ports = Resources::from_entries(ports).unwrap();
                Resources::cpus_mem(1_000 * count, 1_024 * count).checked_add(&ports).unwrap()
            };
            let piece = (promised > 0 && shape > 0).then(|| pieces(shape));
            let guarantee = pieces(promised);
            // Refused where it does not go with those above or below.
            world.quota(any_role(role), guarantee, limit, piece);
        }
        Step::RemoveQuota { role } => world.remove_quota(any_role(role)),
        other => unreachable!("{other:?} is of another kind"),
    }
}

/// Some of the roles, by the bits of a number.
fn some_roles(bits: usize) -> Vec<&'static str> {
    (0..ROLES.len()).filter(|index| bits & (1 << index) != 0).map(|index| ROLES[index]).collect()
}

/// Agents of different shapes, one of them too small to be offered.
fn shape(agent: u64) -> Resources {
    match agent {
        0 => resources(9, 31, 2),
        n => resources(i64::try_from(n * 1_500).unwrap(), i64::try_from(n * 700).unwrap(), n % 3),
    }
}

/// `part` quarters of what is offered, with the first port.
fn part_of(offered: &Resources, part: i64) -> Resources {
    let entries = offered.iter().map(|(name, value)| match value {
        Value::Ranges(ranges) => {
            let first = ranges.iter().next().map(|(begin, _)| (begin, begin));
            (name.clone(), Value::Ranges(Ranges::new(first.into_iter().collect()).unwrap()))
        }
        Value::Scalar(milli) => (name.clone(), Value::Scalar(Milli((milli.0 * part / 4).max(1)))),
        other => (name.clone(), other.clone()),
    });
    Resources::from_entries(entries.collect::<Vec<(ResourceName, Value)>>()).unwrap()
}

fn live_offer(world: &World, index: usize) -> Option<Offer> {
    world.book.iter(None).nth(index).cloned()
}

fn framework(world: &World, index: usize) -> Option<FrameworkId> {
    world.frameworks().get(index).copied()
}

fn register(world: &mut World, agent: u64, new_journal: bool) {
    let id = agent_id(agent);
    let row = world.ledger.agent(&id);
    let incarnation = row.map_or(1, |row| row.incarnation);
    let removed = row.is_some_and(|row| row.state == AgentState::Removed);
    // Its journal holds every other task that it should.
    let live = world.ledger.tasks_of_agent(&id).filter(|task| !task.is_terminal());
    let held = live.step_by(2).map(|task| AgentTask {
        key: task.key.clone(),
        state: TaskState::Running,
        sequence: 1,
    });
    let tasks = held.collect();
    match new_journal || removed {
        true => world.register(agent, shape(agent), incarnation + 1, Vec::new()),
        false => world.register(agent, shape(agent), incarnation, tasks),
    }
}

fn take_step(world: &mut World, step: Step) {
    match step {
        Step::RegisterAgent { agent, new_journal } => register(world, agent, new_journal),
        Step::LoseAgent(agent) => {
            let row = world.ledger.agent(&agent_id(agent));
            if row.is_some_and(|row| row.state == AgentState::Registered) {
                world.lose_agent(agent);
            }
        }
        Step::RemoveAgent(agent) => {
            let row = world.ledger.agent(&agent_id(agent));
            if row.is_some_and(|row| row.state == AgentState::Unreachable) {
                world.remove_agent(agent);
            }
        }
        Step::Plan => drop(world.offer()),
        Step::PlanInPart(skipped) => {
            let plan = world.plan();
            world.carry_out(&plan, |index| index != skipped);
        }
        Step::NewAllocator => {
            world.drf = Drf::new();
            world.naive.restart();
        }
        Step::Wait(ms) => {
            world.now = world.now + Duration(ms);
            world.expire_offers();
        }
        Step::Finish(index) => {
            let tasks = world.live_tasks();
            if let Some(key) = tasks.get(index) {
                let agent = &world.ledger.task(key).unwrap().info.agent;
                if world.ledger.agent(agent).unwrap().state == AgentState::Registered {
                    world.finish(key);
                }
            }
        }
        Step::EndAccept { accept, refuse_ms } if accept < world.under_way.len() => {
            world.end_accept(accept, refuse_ms);
        }
        Step::EndAccept { .. } => {}
        Step::Decline { .. } | Step::Launch { .. } | Step::BeginAccept { .. } => {
            take_offer_step(world, step);
        }
        Step::Placement { role, policy } => world.place(ROLES[role], policy),
        Step::Weight { .. } | Step::Quota { .. } | Step::RemoveQuota { .. } => {
            take_quota_step(world, step);
        }
        _ => take_framework_step(world, step),
    }
}

fn take_offer_step(world: &mut World, step: Step) {
    match step {
        Step::Decline { offer, refuse_ms } => {
            if let Some(offer) = live_offer(world, offer) {
                world.decline(&offer, refuse_ms);
            }
        }
        Step::Launch { offer, part, refuse_ms } => {
            if let Some(offer) = live_offer(world, offer) {
                world.launch(&offer, part_of(&offer.resources, part), refuse_ms);
            }
        }
        Step::BeginAccept { offer, part } => {
            if let Some(offer) = live_offer(world, offer) {
                world.begin_accept(&offer, part_of(&offer.resources, part));
            }
        }
        other => unreachable!("{other:?} is of another kind"),
    }
}

fn take_framework_step(world: &mut World, step: Step) {
    match step {
        Step::Subscribe { roles, suppressed } => {
            if world.frameworks().len() < 8 {
                world.framework(&some_roles(roles), &some_roles(suppressed));
            }
        }
        Step::Resubscribe { framework: index, roles } => {
            if let Some(id) = framework(world, index) {
                let request = RequestId::new("again").unwrap();
                world.subscribe(Some(id), request, &some_roles(roles), &[]);
            }
        }
        Step::Disconnect(index) => {
            if let Some(id) = framework(world, index) {
                world.disconnect(id);
            }
        }
        Step::TearDown(index) => {
            if let Some(id) = framework(world, index) {
                world.tear_down(id);
            }
        }
        Step::Terms { framework: index, role: number, kind } => {
            if let Some(id) = framework(world, index) {
                let terms = crate::terms::of_kind(role(ROLES[number]), kind);
                world.terms(id, terms.into_iter().collect());
            }
        }
        Step::Suppress { framework: index, role: number } => {
            if let Some(id) = framework(world, index) {
                let roles: Vec<_> = ROLES.get(number).into_iter().map(|name| role(name)).collect();
                world.suppress(id, &roles);
            }
        }
        Step::Revive { framework: index, role: number } => {
            if let Some(id) = framework(world, index) {
                let roles: Vec<_> = ROLES.get(number).into_iter().map(|name| role(name)).collect();
                world.revive(id, &roles);
            }
        }
        Step::Keep { framework: index, ms } => {
            if let Some(id) = framework(world, index) {
                world.keep(id, ms);
            }
        }
        other => unreachable!("{other:?} is of another kind"),
    }
}

/// Every step, and a plan at the end; the world checks itself after each.
fn go_through(steps: Vec<Step>) {
    let mut world = World::new(&[("a", 2_500), ("a/y", 2_000), ("c", 333)]);
    for step in steps {
        take_step(&mut world, step);
        world.check();
    }
    world.offer();
    world.check();
}

/// So many histories, or as many as `PROPTEST_CASES` asks for, if these are more.
fn at_least(cases: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(cases), ..asked }
}

proptest! {
    #![proptest_config(at_least(300))]

    #[test]
    fn plans_are_what_the_definition_says(steps in prop::collection::vec(step(), 1..120)) {
        go_through(steps);
    }

    #[test]
    fn policies_are_fair_and_leave_nothing(steps in prop::collection::vec(placed_step(), 1..120)) {
        go_through(steps);
    }
}
