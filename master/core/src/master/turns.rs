//! The end of a turn: propose, persist, apply, answer, offer.

use super::Master;
use crate::{
    allocator::{Allocator as _, PlannedOffer, ReservedOffer},
    consensus::{Committed, commands_of, membership::conf_change},
    dispatch::history::History,
    input::{Now, OperatorCall, StreamId},
    intake::{Turn, Waiter, sessions::Party},
    ledger::{Command, Event, Stamp, codec},
    master::leadership::{Leadership, Timer},
    outbox::{Answer, Effect, Ending, Outbox, SnapshotMark},
    reads::{self, PreparedRead},
};
use proto::{
    model::{Duration, Offer, Order, Reason, Refusal, ReservedPart, SchedulerEvent, Session},
    planted::{self, Bug},
};
use raft::eraftpb::Entry;
use std::collections::BTreeMap;

impl Master {
    /// Ends a turn. To be called after the inputs that were waiting have been stepped.
    pub fn flush(&mut self, now: Now, outbox: &mut Outbox) {
        self.follow_leadership(now, outbox);
        if let Some(mut turn) = self.turn(now, outbox) {
            turn.due();
        }
        self.ask_for_reads();
        self.tend_members(now, outbox);
        self.tend_version();
        self.tend_time(now);
        while !self.is_stuck {
            self.propose_turn(now, outbox);
            let (mut reads, mut committed) = (Vec::new(), Vec::new());
            self.consensus.ready(&mut reads, &mut committed, outbox);
            if let Some(leader) = &mut self.leader {
                leader.reads.confirmed(reads);
            }
            for item in committed {
                self.apply(now, item, outbox);
            }
            self.follow_leadership(now, outbox);
            if self.commands.is_empty() && !self.consensus.has_ready() {
                break;
            }
        }
        self.answer_reads(now, outbox);
        if let Some(mut turn) = self.turn(now, outbox) {
            turn.tell_victims();
            turn.make_offers();
            turn.show_shared();
            turn.await_preemption();
        }
        self.snapshot_if_due(outbox);
        self.report_members(outbox);
        self.report_role(outbox);
    }

    /// Becoming leader and ceasing to be one are things that happened, not procedures.
    fn follow_leadership(&mut self, now: Now, outbox: &mut Outbox) {
        let term = self.consensus.term();
        let leads = self.consensus.is_leader();
        if self.leader.as_ref().is_some_and(|leader| !leads || leader.term != term) {
            self.step_down(now, outbox);
        }
        if leads && self.barrier_term != term {
            // The leader's own clock continues where the log's stands.
            self.clock.set(self.ledger.applied().time, now.monotonic);
            let mut commands = vec![Command::Barrier { term }];
            commands.extend(self.members_at_barrier().map(Command::ChangeMembers));
            commands.extend(self.version_at_barrier().map(Command::RaiseVersion));
            let barrier = codec::Batch { time: self.cluster_time(now), wall: now.wall, commands };
            if self.consensus.propose(codec::encode_batch(&barrier)).is_some() {
                self.barrier_term = term;
                if planted::is(Bug::ServesBeforeBarrier) {
                    self.serve(term, now);
                }
            }
        }
    }

    /// This member leads in this term, and begins to serve if it does not already.
    fn serve(&mut self, term: u64, now: Now) {
        let (config, ledger, clock) = (&self.config, &self.ledger, &self.clock);
        let gave_way = &self.gave_way;
        let begin = || Leadership::begin(term, now.monotonic, config, ledger, clock, gave_way);
        self.leader.get_or_insert_with(begin);
    }

    /// A successor's clock continues from the newest entry: what passed since is lost to whatever
    /// is due by it. While something is, and nothing else is written, an entry carries the time
    /// alone.
    fn tend_time(&mut self, now: Now) {
        let time = self.cluster_time(now);
        let Some(leader) = &mut self.leader else { return };
        let is_old = time >= leader.time_written + self.config.heartbeat_interval;
        if !is_old || !self.commands.is_empty() {
            return;
        }
        leader.time_written = time;
        if leader.needs_time() {
            let (entry, _) = codec::encode_first(time, now.wall, std::iter::empty());
            let is_proposed = self.consensus.propose(entry).is_some();
            self.figures.entries_proposed += u64::from(is_proposed);
        }
    }

