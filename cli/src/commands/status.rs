//! `bourse status`: who leads, who is there, how much is running.

use crate::{
    connection::{Connection, request},
    output::{Format, Row, print_one, table},
};
use proto::wire::v1;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Status {
    cluster: String,
    version: String,
    log_version: u32,
    leader: u64,
    term: u64,
    committed_index: u64,
    applied_index: u64,
    ledger_digest: String,
    agents: u64,
    frameworks: u64,
    live_tasks: u64,
    members: Vec<MemberRow>,
}

#[derive(Debug, Serialize)]
struct MemberRow {
    id: u64,
    address: String,
    role: &'static str,
    matched_index: u64,
}

impl Row for MemberRow {
    const TITLES: &'static [&'static str] = &["member", "address", "role", "log index"];

    fn cells(&self) -> Vec<String> {
        let index = match self.matched_index {
            0 => "-".to_owned(),
            index => index.to_string(),
        };
        vec![self.id.to_string(), self.address.clone(), self.role.to_owned(), index]
    }
}

pub(crate) async fn run(connection: &Connection, format: Format) -> anyhow::Result<()> {
    let cluster = connection
        .ask(
            |mut client| async move { client.get_cluster(request(v1::GetClusterRequest {})).await },
        )
        .await?;
    let role = |member: &v1::Member| match (member.leader, member.voter) {
        (true, _) => "leader",
        (false, true) => "follower",
        (false, false) => "joining",
    };
    let status = Status {
        cluster: cluster.cluster_id,
        version: cluster.version,
        log_version: cluster.log_version.max(1),
        leader: cluster.leader_id,
        term: cluster.term,
        committed_index: cluster.committed_index,
        applied_index: cluster.applied_index,
        ledger_digest: cluster.ledger_digest,
        agents: cluster.agent_count,
        frameworks: cluster.framework_count,
        live_tasks: cluster.task_count,
        members: cluster
            .members
            .iter()
            .map(|member| MemberRow {
                id: member.node_id,
                address: member.address.clone(),
                role: role(member),
                matched_index: member.matched_index,
            })
            .collect(),
    };
    print_one(format, &status, || {
        let leader = match status.leader {
            0 => "none is known".to_owned(),
            id => format!("member {id}, term {}", status.term),
        };
        let members = table::render(MemberRow::TITLES, status.members.iter().map(Row::cells));
        format!(
            "cluster: {} (version {}, log version {})\nleader: {leader}\nagents: {}, frameworks: {}, live tasks: {}\n\n{members}",
            status.cluster,
            status.version,
            status.log_version,
            status.agents,
            status.frameworks,
            status.live_tasks,
        )
    })
}
