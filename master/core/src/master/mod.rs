//! A master: owns the rooms, takes inputs, ends turns.
//!
//! [`Master::step`] only notes and answers; [`Master::flush`] makes one log entry of all that a
//! turn gathered, so that one disk write serves every call that arrived while the last one was
//! under way.

pub mod figures;
pub(crate) mod leadership;
pub(crate) mod membership;
mod turns;
mod upgrade;

use crate::{
    Config, Ledger,
    consensus::{ClusterClock, Consensus, OpenError, Restored, SlowDisk, commands_of},
    dispatch::history::History,
    input::{CallId, Input, Now, OperatorCall, StreamId},
    intake::{Turn, Waiter},
    ledger::{Command, codec},
    outbox::{Effect, Outbox, RoleChange},
    preemption::GaveWay,
    reads::{self, Moment, PreparedRead, Viewer},
};
use figures::{Figures, Gauges};
use leadership::Leadership;
use proto::{
    model::{Instant, NodeId, Principal, Reason, Refusal},
    wire::v1,
};
use std::{collections::BTreeMap, sync::Arc};

/// One member of the group of masters.
#[derive(Debug)]
pub struct Master {
    config: Config,
    consensus: Consensus,
    ledger: Ledger,
    clock: ClusterClock,
    leader: Option<Leadership>,
    /// What the turn has gathered for its log entry.
    commands: Vec<(Command, Waiter)>,
    /// The term in which the barrier was proposed last.
    barrier_term: u64,
    history: History,
    /// For whoever leads next, which may be this member.
    gave_way: GaveWay,
    figures: Figures,
    role: Option<RoleChange>,
    /// A snapshot is being written up to this index.
    snapshot_under_way: Option<crate::outbox::SnapshotMark>,
    /// Somebody wants a snapshot as of now.
    snapshot_wanted: bool,
    /// The version of the members that the shell was told.
    members_told: u64,
    /// Ticks since a member said first that this one was removed.
    removed_for_ticks: Option<usize>,
    /// A committed entry cannot be read: nothing more is applied, the process is to end.
    is_stuck: bool,
    /// When another member that leads was heard of last.
    heard_leader: Option<Instant>,
    /// Whether others would answer sooner.
    slow_disk: SlowDisk,
}

impl Master {
    /// Starts from what the disk holds; `ledger` is the restored snapshot's, or empty.
    pub fn open(
        config: Config,
        restored: Restored,
        ledger: Ledger,
        now: Now,
    ) -> Result<Self, OpenError> {
        config.assert_valid();
        for entry in &restored.entries {
            let commands = commands_of(entry);
            if !commands.is_empty() && entry.index > ledger.applied().index {
                let check = codec::decode_batch(commands);
                check.map_err(|source| OpenError::Entry { index: entry.index, source })?;
            }
        }
        let consensus = Consensus::open(&config, restored)?;
        let applied = ledger.applied();
        assert_eq!(consensus.applied(), applied.index, "log and snapshot belong together");
        let events_kept = config.events_kept;
        let gave_way = GaveWay::new(config.preemptions_per_minute);
        let mut clock = ClusterClock::default();
        clock.set(applied.time, now.monotonic);
        Ok(Self {
            config,
            consensus,
            ledger,
            clock,
            leader: None,
            commands: Vec::new(),
            barrier_term: 0,
            history: History::starting_at(applied.index, events_kept),
            gave_way,
            figures: Figures::default(),
            role: None,
            snapshot_under_way: None,
            snapshot_wanted: false,
            members_told: 0,
            removed_for_ticks: None,
            is_stuck: false,
            heard_leader: None,
            slow_disk: SlowDisk::default(),
        })
    }

    /// The replicated truth, as far as it is applied here.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Counts since the start.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Whether this member leads and has applied the first entry of its term.
    pub fn is_serving(&self) -> bool {
        self.leader.is_some()
    }

    /// How things stand; costs a pass over all tasks.
    pub fn gauges(&self) -> Gauges {
        let mut gauges = Gauges {
            term: self.consensus.term(),
            leader: u64::from(self.consensus.is_leader()),
            serving: u64::from(self.is_serving()),
            committed_index: self.consensus.committed(),
            applied_index: self.consensus.applied(),
            tasks_revocable: self.ledger.revocable_task_count() as u64,
            agents: self.ledger.agents().len() as u64,
            frameworks: self.ledger.frameworks().len() as u64,
            ..Gauges::default()
        };
        if let Some(leader) = &self.leader {
            gauges.proposals_in_flight = leader.proposals.commands() as u64;
            gauges.offers_live = leader.book.live_count() as u64;
            gauges.frameworks_charged = leader.demand.holds().len() as u64;
        }
        for (_, task) in self.ledger.tasks().iter() {
            *gauges.tasks.entry(task.status.state).or_default() += 1;
        }
        gauges
    }