    /// Makes log entries of what the turn gathered.
    fn propose_turn(&mut self, now: Now, outbox: &mut Outbox) {
        while !self.commands.is_empty() {
            let time = self.cluster_time(now);
            let commands = self.commands.iter().map(|(command, _)| command);
            let (entry, count) = codec::encode_first(time, now.wall, commands);
            let proposed: Vec<_> = self.commands.drain(..count).collect();
            let leader = self.leader.as_mut().expect("only a serving leader gathers commands");
            match self.consensus.propose(entry) {
                Some(index) => {
                    leader.time_written = time;
                    self.figures.entries_proposed += 1;
                    self.figures.commands_proposed += proposed.len() as u64;
                    let waiters = proposed.into_iter().map(|(_, waiter)| waiter).collect();
                    leader.proposals.push(index, leader.term, waiters);
                }
                None => {
                    let refusal = Refusal::new(Reason::Overloaded, "the log is full for now")
                        .retry_after(Duration(100));
                    let mut turn = self.turn(now, outbox).expect("it serves, see above");
                    for (command, waiter) in proposed {
                        turn.try_later(&command);
                        turn.answer(waiter, Err(refusal.clone()));
                    }
                }
            }
        }
    }

    fn apply(&mut self, now: Now, committed: Committed, outbox: &mut Outbox) {
        match committed {
            _ if self.is_stuck => {}
            Committed::Entry(entry) => self.apply_entry(now, &entry, outbox),
            Committed::Snapshot(ledger) => {
                assert!(self.leader.is_none(), "a leader is never behind");
                self.ledger = *ledger;
                let applied = self.ledger.applied();
                self.clock.set(applied.time, now.monotonic);
                self.history = History::starting_at(applied.index, self.config.events_kept);
            }
        }
    }

    fn apply_entry(&mut self, now: Now, entry: &Entry, outbox: &mut Outbox) {
        let mut stamp = Stamp { index: entry.index, term: entry.term, ..self.ledger.applied() };
        let mut commands = Vec::new();
        let written = commands_of(entry);
        if !written.is_empty() {
            // Intake and open checked what is written; only a newer software writes what this one
            // cannot read, and going on without it would be silent divergence.
            let Ok(batch) = codec::decode_batch(written) else {
                self.is_stuck = true;
                outbox.push(Effect::End(Ending::Unreadable { index: entry.index }));
                return;
            };
            stamp = Stamp { time: batch.time.max(stamp.time), wall: batch.wall, ..stamp };
            commands = batch.commands;
        }
        let mut waiters = match &mut self.leader {
            Some(leader) => leader.proposals.applied(entry.index, entry.term),
            None => None,
        }
        .unwrap_or_default()
        .into_iter();
        for command in &commands {
            let waiter = waiters.next().unwrap_or(Waiter::Nobody);
            self.apply_command(now, stamp, command, waiter, outbox);
        }
        assert!(waiters.next().is_none(), "one waiter per command");
        self.ledger.set_applied(stamp);
        if self.leader.is_none() {
            self.clock.set(stamp.time, now.monotonic);
        }
        self.consensus.advance_applied(entry.index);
    }

    fn apply_command(
        &mut self,
        now: Now,
        stamp: Stamp,
        command: &Command,
        mut waiter: Waiter,
        outbox: &mut Outbox,
    ) {
        let mut events = Vec::new();
        if let Some(mut turn) = self.turn(now, outbox) {
            turn.settle(&mut waiter);
        }
        let change = match command {
            Command::ChangeMembers(change) => Some(change),
            _ => None,
        };
        // What it is to raft depends on what the members were before.
        let raft = change.and_then(|change| conf_change(self.ledger.members(), change));
        let outcome = self.ledger.apply(stamp, command, &mut events);
        if let (Some(change), Ok(_)) = (change, &outcome) {
            self.members_changed(change, raft.as_ref(), outbox);
        }
        for event in &events {
            self.history.record(stamp, event);
            if let Event::TaskPreempted(key) = event
                && self.ledger.task(key).is_some_and(|task| !task.info.revocable)
            {
                self.gave_way.note(stamp.time);
            }
            if let Event::BarrierPassed { term } = event
                && self.consensus.is_leader()
                && self.consensus.term() == *term
            {
                self.serve(*term, now);
            }
            if let Some(leader) = &mut self.leader {
                leader.view.note(&self.ledger, event);
                leader.reserved.note(&self.ledger, event);
            }
            if let Some(mut turn) = self.turn(now, outbox) {
                turn.dispatch(event);
                turn.watch_event(event);
            }
        }
        if let Some(mut turn) = self.turn(now, outbox) {
            turn.answer(waiter, outcome);
            turn.dispatch_after_answer(&events);
        }
    }

    /// Before raft is asked what to send, or the question would wait for the next turn.
    fn ask_for_reads(&mut self) {
        let applied = self.consensus.applied();
        let Some(leader) = &mut self.leader else { return };
        if let Some(token) = leader.reads.ask() {
            if planted::is(Bug::ReadUnconfirmed) {
                leader.reads.confirmed(vec![(token, applied)]);
            }
            self.consensus.read_index(token);
        }
    }

