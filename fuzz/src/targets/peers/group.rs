//! Three masters, what is on its way between them, and what must be so.

use crate::situation::{met, met_variant};
use master_core::{
    Config, Effect, Input, Ledger, Master, Now, Outbox,
    consensus::Restored,
    input::StreamId,
    ledger::{LogVersion, digest::digest, invariants},
    outbox::Persist,
};
use proto::model::{
    ClusterId, Duration, FrameworkInfo, Instant, NodeId, Principal, RequestId, Role, Subscribe,
    WallTime,
};
use raft::eraftpb::Message;
use std::collections::{BTreeMap, VecDeque};

pub(super) const MEMBERS: u64 = 3;
/// On their way at once; what was sent first is lost.
const PENDING_MAX: usize = 300;
/// Sent long ago.
const PAST_MAX: usize = 300;
/// Ticks until somebody leads, however bad it was.
const TICKS_TO_SETTLE: u64 = 300;

/// What one master says to another.
#[derive(Debug, Clone)]
enum Said {
    Message(Box<Message>),
    Seen { from: NodeId, to: u64, blank: bool, joining: bool, version: LogVersion },
}

struct Member {
    master: Master,
    disk: Restored,
}

/// All of them.
pub(super) struct Group {
    members: BTreeMap<u64, Member>,
    now: Now,
    pending: VecDeque<Said>,
    past: VecDeque<Said>,
    /// Who led in a term.
    leaders: BTreeMap<u64, u64>,
    /// What the state was after an entry.
    states: BTreeMap<u64, u128>,
    last: u64,
}

fn cluster() -> ClusterId {
    ClusterId::new("fuzz").expect("an id")
}

fn open(node: u64, disk: &Restored, now: Now) -> Master {
    let address = |node| (NodeId(node), format!("master-{node}:5050"));
    let config = Config::new(cluster(), NodeId(node), (1..=MEMBERS).map(address).collect());
    let opened = Master::open(config, disk.clone(), Ledger::new(cluster()), now);
    opened.expect("what a master wrote itself")
}

impl Group {
    /// Three that have just founded a cluster, of which one leads.
    pub(super) fn new() -> Self {
        let now = Now { monotonic: Instant(1_000), wall: WallTime(1_700_000_000_000) };
        let member = |node| {
            let disk = Restored::default();
            (node, Member { master: open(node, &disk, now), disk })
        };
        let mut group = Self {
            members: (1..=MEMBERS).map(member).collect(),
            now,
            pending: VecDeque::new(),
            past: VecDeque::new(),
            leaders: BTreeMap::new(),
            states: BTreeMap::new(),
            last: 0,
        };
        group.settle();
        group
    }

    pub(super) fn highest_term(&self) -> u64 {
        self.members.values().map(|member| member.master.term()).max().unwrap_or(0)
    }

    /// Time passes, for one of them or for all.
    pub(super) fn tick(&mut self, who: u64) {
        self.now.monotonic = self.now.monotonic + Duration(100);
        self.now.wall.0 += 100;
        for node in 1..=MEMBERS {
            if who.is_multiple_of(MEMBERS + 1) || who % (MEMBERS + 1) == node {
                self.step(node, Input::Tick);
            }
        }
    }

    /// Something arrives before all else; number 0 is everything, in order.
    pub(super) fn arrives(&mut self, which: u64) {
        if which == 0 {
            return self.deliver();
        }
        if let Some(said) = self.pending.remove(place(which, self.pending.len())) {
            self.hear(said);
        }
    }

    pub(super) fn lost(&mut self, which: u64) {
        drop(self.pending.remove(place(which, self.pending.len())));
    }

    /// Something arrives that was sent long ago, and may have arrived before.
    pub(super) fn again(&mut self, which: u64) {
        if let Some(said) = self.past.get(place(which, self.past.len())).cloned() {
            self.hear(said);
        }
    }

    pub(super) fn restart(&mut self, who: u64) {
        let node = 1 + who % MEMBERS;
        let member = self.members.get_mut(&node).expect("a member");
        member.master = open(node, &member.disk, self.now);
        met("restart");
    }

    /// The connection over which one spoke to the other has ended.
    pub(super) fn gone(&mut self, who: u64, from: u64) {
        let (to, from) = (1 + who % MEMBERS, 1 + from % MEMBERS);
        if to != from {
            self.step(to, Input::PeerGone { from: NodeId(from) });
        }
    }

    /// A framework subscribes: something for the log.
    pub(super) fn work(&mut self, who: u64) {
        self.last += 1;
        let subscribe = Subscribe {
            info: FrameworkInfo {
                name: format!("f{}", self.last),
                roles: vec![Role::any()],
                failover_timeout: Duration(3_600_000),
                labels: Vec::new(),
                disruption_budget: None,
                offer_terms: Vec::new(),
            },
            framework: None,
            request: RequestId::new(&format!("request-{:012}", self.last)).expect("an id"),
            suppressed: Vec::new(),
        };
        let principal: Principal = "spiffe://fuzz/framework/f".parse().expect("a principal");
        let stream = StreamId(self.last);
        self.step(1 + who % MEMBERS, Input::FrameworkSubscribe { stream, principal, subscribe });
    }

