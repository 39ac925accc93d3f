//! What happens to masters: turns, the effects that come out of them, starts and crashes. Effects
//! are executed as the real shell does it: in order, and what a write promises only after it.

use super::{
    disk::Dump,
    event::{Happening, MasterEvent, Process},
    streams::Down,
    world::World,
};
use master_core::{
    Config, Effect, Input, Master, Outbox,
    config::{CallRate, CallRates},
    input::Delivery,
    ledger::{LogVersion, digest::digest, invariants},
    outbox::{Ending, RoleChange},
};
use proto::{
    convert::orders,
    model::{Duration, NodeId, Order, SchedulerEvent},
};
use raft::eraftpb::{Message, MessageType};
use std::collections::BTreeMap;

/// Whoever has applied so-manieth an entry shows its ledger's digest. Ledgers that differ go on
/// differing, so that the next look sees it as well.
const DIGEST_EVERY: u64 = 64;

impl World {
    /// Something for a process: nothing for one that died, later for one that is paused.
    pub(crate) fn master_happens(&mut self, process: Process, event: MasterEvent) {
        let host = &mut self.masters[process.host];
        if host.life != process.life || !host.is_up() {
            return;
        }
        if host.paused {
            host.deferred.push(Happening::Master(process, event));
            return;
        }
        match event {
            MasterEvent::Tick => {
                let again = Happening::Master(process, MasterEvent::Tick);
                let tick = self.masters[process.host].clock.tick_ms();
                self.queue.after(Duration(tick), again);
                self.give_master(process.host, Input::Tick);
            }
            MasterEvent::Turn => self.turn(process),
            MasterEvent::Input(input) => self.give_master(process.host, *input),
            MasterEvent::DiskWritten => self.disk_written(process),
            MasterEvent::SnapshotWritten => self.snapshot_written(process),
            MasterEvent::SnapshotArrived { message, dump } => {
                self.snapshot_arrived(process, message, dump);
            }
            MasterEvent::Call(call) => self.call_arrives(process, call),
            MasterEvent::FindLeader(asked) => self.leader_asked(process, asked),
            MasterEvent::Up { stream, up } => self.up_arrives(process, stream, up),
        }
    }

    /// Queues an input; a turn takes all that wait.
    pub(crate) fn give_master(&mut self, host: usize, input: Input) {
        self.masters[host].inbox.push(input);
        if !std::mem::replace(&mut self.masters[host].turn_asked, true) {
            let process = self.masters[host].process(host);
            let wait = self.chance.masters.time(0, 2);
            self.queue.after(wait, Happening::Master(process, MasterEvent::Turn));
        }
    }

    fn turn(&mut self, process: Process) {
        let at = self.queue.now();
        let host = &mut self.masters[process.host];
        host.turn_asked = false;
        let now = host.now(at);
        let inputs = std::mem::take(&mut host.inbox);
        let master = host.master.as_mut().expect("it is up");
        let before = master.ledger().applied().index;
        let mut outbox = Outbox::default();
        for input in inputs {
            self.trace.note(at.0, process.host, &input);
            master.step(now, input, &mut outbox);
        }
        master.flush(now, &mut outbox);
        let effects: Vec<Effect> = outbox.drain().collect();
        for effect in effects {
            self.trace.note(at.0, process.host, &effect);
            self.execute(process, effect);
        }
        self.watch_master(process, before);
        self.watch_leader(process);
        if std::mem::take(&mut self.masters[process.host].ending) {
            let node = self.masters[process.host].node;
            // Whoever believes that it leads may be the last to hear.
            let known = self.masters.iter().filter(|host| host.master.is_some()).count();
            let knows = self.masters[process.host].retired;
            assert!(knows || known == 1, "{node} ends and was not removed");
            self.masters[process.host].gone = true;
            self.crash_master(process.host);
        }
    }

    /// The oracles' look at a master after a turn.
    fn watch_master(&mut self, process: Process, applied_before: u64) {
        let host = &self.masters[process.host];
        let Some(master) = &host.master else { return };
        let applied = master.ledger().applied().index;
        let seen = (master.term(), master.committed_index(), applied);
        self.oracles.monotone.observe(process, seen);
        if applied == applied_before {
            return;
        }
        // Most of a trial's time: what is wrong in a ledger mostly stays, so that not every look is
        // needed to see it.
        if self.chance.oracles.per_mille(if master.is_serving() { 250 } else { 25 }) {
            let broken = invariants::check(master.ledger());
            assert!(broken.is_empty(), "ledger of {}: {broken:?}", host.node);
        }
        if applied.is_multiple_of(DIGEST_EVERY) {
            self.oracles.digests.observe(host.node, applied, digest(master.ledger()));
        }
        let members = master.ledger().members().clone();
        for host in &mut self.masters {
            host.retired |= members.is_retired(host.node);
        }
    }

