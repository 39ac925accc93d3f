//! Several masters and the network between them. Time passes in ticks, messages arrive at once and
//! in order, and everything is as it was for the same story.

use super::{
    disk::{Disk, dump_of, restore},
    words::{became, heard},
};
use master_core::{
    Config, Effect, Input, Master, Now, Outbox,
    input::{CallId, Delivery, OperatorCall},
    ledger::{LogVersion, Members, Standing, digest::digest, invariants},
    outbox::{Answer, Persist},
};
use proto::model::{
    ClusterId, Duration, FrameworkInfo, Instant, MasterInfo, NodeId, Principal, Refusal, RequestId,
    Role, SchedulerEvent, Subscribe, WallTime,
};
use raft::eraftpb::{Message, MessageType};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

/// One machine.
pub(crate) struct Host {
    pub(crate) master: Option<Master>,
    disk: Disk,
    founders: u64,
}

/// All of them.
pub(crate) struct Group {
    pub(crate) hosts: BTreeMap<u64, Host>,
    pub(crate) transcript: String,
    now: Now,
    network: VecDeque<(u64, u64, Input)>,
    /// Who hears nobody and is heard by nobody.
    cut: BTreeSet<u64>,
    /// Who is heard and hears nobody.
    deaf: BTreeSet<u64>,
    /// What frameworks heard, since it was last looked at.
    pub(crate) heard: Vec<SchedulerEvent>,
    /// Whose software reads no newer version of the log than the oldest.
    old: BTreeSet<u64>,
    /// Who gets entries that no software of today can read.
    misread: Option<u64>,
    answers: BTreeMap<CallId, Result<Answer, Refusal>>,
    next_call: u64,
    next_stream: u64,
    told: u64,
    pub(crate) snapshot_entries: u64,
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId::new("group").expect("an id")
}

pub(crate) fn info(node: u64) -> MasterInfo {
    let (address, peer_address) = (format!("m{node}:5050"), format!("m{node}:5051"));
    MasterInfo { node: NodeId(node), address, peer_address }
}

impl Group {
    /// So many masters that found a cluster, once one of them leads.
    pub(crate) fn of(founders: u64) -> Self {
        let everybody = vec![founders; usize::try_from(founders).expect("few")];
        Self::with_founders(&everybody)
    }

    /// As above; each believes in so many founders.
    pub(crate) fn with_founders(believed: &[u64]) -> Self {
        let mut group = Self::nobody();
        (1..).zip(believed).for_each(|(node, founders)| group.start(node, *founders));
        group.until("a leader", |group| group.leader().is_some());
        group
    }

    /// So many masters, some with an old software.
    pub(crate) fn with_old(founders: u64, old: &[u64]) -> Self {
        let mut group = Self { old: old.iter().copied().collect(), ..Self::nobody() };
        (1..=founders).for_each(|node| group.start(node, founders));
        group.until("a leader", |group| group.leader().is_some());
        group
    }

    fn nobody() -> Self {
        Self {
            hosts: BTreeMap::new(),
            transcript: String::new(),
            now: Now { monotonic: Instant(1_000), wall: WallTime(1_700_000_000_000) },
            network: VecDeque::new(),
            cut: BTreeSet::new(),
            deaf: BTreeSet::new(),
            heard: Vec::new(),
            old: BTreeSet::new(),
            misread: None,
            answers: BTreeMap::new(),
            next_call: 0,
            next_stream: 0,
            told: 0,
            snapshot_entries: 1_000_000,
        }
    }

    /// The machine's software is of today, from its next start on.
    pub(crate) fn upgrade(&mut self, node: u64) {
        self.old.remove(&node);
    }

    /// The machine's software is of before, from its next start on.
    pub(crate) fn downgrade(&mut self, node: u64) {
        self.old.insert(node);
    }

    /// From now on it gets entries as a software of tomorrow would write them.
    pub(crate) fn falsify(&mut self, node: u64) {
        self.misread = Some(node);
    }

    fn start(&mut self, node: u64, founders: u64) {
        let (disk, master) = (Disk::default(), None);
        self.hosts.insert(node, Host { master, disk, founders });
        self.restart(node);
    }

    /// A machine with an empty disk that is told to join.
    pub(crate) fn start_joining(&mut self, node: u64) {
        self.start(node, 0);
    }

    /// The process ends.
    pub(crate) fn stop(&mut self, node: u64) {
        let host = self.hosts.get_mut(&node).expect("a machine");
        host.master = None;
        // What it was given and had not written is lost.
        host.disk.unhang();
    }

