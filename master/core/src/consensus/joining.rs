//! When a member whose disk is empty may vote.
//!
//! A member that lost its disk has forgotten whom it voted for, which terms it had left behind and
//! what it acknowledged. Voting again under its old identity could elect a leader that lacks
//! committed entries; following the leader of a term that it had left behind could give that one a
//! majority beside the new leader's. So an empty member neither speaks nor listens until either
//!
//! - every other member has said that its log is blank too: this is a new cluster, nothing can have
//!   been committed; or
//! - two of the longest election timeouts have passed. By then candidates of its forgotten votes
//!   have won or given up, leaders whom only its voice could keep in office have stepped down, and
//!   acknowledgements of its former disk have arrived or never will. Now it follows, without voting
//!   or campaigning, asks the leader how far the group has committed, and votes when it holds that.

use proto::{
    model::NodeId,
    planted::{self, Bug},
};
use raft::eraftpb::{Message, MessageType};
use std::collections::BTreeSet;

#[derive(Debug)]
pub(crate) struct Joining {
    /// Members that have not said yet that they are blank.
    unheard: BTreeSet<NodeId>,
    /// Whether this member may be one of a new cluster's first.
    founds: bool,
    /// What the group had committed when the silence was over.
    target: Option<u64>,
    silent_ticks: usize,
}

impl Joining {
    pub(crate) fn new(founds: bool, others: BTreeSet<NodeId>, election_ticks: usize) -> Self {
        Self { unheard: others, founds, target: None, silent_ticks: 4 * election_ticks }
    }

    pub(crate) fn tick(&mut self) {
        self.silent_ticks = self.silent_ticks.saturating_sub(1);
    }

    /// A member was heard of. One that is not blank rules the first way out, for good.
    pub(crate) fn seen(&mut self, from: NodeId, blank: bool) {
        if blank {
            self.unheard.remove(&from);
        } else {
            self.unheard.insert(from);
        }
    }

    /// Whether raft may see the message: nothing during the silence, and later not if answering it
    /// would be a vote.
    pub(crate) fn admits(&self, message: &Message) -> bool {
        use MessageType::{MsgRequestPreVote, MsgRequestVote, MsgTimeoutNow};
        let vote =
            matches!(message.get_msg_type(), MsgRequestVote | MsgRequestPreVote | MsgTimeoutNow);
        self.silent_ticks == 0 && !vote
    }

    /// Whether the leader is to be asked how far the group has committed.
    pub(crate) fn wants_target(&self) -> bool {
        self.silent_ticks == 0 && self.target.is_none()
    }

    /// What the leader answered.
    pub(crate) fn set_target(&mut self, committed: u64) {
        assert_eq!(self.silent_ticks, 0, "nobody was asked before");
        self.target.get_or_insert(committed);
    }

    /// Whether it may vote from now on.
    pub(crate) fn is_over(&self, own_log_blank: bool, committed: u64) -> bool {
        let all_blank = self.unheard.is_empty() || planted::is(Bug::WipedVotesAtOnce);
        let new_cluster = self.founds && own_log_blank && all_blank;
        new_cluster || self.target.is_some_and(|target| committed >= target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: MessageType) -> Message {
        let mut message = Message::default();
        message.set_msg_type(kind);
        message
    }

    #[test]
    fn a_new_cluster_needs_every_member_blank() {
        let mut joining = Joining::new(true, [NodeId(2), NodeId(3)].into(), 10);
        joining.seen(NodeId(2), true);
        assert!(!joining.is_over(true, 0), "one member is still unheard");
        joining.seen(NodeId(3), true);
        assert!(joining.is_over(true, 0));
        joining.seen(NodeId(3), false);
        assert!(!joining.is_over(true, 0), "a member with a past means an old cluster");
    }

    #[test]
    fn a_lone_member_starts_at_once() {
        assert!(Joining::new(true, BTreeSet::new(), 10).is_over(true, 0));
    }

    #[test]
    fn a_member_that_joins_founds_nothing() {
        assert!(!Joining::new(false, BTreeSet::new(), 10).is_over(true, 0));
    }

    #[test]
    fn a_wiped_member_is_silent_then_follows_and_votes_when_caught_up() {
        let mut joining = Joining::new(true, [NodeId(2), NodeId(3)].into(), 10);
        joining.seen(NodeId(2), false);
        for _ in 0..40 {
            assert!(!joining.admits(&message(MessageType::MsgAppend)), "it may have left the term");
            assert!(!joining.wants_target());
            joining.tick();
        }
        assert!(joining.admits(&message(MessageType::MsgAppend)));
        assert!(!joining.admits(&message(MessageType::MsgRequestVote)));
        assert!(joining.wants_target());
        assert!(!joining.is_over(false, 90), "caught up with whom?");
        joining.set_target(90);
        joining.set_target(70);
        assert!(!joining.is_over(false, 89));
        assert!(joining.is_over(false, 90));
    }
}