    fn execute(&mut self, process: Process, effect: Effect) {
        match effect {
            Effect::Persist(persist) => self.persist(process, persist),
            Effect::SendPeers(messages) => self.send_peers(process, messages),
            Effect::Greet { blank, joining, version } => {
                let from = self.masters[process.host].node;
                for to in 0..self.masters.len() {
                    let seen = || Input::PeerSeen { from, blank, joining, version };
                    self.send_peer(process.host, to, seen);
                }
            }
            Effect::WriteSnapshot { mark, ledger } => self.write_snapshot(process, mark, &ledger),
            Effect::Reply { call, answer } => self.reply(process, call, answer),
            Effect::Read(read) => self.reply(process, read.call(), read.answer()),
            Effect::ToFramework { stream, event } => self.tell_framework(process, stream, event),
            Effect::ToAgent { stream, order, term } => {
                let wire = orders::write_master_message(term, &order);
                let read = orders::read_master_message(wire)
                    .unwrap_or_else(|refusal| panic!("a master wrote {order:?}: {refusal:?}"));
                assert_eq!(read, (term, order.clone()), "an order survives the wire");
                self.watch_order(process, &order);
                self.watch_registered(stream, &order);
                self.down(stream, Down::Agent { term, order: Box::new(order) });
            }
            Effect::ToWatcher { stream, event } => {
                self.down(stream, Down::Watcher(event));
            }
            Effect::TellWhenRead(stream) => self.down(stream, Down::Mark),
            Effect::Close(stream) => {
                self.oracles.offers.stream_closed(stream);
                self.down(stream, Down::Closed);
            }
            Effect::Role(role) => self.role_changed(process, role),
            Effect::Members(members) => self.masters[process.host].roster = members,
            Effect::End(Ending::Removed) => self.masters[process.host].ending = true,
            Effect::End(ending) => {
                panic!("no trial gives different lists or softwares: {ending:?}")
            }
        }
    }

    fn watch_order(&mut self, process: Process, order: &Order) {
        if let Order::Committed { key, sequence } = order {
            let master = self.masters[process.host].master.as_ref().expect("it is up");
            self.oracles.completeness.update_committed(master.ledger(), key, *sequence);
        }
    }

    fn tell_framework(
        &mut self,
        process: Process,
        stream: master_core::input::StreamId,
        event: SchedulerEvent,
    ) {
        let master = self.masters[process.host].master.as_ref().expect("it is up");
        match &event {
            SchedulerEvent::Offers(offers) => {
                self.oracles.offers.made(stream, offers, master.ledger());
            }
            SchedulerEvent::Rescind(offers) => self.oracles.offers.rescinded(offers),
            SchedulerEvent::Subscribed { session, .. } => {
                self.oracles.offers.void(session.framework);
                self.oracles.instances.subscribed(*session);
            }
            SchedulerEvent::Update(status) => {
                let newest = self.oracles.one_leader.newest();
                if newest == Some((master.term(), self.masters[process.host].node)) {
                    self.oracles.updates.sent(self.stream_framework(stream), status);
                }
            }
            SchedulerEvent::Failure { agent, removed } => {
                let index = master.ledger().applied().index;
                self.watch_loss(process, agent);
                let (now, most) = (self.queue.now(), self.options.agents_lost_per_minute);
                match removed {
                    true => self.sometimes.note("agent removed"),
                    false => {
                        self.oracles.losses_per_minute.lost(agent, index, now, most);
                        self.sometimes.note("agent unreachable");
                    }
                }
            }
            _ => {}
        }
        self.down(stream, Down::Framework(Box::new(event)));
    }

