//! 1 → 3 → 5 → 3 under load with leaders that die, and three that are replaced one by one.

use super::{add, kill_the_leader, new, remove, removed, typed, voters};
use crate::{
    failover::{
        load::{LoadRun, Seen},
        masters, nothing_is_lost,
    },
    rig::{Cluster, Isolation, Shape, bourse, holds, run},
};
use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

/// Tasks end while masters change.
fn goes_on(seen: &Mutex<Seen>) {
    let ended = seen.lock().unwrap().ended.len();
    holds("tasks go on ending", || seen.lock().unwrap().ended.len() >= ended + 20);
}

/// Ends the load and compares what it was told with what the cluster knows.
fn conclude(cluster: Cluster, run: LoadRun, seen: &Mutex<Seen>) {
    run.ask_to_stop();
    holds("every accepted task ends", || {
        let seen = seen.lock().unwrap();
        seen.is_stopping && seen.open_calls == 0 && seen.ended.len() == seen.accepted.len()
    });
    nothing_is_lost(&cluster, &seen.lock().unwrap());
    run.tear_down();
    cluster.finish();
}

#[test]
fn one_three_five_three_under_load() {
    // Snapshots are made all the time, so that some who join get one.
    let flags = &["--snapshot-entries=200", "--log-tail-entries=50"];
    let shape = Shape { name: "growing", masters: 1, secure: true, flags };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent("busy", Isolation::Emulated(200), "cpus:64;mem:65536");
    let seen = Arc::new(Mutex::new(Seen::default()));
    let run = LoadRun::start(masters(&cluster), Arc::clone(&seen));
    goes_on(&seen);

    for id in [2, 3] {
        add(&mut cluster, id);
    }
    assert_eq!(voters(&cluster), [1, 2, 3]);
    kill_the_leader(&mut cluster);
    goes_on(&seen);

    for id in [4, 5] {
        add(&mut cluster, id);
        kill_the_leader(&mut cluster);
        goes_on(&seen);
    }
    assert_eq!(voters(&cluster), [1, 2, 3, 4, 5]);

    // The one that the agent and the framework were told of goes first.
    for id in [1, 2] {
        remove(&mut cluster, id);
        goes_on(&seen);
    }
    assert_eq!(voters(&cluster), [3, 4, 5]);
    kill_the_leader(&mut cluster);
    goes_on(&seen);
    conclude(cluster, run, &seen);
}

#[test]
fn three_are_replaced_one_by_one_and_everybody_follows() {
    let shape = Shape { name: "replaced", masters: 3, secure: true, flags: &[] };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent("busy", Isolation::Emulated(200), "cpus:64;mem:65536");
    let seen = Arc::new(Mutex::new(Seen::default()));
    let run = LoadRun::start(masters(&cluster), Arc::clone(&seen));
    goes_on(&seen);
    for (old, id) in [(1, 4), (2, 5), (3, 6)] {
        cluster.join_master(id);
        let (node, api, peer) = new(&cluster, id);
        let addresses = ["--address", &api, "--peer-address", &peer, "--wait=60s"];
        let words = ["masters", "replace", &old.to_string(), "--with", &node];
        typed(&cluster, &[&words[..], &addresses].concat()).success();
        removed(&mut cluster, old);
        goes_on(&seen);
    }
    assert_eq!(voters(&cluster), [4, 5, 6], "nobody is left of whom clients were told");
    // Everybody has to look for the leader again, at addresses that were learned.
    kill_the_leader(&mut cluster);
    goes_on(&seen);
    conclude(cluster, run, &seen);
}

#[test]
fn leadership_goes_where_it_is_sent_and_does_not_wait_for_an_election_at_the_end() {
    let shape = Shape { name: "transfer", masters: 3, secure: false, flags: &[] };
    let mut cluster = Cluster::start(shape);
    (1..=3).for_each(|id| cluster.caught_up(id));
    let leader = cluster.leader();
    let other = leader % 3 + 1;
    typed(&cluster, &["masters", "transfer", &other.to_string()]).success();
    assert_eq!(cluster.leader(), other);
    let before = cluster.operator.cluster().term;
    let began = Instant::now();
    cluster.stop_master(other);
    let ended = began.elapsed();
    let after = cluster.operator.cluster();
    println!(
        "transfer: SIGTERM of the leader to its end {ended:?}, to a leader {:?}",
        began.elapsed()
    );
    assert_ne!(after.leader_id, other);
    assert_eq!(after.term, before + 1, "one election, which nobody had to wait for");
    cluster.masters[&other].logs("leadership was handed over");
    let rows = typed(&cluster, &["masters", "--output", "json"]).json();
    let roles: Vec<&str> =
        rows.as_array().unwrap().iter().map(|row| row["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["voter"; 3]);
    // Somebody who is no master has the port of one that is gone.
    let there = &cluster.masters[&after.leader_id];
    let masters = format!("{},{}", there.peer, there.api);
    run(bourse(&cluster.home).args(["masters", "--insecure", "--masters", &masters])).success();
    cluster.finish();
}
