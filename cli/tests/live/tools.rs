//! The tools of an operator, against `bourse dev`, as a newcomer uses them: without a single flag.

use crate::rig::{Daemon, Home, Outcome, bourse, eventually, holds, run};
use serde_json::Value;
use std::{fs, process::Command};

/// A cluster of `bourse dev`, and commands in "another terminal".
struct Dev {
    daemon: Daemon,
    home: Home,
}

impl Dev {
    fn start() -> Self {
        let home = Home::new();
        home.watch_agent(&home.path().join("data/bourse/dev/agent"));
        let mut command = bourse(&home);
        command.args(["dev", "--listen", "127.0.0.1:0", "--resources", "cpus:4;mem:1024"]);
        let daemon = Daemon::start(command, &home.path().join("logs/dev.log"));
        let dev = Self { daemon, home };
        let context = dev.home.path().join("data/bourse/dev/context.toml");
        holds("the cluster is up", || context.exists() && dev.daemon.log().contains("is up"));
        dev
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = bourse(&self.home);
        command.args(words);
        command
    }

    fn run(&self, words: &[&str]) -> Outcome {
        run(&mut self.command(words))
    }

    fn json(&self, words: &[&str]) -> Value {
        self.run(&[&["--output", "json"], words].concat()).json()
    }

    fn table(&self, words: &[&str]) -> String {
        self.run(words).success()
    }

    fn start_job(&self, words: &[&str]) -> Daemon {
        let log = self.home.path().join("logs/job.log");
        Daemon::start(self.command(&[&["run"], words].concat()), &log)
    }

    fn state(&self, task: &str) -> Option<String> {
        let tasks = self.json(&["tasks"]);
        let row = tasks.as_array().unwrap().iter().find(|row| row["id"] == task)?.clone();
        Some(row["state"].as_str().unwrap().to_owned())
    }

    fn runs(&self, task: &str) {
        holds("the task runs", || self.state(task).as_deref() == Some("TASK_RUNNING"));
    }

    fn stop(self) {
        let log = self.daemon.log();
        let status = self.daemon.terminate();
        assert!(status.success(), "{status}: {log}");
        let context = self.home.path().join("data/bourse/dev/context.toml");
        assert!(!context.exists(), "a cluster that is gone is not found");
        self.home.assert_clean();
    }
}

#[test]
fn everything_is_shown_to_people_and_to_programs() {
    let dev = Dev::start();
    assert!(dev.table(&["tasks"]).contains("nothing to show"));
    let job =
        dev.start_job(&["--name", "shown", "--", "sh", "-c", "echo $BOURSE_AGENT_ID; sleep 1000"]);
    dev.runs("shown-0");

    let status = dev.json(&["status"]);
    assert_eq!((&status["leader"], &status["agents"]), (&1.into(), &1.into()), "{status}");
    assert_eq!(status["live_tasks"], 1, "{status}");
    assert_eq!(status["members"][0]["role"], "leader", "{status}");
    assert!(status["ledger_digest"].as_str().unwrap().len() == 32, "{status}");
    assert!(dev.table(&["status"]).contains("leader: member 1"));

    let agents = dev.json(&["agents"]);
    assert_eq!(agents.as_array().unwrap().len(), 1, "{agents}");
    assert_eq!(agents[0]["resources"]["cpus"], 4, "{agents}");
    assert_eq!(agents[0]["allocated"]["cpus"], 0.1, "{agents}");
    assert_eq!(agents[0]["state"], "registered", "{agents}");
    assert!(dev.table(&["agents"]).contains("0.1/4"), "{}", dev.table(&["agents"]));

    let frameworks = dev.json(&["frameworks"]);
    assert_eq!(frameworks[0]["name"], "shown", "{frameworks}");
    assert_eq!(frameworks[0]["state"], "subscribed", "{frameworks}");
    let table = dev.table(&["frameworks"]);
    assert!(table.contains("framework-1") && table.contains("shown"), "{table}");

    let tasks = dev.json(&["tasks", "--state", "running"]);
    assert_eq!(tasks[0]["id"], "shown-0", "{tasks}");
    assert_eq!(tasks[0]["command"][0], "sh", "{tasks}");
    assert_eq!(dev.json(&["tasks", "--state", "failed,killed"]), Value::Array(vec![]));
    assert!(dev.table(&["tasks"]).contains("TASK_RUNNING"));

    let roles = dev.json(&["roles"]);
    assert_eq!(roles[0]["role"], "*", "{roles}");
    assert_eq!(roles[0]["allocated"]["cpus"], 0.1, "{roles}");
    assert!(dev.table(&["roles"]).contains('*'));

    assert!(dev.json(&["offers"]).is_array());
    dev.table(&["offers"]);

    dev.table(&["kill", "shown-0"]);
    assert_eq!(job.wait().code(), Some(1), "a killed task did not succeed");
    dev.stop();
}

