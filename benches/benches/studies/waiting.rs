//! What a placement costs by the policies that are kinds of studies: queues of parallel machines,
//! probing, preemption by band.
//!
//! Each is a study whose load is drawn, nine tenths of what the machines can do (of preemption a
//! little more), on three sizes of a cell. Making up the jobs is part of the time.

use benches::{allocation::timed, arguments::Arguments, growth::Growth, report::Report};
use std::path::Path;
use study::{
    campaign,
    plan::{Policies, expand},
};

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// A kind of study by one of its policies.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Backfilling(&'static str),
    Probing(&'static str),
    Bands,
}

const KINDS: [Kind; 7] = [
    Kind::Backfilling("fcfs"),
    Kind::Backfilling("easy"),
    Kind::Backfilling("conservative"),
    Kind::Probing("random"),
    Kind::Probing("batch"),
    Kind::Probing("late-binding"),
    Kind::Bands,
];

/// Jobs that come at random: how many tasks each, for how long in the mean, and how much of them,
/// in tasks that run at once.
struct Stream {
    name: &'static str,
    tasks: usize,
    seconds: u64,
    at_once: usize,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Backfilling(name) | Self::Probing(name) => name,
            Self::Bands => "preemption by band",
        }
    }

    /// Enough to fill the largest and to go on; whoever keeps a plan for all who wait takes long.
    fn tasks(self, machines: usize, arguments: &Arguments) -> usize {
        match self {
            Self::Backfilling(_) => arguments.amount(200_000),
            Self::Probing(_) => arguments.amount(1_000_000),
            // Each room five times over.
            Self::Bands => machines * 40,
        }
    }

    /// The study, of so many machines and tasks.
    fn text(self, machines: usize, tasks: usize) -> String {
        let head =
            "name = \"cost\"\ntitle = \"Cost\"\nsource = \"none\"\nabout = \"What it costs.\"\n";
        let half = machines * 9 / 20;
        match self {
            Self::Backfilling(discipline) => {
                let narrow = Stream { name: "narrow", tasks: 4, seconds: 100, at_once: half };
                let wide =
                    Stream { name: "wide", tasks: machines / 10, seconds: 100, at_once: half };
                let jobs = tasks / 4;
                format!(
                    "{head}[backfilling]\nprocessors = {machines}\ndiscipline = \"{discipline}\"\n\
                     estimates = \"exact\"\n{}{}{}",
                    jobs_table("backfilling", jobs),
                    narrow.text("backfilling"),
                    wide.text("backfilling")
                )
            }
            Self::Probing(scheme) => {
                let all = Stream { name: "jobs", tasks: 10, seconds: 1, at_once: 2 * half };
                format!(
                    "{head}[probing]\nworkers = {machines}\nscheme = \"{scheme}\"\nnetwork_ms = 0.5\n\
                     task_times = \"exponential\"\n{}{}",
                    jobs_table("probing", tasks / 10),
                    all.text("probing")
                )
            }
            // Eight tasks to a machine; the bands want a twentieth more than there is, so that some
            // give way.
            Self::Bands => {
                let room = machines * 8;
                let free =
                    Stream { name: "free", tasks: 10, seconds: 1_000, at_once: room * 3 / 4 };
                let high =
                    Stream { name: "high", tasks: 10, seconds: 1_000, at_once: room * 3 / 10 };
                format!(
                    "{head}[scheduling]\npolicy = \"best-fit\"\npreemption = true\nevery_s = 60\n\
                     bands = [{{ name = \"free\", from = 0 }}, {{ name = \"high\", from = 9 }}]\n\
                     [scheduling.machines]\n\
                     list = [{{ count = {machines}, each = {{ cpus = 8000, mem = 32768000 }} }}]\n\
                     {}transform = [{{ assign = {{ rules = [\n\
                     {{ when = {{ queues = [\"free\"] }}, band = 0 }}, {{ band = 9 }} ] }} }}]\n{}{}",
                    jobs_table("scheduling", tasks / 10),
                    free.text("scheduling"),
                    high.text("scheduling")
                )
            }
        }
    }
}

impl Stream {
    fn text(&self, kind: &str) -> String {
        let Self { name, tasks, seconds, at_once } = self;
        // So many tasks run at once if a job comes after this many nanoseconds.
        let between = *tasks as u64 * seconds * SECOND / (*at_once as u64).max(1);
        let duration = seconds * SECOND;
        format!(
            "[[{kind}.jobs.generate]]\nname = \"{name}\"\nclass = \"batch\"\n\
             between = {{ exponential = {{ mean = {between} }} }}\ntasks = {{ constant = {tasks} }}\n\
             duration = {{ exponential = {{ mean = {duration} }} }}\neach = {{ cpus = 1000 }}\n"
        )
    }
}

fn jobs_table(kind: &str, jobs: usize) -> String {
    format!("[{kind}.jobs]\nend = {{ jobs = {jobs} }}\n")
}

/// Adds a figure for each policy and size, and what the growth is.
pub(crate) fn report(report: &mut Report, arguments: &Arguments) -> anyhow::Result<()> {
    for kind in KINDS {
        let mut costs = Vec::new();
        for machines in [1_000, 10_000, 50_000].map(|full| arguments.amount(full)) {
            let tasks = kind.tasks(machines, arguments);
            let points = expand(&kind.text(machines, tasks))?;
            let (time, runs) =
                timed(|| campaign::run_here(&points, Path::new("."), &Policies::new()));
            let placed = placed(kind, &runs?[0], tasks);
            let speed = placed / time.as_secs_f64();
            let name = kind.name();
            report.figure(format!("{name}, {machines} machines"), speed, "placements/s");
            costs.push((machines as f64, 1e6 / speed));
        }
        report.note(format!("µs by {}: {}", kind.name(), Growth::fit(&costs)));
    }
    Ok(())
}

/// Jobs that started where they start as a whole, tasks elsewhere.
fn placed(kind: Kind, measures: &study::measures::Measures, tasks: usize) -> f64 {
    match kind {
        Kind::Backfilling(_) => (tasks / 4) as f64,
        Kind::Probing(_) => tasks as f64,
        // Whoever gave way starts again, which counts.
        Kind::Bands => measures.get("started", None).unwrap_or_default(),
    }
}
