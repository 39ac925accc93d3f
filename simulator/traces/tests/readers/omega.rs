//! Lists of jobs of Google's simulator.

use crate::kit::{complaints, file, lines};
use traces::formats::omega::jobs;

#[test]
fn jobs_have_equal_tasks() {
    let expected = [
        "7 at 500000000: 12 x [1000, 2048000, 0, 0, 0] for 30250000000 of -, batch 0, - in Batch",
        "8 at 1442911000: 1 x [500, 256000, 0, 0, 0] for 20000000000000 of -, service 0, \
         - in Service",
    ];
    assert_eq!(lines(jobs, file("omega_jobs.csv")), expected);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let head = "job_id,workload,submit_s,num_tasks,task_duration_s,cpus_per_task,mem_gb_per_task\n";
    let row = |row: &str| format!("{head}{row}\n");
    let cases = [
        (row("1,batch,0,1,1,1,1"), "it:2, column `workload`: `batch` is not `Batch` or `Service`"),
        (
            row("1,Batch,0,0,1,1,1"),
            "it:2, column `num_tasks`: `0` is not a number of tasks from 1 to 4294967295",
        ),
        (
            row("1,Batch,-1,1,1,1,1"),
            "it:2, column `submit_s`: `-1` is not a number of seconds from 0 to 18 billion",
        ),
        (
            row("1.5,Batch,0,1,1,1,1"),
            "it:2, column `job_id`: `1.5` is not a whole number below 2^64",
        ),
        (
            row("1,Batch,0,1,1,one,1"),
            "it:2, column `cpus_per_task`: `one` is not a number of cores",
        ),
        (
            row("1,Batch,0,1,1,1,nan"),
            "it:2, column `mem_gb_per_task`: `nan` is not a number of GiB",
        ),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    complaints(jobs, &cases);
}
