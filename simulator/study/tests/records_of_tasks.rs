//! What is recorded of kinds of studies whose tasks wait at workers, give way, or use less than
//! their limits.

mod ran;

use ran::{Ran, Row, seconds};
use std::fs;

const OUTPUTS: &str = "[outputs]\ntasks = \"csv\"\ntimeline_s = 10\n";

fn times(row: &Row) -> [Option<f64>; 5] {
    ["submit_ns", "first_attempt_ns", "placed_ns", "start_ns", "end_ns"]
        .map(|title| seconds(row, title))
}

fn numbers(row: &Row) -> [&str; 4] {
    ["task", "attempts", "evictions", "outcome"].map(|title| &*row[title])
}

fn problem(files: &[(&str, &str)], text: &str) -> String {
    match Ran::new(files, text) {
        Ok(_) => panic!("it was recorded: {text}"),
        Err(problem) => problem.to_string(),
    }
}

const LIST: &str = "job_id,workload,submit_s,num_tasks,task_duration_s,cpus_per_task,\
     mem_gb_per_task\n\
     1,Batch,5,2,20,1,1\n2,Batch,6,1,10,1,1\n3,Batch,7,1,100,1,1\n";

#[test]
fn tasks_that_wait_at_workers_are_told() {
    let files = [("jobs.csv", LIST)];
    let text = |scheme: &str, outputs: &str| {
        format!(
            "[probing]\njobs = {{ file = \"jobs.csv\" }}\nworkers = 2\nscheme = \"{scheme}\"\n\
             network_ms = 100\ncutoff_s = 50\n{outputs}"
        )
    };
    // Two tasks take both workers; the second job's reservations wait until one of them is done.
    let ran = Ran::new(&files, &text("late-binding", OUTPUTS)).unwrap();
    let rows = ran.rows(0, "tasks.csv");
    assert_eq!(rows.len(), 4);
    let first = [5.0, 5.0, 5.3, 5.3, 25.3].map(Some);
    assert_eq!([times(&rows[0]), times(&rows[1])], [first, first]);
    let second = [6.0, 6.0, 25.5, 25.5, 35.5].map(Some);
    assert_eq!((times(&rows[2]), &*rows[2]["kind"]), (second, "short"));
    assert_eq!((&*rows[3]["kind"], &*rows[3]["job"]), ("long", "2"));
    assert_eq!(numbers(&rows[1]), ["1", "1", "0", "finished"]);
    assert!(rows.iter().all(|row| ["0", "1"].contains(&&*row["machine"])));
    let ends = rows.iter().map(|row| seconds(row, "end_ns").unwrap());
    let last = ends.fold(0.0, f64::max);
    // At 10 s two run and two wait; at 30 s two run; at 40 s the last one is alone.
    let lines = ran.rows(0, "timeline.csv");
    let told = |line: &Row| ["workers_used", "waiting", "running"].map(|name| line[name].clone());
    assert_eq!(told(&lines[0]), ["2", "2", "2"]);
    assert_eq!(told(&lines[2]), ["2", "0", "2"]);
    assert_eq!(told(&lines[3]), ["1", "0", "1"]);
    assert_eq!(lines.len() as f64, (last / 10.0).ceil());

    // A task that is sent has its place when it comes there, and starts when it is its turn.
    let ran = Ran::new(&files, &text("random", OUTPUTS)).unwrap();
    for row in ran.rows(0, "tasks.csv") {
        let [submit, _, placed, start, end] = times(&row).map(Option::unwrap);
        assert!((placed - submit - 0.1).abs() < 1e-9 && start >= placed && end > start);
    }
    // The queue that knows all has tasks, but no moments.
    let ran = Ran::new(&files, &text("omniscient", "[outputs]\ntasks = \"csv\"\n")).unwrap();
    let rows = ran.rows(0, "tasks.csv");
    assert_eq!(times(&rows[2]), [6.0, 6.0, 25.0, 25.0, 35.0].map(Some));
    let refused = problem(&files, &text("omniscient", OUTPUTS));
    assert!(refused.contains("from job to job"), "{refused}");
    let decisions = text("random", "[outputs]\ndecisions = true\n");
    assert!(problem(&files, &decisions).contains("none has a score"));
}

