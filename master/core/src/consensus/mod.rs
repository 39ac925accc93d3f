//! Room 2: commands become committed entries.
//!
//! Wraps raft's own pure state machine. One turn's commands become one entry; what must be durable
//! and what may be sent leave as effects in the only safe order; what is committed comes back to be
//! applied. Does not know what a command means.

mod cluster_clock;
mod election;
mod joining;
mod log_view;
pub(crate) mod membership;
mod proposals;
mod slow_disk;
mod writes;

use crate::{
    Config, Ledger,
    input::Delivery,
    ledger::LogVersion,
    outbox::{Effect, Outbox, Persist, SnapshotMark},
};
pub(crate) use cluster_clock::ClusterClock;
use election::Election;
use joining::Joining;
use log_view::LogView;
pub use log_view::Restored;
pub(crate) use proposals::Proposals;
use proto::{
    model::NodeId,
    planted::{self, Bug},
};
use raft::{
    Progress, RawNode, SnapshotStatus, StateRole,
    eraftpb::{ConfState, Entry, EntryType, Message, MessageType},
};
pub(crate) use slow_disk::SlowDisk;
use std::collections::{BTreeMap, BTreeSet};
use writes::{Promise, Writes};

/// Appends under way to one member.
const INFLIGHT_MESSAGES_MAX: usize = 256;

/// Why a master's log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Raft refuses its own state.
    #[error("raft cannot start from this log")]
    Raft(#[source] raft::Error),
    /// An entry that this version cannot read.
    #[error("log entry {index} cannot be read; was it written by a newer version?")]
    Entry {
        /// Its index.
        index: u64,
        /// What is wrong with it.
        #[source]
        source: crate::ledger::codec::CodecError,
    },
}

/// Something that is committed, in log order.
#[derive(Debug)]
pub(crate) enum Committed {
    /// An entry; empty ones (a new leader's) included.
    Entry(Entry),
    /// A leader's snapshot replaces the state.
    Snapshot(Box<Ledger>),
}

/// Raft, driven.
pub(crate) struct Consensus {
    node: RawNode<LogView>,
    election: Election,
    joining: Option<Joining>,
    /// That this member may vote. Until then it says that it joins: counted among the voters, and
    /// back without its right, it could leave them without a majority.
    vote_kept: Promise,
    /// That a change of members is committed: whoever it removed may be gone when it is asked for.
    change_kept: Promise,
    ticks: u64,
    greet_every_ticks: u64,
    writes: Writes,
    /// A snapshot that raft may count as applied once this number is on disk.
    installing: Option<(u64, u64)>,
    /// Streamed by a leader, waiting for raft's word.
    offered_snapshot: Option<(SnapshotMark, Box<Ledger>)>,
    applied: u64,
    /// The tick at which each member was heard of last.
    heard: BTreeMap<u64, u64>,
    /// Whether each member said last that it may not vote yet.
    joins: BTreeMap<u64, bool>,
    /// The newest version of the log that each member said last it can read.
    versions: BTreeMap<u64, LogVersion>,
    /// The newest one that this member reads, or wants to.
    version_max: LogVersion,
}

impl std::fmt::Debug for Consensus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let raft = &self.node.raft;
        write!(f, "Consensus {{ id: {}, term: {}, state: {:?} }}", raft.id, raft.term, raft.state)
    }
}

