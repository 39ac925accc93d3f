//! A recorded workload on three masters and three agents with real containers, while the leader is
//! killed twice.
//!
//! Three witnesses are heard, and none of them believes another: the summary of the framework, the
//! files to which every container appends a line when it starts, and the cluster's event stream as
//! another client has followed it across both elections.
//!
//! "The order of starts respects the offers" means: every launch names an offer, each offer is one
//! agent's, the task runs on that agent, launches are counted in the order of time, and at
//! no fact of the event stream do the tasks of an agent hold more than the agent has.

use crate::rig::{
    Cluster, Daemon, Home, Isolation, Outcome, Shape, bourse, eventually, holds, may_be_root, run,
    skip,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// What each agent has, in thousandths of a CPU and MiB.
const AGENT_CPUS_MILLI: i64 = 1_500;
const AGENT_MEM_MIB: i64 = 400;

#[test]
fn the_own_log_runs_although_two_leaders_die() {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../frameworks/batch/testdata/small.swf");
    replay("the_own_log_runs_although_two_leaders_die", &log, 120, "15s");
}

#[test]
fn three_hundred_recorded_jobs_run_although_two_leaders_die() {
    let test = "three_hundred_recorded_jobs_run_although_two_leaders_die";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces/swf");
    let log = folder.join("NASA-iPSC-1993-3.1-cln.swf.gz");
    if !log.exists() {
        // Not a failure anywhere: the log may not be published together with this repository.
        println!("SKIPPED {test}: there is no {}", log.display());
        return;
    }
    replay(test, &log, 300, "60s");
}

fn replay(test: &str, log: &Path, jobs: usize, span: &str) {
    if !may_be_root(test) {
        return;
    }
    if !Path::new("/sys/fs/cgroup").is_dir() {
        return skip(test, "there are no cgroups");
    }
    let mut cluster =
        Cluster::start(Shape { name: "workload", masters: 3, secure: true, flags: &[] });
    let resources = format!("cpus:{}.5;mem:{AGENT_MEM_MIB}", AGENT_CPUS_MILLI / 1_000);
    for id in ["a1", "a2", "a3"] {
        cluster.add_agent(id, Isolation::Full, &resources);
    }
    let markers = cluster.home.path().join("markers");
    fs::create_dir(&markers).unwrap();
    let mut events = bourse(&cluster.home);
    events.args(["--output", "json", "events", "--follow"]);
    events.args(cluster.client_flags("operator", "watcher"));
    let events = Daemon::start(events, &cluster.home.path().join("events.json"));

    let mut command = bourse(&cluster.home);
    command.args(["--output", "json", "run"]).args(cluster.client_flags("framework", "batch"));
    command.arg("--swf").arg(log).arg("--markers").arg(&markers);
    command.args(["--jobs", &jobs.to_string(), "--span", span]);
    let running = std::thread::spawn(move || run(&mut command));
    for share in [jobs / 4, jobs / 2] {
        holds("a part of the jobs has started", || {
            assert!(!running.is_finished(), "{:?}", "the job ended early");
            fs::read_dir(&markers).unwrap().count() >= share
        });
        let leader = cluster.leader();
        cluster.kill_master(leader);
        assert_ne!(cluster.leader(), leader, "another one leads");
        cluster.start_master(leader);
        cluster.caught_up(leader);
    }
    let outcome = eventually_joined(running);
    let summary = &outcome.json()["summary"];
    everything_succeeded(summary, jobs);
    nothing_ran_twice(&markers, summary, jobs);
    let observed = followed(&events, jobs);
    starts_respect_offers(summary, &observed);
    drop(events);
    cluster.finish();
}

fn eventually_joined(running: std::thread::JoinHandle<Outcome>) -> Outcome {
    running.join().expect("the command ends")
}

fn rows(summary: &Value) -> &Vec<Value> {
    summary["tasks"].as_array().expect("rows")
}

fn everything_succeeded(summary: &Value, jobs: usize) {
    assert_eq!(summary["success"], Value::Bool(true), "{summary:#}");
    assert_eq!(summary["counts"]["succeeded"].as_u64(), Some(jobs as u64), "{summary:#}");
    assert_eq!(rows(summary).len(), jobs);
    for row in rows(summary) {
        assert_eq!(row["attempts"].as_u64(), Some(1), "{row}");
        assert_eq!(row["exit_code"].as_i64(), Some(0), "{row}");
    }
}

/// Each container has appended one line to the file of its job.
fn nothing_ran_twice(markers: &Path, summary: &Value, jobs: usize) {
    let files: Vec<PathBuf> = fs::read_dir(markers).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), jobs);
    for row in rows(summary) {
        let name = row["name"].as_str().expect("a name");
        let text = fs::read_to_string(markers.join(name)).unwrap();
        assert_eq!(text.lines().count(), 1, "{name} started several times: {text:?}");
    }
}