    fn role_changed(&mut self, process: Process, role: RoleChange) {
        let host = &mut self.masters[process.host];
        let left = host.master.as_ref().map_or(0, |it| it.figures().left_to_faster_disks);
        if left > std::mem::replace(&mut host.left_to_faster_disks, left) {
            self.sometimes.note("leadership left to a faster disk");
        }
        if !role.serving {
            return;
        }
        let host = &self.masters[process.host];
        let ledger = host.master.as_ref().expect("it is up").ledger();
        if host.now(self.queue.now()).monotonic < ledger.applied().time {
            self.sometimes.note("leader's clock behind");
        }
        if self.options.old_masters && ledger.version() == LogVersion::CURRENT {
            self.sometimes.note("log of a newer version");
        }
        if self.masters[process.host].installed_snapshot {
            self.sometimes.note("snapshot installed, then leader");
        }
        if self.masters.iter().filter(|host| host.is_serving()).count() > 1 {
            self.sometimes.note("two masters thought that they led");
        }
        let host = &self.masters[process.host];
        let master = host.master.as_ref().expect("it is up");
        self.oracles.one_leader.serves(role.term, host.node);
        self.oracles.completeness.serves(master.ledger());
    }

    pub(super) fn send_peers(&mut self, process: Process, messages: Vec<Message>) {
        let from = process.host;
        for message in messages {
            self.oracles.promises.sent(&message, &self.masters[from].disk.durable);
            let to = usize::try_from(message.to).expect("few nodes") - 1;
            let kind = message.get_msg_type();
            if kind == MessageType::MsgAppend {
                let node = self.masters[from].node;
                self.oracles.log_matching.observe(node, message.get_entries());
            }
            match kind {
                MessageType::MsgSnapshot => self.stream_snapshot(process, to, message),
                _ => self.send_peer(from, to, || Input::Peer(message.clone())),
            }
        }
    }

    fn send_peer(&mut self, from: usize, to: usize, input: impl Fn() -> Input) {
        if from == to {
            return;
        }
        if !self.masters[to].is_up() {
            if self.network.chance.per_mille(200) {
                self.delivered(from, to, Delivery::Unreachable);
            }
            return;
        }
        // Whoever was removed is turned away, and hears it.
        let input = match self.masters[to].roster.is_retired(self.masters[from].node) {
            true => return self.turned_away(from, to),
            false => input,
        };
        let process = self.masters[to].process(to);
        let arrivals = self.network.carry(from, to);
        if arrivals.len() > 1 {
            self.sometimes.note("message doubled");
        }
        for delay in arrivals {
            let event = MasterEvent::Input(Box::new(input()));
            self.queue.after(delay, Happening::Master(process, event));
        }
    }

    fn turned_away(&mut self, from: usize, to: usize) {
        if !self.masters[from].is_up() {
            return;
        }
        let process = self.masters[from].process(from);
        for delay in self.network.carry(to, from) {
            let event = MasterEvent::Input(Box::new(Input::Removed));
            self.queue.after(delay, Happening::Master(process, event));
        }
    }

    /// Tells a sender how it went.
    fn delivered(&mut self, from: usize, to: usize, delivery: Delivery) {
        let to = self.masters[to].node;
        let process = self.masters[from].process(from);
        let input = Box::new(Input::PeerDelivery { to, delivery });
        let delay = self.network.chance.time(0, 50);
        self.queue.after(delay, Happening::Master(process, MasterEvent::Input(input)));
    }

    /// The newest file is streamed, which may be newer than what raft asked for.
    fn stream_snapshot(&mut self, process: Process, to: usize, mut message: Message) {
        let from = process.host;
        let file = self.masters[from].disk.durable.snapshot.clone();
        let arrives = !self.network.carry(from, to).is_empty() && self.masters[to].is_up();
        let lost = !self.healed && self.network.chance.per_mille(250);
        let (Some((mark, dump)), true, false) = (file, arrives, lost) else {
            self.sometimes.note("snapshot stream lost");
            return self.delivered(from, to, Delivery::SnapshotFailed);
        };
        let metadata = message.mut_snapshot().mut_metadata();
        (metadata.index, metadata.term) = (mark.index, mark.term);
        metadata.set_conf_state(mark.conf_state);
        // A receiver that dies meanwhile says nothing: the sender gives up in the end, which means
        // nothing when it has heard that all went well.
        let given_up =
            Input::PeerDelivery { to: self.masters[to].node, delivery: Delivery::SnapshotFailed };
        let given_up = Happening::Master(process, MasterEvent::Input(Box::new(given_up)));
        self.queue.after(Duration(6_000), given_up);
        let delay = self.network.chance.time(20, 700);
        let event = MasterEvent::SnapshotArrived { message, dump };
        self.queue.after(delay, Happening::Master(self.masters[to].process(to), event));
    }

