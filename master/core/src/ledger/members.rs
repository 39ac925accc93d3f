//! The masters, as replicated: who they are, where they are reached, what each may do.
//!
//! Raft keeps who votes; this table says the same with addresses, is changed by the same entries,
//! and travels in snapshots, so that the list in a configuration only founds a new cluster. Node
//! ids only grow: whoever is not here and not above [`Members::last_node`] was removed, or skipped,
//! and can never be a member again.

use proto::model::{MasterInfo, Masters, NodeId};
use std::collections::BTreeMap;

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Votes and counts.
    Voter,
    /// Follows, until it has caught up.
    Learner,
    /// Votes with the old configuration until the joint change ends.
    Leaving,
}

/// One master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who, and where.
    pub info: MasterInfo,
    /// What it may do.
    pub standing: Standing,
    /// Of a learner: the voter whose place it takes.
    pub replaces: Option<NodeId>,
}

/// One change of the members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberChange {
    /// The first members of a new cluster; all vote.
    Found(Vec<MasterInfo>),
    /// A master begins to follow.
    AddLearner {
        /// Which.
        info: MasterInfo,
        /// Whose place it takes.
        replaces: Option<NodeId>,
    },
    /// A learner votes from now on; whom it replaces begins to leave.
    Promote(NodeId),
    /// A learner goes; a voter begins to leave.
    Remove(NodeId),
    /// Whoever was leaving is gone.
    Settle,
    /// A member has other addresses.
    Moved(MasterInfo),
}

/// All masters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    /// Grows with every change; 0 before the cluster is founded.
    pub(super) version: u64,
    /// The highest node id that was ever used.
    pub(super) last_node: u64,
    /// Counted up by every restore from a backup; 0 before the cluster is founded.
    pub(super) incarnation: u64,
    pub(super) rows: BTreeMap<NodeId, Member>,
}

impl Members {
    /// Grows with every change; 0 before the cluster is founded.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Counted up by every restore from a backup; 0 before the cluster is founded.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// The highest node id that was ever used.
    pub fn last_node(&self) -> u64 {
        self.last_node
    }

    /// One member.
    pub fn get(&self, node: NodeId) -> Option<&Member> {
        self.rows.get(&node)
    }

    /// All members, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.rows.values()
    }

    /// Whether this id was used, or skipped, and is no member's: it can never be one again.
    pub fn is_retired(&self, node: NodeId) -> bool {
        node.0 <= self.last_node && !self.rows.contains_key(&node)
    }

    /// Those of one standing.
    pub fn of(&self, standing: Standing) -> impl Iterator<Item = NodeId> + '_ {
        let rows = self.rows.values().filter(move |member| member.standing == standing);
        rows.map(|member| member.info.node)
    }

    /// Who is on its way in.
    pub fn learner(&self) -> Option<&Member> {
        self.rows.values().find(|member| member.standing == Standing::Learner)
    }

    /// Whether a joint change is under way.
    pub fn is_joint(&self) -> bool {
        self.of(Standing::Leaving).next().is_some()
    }

    /// What clients are told: those who can lead, for as long as they can.
    pub fn addresses(&self) -> Masters {
        let staying = self.rows.values().filter(|member| member.standing != Standing::Leaving);
        let addresses = staying.map(|member| member.info.address.clone()).collect();
        Masters { version: self.version, addresses }
    }
}
