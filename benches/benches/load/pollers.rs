//! What operators who read the whole state, again and again, cost those who launch tasks.
//!
//! The cluster is full; one more framework launches small tasks at a steady pace and measures its
//! waits, without and with pollers, several times in turn. The pollers are a process of their own
//! with the lowest priority, since operators sit at other machines.

use crate::{
    arguments::{Arguments, Security, name_of},
    world::{Size, World, load_operator, parts, task},
};
use anyhow::Context as _;
use benches::{
    pollers::{Pollers, Read},
    probe::{Pace, Probing, Waits, probe},
    report::{Report, Target},
    rows,
    samples::Samples,
};
use proto::model::Duration;
use std::{
    io::{Read as _, Write as _},
    process::{Child, Command, Stdio},
    time,
};

/// Between two tasks.
const PACE: Duration = Duration(5);
/// Rounds without and with pollers.
const ROUNDS: [&str; 3] = ["a", "b", "c"];

/// A process that polls.
struct PollerProcess(Child);

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let size = Size::new(arguments, 10_000, 100_000);
    for tls in arguments.securities(Security::Plain) {
        let mut world = World::start(1, tls, &["--tick-ms", "10", "--offer-timeout-ms", "0"])?;
        let filled = world.fill(&size)?;
        let name = |what: &str| format!("full cluster, {}: {what}", name_of(tls));
        report.figure(name("all tasks running after"), filled.as_secs_f64(), "s");
        report.figure(name("memory"), world.masters.resident_bytes(0)? / 1_048_576.0, "MiB");
        world.linger(arguments);
        let (mut quiet, mut polled) = (Waits::default(), Waits::default());
        let mut read = (Read::default(), time::Duration::ZERO);
        for (round, letter) in ROUNDS.into_iter().enumerate() {
            add(&mut quiet, &probe_once(arguments, &world, 2 * round, letter)?);
            let pollers = PollerProcess::start(arguments, &world)?;
            let before = world.masters.threads(0)?;
            let begun = time::Instant::now();
            add(&mut polled, &probe_once(arguments, &world, 2 * round + 1, letter)?);
            let took = begun.elapsed();
            let after = world.masters.threads(0)?;
            let found = pollers.stop()?;
            read.0 = sum(read.0, found);
            read.1 += took;
            if round == 0 {
                for (part, time) in parts(&before, &after) {
                    let share = time.as_secs_f64() / took.as_secs_f64() * 100.0;
                    report.figure(name(&format!("polled: processor, {part}")), share, "%");
                }
            }
        }
        let seconds = read.1.as_secs_f64();
        let pollers = format!("{} pollers read", arguments.pollers);
        report.figure(name(&pollers), read.0.pages as f64 / seconds, "pages/s");
        report.figure(name(&format!("{pollers} ")), read.0.rows as f64 / seconds, "rows/s");
        report.figure(name("calls of pollers that failed"), read.0.failures as f64, "");
        compare(report, &name("accept"), &quiet.accept, &polled.accept);
        compare(report, &name("status delivery"), &quiet.delivery, &polled.delivery);
        compare(report, &name("accept to RUNNING"), &quiet.running, &polled.running);
    }
    Ok(())
}

fn compare(report: &mut Report, name: &str, quiet: &Samples, polled: &Samples) {
    for (label, share) in [("p50", 0.5), ("p99", 0.99)] {
        let (alone, beside) = (quiet.quantile(share), polled.quantile(share));
        report.figure(format!("{name}, {label}, no pollers"), alone, "ms");
        report.figure(format!("{name}, {label}, pollers"), beside, "ms");
        let ratio = beside / alone;
        report.promised(format!("{name}, {label}, ratio"), ratio, "", Target::AtMost(1.3));
    }
}

fn probe_once(
    arguments: &Arguments,
    world: &World,
    number: usize,
    prefix: &'static str,
) -> anyhow::Result<Waits> {
    let tasks = if arguments.quick { 200 } else { 3_000 };
    let probing = Probing {
        tasks,
        warm_up: tasks / 10,
        resources: task(),
        pace: Pace::Every(PACE),
        begun: world.fleet.as_ref().context("a full cluster has agents")?.begun(),
        prefix,
    };
    let name = format!("probe-{number}");
    let info = rows::framework_info(&name);
    world.runtime.block_on(probe(world.masters.for_framework(&name)?, info, probing))
}

fn add(sum: &mut Waits, more: &Waits) {
    sum.accept.extend(&more.accept);
    sum.delivery.extend(&more.delivery);
    sum.running.extend(&more.running);
}

fn sum(a: Read, b: Read) -> Read {
    Read {
        states: a.states + b.states,
        pages: a.pages + b.pages,
        rows: a.rows + b.rows,
        failures: a.failures + b.failures,
    }
}

impl PollerProcess {
    fn start(arguments: &Arguments, world: &World) -> anyhow::Result<Self> {
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(std::env::current_exe()?);
        command.args(["--poll", &world.masters.addresses()[0].to_string()]);
        command.args(["--pollers", &arguments.pollers.to_string()]);
        command.args(["--poll-pause-ms", &arguments.poll_pause_ms.to_string()]);
        if let Some(folder) = world.operator_folder() {
            command.arg("--poll-identity").arg(folder);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Ok(Self(command.spawn()?))
    }

    fn stop(mut self) -> anyhow::Result<Read> {
        drop(self.0.stdin.take());
        let mut text = String::new();
        self.0.stdout.take().context("a pipe")?.read_to_string(&mut text)?;
        let counts: Vec<u64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let [states, pages, rows, failures] = counts[..] else {
            anyhow::bail!("the pollers said {text:?}");
        };
        Ok(Read { states, pages, rows, failures })
    }
}

impl Drop for PollerProcess {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Polls until standard input ends, then says what was read.
pub(crate) fn be_pollers(master: &str, arguments: &Arguments) -> anyhow::Result<()> {
    let tls = arguments.poll_identity.as_deref().map(load_operator).transpose()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build()?;
    let _entered = runtime.enter();
    let pause = time::Duration::from_millis(arguments.poll_pause_ms);
    let pollers = Pollers::start(arguments.pollers, master.parse()?, tls.as_ref(), pause);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let Read { states, pages, rows, failures } = pollers.read();
    writeln!(std::io::stdout(), "{states} {pages} {rows} {failures}")?;
    runtime.block_on(pollers.stop());
    Ok(())
}