/// What was seen of one task: its states in order, each with the sequence number of its fact.
#[derive(Debug, Default)]
struct Observed {
    agent: String,
    cpus_milli: i64,
    mem_mib: i64,
    states: Vec<(u64, String)>,
}

/// The event stream, once it tells of the end of all tasks.
fn followed(events: &Daemon, jobs: usize) -> BTreeMap<String, Observed> {
    eventually("the event stream tells the ends of all tasks", || {
        let observed = read_events(&events.log());
        let ended = |task: &Observed| task.states.iter().any(|(_, state)| state == "TASK_FINISHED");
        (observed.values().filter(|task| ended(task)).count() == jobs).then_some(observed)
    })
}

fn read_events(text: &str) -> BTreeMap<String, Observed> {
    let mut tasks: BTreeMap<String, Observed> = BTreeMap::new();
    let mut last = 0;
    for line in text.lines().filter(|line| line.ends_with('}')) {
        let event: Value = serde_json::from_str(line).expect("a line of JSON");
        let sequence = event["sequence"].as_u64().expect("a number");
        assert!(sequence > last, "{sequence} comes after {last}: {line}");
        last = sequence;
        if event["event"] != "task" {
            continue;
        }
        let task = tasks.entry(event["id"].as_str().expect("an id").to_owned()).or_default();
        task.agent = event["agent"].as_str().expect("an agent").to_owned();
        let resources = &event["resources"];
        task.cpus_milli = (resources["cpus"].as_f64().expect("cpus") * 1_000.0).round() as i64;
        task.mem_mib = resources["mem"].as_f64().expect("mem").round() as i64;
        task.states.push((sequence, event["state"].as_str().expect("a state").to_owned()));
    }
    tasks
}

fn starts_respect_offers(summary: &Value, observed: &BTreeMap<String, Observed>) {
    let mut launches: Vec<(u64, &Value)> = rows(summary)
        .iter()
        .map(|row| (row["launch_number"].as_u64().expect("it was launched"), row))
        .collect();
    launches.sort_by_key(|(number, _)| *number);
    let mut offers: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut last, mut last_ms) = (0, 0);
    for (number, row) in &launches {
        // A launch on an offer that was void by then has a number too, and was made again.
        assert!(*number > last, "every launch is counted once: {row}");
        last = *number;
        let (offer, agent) = (row["offer"].as_str(), row["agent"].as_str());
        let (offer, agent) = (offer.expect("an offer"), agent.expect("an agent"));
        assert_eq!(*offers.entry(offer).or_insert(agent), agent, "{offer} is of one agent");
        let launched_ms = row["launched_ms"].as_u64().expect("a time");
        assert!(launched_ms >= last_ms, "launches are in order: {row}");
        assert!(row["started_ms"].as_u64().is_none_or(|at| at >= launched_ms), "{row}");
        last_ms = launched_ms;
        let task = &observed[row["task_id"].as_str().expect("an id")];
        assert_eq!(task.agent, agent, "{row}");
    }
    never_more_than_there_is(observed);
}

/// Replays the facts: staging takes resources of the agent, an end gives them back.
fn never_more_than_there_is(observed: &BTreeMap<String, Observed>) {
    let mut facts: Vec<(u64, i64, &Observed)> = Vec::new();
    for (id, task) in observed {
        // The first fact is the launch; a watcher that was late for it sees the row as it was then.
        let [(first, _), updates @ ..] = &task.states[..] else { panic!("{id}: {task:?}") };
        let count = |name| updates.iter().filter(|(_, state)| state == name).count();
        assert!(count("TASK_RUNNING") <= 1, "{id} ran twice: {task:?}");
        assert_eq!(count("TASK_FINISHED"), 1, "{id}: {task:?}");
        let (last, state) = &task.states[task.states.len() - 1];
        assert_eq!(state, "TASK_FINISHED", "{id}: {task:?}");
        facts.extend([(*first, 1, task), (*last, -1, task)]);
    }
    facts.sort_by_key(|(sequence, ..)| *sequence);
    let mut held: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for (sequence, sign, task) in facts {
        let held = held.entry(&task.agent).or_default();
        held.0 += sign * task.cpus_milli;
        held.1 += sign * task.mem_mib;
        let fits = held.0 <= AGENT_CPUS_MILLI && held.1 <= AGENT_MEM_MIB;
        assert!(fits, "{} holds {held:?} after fact {sequence}", task.agent);
    }
    assert!(held.values().all(|held| *held == (0, 0)), "{held:?}");
}

/// The folder of a home is where relative paths of a command end up.
#[test]
fn a_log_that_is_none_is_refused() {
    let home = Home::new();
    let log = home.path().join("not-a.swf");
    fs::write(&log, "1 2 3\n").unwrap();
    let mut command = bourse(&home);
    command.args(["run", "--local", "--swf"]).arg(&log);
    let problem = run(&mut command).failure();
    assert!(problem.contains("not-a.swf:1") && problem.contains("18"), "{problem}");
    home.assert_clean();
}
