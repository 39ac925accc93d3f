//! The first command of the README, as it stands there, and whatever else `run --local` promises.

use crate::rig::{
    Daemon, Home, bourse, cgroup_parent, cgroups_of, eventually, holds, may_be_root, run,
};
use std::{fs, path::PathBuf};

/// The command in the README, without cargo in front of it.
fn command_of_the_readme() -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find(|line| line.starts_with("cargo run --release -- run --local"));
    let line = line.expect("the README shows it").strip_prefix("cargo run --release -- ").unwrap();
    let (plain, quoted) = line.split_once(" '").expect("one quoted argument, at the end");
    let mut words: Vec<String> = plain.split(' ').map(ToOwned::to_owned).collect();
    words.push(quoted.strip_suffix('\'').expect("one quoted argument, at the end").to_owned());
    words
}

/// Runs the README's command with further flags and sees that all is as promised.
fn readme(more: &[&str]) -> String {
    let home = Home::new();
    let mut words = command_of_the_readme();
    words.splice(2..2, more.iter().map(|word| (*word).to_owned()));
    let mut command = bourse(&home);
    command.args(words);
    let log = home.path().join("logs/run.log");
    let daemon = Daemon::start(command, &log);
    // The cluster's folder goes with it: its cgroups can only be known by its name.
    let folder = eventually("the folder of the cluster", || {
        fs::read_dir(home.path().join("tmp")).unwrap().next().map(|entry| entry.unwrap().path())
    });
    let agent = folder.join("agent");
    home.watch_agent(&agent);
    if more.is_empty() {
        eventually("cgroups of containers", || {
            (!cgroups_of(&cgroup_parent(&agent)).is_empty()).then_some(())
        });
    }
    let status = daemon.wait();
    let text = fs::read_to_string(&log).unwrap();
    assert!(status.success(), "{status}: {text}");
    for instance in 0..8 {
        let line = format!("run-{instance} | hello from run-{instance}");
        assert!(text.lines().any(|found| found == line), "{line:?} in {text}");
        let line = format!("run-{instance} succeeded");
        assert!(text.lines().any(|found| found == line), "{line:?} in {text}");
    }
    assert!(text.contains("8 succeeded"), "{text}");
    nothing_is_left(&home);
    text
}

fn nothing_is_left(home: &Home) {
    let files: Vec<_> = fs::read_dir(home.path().join("tmp")).unwrap().collect();
    assert!(files.is_empty(), "{files:?}");
    let files: Vec<_> = fs::read_dir(home.path().join("data")).unwrap().collect();
    assert!(files.is_empty(), "{files:?}");
    home.assert_clean();
}

#[test]
fn the_first_command_in_containers() {
    if may_be_root("the_first_command_in_containers") {
        let text = readme(&[]);
        assert!(!text.contains("plain processes"), "{text}");
    }
}

#[test]
fn the_first_command_in_plain_processes() {
    let text = readme(&["--plain-processes"]);
    let said = text.lines().filter(|line| line.contains("plain processes")).count();
    assert_eq!(said, 1, "it is said in one line: {text}");
}

#[test]
fn a_task_that_fails_fails_the_command() {
    let home = Home::new();
    let mut command = bourse(&home);
    command.args(["run", "--local", "--plain-processes", "--instances", "2", "--retries", "1"]);
    command.args(["--", "sh", "-c", "echo out; echo err >&2; test $BOURSE_TASK_ID = run-0"]);
    let outcome = run(&mut command);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    for line in ["run-0 | out", "run-1 | out", "run-1.1 | out"] {
        assert!(outcome.stdout.lines().any(|found| found == line), "{line}: {outcome:?}");
    }
    assert!(outcome.stderr.lines().any(|line| line == "run-1 | err"), "{outcome:?}");
    assert!(outcome.stderr.contains("1 succeeded"), "{outcome:?}");
    assert!(outcome.stderr.contains("1 failed"), "{outcome:?}");
    nothing_is_left(&home);
}