impl Consensus {
    /// Starts from what the disk holds; `applied` is the index of the restored snapshot.
    pub(crate) fn open(config: &Config, restored: Restored) -> Result<Self, OpenError> {
        let others: BTreeSet<NodeId> =
            config.members.keys().copied().filter(|node| *node != config.node).collect();
        let founds = !config.members.is_empty();
        let joining =
            (!restored.voter).then(|| Joining::new(founds, others, config.election_ticks));
        let applied = restored.snapshot.as_ref().map_or(0, |mark| mark.index);
        let writes = Writes::new(restored.hard_state.term);
        // The configuration's list founds a new cluster, and no more: what is on the disk wins.
        let founders = restored.founders();
        let founders = founders.unwrap_or_else(|| config.members.keys().copied().collect());
        let mut members = ConfState::default();
        members.set_voters(founders.iter().map(|node| node.0).collect());
        let raft_config = raft::Config {
            id: config.node.0,
            election_tick: config.election_ticks,
            heartbeat_tick: config.heartbeat_ticks,
            applied,
            // raft's own defaults send one entry per message and buffer without bound.
            max_size_per_msg: 1_024 * 1_024,
            max_inflight_msgs: INFLIGHT_MESSAGES_MAX,
            check_quorum: true,
            pre_vote: true,
            // raft 0.7 batches into a message without entries whatever follows, even what does not
            // continue it after a rejection; the receiver then acknowledges entries that it does
            // not have. A turn makes one entry, so that there is nothing to batch.
            batch_append: false,
            max_uncommitted_size: 256 * 1_024 * 1_024,
            max_committed_size_per_ready: 16 * 1_024 * 1_024,
            ..Default::default()
        };
        let logger = slog::Logger::root(slog::Discard, slog::o!());
        let node = RawNode::new(&raft_config, LogView::new(restored, members), &logger)
            .map_err(OpenError::Raft)?;
        let mut consensus = Self {
            node,
            election: Election::new(config.seed, config.election_ticks),
            joining,
            vote_kept: Promise::Kept,
            change_kept: Promise::Kept,
            ticks: 0,
            greet_every_ticks: config.election_ticks as u64,
            writes,
            installing: None,
            offered_snapshot: None,
            applied,
            heard: BTreeMap::new(),
            joins: BTreeMap::new(),
            versions: BTreeMap::new(),
            version_max: config.log_version_max,
        };
        consensus.after_raft();
        Ok(consensus)
    }

    pub(crate) fn term(&self) -> u64 {
        self.node.raft.term
    }

    pub(crate) fn is_leader(&self) -> bool {
        self.node.raft.state == StateRole::Leader
    }

    pub(crate) fn leader(&self) -> Option<NodeId> {
        let id = self.node.raft.leader_id;
        (id != raft::INVALID_ID).then_some(NodeId(id))
    }

    pub(crate) fn committed(&self) -> u64 {
        self.node.raft.raft_log.committed
    }

    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    pub(crate) fn is_joining(&self) -> bool {
        self.joining.is_some()
    }

    /// Index of the newest durable snapshot.
    pub(crate) fn snapshot_index(&self) -> u64 {
        self.node.store().snapshot_mark().map_or(0, |mark| mark.index)
    }

    pub(crate) fn conf_state(&self) -> ConfState {
        self.node.store().conf_state().clone()
    }

    pub(crate) fn tick(&mut self, outbox: &mut Outbox) {
        self.ticks += 1;
        // Said as soon as it is on disk: others may wait for it.
        let joined = self.vote_kept != Promise::Kept && self.writes.has_kept(self.vote_kept);
        if joined {
            self.vote_kept = Promise::Kept;
        }
        let may_not_stand = self.may_not_stand();
        match &mut self.joining {
            // Without ticks a follower never campaigns.
            Some(joining) => {
                joining.tick();
                if joining.wants_target() {
                    // Lost requests are repeated, each under a name of its own.
                    let name = format!("joining-{}-{}", self.node.raft.id, self.ticks);
                    self.node.read_index(name.into_bytes());
                }
            }
            None if may_not_stand => {}
            None => drop(self.node.tick()),
        }
        self.after_raft();
        let members = self.node.store().conf_state();
        let alone = members.voters == [self.node.raft.id] && members.learners.is_empty();
        let joining = self.joining.is_some() || self.vote_kept != Promise::Kept;
        if !alone && (joining || joined || self.ticks % self.greet_every_ticks == 1) {
            let (blank, version) = (self.node.store().is_blank(), self.version_max);
            outbox.push(Effect::Greet { blank, joining, version });
        }
    }

