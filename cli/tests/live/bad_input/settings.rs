//! Settings and command lines that cannot be meant.

use crate::rig::{Home, bourse, run};
use std::fs;

/// Runs with a settings file; answers with the complaint.
fn complaint(kind: &str, file: &str, flags: &[&str]) -> String {
    let home = Home::new();
    let path = home.path().join("settings.toml");
    fs::write(&path, file).unwrap();
    let mut command = bourse(&home);
    let problem = run(command.arg(kind).arg("--config").arg(path).args(flags)).failure();
    assert!(!home.path().join("d").exists(), "a refused start makes no data directory");
    home.assert_clean();
    assert!(problem.starts_with("bourse: "), "{problem}");
    problem
}

const MASTER: &str = "cluster = \"c\"\nnode_id = 1\ndata_dir = \"d\"\ninsecure = true\n
[members.1]\napi = \"127.0.0.1:1\"\n";
const AGENT: &str = "master = \"127.0.0.1:1\"\ndata_dir = \"d\"\ninsecure = true\n";

#[test]
fn an_unknown_key_is_named() {
    let problem = complaint("master", &format!("offer_timeuot_ms = 5\n{MASTER}"), &[]);
    assert!(problem.contains("offer_timeuot_ms") && problem.contains("settings.toml"), "{problem}");
    let problem = complaint("agent", &format!("resourses = \"cpus:1\"\n{AGENT}"), &[]);
    assert!(problem.contains("resourses") && problem.contains("settings.toml"), "{problem}");
}

#[test]
fn contradictions_are_named() {
    let problem = complaint("master", MASTER, &["--tls-ca", "ca.pem"]);
    assert!(problem.contains("insecure") && problem.contains("tls.ca"), "{problem}");
    let problem = complaint("agent", AGENT, &["--tls-key", "agent.key"]);
    assert!(problem.contains("insecure") && problem.contains("tls.key"), "{problem}");
    let problem = complaint("master", MASTER, &["--node-id", "4"]);
    assert!(problem.contains("node_id") && problem.contains("--node-id"), "{problem}");
    let flags = ["--heartbeat-interval-ms", "9000", "--agent-timeout-ms", "9000"];
    let problem = complaint("master", MASTER, &flags);
    assert!(problem.contains("agent_timeout_ms"), "{problem}");
    let members = "1=127.0.0.1:1/127.0.0.1:2,2=127.0.0.1:3/127.0.0.1:4";
    let problem = complaint("master", MASTER, &["--members", members]);
    assert!(problem.contains("members") && problem.contains("1, 3 or 5"), "{problem}");
}

#[test]
fn values_that_cannot_be_are_named() {
    for resources in ["cpus:-1", "cpus:NaN", "cpus:0.0001", "cpus:1;cpus:2", "c pus:1", ""] {
        let problem = complaint("agent", AGENT, &["--resources", resources]);
        assert!(problem.contains("resources"), "{resources}: {problem}");
    }
    let problem = complaint("agent", AGENT, &["--isolation", "some"]);
    assert!(problem.contains("isolation") && problem.contains("some"), "{problem}");
    let problem = complaint("master", MASTER, &["--listen", "nowhere"]);
    assert!(problem.contains("listen") && problem.contains("nowhere"), "{problem}");
}

#[test]
fn nothing_said_about_security_is_no_security() {
    let problem = complaint("master", &MASTER.replace("insecure = true\n", ""), &[]);
    assert!(problem.contains("insecure") && problem.contains("tls.ca"), "{problem}");
    let problem = complaint("agent", &AGENT.replace("insecure = true\n", ""), &[]);
    assert!(problem.contains("insecure") && problem.contains("tls.ca"), "{problem}");
}

#[test]
fn what_is_not_understood_is_exit_code_2() {
    let home = Home::new();
    for line in
        [&["frobnicate"][..], &["master", "--no-such-flag"], &["logs"], &["run", "--cpus=x"]]
    {
        let outcome = run(bourse(&home).args(line));
        assert_eq!(outcome.code, Some(2), "{line:?}: {outcome:?}");
        assert!(!outcome.stderr.is_empty(), "{line:?}");
    }
    home.assert_clean();
}

#[test]
fn what_print_config_prints_is_a_file_that_says_the_same() {
    let home = Home::new();
    let path = home.path().join("settings.toml");
    for (kind, file) in [("master", MASTER), ("agent", AGENT)] {
        fs::write(&path, file).unwrap();
        let print = || run(bourse(&home).args([kind, "--print-config", "--config"]).arg(&path));
        let printed = print().success();
        fs::write(&path, &printed).unwrap();
        assert_eq!(print().success(), printed);
    }
    home.assert_clean();
}
