//! Lists in settings: members and weights, as text (`1=a:1/b:2,…`) and as tables of a file.

use super::{Malformed, MemberAddresses, Problem, file::FileMember};
use edge::settings::{call_address, number};
use proto::model::{Milli, NodeId, ResourceName, Role};
use std::collections::{BTreeMap, BTreeSet};

const MEMBER_FORM: &str = "ID=API_HOST:PORT/PEER_HOST:PORT";
const WEIGHT_FORM: &str = "ROLE=WEIGHT";
const RESOURCE_FORM: &str = "NAME,NAME";

pub(crate) type Members = BTreeMap<NodeId, MemberAddresses>;
pub(super) type Weights = BTreeMap<Role, Milli>;

/// `1=host:5050/host:5060,2=…`; a lone member may leave the second address out.
pub(crate) fn members_from_text(text: &str) -> Result<Members, Problem> {
    let mut members = Members::new();
    for entry in text.split(',').map(str::trim) {
        let wrong = || Malformed::Entry { entry: entry.to_owned(), form: MEMBER_FORM };
        let (id, addresses) = entry.split_once('=').ok_or_else(wrong)?;
        let (api, peer) = match addresses.split_once('/') {
            Some((api, peer)) => (api, Some(peer)),
            None => (addresses, None),
        };
        add_member(&mut members, id, api, peer)?;
    }
    check_members(members)
}

/// `host:5050,host:5050`
pub(super) fn join_from_text(text: &str) -> Result<Vec<String>, Problem> {
    let addresses = text.split(',').map(str::trim);
    Ok(addresses.map(|address| call_address(address, 1)).collect::<Result<_, _>>()?)
}

/// `[members.1]` with `api` and `peer`.
pub(super) fn members_from_table(table: &BTreeMap<String, FileMember>) -> Result<Members, Problem> {
    let mut members = Members::new();
    for (id, member) in table {
        add_member(&mut members, id, &member.api, member.peer.as_deref())?;
    }
    check_members(members)
}

/// `role=2.5,other=3`
pub(super) fn weights_from_text(text: &str) -> Result<Weights, Problem> {
    let mut weights = Weights::new();
    for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let wrong = || Malformed::Entry { entry: entry.to_owned(), form: WEIGHT_FORM };
        let (role, weight) = entry.split_once('=').ok_or_else(wrong)?;
        add_weight(&mut weights, role, weight)?;
    }
    Ok(weights)
}

/// `gpus,fpgas`
pub(super) fn unshared_from_text(text: &str) -> Result<BTreeSet<ResourceName>, Problem> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let read = |name: &str| {
        let wrong = |_| Malformed::Entry { entry: name.to_owned(), form: RESOURCE_FORM };
        Ok(ResourceName::new(name).map_err(wrong)?)
    };
    names.map(read).collect()
}

/// `[weights]` with decimal text.
pub(super) fn weights_from_table(table: &BTreeMap<String, String>) -> Result<Weights, Problem> {
    let mut weights = Weights::new();
    for (role, weight) in table {
        add_weight(&mut weights, role, weight)?;
    }
    Ok(weights)
}

fn add_member(
    members: &mut Members,
    id: &str,
    api: &str,
    peer: Option<&str>,
) -> Result<(), Problem> {
    let node = NodeId(number(id, 1, 1 << 63)?);
    let api = call_address(api, 0)?;
    let peer = peer.map(|peer| call_address(peer, 0)).transpose()?;
    match members.insert(node, MemberAddresses { api, peer }) {
        None => Ok(()),
        Some(_) => Err(Problem::MemberTwice { node }),
    }
}

fn check_members(members: Members) -> Result<Members, Problem> {
    if !matches!(members.len(), 1 | 3 | 5) {
        return Err(Problem::MemberCount { count: members.len() });
    }
    let mut addresses = BTreeSet::new();
    for (node, member) in &members {
        let peer = match &member.peer {
            None if members.len() > 1 => return Err(Problem::NoPeerAddress { node: *node }),
            peer => peer.as_ref(),
        };
        for address in std::iter::once(&member.api).chain(peer) {
            if address.ends_with(":0") && members.len() > 1 {
                return Err(Problem::PortZero);
            }
            if !address.ends_with(":0") && !addresses.insert(address) {
                return Err(Problem::AddressTwice { address: address.clone() });
            }
        }
    }
    Ok(members)
}

fn add_weight(weights: &mut Weights, role: &str, weight: &str) -> Result<(), Problem> {
    let text = || role.to_owned();
    let name = Role::new(role).map_err(|source| Problem::Role { text: text(), source })?;
    let milli: Milli =
        weight.parse().map_err(|source| Problem::Weight { text: weight.to_owned(), source })?;
    if milli.0 == 0 {
        return Err(Problem::WeightZero { role: text() });
    }
    match weights.insert(name, milli) {
        None => Ok(()),
        Some(_) => Err(Problem::RoleTwice { role: text() }),
    }
}
