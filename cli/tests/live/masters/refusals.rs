//! Every no, as an operator reads it, and that it changes nothing.

use super::{add, remove, typed, voters};
use crate::rig::{Cluster, Shape};

#[test]
fn every_change_that_cannot_be_is_refused_with_its_reason() {
    let shape = Shape { name: "refusals", masters: 3, secure: false, flags: &[] };
    let mut cluster = Cluster::start(shape);
    (1..=3).for_each(|id| cluster.caught_up(id));
    let digest = cluster.operator.cluster().ledger_digest;
    let leader = cluster.leader();
    let api = cluster.masters[&1].api.to_string();
    let add_as = |id: &'static str, api: &'static str, peer: &'static str| {
        vec!["masters", "add", "--node-id", id, "--address", api, "--peer-address", peer]
    };
    let no = |cluster: &Cluster, words: &[&str], why: &str| {
        let said = typed(cluster, words).failure();
        assert!(said.contains(why), "{words:?}: {said}");
    };
    no(&cluster, &add_as("0", "a:1", "a:2"), "node_id");
    no(&cluster, &add_as("2", "a:1", "a:2"), "is a member already");
    no(&cluster, &add_as("9", "nowhere", "a:2"), "address");
    no(&cluster, &add_as("9", "a:1", "a:1"), "peer_address");
    let taken = ["masters", "add", "--node-id=9", "--address", &api, "--peer-address=a:2"];
    no(&cluster, &taken, "is the address of master 1");
    no(&cluster, &["masters", "remove", "77"], "there is no master 77");
    let replace = ["masters", "replace", "77", "--with=9", "--address=a:1", "--peer-address=a:2"];
    no(&cluster, &replace, "there is no master 77");
    no(&cluster, &["masters", "transfer", "77"], "there is no master 77");
    no(&cluster, &["masters", "transfer", &leader.to_string()], "leads already");
    assert_eq!(
        cluster.operator.cluster().ledger_digest,
        digest,
        "nothing of this changed anything"
    );

    // A learner that is not there holds up every other change, until it is taken back.
    typed(&cluster, &add_as("9", "127.0.0.1:1", "127.0.0.1:2")).success();
    let rows = typed(&cluster, &["masters", "--output", "json"]).json();
    assert_eq!(rows[3]["role"], "joining");
    no(&cluster, &add_as("10", "a:1", "a:2"), "master 9 is still catching up");
    no(&cluster, &["masters", "transfer", "9"], "does not vote");
    typed(&cluster, &["masters", "remove", "9", "--wait=30s"]).success();
    no(&cluster, &add_as("9", "a:1", "a:2"), "never used again");
    no(&cluster, &["masters", "remove", "9"], "was removed for good");

    // With one of three gone, none of the other two may go.
    let away = leader % 3 + 1;
    cluster.kill_master(away);
    let third = 6 - leader - away;
    no(&cluster, &["masters", "remove", &third.to_string()], "no quorum could be reached");
    no(&cluster, &["masters", "transfer", &away.to_string()], "nothing is heard of");
    assert_eq!(voters(&cluster), [1, 2, 3]);
    cluster.start_master(away);
    cluster.caught_up(away);
    cluster.finish();
}

#[test]
fn the_last_one_stays_and_a_removed_one_does_not_come_back() {
    let shape = Shape { name: "last", masters: 1, secure: true, flags: &[] };
    let mut cluster = Cluster::start(shape);
    let said = typed(&cluster, &["masters", "remove", "1"]).failure();
    assert!(said.contains("the only master that votes"), "{said}");
    let said = typed(&cluster, &["masters", "transfer"]).failure();
    assert!(said.contains("no other master"), "{said}");
    add(&mut cluster, 2);
    assert_eq!(voters(&cluster), [1, 2]);
    remove(&mut cluster, 1);
    // Under its old number, with an empty disk: it is told at once.
    cluster.join_master(1);
    cluster.masters[&1].logs("removed from the cluster for good");
    cluster.forget_master(1);
    assert_eq!(voters(&cluster), [2]);
    cluster.finish();
}
