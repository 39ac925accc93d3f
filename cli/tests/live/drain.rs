//! An agent is drained while it runs tasks: they end with a reason, run again elsewhere, and nobody
//! counts that as their failure. The leader is killed in the middle of it.

use crate::rig::{Cluster, Isolation, Shape, bourse, eventually, holds, run};
use proto::wire::v1::{self, TaskState};
use serde_json::Value;
use std::{fs, path::PathBuf};

const TASKS: usize = 4;

/// Ends when a file appears; takes its time with TERM, so that a drain is not over at once.
const SCRIPT: &str = "trap 'sleep 0.3; exit 0' TERM
while [ ! -e $FOLDER/go ]; do sleep 0.05; done";

struct Drained {
    cluster: Cluster,
    folder: PathBuf,
}

impl Drained {
    /// Masters, and an agent that is full of a job's tasks.
    fn start(name: &str, masters: u64) -> (Self, std::thread::JoinHandle<crate::rig::Outcome>) {
        let flags = &["--agent-reregister-timeout-ms=10000"];
        let mut cluster = Cluster::start(Shape { name, masters, secure: masters > 1, flags });
        cluster.add_agent("first", Isolation::Plain, "cpus:4;mem:1024");
        let folder = cluster.home.path().join("signs");
        fs::create_dir(&folder).unwrap();
        let job = folder.join("job.toml");
        let text = format!(
            "[job]\nname = \"moved\"\n\n[[task]]\nname = \"moved\"\ncommand = '''{SCRIPT}'''\n\
             cpus = 0.5\nmem = 32\ngrace = \"2s\"\ninstances = {TASKS}\n\
             env = {{ FOLDER = \"{}\" }}\n",
            folder.display()
        );
        fs::write(&job, text).unwrap();
        let mut command = bourse(&cluster.home);
        command.args(["--output", "json", "run", "--quiet"]);
        command.args(cluster.client_flags("framework", "batch")).arg("--file").arg(job);
        let running = std::thread::spawn(move || run(&mut command));
        let drained = Self { cluster, folder };
        holds("all tasks run on the first agent", || drained.running_on("first") == TASKS);
        (drained, running)
    }

    /// Asks as an operator, by the command line.
    fn ask(&self, words: &[&str]) -> String {
        let mut command = bourse(&self.cluster.home);
        command.args(words).args(self.cluster.client_flags("operator", "drainer"));
        run(&mut command).success()
    }