    fn answer_reads(&mut self, now: Now, outbox: &mut Outbox) {
        let applied = self.consensus.applied();
        let Some(leader) = &mut self.leader else { return };
        let ready: Vec<_> = leader.reads.ready(applied);
        if ready.is_empty() {
            return;
        }
        let moment = self.leaders_moment(now);
        for read in ready {
            if reads::leader_alone_knows(&read.request) {
                let leader = self.leader.as_ref();
                let answer = reads::answer_as_leader(&moment, leader, &read);
                if let Some(mut turn) = self.turn(now, outbox) {
                    turn.reply(read.call, answer);
                }
                continue;
            }
            let reads::Read { call, viewer, request } = read;
            let prepared = match request {
                OperatorCall::GetCluster => {
                    PreparedRead::cluster(call, self.read_cluster(), &moment)
                }
                request => PreparedRead::rows(call, viewer, request, &moment),
            };
            outbox.push(Effect::Read(Box::new(prepared)));
        }
    }

    fn snapshot_if_due(&mut self, outbox: &mut Outbox) {
        let applied = self.ledger.applied();
        let newest = self.consensus.snapshot_index();
        self.snapshot_wanted |= self.consensus.takes_snapshot_wish();
        let wanted = self.snapshot_wanted && applied.index > newest;
        let due = applied.index >= newest + self.config.snapshot_entries;
        if (due || wanted) && self.snapshot_under_way.is_none() {
            self.snapshot_wanted = false;
            let conf_state = self.consensus.conf_state();
            let mark = SnapshotMark { index: applied.index, term: applied.term, conf_state };
            self.snapshot_under_way = Some(mark.clone());
            if planted::is(Bug::CompactsBeforeSnapshot) {
                let tail = self.config.log_tail_entries;
                self.consensus.compact(mark.clone(), tail, outbox);
            }
            let ledger = Box::new(self.ledger.clone());
            outbox.push(Effect::WriteSnapshot { mark, ledger });
        }
    }
}

