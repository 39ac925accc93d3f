//! What is recorded of single runs: by hand, and against what the runs themselves say.

mod ran;

use ran::{Ran, seconds};
use std::{collections::BTreeMap, fs};
use study::{error::RunError, outcome::Outcome, plan::Study, report};

const JOBS: &str =
    "job_id,workload,submit_s,num_tasks,task_duration_s,cpus_per_task,mem_gb_per_task\n";

/// What records show is drawn with the rest.
#[test]
fn records_are_drawn() {
    let ran = Ran::new(&[], RANDOM).unwrap();
    let text = format!("name = \"small\"\ntitle = \"small\"\n{RANDOM}");
    let (study, out) = (Study::parse(&text).unwrap(), ran.directory.path().join("out"));
    let outcome = Outcome::of(&study, &ran.runs);
    let data = ran.directory.path();
    let kept = report::Ran { study: &study, file: &text, data, runs: &ran.runs, outcome: &outcome };
    kept.write(&out).unwrap();
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    let drawn = |name: &str, run| fs::read_to_string(ran.path(run, name)).ok();
    for run in 0..8 {
        let waits = drawn("waits.svg", run).unwrap();
        assert!(waits.contains("batch") && waits.contains("service"));
        assert!(drawn("machines.svg", run).unwrap().contains("Machines: cores in use"));
        assert!(drawn("use.svg", run).is_none(), "nobody asked for a timeline");
    }
    assert!(drawn("waits.svg", 8).is_none(), "eight are enough");
    assert!(page.contains("Single runs"));
}

fn queueing(architecture: &str, more: &str) -> String {
    format!(
        "[queueing]\nuntil_s = 100\nmachines = {{ count = 1, cpus = 4, mem = 8192 }}\n\
         jobs = {{ file = \"jobs.csv\" }}\nbatch = {{ job_s = 1, task_s = 0.5 }}\n\
         service = {{ job_s = 2, task_s = 0 }}\narchitecture = \"{architecture}\"\n{more}\n\
         [outputs]\ntasks = [\"csv\", \"parquet\"]\ntimeline_s = 10\ndecisions = true\n"
    )
}

#[test]
fn a_task_is_told_from_its_arrival_to_its_end() {
    // Five tasks for four cores; a service job that still runs at the end; one that comes late.
    let jobs = format!("{JOBS}1,Batch,5,5,20,1,1\n2,Service,60,1,500,2,1\n3,Batch,99,1,5,1,1\n");
    let ran = Ran::new(&[("jobs.csv", &jobs)], &queueing("monolithic", "")).unwrap();
    let rows = ran.rows(0, "tasks.csv");
    assert_eq!(rows.len(), 7);
    let times = |row: &ran::Row| {
        ["submit_ns", "first_attempt_ns", "placed_ns", "start_ns", "end_ns"]
            .map(|title| seconds(row, title))
    };
    // Decided upon from 5 to 8.5.
    let first = [5.0, 5.0, 8.5, 8.5, 28.5].map(Some);
    for (index, row) in rows[..4].iter().enumerate() {
        assert_eq!((times(row), row["task"].clone()), (first, index.to_string()));
        assert_eq!((&*row["attempts"], &*row["machine"], &*row["outcome"]), ("1", "0", "finished"));
        assert_eq!(
            (&*row["cpus_milli"], &*row["mem_mib"], &*row["kind"]),
            ("1000", "1024", "batch")
        );
    }
    // Again after a second, 1.5 s each time, decided at 11, 13.5 … and 28.5, when the others end.
    assert_eq!((&*rows[4]["task"], &*rows[4]["attempts"]), ("4", "9"));
    assert_eq!(seconds(&rows[4], "start_ns"), Some(28.5));
    assert_eq!((&*rows[5]["outcome"], &*rows[5]["end_ns"], &*rows[5]["job"]), ("running", "", "1"));
    assert_eq!((&*rows[6]["outcome"], &*rows[6]["machine"]), ("waiting", ""));
    assert!(ran.path(0, "tasks.parquet").metadata().unwrap().len() > 500);

    // Lines at 10, 20, … 100 s; four cores in use at 20 s, and a fifth task in the queue or not.
    let lines = ran.rows(0, "timeline.csv");
    assert_eq!(lines.len(), 10);
    let line = &lines[1];
    assert_eq!((&*line["at_ns"], &*line["running"]), ("20000000000", "4"));
    assert_eq!(
        (&*line["cpus_capacity"], &*line["cpus_used"], &*line["mem_used"]),
        ("4", "4", "4096")
    );
    // Without a core no task fits: all the memory that is left is stranded.
    assert_eq!((&*line["cpus_stranded"], &*line["mem_stranded"]), ("0", "4096"));
    assert_eq!((&*line["batch_share"], &*line["service_share"]), ("1", "0"));
    let line = &lines[6];
    assert_eq!(
        (&*line["cpus_used"], &*line["mem_stranded"], &*line["service_share"]),
        ("2", "0", "0.5")
    );
}