#[test]
fn a_program_that_does_not_exist_is_said_to_be_missing() {
    let home = Home::new();
    let mut command = bourse(&home);
    command.args(["run", "--local", "--plain-processes", "--", "no-such-program-anywhere"]);
    let problem = run(&mut command).failure();
    assert!(problem.contains("no-such-program-anywhere"), "{problem}");
    nothing_is_left(&home);
}

/// An interrupt ends the tasks, and everything is removed all the same.
#[test]
fn an_interrupted_run_leaves_nothing_behind() {
    let home = Home::new();
    let mut command = bourse(&home);
    command.args(["run", "--local", "--plain-processes", "--", "sh", "-c"]);
    command.arg("touch $0/there; sleep 1000").arg(home.path());
    let daemon = Daemon::start(command, &home.path().join("logs/run.log"));
    eventually("the task runs", || home.path().join("there").exists().then_some(()));
    daemon.signal(nix::sys::signal::Signal::SIGINT);
    let log = home.path().join("logs/run.log");
    let status = daemon.wait();
    assert_eq!(status.code(), Some(1), "{}", fs::read_to_string(log).unwrap());
    nothing_is_left(&home);
}

/// As early as can be: when the folder of the cluster has just been made.
#[test]
fn an_interrupted_start_leaves_nothing_behind() {
    let home = Home::new();
    let mut command = bourse(&home);
    command.args(["run", "--local", "--plain-processes", "--", "sleep", "1000"]);
    let log = home.path().join("logs/run.log");
    let daemon = Daemon::start(command, &log);
    let tmp = home.path().join("tmp");
    holds("the cluster has a folder", || fs::read_dir(&tmp).unwrap().next().is_some());
    let status = daemon.terminate();
    assert_eq!(status.code(), Some(1), "{}", fs::read_to_string(log).unwrap());
    nothing_is_left(&home);
}

const JOB: &str = r#"
[job]
name = "stages"

[[task]]
name = "fetch"
command = "echo $WORD >> $FOLDER/fetched"
instances = 2
cpus = 0.1
mem = 32
env = { WORD = "word", FOLDER = "@" }

[[task]]
name = "count"
command = "test -e $FOLDER/once || { touch $FOLDER/once; exit 1; }; wc -l < $FOLDER/fetched"
depends_on = ["fetch"]
cpus = 0.25
mem = 32
retries = 2
env = { FOLDER = "@" }

[[task]]
name = "slow"
command = ["sleep", "1000"]
depends_on = ["count"]
cpus = 0.1
mem = 32
timeout = "300ms"

[[task]]
name = "never"
command = ["true"]
depends_on = ["slow"]
cpus = 0.1
mem = 32
"#;

#[test]
fn a_job_file_is_run_in_its_order() {
    let home = Home::new();
    let path = home.path().join("job.toml");
    fs::write(&path, JOB.replace('@', home.path().to_str().unwrap())).unwrap();
    let mut command = bourse(&home);
    command.args(["--output", "json", "run", "--local", "--plain-processes", "--file"]).arg(path);
    let outcome = run(&mut command);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let value: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let rows = value["summary"]["tasks"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    let expected = [
        ("fetch", "succeeded", 1),
        ("count", "succeeded", 2),
        ("slow", "timed_out", 1),
        ("never", "skipped", 0),
    ];
    for (name, outcome, attempts) in expected {
        assert_eq!(row(name)["outcome"], outcome, "{value:#}");
        assert_eq!(row(name)["attempts"], attempts, "{value:#}");
    }
    let time = |name: &str, field: &str| row(name)[field].as_u64().unwrap();
    assert!(time("count", "launched_ms") >= time("fetch", "ended_ms"), "{value:#}");
    let outputs = value["outputs"].as_array().unwrap();
    let counted = outputs.iter().find(|output| output["task"] == "count-0.1").unwrap();
    assert_eq!(counted["stdout"], "2\n", "{value:#}");
    nothing_is_left(&home);
}