    /// Takes one input.
    pub fn step(&mut self, now: Now, input: Input, outbox: &mut Outbox) {
        match input {
            Input::Tick => {
                self.consensus.tick(outbox);
                self.leave_if_removed(outbox);
                self.leave_to_a_faster_disk();
                // A read-index request is lost with its heartbeat: ask again.
                let unconfirmed =
                    self.leader.as_ref().and_then(|leader| leader.reads.unconfirmed());
                if let Some(token) = unconfirmed.filter(|_| self.consensus.is_leader()) {
                    self.consensus.read_index(token);
                }
            }
            // Whoever was removed has nothing to say.
            Input::Peer(message) if self.is_retired(NodeId(message.from)) => {}
            Input::PeerSeen { from, .. } if self.is_retired(from) => {}
            Input::Peer(message) => {
                let from = NodeId(message.from);
                self.consensus.receive(message);
                if self.consensus.leader() == Some(from) {
                    self.heard_leader = Some(now.monotonic);
                }
            }
            Input::PeerSeen { from, blank, joining, version } => {
                self.consensus.seen(from, blank, joining, version);
            }
            Input::PeerGone { from } => self.consensus.gone(from),
            Input::Removed => drop(self.removed_for_ticks.get_or_insert(0)),
            Input::TakeSnapshot => self.snapshot_wanted = true,
            Input::PeerSnapshot { message, ledger } => {
                self.consensus.receive_snapshot(message, ledger);
            }
            Input::PeerDelivery { to, delivery } => self.consensus.delivery(to, delivery),
            Input::Persisted(number) => self.consensus.persisted(number),
            Input::SnapshotWritten { index } => self.snapshot_written(index, outbox),
            outside => self.step_outside(now, outside, outbox),
        }
    }

    /// An input from a framework, an agent or an operator: for a serving leader only, but for reads
    /// that may be stale.
    fn step_outside(&mut self, now: Now, input: Input, outbox: &mut Outbox) {
        let input = match input {
            Input::OperatorCall { call, principal, request: OperatorCall::Stale(request) } => {
                if self.leader.is_none() {
                    return self.answer_stale(now, call, &principal, *request, outbox);
                }
                Input::OperatorCall { call, principal, request: *request }
            }
            input => input,
        };
        if self.leader.is_some()
            && let Input::OperatorCall { call, principal, request } = &input
            && self.membership_call(now, *call, principal, request, outbox)
        {
            return;
        }
        let Some(mut turn) = self.turn(now, outbox) else {
            return self.refuse(input, outbox);
        };
        match input {
            Input::FrameworkSubscribe { stream, principal, subscribe } => {
                turn.subscribe(stream, &principal, subscribe);
            }
            Input::FrameworkCall { call, principal, session, request } => {
                turn.scheduler_call(call, &principal, session, request);
            }
            Input::AgentMessage { stream, principal, message } => {
                turn.agent_message(stream, &principal, message);
            }
            Input::OperatorCall { call, principal, request } => {
                turn.operator_call(call, &principal, request);
            }
            Input::OperatorWatch { stream, after, filter, .. } => {
                turn.operator_watch(stream, after, filter);
            }
            Input::StreamRead(stream) => turn.stream_read(stream),
            Input::StreamClosed(stream) => turn.stream_closed(stream),
            inside => unreachable!("{inside:?} was taken by step"),
        }
    }

    /// This member does not serve: say who does.
    fn refuse(&self, input: Input, outbox: &mut Outbox) {
        use proto::model::{Order, SchedulerEvent};
        let refusal = self.not_serving();
        let term = self.consensus.term();
        let close = |stream: StreamId, effect: Effect, outbox: &mut Outbox| {
            outbox.push(effect);
            outbox.push(Effect::Close(stream));
        };
        match input {
            Input::FrameworkSubscribe { stream, .. } => {
                let event = SchedulerEvent::Error(refusal);
                close(stream, Effect::ToFramework { stream, event }, outbox);
            }
            Input::AgentMessage { stream, .. } => {
                let order = Order::Refused(refusal);
                close(stream, Effect::ToAgent { stream, order, term }, outbox);
            }
            Input::OperatorWatch { stream, .. } => {
                close(stream, Effect::ToWatcher { stream, event: Err(refusal) }, outbox);
            }
            Input::OperatorCall { call, request: OperatorCall::GetCluster, .. }
                if self.consensus.leader().is_none() =>
            {
                // Nobody leads: what this member knows is better than nothing.
                let cluster = self.read_cluster();
                let moment = Arc::new(self.moment(self.ledger.applied().time, None));
                outbox.push(Effect::Read(Box::new(PreparedRead::cluster(call, cluster, &moment))));
            }
            Input::FrameworkCall { call, .. } | Input::OperatorCall { call, .. } => {
                outbox.reply(call, Err(refusal));
            }
            _ => {}
        }
    }

