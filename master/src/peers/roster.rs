//! Who is a member, as the core said last: read by what sends to others and by what hears them.

use master_core::ledger::Members;
use proto::model::{NodeId, Reason, Refusal};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// The members; before the core has said anything, nobody is known and nobody is removed.
#[derive(Debug, Default)]
pub(crate) struct Roster(RwLock<Members>);

impl Roster {
    pub(crate) fn set(&self, members: Members) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = members;
    }

    /// Of the cluster; 0 when this member has no state yet.
    pub(crate) fn incarnation(&self) -> u64 {
        self.members().incarnation()
    }

    /// Where others are to reach this member.
    pub(crate) fn peer_address(&self, node: NodeId) -> String {
        let members = self.members();
        members.get(node).map(|member| member.info.peer_address.clone()).unwrap_or_default()
    }

    /// Where frameworks, agents and operators reach a member.
    pub(crate) fn api_address(&self, node: NodeId) -> Option<String> {
        self.members().get(node).map(|member| member.info.address.clone())
    }

    /// Whether a cluster was founded that this member knows.
    pub(crate) fn is_founded(&self) -> bool {
        self.members().version() > 0
    }

    /// Whether a sender may be heard: not after it was removed, and not from before a restore.
    pub(crate) fn admit(&self, from: NodeId, incarnation: u64) -> Result<(), Refusal> {
        let members = self.members();
        let own = members.incarnation();
        if own != 0 && incarnation != 0 && own != incarnation {
            let text = format!("this is incarnation {own} of the cluster, not {incarnation}");
            return Err(Refusal::new(Reason::ClusterMismatch, text).at("incarnation"));
        }
        if members.is_retired(from) {
            let text = format!("master {from} was removed for good; its node id is not used again");
            return Err(Refusal::new(Reason::MemberRemoved, text).at("from"));
        }
        Ok(())
    }

    fn members(&self) -> RwLockReadGuard<'_, Members> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
