//! The cluster of Mesos' "decline offers" benchmark, which most of its figures are of: every agent
//! half in use, what is left in pieces.

use crate::allocation::Rig;
use proto::model::{FrameworkId, Milli, Ranges, ResourceName, Resources, Role, Value};

/// CPUs, memory and disk (MiB), and ports.
pub fn resources(cpus: i64, mem: i64, disk: i64, ports: Vec<(u64, u64)>) -> Resources {
    let scalar = |name, units: i64| (name, Value::Scalar(Milli(units * 1_000)));
    Resources::from_entries([
        scalar(ResourceName::CPUS, cpus),
        scalar(ResourceName::MEM, mem),
        scalar(ResourceName::DISK, disk),
        (ResourceName::PORTS, Value::Ranges(Ranges::new(ports).expect("in order"))),
    ])
    .expect("a bag of resources")
}

/// What every agent has.
pub fn agent() -> Resources {
    resources(24, 4_096, 4_096, vec![(31_000, 32_000)])
}

/// What is in use on every agent: sixteen port ranges, so that fifteen are left.
pub fn in_use() -> Resources {
    let single = (0..15).map(|number| 31_000 + 2 * number).map(|port| (port, port));
    resources(16, 2_014, 1_024, single.chain([(31_030, 32_000)]).collect())
}

/// The role with this number.
pub fn role(number: usize) -> Role {
    Role::new(&format!("role-{number:05}")).expect("a role")
}

/// Mesos' "decline offers" cluster, with nothing known to the view yet.
pub fn cluster(agents: usize, frameworks: usize, roles: usize) -> (Rig, Vec<(FrameworkId, Role)>) {
    let role_of = |number: usize| if roles == 1 { Role::any() } else { role(number % roles) };
    let weight = |number: usize| Milli(1_000 * (1 + i64::try_from(number % 4).expect("small")));
    let weights = (0..roles).filter(|_| roles > 1).map(|number| (role(number), weight(number)));
    let mut rig = Rig::new(weights.collect());
    let frameworks: Vec<_> = (0..frameworks)
        .map(|number| (rig.add_framework(&[role_of(number)]), role_of(number)))
        .collect();
    for number in 0..agents {
        rig.add_agent(number, agent());
        let (framework, role) = frameworks[number % frameworks.len()].clone();
        let command = rig.accept(framework, role, number, &[in_use()]);
        rig.apply(&command);
    }
    (rig, frameworks)
}

/// They want offers.
pub fn subscribe(rig: &mut Rig, frameworks: &[(FrameworkId, Role)]) {
    for (framework, role) in frameworks {
        rig.demand.set_subscribed(*framework, std::slice::from_ref(role), &[]);
    }
}

/// The cluster, with everything known and offered.
pub fn offered(agents: usize, frameworks: usize, roles: usize) -> (Rig, Vec<(FrameworkId, Role)>) {
    let (mut rig, frameworks) = cluster(agents, frameworks, roles);
    subscribe(&mut rig, &frameworks);
    rig.note_frameworks();
    rig.note_agents(0..agents);
    assert_eq!(rig.run(), agents, "every agent's leftover is offered");
    (rig, frameworks)
}