#[test]
fn what_an_offer_holds_is_told() {
    // From the second on all 200 cores are offered to the one framework, which decides for 50 s.
    let jobs = format!("{JOBS}1,Service,5,3,100,1,1\n");
    let text = queueing("compat", "").replace("count = 1, cpus = 4", "count = 50, cpus = 4");
    let text = text.replace("job_s = 2", "job_s = 50");
    let ran = Ran::new(&[("jobs.csv", &jobs)], &text).unwrap();
    let lines = ran.rows(0, "timeline.csv");
    let cpus = |line: &ran::Row| ["cpus_used", "cpus_held"].map(|title| line[title].clone());
    assert_eq!(cpus(&lines[2]), ["0", "200"]);
    assert_eq!(cpus(&lines[6]), ["3", "0"]);
    let rows = ran.rows(0, "tasks.csv");
    assert_eq!(seconds(&rows[0], "placed_ns"), Some(6.001), "chosen when the offer came");
    assert_eq!(seconds(&rows[0], "start_ns"), Some(56.001), "and told when it was answered");
}

/// Batch and service jobs by chance, for each architecture; the last one offers only much at once.
const RANDOM: &str = r#"
[queueing]
until_s = 2000
machines = { count = 5, cpus = 4, mem = 8192 }
batch = { job_s = 2, task_s = 0.5 }
service = { job_s = 5, task_s = 0.1 }
batch_schedulers = 2
architecture = "shared"

[queueing.jobs]
end = { jobs = 300 }

[[queueing.jobs.generate]]
name = "b"
class = "batch"
between = { exponential = { mean = 6000000000 } }
tasks = { uniform = { least = 1, most = 6 } }
duration = { exponential = { mean = 20000000000 } }
each = { cpus = 1000, mem = 1024000 }

[[queueing.jobs.generate]]
name = "s"
class = "service"
between = { exponential = { mean = 20000000000 } }
tasks = { constant = 2 }
duration = { exponential = { mean = 60000000000 } }
each = { cpus = 500, mem = 2048000 }

[outputs]
tasks = "csv"
decisions = true

[cases.1]
"queueing.architecture" = "monolithic"

[cases.2]
"queueing.architecture" = "shared"

[cases.3]
"queueing.architecture" = "compat"
"queueing.machines.count" = 50

[sweep]
"queueing.policy" = ["random", "best-fit"]

[repeat]
seed = 3
"#;

/// Waits, work and cores in use as records have them are those that the run says, whatever comes.
#[test]
fn records_add_up_to_what_the_run_says() {
    let ran = Ran::new(&[], RANDOM).unwrap();
    assert_eq!(ran.runs.len(), 18);
    let mut all_met = 0;
    for run in 0..18 {
        let (rows, scalars) = (ran.rows(run, "tasks.csv"), ran.scalars(run));
        let mut waits: BTreeMap<(String, u64), f64> = BTreeMap::new();
        let (mut used, mut conflicts) = (0.0, BTreeMap::new());
        for row in &rows {
            let job: u64 = row["job"].parse().unwrap();
            let submit = seconds(row, "submit_ns").unwrap();
            if let Some(first) = seconds(row, "first_attempt_ns") {
                waits.insert((row["kind"].clone(), job), first - submit);
            }
            if let Some(start) = seconds(row, "start_ns") {
                let end = seconds(row, "end_ns").unwrap_or(2000.0);
                used += row["cpus_milli"].parse::<f64>().unwrap() / 1e3 * (end - start);
            }
            let met: u64 = row["conflicts"].parse().unwrap();
            let of = conflicts.entry(job).or_insert(0);
            *of = met.max(*of);
        }
        for kind in ["batch", "service"] {
            let of: Vec<f64> =
                waits.iter().filter(|(key, _)| key.0 == kind).map(|(_, wait)| *wait).collect();
            let mean = of.iter().sum::<f64>() / of.len() as f64;
            assert!((mean - scalars[&format!("{kind}-wait")]).abs() < 1e-6, "{run} {kind}");
        }
        let cores = if run < 12 { 20.0 } else { 200.0 };
        let part = used / (cores * 2000.0);
        assert!((part - scalars["cpus-used"]).abs() < 1e-9, "{part} {}", scalars["cpus-used"]);
        let met: u64 = conflicts.values().sum();
        let said = |class: &str| {
            scalars[&format!("{class}-conflicts")] * scalars[&format!("{class}-placed")]
        };
        assert_eq!(met, (said("batch") + said("service")).round() as u64);
        all_met += met;
    }
    assert!(all_met > 0, "some of them met");
}

