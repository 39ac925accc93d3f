//! What a study holds does not grow with the length of its trace. Alone in its program: the largest
//! memory that it ever had is what is looked at.

use std::fs;
use study::{
    campaign,
    plan::{Policies, expand},
};

/// A job of one short task each second, for so long; about ten run at a time.
fn run(seconds: u64) -> f64 {
    let text = format!(
        "name = \"long\"\ntitle = \"long\"\n[queueing]\narchitecture = \"monolithic\"\n\
         until_s = {seconds}\nmachines = {{ count = 4, cpus = 4, mem = 8192 }}\n\
         batch = {{ job_s = 0.1, task_s = 0 }}\nservice = {{ job_s = 0.1, task_s = 0 }}\n\
         [queueing.jobs]\nend = {{ before_ns = {seconds}000000000 }}\n\
         [[queueing.jobs.generate]]\nname = \"jobs\"\nclass = \"batch\"\n\
         between = {{ exponential = {{ mean = 1000000000 }} }}\ntasks = {{ constant = 1 }}\n\
         duration = {{ exponential = {{ mean = 10000000000 }} }}\n\
         each = {{ cpus = 1000, mem = 1000 }}\n"
    );
    let points = expand(&text).unwrap();
    let runs = campaign::run_here(&points, ".".as_ref(), &Policies::new()).unwrap();
    runs[0].scalars["batch-placed"]
}

/// The largest resident set of this process so far.
fn most_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_longer_trace_takes_no_more_memory() {
    let placed = run(20_000);
    let before = most_kib();
    let more = run(320_000) - placed;
    let grown = most_kib() - before;
    assert!(more > 290_000.0, "{more}");
    // A list of them would take 16 MiB, and their waits 4.6.
    assert!(grown < 2_048, "{grown} KiB more for {more} jobs more");
}
