//! How many tasks a second, from accept to FINISHED and acknowledged, with one master?
//!
//! The real master with its log on disk, real agents whose tasks are no processes, one framework on
//! the SDK; all in this process, over loopback. The agents keep their journals in memory, since in
//! a cluster each would have a disk of its own; with one of them on the master's disk it is said
//! so.

use anyhow::Context as _;
use benches::{
    arguments::Arguments,
    cluster::{Cluster, Identity},
    load::{self, Outcome, Work},
    machine::sync_micros,
    processor,
    report::{Report, Target},
    rows,
    samples::Samples,
};
use proto::model::{Duration, FrameworkInfo, Resources};
use std::path::Path;

/// A file system in memory.
const MEMORY: &str = "/dev/shm";
/// Tasks at one time over all agents.
const AT_ONCE: usize = 4_000;

/// One way to run it.
struct Setting {
    name: &'static str,
    agents: usize,
    tls: bool,
    journals_in_memory: bool,
    target: Target,
}

const SETTINGS: [Setting; 4] = [
    Setting {
        name: "10 agents, mTLS",
        agents: 10,
        tls: true,
        journals_in_memory: true,
        target: Target::AtLeast(5_000.0),
    },
    Setting {
        name: "10 agents, plain text",
        agents: 10,
        tls: false,
        journals_in_memory: true,
        target: Target::AtLeast(5_000.0),
    },
    Setting {
        name: "100 agents, mTLS",
        agents: 100,
        tls: true,
        journals_in_memory: true,
        target: Target::AtLeast(5_000.0),
    },
    Setting {
        name: "10 agents, mTLS, journals on the master's disk",
        agents: 10,
        tls: true,
        journals_in_memory: false,
        target: Target::None,
    },
];

fn info() -> FrameworkInfo {
    // Gone as soon as it has no connection: the next run begins with an empty cluster.
    FrameworkInfo { failover_timeout: Duration(0), ..rows::framework_info("bench") }
}

fn work(tasks: usize) -> Work {
    Work {
        tasks,
        at_once: AT_ONCE,
        resources: Resources::cpus_mem(100, 32),
        command: vec!["true".to_owned()],
    }
}

/// What was measured in one setting.
#[derive(Default)]
struct Measured {
    rate: Samples,
    master: Samples,
    parts: [Samples; 3],
    everything: Samples,
    to_running: Samples,
    to_finished: Samples,
}

impl Measured {
    fn take(&mut self, cluster: &Cluster, tasks: usize) -> anyhow::Result<()> {
        let (before, all_before) = (processor::of_threads(), processor::of_process());
        let outcome: Outcome =
            cluster.run(move |masters| load::run(masters, info(), work(tasks)))?;
        let (after, all_after) = (processor::of_threads(), processor::of_process());
        anyhow::ensure!(outcome.finished == tasks, "not all finished: {outcome:?}");
        let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / tasks as f64;
        self.rate.push(tasks as f64 / outcome.elapsed.as_secs_f64());
        self.master.push(each(Cluster::master_time(&before, &after)));
        for (samples, (_, time)) in
            self.parts.iter_mut().zip(Cluster::master_parts(&before, &after))
        {
            samples.push(each(time));
        }
        self.everything.push(each(all_after - all_before));
        self.to_running.push(outcome.to_running.median());
        self.to_finished.push(outcome.to_finished.median());
        Ok(())
    }

    fn tell(&self, setting: &Setting, report: &mut Report) {
        let name = |what: &str| format!("{}: {what}", setting.name);
        report.promised(name("tasks"), self.rate.median(), "/s", setting.target);
        report.figure(name("master's processor time"), self.master.median(), "µs/task");
        let parts = ["… calls and streams", "… core", "… log"];
        for (part, samples) in parts.into_iter().zip(&self.parts) {
            report.figure(name(part), samples.median(), "µs/task");
        }
        report.figure(name("everybody's processor time"), self.everything.median(), "µs/task");
        report.figure(name("accept to RUNNING, p50"), self.to_running.median(), "ms");
        report.figure(name("accept to FINISHED, p50"), self.to_finished.median(), "ms");
    }
}

fn measure(setting: &Setting, arguments: &Arguments, folder: &Path) -> anyhow::Result<Measured> {
    let identity = match setting.tls {
        true => Identity::tls(&folder.join("certificates"))?,
        false => Identity::Insecure,
    };
    let mut cluster = Cluster::start(folder.join("master"), identity)?;
    let journals = match setting.journals_in_memory {
        true => tempfile::tempdir_in(MEMORY).context("no file system in memory")?,
        false => tempfile::tempdir_in(folder)?,
    };
    let each = i64::try_from(AT_ONCE / setting.agents)?;
    let resources = Resources::cpus_mem(100 * each, 32 * each);
    cluster.add_emulated_agents(setting.agents, &resources, journals.path())?;
    let tasks = arguments.amount(50_000);
    Measured::default().take(&cluster, tasks / 2)?;
    let mut measured = Measured::default();
    for _ in 0..arguments.amount(50).min(5) {
        measured.take(&cluster, tasks)?;
    }
    cluster.stop()?;
    Ok(measured)
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of_process();
    let title = "Tasks: one master, emulated agents, one framework; accept to acknowledged";
    let mut report = Report::new(title, &arguments);
    let folder = tempfile::tempdir()?;
    for (number, setting) in SETTINGS.iter().enumerate() {
        if arguments.wants(setting.name) {
            let folder = folder.path().join(number.to_string());
            std::fs::create_dir(&folder)?;
            measure(setting, &arguments, &folder)?.tell(setting, &mut report);
        }
    }
    report.figure("one 4 KiB write and sync here", sync_micros(folder.path(), 300)?, "µs");
    report.note("The master's time is that of its threads: runtime, core, log writer.");
    report.note(format!("{AT_ONCE} tasks at one time; each has two updates, both acknowledged."));
    report.print();
    Ok(())
}
