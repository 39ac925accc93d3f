//! An operator at the command line, and the jobs that are started beside.

use super::{Cluster, Daemon, Outcome, bourse, run};
use serde_json::Value;
use std::process::Command;

/// A cluster with somebody who may do everything to it.
#[derive(Debug)]
pub(crate) struct Clerk {
    pub(crate) cluster: Cluster,
    flags: Vec<String>,
}

impl Clerk {
    pub(crate) fn of(cluster: Cluster) -> Self {
        let flags = cluster.client_flags("operator", "clerk");
        Self { cluster, flags }
    }

    /// What the clerk says.
    pub(crate) fn run(&self, words: &[&str]) -> Outcome {
        let mut command: Command = bourse(&self.cluster.home);
        run(command.args(words).args(&self.flags))
    }

    /// The same, answered for programs.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        self.run(&[&["--output", "json"], words].concat()).json()
    }

    /// A job of a framework of the same name, under way.
    pub(crate) fn job(&self, name: &str, role: &str, words: &[&str], program: &[&str]) -> Daemon {
        let log = self.cluster.home.path().join("logs").join(format!("{name}.log"));
        let mut command = bourse(&self.cluster.home);
        command.args(["run", "--name", name, "--role", role, "--quiet"]).args(words);
        command.args(self.cluster.client_flags("framework", name)).arg("--").args(program);
        Daemon::start(command, &log)
    }

    /// Tasks in a state, as the command line shows them.
    pub(crate) fn tasks(&self, state: &str) -> Vec<Value> {
        let rows = self.json(&["tasks"]);
        let rows = rows.as_array().unwrap().iter();
        rows.filter(|row| row["state"] == state).cloned().collect()
    }

    /// How many tasks there are whose id begins like this.
    pub(crate) fn task_count(&self, prefix: &str) -> usize {
        self.cluster.operator.states().keys().filter(|task| task.starts_with(prefix)).count()
    }
}