    /// The process ends, and this one of the others notices: its connection has.
    pub(crate) fn notices(&mut self, node: u64, gone: u64) {
        self.step(node, Input::PeerGone { from: NodeId(gone) });
        self.deliver();
    }

    /// The process starts from what the disk holds.
    pub(crate) fn restart(&mut self, node: u64) {
        let (now, snapshot_entries) = (self.now, self.snapshot_entries);
        let host = self.hosts.get_mut(&node).expect("a machine");
        let (restored, ledger) = host.disk.load(&cluster());
        let founders = 1..=host.founders;
        let config = Config {
            peers: founders.clone().map(|id| (NodeId(id), info(id).peer_address)).collect(),
            snapshot_entries,
            log_tail_entries: 5,
            log_version_max: match self.old.contains(&node) {
                true => LogVersion::OLDEST,
                false => LogVersion::CURRENT,
            },
            ..Config::new(
                cluster(),
                NodeId(node),
                founders.map(|id| (NodeId(id), info(id).address)).collect(),
            )
        };
        host.master = Some(Master::open(config, restored, ledger, now).expect("opens"));
        self.deliver();
    }

    /// The disk is lost.
    pub(crate) fn wipe(&mut self, node: u64) {
        let host = self.hosts.get_mut(&node).expect("a machine");
        assert!(host.master.is_none(), "it runs");
        host.disk = Disk::default();
    }

    pub(crate) fn cut(&mut self, node: u64) {
        self.cut.insert(node);
    }

    /// What it says still arrives.
    pub(crate) fn deafen(&mut self, node: u64) {
        self.deaf.insert(node);
    }

    pub(crate) fn mend(&mut self, node: u64) {
        self.cut.remove(&node);
        self.deaf.remove(&node);
    }

    /// Its disk confirms nothing from the first write on that is like this.
    pub(crate) fn hang(&mut self, node: u64, at: fn(&Persist) -> bool) {
        self.hosts.get_mut(&node).expect("a machine").disk.hang(at);
    }

    /// Its disk does all at once what it was given.
    pub(crate) fn unhang(&mut self, node: u64) {
        let unwritten = self.hosts.get_mut(&node).expect("a machine").disk.unhang();
        for persist in unwritten {
            let disk = &mut self.hosts.get_mut(&node).expect("a machine").disk;
            let persist = disk.write(persist).expect("it hangs no longer");
            self.send(node, persist.messages);
            self.step(node, Input::Persisted(persist.number));
        }
        self.deliver();
    }

