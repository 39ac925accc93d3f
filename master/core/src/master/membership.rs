//! Changes of the masters: what operators ask for, and what the leader does by itself until a
//! change is complete.
//!
//! Operators add a learner, remove a member, or hand leadership over. The leader makes a learner a
//! voter once it has caught up, and ends a joint change once it is committed, after it has handed
//! leadership over if it is leaving itself. All of it is taken up by the next leader from the
//! ledger.

use super::Master;
use crate::{
    consensus::membership::conf_change,
    input::{CallId, Now, OperatorCall},
    intake::Waiter,
    ledger::{Command, MemberChange, Standing, codec},
    outbox::{Effect, Ending, Outbox},
    reads::Viewer,
};
use proto::model::{Duration, Instant, MasterInfo, NodeId, Principal, Reason, Refusal};

/// A learner this near to the end of the log becomes a voter: at a thousand entries a second, less
/// than the time between two heartbeats.
const PROMOTION_LAG_ENTRIES: u64 = 200;

/// A removal that waits for word of those who stay: that they were there a moment ago does not
/// mean that they still are, and a change that no quorum can complete cannot be taken back.
#[derive(Debug)]
pub(crate) struct Removal {
    pub(crate) call: CallId,
    node: NodeId,
    since: u64,
    until: Instant,
}

/// Leadership on its way to somebody else, and who asked for it.
#[derive(Debug)]
pub(crate) struct HandOver {
    pub(crate) call: CallId,
    until: Instant,
}

impl Master {
    /// Takes an operator's call if it is about masters; answers whether it was.
    pub(super) fn membership_call(
        &mut self,
        now: Now,
        call: CallId,
        principal: &Principal,
        request: &OperatorCall,
        outbox: &mut Outbox,
    ) -> bool {
        let about_masters = matches!(
            request,
            OperatorCall::AddMaster(_)
                | OperatorCall::RemoveMaster(_)
                | OperatorCall::ReplaceMaster { .. }
                | OperatorCall::TransferLeadership(_)
        );
        if !about_masters {
            return false;
        }
        let outcome = Viewer::admit(principal, request).and_then(|_| match request {
            OperatorCall::TransferLeadership(to) => self.begin_transfer(now, call, *to),
            request => self.begin_change(now, call, &change_of(request)),
        });
        if let Err(refusal) = outcome {
            self.figures.refused(refusal.reason);
            outbox.reply(call, Err(refusal));
        }
        true
    }

    fn begin_change(
        &mut self,
        now: Now,
        call: CallId,
        change: &MemberChange,
    ) -> Result<(), Refusal> {
        let members = self.ledger.members();
        members.check(change)?;
        if self.leader.as_ref().is_some_and(|leader| leader.removal.is_some()) {
            return Err(members.changing().retry_after(Duration(200)));
        }
        match change {
            MemberChange::Remove(node) if self.is_voter(*node) => {
                if !self.consensus.reaches_quorum(&self.staying(*node)) {
                    return Err(self.unsafe_without(*node));
                }
                let (since, until) = (self.consensus.ticks(), self.patience(now));
                let leader = self.leader.as_mut().expect("only a serving leader is asked");
                leader.removal = Some(Removal { call, node: *node, since, until });
                Ok(())
            }
            change => self.propose_change(change, Waiter::Call(call)),
        }
    }

    /// Goes on with a removal once enough of those who stay were heard of.
    fn tend_removal(&mut self, now: Now, outbox: &mut Outbox) {
        let asked = self.leader.as_ref().and_then(|leader| leader.removal.as_ref());
        let Some((call, node, since, until)) =
            asked.map(|asked| (asked.call, asked.node, asked.since, asked.until))
        else {
            return;
        };
        let heard = self.consensus.heard_quorum_since(&self.staying(node), since);
        if !heard && now.monotonic < until {
            return;
        }
        self.leader.as_mut().expect("it has a removal").removal = None;
        let outcome = match heard {
            true => {
                let change = MemberChange::Remove(node);
                let check = self.ledger.members().check(&change);
                check.and_then(|()| self.propose_change(&change, Waiter::Call(call)))
            }
            false => Err(self.unsafe_without(node)),
        };
        if let Err(refusal) = outcome {
            self.figures.refused(refusal.reason);
            outbox.reply(call, Err(refusal));
        }
    }

    fn is_voter(&self, node: NodeId) -> bool {
        let member = self.ledger.members().get(node);
        member.is_some_and(|member| member.standing == Standing::Voter)
    }

    /// Who votes when one does not any more.
    fn staying(&self, leaving: NodeId) -> Vec<NodeId> {
        let voters = self.ledger.members().of(Standing::Voter);
        voters.filter(|node| *node != leaving).collect()
    }

