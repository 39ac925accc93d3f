//! Masters: their addresses as operators name them and as clients hear of them, and who leads.

use super::form::{self, Read, is_address};
use crate::model::{Leadership, MasterInfo, Masters, NodeId, Refusal, limits};
use crate::wire::v1;

/// Reads a master that is to be added: all of it must be there.
pub fn read_master_info(
    node_id: u64,
    address: String,
    peer_address: String,
) -> Result<MasterInfo, Refusal> {
    let node = read_node_id("node_id", node_id)?;
    let address = read_address("address", address)?;
    let peer_address = read_address("peer_address", peer_address)?;
    if address == peer_address {
        return Err(Refusal::invalid("peer_address", "is the address for clients"));
    }
    Ok(MasterInfo { node, address, peer_address })
}

/// Reads a node id; zero is nobody.
pub fn read_node_id(field: &str, node_id: u64) -> Result<NodeId, Refusal> {
    match node_id {
        0 => Err(Refusal::invalid(field, "is missing")),
        id if id > 1 << 63 => Err(Refusal::invalid(field, "is more than 2^63")),
        id => Ok(NodeId(id)),
    }
}

fn read_address(field: &str, address: String) -> Read<String> {
    form::at_most(field, address.len(), limits::ADDRESS_BYTES_MAX)?;
    let can_be_told = is_address(&address) && !address.ends_with(":0");
    match can_be_told {
        true => Ok(address),
        false => Err(Refusal::invalid(field, "is not of the form host:port")),
    }
}

/// Reads a list of masters.
pub(super) fn read_masters(masters: v1::Masters) -> Read<Masters> {
    let read = |address| read_address("", address);
    let limit = limits::MASTER_ADDRESSES_MAX;
    let addresses = form::each("addresses", masters.addresses, limit, read)?;
    Ok(Masters { version: masters.version, addresses })
}

/// Writes a list of masters.
pub(super) fn write_masters(masters: &Masters) -> v1::Masters {
    v1::Masters { version: masters.version, addresses: masters.addresses.clone() }
}

/// Reads who leads.
pub fn read_leadership(answer: v1::FindLeaderResponse) -> Result<Leadership, Refusal> {
    let address = Some(answer.leader_address).filter(|address| !address.is_empty());
    Ok(Leadership {
        cluster: form::id("cluster_id", &answer.cluster_id)?,
        term: answer.term,
        leader: address.map(|address| read_address("leader_address", address)).transpose()?,
    })
}

/// Writes who leads.
pub fn write_leadership(leadership: &Leadership) -> v1::FindLeaderResponse {
    v1::FindLeaderResponse {
        cluster_id: leadership.cluster.to_string(),
        term: leadership.term,
        leader_address: leadership.leader.clone().unwrap_or_default(),
    }
}