    /// Whether its disk hangs, and has something to write.
    pub(crate) fn hangs(&self, node: u64) -> bool {
        self.hosts[&node].disk.hangs()
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.transcript, "-- {line}").expect("text");
    }

    pub(crate) fn master(&self, node: u64) -> &Master {
        self.hosts[&node].master.as_ref().expect("it runs")
    }

    pub(crate) fn runs(&self, node: u64) -> bool {
        self.hosts.get(&node).is_some_and(|host| host.master.is_some())
    }

    /// Who serves, of those that are not cut off.
    pub(crate) fn leader(&self) -> Option<u64> {
        let serves = |(node, host): (&u64, &Host)| {
            let serves = host.master.as_ref().is_some_and(Master::is_serving);
            (serves && !self.cut.contains(node)).then_some(*node)
        };
        self.hosts.iter().find_map(serves)
    }

    pub(crate) fn members(&self) -> &Members {
        self.master(self.leader().expect("a leader")).ledger().members()
    }

    /// The members in one line, such as `1 2 3 +4`.
    pub(crate) fn shown(members: &Members) -> String {
        let shown = members.iter().map(|member| match (member.standing, member.replaces) {
            (Standing::Voter, _) => member.info.node.to_string(),
            (Standing::Learner, None) => format!("+{}", member.info.node),
            (Standing::Learner, Some(old)) => format!("+{} for {old}", member.info.node),
            (Standing::Leaving, _) => format!("-{}", member.info.node),
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, ticks: u64) {
        for _ in 0..ticks {
            self.now.monotonic = self.now.monotonic + Duration(100);
            let nodes: Vec<u64> = self.hosts.keys().copied().collect();
            nodes.into_iter().for_each(|node| self.step(node, Input::Tick));
            self.deliver();
        }
    }

    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..600 {
            if holds(self) {
                return;
            }
            self.pass(1);
        }
        let state = |(node, host): (&u64, &Host)| match &host.master {
            None => format!("{node} is down"),
            Some(it) => format!(
                "{node}: leader {:?} term {} applied {} of {} members {}{}",
                it.leader(),
                it.term(),
                it.ledger().applied().index,
                it.committed_index(),
                Self::shown(it.ledger().members()),
                if it.is_joining() { ", joining" } else { "" },
            ),
        };
        let states: Vec<String> = self.hosts.iter().map(state).collect();
        panic!("no {what} within a minute:\n{}\n{}", self.transcript, states.join("\n"));
    }

    /// Until the members are these, everywhere that is up and is one of them.
    #[track_caller]
    pub(crate) fn settles(&mut self, members: &str) {
        self.until(members, |group| {
            let agrees = |node: &u64| {
                !group.runs(*node)
                    || group.cut.contains(node)
                    || Self::shown(group.master(*node).ledger().members()) == members
            };
            group.leader().is_some()
                && Self::shown(group.members()) == members
                && group.members().iter().all(|member| agrees(&member.info.node.0))
        });
    }

    fn deliver(&mut self) {
        while let Some((from, to, input)) = self.network.pop_front() {
            let is_lost = self.cut.contains(&from) || self.cut.contains(&to);
            if is_lost || self.deaf.contains(&to) {
                continue;
            }
            // What the shell does: whoever was removed is told so.
            let retired = self.runs(to) && self.master(to).is_retired(NodeId(from));
            if retired && self.runs(from) {
                self.step(from, Input::Removed);
                continue;
            }
            self.step(to, input);
        }
    }

    fn end(&mut self, node: u64, why: &str) {
        self.stop(node);
        writeln!(self.transcript, "master {node} {why} and ends").expect("text");
    }

    /// An input, and everything that follows on this machine.
    fn step(&mut self, node: u64, input: Input) {
        let Some(host) = self.hosts.get_mut(&node) else { return };
        let Some(master) = &mut host.master else { return };
        let mut outbox = Outbox::default();
        master.step(self.now, input, &mut outbox);
        loop {
            let Some(master) = &mut self.hosts.get_mut(&node).expect("there").master else {
                return;
            };
            master.flush(self.now, &mut outbox);
            let broken = invariants::check(master.ledger());
            assert!(broken.is_empty(), "{broken:?}");
            let effects: Vec<Effect> = outbox.drain().collect();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.execute(node, effect, &mut outbox);
            }
        }
    }

    fn execute(&mut self, node: u64, effect: Effect, outbox: &mut Outbox) {
        let now = self.now;
        match effect.answered() {
            Effect::Persist(persist) => {
                let Some(host) = self.hosts.get_mut(&node) else { return };
                let Some(master) = &mut host.master else { return };
                let Some(persist) = host.disk.write(persist) else { return };
                master.step(now, Input::Persisted(persist.number), outbox);
                self.send(node, persist.messages);
            }
            Effect::SendPeers(messages) => self.send(node, messages),
            Effect::Greet { blank, joining, version } => {
                for to in self.hosts.keys().copied().filter(|to| *to != node).collect::<Vec<_>>() {
                    let from = NodeId(node);
                    let seen = Input::PeerSeen { from, blank, joining, version };
                    self.network.push_back((node, to, seen));
                }
            }
            Effect::WriteSnapshot { mark, ledger } => {
                let host = self.hosts.get_mut(&node).expect("there");
                let index = mark.index;
                host.disk.snapshot = Some((mark, dump_of(&ledger)));
                let master = host.master.as_mut().expect("it asked");
                master.step(now, Input::SnapshotWritten { index }, outbox);
            }
            Effect::Reply { call, answer } => {
                writeln!(self.transcript, "call {} {}", call.0, became(&answer)).expect("text");
                self.answers.insert(call, answer);
            }
            Effect::ToFramework { event, .. } => {
                writeln!(self.transcript, "framework {}", heard(&event)).expect("text");
                self.heard.push(event);
            }
            Effect::Members(members) if members.version() > self.told => {
                self.told = members.version();
                let shown = Self::shown(&members);
                writeln!(self.transcript, "members #{}: {shown}", self.told).expect("text");
            }
            Effect::End(ending) => self.end(node, &format!("finds {ending:?}")),
            Effect::Role(role) if role.serving => {
                writeln!(self.transcript, "master {node} leads").expect("text");
            }
            _ => {}
        }
    }

    fn send(&mut self, from: u64, messages: Vec<Message>) {
        for mut message in messages {
            let to = message.to;
            let kept = self.hosts[&from].disk.has_promised(&message);
            assert!(kept, "{message:?} leaves before the disk of {from} has its term");
            if self.misread == Some(to) {
                let entries = message.mut_entries().iter_mut();
                let written = entries.filter(|entry| !entry.data.is_empty());
                written.for_each(|entry| entry.data = [&[99], &entry.data[1..]].concat().into());
            }
            if message.get_msg_type() != MessageType::MsgSnapshot {
                self.network.push_back((from, to, Input::Peer(message)));
                continue;
            }
            let (mark, dump) = self.hosts[&from].disk.snapshot.clone().expect("it has one");
            let arrives = self.runs(to) && !self.cut.contains(&to) && !self.cut.contains(&from);
            let delivery = match arrives {
                true => Delivery::SnapshotDone,
                false => Delivery::SnapshotFailed,
            };
            if arrives {
                let metadata = message.mut_snapshot().mut_metadata();
                (metadata.index, metadata.term) = (mark.index, mark.term);
                metadata.set_conf_state(mark.conf_state);
                let ledger = Box::new(restore(&dump));
                self.hosts.get_mut(&to).expect("it runs").disk.received = Some(dump);
                self.network.push_back((from, to, Input::PeerSnapshot { message, ledger }));
            }
            let to = NodeId(to);
            self.network.push_back((to.0, from, Input::PeerDelivery { to, delivery }));
        }
    }

    /// An operator calls the leader; the answer may come later.
    pub(crate) fn call(&mut self, request: OperatorCall) -> CallId {
        self.call_as("operator/ann", request)
    }

    pub(crate) fn call_as(&mut self, who: &str, request: OperatorCall) -> CallId {
        let leader = self.leader().expect("a leader");
        self.next_call += 1;
        let call = CallId(self.next_call);
        let principal: Principal = format!("spiffe://group/{who}").parse().expect("a principal");
        self.step(leader, Input::OperatorCall { call, principal, request });
        self.deliver();
        call
    }

    /// A call that is refused at once and leaves no trace.
    pub(crate) fn refused(&mut self, request: OperatorCall) -> Refusal {
        let before = digest(self.master(self.leader().expect("a leader")).ledger());
        let call = self.call(request);
        let after = digest(self.master(self.leader().expect("a leader")).ledger());
        assert_eq!(before, after, "S2: a refusal changes nothing");
        match self.answers.get(&call) {
            Some(Err(refusal)) => refusal.clone(),
            other => panic!("refused at once, not {other:?}"),
        }
    }

    pub(crate) fn add(&mut self, node: u64) -> CallId {
        self.call(OperatorCall::AddMaster(info(node)))
    }

    /// Something for the log: a framework subscribes.
    pub(crate) fn write(&mut self) {
        let leader = self.leader().expect("a leader");
        self.next_stream += 1;
        let number = self.next_stream;
        let subscribe = Subscribe {
            info: FrameworkInfo {
                name: format!("f{number}"),
                roles: vec![Role::any()],
                failover_timeout: Duration(3_600_000),
                labels: vec![],
                disruption_budget: None,
                offer_terms: Vec::new(),
            },
            framework: None,
            request: RequestId::new(&format!("request-{number:012}")).expect("an id"),
            suppressed: vec![],
        };
        let stream = master_core::input::StreamId(number);
        let principal: Principal = "spiffe://group/framework/f".parse().expect("a principal");
        self.step(leader, Input::FrameworkSubscribe { stream, principal, subscribe });
        self.deliver();
    }

    /// An input from outside to the master that leads, and what follows everywhere.
    pub(crate) fn ask(&mut self, node: u64, input: Input) {
        self.step(node, input);
        self.deliver();
    }

    /// What became of a call; `None` while nobody has answered it.
    pub(crate) fn answer(&self, call: CallId) -> Option<&Result<Answer, Refusal>> {
        self.answers.get(&call)
    }

    /// Compares what was said with `golden/NAME.txt`; `BOURSE_WRITE_GOLDEN=1` writes it.
    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "goldens are files; the core still touches none")]
    pub(crate) fn matches(&self, name: &str) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/membership/golden");
        let path = folder.join(format!("{name}.txt"));
        if std::env::var_os("BOURSE_WRITE_GOLDEN").is_some_and(|wish| wish == "1") {
            fs::write(&path, &self.transcript).expect("writable");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(self.transcript, expected, "\ngot:\n{}", self.transcript);
    }
}
