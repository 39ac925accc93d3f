//! Fault domains with real processes: agents say where they are, jobs run where they may and are
//! spread.

use crate::rig::{Cluster, Daemon, Isolation, Shape, bourse, run};
use serde_json::Value;

/// How long a task takes that does nothing.
const TASK_MS: u64 = 200;

struct Sites {
    cluster: Cluster,
    flags: Vec<String>,
}

impl Sites {
    /// Three agents in two regions, and one that says nothing.
    fn open() -> Self {
        let shape = Shape { name: "domains", masters: 1, secure: true, flags: &[] };
        let mut cluster = Cluster::start(shape);
        let sites = [("one", "eu/eu-1"), ("two", "eu/eu-2"), ("three", "us/us-1"), ("lost", "")];
        for (agent, domain) in sites {
            let domain = ["--domain", domain];
            let flags = if domain[1].is_empty() { &domain[..0] } else { &domain[..] };
            cluster.add_agent_with(agent, Isolation::Emulated(TASK_MS), "cpus:4;mem:4096", flags);
        }
        let flags = cluster.client_flags("operator", "clerk");
        Self { cluster, flags }
    }

    fn json(&self, words: &[&str]) -> Value {
        let mut command = bourse(&self.cluster.home);
        run(command.args(["--output", "json"]).args(words).args(&self.flags)).json()
    }

    fn job(&self, name: &str, words: &[&str]) {
        let mut command = bourse(&self.cluster.home);
        command.args(["run", "--name", name, "--cpus", "0.5", "--quiet"]).args(words);
        command.args(self.cluster.client_flags("framework", name)).args(["--", "true"]);
        let log = self.cluster.home.path().join("logs").join(format!("{name}.log"));
        assert!(Daemon::start(command, &log).wait().success(), "job {name}");
    }

    /// The agents that ran a job's tasks.
    fn agents_of(&self, name: &str) -> Vec<String> {
        let tasks = self.json(&["tasks"]);
        let rows = tasks.as_array().unwrap().iter();
        let rows = rows.filter(|row| row["id"].as_str().is_some_and(|id| id.starts_with(name)));
        let mut agents: Vec<_> =
            rows.map(|row| row["agent"].as_str().unwrap().to_owned()).collect();
        agents.sort();
        agents
    }
}

#[test]
fn jobs_are_kept_in_domains_and_spread_over_them() {
    let sites = Sites::open();
    let agents = sites.json(&["agents"]);
    let domain = |id: &str| {
        let row = agents.as_array().unwrap().iter().find(|row| row["id"] == id);
        row.unwrap_or_else(|| panic!("{id} in {agents}"))["domain"].clone()
    };
    assert_eq!((domain("two"), domain("lost")), ("eu/eu-2".into(), Value::Null));

    let words = ["--instances", "2", "--constraint", "domain in us,asia"];
    sites.job("kept", &words);
    assert_eq!(sites.agents_of("kept-"), ["three"; 2]);

    let words = ["--instances", "3", "--domain-spread", "at most 1 per level 2"];
    sites.job("zones", &words);
    assert_eq!(sites.agents_of("zones-"), ["one", "three", "two"]);

    let words = ["--instances", "4", "--domain-spread", "even over level 1", "--gang=60s"];
    sites.job("even", &words);
    let in_us = sites.agents_of("even-").iter().filter(|agent| *agent == "three").count();
    assert_eq!(in_us, 2, "half of them in each region");

    // Where nobody offers, and jobs look for themselves, they keep to the same.
    let words = ["roles", "set", "lab", "--offers", "shared"];
    let mut command = bourse(&sites.cluster.home);
    assert_eq!(run(command.args(words).args(&sites.flags)).code, Some(0));
    let words = ["--role", "lab", "--instances", "2", "--constraint", "domain in us,asia"];
    sites.job("shown", &words);
    assert_eq!(sites.agents_of("shown-"), ["three"; 2]);
    let words = ["--role", "lab", "--instances", "3", "--domain-spread", "at most 1 per level 2"];
    sites.job("racks", &words);
    assert_eq!(sites.agents_of("racks-"), ["one", "three", "two"]);

    let mut command = bourse(&sites.cluster.home);
    let words = ["run", "--domain-spread", "evenly", "--", "true"];
    let refused = run(command.args(words));
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("even over level L"), "{refused:?}");
    sites.cluster.finish();
}
