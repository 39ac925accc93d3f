//! Masters come and go while the cluster works: real processes, real sockets, kill -9.

mod backup;
mod changes;
mod refusals;

use crate::rig::{Cluster, Outcome, bourse, holds, run};
use proto::wire::v1;

/// A command that an operator types against this cluster's first masters.
fn typed(cluster: &Cluster, words: &[&str]) -> Outcome {
    let mut command = bourse(&cluster.home);
    command.args(words).args(cluster.client_flags("operator", "live-test"));
    run(&mut command)
}

/// Starts a master and has it added; answers when it votes.
fn add(cluster: &mut Cluster, id: u64) {
    cluster.join_master(id);
    let (node, api, peer) = new(cluster, id);
    let words = ["masters", "add", "--node-id", &node, "--address", &api, "--peer-address", &peer];
    typed(cluster, &[&words[..], &["--wait=60s"]].concat()).success();
}

/// Number and addresses of a master, as they are typed.
fn new(cluster: &Cluster, id: u64) -> (String, String, String) {
    let master = &cluster.masters[&id];
    (id.to_string(), master.api.to_string(), master.peer.to_string())
}

/// Removes a master, and sees that its process learns it.
fn remove(cluster: &mut Cluster, id: u64) {
    typed(cluster, &["masters", "remove", &id.to_string(), "--wait=60s"]).success();
    removed(cluster, id);
}

/// Whoever was removed ends and says why.
fn removed(cluster: &mut Cluster, id: u64) {
    cluster.masters[&id].logs("removed from the cluster for good");
    let status = cluster.forget_master(id);
    assert_eq!(status.code(), Some(1), "a removed master ended with {status}");
}

fn voters(cluster: &Cluster) -> Vec<u64> {
    let members = cluster.operator.cluster().members;
    let votes = |member: &v1::Member| member.role() == v1::MemberRole::MemberVoter;
    members.iter().filter(|member| votes(member)).map(|member| member.node_id).collect()
}

/// Kills whoever leads, and brings it back once another one leads.
fn kill_the_leader(cluster: &mut Cluster) {
    let leader = cluster.leader();
    cluster.kill_master(leader);
    holds("another leader", || cluster.leader() != leader);
    cluster.start_master(leader);
    cluster.caught_up(leader);
}