#[test]
fn logs_are_followed_to_the_end() {
    let dev = Dev::start();
    let folder = dev.home.path().display().to_string();
    // A job's tasks are known until the job ends: the second instance keeps it.
    let script = "echo first; while [ ! -e $0/go ]; do sleep 0.05; done; echo last; echo bad >&2
        while [ $BOURSE_TASK_ID = talk-1 ] && [ ! -e $0/end ]; do sleep 0.05; done";
    let words =
        ["--quiet", "--name", "talk", "--instances", "2", "--", "sh", "-c", script, &folder];
    let job = dev.start_job(&words);
    dev.runs("talk-0");
    dev.runs("talk-1");
    holds("the first line is there", || dev.table(&["logs", "talk-0"]) == "first\n");
    let log = dev.home.path().join("logs/follow.log");
    let follow = Daemon::start(dev.command(&["logs", "-f", "talk-0"]), &log);
    holds("the first line is followed", || follow.log() == "first\n");
    fs::write(dev.home.path().join("go"), "").unwrap();
    assert!(follow.wait().success(), "following ends with the task");
    assert_eq!(fs::read_to_string(&log).unwrap(), "first\nlast\n");
    assert_eq!(dev.table(&["logs", "--stderr", "talk-0"]), "bad\n");
    let problem = dev.run(&["logs", "--file", "../../../etc/passwd", "talk-0"]).failure();
    assert!(problem.contains("leads out of the sandbox"), "{problem}");
    let problem = dev.run(&["logs", "--file", "nothing", "talk-0"]).failure();
    let named = r#"the file "nothing" of talk-0: it does not exist; there are stderr, stdout; "#;
    assert!(problem.contains(named), "{problem}");
    assert!(problem.contains("type `bourse logs talk-0 --file stdout`"), "{problem}");
    fs::write(dev.home.path().join("end"), "").unwrap();
    assert!(job.wait().success());
    dev.stop();
}