    fn show(&self, agent: &str) -> Value {
        let text = self.ask(&["--output", "json", "agents", "show", agent]);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// How many inverse offers of an agent were answered so, and are not over.
    fn said(&self, agent: &str, answer: &str) -> u64 {
        let row = self.show(agent);
        let tallies = row["inverse_offers"].as_array().unwrap_or_else(|| panic!("{row}"));
        tallies.iter().map(|tally| tally[answer].as_u64().unwrap()).sum()
    }

    fn of(&self, agent: &str) -> Vec<v1::TaskSummary> {
        let tasks = self.cluster.operator.tasks().into_iter();
        tasks.filter(|task| task.info.as_ref().is_some_and(|info| info.agent_id == agent)).collect()
    }

    /// Tasks that run and were not asked to end: a drain that is cancelled has asked some.
    fn running_on(&self, agent: &str) -> usize {
        let is_running = |task: &&v1::TaskSummary| {
            let status = task.status.as_ref();
            let runs = status.is_some_and(|status| status.state() == TaskState::TaskRunning);
            runs && !task.kill_requested
        };
        self.of(agent).iter().filter(is_running).count()
    }

    /// Lets the tasks end; the job must have succeeded without a failure.
    fn finish(self, running: std::thread::JoinHandle<crate::rig::Outcome>) {
        fs::write(self.folder.join("go"), "").unwrap();
        let outcome = running.join().unwrap();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let rows = value["summary"]["tasks"].as_array().unwrap();
        assert_eq!(rows.len(), TASKS);
        for row in rows {
            assert_eq!(row["outcome"], "succeeded", "{row}");
        }
        self.cluster.finish();
    }
}

fn reasons(tasks: &[v1::TaskSummary]) -> Vec<(TaskState, v1::StatusReason)> {
    let status = |task: &v1::TaskSummary| task.status.clone().unwrap_or_default();
    tasks.iter().map(|task| (status(task).state(), status(task).reason())).collect()
}

#[test]
fn a_drain_outlives_its_leader_and_tasks_move() {
    let (mut drained, running) = Drained::start("drain", 3);
    drained.cluster.add_agent("second", Isolation::Plain, "cpus:4;mem:1024");
    drained.ask(&["agents", "drain", "first", "--deadline", "10m"]);
    let leader = drained.cluster.leader();
    drained.cluster.kill_master(leader);
    let ended = eventually("all tasks of the first agent end", || {
        let ended = reasons(&drained.of("first"));
        ended.iter().all(|(state, _)| *state == TaskState::TaskKilled).then_some(ended)
    });
    assert_eq!(ended, [(TaskState::TaskKilled, v1::StatusReason::ReasonAgentDraining); TASKS]);
    holds("all tasks run on the second agent", || drained.running_on("second") == TASKS);

    let row = drained.show("first");
    assert_eq!(row["drain"]["tasks_left"], 0, "{row}");
    assert_eq!(row["tasks"], 0, "{row}");
    let table = drained.ask(&["agents"]);
    assert!(table.contains("drained"), "{table}");
    // An agent that starts anew still drains.
    drained.cluster.kill_agent("first");
    drained.cluster.start_agent("first");
    assert_eq!(drained.show("first")["drain"]["tasks_left"], 0);
    drained.ask(&["agents", "reactivate", "first"]);
    assert!(drained.show("first")["drain"].is_null());
    drained.cluster.start_master(leader);
    drained.finish(running);
}

#[test]
fn a_drain_is_cancelled_and_an_agent_given_up() {
    let (mut drained, running) = Drained::start("cancel", 1);
    drained.ask(&["agents", "deactivate", "first"]);
    assert_eq!(drained.show("first")["deactivated"], true);
    drained.ask(&["agents", "drain", "first", "--deadline", "0s", "--max-grace", "1s"]);
    // It keeps its word: what is ended there is launched again elsewhere.
    holds("the job says that it will be gone", || drained.said("first", "accepted") == 1);
    let shown = drained.ask(&["agents", "show", "first"]);
    assert!(shown.contains("framework-1: accepted: it will be gone by then"), "{shown}");
    drained.ask(&["agents", "drain", "--cancel", "first"]);
    let row = drained.show("first");
    assert!(row["drain"].is_null() && row["deactivated"] == true, "{row}");
    assert_eq!(row["inverse_offers"], serde_json::json!([]));
    let mut again = bourse(&drained.cluster.home);
    again.args(["agents", "drain", "--cancel", "first"]);
    again.args(drained.cluster.client_flags("operator", "drainer"));
    let problem = run(&mut again).failure();
    assert!(problem.contains("first is not draining"), "{problem}");
    drained.ask(&["agents", "reactivate", "first"]);
    holds("the job has all its tasks", || drained.running_on("first") == TASKS);

    let table = drained.ask(&[
        "maintenance",
        "schedule",
        "--selector",
        "id=first",
        "--start",
        "2h",
        "--duration",
        "30m",
        "--comment",
        "new disks",
    ]);
    assert_eq!(table, "window-1\n");
    let table = drained.ask(&["maintenance", "list"]);
    assert!(table.contains("planned") && table.contains("id=first"), "{table}");
    assert_eq!(drained.show("first")["unavailability"]["duration_ms"], 1_800_000);
    // Nothing ends its tasks for this one, and it ends none itself: it says so.
    holds("the job says that it stays", || drained.said("first", "declined") == 1);
    let table = drained.ask(&["maintenance", "list"]);
    assert!(table.contains("asked to leave: 1 declined"), "{table}");
    drained.ask(&["maintenance", "cancel", "window-1"]);
    assert!(drained.ask(&["maintenance", "list"]).contains("nothing to show"));

    drained.cluster.add_agent("second", Isolation::Plain, "cpus:4;mem:1024");
    drained.ask(&["agents", "gone", "first"]);
    let ended = |(state, reason): &(TaskState, v1::StatusReason)| {
        *state == TaskState::TaskGone && *reason == v1::StatusReason::ReasonAgentGone
    };
    holds("they are gone", || {
        reasons(&drained.of("first")).iter().filter(|row| ended(row)).count() == TASKS
    });
    holds("and run on the second agent", || drained.running_on("second") == TASKS);
    // Its process has ended by itself: it is told that it was removed, and why.
    drained.cluster.agents["first"].logs("removed");
    drained.cluster.kill_agent("first");
    drained.finish(running);
}

#[test]
fn an_operator_ends_a_framework() {
    let (drained, running) = Drained::start("teardown", 1);
    drained.ask(&["frameworks", "teardown", "framework-1"]);
    holds("its tasks end", || drained.running_on("first") == 0);
    let outcome = running.join().unwrap();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("framework-1"), "{outcome:?}");
    drained.cluster.finish();
}
