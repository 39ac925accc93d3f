//! Real tasks give way to a job of a higher priority, and run again when there is room.

use crate::rig::{Cluster, Daemon, Isolation, Outcome, Shape, bourse, holds, run};
use serde_json::Value;
use std::{fs, path::PathBuf, process::Command};

/// Ends when a file appears.
const SCRIPT: &str = "while [ ! -e $FOLDER/go ]; do sleep 0.05; done";

struct Shared {
    cluster: Cluster,
    flags: Vec<String>,
    folder: PathBuf,
}

impl Shared {
    /// An agent that is full of two tasks that anybody may take the place of.
    fn start() -> (Self, Daemon) {
        let mut cluster =
            Cluster::start(Shape { name: "preemption", masters: 1, secure: true, flags: &[] });
        cluster.add_agent("only", Isolation::Plain, "cpus:2;mem:1024");
        let flags = cluster.client_flags("operator", "clerk");
        let folder = cluster.home.path().join("signs");
        fs::create_dir(&folder).unwrap();
        let shared = Self { cluster, flags, folder };
        let variable = format!("FOLDER={}", shared.folder.display());
        let words = ["--priority", "1", "--preemption-notice", "300ms", "--env", &variable];
        let words = [&words[..], &["--instances", "2"]].concat();
        let batch = shared.job("low", "batch", &words, &["sh", "-c", SCRIPT]);
        holds("both run", || shared.rows("TASK_RUNNING").len() == 2);
        (shared, batch)
    }

    fn run(&self, words: &[&str]) -> Outcome {
        let mut command: Command = bourse(&self.cluster.home);
        run(command.args(words).args(&self.flags))
    }

    fn job(&self, name: &str, role: &str, words: &[&str], program: &[&str]) -> Daemon {
        let log = self.cluster.home.path().join("logs").join(format!("{name}.log"));
        let mut command = bourse(&self.cluster.home);
        command.args(["run", "--name", name, "--role", role, "--cpus", "1", "--quiet"]);
        command.args(words).args(self.cluster.client_flags("framework", name));
        command.arg("--").args(program);
        Daemon::start(command, &log)
    }

    /// Tasks in a state, as the command line shows them.
    fn rows(&self, state: &str) -> Vec<Value> {
        let rows = self.run(&["--output", "json", "tasks"]).json();
        let rows = rows.as_array().unwrap().iter();
        rows.filter(|row| row["state"] == state).cloned().collect()
    }
}

#[test]
fn a_task_gives_way_and_runs_again() {
    let (shared, batch) = Shared::start();
    let refused = shared.job("high", "web", &["--priority", "7"], &["true"]);
    assert!(!refused.wait().success(), "nobody has allowed that");
    shared.run(&["roles", "set", "web", "--priority-max", "7"]).success();
    let web = shared.job("high", "web", &["--priority", "7"], &["true"]);
    assert!(web.wait().success(), "it was given room");

    let ended = shared.rows("TASK_KILLED");
    assert_eq!(ended.len(), 1, "one is enough: {ended:?}");
    assert_eq!(ended[0]["reason"], "REASON_PREEMPTED", "{ended:?}");
    let to = &ended[0]["gives_way_to"];
    assert_eq!((&to["role"], &to["priority"]), (&"web".into(), &7.into()), "{ended:?}");
    assert_eq!(ended[0]["priority"], 1, "{ended:?}");
    let table = shared.run(&["tasks"]).success();
    assert!(table.contains("gives way to"), "{table}");

    holds("what gave way runs again", || shared.rows("TASK_RUNNING").len() == 2);
    fs::write(shared.folder.join("go"), "").unwrap();
    assert!(batch.wait().success(), "giving way was no failure of its own");
    shared.cluster.finish();
}
