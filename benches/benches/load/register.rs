//! All agents register at once: time, and what each costs the master.

use crate::{
    arguments::{Arguments, Security, name_of},
    world::{Size, World, parts},
};
use benches::report::{Report, Target};
use std::time::Duration;

/// Memory that is given back soon after everybody is there is not theirs.
const SETTLE: Duration = Duration::from_secs(2);

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let size = Size::new(arguments, 10_000, 0);
    for tls in arguments.securities(Security::Both) {
        let mut world = World::start(1, tls, &["--tick-ms", "10"])?;
        let empty = world.masters.resident_bytes(0)?;
        let before = world.masters.threads(0)?;
        world.add_agents(&size, 10)?;
        let took = world.wait_registered(&size)?;
        let after = world.masters.threads(0)?;
        std::thread::sleep(SETTLE);
        let each = (world.masters.resident_bytes(0)? - empty) / size.agents as f64 / 1_024.0;
        let name = |what: &str| format!("{} agents, {}: {what}", size.agents, name_of(tls));
        let within = if tls { Target::None } else { Target::AtMost(3.0) };
        report.promised(name("registered"), took.as_secs_f64(), "s", within);
        report.promised(name("memory"), each, "KiB/agent", Target::AtMost(36.0));
        for (part, time) in parts(&before, &after) {
            let micros = time.as_secs_f64() * 1e6 / size.agents as f64;
            report.figure(name(&format!("processor, {part}")), micros, "µs/agent");
        }
        world.linger(arguments);
    }
    Ok(())
}
