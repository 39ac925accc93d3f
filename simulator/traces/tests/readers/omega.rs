//! Inputs of Google's simulator: jobs, what runs at the start, distributions.

use crate::kit::{all, complaints, file, lines, notes};
use traces::{
    formats::omega::{Measure, distribution, jobs, prefill, prefill_of_tasks},
    model::Class,
};

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

#[test]
fn what_runs_at_the_start_has_its_end_from_another_row() {
    let expected = [
        "7 at 0: 3 x [1333, 3253207, 0, 0, 0] for - of -, service 1, - in 3",
        "8 at 0: 2 x [500, 1000, 0, 0, 0] for 45500000000 of -, batch 0, - in 1",
    ];
    assert_eq!(lines(prefill, file("prefill.log")), expected);
    let (_, reader) = all(prefill, file("prefill.log"));
    assert_eq!(notes(&reader), ["1 skipped: it ends and did not run at the start"]);
    let expected = ["7 at 0: 1 x [500, 1000, 0, 0, 0] for 4046276000 of -, batch 1, - in 1"];
    assert_eq!(lines(prefill, file("prefill_google.log")), expected);
}

#[test]
fn amounts_of_a_prefill_may_be_each_tasks() {
    let of_tasks = lines(prefill_of_tasks, file("prefill.log"));
    assert_eq!(of_tasks[0], "7 at 0: 3 x [4000, 9759621, 0, 0, 0] for - of -, service 1, - in 3");
}

#[test]
fn distributions_are_times_or_tasks() {
    let times = |source, names| distribution(source, names, Measure::Time);
    let (draws, reader) = all(times, file("distribution.txt"));
    assert_eq!((draws[0].class, draws[0].value), (Class::Batch, 500_000_000));
    assert_eq!((draws[1].class, draws[1].value), (Class::Service, 12_250_000_000));
    assert_eq!(reader.names().get(draws[0].cluster.unwrap()), "C");
    let tasks = |source, names| distribution(source, names, Measure::Tasks);
    assert_eq!(all(tasks, file("distribution.txt")).0[1].value, 12);
    let message = "it:1, column `workload (3)`: `2` is not 0 (batch) or 1 (service)";
    complaints(times, &[("a b 2 1\n", message)]);
}

#[test]
fn a_prefill_that_is_wrong_is_said_with_its_place() {
    let cases = [
        (
            "13 0 1 1 1 1 1 1\n",
            "it:1, column `type (1)`: `13` is not 11 (runs at the start) or 12 (ends)",
        ),
        (
            "11 0 1 1 1 0 1 1\n",
            "it:1, column `tasks (6)`: `0` is not a number of tasks from 1 to 4294967295",
        ),
        ("11 0 1 2 1 1 1 1\n", "it:1, column `production (4)`: `2` is not 0 or 1"),
        (
            "12 x 1 1 1 1\n",
            "it:1, column `time (2)`: `x` is not a number of seconds or microseconds",
        ),
        ("11 0 1\n", "it:1: 3 fields, 8 expected"),
    ];
    complaints(prefill, &cases);
}