/// Of every decision: nobody had a better score than the one that was chosen.
#[test]
fn decisions_say_what_spoke_for_them() {
    let nodes = "sn,cpu_milli,memory_mib,gpu,model\na,8000,8192,2,T4\nb,8000,8192,2,G2\n\
                 c,8000,8192,0,\nd,8000,8192,0,\n";
    let mut pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n".to_owned();
    for pod in 0..40 {
        pods += match pod % 4 {
            0 => "p,1000,512,1,500,\n",
            1 => "p,1000,512,1,1000,G2\n",
            _ => "p,1500,512,0,0,\n",
        };
    }
    let text = "[filling]\ncounted = \"gpus\"\npolicy = \"best-fit\"\n\
        machines = { file = \"nodes.csv\" }\ntasks = { file = \"pods.csv\" }\n\
        [outputs]\ndecisions = true\ntasks = \"csv\"\ntimeline_s = 5\n\
        [sweep]\n\"filling.policy\" = [\"best-fit\", \"first-fit\", \"random\"]\n";
    let ran = Ran::new(&[("nodes.csv", nodes), ("pods.csv", &pods)], text).unwrap();
    for (run, policy) in ["best-fit", "first-fit", "random"].into_iter().enumerate() {
        let text = fs::read_to_string(ran.path(run, "decisions.jsonl")).unwrap();
        let mut placed = 0.0;
        for (index, line) in text.lines().enumerate() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(
                (&line["job"], &line["at_ns"]),
                (&index.into(), &(index * 1_000_000_000).into())
            );
            let feasible = line["feasible"].as_u64().unwrap();
            assert_eq!(line["machine"].is_null(), feasible == 0);
            placed += f64::from(u8::from(feasible > 0));
            match (policy, line["machine"].as_u64()) {
                (_, None) => {}
                ("random", _) => {
                    assert_eq!((&line["tie"], &line["score"]), (&"lot".into(), &().into()))
                }
                (policy, Some(machine)) => {
                    assert_eq!(line["name"], ["a", "b", "c", "d"][machine as usize]);
                    let (score, equal) = (line["score"].as_f64().unwrap(), line["equal"].as_u64());
                    let second = line["runner_up"]["score"].as_f64();
                    assert!(second.is_none_or(|second| second <= score));
                    assert_eq!(equal.unwrap() > 1, second == Some(score), "{line}");
                    assert_eq!(second.is_some(), feasible > 1);
                    if policy == "first-fit" {
                        assert_eq!(equal, Some(feasible), "everybody is as good");
                    }
                }
            }
        }
        assert_eq!(placed, ran.scalars(run)["placed"]);
        let rows = ran.rows(run, "tasks.csv");
        assert_eq!(rows.len(), 40);
        let dropped = rows.iter().filter(|row| row["outcome"] == "dropped").count();
        assert_eq!(dropped as f64, ran.scalars(run)["dropped"]);
        assert_eq!(ran.rows(run, "timeline.csv").len(), 8);
    }
}

