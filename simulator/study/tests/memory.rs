//! What a study holds does not grow with the length of its trace. Alone in its program: the largest
//! memory that it ever had is what is looked at.

use std::fs;
use study::{
    campaign,
    plan::{Policies, expand},
};

/// A kind of study, its keys, and which of its numbers counts jobs.
struct Kind {
    table: &'static str,
    keys: &'static str,
    counts: &'static str,
}

const KINDS: [Kind; 5] = [
    Kind {
        table: "queueing",
        keys: "architecture = \"monolithic\"\nuntil_s = 1000000\n\
               machines = { count = 4, cpus = 4, mem = 8192 }\n\
               batch = { job_s = 0.1, task_s = 0 }\nservice = { job_s = 0.1, task_s = 0 }",
        counts: "batch-placed",
    },
    Kind { table: "backfilling", keys: "processors = 16\ndiscipline = \"easy\"", counts: "jobs" },
    Kind {
        table: "probing",
        keys: "workers = 16\nscheme = \"late-binding\"\nnetwork_ms = 1",
        counts: "jobs",
    },
    Kind {
        table: "probing",
        keys: "workers = 16\nscheme = \"late-binding\"\nnetwork_ms = 1\ncancel = false",
        counts: "jobs",
    },
    Kind {
        table: "scheduling",
        keys: "policy = \"first-fit\"\n\
               machines = { list = [{ count = 4, each = { cpus = 4000, mem = 8192 } }] }",
        counts: "started",
    },
];

impl Kind {
    /// A job of one short task each second, for so long; about ten run at a time.
    fn run(&self, seconds: u64) -> f64 {
        let Self { table, keys, counts } = self;
        let text = format!(
            "name = \"long\"\ntitle = \"long\"\n[{table}]\n{keys}\n\
             [{table}.jobs]\nend = {{ before_ns = {seconds}000000000 }}\n\
             [[{table}.jobs.generate]]\nname = \"jobs\"\nclass = \"batch\"\n\
             between = {{ exponential = {{ mean = 1000000000 }} }}\ntasks = {{ constant = 1 }}\n\
             duration = {{ exponential = {{ mean = 10000000000 }} }}\n\
             each = {{ cpus = 1000, mem = 1000 }}\n"
        );
        let points = expand(&text).unwrap();
        let runs = campaign::run_here(&points, ".".as_ref(), &Policies::new()).unwrap();
        runs[0].scalars[*counts]
    }
}

/// The largest resident set of this process so far.
fn most_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_longer_trace_takes_no_more_memory() {
    for kind in KINDS {
        let placed = kind.run(10_000);
        let before = most_kib();
        let more = kind.run(160_000) - placed;
        let grown = most_kib() - before;
        let (table, keys) = (kind.table, kind.keys);
        assert!(more > 145_000.0, "{table}: {more}");
        // Lists of them would take from 5 to 30 MiB, and what became of each as much again.
        assert!(grown < 2_048, "{table}, {keys}: {grown} KiB more for {more} jobs more");
    }
}
