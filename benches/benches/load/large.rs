//! More of everything than was promised: how far does one master go, and what bounds it?

use crate::{
    arguments::{Arguments, Security, name_of},
    world::{Size, World, parts, task},
};
use benches::{
    probe::{Pace, Probing, probe},
    report::Report,
    rows,
};
use std::time::Duration;

/// File descriptors that a process needs for other things than agents' connections.
const OTHER_DESCRIPTORS: usize = 1_000;

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let mut size = Size::new(arguments, 50_000, 100_000);
    let most = descriptors()?.saturating_sub(OTHER_DESCRIPTORS).max(1);
    let needed = size.agents.div_ceil(most);
    size.agents_per_line = arguments.agents_per_connection.unwrap_or(needed);
    for tls in arguments.securities(Security::Plain) {
        // A certificate names one agent: with them each needs its own connection.
        let mut size = size;
        if tls {
            size.agents_per_line = 1;
            size.agents = size.agents.min(most);
        }
        let lines = size.agents.div_ceil(size.agents_per_line);
        let name = |what: &str| {
            format!("{} agents on {lines} connections, {}: {what}", size.agents, name_of(tls))
        };
        let mut world = World::start(1, tls, &["--tick-ms", "10", "--offer-timeout-ms", "0"])?;
        let empty = world.masters.resident_bytes(0)?;
        let before = world.masters.threads(0)?;
        let filled = world.fill(&size)?;
        let after = world.masters.threads(0)?;
        let fleet = world.fleet.as_ref().expect("filled");
        let whole = fleet.begun().elapsed();
        report.figure(name("registered"), (whole - filled).as_secs_f64(), "s");
        report.figure(name("… and all tasks running"), filled.as_secs_f64(), "s");
        for (part, time) in parts(&before, &after) {
            report.figure(name(&format!("… processor, {part}")), time.as_secs_f64(), "s");
        }
        let used = world.masters.resident_bytes(0)? - empty;
        report.figure(name("memory"), used / 1_048_576.0, "MiB");
        let (before, seconds) = (world.masters.threads(0)?, 10);
        std::thread::sleep(Duration::from_secs(seconds));
        let after = world.masters.threads(0)?;
        for (part, time) in parts(&before, &after) {
            let share = time.as_secs_f64() / seconds as f64 * 100.0;
            report.figure(name(&format!("at rest: processor, {part}")), share, "%");
        }
        let tasks = if arguments.quick { 100 } else { 1_000 };
        let probing = Probing {
            tasks,
            warm_up: tasks / 10,
            resources: task(),
            pace: Pace::OneByOne,
            begun: fleet.begun(),
            prefix: "large",
        };
        let masters = world.masters.for_framework("probe")?;
        let probing = probe(masters, rows::framework_info("probe"), probing);
        let waits = world.runtime.block_on(probing)?;
        report.figure(name("accept to RUNNING, p50"), waits.running.median(), "ms");
        report.figure(name("… p99"), waits.running.quantile(0.99), "ms");
        let again = waits.offered_again.median();
        report.figure(name("FINISHED to the next offer of it, p50"), again, "ms");
        world.linger(arguments);
    }
    Ok(())
}

/// Files that this process, and a child of it, may have open.
fn descriptors() -> anyhow::Result<usize> {
    let (soft, _) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE)?;
    Ok(usize::try_from(soft)?)
}
