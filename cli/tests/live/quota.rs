//! Quota with real processes: a job larger than its role's limit runs in pieces and never exceeds
//! it; what waits for a limit goes on when the limit is gone.

use crate::rig::{Clerk, Cluster, Daemon, Isolation, Shape, bourse, holds, run};
use serde_json::Value;

/// How long a task takes that does nothing.
const TASK_MS: u64 = 300;

fn market() -> Clerk {
    let shape = Shape { name: "quota", masters: 1, secure: true, flags: &[] };
    let mut cluster = Cluster::start(shape);
    for agent in ["east", "west"] {
        cluster.add_agent(agent, Isolation::Emulated(TASK_MS), "cpus:4;mem:4096");
    }
    Clerk::of(cluster)
}

/// So many instances of half a CPU each.
fn job(market: &Clerk, name: &str, role: &str, instances: u32) -> Daemon {
    let instances = instances.to_string();
    market.job(name, role, &["--cpus", "0.5", "--instances", &instances], &["true"])
}

/// What a role and all below it use; zero while nobody knows it.
fn cpus_of(market: &Clerk, role: &str) -> f64 {
    let roles = market.json(&["roles"]);
    let row = roles.as_array().unwrap().iter().find(|row| row["role"] == role);
    row.and_then(|row| row["allocated"]["cpus"].as_f64()).unwrap_or_default()
}

#[test]
fn a_job_larger_than_its_limit_runs_in_pieces() {
    let market = market();
    market.run(&["quota", "set", "eng", "--limit", "cpus:1"]).success();
    let mut work = job(&market, "large", "eng/search", 12);
    let (mut most, mut ended) = (0.0, None);
    holds("the job ends", || {
        most = f64::max(most, cpus_of(&market, "eng"));
        ended = work.ended();
        ended.is_some()
    });
    assert!(ended.unwrap().success(), "{}", work.log());
    assert!(most > 0.0 && most <= 1.0, "never above the limit, and seen at work: {most}");
    market.cluster.finish();
}

#[test]
fn what_waits_for_a_limit_goes_on_without_it() {
    let market = market();
    market.run(&["quota", "set", "eng", "--limit", "cpus:0"]).success();
    let work = job(&market, "held", "eng", 4);
    let other = job(&market, "other", "ops", 4);
    assert!(other.wait().success(), "a limit of one role is not another's");
    assert_eq!(market.task_count("held-"), 0, "nothing is launched");
    let table = market.run(&["quota"]).success();
    assert!(table.contains("eng") && table.contains("cpus"), "{table}");
    market.run(&["quota", "remove", "eng"]).success();
    assert!(work.wait().success());
    assert_eq!(market.json(&["quota"]), Value::Array(vec![]));
    market.cluster.finish();
}

#[test]
fn operators_say_who_gets_how_much() {
    let market = market();
    market.run(&["roles", "weight", "eng/search", "2.5"]).success();
    market
        .run(&["quota", "set", "eng", "--guarantee", "cpus:6", "--limit", "cpus:7,gpus:0"])
        .success();
    let roles = market.json(&["roles"]);
    let paths: Vec<_> = roles.as_array().unwrap().iter().map(|row| &row["role"]).collect();
    assert_eq!(paths, ["eng", "eng/search"]);
    assert_eq!(
        (&roles[0]["guarantee"]["cpus"], &roles[0]["limit"]["gpus"]),
        (&6.into(), &0.into())
    );
    assert_eq!((&roles[1]["weight"], &roles[1]["weight_set"]), (&"2.5".into(), &true.into()));
    let table = market.run(&["roles"]).success();
    assert!(
        table.lines().any(|line| line.trim_start_matches(' ').starts_with("search")),
        "{table}"
    );

    market.run(&["roles", "set", "eng", "--placement", "pack", "--priority-max", "5"]).success();
    market.run(&["roles", "set", "eng/search", "--placement", "spread"]).success();
    let roles = market.json(&["roles"]);
    let settings = |row: usize, which: &str| roles[row][which].clone();
    assert_eq!(settings(1, "settings")["priority_max"], Value::Null);
    let in_force = settings(1, "settings_in_force");
    assert_eq!((&in_force["placement"], &in_force["priority_max"]), (&"spread".into(), &5.into()));
    market.run(&["roles", "set", "eng/search", "--reset", "placement"]).success();
    assert_eq!(market.json(&["roles"])[1]["settings_in_force"]["placement"], "pack");
    let typed = market.run(&["roles", "set", "eng"]).failure();
    assert!(typed.contains("--placement pack"), "{typed}");

    let full = market.run(&["quota", "set", "ops", "--guarantee", "cpus:3"]).failure();
    assert!(full.contains("9 cpus would be promised") && full.contains("--force"), "{full}");
    market.run(&["quota", "set", "ops", "--guarantee", "cpus:3", "--force"]).success();
    let below = market.run(&["quota", "set", "eng/search", "--limit", "cpus:8"]).failure();
    assert!(below.contains("`bourse quota`"), "{below}");
    let odd = market.run(&["quota", "set", "eng//search", "--limit", "cpus:8"]);
    assert_eq!(odd.code, Some(2), "{odd:?}");
    let nothing = market.run(&["quota", "set", "eng"]).failure();
    assert!(nothing.contains("--limit cpus:80"), "{nothing}");
    let framework = market.cluster.client_flags("framework", "sneaky");
    let mut sneaky = bourse(&market.cluster.home);
    sneaky.args(["quota", "remove", "eng"]).args(framework);
    assert!(run(&mut sneaky).failure().contains("framework"), "frameworks may not");
    market.run(&["quota", "remove", "ops"]).success();
    market.run(&["quota", "remove", "ops"]).success();
    market.cluster.finish();
}
