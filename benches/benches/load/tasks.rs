//! Many tasks at once, from accept to acknowledged.

use crate::{
    arguments::{Arguments, Security, name_of},
    world::{Size, World, parts, task},
};
use benches::{
    load::{self, Work},
    report::{Report, Target},
    rows,
    samples::Samples,
};
use proto::model::{Duration, FrameworkInfo};

/// Runs whose middle is told, after one that is not counted.
const RUNS: usize = 5;

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let size = Size::new(arguments, 1_000, 10_000);
    for tls in arguments.securities(Security::Both) {
        let mut world = World::start(1, tls, &["--tick-ms", "10"])?;
        world.add_agents(&size, size.per_agent())?;
        world.wait_registered(&size)?;
        let (mut rate, mut processor) = (Samples::new(), Samples::new());
        let mut each = [(); 4].map(|()| Samples::new());
        let mut names = [""; 4];
        for run in 0..=RUNS {
            let before = world.masters.threads(0)?;
            let work = Work {
                tasks: size.tasks,
                at_once: size.tasks,
                resources: task(),
                command: vec!["true".to_owned()],
            };
            // Gone as soon as it has no connection: the next run begins with an empty cluster.
            let info =
                FrameworkInfo { failover_timeout: Duration(0), ..rows::framework_info("bench") };
            let running = load::run(world.masters.for_framework("bench")?, info, work);
            let outcome = world.runtime.block_on(running)?;
            let after = world.masters.threads(0)?;
            anyhow::ensure!(outcome.finished == size.tasks, "not all finished: {outcome:?}");
            if run == 0 {
                continue;
            }
            let micros = |time: std::time::Duration| time.as_secs_f64() * 1e6 / size.tasks as f64;
            rate.push(size.tasks as f64 / outcome.elapsed.as_secs_f64());
            let parts = parts(&before, &after);
            processor.push(micros(parts.iter().map(|(_, time)| *time).sum()) / 1e3);
            for (index, (name, time)) in parts.into_iter().enumerate() {
                names[index] = name;
                each[index].push(micros(time));
            }
        }
        let name = |what: &str| {
            format!("{} tasks on {} agents, {}: {what}", size.tasks, size.agents, name_of(tls))
        };
        report.promised(name("rate"), rate.median(), "/s", Target::AtLeast(10_000.0));
        let target = Target::AtMost(0.1);
        report.promised(name("master's processor"), processor.median(), "ms/task", target);
        for (part, samples) in names.into_iter().zip(&each) {
            report.figure(name(&format!("… {part}")), samples.median(), "µs/task");
        }
    }
    Ok(())
}
