//! A ledger restored from a backup becomes the state of a new cluster.

use super::{
    Ledger,
    members::{Member, Standing},
};
use proto::model::MasterInfo;

/// Further than any cluster gets between a backup and its use: at a hundred thousand entries a
/// second, ten hours fit more than three billion.
const INDEX_LEAP: u64 = 1 << 32;
/// Elections between a backup and its use.
const TERM_LEAP: u64 = 1 << 20;
/// Subscriptions of one framework between a backup and its use.
const EPOCH_LEAP: u64 = 1 << 20;

impl Ledger {
    /// Makes this the state of a new incarnation of the cluster with these members, all voters.
    ///
    /// Numbers that must not come twice leap: agents obey no lower term than they have seen, an
    /// instance of a framework is fenced by its epoch, and watchers resume by the log index.
    pub fn reincarnate(&mut self, founders: &[MasterInfo]) {
        assert!(!founders.is_empty(), "somebody must vote");
        self.applied.index += INDEX_LEAP;
        self.applied.term += TERM_LEAP;
        let ids: Vec<_> = self.frameworks.iter().map(|(id, _)| *id).collect();
        for id in ids {
            self.frameworks.get_mut(&id).expect("listed").epoch += EPOCH_LEAP;
        }
        self.members.version += 1;
        self.members.incarnation += 1;
        self.members.rows = founders
            .iter()
            .map(|info| {
                let member =
                    Member { info: info.clone(), standing: Standing::Voter, replaces: None };
                (info.node, member)
            })
            .collect();
        let highest = founders.iter().map(|info| info.node.0).max().unwrap_or(0);
        self.members.last_node = self.members.last_node.max(highest);
    }
}
