//! Changes of the masters to wire and back, and their rows in a dump.

use super::{
    codec_commands::required,
    members::{Member, MemberChange, Standing},
};
use proto::model::{MasterInfo, NodeId, Refusal};
use proto::wire::log::v1::{
    command::{self as wire, Command as Kind, change_members::Change},
    record,
};

pub(super) fn write_change(change: &MemberChange) -> Kind {
    use wire::change_members::{AddLearner, Found};
    let change = match change {
        MemberChange::Found(members) => {
            Change::Found(Found { members: members.iter().map(write_info).collect() })
        }
        MemberChange::AddLearner { info, replaces } => Change::AddLearner(AddLearner {
            member: Some(write_info(info)),
            replaces: replaces.map_or(0, |node| node.0),
        }),
        MemberChange::Promote(node) => Change::Promote(node.0),
        MemberChange::Remove(node) => Change::Remove(node.0),
        MemberChange::Settle => Change::Settle(true),
        MemberChange::Moved(info) => Change::Moved(write_info(info)),
    };
    Kind::ChangeMembers(wire::ChangeMembers { change: Some(change) })
}

pub(super) fn read_change(change: wire::ChangeMembers) -> Result<MemberChange, Refusal> {
    Ok(match required("change", change.change)? {
        Change::Found(found) => {
            let members = found.members.into_iter().map(read_info);
            MemberChange::Found(members.collect::<Result<_, _>>()?)
        }
        Change::AddLearner(add) => MemberChange::AddLearner {
            info: read_info(required("member", add.member)?)?,
            replaces: read_optional(add.replaces),
        },
        Change::Promote(node) => MemberChange::Promote(read_node(node)?),
        Change::Remove(node) => MemberChange::Remove(read_node(node)?),
        Change::Settle(_) => MemberChange::Settle,
        Change::Moved(info) => MemberChange::Moved(read_info(info)?),
    })
}

pub(super) fn write_member(member: &Member) -> record::Member {
    record::Member {
        node_id: member.info.node.0,
        address: member.info.address.clone(),
        peer_address: member.info.peer_address.clone(),
        standing: match member.standing {
            Standing::Voter => 1,
            Standing::Learner => 2,
            Standing::Leaving => 3,
        },
        replaces: member.replaces.map_or(0, |node| node.0),
    }
}

pub(super) fn read_member(row: record::Member) -> Result<Member, Refusal> {
    Ok(Member {
        info: MasterInfo {
            node: read_node(row.node_id)?,
            address: row.address,
            peer_address: row.peer_address,
        },
        standing: match row.standing {
            1 => Standing::Voter,
            2 => Standing::Learner,
            3 => Standing::Leaving,
            _ => return Err(Refusal::invalid("standing", "is no member's standing")),
        },
        replaces: read_optional(row.replaces),
    })
}

fn write_info(info: &MasterInfo) -> wire::Member {
    wire::Member {
        node_id: info.node.0,
        address: info.address.clone(),
        peer_address: info.peer_address.clone(),
    }
}

fn read_info(info: wire::Member) -> Result<MasterInfo, Refusal> {
    let node = read_node(info.node_id)?;
    Ok(MasterInfo { node, address: info.address, peer_address: info.peer_address })
}

fn read_node(node: u64) -> Result<NodeId, Refusal> {
    match node {
        0 => Err(Refusal::invalid("node_id", "is zero")),
        node => Ok(NodeId(node)),
    }
}

fn read_optional(node: u64) -> Option<NodeId> {
    (node != 0).then_some(NodeId(node))
}