#[test]
fn what_happens_is_told_and_can_be_resumed() {
    let dev = Dev::start();
    let log = dev.home.path().join("logs/events.log");
    let words = ["--output", "json", "events", "--follow", "--after", "0"];
    let events = Daemon::start(dev.command(&words), &log);
    let told = |text: &str| -> Vec<Value> {
        let lines = text.lines().filter(|line| line.ends_with('}'));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    holds("the agent's registration is told", || {
        told(&events.log()).iter().any(|event| event["event"] == "agent")
    });
    dev.run(&["run", "--quiet", "--name", "short", "--", "true"]).success();
    let seen = eventually("the end is told", || {
        let events = told(&events.log());
        let is_end = |event: &&Value| event["id"] == "short-0" && event["state"] == "TASK_FINISHED";
        events.iter().any(|event| is_end(&event)).then_some(events)
    });
    let of_the_task: Vec<&Value> = seen.iter().filter(|event| event["id"] == "short-0").collect();
    assert_eq!(of_the_task[0]["state"], "TASK_STAGING", "{of_the_task:#?}");
    // From the middle on, without following: the rest, and the end.
    let after = of_the_task[0]["sequence"].to_string();
    let rest = dev.run(&["--output", "json", "events", "--after", &after]).success();
    // Rows of what is gone by now are empty; what happened, and when, is the same.
    let facts = |events: &[Value]| -> Vec<(String, String, String)> {
        let text = |event: &Value, field: &str| event[field].to_string();
        let fact = |event| (text(event, "sequence"), text(event, "event"), text(event, "state"));
        events.iter().map(fact).collect()
    };
    let (rest, seen) = (facts(&told(&rest)), facts(&seen));
    let position = seen.iter().position(|fact| fact.0 == after).unwrap();
    let expected: Vec<_> =
        seen[position + 1..].iter().filter(|fact| fact.1 == "\"task\"").collect();
    let resumed: Vec<_> = rest.iter().filter(|fact| fact.1 == "\"task\"").collect();
    assert_eq!(resumed, expected);
    drop(events);
    dev.stop();
}

#[test]
fn errors_say_what_to_do_next() {
    let home = Home::new();
    let complaint = |words: &[&str]| run(bourse(&home).args(words)).failure();
    let problem = complaint(&["status"]);
    assert!(problem.contains("bourse dev") && problem.contains("--masters"), "{problem}");
    let problem = complaint(&["status", "--masters", "127.0.0.1:1"]);
    assert!(problem.contains("--insecure") && problem.contains("--certificate"), "{problem}");
    let problem = complaint(&["status", "--masters", "127.0.0.1:1", "--ca", "x"]);
    assert!(problem.contains("--certificate") && problem.contains("--key"), "{problem}");
    let problem = complaint(&["status", "--masters", "127.0.0.1:1", "--insecure"]);
    assert!(problem.contains("127.0.0.1:1"), "{problem}");
    let problem = complaint(&["status", "--context", "nowhere.toml"]);
    assert!(problem.contains("nowhere.toml"), "{problem}");
    let problem = complaint(&["run", "--local"]);
    assert!(problem.contains("--file") && problem.contains("--"), "{problem}");
    home.assert_clean();

    let dev = Dev::start();
    for words in [&["logs", "no-such-task"][..], &["kill", "no-such-task"]] {
        let problem = dev.run(words).failure();
        assert!(problem.contains("no-such-task") && problem.contains("bourse tasks"), "{problem}");
        assert_eq!(problem.lines().count(), 1, "{problem}");
    }
    let problem = dev.run(&["tasks", "--state", "jogging"]).failure();
    assert!(problem.contains("jogging") && problem.contains("running"), "{problem}");
    // The port is taken, the folder too.
    let problem = dev.run(&["dev", "--listen", "127.0.0.1:0"]).failure();
    assert!(problem.contains("bourse/dev"), "{problem}");
    dev.stop();
}

#[test]
fn a_cluster_of_yesterday_is_found_again() {
    let dev = Dev::start();
    dev.run(&["run", "--quiet", "--name", "old", "--", "true"]).success();
    let index = |dev: &Dev| dev.json(&["status"])["applied_index"].as_u64().unwrap();
    let before = index(&dev);
    let Dev { daemon, home } = dev;
    assert!(daemon.terminate().success());
    let mut command = bourse(&home);
    command.args(["dev", "--listen", "127.0.0.1:0", "--resources", "cpus:4;mem:1024"]);
    let daemon = Daemon::start(command, &home.path().join("logs/dev-again.log"));
    let dev = Dev { daemon, home };
    holds("the cluster is up again", || dev.daemon.log().contains("is up"));
    assert_eq!(dev.json(&["agents"]).as_array().unwrap().len(), 1);
    assert!(index(&dev) > before, "the log goes on");
    dev.run(&["run", "--quiet", "--name", "new", "--", "true"]).success();
    dev.stop();
}

#[test]
fn shells_get_completion() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(bourse(&home).args(["completion", shell])).success();
        assert!(script.contains("bourse") && script.contains("frameworks"), "{shell}");
    }
    let script = home.path().join("completion.bash");
    fs::write(&script, run(bourse(&home).args(["completion", "bash"])).success()).unwrap();
    let mut check = Command::new("bash");
    check.arg("-n").arg(&script);
    run(&mut check).success();
    home.assert_clean();
}
