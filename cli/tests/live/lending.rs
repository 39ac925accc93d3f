//! An idle guarantee is lent to real tasks, comes back to its owner with notice, and is lent again.

use crate::rig::{Cluster, Daemon, Isolation, Outcome, Shape, bourse, holds, run};
use serde_json::Value;
use std::{fs, path::PathBuf, process::Command};

/// Ends when a file appears.
const SCRIPT: &str = "while [ ! -e $FOLDER/go ]; do sleep 0.05; done";

struct Lent {
    cluster: Cluster,
    flags: Vec<String>,
    folder: PathBuf,
}

impl Lent {
    /// An agent all of whose CPUs are promised to a role that uses none.
    fn start() -> Self {
        let mut cluster =
            Cluster::start(Shape { name: "lending", masters: 1, secure: true, flags: &[] });
        cluster.add_agent("only", Isolation::Plain, "cpus:2;mem:1024");
        let flags = cluster.client_flags("operator", "clerk");
        let folder = cluster.home.path().join("signs");
        fs::create_dir(&folder).unwrap();
        let lent = Self { cluster, flags, folder };
        lent.run(&["quota", "set", "web", "--guarantee", "cpus:2"]).success();
        lent
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

    /// How many CPUs of the guarantee are lent.
    fn lent(&self) -> String {
        let rows = self.run(&["--output", "json", "quota"]).json();
        let mut rows = rows.as_array().unwrap().iter();
        let row = rows.find(|row| row["resource"] == "cpus").expect("a quota of cpus");
        row["lent"].as_str().expect("a number").to_owned()
    }
}

#[test]
fn an_idle_guarantee_is_lent_and_comes_back() {
    let lent = Lent::start();
    let variable = format!("FOLDER={}", lent.folder.display());
    let words = ["--revocable", "--preemption-notice", "300ms", "--env", &variable];
    let words = [&words[..], &["--instances", "2"]].concat();
    let idle = lent.job("idle", "batch", &words, &["sh", "-c", SCRIPT]);
    holds("both run on what is promised to others", || lent.rows("TASK_RUNNING").len() == 2);
    assert!(lent.rows("TASK_RUNNING").iter().all(|row| row["revocable"] == true));
    assert_eq!(lent.lent(), "2");
    let table = lent.run(&["tasks"]).success();
    assert!(table.contains("revocable"), "{table}");

    let owner = lent.job("owner", "web", &[], &["true"]);
    assert!(owner.wait().success(), "it was given its place");
    let ended = lent.rows("TASK_KILLED");
    assert_eq!(ended.len(), 1, "one is enough: {ended:?}");
    assert_eq!(ended[0]["reason"], "REASON_PREEMPTED", "{ended:?}");
    assert_eq!(ended[0]["gives_way_to"]["role"], "web", "{ended:?}");

    holds("what gave way runs again", || lent.rows("TASK_RUNNING").len() == 2);
    fs::write(lent.folder.join("go"), "").unwrap();
    assert!(idle.wait().success(), "giving way was no failure of its own");
    lent.cluster.finish();
}