    pub(super) fn confused(&mut self, message: Message) {
        met_variant("confused", &message.get_msg_type());
        self.hear(Said::Message(Box::new(message)));
    }

    /// All is well again: somebody leads, and everybody has the same.
    pub(super) fn end(mut self) {
        self.settle();
        let leader = self.members.values().find(|member| member.master.is_serving());
        let applied = leader.expect("it has settled").master.ledger().applied().index;
        met(("terms", self.highest_term().min(20)));
        for (node, member) in &self.members {
            assert_eq!(member.master.ledger().applied().index, applied, "master {node} is behind");
        }
    }

    fn settle(&mut self) {
        self.deliver();
        for _ in 0..TICKS_TO_SETTLE {
            let serving = self.members.values().find(|member| member.master.is_serving());
            if serving.is_some_and(|leader| self.all_have(leader.master.ledger().applied().index)) {
                return;
            }
            self.tick(0);
            self.deliver();
        }
        panic!("nobody leads after {TICKS_TO_SETTLE} ticks");
    }

    fn all_have(&self, index: u64) -> bool {
        self.members.values().all(|member| member.master.ledger().applied().index == index)
    }

    fn deliver(&mut self) {
        while let Some(said) = self.pending.pop_front() {
            self.hear(said);
        }
    }

    fn hear(&mut self, said: Said) {
        let (to, input) = match said {
            Said::Message(message) => (message.to, Input::Peer(*message)),
            Said::Seen { from, to, blank, joining, version } => {
                (to, Input::PeerSeen { from, blank, joining, version })
            }
        };
        self.step(to, input);
    }

    fn say(&mut self, said: Said) {
        for (list, most) in [(&mut self.pending, PENDING_MAX), (&mut self.past, PAST_MAX)] {
            list.push_back(said.clone());
            if list.len() > most {
                list.pop_front();
            }
        }
    }

    /// An input, and everything that follows on this machine.
    fn step(&mut self, node: u64, input: Input) {
        let member = self.members.get_mut(&node).expect("a member");
        let mut outbox = Outbox::default();
        member.master.step(self.now, input, &mut outbox);
        loop {
            let member = self.members.get_mut(&node).expect("a member");
            member.master.flush(self.now, &mut outbox);
            let effects: Vec<Effect> = outbox.drain().collect();
            if effects.is_empty() {
                return self.check(node);
            }
            effects.into_iter().for_each(|effect| self.execute(node, effect, &mut outbox));
        }
    }

    fn execute(&mut self, node: u64, effect: Effect, outbox: &mut Outbox) {
        match effect {
            Effect::Persist(persist) => {
                let member = self.members.get_mut(&node).expect("a member");
                write(&mut member.disk, &persist);
                member.master.step(self.now, Input::Persisted(persist.number), outbox);
                self.send(persist.messages);
            }
            Effect::SendPeers(messages) => self.send(messages),
            Effect::Greet { blank, joining, version } => {
                for to in (1..=MEMBERS).filter(|to| *to != node) {
                    self.say(Said::Seen { from: NodeId(node), to, blank, joining, version });
                }
            }
            Effect::End(why) => panic!("master {node} has to end: {why:?}"),
            other => met_variant("effect", &other),
        }
    }

    fn send(&mut self, messages: Vec<Message>) {
        for message in messages {
            met_variant("message", &message.get_msg_type());
            // A confused member of before has no address.
            if (1..=MEMBERS).contains(&message.to) {
                self.say(Said::Message(Box::new(message)));
            }
        }
    }

    fn check(&mut self, node: u64) {
        let master = &self.members[&node].master;
        if master.is_serving() {
            let first = *self.leaders.entry(master.term()).or_insert(node);
            assert_eq!(first, node, "two lead in term {}", master.term());
        }
        let ledger = master.ledger();
        let state = *self.states.entry(ledger.applied().index).or_insert_with(|| digest(ledger));
        assert_eq!(state, digest(ledger), "states differ after {}", ledger.applied().index);
        assert_eq!(invariants::check(ledger), []);
    }
}

/// Which of so many a number stands for.
fn place(which: u64, count: usize) -> usize {
    usize::try_from(which % count.max(1) as u64).expect("an index")
}

/// Keeps everything at once.
fn write(disk: &mut Restored, persist: &Persist) {
    if let Some(first) = persist.entries.first() {
        disk.entries.retain(|entry| entry.index < first.index);
        disk.entries.extend(persist.entries.iter().cloned());
    }
    if let Some(hard_state) = &persist.hard_state {
        disk.hard_state = hard_state.clone();
    }
    disk.voter |= persist.voter;
}