    pub(crate) fn seen(&mut self, from: NodeId, blank: bool, joining: bool, version: LogVersion) {
        self.heard(from.0);
        self.joins.insert(from.0, joining);
        self.versions.insert(from.0, version);
        if let Some(joining) = &mut self.joining {
            joining.seen(from, blank);
        }
        if blank {
            self.forget_beyond(from.0, 0);
        }
        self.after_raft();
    }

    /// The connection over which a member spoke has ended. If that leads, its process has mostly
    /// ended too, and to wait for an election timeout is for machines that fall silent: this member
    /// obeys nobody any longer, so that another one may win, and soon stands itself. A leader that
    /// lives connects again and is obeyed again with its next heartbeat; until then it keeps its
    /// office, since those who still hear it refuse to vote.
    pub(crate) fn gone(&mut self, from: NodeId) {
        let raft = &mut self.node.raft;
        if self.joining.is_some() || raft.leader_id != from.0 || raft.state == StateRole::Leader {
            return;
        }
        raft.become_follower(raft.term, raft::INVALID_ID);
        raft.election_elapsed = self.election.hurry();
        self.after_raft();
    }

    /// A member holds entries up to `last` only, though it had acknowledged more: its disk was
    /// lost. Raft would take its rejections for old ones for ever, and tell it that what it lacks
    /// is committed. When the message that says so is old itself, the next probe finds out.
    fn forget_beyond(&mut self, member: u64, last: u64) {
        let leads = self.is_leader() && member != self.node.raft.id;
        let Some(progress) = self.node.raft.mut_prs().get_mut(member).filter(|_| leads) else {
            return;
        };
        if progress.matched > last {
            *progress = Progress::new(last + 1, INFLIGHT_MESSAGES_MAX);
            progress.recent_active = true;
        }
    }

    /// A message from a member; what raft must not see is dropped.
    pub(crate) fn receive(&mut self, mut message: Message) {
        use MessageType::{MsgPropose, MsgReadIndex, MsgSnapshot, MsgTransferLeader};
        let raft = &self.node.raft;
        // From whom is not asked: whoever was added by an entry that is not applied here yet may
        // lead already, and this member must be able to hear of it.
        let known = message.from != raft.id && message.to == raft.id;
        // Never sent by us, and may end the process; a snapshot comes with its state, see below.
        let kind = message.get_msg_type();
        let foreign = matches!(kind, MsgPropose | MsgSnapshot | MsgTransferLeader);
        // Raft takes it for granted that a read has a name and no term.
        let odd = kind == MsgReadIndex && (message.entries.len() != 1 || message.term != 0);
        let early = kind == MessageType::MsgTimeoutNow && self.may_not_stand();
        if !known || foreign || odd || early {
            return;
        }
        self.heard(message.from);
        if kind == MessageType::MsgHeartbeat && self.doubts_commit(message.commit) {
            message.commit = 0;
        }
        if kind == MessageType::MsgAppendResponse && message.reject {
            let same_term = message.term == self.node.raft.term;
            let (from, last) = (message.from, message.reject_hint.min(message.index));
            if same_term {
                self.forget_beyond(from, last);
            }
        }
        self.step(message);
    }

    /// A heartbeat's commit index rests on what the leader believes this member to hold, which is
    /// not so if a disk was lost. An append brings its own proof.
    fn doubts_commit(&self, commit: u64) -> bool {
        self.joining.is_some() || commit > self.node.raft.raft_log.last_index()
    }

    /// A leader's snapshot, with the state that was streamed.
    pub(crate) fn receive_snapshot(&mut self, message: Message, ledger: Box<Ledger>) {
        let metadata = message.get_snapshot().get_metadata();
        let (index, term) = (metadata.index, metadata.term);
        if ledger.applied().index != index || message.to != self.node.raft.id {
            return;
        }
        let mark = SnapshotMark { index, term, conf_state: metadata.get_conf_state().clone() };
        self.offered_snapshot = Some((mark, ledger));
        self.step(message);
    }