    /// Two of the shortest election timeouts from now.
    fn patience(&self, now: Now) -> Instant {
        let ticks = u64::try_from(2 * self.config.election_ticks).expect("few ticks");
        now.monotonic + Duration(self.config.tick.0 * ticks)
    }

    fn unsafe_without(&self, leaving: NodeId) -> Refusal {
        let staying = self.staying(leaving);
        let heard = |node: &NodeId| self.consensus.heard_quorum_since(&[*node], self.lately());
        let silent: Vec<String> =
            staying.iter().filter(|node| !heard(node)).map(NodeId::to_string).collect();
        let text = format!(
            "without master {leaving} no quorum could be reached: nothing is heard of {}",
            silent.join(", ")
        );
        Refusal::new(Reason::MembershipUnsafe, text).at("node_id")
    }

    /// The tick before which silence counts: several heartbeats ago.
    fn lately(&self) -> u64 {
        let ticks = u64::try_from(self.config.election_ticks).expect("few ticks");
        self.consensus.ticks().saturating_sub(ticks)
    }

    fn propose_change(&mut self, change: &MemberChange, waiter: Waiter) -> Result<(), Refusal> {
        let leader = self.leader.as_mut().expect("only a serving leader changes members");
        if !self.consensus.may_change() {
            return Err(self.ledger.members().changing().retry_after(Duration(200)));
        }
        let raft = conf_change(self.ledger.members(), change).expect("a change of consensus");
        let commands = [Command::ChangeMembers(change.clone())];
        let time = self.ledger.applied().time;
        let (bytes, _) = codec::encode_first(time, self.ledger.applied().wall, commands.iter());
        match self.consensus.propose_change(raft, bytes) {
            Some(index) => {
                leader.proposals.push(index, leader.term, vec![waiter]);
                self.figures.entries_proposed += 1;
                self.figures.commands_proposed += 1;
                Ok(())
            }
            None => Err(Refusal::new(Reason::Overloaded, "the log is full for now")
                .retry_after(Duration(100))),
        }
    }

    fn begin_transfer(
        &mut self,
        now: Now,
        call: CallId,
        to: Option<NodeId>,
    ) -> Result<(), Refusal> {
        let members = self.ledger.members();
        let to = match to {
            None => self.consensus.successor(members).ok_or_else(|| {
                let text = "no other master that votes can be reached";
                Refusal::new(Reason::MembershipUnsafe, text)
            })?,
            Some(node) => match members.get(node).map(|member| member.standing) {
                Some(Standing::Voter) => node,
                Some(_) => {
                    let text = format!("master {node} does not vote");
                    return Err(Refusal::new(Reason::MembershipUnsafe, text).at("node_id"));
                }
                None => {
                    let text = format!("there is no master {node}");
                    return Err(Refusal::new(Reason::MemberUnknown, text).at("node_id"));
                }
            },
        };
        if to == self.config.node {
            let text = format!("master {to} leads already");
            return Err(Refusal::new(Reason::MemberExists, text).at("node_id"));
        }
        if !self.consensus.hears(to) {
            let text = format!("nothing is heard of master {to}");
            return Err(Refusal::new(Reason::MembershipUnsafe, text).at("node_id"));
        }
        let until = self.patience(now);
        let leader = self.leader.as_mut().expect("only a serving leader hands over");
        if self.consensus.is_transferring() || leader.hand_over.is_some() {
            return Err(members.changing());
        }
        leader.hand_over = Some(HandOver { call, until });
        self.consensus.transfer(to);
        Ok(())
    }

    /// Hands leadership over to whoever is best, because this process is to end. Whether there is
    /// anybody.
    pub fn hand_over(&mut self) -> bool {
        if !self.consensus.is_leader() {
            return false;
        }
        match self.consensus.successor(self.ledger.members()) {
            Some(to) if !self.consensus.is_transferring() => {
                self.consensus.transfer(to);
                true
            }
            Some(_) => true,
            None => false,
        }
    }

    /// Hands leadership over to whoever holds what the disk here should have held long since.
    /// Whether this member serves is not asked: perhaps that waits for the disk as well.
    pub(super) fn leave_to_a_faster_disk(&mut self) {
        let reached = self.consensus.reached();
        let late = self.slow_disk.tick(reached, self.config.election_ticks);
        let Some(late) = late.filter(|_| !self.consensus.is_transferring()) else { return };
        let successor = self.consensus.successor(self.ledger.members());
        if let Some(to) = successor.filter(|to| self.consensus.matched(*to) >= late) {
            self.figures.left_to_faster_disks += 1;
            self.consensus.transfer(to);
        }
    }

    /// Whether this member leads, serving or not.
    pub fn leads(&self) -> bool {
        self.consensus.is_leader()
    }

