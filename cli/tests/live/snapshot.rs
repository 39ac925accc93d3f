//! Members that were away: for long, or without their disk.

use crate::rig::{Cluster, Isolation, Shape, bourse, eventually, metric, metrics_page, run};
use std::fs;

/// Snapshots come quickly, and keep almost no log behind them.
const SHAPE: Shape<'_> = Shape {
    name: "snapshots",
    masters: 3,
    secure: false,
    flags: &["--snapshot-entries=40", "--log-tail-entries=5", "--tick-ms=50"],
};

/// Runs a job, so that the log grows by some entries for each of its tasks.
fn work(cluster: &Cluster, tasks: u32) {
    let mut command = bourse(&cluster.home);
    command.arg("run").args(cluster.client_flags("framework", "batch"));
    command.args(["--cpus=0.01", "--mem=1", &format!("--instances={tasks}"), "--", "true"]);
    run(&mut command).success();
}

fn snapshots(cluster: &Cluster, id: u64) -> usize {
    let folder = cluster.masters[&id].data_dir.join("snapshots");
    fs::read_dir(folder).map_or(0, Iterator::count)
}

/// A member that is not the leader, and the third one.
fn followers(cluster: &Cluster) -> (u64, u64) {
    let leader = cluster.leader();
    let mut others = (1..=3).filter(|id| *id != leader);
    (others.next().unwrap(), others.next().unwrap())
}

/// What a member knows that can reach nobody: its index and digest.
fn alone(cluster: &Cluster, id: u64) -> (u64, String) {
    let answer = eventually("a lone member notices that nobody leads", || {
        cluster.operator.cluster_at(cluster.masters[&id].api).ok().filter(|a| a.leader_id == 0)
    });
    (answer.applied_index, answer.ledger_digest)
}

#[test]
fn a_member_that_was_away_for_long_gets_a_snapshot() {
    let mut cluster = Cluster::start(SHAPE);
    cluster.add_agent("one", Isolation::Emulated(1), "cpus:8;mem:1024");
    let (late, other) = followers(&cluster);
    cluster.kill_master(late);
    let held = cluster.operator.cluster().applied_index;
    assert_eq!(snapshots(&cluster, late), 0, "it starts without");
    let leader = cluster.leader();
    for _ in 0..50 {
        work(&cluster, 8);
        if cluster.operator.cluster().applied_index > held + 200 && snapshots(&cluster, leader) > 0
        {
            break;
        }
    }
    assert_eq!(cluster.leader(), leader, "nobody else has come to power");
    cluster.start_master(late);
    cluster.caught_up(late);
    assert!(snapshots(&cluster, late) > 0, "the entries that it lacks are gone from all logs");

    // Everybody now holds the same. The witness is what each says when it is alone.
    cluster.stop_agent("one");
    let before = eventually("the log comes to rest", || {
        let now = cluster.operator.cluster();
        let page = metrics_page(cluster.masters[&late].metrics).unwrap();
        // Holding an entry is not knowing that it is committed: that comes with a later message.
        let applied = metric(&page, "bourse_master_applied_index", "");
        let all = now.members.iter().all(|member| member.matched_index == now.committed_index);
        let is_at_rest = all && now.applied_index == now.committed_index;
        (is_at_rest && applied == Some(now.applied_index as f64)).then_some(now)
    });
    cluster.kill_master(other);
    cluster.kill_master(leader);
    let (index, digest) = alone(&cluster, late);
    assert_eq!(index, before.applied_index, "the late member has applied everything");
    assert_eq!(digest, before.ledger_digest, "equal digests at the index {index}");
    // And it is a full member: with one other it is a majority.
    cluster.start_master(other);
    let after = cluster.operator.cluster();
    assert!(after.applied_index > before.applied_index && after.term > before.term);
    cluster.start_master(leader);
    cluster.caught_up(leader);
    cluster.finish();
}

#[test]
fn a_wiped_member_joins_first_and_votes_later() {
    let mut cluster = Cluster::start(SHAPE);
    cluster.add_agent("one", Isolation::Emulated(1), "cpus:8;mem:1024");
    work(&cluster, 4);
    let before = cluster.operator.cluster();
    let (wiped, other) = followers(&cluster);
    let leader = before.leader_id;
    for id in [wiped, other, leader] {
        cluster.stop_master(id);
    }
    cluster.wipe_master(wiped);
    cluster.start_master(wiped);
    let api = cluster.masters[&wiped].api.to_string();
    let role = |cluster: &Cluster| {
        let mut command = bourse(&cluster.home);
        command.args(["status", "--output", "json", "--insecure", "--masters", &api]);
        let status = run(&mut command).json();
        let members = status["members"].as_array().unwrap().iter();
        let own = members.clone().find(|member| member["id"] == wiped).unwrap();
        own["role"].as_str().unwrap().to_owned()
    };
    assert_eq!(role(&cluster), "joining", "it knows that it knows nothing");
    // With one other it would be a majority, and could elect one that lacks what it has forgotten.
    cluster.start_master(other);
    cluster.masters[&other].logs("master started");
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(4);
    eventually("several elections have failed", || {
        for id in [wiped, other] {
            let at = cluster.operator.cluster_at(cluster.masters[&id].api);
            assert!(at.is_err() || at.unwrap().leader_id == 0, "a leader without a majority");
        }
        (std::time::Instant::now() > patience).then_some(())
    });
    assert_eq!(role(&cluster), "joining");

    cluster.start_master(leader);
    cluster.caught_up(wiped);
    // It may vote when it has asked the leader what is committed, which it does at every tick once
    // there is one; that is not shown, but tasks take longer.
    work(&cluster, 4);
    let known = cluster.operator.cluster();
    assert!(known.applied_index > before.applied_index, "nothing was forgotten");
    // It votes: without the vote of the wiped member the other two now have no majority.
    let dead = if cluster.leader() == other { other } else { leader };
    cluster.kill_master(dead);
    assert_ne!(cluster.leader(), dead, "two lead on, of whom one was wiped");
    cluster.start_master(dead);
    cluster.caught_up(dead);
    assert_eq!(cluster.operator.agents().len(), 1, "the agent is known");
    work(&cluster, 4);
    cluster.finish();
}
