//! Who takes part: changes of the members, who can be reached, and handing leadership over.
//!
//! A change takes effect when its entry is applied, after the ledger has taken it, and one is under
//! way at a time: raft's own conditions for it to be safe. Whether a change is wise is asked
//! before, by whoever proposes it.

use super::{Consensus, writes::Promise};
use crate::ledger::{LogVersion, Member, MemberChange, Members, Standing};
use proto::{
    model::NodeId,
    planted::{self, Bug},
};
use raft::eraftpb::{
    ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2, ConfState,
};

/// What a change of the ledger's members is to raft; `None` for one that only the ledger knows.
pub(crate) fn conf_change(members: &Members, change: &MemberChange) -> Option<ConfChangeV2> {
    use ConfChangeType::{AddLearnerNode, AddNode, RemoveNode};
    let voter =
        |node: NodeId| members.get(node).is_some_and(|member| member.standing == Standing::Voter);
    Some(match change {
        MemberChange::Found(_) | MemberChange::Moved(_) => return None,
        MemberChange::AddLearner { info, .. } if planted::is(Bug::LearnerCounted) => {
            simple(info.node, AddNode)
        }
        MemberChange::AddLearner { info, .. } => simple(info.node, AddLearnerNode),
        MemberChange::Promote(node) => {
            match members.get(*node).and_then(|member| member.replaces) {
                None => simple(*node, AddNode),
                Some(old) => joint([(*node, AddNode), (old, RemoveNode)]),
            }
        }
        MemberChange::Remove(node) if voter(*node) => joint([(*node, RemoveNode)]),
        MemberChange::Remove(node) => simple(*node, RemoveNode),
        // Nothing at all is how raft says that a joint configuration ends.
        MemberChange::Settle => ConfChangeV2::default(),
    })
}

fn simple(node: NodeId, kind: ConfChangeType) -> ConfChangeV2 {
    let mut change = ConfChangeV2::default();
    change.mut_changes().push(single(node, kind));
    change
}

/// Left by a proposal of our own: raft's automatic one is lost with the leader that made it.
fn joint<const N: usize>(parts: [(NodeId, ConfChangeType); N]) -> ConfChangeV2 {
    let mut change = ConfChangeV2::default();
    change.set_transition(ConfChangeTransition::Explicit);
    for (node, kind) in parts {
        change.mut_changes().push(single(node, kind));
    }
    change
}

fn single(node: NodeId, kind: ConfChangeType) -> ConfChangeSingle {
    let mut single = ConfChangeSingle { node_id: node.0, ..ConfChangeSingle::default() };
    single.set_change_type(kind);
    single
}

impl Consensus {
    /// Whether a change of the members would be taken now.
    pub(crate) fn may_change(&self) -> bool {
        let raft = &self.node.raft;
        self.is_leader() && !raft.has_pending_conf() && raft.lead_transferee.is_none()
    }

    /// Proposes a change with the command that stands beside it; answers its index.
    pub(crate) fn propose_change(&mut self, change: ConfChangeV2, command: Vec<u8>) -> Option<u64> {
        assert!(self.may_change(), "raft would put an empty entry in its place");
        let proposed = self.node.propose_conf_change(command, change);
        self.after_raft();
        proposed.is_ok().then(|| self.node.raft.raft_log.last_index())
    }

    /// The ledger has taken a change.
    pub(crate) fn change(&mut self, change: &ConfChangeV2, now: &Members) {
        let state = self.node.apply_conf_change(change);
        let state = state.unwrap_or_else(|problem| panic!("raft refuses a change: {problem}"));
        assert!(says_the_same(&state, now), "raft has {state:?}, the ledger {now:?}");
        // Raft looks for itself among the members when an entry is committed, and finds nothing.
        if now.get(NodeId(self.node.raft.id)).is_none() && self.is_leader() {
            let raft = &mut self.node.raft;
            raft.become_follower(raft.term, raft::INVALID_ID);
        }
        self.node.mut_store().set_conf_state(state);
        self.change_kept = Promise::Due;
        self.after_raft();
    }

    /// Whether it is on disk that the last change is committed.
    pub(crate) fn is_change_durable(&self) -> bool {
        self.writes.has_kept(self.change_kept)
    }