    /// What a leader does by itself until a change of members is complete.
    pub(super) fn tend_members(&mut self, now: Now, outbox: &mut Outbox) {
        let Some(leader) = &mut self.leader else { return };
        if let Some(late) = leader.hand_over.take_if(|hand_over| hand_over.until <= now.monotonic) {
            let text = "it was not taken over in time; this member still leads";
            outbox.reply(late.call, Err(Refusal::new(Reason::NotReady, text)));
        }
        if !self.consensus.may_change() {
            return;
        }
        self.tend_removal(now, outbox);
        if !self.consensus.may_change() {
            return;
        }
        let members = self.ledger.members();
        if members.is_joint() {
            let leaving = members.get(self.config.node);
            if leaving.is_some_and(|member| member.standing == Standing::Leaving) {
                if let Some(to) = self.consensus.successor(members) {
                    self.consensus.transfer(to);
                }
                return;
            }
            let _ = self.propose_change(&MemberChange::Settle, Waiter::Nobody);
        } else if let Some(node) = self.learner_that_is_ready() {
            let _ = self.propose_change(&MemberChange::Promote(node), Waiter::Nobody);
        }
    }

    /// A learner that has caught up, if with it as a voter a quorum can be reached.
    fn learner_that_is_ready(&self) -> Option<NodeId> {
        let members = self.ledger.members();
        let learner = members.learner()?;
        let node = learner.info.node;
        let version = self.consensus.version_of(node);
        if !self.has_caught_up(node) || version < Some(self.ledger.version()) {
            return None;
        }
        let stays = |voter: &NodeId| Some(*voter) != learner.replaces;
        let mut voters: Vec<_> = members.of(Standing::Voter).filter(stays).collect();
        voters.push(node);
        self.consensus.heard_quorum_since(&voters, self.lately()).then_some(node)
    }

    pub(crate) fn has_caught_up(&self, node: NodeId) -> bool {
        let some = self.consensus.matched(node) > 0 && self.consensus.may_vote(node);
        some && self.consensus.hears(node) && self.consensus.lag(node) <= PROMOTION_LAG_ENTRIES
    }

    /// The ledger has taken a change: so does raft.
    pub(super) fn members_changed(
        &mut self,
        change: &MemberChange,
        raft: Option<&raft::eraftpb::ConfChangeV2>,
        outbox: &mut Outbox,
    ) {
        match (change, raft) {
            (MemberChange::Found(_), _) => {
                if !self.consensus.founded(self.ledger.members()) {
                    outbox.push(Effect::End(Ending::OtherFounders));
                }
            }
            (_, Some(raft)) => self.consensus.change(raft, self.ledger.members()),
            (_, None) => {}
        }
    }

    /// Tells the shell who is there.
    pub(super) fn report_members(&mut self, outbox: &mut Outbox) {
        let members = self.ledger.members();
        // Whoever was removed is turned away from now on, and ends: not before it is certain that
        // this member will not ask for its vote again.
        if self.members_told == members.version() || !self.consensus.is_change_durable() {
            return;
        }
        self.members_told = members.version();
        outbox.push(Effect::Members(members.clone()));
    }

    /// A removed member stays a little after it was told so: those who have the change in their log
    /// and do not know yet that it is committed may need its vote until they do.
    pub(super) fn leave_if_removed(&mut self, outbox: &mut Outbox) {
        let Some(ticks) = &mut self.removed_for_ticks else { return };
        *ticks += 1;
        if *ticks == 2 * self.config.election_ticks {
            outbox.push(Effect::End(Ending::Removed));
        }
    }

    /// What the first entry of a term says of the members beside the barrier: who founded the
    /// cluster, when nobody has said it yet, and that this member has moved.
    pub(super) fn members_at_barrier(&self) -> Option<MemberChange> {
        let founders = self.config.founders();
        if self.ledger.members().version() == 0 {
            return (!founders.is_empty()).then_some(MemberChange::Found(founders));
        }
        let own: MasterInfo = founders.into_iter().find(|info| info.node == self.config.node)?;
        let known = self.ledger.members().get(own.node)?;
        (known.info != own).then_some(MemberChange::Moved(own))
    }
}

fn change_of(request: &OperatorCall) -> MemberChange {
    match request {
        OperatorCall::AddMaster(info) => {
            MemberChange::AddLearner { info: info.clone(), replaces: None }
        }
        OperatorCall::ReplaceMaster { old, info } => {
            MemberChange::AddLearner { info: info.clone(), replaces: Some(*old) }
        }
        OperatorCall::RemoveMaster(node) => MemberChange::Remove(*node),
        other => unreachable!("{other:?} is no change of the masters"),
    }
}
