//! The barrier between versions of the log: when the leader raises what commands may need.
//!
//! As soon as every member, voting or not, has said that it can read a newer version, the leader
//! proposes it; nobody has to ask. An operator who wants to keep the way back open holds it by the
//! setting of any one master: what a member says is what it can read and wants to. What commands
//! the versions have is the ledger's to know.

use super::Master;
use crate::{
    intake::Waiter,
    ledger::{Command, LogVersion},
};

impl Master {
    /// Proposes the newest version that all can read, once.
    pub(super) fn tend_version(&mut self) {
        if self.ledger.version() >= self.config.log_version_max {
            return;
        }
        let agreed = self.agreed_version();
        let Some(leader) = &mut self.leader else { return };
        let known = leader.raising.unwrap_or(self.ledger.version());
        if let Some(agreed) = agreed.filter(|agreed| *agreed > known) {
            leader.raising = Some(agreed);
            self.commands.push((Command::RaiseVersion(agreed), Waiter::Nobody));
        }
    }

    /// What the first entry of a term says of it, so that a new cluster need not begin with less
    /// than all can read.
    pub(super) fn version_at_barrier(&self) -> Option<LogVersion> {
        self.agreed_version().filter(|agreed| *agreed > self.ledger.version())
    }

    /// The newest version that every member can read; `None` while that is not known of one.
    fn agreed_version(&self) -> Option<LogVersion> {
        let members = self.ledger.members().iter().map(|member| member.info.node);
        // Before the cluster is founded: who is to found it.
        let founders = self.config.members.keys().copied();
        let founders = founders.filter(|_| self.ledger.members().version() == 0);
        let versions = members.chain(founders).map(|node| self.consensus.version_of(node));
        versions.min().flatten()
    }
}
