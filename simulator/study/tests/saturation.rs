//! Queues that still grow when a run ends, and what is not measured at its start.

use std::{collections::BTreeMap, path::Path};
use study::{
    campaign,
    outcome::Outcome,
    plan::{Policies, Study, expand},
};

/// One scheduler that takes a second for each job; `between` is in nanoseconds.
fn queueing(between: u64, more: &str) -> String {
    format!(
        "name = \"small\"\ntitle = \"small\"\n{more}\n\
         [queueing]\nuntil_s = 20000\nmachines = {{ count = 10, cpus = 4, mem = 8192 }}\n\
         batch = {{ job_s = 1, task_s = 0 }}\nservice = {{ job_s = 1, task_s = 0 }}\n\
         architecture = \"monolithic\"\n[queueing.jobs]\nend = {{ jobs = 40000 }}\n\
         [[queueing.jobs.generate]]\nname = \"jobs\"\nclass = \"batch\"\n\
         between = {{ exponential = {{ mean = {between} }} }}\ntasks = {{ constant = 1 }}\n\
         duration = {{ constant = 1000000 }}\neach = {{ cpus = 1000, mem = 1000 }}\n"
    )
}

fn outcome(text: &str) -> Outcome {
    let points = expand(text).unwrap();
    let nowhere = Path::new(".");
    let runs = campaign::run(&points, nowhere, &Policies::new(), 2, &|_| {}).unwrap();
    Outcome::of(&Study::parse(text).unwrap(), &runs)
}

#[test]
fn a_queue_that_still_grows_has_no_mean_wait() {
    let repeat = "[repeat]\nseed = 5\n";
    let group = &outcome(&(queueing(500_000_000, "") + repeat)).groups[0];
    // Two jobs come and one leaves each second.
    let left = group.saturated["batch"];
    assert_eq!(left.count, 5);
    assert!((left.mean - 20_000.0).abs() < 500.0, "{left:?}");
    assert_eq!(group.saturated.len(), 1, "nobody waits in the other queue");
    assert!(group.is_saturated("batch-wait") && group.is_saturated("batch-wait-p90"));
    assert!(!group.scalars.contains_key("batch-wait"));
    assert!(group.scalars.contains_key("batch-busy"));
    let said = group.saturation().unwrap();
    assert_eq!(said, format!("batch: saturated, {} left", left.mean.round()));

    // Nearly all of the time is taken, and the queue is long, but it does not grow.
    let group = &outcome(&(queueing(1_100_000_000, "") + repeat)).groups[0];
    assert_eq!((group.saturation(), group.scalars["batch-wait"].count), (None, 5));
}

#[test]
fn runs_that_saturate_are_told_from_others() {
    let text = queueing(500_000_000, "") + "[repeat]\n\"queueing.batch.job_s\" = 2\n";
    // In one of the two runs decisions take no time.
    let group = &outcome(&text).groups[0];
    assert_eq!(group.scalars["batch-wait"].count, 1);
    assert!(group.saturation().unwrap().contains("saturated in 1 of 2 runs"));
    assert!(!group.is_saturated("batch-wait"));
}

#[test]
fn jobs_that_were_all_served_have_waits_that_say_little() {
    let text = "name = \"small\"\ntitle = \"small\"\n\
        [backfilling]\nprocessors = 2\ndiscipline = \"fcfs\"\n\
        [backfilling.jobs]\nend = { jobs = 3000 }\n\
        [[backfilling.jobs.generate]]\nname = \"jobs\"\nclass = \"batch\"\n\
        between = { exponential = { mean = 1000000000 } }\ntasks = { constant = 1 }\n\
        duration = { constant = 3000000000 }\neach = { cpus = 1000 }\n\
        [[expect]]\nmeasure = \"wait\"\nleast = 100\n";
    let outcome = outcome(text);
    let group = &outcome.groups[0];
    assert!(group.is_saturated("wait") && group.is_saturated("slowdown"));
    assert!(!group.scalars.contains_key("wait") && group.scalars.contains_key("used"));
    // Three come while two leave: about 1,000 stand in line when the last one comes.
    assert!((group.saturated[""].mean - 1_000.0).abs() < 150.0, "{:?}", group.saturated);
    assert!(outcome.passed(), "it can be asked for all the same: {:?}", outcome.verdicts);
}

#[test]
fn what_warms_up_is_not_measured() {
    let jobs = "job_id,workload,submit_s,num_tasks,task_duration_s,cpus_per_task,mem_gb_per_task\n\
                1,Batch,0,4,100,1,1\n2,Batch,0,1,1000,1,1\n3,Batch,60,1,20,1,1\n";
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("jobs.csv"), jobs).unwrap();
    let run = |warm_up: &str| -> Result<BTreeMap<String, f64>, String> {
        let text = format!(
            "name = \"small\"\ntitle = \"small\"\nwarm_up_s = {warm_up}\n\
             [queueing]\nuntil_s = 200\n\
             machines = {{ count = 2, cpus = 4, mem = 8192 }}\njobs = {{ file = \"jobs.csv\" }}\n\
             batch = {{ job_s = 10, task_s = 0 }}\nservice = {{ job_s = 1, task_s = 0 }}\n\
             architecture = \"monolithic\"\n"
        );
        let points = expand(&text).unwrap();
        let runs = campaign::run(&points, directory.path(), &Policies::new(), 1, &|_| {});
        Ok(runs.map_err(|problem| problem.to_string())?[0].measures.scalars.clone())
    };
    let whole = run("0").unwrap();
    // Waits of 0, 10 and 0 s; four cores from 10 to 110, one from 20 on, one from 70 to 90.
    assert!((whole["batch-wait"] - 10.0 / 3.0).abs() < 1e-9);
    assert!((whole["cpus-used"] - 600.0 / 1_600.0).abs() < 1e-9);
    let cut = run("50").unwrap();
    assert_eq!((cut["batch-wait"], cut["batch-placed"]), (0.0, 1.0));
    assert!((cut["cpus-used"] - 410.0 / 1_200.0).abs() < 1e-9, "{}", cut["cpus-used"]);
    assert!((cut["batch-busy"] - 10.0 / 150.0).abs() < 1e-9);
    for bad in ["-1", "inf", "nan", "1e12"] {
        assert!(run(bad).unwrap_err().contains("warm_up_s"), "{bad}");
    }
}

#[test]
fn a_cut_changes_nothing_of_what_happens() {
    let text = queueing(1_250_000_000, "warm_up_s = 5000");
    let cut = outcome(&text);
    assert_eq!(cut.warm_up_s, 5_000.0);
    let whole = outcome(&text.replace("warm_up_s = 5000", ""));
    assert_eq!(cut.digest, whole.digest);
    let placed = |outcome: &Outcome| outcome.groups[0].scalars["batch-placed"].mean;
    assert!(placed(&cut) < placed(&whole) * 0.8);
    // The closed form is of the steady state: rho / (2 (1 - rho)) at 0.8.
    let wait = cut.groups[0].scalars["batch-wait"].mean;
    assert!((wait - 2.0).abs() < 0.4, "{wait}");
}
