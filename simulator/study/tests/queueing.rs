//! Jobs that wait for schedulers: small cases worked by hand.

use std::{collections::BTreeMap, fs};
use study::{
    campaign,
    plan::{Policies, expand},
};

const TITLES: &str =
    "job_id,workload,submit_s,num_tasks,task_duration_s,cpus_per_task,mem_gb_per_task\n";

/// Numbers of one run over jobs, with `[queueing]` as given beside the rest.
fn run(jobs: &str, queueing: &str, machines: u32) -> BTreeMap<String, f64> {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("jobs.csv"), format!("{TITLES}{jobs}")).unwrap();
    let text = format!(
        "name = \"small\"\ntitle = \"small\"\n[queueing]\nuntil_s = 1000\n\
         machines = {{ count = {machines}, cpus = 4, mem = 8192 }}\n\
         jobs = {{ file = \"jobs.csv\" }}\n\
         batch = {{ job_s = 1, task_s = 0.5 }}\nservice = {{ job_s = 2, task_s = 0 }}\n{queueing}"
    );
    let points = expand(&text).unwrap();
    let runs = campaign::run(&points, data.path(), &Policies::new(), 1, &|_| {}).unwrap();
    runs[0].measures.scalars.clone()
}

#[test]
fn one_scheduler_does_one_thing_after_the_other() {
    // The batch job takes 1 + 2 × 0.5 = 2 s, the service job waits for it and takes 2 s.
    let jobs = "1,Batch,10,2,100,1,1\n2,Service,10,1,50,2,1\n";
    let of = run(jobs, "architecture = \"monolithic\"", 1);
    assert_eq!((of["batch-wait"], of["service-wait"]), (0.0, 2.0));
    assert_eq!((of["batch-busy"], of["service-busy"], of["busy"]), (0.002, 0.002, 0.004));
    // Two cores for 100 s and two for 50 s, of four for 1,000 s.
    assert_eq!(of["cpus-used"], 0.075);
    assert_eq!((of["batch-placed"], of["service-placed"], of["left"]), (1.0, 1.0, 0.0));
    let other = run(jobs, "architecture = \"monolithic\"\nfirst = \"service\"", 1);
    assert_eq!((other["batch-wait"], other["service-wait"]), (2.0, 0.0));
}

#[test]
fn what_does_not_fit_comes_back_and_is_given_up() {
    // Five tasks for four cores: four run at once, the fifth when they end at 3.5 + 20 s.
    let of = run("1,Batch,0,5,20,1,1\n", "architecture = \"monolithic\"", 1);
    assert_eq!((of["batch-placed"], of["batch-abandoned"]), (1.0, 0.0));
    // Attempts that find nothing are not time that was used: 3.5 s, and 1.5 s for the last.
    assert_eq!(of["batch-busy"], 0.005);
    // A task that no machine can hold is given up after a hundred attempts.
    let of = run("1,Batch,0,1,20,5,1\n", "architecture = \"monolithic\"", 1);
    assert_eq!((of["batch-placed"], of["batch-abandoned"], of["batch-busy"]), (0.0, 1.0, 0.0));
}

#[test]
fn those_who_share_a_cell_meet_in_it() {
    // Two jobs at one moment, with a scheduler each, on one machine.
    let run = |tasks, how: &str| {
        let jobs = format!("1,Batch,0,{tasks},500,1,1\n2,Batch,0,{tasks},500,1,1\n");
        run(&jobs, &format!("architecture = \"shared\"\nbatch_schedulers = 2\n{how}"), 1)
    };
    let numbers = |of: &BTreeMap<String, f64>| {
        // Of one of two jobs until its end, or of both.
        (of["batch-placed"], (of["batch-conflicts"] * of["batch-placed"]).round())
    };
    // Two and two tasks have room: the fine check lets both in, the coarse one only the first; the
    // second one tries again a second later.
    assert_eq!(numbers(&run(2, "conflict = \"fine\"")), (2.0, 0.0));
    assert_eq!(numbers(&run(2, "conflict = \"coarse\"")), (2.0, 1.0));
    // Of three and three, one of the second job has room. It is placed, or nothing is.
    let partly = run(3, "commit = \"incremental\"");
    let wholly = run(3, "commit = \"all-or-nothing\"");
    assert_eq!(numbers(&partly), (2.0, 1.0));
    assert!(partly["cpus-used"] > wholly["cpus-used"]);
    assert!(wholly["batch-conflicts"] >= 0.5);
}

#[test]
fn an_exclusive_offer_holds_everything_until_it_is_answered() {
    // It takes 1.001 s until the offer; the answer takes 1.5 s. 400 cores are held meanwhile.
    let of = run("1,Batch,0,1,10,1,1\n", "architecture = \"compat\"", 100);
    assert_eq!(of["batch-wait"], 1.001);
    assert!((of["cpus-locked"] - 1.5 / 1_000.0).abs() < 1e-12, "{}", of["cpus-locked"]);
    assert!((of["cpus-used"] - 10.0 / 400.0 / 1_000.0).abs() < 1e-12);
    // The service job's offer holds the cell for 2 s; batch jobs come meanwhile and wait.
    let jobs = "1,Service,0,1,10,1,1\n2,Batch,1.5,1,10,1,1\n";
    let of = run(jobs, "architecture = \"compat\"", 100);
    // The answer comes at 3.001; a second and a millisecond later there is the next offer.
    assert!((of["batch-wait"] - 2.502).abs() < 1e-9, "{}", of["batch-wait"]);
    // Less than a hundred cores are not offered.
    let of = run("1,Batch,0,1,10,1,1\n", "architecture = \"compat\"", 24);
    assert_eq!((of["batch-placed"], of["left"]), (0.0, 1.0));
}