impl Turn<'_> {
    /// What time has brought: offers that expired, silent agents, timeouts, heartbeats.
    fn due(&mut self) {
        self.expire_offers();
        let now = self.now.monotonic;
        for agent in self.leader.detector.silent(now) {
            if let Some(session) = self.leader.sessions.agent(&agent) {
                let message = format!("silent for more than {}", self.config.agent_timeout);
                let refusal = Refusal::new(Reason::AgentUnreachable, message);
                self.refuse_agent(session.stream, refusal);
            }
            if let Some(row) = self.ledger.agent(&agent) {
                let incarnation = row.incarnation;
                let command = Command::MarkAgentUnreachable { agent: agent.clone(), incarnation };
                self.propose(command, Waiter::Nobody);
                // Named once only: if this proposal is lost, it is due again soon.
                self.leader.detector.grace(agent, now + self.config.heartbeat_interval);
            }
        }
        for timer in self.leader.timers.due(now) {
            self.timer(timer);
        }
    }

    fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::FrameworkReturn(id) => {
                if let Some(row) = self.ledger.framework(id) {
                    let session = Session { framework: id, epoch: row.epoch };
                    self.propose(Command::DisconnectFramework(session), Waiter::Nobody);
                }
            }
            Timer::FrameworkExpiry(id) => {
                let row = self.ledger.framework(id);
                if let Some(row) = row.filter(|_| !planted::is(Bug::ExpiryNeverFires)) {
                    let session = Session { framework: id, epoch: row.epoch };
                    let command = Command::RemoveFramework { session, expired: true };
                    self.propose(command, Waiter::Nobody);
                }
            }
            Timer::AgentRemoval(agent) => {
                if let Some(row) = self.ledger.agent(&agent) {
                    let incarnation = row.incarnation;
                    self.propose(Command::RemoveAgent { agent, incarnation }, Waiter::Nobody);
                }
            }
            Timer::Drain(agent) => self.drain_due(agent),
            Timer::Window(window) => self.window_due(window),
            Timer::Volumes(agent) => self.repeat_volume_orders(&agent),
            Timer::Preempted => self.preempted_due(),
            Timer::Preemption => self.preemption_due(),
            Timer::Heartbeat => {
                let next = self.now.monotonic + self.config.heartbeat_interval;
                self.leader.timers.set(Timer::Heartbeat, next);
                let streams: Vec<_> = self.leader.sessions.frameworks().collect();
                for (_, stream) in streams {
                    self.tell_framework(stream, SchedulerEvent::Heartbeat);
                }
                self.watch_heartbeat();
            }
        }
    }

    /// Shows free resources to those whose turn it is.
    fn make_offers(&mut self) {
        let now = self.now.monotonic;
        let leader = &mut *self.leader;
        leader.demand.expire(now);
        self.note_ended_demands();
        let leader = &mut *self.leader;
        leader.view.take_left().into_iter().for_each(|place| leader.demand.forget_agent(place));
        leader.demand.divide(&leader.view);
        // What a demand gets of reservations it wants of nothing else.
        let plan = leader.reserved.plan(now, self.ledger, &leader.view, &leader.demand);
        let mut made = BTreeMap::<_, Vec<_>>::new();
        for ReservedOffer { planned, parts } in &plan {
            let offer = self.make_offer(planned, parts);
            self.leader.reserved.hold(parts);
            made.entry(planned.framework).or_default().push(offer);
        }
        let leader = &mut *self.leader;
        let plan = leader.allocator.plan(now, &leader.view, &leader.demand);
        for planned in &plan.offers {
            let offer = self.make_offer(planned, &[]);
            self.leader.view.hold(planned);
            made.entry(planned.framework).or_default().push(offer);
        }
        for (framework, offers) in made {
            let (_, stream) =
                self.leader.sessions.framework(framework).expect("offers go to the connected");
            self.tell_framework(stream, SchedulerEvent::Offers(offers));
        }
    }

    /// Makes a planned offer a live one.
    fn make_offer(&mut self, planned: &PlannedOffer, parts: &[ReservedPart]) -> Offer {
        let agent = self.ledger.agent(&planned.agent).expect("the view shows ledger's agents");
        let (hostname, attributes) = (&agent.info.hostname, &agent.info.attributes);
        let leader = &mut *self.leader;
        let now = self.now.monotonic;
        let holds = leader.demand.holds();
        let timeout = self.config.offer_timeout;
        let timeout = timeout.map(|usual| holds.timeout(planned.framework, usual));
        let mut offer =
            leader.book.issue_with((planned, parts), hostname, attributes, now, timeout);
        offer.domain.clone_from(&agent.info.domain);
        offer.volumes = self.ledger.usable_volumes(&planned.agent, &planned.role);
        offer.unavailability = self.ledger.unavailability(&agent.info, self.time);
        leader.demand.offered(planned, agent.info.domain.as_ref());
        self.watch_offer_made(&offer);
        self.figures.offers_made += 1;
        offer
    }

    pub(super) fn stream_closed(&mut self, stream: StreamId) {
        match self.leader.sessions.remove(stream) {
            Some(Party::Framework(session)) => self.framework_stream_closed(session),
            Some(Party::Watcher) => self.leader.watchers.remove(stream),
            // An agent is lost when it stays silent, not when a connection breaks.
            _ => {}
        }
    }

    /// Whoever reads a stream has read all of it: there may be more that was held back.
    pub(super) fn stream_read(&mut self, stream: StreamId) {
        match self.leader.sessions.party(stream) {
            Some(Party::Watcher) => self.watcher_read(stream),
            Some(Party::Framework(session)) => self.leader.shared.read(session.framework),
            _ => {}
        }
    }

    /// Nobody will hear more from this leader; some calls may have happened or not.
    pub(super) fn step_down(
        &mut self,
        waiters: Vec<Waiter>,
        unproposed: Vec<(Command, Waiter)>,
        not_serving: &Refusal,
    ) {
        let unknown = Refusal::new(
            Reason::OutcomeUnknown,
            "leadership was lost while this call was on its way: it may or may not have happened",
        );
        for waiter in waiters {
            self.answer(waiter, Err(unknown.clone()));
        }
        for (_, waiter) in unproposed {
            self.answer(waiter, Err(not_serving.clone()));
        }
        for call in self.leader.reads.abandon() {
            self.reply(call, Err(not_serving.clone()));
        }
        if let Some(removal) = self.leader.removal.take() {
            self.reply(removal.call, Err(not_serving.clone()));
        }
        if let Some(done) = self.leader.hand_over.take() {
            self.reply(done.call, Ok(Answer::Done));
        }
        let term = self.leader.term;
        let streams: Vec<_> =
            self.leader.sessions.streams().map(|(stream, party)| (stream, party.clone())).collect();
        for (stream, party) in streams {
            let refusal = not_serving.clone();
            let effect = match party {
                Party::Subscribing | Party::Framework(_) => {
                    Effect::ToFramework { stream, event: SchedulerEvent::Error(refusal) }
                }
                Party::Registering(_) | Party::Agent(_) => {
                    Effect::ToAgent { stream, order: Order::Refused(refusal), term }
                }
                Party::Watcher => Effect::ToWatcher { stream, event: Err(refusal) },
            };
            self.outbox.push(effect);
            self.outbox.push(Effect::Close(stream));
        }
    }
}
