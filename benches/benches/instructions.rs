//! How many instructions does the allocator take for one event?
//!
//! Time depends on what else a machine does; instructions hardly do, so that two versions can be
//! compared on any. This program runs itself under `valgrind --tool=callgrind`, once per size and
//! kind of event: there it does a hundred events of each kind up to that one, and callgrind counts
//! those of the last, in [`under_callgrind`]. Without valgrind it says so.

use anyhow::Context as _;
use benches::{allocation::Rig, arguments::Arguments, mesos_cluster::offered, report::Report};
use proto::model::{FrameworkId, Instant, Resources, Role, TaskKey};
use std::{
    env,
    hint::black_box,
    process::{Command, Stdio},
};

/// Names size and kind, in the program under valgrind.
const COUNTED: &str = "BOURSE_COUNTED";

/// Events of each kind.
const EVENTS: usize = 100;

/// What the events happen to.
struct Cluster {
    rig: Rig,
    tasks: Vec<TaskKey>,
    bidders: Vec<(FrameworkId, Role)>,
}

/// What an event is called, and what happens.
type Kind = (&'static str, fn(&mut Cluster, usize));

/// In the order in which they are done.
const KINDS: [Kind; 4] = [
    ("a task ends, what it took is offered", finish),
    ("a decline, and what others get then", decline),
    ("an accept of one task, and what is left is offered", accept),
    ("a revival, and what it gets then", revive),
];

fn main() -> anyhow::Result<()> {
    if let Some((agents, kind)) = env::var(COUNTED).iter().find_map(|text| text.split_once(' ')) {
        events(agents.parse()?, kind.parse()?);
        return Ok(());
    }
    let arguments = Arguments::of_process();
    let mut report = Report::new("The allocator, instructions per event", &arguments);
    let callgrind = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    if !callgrind.is_ok_and(|status| status.success()) {
        report.note("Not counted: there is no valgrind on this machine.");
        report.print();
        return Ok(());
    }
    for agents in [100, 1_000, 10_000].map(|agents| arguments.amount(agents)) {
        for (index, (kind, _)) in KINDS.iter().enumerate() {
            let name = format!("{kind}, {agents} agents × {} frameworks", frameworks(agents));
            report.figure(name, count(agents, index)? as f64 / EVENTS as f64, "instructions");
        }
    }
    report.note("Ledger, view, demand and plan; no messages, no log.");
    report.print();
    Ok(())
}

fn frameworks(agents: usize) -> usize {
    agents.div_ceil(10).max(EVENTS)
}

/// Runs this program under callgrind; instructions in [`under_callgrind`].
fn count(agents: usize, kind: usize) -> anyhow::Result<u64> {
    let out = tempfile::NamedTempFile::new()?;
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--toggle-collect=*under_callgrind*"])
        .arg(format!("--callgrind-out-file={}", out.path().display()))
        .arg(env::current_exe()?)
        .env(COUNTED, format!("{agents} {kind}"))
        .stderr(Stdio::null())
        .status()?;
    anyhow::ensure!(status.success(), "valgrind ended with {status}");
    let text = std::fs::read_to_string(out.path())?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.context("callgrind has written no total")?.parse()?)
}

/// A hundred events of each kind up to the one that is counted.
fn events(agents: usize, last: usize) {
    let (mut rig, bidders) = offered(agents, frameworks(agents), 1);
    rig.run();
    let tasks = rig.ledger.tasks().iter().map(|(key, _)| key.clone()).take(EVENTS).collect();
    let mut cluster = Cluster { rig, tasks, bidders };
    for (_, event) in &KINDS[..last] {
        (0..EVENTS).for_each(|number| event(&mut cluster, number));
    }
    under_callgrind(&mut cluster, KINDS[last].1);
}

#[inline(never)]
fn under_callgrind(cluster: &mut Cluster, event: fn(&mut Cluster, usize)) {
    (0..EVENTS).for_each(|number| event(black_box(cluster), number));
}

fn finish(cluster: &mut Cluster, number: usize) {
    cluster.rig.finish(&cluster.tasks[number]);
    cluster.rig.run();
}

fn decline(Cluster { rig, .. }: &mut Cluster, number: usize) {
    let offer = rig.offers.swap_remove(number);
    rig.view.release(&offer.agent, &offer.role, offer.framework, &offer.resources);
    rig.refuse(&offer, Instant(u64::MAX));
    rig.run();
}

fn accept(Cluster { rig, .. }: &mut Cluster, number: usize) {
    let offer = rig.offers.swap_remove(number);
    rig.view.release(&offer.agent, &offer.role, offer.framework, &offer.resources);
    let agent = offer.agent.as_str().trim_start_matches("agent-").parse().expect("ours");
    let task = [Resources::cpus_mem(1_000, 64)];
    let command = rig.accept(offer.framework, offer.role.clone(), agent, &task);
    rig.apply_and_note(&command);
    rig.run();
}

fn revive(Cluster { rig, bidders, .. }: &mut Cluster, number: usize) {
    let (framework, role) = &bidders[number];
    rig.demand.revive(*framework, std::slice::from_ref(role)).expect("subscribed");
    rig.run();
}