    /// The ledger has learned who founded the cluster; whether raft agrees.
    pub(crate) fn founded(&mut self, now: &Members) -> bool {
        if self.conf_state().voters.is_empty() {
            // A member that joins learns from the log who was there before it.
            for node in now.of(Standing::Voter) {
                let add = simple(node, ConfChangeType::AddNode);
                let state = self.node.apply_conf_change(&add).expect("one voter more");
                self.node.mut_store().set_conf_state(state);
            }
            self.after_raft();
        }
        says_the_same(&self.conf_state(), now)
    }

    /// Whether a member was heard of lately, and may vote as far as is known; the time covers
    /// several heartbeats or greetings.
    pub(crate) fn hears(&self, node: NodeId) -> bool {
        let within = 2 * self.greet_every_ticks;
        let heard = |tick: &u64| self.ticks.saturating_sub(*tick) <= within;
        let joins = self.joins.get(&node.0).copied().unwrap_or(false);
        node.0 == self.node.raft.id || (!joins && self.heard.get(&node.0).is_some_and(heard))
    }

    /// Whether a member has said that it may vote.
    pub(crate) fn may_vote(&self, node: NodeId) -> bool {
        self.joins.get(&node.0) == Some(&false)
    }

    /// The newest version of the log that a member can read, or wants to, as far as it is known.
    pub(crate) fn version_of(&self, node: NodeId) -> Option<LogVersion> {
        match node.0 == self.node.raft.id {
            true => Some(self.version_max),
            false => self.versions.get(&node.0).copied(),
        }
    }

    /// What the leader knows each member to hold; 0 on a follower.
    pub(crate) fn matched(&self, node: NodeId) -> u64 {
        self.node.raft.prs().get(node.0).map_or(0, |progress| progress.matched)
    }

    /// How far behind the leader's log a member is.
    pub(crate) fn lag(&self, node: NodeId) -> u64 {
        self.node.raft.raft_log.last_index().saturating_sub(self.matched(node))
    }

    /// Whether those of these voters that can be reached are a quorum of them.
    pub(crate) fn reaches_quorum(&self, voters: &[NodeId]) -> bool {
        let reached = voters.iter().filter(|node| self.hears(**node)).count();
        reached > voters.len() / 2
    }

    /// The tick now, for [`Self::heard_quorum_since`].
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Whether a quorum of these voters was heard of after this tick.
    pub(crate) fn heard_quorum_since(&self, voters: &[NodeId], since: u64) -> bool {
        let later = |node: &&NodeId| {
            node.0 == self.node.raft.id || self.heard.get(&node.0).is_some_and(|at| *at > since)
        };
        let heard = voters.iter().filter(later).filter(|node| self.hears(**node)).count();
        heard > voters.len() / 2
    }

    /// Who would lead best after this member: it can be reached, and lacks least.
    pub(crate) fn successor(&self, members: &Members) -> Option<NodeId> {
        let own = NodeId(self.node.raft.id);
        let staying = |member: &&Member| {
            member.standing == Standing::Voter
                && member.info.node != own
                && self.hears(member.info.node)
        };
        let candidates = members.iter().filter(staying).map(|member| member.info.node);
        candidates.max_by_key(|node| (self.matched(*node), std::cmp::Reverse(*node)))
    }

    /// Begins to hand leadership over; ends by itself after an election timeout.
    pub(crate) fn transfer(&mut self, to: NodeId) {
        self.node.transfer_leader(to.0);
        self.after_raft();
    }

    /// Whether leadership is being handed over.
    pub(crate) fn is_transferring(&self) -> bool {
        self.node.raft.lead_transferee.is_some()
    }

    /// Whether a member waits for a snapshot that knows it; asked for once.
    pub(crate) fn takes_snapshot_wish(&mut self) -> bool {
        self.node.store().takes_snapshot_wish()
    }

    /// Its own word that it is there.
    pub(super) fn heard(&mut self, node: u64) {
        self.heard.insert(node, self.ticks);
    }
}

/// Whether raft and the ledger have the same members.
fn says_the_same(state: &ConfState, members: &Members) -> bool {
    let of = |standing| members.of(standing).map(|node| node.0).collect::<Vec<_>>();
    let sorted = |ids: &[u64]| {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids
    };
    // Outgoing voters are those of before: whoever leaves is one of them and of no other list.
    let leaving: Vec<u64> = sorted(&state.voters_outgoing)
        .into_iter()
        .filter(|node| !state.voters.contains(node))
        .collect();
    sorted(&state.voters) == of(Standing::Voter)
        && sorted(&state.learners) == of(Standing::Learner)
        && leaving == of(Standing::Leaving)
        && state.learners_next.is_empty()
}