#[test]
fn parallel_jobs_say_why_they_go_before_others() {
    // Two processors: the second job waits for both, the third may go before it, being short.
    let log = "1 0 -1 100 1 -1 -1 1 100 -1 1 1 1 1 1 1 -1 -1\n\
               2 1 -1 50 2 -1 -1 2 50 -1 1 1 1 1 1 1 -1 -1\n\
               3 2 -1 20 1 -1 -1 1 20 -1 1 1 1 1 1 1 -1 -1\n\
               4 3 -1 20 9 -1 -1 9 20 -1 1 1 1 1 1 1 -1 -1\n";
    let text = "[backfilling]\nprocessors = 2\ndiscipline = \"easy\"\n\
                jobs = { file = \"log.swf\" }\n\
                [outputs]\ntasks = \"csv\"\ndecisions = true\ntimeline_s = 60\n";
    let ran = Ran::new(&[("log.swf", log)], text).unwrap();
    let rows = ran.rows(0, "tasks.csv");
    let told: Vec<_> = rows.iter().map(|row| (&*row["job"], seconds(row, "start_ns"))).collect();
    assert_eq!(told, [("0", Some(0.0)), ("2", Some(2.0)), ("3", None), ("1", Some(100.0))]);
    assert_eq!(rows[2]["outcome"], "dropped");
    let decisions = fs::read_to_string(ran.path(0, "decisions.jsonl")).unwrap();
    let second: serde_json::Value =
        serde_json::from_str(decisions.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&second["before"], &second["free"]), (&1.into(), &1.into()));
    assert!(second["because"].as_str().unwrap().contains("it is over when"), "{second}");
    let lines = ran.rows(0, "timeline.csv");
    assert_eq!(lines.iter().map(|it| &*it["cpus_used"]).collect::<Vec<_>>(), ["1", "2", "0"]);
    assert_eq!((&*lines[0]["waiting"], &*lines[1]["waiting"]), ("1", "0"));
}

#[test]
fn tasks_of_a_cluster_are_told() {
    let text = "[cluster]\nuntil_s = 600\nagents = { count = 2, cpus = 4, mem = 4096 }\n\
                start_ms = 2000\n\
                [cluster.frameworks.small]\ncount = 2\ntasks = 6\ncpus = 1\nmem = 512\nrun_s = 20\n\
                [outputs]\ntasks = \"csv\"\ntimeline_s = 10\n";
    let ran = Ran::new(&[], text).unwrap();
    let rows = ran.rows(0, "tasks.csv");
    assert_eq!(rows.len(), 12);
    let mut waits = 0.0;
    for row in &rows {
        assert_eq!(
            (&*row["kind"], &*row["outcome"], &*row["attempts"]),
            ("small", "finished", "1")
        );
        let at = |title: &str| seconds(row, title).unwrap();
        assert!(at("submit_ns") <= at("first_attempt_ns"));
        assert!(at("first_attempt_ns") <= at("placed_ns"));
        assert!((at("start_ns") - at("placed_ns") - 2.0).abs() < 1e-6);
        assert!((at("end_ns") - at("start_ns") - 20.0).abs() < 1e-6);
        waits += at("start_ns") - at("submit_ns");
    }
    let said = ran.scalars(0)["small.wait"];
    assert!(
        (waits / 12.0 - said).abs() < 0.1,
        "{} {said}: messages take milliseconds",
        waits / 12.0
    );
    let line = &ran.rows(0, "timeline.csv")[0];
    assert_eq!((&*line["cpus_capacity"], &*line["cpus_used"]), ("8", "8"));
    assert_eq!((&*line["small_waiting"], &*line["small_share"]), ("4", "1"));
}

#[test]
fn what_cannot_be_recorded_is_said() {
    let text = queueing("monolithic", "");
    let files = [("jobs.csv", JOBS)];
    let problem = |from: &str, to: &str| {
        assert!(text.contains(from));
        match Ran::new(&files, &text.replace(from, to)) {
            Ok(_) => panic!("{to}"),
            Err(problem) => problem.to_string(),
        }
    };
    assert!(problem("timeline_s = 10", "timeline_s = 0").contains("outputs.timeline_s"));
    assert!(problem("timeline_s = 10", "timeline_s = nan").contains("outputs.timeline_s"));
    assert!(problem("\"parquet\"", "\"orc\"").contains("give \"csv\", \"parquet\""));
    assert!(problem("decisions", "decision").contains("unknown field"));
    let swept = format!("{text}[sweep]\n\"outputs.timeline_s\" = [1, -1]\n");
    let swept = match Ran::new(&files, &swept) {
        Ok(_) => panic!("a sweep of nothing"),
        Err(problem) => problem.to_string(),
    };
    assert!(swept.contains("-1 is not from"), "{swept}");
    // A file stands where the directory should.
    let files = [("jobs.csv", JOBS), ("out", "")];
    assert!(matches!(Ran::new(&files, &text), Err(RunError::Record { .. })));
}
