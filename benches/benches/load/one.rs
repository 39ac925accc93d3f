//! One task at a time: nothing waits for anything but the way through the masters.

use crate::{
    arguments::{Arguments, Security, name_of},
    world::{Size, World, task},
};
use benches::{
    probe::{Pace, Probing, probe},
    report::{Report, Target},
    rows,
};

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let size = Size::new(arguments, 10_000, 1_000);
    for tls in arguments.securities(Security::Both) {
        let mut world = World::start(1, tls, &["--tick-ms", "10", "--offer-timeout-ms", "0"])?;
        world.add_agents(&size, 4)?;
        world.wait_registered(&size)?;
        let fleet = world.fleet.as_ref().expect("just added");
        let probing = Probing {
            tasks: size.tasks + size.tasks / 10,
            warm_up: size.tasks / 10,
            resources: task(),
            pace: Pace::OneByOne,
            begun: fleet.begun(),
            prefix: "one",
        };
        let masters = world.masters.for_framework("probe")?;
        let waits =
            world.runtime.block_on(probe(masters, rows::framework_info("probe"), probing))?;
        let name =
            |what: &str| format!("one at a time, {} agents, {}: {what}", size.agents, name_of(tls));
        let target = Target::AtMost(3.0);
        report.promised(name("accept to RUNNING, p50"), waits.running.median(), "ms", target);
        report.figure(name("… p99"), waits.running.quantile(0.99), "ms");
        report.figure(name("accept answered, p50"), waits.accept.median(), "ms");
        let again = &waits.offered_again;
        report.figure(name("FINISHED to the next offer of it, p50"), again.median(), "ms");
        report.figure(name("… p99 "), again.quantile(0.99), "ms");
    }
    Ok(())
}