#[test]
fn tasks_that_give_way_are_told() {
    let machines = "{\"bourse_trace\":1,\"of\":\"machines\"}\n\
        {\"machine\":0,\"at_ns\":0,\"change\":{\"add\":{\"name\":\"m\",\"count\":1,\
        \"capacity\":{\"cpus\":4000}}}}\n";
    let job = |job: u64, at: u64, tasks: u64, runs: u64, priority: u64| {
        format!(
            "{{\"job\":{job},\"submit_ns\":{},\"tasks\":{tasks},\
             \"each\":{{\"cpus\":2000}},\"duration_ns\":{runs}000000000,\"priority\":{priority}}}\n",
            at * 1_000_000_000
        )
    };
    let jobs = format!(
        "{{\"bourse_trace\":1,\"of\":\"arrivals\"}}\n{}{}{}",
        job(1, 0, 3, 30, 0),
        job(2, 10, 1, 5, 9),
        job(3, 1_000, 2, 500, 9),
    );
    let files = [("machines.jsonl", machines), ("jobs.jsonl", &*jobs)];
    let text = format!(
        "[scheduling]\npolicy = \"first-fit\"\npreemption = true\nuntil_s = 1200\n\
         machines = {{ file = \"machines.jsonl\" }}\njobs = {{ file = \"jobs.jsonl\" }}\n\
         bands = [{{ name = \"low\", from = 0 }}, {{ name = \"high\", from = 9 }}]\n\
         {OUTPUTS}decisions = true\n"
    );
    let ran = Ran::new(&files, &text).unwrap();
    let rows = ran.rows(0, "tasks.csv");
    assert_eq!(rows.len(), 6);
    // The high one takes the younger one's place from 10 to 15, which runs again from then on.
    let told: Vec<_> = rows.iter().map(|row| (&*row["kind"], numbers(row))).collect();
    assert_eq!(told[0], ("high", ["0", "1", "0", "finished"]));
    assert_eq!(times(&rows[0]), [10.0, 10.0, 10.0, 10.0, 15.0].map(Some));
    let evictions: u64 = rows.iter().map(|row| row["evictions"].parse::<u64>().unwrap()).sum();
    assert_eq!((evictions as f64, evictions), (ran.scalars(0)["evictions"], 1));
    let away = rows.iter().find(|row| row["evictions"] == "1").unwrap();
    assert_eq!((&*away["kind"], &*away["outcome"]), ("low", "finished"));
    let [submit, first, placed, start, end] = times(away).map(Option::unwrap);
    assert_eq!((submit, first, placed, end), (0.0, 0.0, start, start + 30.0));
    assert!(start >= 15.0, "it waits behind nobody of its band that came later: {start}");
    let low = rows.iter().filter(|row| row["kind"] == "low").map(|row| &*row["task"]);
    let mut low: Vec<&str> = low.collect();
    low.sort_unstable();
    assert_eq!(low, ["0", "1", "2"], "each of them once");
    let last = [&rows[4], &rows[5]].map(|row| (times(row)[3], times(row)[4], &*row["outcome"]));
    assert_eq!(last, [(Some(1_000.0), None, "running"); 2]);
    // Up to 10 s two run, and the third one waits.
    let lines = ran.rows(0, "timeline.csv");
    assert_eq!((&*lines[0]["low_waiting"], &*lines[0]["cpus_used"]), ("1", "4"));
    let decisions = fs::read_to_string(ran.path(0, "decisions.jsonl")).unwrap();
    assert!(decisions.lines().count() >= 7, "{decisions}");
    assert!(decisions.lines().next().unwrap().contains("\"feasible\":1"), "{decisions}");
}

#[test]
fn tasks_that_use_less_than_their_limits_are_told() {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../traces/tests/data/fragments.parquet");
    let tasks = "{\"bourse_trace\":1,\"of\":\"arrivals\"}\n\
        {\"job\":7,\"submit_ns\":30000000000,\"tasks\":1,\"each\":{\"cpus\":1000}}\n\
        {\"job\":8,\"submit_ns\":60000000000,\"tasks\":1,\"each\":{\"cpus\":1000}}\n";
    let text = |outputs: &str, cpus: u32| {
        format!(
            "[overcommit]\ntasks = {{ file = \"tasks.jsonl\" }}\nused = \"{samples}\"\n\
             core_mhz = 2100\nmachines = 1\nmachine_cpus = {cpus}\ninterval_s = 30\n\
             policy = {{ kind = \"oracle\" }}\n{outputs}"
        )
    };
    let files = [("tasks.jsonl", tasks)];
    let outputs = "[outputs]\ntasks = \"csv\"\ntimeline_s = 30\n";
    let ran = Ran::new(&files, &text(outputs, 64)).unwrap();
    let rows = ran.rows(0, "tasks.csv");
    assert_eq!(rows.len() as f64, ran.scalars(0)["tasks"]);
    assert_eq!(numbers(&rows[0]), ["0", "1", "0", "finished"]);
    assert_eq!((&*rows[0]["cpus_milli"], &*rows[0]["machine"]), ("1000", "0"));
    assert_eq!(times(&rows[0])[..4], [30.0; 4].map(Some));
    // Limits and use over all lines are the mean that the run says.
    let lines = ran.rows(0, "timeline.csv");
    let sum = |name: &str| lines.iter().map(|line| line[name].parse::<f64>().unwrap()).sum::<f64>();
    let part = sum("cpus_used") / sum("cpus_allocated");
    assert!((part - ran.scalars(0)["used"]).abs() < 1e-3, "{part} {:?}", ran.scalars(0));
    assert_eq!((&*lines[0]["cpus_capacity"], &*lines[0]["running"]), ("64", "0"));
    assert_eq!((&*lines[1]["cpus_allocated"], &*lines[1]["running"]), ("1", "1"));
    let ran = Ran::new(&files, &text(outputs, 1)).unwrap();
    let rows = ran.rows(0, "tasks.csv");
    let dropped = rows.iter().filter(|row| row["outcome"] == "dropped").count();
    assert_eq!(dropped as f64, ran.scalars(0)["not-placed"]);
    let refused = problem(&files, &text("[outputs]\ndecisions = true\n", 64));
    assert!(refused.contains("drawn by lot"), "{refused}");
}

#[test]
fn a_search_for_the_fewest_machines_tells_nothing_of_tasks() {
    let nodes = "sn,cpu_milli,memory_mib,gpu,model\na,8000,8192,0,\n";
    let pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np,1000,512,0,0,\n";
    let text = format!(
        "[compaction]\npolicy = \"best-fit\"\nmachines = {{ file = \"nodes.csv\" }}\n\
         tasks = {{ file = \"pods.csv\" }}\n{OUTPUTS}"
    );
    let refused = problem(&[("nodes.csv", nodes), ("pods.csv", pods)], &text);
    assert!(refused.contains("none of these is the run"), "{refused}");
}