    fn step(&mut self, message: Message) {
        if self.joining.as_ref().is_none_or(|joining| joining.admits(&message)) {
            // Errors speak of unknown peers and dropped proposals; raft repeats what matters.
            let _ = self.node.step(message);
        }
        self.after_raft();
    }

    pub(crate) fn delivery(&mut self, to: NodeId, delivery: Delivery) {
        match delivery {
            Delivery::Unreachable => self.node.report_unreachable(to.0),
            Delivery::SnapshotDone => self.node.report_snapshot(to.0, SnapshotStatus::Finish),
            Delivery::SnapshotFailed => self.node.report_snapshot(to.0, SnapshotStatus::Failure),
        }
        self.after_raft();
    }

    /// Proposes one entry; returns its index, or `None` when raft does not take it now.
    pub(crate) fn propose(&mut self, data: Vec<u8>) -> Option<u64> {
        assert!(self.is_leader(), "a follower's proposal would be forwarded silently");
        let proposed = self.node.propose(Vec::new(), data);
        self.after_raft();
        proposed.is_ok().then(|| self.node.raft.raft_log.last_index())
    }

    /// Asks for a read-index; it comes back from [`Self::ready`] with this token.
    pub(crate) fn read_index(&mut self, token: u64) {
        self.node.read_index(token.to_be_bytes().to_vec());
        self.after_raft();
    }

    /// The disk has confirmed everything up to this number.
    pub(crate) fn persisted(&mut self, number: u64) {
        if let Some(raft_number) = self.writes.confirmed(number) {
            self.node.on_persist_ready(raft_number);
        }
        if let Some((waiting, index)) = self.installing
            && waiting <= number
        {
            self.installing = None;
            self.node.advance_apply_to(index);
        }
        self.after_raft();
    }

    /// A snapshot of ours is durable: the log behind it may go, but for a tail.
    pub(crate) fn compact(&mut self, mark: SnapshotMark, tail_entries: u64, outbox: &mut Outbox) {
        let to = mark.index.saturating_sub(tail_entries);
        if mark.index <= self.snapshot_index() {
            return;
        }
        if self.node.mut_store().compact(mark, to) {
            self.persist(Persist { compact_to: Some(to), ..Persist::default() }, None, outbox);
        }
    }

