//! Demand with real processes: jobs run where their constraints say, and `bourse why` says why one
//! does not.

use crate::rig::{Cluster, Daemon, Isolation, Outcome, Shape, bourse, holds, run};
use serde_json::Value;
use std::process::Command;

/// How long a task takes that does nothing.
const TASK_MS: u64 = 200;

struct Floor {
    cluster: Cluster,
    flags: Vec<String>,
}

impl Floor {
    /// Two agents in two racks.
    fn open() -> Self {
        let shape = Shape { name: "demand", masters: 1, secure: true, flags: &[] };
        let mut cluster = Cluster::start(shape);
        for (agent, rack) in [("east", "rack:r1"), ("west", "rack:r2")] {
            let isolation = Isolation::Emulated(TASK_MS);
            cluster.add_agent_with(agent, isolation, "cpus:4;mem:4096", &["--attributes", rack]);
        }
        let flags = cluster.client_flags("operator", "clerk");
        Self { cluster, flags }
    }

    fn run(&self, words: &[&str]) -> Outcome {
        let mut command = bourse(&self.cluster.home);
        run(command.args(words).args(&self.flags))
    }

    fn json(&self, words: &[&str]) -> Value {
        self.run(&[&["--output", "json"], words].concat()).json()
    }

    fn job_command(&self, name: &str, words: &[&str]) -> Command {
        let mut command = bourse(&self.cluster.home);
        command.args(["run", "--name", name, "--cpus", "0.5", "--quiet"]).args(words);
        command.args(self.cluster.client_flags("framework", name)).args(["--", "true"]);
        command
    }

    fn job(&self, name: &str, words: &[&str]) -> Daemon {
        let log = self.cluster.home.path().join("logs").join(format!("{name}.log"));
        Daemon::start(self.job_command(name, words), &log)
    }

    /// The agents that ran a job's tasks.
    fn agents_of(&self, name: &str) -> Vec<String> {
        let tasks = self.json(&["tasks"]);
        let rows = tasks.as_array().unwrap().iter();
        let rows = rows.filter(|row| row["id"].as_str().is_some_and(|id| id.starts_with(name)));
        rows.map(|row| row["agent"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_job_runs_where_it_may() {
    let floor = Floor::open();
    let words = ["--instances", "6", "--constraint", "rack in r2,r3"];
    assert!(floor.job("picky", &words).wait().success());
    assert_eq!(floor.agents_of("picky-"), ["west"; 6]);
    let spread = floor.job("spread", &["--instances", "2", "--spread", "1"]);
    assert!(spread.wait().success());
    let mut agents = floor.agents_of("spread-");
    agents.sort();
    assert_eq!(agents, ["east", "west"]);
    let gang = floor.job("gang", &["--instances", "16", "--gang=60s"]);
    assert!(gang.wait().success(), "there is room for all of it at once");
    floor.cluster.finish();
}

#[test]
fn why_says_what_a_job_waits_for() {
    let floor = Floor::open();
    let job = floor.job("stuck", &["--constraint", "rack in r9"]);
    holds("the job is waiting", || {
        floor.json(&["demand"]).as_array().is_some_and(|rows| !rows.is_empty())
    });
    let demands = floor.json(&["demand"]);
    assert_eq!((&demands[0]["id"], &demands[0]["pieces_left"]), (&"stuck".into(), &1.into()));
    let text = floor.run(&["why", "stuck-0"]).success();
    assert!(text.contains("no agent can ever fit what it wants"), "{text}");
    assert!(text.contains("2 of 2 agents fail `rack in r9`"), "{text}");
    let framework = demands[0]["framework"].as_str().unwrap();
    let why = floor.json(&["why", framework]);
    assert_eq!(why["standings"][0]["state"], "nothing_fits");
    assert_eq!(why["standings"][0]["demands"][0]["unmet"][0]["agents"], 2);
    let nobody = floor.run(&["why", "nobody"]).failure();
    assert!(nobody.contains("bourse demand"), "{nobody}");
    drop(job);

    let gang = run(&mut floor.job_command("gang", &["--instances", "40", "--gang=1s"]));
    assert_eq!(gang.code, Some(1), "{gang:?}");
    floor.cluster.finish();
}
