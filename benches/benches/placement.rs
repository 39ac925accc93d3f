//! How many pieces a second does each placement policy place, and how does that grow with the
//! agents?
//!
//! An allocator with its view and demand, one framework that wants four pieces for each agent, all
//! in one plan; agents of four sizes, some with GPUs. Time is that of this thread on a processor.

use benches::{
    allocation::{Rig, timed},
    arguments::Arguments,
    report::Report,
};
use master_core::ledger::{Command, LogVersion};
use proto::model::{
    Change, DemandId, Milli, PlacementPolicy, ResourceName, Resources, Role, RoleSettingsChange,
    StatedDemand, Value,
};
use std::collections::BTreeMap;

const PIECES_PER_AGENT: usize = 4;

fn resources(cpus: i64, mem_mib: i64, gpus: i64) -> Resources {
    let basic = Resources::cpus_mem(1_000 * cpus, mem_mib);
    let entries = basic.iter().map(|(name, value)| (name.clone(), value.clone()));
    let gpus = (ResourceName::GPUS, Value::Scalar(Milli(1_000 * gpus)));
    Resources::from_entries(entries.chain([gpus])).expect("a few of each")
}

fn rig(agents: usize, policy: PlacementPolicy) -> Rig {
    let mut rig = Rig::new(BTreeMap::new());
    rig.apply_and_note(&Command::RaiseVersion(LogVersion::CURRENT));
    let role = Role::new("placed").expect("a role");
    let placement = Change::Set(policy);
    let change = RoleSettingsChange { placement, ..RoleSettingsChange::default() };
    rig.apply_and_note(&Command::ConfigureRole { role: role.clone(), change });
    for number in 0..agents {
        let size = 1 + i64::try_from(number % 4).expect("few");
        rig.add_agent(number, resources(4 * size, 16_384 * size, 2 * (size / 2)));
    }
    let framework = rig.add_framework(std::slice::from_ref(&role));
    rig.note_agents(0..agents);
    rig.note_frameworks();
    rig.demand.set_subscribed(framework, std::slice::from_ref(&role), &[]);
    let want = |id: &str, shape, count: usize| StatedDemand {
        id: DemandId::new(id).expect("an id"),
        shape,
        count: u32::try_from(count).expect("few"),
        constraints: Vec::new(),
        per_agent_max: None,
        spread: Vec::new(),
        gang_timeout: None,
        priority: proto::model::Priority::DEFAULT,
        revocable: false,
    };
    let (half, pieces) = (agents / 2, agents * PIECES_PER_AGENT);
    let stated = vec![
        want("gpu", resources(1, 2_048, 1), half),
        want("cpu", resources(1, 1_024, 0), pieces - half),
    ];
    rig.demand.state(framework, &role, stated, rig.now).expect("it is subscribed");
    rig
}

fn main() {
    let arguments = Arguments::of_process();
    let title = "Placement: pieces placed per second of processor time, all in one plan";
    let mut report = Report::new(title, &arguments);
    for agents in [1_000, 10_000].map(|full| arguments.amount(full)) {
        for policy in PlacementPolicy::ALL {
            if !arguments.wants(policy.as_str()) {
                continue;
            }
            let mut rig = rig(agents, policy);
            let (time, _) = timed(|| rig.run());
            let placed = rig.offers.iter().flat_map(|offer| &offer.pieces);
            let placed: u64 = placed.map(|(_, count)| u64::from(*count)).sum();
            assert_eq!(placed, (agents * PIECES_PER_AGENT) as u64, "all of them fit");
            let per_second = placed as f64 / time.as_secs_f64();
            report.figure(format!("{agents} agents: {policy}"), per_second, "pieces/s");
        }
    }
    report.note(
        "First fit gives an agent all pieces that it has room for at once, others one by one.",
    );
    report.print();
}