    /// A listing from what is applied here.
    fn answer_stale(
        &self,
        now: Now,
        call: CallId,
        principal: &Principal,
        request: OperatorCall,
        outbox: &mut Outbox,
    ) {
        let viewer = match Viewer::admit(principal, &request) {
            Ok(viewer) => viewer,
            Err(refusal) => return outbox.reply(call, Err(refusal)),
        };
        // Whoever has never heard of a leader does not know how little it knows.
        let Some(heard) = self.heard_leader.filter(|_| reads::may_be_stale(&request)) else {
            return outbox.reply(call, Err(self.not_serving()));
        };
        let age = v1::ListingAge {
            node_id: self.config.node.0,
            applied_index: self.ledger.applied().index,
            silent_ms: now.monotonic.since(heard).as_ms(),
        };
        let moment = Arc::new(self.moment(self.cluster_time(now), Some(age)));
        let prepared = PreparedRead::rows(call, viewer, request, &moment);
        outbox.push(Effect::Read(Box::new(prepared)));
    }

    fn read_cluster(&self) -> v1::GetClusterResponse {
        reads::cluster(self, &self.config, &self.consensus)
    }

    /// The state as it is, to be read elsewhere.
    fn moment(&self, time: Instant, age: Option<v1::ListingAge>) -> Moment {
        let leader = self.leader.as_ref();
        let offers = leader.map(|leader| leader.book.shown().clone()).unwrap_or_default();
        let commits = leader.map(|leader| leader.commits.clone()).unwrap_or_default();
        let asked = leader.map(|leader| leader.inverse.asked().clone()).unwrap_or_default();
        let holds = BTreeMap::new();
        Moment { ledger: self.ledger.clone(), offers, commits, asked, holds, time, age }
    }

    /// As a leader has it, with what it charges for what was kept: nearly nobody anything.
    fn leaders_moment(&self, now: Now) -> Arc<Moment> {
        let usual = self.config.offer_timeout;
        let holds = self
            .leader
            .iter()
            .flat_map(|leader| reads::hold_charges(leader.demand.holds(), usual, now.monotonic));
        Arc::new(Moment { holds: holds.collect(), ..self.moment(self.cluster_time(now), None) })
    }

    fn not_serving(&self) -> Refusal {
        match self.consensus.leader().filter(|leader| *leader != self.config.node) {
            Some(leader) => {
                let known = self.ledger.members().get(leader);
                let address = known.map(|member| member.info.address.clone());
                let address = address.or_else(|| self.config.members.get(&leader).cloned());
                let message = format!("this member does not lead, member {leader} does");
                let refusal = Refusal::new(Reason::NotLeader, message);
                Refusal { leader_address: address, ..refusal }
            }
            None => Refusal::new(Reason::NotReady, "no leader is ready yet; try again")
                .retry_after(proto::model::Duration(200)),
        }
    }

    /// The tools of a turn, if this member serves.
    fn turn<'a>(&'a mut self, now: Now, outbox: &'a mut Outbox) -> Option<Turn<'a>> {
        let time = self.cluster_time(now);
        let leader = self.leader.as_mut()?;
        Some(Turn {
            now,
            time,
            config: &self.config,
            ledger: &self.ledger,
            leader,
            history: &self.history,
            figures: &mut self.figures,
            commands: &mut self.commands,
            outbox,
        })
    }

    /// Whether this id was a member's and is no more.
    pub fn is_retired(&self, node: NodeId) -> bool {
        self.ledger.members().is_retired(node)
    }

    /// Who leads, by this member's knowledge.
    pub fn leader(&self) -> Option<NodeId> {
        self.consensus.leader()
    }

    /// The raft term.
    pub fn term(&self) -> u64 {
        self.consensus.term()
    }

    /// Last committed log index.
    pub fn committed_index(&self) -> u64 {
        self.consensus.committed()
    }

    /// Whether this member's disk has no past and it may not vote yet.
    pub fn is_joining(&self) -> bool {
        self.consensus.is_joining()
    }

    fn snapshot_written(&mut self, index: u64, outbox: &mut Outbox) {
        let Some(mark) = self.snapshot_under_way.take() else { return };
        assert_eq!(mark.index, index, "one snapshot is written at a time");
        self.consensus.compact(mark, self.config.log_tail_entries, outbox);
    }

    /// Calls with an unknown outcome, and everybody's streams: leadership is lost.
    fn step_down(&mut self, now: Now, outbox: &mut Outbox) {
        let Some(mut leader) = self.leader.take() else { return };
        let waiters = leader.proposals.abandon();
        let unproposed = std::mem::take(&mut self.commands);
        let not_serving = self.not_serving();
        let mut ignored = Vec::new();
        let time = self.cluster_time(now);
        let mut turn = Turn {
            now,
            time,
            config: &self.config,
            ledger: &self.ledger,
            leader: &mut leader,
            history: &self.history,
            figures: &mut self.figures,
            commands: &mut ignored,
            outbox,
        };
        turn.step_down(waiters, unproposed, &not_serving);
    }

    fn report_role(&mut self, outbox: &mut Outbox) {
        let (term, leader) = (self.consensus.term(), self.consensus.leader());
        let (serving, joining) = (self.leader.is_some(), self.consensus.is_joining());
        let role = RoleChange { term, leader, serving, joining };
        if self.role != Some(role) {
            self.role = Some(role);
            outbox.push(Effect::Role(role));
        }
    }

    fn cluster_time(&self, now: Now) -> Instant {
        self.clock.now(now.monotonic).max(self.ledger.applied().time)
    }
}
