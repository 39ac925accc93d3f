//! `bourse sim trace`, as somebody uses it who has a file and wants to know what is in it.

use crate::rig::{Home, Outcome, bourse, run};
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

const JOBS: &str = "\
job_id,workload,submit_s,num_tasks,task_duration_s,cpus_per_task,mem_gb_per_task
1,Batch,0.5,12,30,1.0,2.0
2,Batch,1800,4,60,2.0,2.0
3,Service,3600.5,2,7200,4.0,8.0
";

fn trace(home: &Home, words: &[&str]) -> Outcome {
    run(bourse(home).args(["sim", "trace"]).args(words))
}

/// A file in the home, and its path as a word.
fn file(home: &Home, name: &str, text: &str) -> String {
    let path = home.path().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_trace_is_summed_up_for_people_and_programs() {
    let home = Home::new();
    let jobs = file(&home, "jobs", JOBS);
    let table = trace(&home, &["describe", &jobs]).success();
    for line in ["submitted", "500ms to 1h", "rate", "every row was taken as it stands"] {
        assert!(table.contains(line), "{line}: {table}");
    }
    let json = trace(&home, &["describe", &jobs, "--output", "json"]).json();
    assert_eq!((&json["jobs"], &json["tasks"]), (&3.into(), &18.into()), "{json:#}");
    assert_eq!(json["jobs_per_hour"], 3.0, "{json:#}");
    assert_eq!(json["asked"][0]["asked"], 28.0, "{json:#}");
    assert_eq!(json["duration_ns"]["max"], 7_200_000_000_000_u64, "{json:#}");
}

#[test]
fn a_trace_is_converted_and_sampled_by_a_seed() {
    let home = Home::new();
    let jobs = file(&home, "jobs", JOBS);
    let at = |name: &str| -> PathBuf { home.path().join(name) };
    let (binary, lines, some) = (at("jobs.bin"), at("jobs.jsonl"), at("some.jsonl"));
    let word = |path: &PathBuf| path.to_str().unwrap().to_owned();
    trace(&home, &["convert", &jobs, &word(&binary)]).success();
    trace(&home, &["convert", &word(&binary), &word(&lines)]).success();
    let text = fs::read_to_string(&lines).unwrap();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("\"queue\":\"Service\""), "{text}");
    let of = |file: &str| trace(&home, &["describe", file, "--output", "json"]).success();
    assert_eq!(of(&word(&binary)), of(&jobs));
    assert_eq!(of(&word(&lines)), of(&jobs));
    let sample = ["sample", &jobs, &word(&some), "--jobs", "2", "--seed", "9"];
    trace(&home, &sample).success();
    let once = fs::read_to_string(&some).unwrap();
    assert_eq!(once.lines().count(), 3, "{once}");
    trace(&home, &sample).success();
    assert_eq!(fs::read_to_string(&some).unwrap(), once);
    // As readable as any file that its user makes, and nothing half written is left.
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&some), mode(&at("jobs")));
    let names = fs::read_dir(home.path()).unwrap();
    let hidden = names.filter(|it| {
        it.as_ref().unwrap().file_name().to_string_lossy().starts_with(".bourse-trace-")
    });
    assert_eq!(hidden.count(), 0);
}

#[test]
fn what_is_wrong_is_said_and_leaves_what_was_there() {
    let home = Home::new();
    let wrong = file(&home, "wrong", &JOBS.replace("1800,4", "1800,x"));
    let out = file(&home, "out.jsonl", "precious");
    let message = trace(&home, &["convert", &wrong, &out]).failure();
    assert!(
        message.contains("wrong:3, column `num_tasks`: `x` is not a number of tasks"),
        "{message}"
    );
    assert_eq!(fs::read_to_string(&out).unwrap(), "precious");
    let unknown = file(&home, "unknown", "a,b\n1,2\n");
    let message = trace(&home, &["describe", &unknown]).failure();
    assert!(message.contains("its columns are those of no format that is known"), "{message}");
    assert!(message.contains("openb-pods"), "{message}");
    let told = trace(&home, &["describe", &unknown, "--format", "openb-pods"]).failure();
    assert!(told.contains("no column `cpu_milli`"), "{told}");
    let nodes = file(&home, "nodes", "sn,cpu_milli,memory_mib,gpu\na,1,1,0\n");
    let message = trace(&home, &["sample", &nodes, &out, "--jobs", "1"]).failure();
    assert!(message.contains("holds machines; only jobs are sampled"), "{message}");
}