    /// Everything that raft has to say: effects in order, then what is committed.
    pub(crate) fn ready(
        &mut self,
        reads: &mut Vec<(u64, u64)>,
        committed: &mut Vec<Committed>,
        outbox: &mut Outbox,
    ) {
        if self.vote_kept == Promise::Due {
            let vote = Persist { voter: true, ..Persist::default() };
            self.vote_kept = Promise::Asked(self.persist(vote, None, outbox));
        }
        if self.change_kept == Promise::Due {
            let hard_state = Some(self.node.store().hard_state().clone());
            let change = Persist { hard_state, ..Persist::default() };
            self.change_kept = Promise::Asked(self.persist(change, None, outbox));
        }
        while self.node.has_ready() {
            let mut ready = self.node.ready();
            let mut persist =
                Persist { messages: ready.take_persisted_messages(), ..Persist::default() };
            if planted::is(Bug::MessageBeforeWrite) {
                outbox.push(Effect::SendPeers(std::mem::take(&mut persist.messages)));
            }
            // Raft takes it that a leader's term is on its disk: it asked others for their votes
            // only then. The only voter asks nobody.
            let messages = ready.take_messages();
            match self.writes.has_term(self.node.raft.term) {
                false => persist.messages.extend(messages),
                true if messages.is_empty() => {}
                true => outbox.push(Effect::SendPeers(messages)),
            }
            for state in ready.take_read_states() {
                match (<[u8; 8]>::try_from(state.request_ctx.as_slice()), &mut self.joining) {
                    (Ok(token), _) => reads.push((u64::from_be_bytes(token), state.index)),
                    (Err(_), Some(joining)) => joining.set_target(state.index),
                    // Asked twice, and over with the first answer.
                    (Err(_), None) => {}
                }
            }
            if *ready.snapshot() != raft::eraftpb::Snapshot::default() {
                persist.install =
                    Some(self.install(ready.snapshot().get_metadata().index, committed));
            }
            committed.extend(ready.take_committed_entries().into_iter().map(Committed::Entry));
            persist.entries = ready.take_entries();
            self.node.mut_store().append(&persist.entries);
            if let Some(hard_state) = ready.hs() {
                self.node.mut_store().set_hard_state(hard_state.clone());
            }
            // A commit index alone may be lost: whoever leads next finds it again. It goes to disk
            // with the next thing that must.
            if ready.must_sync() {
                persist.hard_state = Some(self.node.store().hard_state().clone());
            }
            let number = ready.number();
            let installed = persist.install.as_ref().map(|mark| mark.index);
            if ready.must_sync() || !persist.messages.is_empty() {
                let write = self.persist(persist, Some(number), outbox);
                self.installing = installed.map(|index| (write, index)).or(self.installing);
            }
            self.node.advance_append_async(ready);
            if planted::is(Bug::OwnEntryCountedUnwritten) {
                self.node.on_persist_ready(number);
            }
        }
        self.after_raft();
    }

    fn install(&mut self, index: u64, committed: &mut Vec<Committed>) -> SnapshotMark {
        let (mark, ledger) = self.offered_snapshot.take().expect("raft took what was offered");
        assert_eq!(mark.index, index, "raft took the snapshot that was offered last");
        self.node.mut_store().install(mark.clone());
        self.applied = index;
        committed.push(Committed::Snapshot(ledger));
        mark
    }

    fn persist(&mut self, mut persist: Persist, raft: Option<u64>, outbox: &mut Outbox) -> u64 {
        let number = self.writes.ask(&mut persist, raft);
        outbox.push(Effect::Persist(persist));
        number
    }

    /// The caller has applied everything up to this index.
    pub(crate) fn advance_applied(&mut self, index: u64) {
        assert!(index >= self.applied && index <= self.committed(), "applied <= committed");
        if index > self.applied {
            self.applied = index;
            self.node.advance_apply_to(index);
            self.after_raft();
        }
    }

    /// After every call into raft: our election timeout, and the end of joining.
    fn after_raft(&mut self) {
        self.election.overwrite(&mut self.node.raft);
        let (blank, committed) = (self.node.store().is_blank(), self.committed());
        if self.joining.as_ref().is_some_and(|joining| joining.is_over(blank, committed)) {
            self.joining = None;
            self.vote_kept = Promise::Due;
        }
    }

    /// To stand, raft looks at entries that are not applied, and a snapshot replaces them first.
    /// And who is elected by itself alone leads at once: raft takes it for impossible that entries
    /// of before are on their way to the disk then.
    fn may_not_stand(&self) -> bool {
        let voters = &self.node.store().conf_state().voters;
        let writes = !self.is_leader() && !self.writes.is_idle();
        self.installing.is_some() || (writes && *voters == [self.node.raft.id])
    }

    /// Whether raft has more to say.
    pub(crate) fn has_ready(&self) -> bool {
        let due = [self.vote_kept, self.change_kept].contains(&Promise::Due);
        due || self.node.has_ready()
    }
}

/// The bytes of an entry's commands; beside a change of the members they stand in its context.
pub(crate) fn commands_of(entry: &Entry) -> &[u8] {
    match entry.get_entry_type() {
        EntryType::EntryNormal => &entry.data,
        EntryType::EntryConfChange | EntryType::EntryConfChangeV2 => &entry.context,
    }
}
