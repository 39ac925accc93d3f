//! The cluster as one answer: who leads, who the masters are, how much there is.

use crate::{
    Config, Master,
    consensus::Consensus,
    ledger::{LogVersion, Member, Standing},
};
use proto::wire::v1;

/// Membership and counts, by this member's knowledge.
pub(crate) fn cluster(
    master: &Master,
    config: &Config,
    consensus: &Consensus,
) -> v1::GetClusterResponse {
    let (ledger, leader) = (master.ledger(), consensus.leader());
    v1::GetClusterResponse {
        cluster_id: config.cluster.to_string(),
        leader_id: leader.map_or(0, |node| node.0),
        term: consensus.term(),
        applied_index: ledger.applied().index,
        committed_index: consensus.committed(),
        members: members(master, config, consensus),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        agent_count: ledger.agents().len() as u64,
        framework_count: ledger.frameworks().len() as u64,
        task_count: ledger.live_task_count() as u64,
        // A pass over everything: whoever answers adds it.
        ledger_digest: String::new(),
        members_version: ledger.members().version(),
        incarnation: ledger.members().incarnation(),
        log_version: ledger.version().number(),
    }
}

/// Those of the ledger; before the cluster is founded, those who are to found it.
fn members(master: &Master, config: &Config, consensus: &Consensus) -> Vec<v1::Member> {
    let founder = |info| Member { info, standing: Standing::Voter, replaces: None };
    let known: Vec<Member> = match master.ledger().members().version() {
        0 => config.founders().into_iter().map(founder).collect(),
        _ => master.ledger().members().iter().cloned().collect(),
    };
    let member = |member: Member| {
        let (node, standing) = (member.info.node, member.standing);
        let role = match standing {
            Standing::Voter => v1::MemberRole::MemberVoter,
            Standing::Leaving => v1::MemberRole::MemberLeaving,
            Standing::Learner if master.has_caught_up(node) => v1::MemberRole::MemberLearner,
            Standing::Learner => v1::MemberRole::MemberJoining,
        };
        let votes = standing != Standing::Learner;
        v1::Member {
            node_id: node.0,
            address: member.info.address,
            leader: consensus.leader() == Some(node),
            matched_index: consensus.matched(node),
            voter: votes && (node != config.node || !consensus.is_joining()),
            peer_address: member.info.peer_address,
            role: role.into(),
            reachable: consensus.hears(node),
            replaces: member.replaces.map_or(0, |old| old.0),
            log_version: consensus.version_of(node).map_or(0, LogVersion::number),
        }
    };
    known.into_iter().map(member).collect()
}
