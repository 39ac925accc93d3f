//! Who the masters are: one member with its addresses, and the list that clients keep in mind.

use super::ids::NodeId;

/// One master, as it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterInfo {
    /// Which.
    pub node: NodeId,
    /// `host:port` for frameworks, agents and operators.
    pub address: String,
    /// `host:port` for other masters; empty for one that was never to have any.
    pub peer_address: String,
}

/// Where masters answer, for whoever keeps a connection to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Masters {
    /// Grows with every change of the members.
    pub version: u64,
    /// `host:port`, each.
    pub addresses: Vec<String>,
}

impl Masters {
    /// Takes a list that is no older than this one; whether it was taken.
    pub fn learn(&mut self, heard: &Self) -> bool {
        let takes = heard.version >= self.version && !heard.addresses.is_empty();
        if takes {
            self.clone_from(heard);
        }
        takes
    }

    /// Whom to try, in order: those heard of, then those that were given in the beginning.
    pub fn with_given(&self, given: &[String]) -> Vec<String> {
        let others = given.iter().filter(|address| !self.addresses.contains(address));
        self.addresses.iter().chain(others).cloned().collect()
    }
}
