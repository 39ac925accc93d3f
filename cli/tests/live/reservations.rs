//! Reservations with real processes: what an operator reserves is had by jobs of that role and by
//! no others, until it is given up.

use crate::rig::{Clerk, Cluster, Daemon, Isolation, Shape, bourse, holds, run};
use serde_json::Value;

/// How long a task takes that does nothing.
const TASK_MS: u64 = 300;

fn market() -> Clerk {
    let shape = Shape { name: "reserved", masters: 1, secure: true, flags: &[] };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent("east", Isolation::Emulated(TASK_MS), "cpus:4;mem:4096");
    Clerk::of(cluster)
}

/// So many instances of half a CPU each.
fn job(market: &Clerk, name: &str, role: &str, instances: u32) -> Daemon {
    let instances = instances.to_string();
    market.job(name, role, &["--cpus", "0.5", "--instances", &instances], &["true"])
}

#[test]
fn what_is_reserved_is_for_its_role_alone() {
    let market = market();
    let reserve = ["reservations", "reserve", "east", "eng", "cpus:4,mem:4096"];
    let mut labelled = reserve.to_vec();
    labelled.extend(["--label", "team=search", "--label", "why=index"]);
    // As somebody does who does not know what became of it.
    labelled.extend(["--request-id", "clerk-2026-11-29-1"]);
    for _ in 0..2 {
        assert_eq!(market.json(&labelled)["id"], "reservation-1");
    }
    let mut mistaken = vec!["reservations", "unreserve", "reservation-1"];
    mistaken.extend(["--request-id", "clerk-2026-11-29-1"]);
    assert!(market.run(&mistaken).failure().contains("request_id"), "it is of another call");
    let rows = market.json(&["reservations", "--agent", "east", "--role", "eng"]);
    assert_eq!(rows[0]["owner"], "clerk");
    assert_eq!(rows[0]["labels"], serde_json::json!(["team=search", "why=index"]));
    assert_eq!(rows[0]["resources"]["cpus"], 4);

    let mut other = job(&market, "other", "ops", 2);
    let work = job(&market, "builds", "eng/search", 12);
    assert!(work.wait().success(), "a role below may have what is reserved");
    assert_eq!(market.task_count("other-"), 0, "what is reserved is not another role's");
    assert!(other.ended().is_none(), "it waits: {}", other.log());

    let mut nameless = reserve.to_vec();
    nameless.extend(["--label", "=x"]);
    let nameless = market.run(&nameless);
    assert_eq!(nameless.code, Some(2), "{}", nameless.stderr);
    assert!(nameless.stderr.contains("team=search"), "{}", nameless.stderr);
    let taken = market.run(&["reservations", "reserve", "east", "ops", "cpus:1"]).failure();
    assert!(taken.contains("unreserved and free") && taken.contains("`bourse agents`"), "{taken}");
    let unknown = market.run(&["reservations", "unreserve", "reservation-9"]).failure();
    assert!(unknown.contains("`bourse reservations`"), "{unknown}");
    let mut sneaky = bourse(&market.cluster.home);
    sneaky.args(["reservations", "unreserve", "reservation-1"]);
    sneaky.args(market.cluster.client_flags("framework", "sneaky"));
    assert!(run(&mut sneaky).failure().contains("framework"), "frameworks may not");

    // A part of it is enough for one of the two that wait.
    market.run(&["reservations", "unreserve", "reservation-1", "cpus:0.5,mem:512"]).success();
    let mut ended = None;
    holds("the other job ends on what was given up", || {
        ended = other.ended();
        ended.is_some()
    });
    assert!(ended.unwrap().success(), "{}", other.log());
    market.run(&["reservations", "move", "reservation-1", "ops"]).success();
    let table = market.run(&["reservations"]).success();
    assert!(table.contains("ops") && table.contains("cpus:3.5"), "{table}");
    market.run(&["reservations", "unreserve", "reservation-1"]).success();
    assert_eq!(market.json(&["reservations"]), Value::Array(vec![]));
    market.cluster.finish();
}