    fn snapshot_arrived(&mut self, process: Process, message: Message, dump: Dump) {
        let sender = usize::try_from(message.from).expect("few nodes") - 1;
        let index = message.get_snapshot().get_metadata().index;
        let (ledger, digest) = dump.ledger();
        self.oracles.digests.observe(self.masters[process.host].node, index, *digest);
        let ledger = Box::new(ledger.clone());
        self.masters[process.host].disk.receive(index, dump);
        self.give_master(process.host, Input::PeerSnapshot { message, ledger });
        if self.masters[sender].is_up() {
            self.delivered(sender, process.host, Delivery::SnapshotDone);
        }
    }

    /// Starts a master from what its disk holds.
    pub(crate) fn start_master(&mut self, host: usize) {
        let machine = &self.masters[host];
        if machine.is_up() || machine.absent || machine.gone {
            return;
        }
        let at = self.queue.now();
        let origin = self.chance.masters.between(0, 1_000_000);
        let seed = self.chance.masters.number();
        self.masters[host].begin(at, origin);
        let config = self.master_config(host, seed);
        let now = self.masters[host].now(at);
        let (restored, ledger, digest) = self.masters[host].disk.durable.load(&self.cluster);
        if let Some(digest) = digest {
            self.oracles.digests.observe(config.node, ledger.applied().index, digest);
        }
        let master = Master::open(config, restored, ledger, now)
            .unwrap_or_else(|problem| panic!("host {host} cannot start: {problem:?}"));
        self.masters[host].master = Some(master);
        let process = self.masters[host].process(host);
        let first = self.chance.masters.time(1, 100);
        self.queue.after(first, Happening::Master(process, MasterEvent::Tick));
    }

    fn master_config(&self, host: usize, seed: u64) -> Config {
        let node = self.masters[host].node;
        // A spare joins; all others found the cluster.
        let founders = match host < self.options.masters {
            true => self.options.masters as u64,
            false => 0,
        };
        let members = (1..=founders).map(|node| (NodeId(node), address_of(node)));
        Config {
            peers: (1..=founders).map(|node| (NodeId(node), peer_address_of(node))).collect(),
            seed,
            snapshot_entries: self.options.snapshot_entries,
            log_tail_entries: self.options.log_tail_entries,
            offer_timeout: Some(Duration::from_seconds(4)),
            heartbeat_interval: Duration::from_seconds(2),
            agent_timeout: Duration::from_seconds(7),
            agent_reregister_timeout: Duration::from_seconds(10),
            agent_unreachable_per_minute: self.options.agents_lost_per_minute,
            agent_removal_timeout: Duration::from_seconds(20),
            call_rates: CallRates {
                default: Some(CallRate { calls_per_second: 100, burst: 200 }),
                named: BTreeMap::new(),
            },
            log_version_max: match self.masters[host].old {
                true => LogVersion::OLDEST,
                false => LogVersion::CURRENT,
            },
            ..Config::new(self.cluster.clone(), node, members.collect())
        }
    }

    /// The process dies; its disk keeps some of what was not confirmed.
    pub(crate) fn crash_master(&mut self, host: usize) {
        let pending = self.masters[host].disk.pending.len();
        let kept = self.chance.faults.index(pending + 1);
        if kept > 0 {
            self.sometimes.note("crash kept unconfirmed writes");
        }
        if kept < pending {
            self.sometimes.note("crash lost writes");
        }
        let process = self.masters[host].process(host);
        self.masters[host].disk.crash(kept);
        self.masters[host].rejoining &= !self.masters[host].disk.durable.voter;
        let node = self.masters[host].node;
        let durable = &self.masters[host].disk.durable;
        self.oracles.monotone.written(node, &durable.hard_state);
        self.oracles.log_matching.observe(node, &durable.entries);
        self.masters[host].end();
        self.connections_end(host);
        self.master_died(process);
        self.calls_died(process);
    }

    /// The others notice, mostly, that a member's process has ended.
    fn connections_end(&mut self, host: usize) {
        let from = self.masters[host].node;
        for to in 0..self.masters.len() {
            let notices = to != host && self.masters[to].is_up();
            if notices && self.network.chance.per_mille(700) {
                let process = self.masters[to].process(to);
                let delay = self.network.chance.time(0, 300);
                let event = MasterEvent::Input(Box::new(Input::PeerGone { from }));
                self.queue.after(delay, Happening::Master(process, event));
            }
        }
    }
}

/// Where members call each other.
pub(crate) fn peer_address_of(node: u64) -> String {
    format!("master-{node}:5051")
}

/// What members are told of each other.
pub(crate) fn address_of(node: u64) -> String {
    format!("master-{node}:5050")
}
