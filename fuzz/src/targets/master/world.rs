//! A lone master with a perfect disk, what its callers know, and what must be so.

use super::{
    AGENT, CALLS, CLOSE, HONEST, MESSAGE, MORE, OPERATOR, READ_CALLS, RESTART, SUBSCRIBE, TICK,
    WATCH, WHO, agent_id,
};
use crate::{
    situation::{met, met_variant},
    wire,
};
use master::testing::OPERATOR_CALLS;
use master_core::{
    Config, Effect, Input, Ledger, Master, Now, Outbox,
    consensus::Restored,
    input::{CallId, OperatorCall, StreamId},
    ledger::invariants,
    outbox::Ending,
};
use proto::{
    convert::{body::read_body, calls, orders, watch::read_watch_filter},
    model::{
        AgentCall, ClusterId, Duration, Instant, NodeId, Offer, Operation, Order, Principal,
        Refusal, Resources, SchedulerCall, SchedulerEvent, Session, TaskId, TaskKey, WallTime,
    },
    wire::v1,
};
use std::collections::{BTreeMap, BTreeSet};

/// More than one turn can be the cause of: the master would be flooding its shell.
const EFFECTS_MAX: usize = 5_000;
/// Ticks of one step, at most.
const TICKS_MAX: u64 = 60;
/// After so many ticks every call has its answer, and a lone master leads.
const TICKS_TO_SETTLE: u64 = 200;

/// The master and its world.
pub(super) struct World {
    master: Master,
    now: Now,
    disk: Restored,
    /// Frameworks and agents, by the caller's number.
    framework_streams: BTreeMap<u64, StreamId>,
    agent_streams: BTreeMap<u64, StreamId>,
    watches: Vec<StreamId>,
    sessions: BTreeMap<u64, Session>,
    offers: BTreeMap<u64, Vec<Offer>>,
    updates: BTreeMap<u64, Vec<(TaskId, u64)>>,
    launched: BTreeMap<u64, Vec<TaskKey>>,
    unanswered: BTreeSet<CallId>,
    last: u64,
    /// The entry after which the invariants were looked at last.
    checked: u64,
}

fn cluster() -> ClusterId {
    ClusterId::new("fuzz").expect("an id")
}

fn config() -> Config {
    let members = [(NodeId(1), "master-1:5050".to_owned())];
    Config {
        offer_timeout: Some(Duration::from_seconds(5)),
        agent_removal_timeout: Duration::from_seconds(60),
        events_kept: 50,
        ..Config::new(cluster(), NodeId(1), members.into())
    }
}

fn principal(text: &str) -> Principal {
    format!("spiffe://fuzz/{text}").parse().expect("a principal")
}

impl World {
    pub(super) fn new() -> Self {
        let now = Now { monotonic: Instant(1_000), wall: WallTime(1_700_000_000_000) };
        let opened = Master::open(config(), Restored::default(), Ledger::new(cluster()), now);
        let mut world = Self {
            master: opened.expect("an empty disk"),
            now,
            disk: Restored::default(),
            framework_streams: BTreeMap::new(),
            agent_streams: BTreeMap::new(),
            watches: Vec::new(),
            sessions: BTreeMap::new(),
            offers: BTreeMap::new(),
            updates: BTreeMap::new(),
            launched: BTreeMap::new(),
            unanswered: BTreeSet::new(),
            last: 0,
            checked: 0,
        };
        world.until_serving();
        world
    }

    fn until_serving(&mut self) {
        for _ in 0..TICKS_TO_SETTLE {
            self.tick();
            if self.master.is_serving() {
                return;
            }
        }
        panic!("a lone master leads within {TICKS_TO_SETTLE} ticks");
    }

    fn tick(&mut self) {
        self.now.monotonic = self.now.monotonic + Duration(100);
        self.now.wall.0 += 100;
        self.give(Input::Tick);
    }

    fn fresh(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn call(&mut self) -> CallId {
        let call = CallId(self.fresh());
        self.unanswered.insert(call);
        call
    }

    /// One step.
    pub(super) fn take(&mut self, kind: usize, said: &[u8]) {
        let who = wire::number(said, WHO);
        let honest = wire::number(said, HONEST) % 2 == 1;
        let more = wire::number(said, MORE);
        let parts = wire::parts(said);
        let message = parts.iter().find(|(number, _)| *number == MESSAGE);
        let message = message.map_or(&[][..], |(_, message)| *message);
        let input = match kind {
            TICK => return (0..who % TICKS_MAX).for_each(|_| self.tick()),
            RESTART => return self.restart(),
            SUBSCRIBE => self.subscribe(who % 2, message, honest),
            AGENT => self.agent_message(who % 3, message, honest, more % 2 == 1),
            OPERATOR => self.operator_call(who, message, more),
            WATCH => self.watch(message, more),
            CLOSE => self.close(who),
            call => self.scheduler_call(call - CALLS, who % 2, message, honest),
        };
        match input {
            Ok(input) => {
                met_variant("input", &input);
                self.give(input);
            }
            Err(refusal) => met(("unread", kind, refusal.field)),
        }
    }

    fn subscribe(&mut self, who: u64, message: &[u8], honest: bool) -> Result<Input, Refusal> {
        let mut subscribe = read_body(message).and_then(calls::read_subscribe)?;
        if honest {
            subscribe.framework = self.sessions.get(&who).map(|session| session.framework);
        }
        let stream = StreamId(self.fresh());
        if let Some(old) = self.framework_streams.insert(who, stream) {
            self.give(Input::StreamClosed(old));
        }
        let principal = framework(who);
        Ok(Input::FrameworkSubscribe { stream, principal, subscribe })
    }

    fn scheduler_call(
        &mut self,
        kind: usize,
        who: u64,
        message: &[u8],
        honest: bool,
    ) -> Result<Input, Refusal> {
        let (mut session, mut request) = READ_CALLS[kind](message)?;
        if honest {
            session = self.sessions.get(&who).copied().unwrap_or(session);
            self.mean_what_is_so(who, &mut request);
        }
        let (call, principal) = (self.call(), framework(who));
        Ok(Input::FrameworkCall { call, principal, session, request })
    }

    /// Offers that were made, agents that they are of, updates that came.
    fn mean_what_is_so(&self, who: u64, request: &mut SchedulerCall) {
        let made = self.offers.get(&who).map(Vec::as_slice).unwrap_or_default();
        let Some(last) = made.last() else { return };
        let of_one_role = made.iter().rev().filter(|offer| offer.role == last.role);
        match request {
            SchedulerCall::Accept { offers, operations, .. } => {
                *offers = of_one_role.take(offers.len().max(1)).map(|offer| offer.id).collect();
                for operation in operations {
                    if let Operation::Launch { tasks } = operation {
                        for task in tasks {
                            task.agent = last.agent.clone();
                            let fits = last.resources.contains(&task.resources);
                            if !fits {
                                task.resources = Resources::cpus_mem(100, 32);
                            }
                        }
                    }
                }
            }
            SchedulerCall::Decline { offers, .. } => {
                *offers = of_one_role.take(offers.len().max(1)).map(|offer| offer.id).collect();
            }
            SchedulerCall::Acknowledge { acknowledgements } => {
                let heard = self.updates.get(&who).cloned().unwrap_or_default();
                *acknowledgements = heard.into_iter().rev().take(3).collect();
            }
            _ => {}
        }
    }

    fn agent_message(
        &mut self,
        who: u64,
        message: &[u8],
        honest: bool,
        reconnects: bool,
    ) -> Result<Input, Refusal> {
        let mut message = read_body(message).and_then(orders::read_agent_message)?;
        if honest {
            match &mut message {
                AgentCall::Register { info, .. } => info.id = agent_id(who),
                AgentCall::Update { framework, status, .. } => {
                    let known = self.launched.get(&who).map(Vec::as_slice).unwrap_or_default();
                    if let Some(key) = known.last() {
                        (*framework, status.task) = (key.framework, key.task.clone());
                        status.agent = agent_id(who);
                    }
                }
                _ => {}
            }
        }
        if (reconnects || !self.agent_streams.contains_key(&who))
            && let Some(old) = {
                let stream = StreamId(self.fresh());
                self.agent_streams.insert(who, stream)
            }
        {
            self.give(Input::StreamClosed(old));
        }
        let stream = self.agent_streams[&who];
        let principal = principal(&format!("agent/{}", agent_id(who)));
        Ok(Input::AgentMessage { stream, principal, message })
    }

    fn operator_call(&mut self, kind: u64, message: &[u8], who: u64) -> Result<Input, Refusal> {
        let kind = usize::try_from(kind % OPERATOR_CALLS.len() as u64).expect("an index");
        let request = OPERATOR_CALLS[kind].1(message)?;
        met_variant("operator", &request);
        // Frameworks may read what is theirs, and nothing else gets here from them.
        let may_read = matches!(
            request,
            OperatorCall::GetAgent(_)
                | OperatorCall::GetTask { .. }
                | OperatorCall::ListTasks { .. }
                | OperatorCall::ListGroups { .. }
                | OperatorCall::ListVolumes { .. }
                | OperatorCall::Why(_)
        );
        let principal = match who % 3 {
            2 if may_read => framework(0),
            _ => principal("operator/ann"),
        };
        Ok(Input::OperatorCall { call: self.call(), principal, request })
    }

    fn watch(&mut self, message: &[u8], after: u64) -> Result<Input, Refusal> {
        let filter = read_body::<v1::WatchFilter>(message).and_then(read_watch_filter)?;
        let stream = StreamId(self.fresh());
        self.watches.push(stream);
        let after = (after > 0).then_some(after);
        let principal = principal("operator/ann");
        Ok(Input::OperatorWatch { stream, principal, after, filter })
    }

    fn close(&mut self, which: u64) -> Result<Input, Refusal> {
        let streams: Vec<StreamId> = self
            .framework_streams
            .values()
            .chain(self.agent_streams.values())
            .chain(&self.watches)
            .copied()
            .collect();
        let at = usize::try_from(which).unwrap_or(0) % streams.len().max(1);
        let none = || Refusal::invalid("stream", "is not open");
        let stream = *streams.get(at).ok_or_else(none)?;
        self.forget(stream);
        Ok(Input::StreamClosed(stream))
    }

    fn forget(&mut self, stream: StreamId) {
        self.framework_streams.retain(|_, open| *open != stream);
        self.agent_streams.retain(|_, open| *open != stream);
        self.watches.retain(|open| *open != stream);
    }

    /// One turn, and everything that follows until it is quiet.
    fn give(&mut self, input: Input) {
        let mut outbox = Outbox::default();
        self.master.step(self.now, input, &mut outbox);
        self.master.flush(self.now, &mut outbox);
        let mut count = 0;
        while !outbox.is_empty() {
            let mut follows = Vec::new();
            for effect in outbox.drain().collect::<Vec<_>>() {
                count += 1;
                follows.extend(self.execute(effect));
            }
            assert!(count <= EFFECTS_MAX, "{count} effects of one input");
            if !follows.is_empty() {
                for input in follows {
                    self.master.step(self.now, input, &mut outbox);
                }
                self.master.flush(self.now, &mut outbox);
            }
        }
        let applied = self.master.ledger().applied().index;
        if applied != self.checked {
            self.checked = applied;
            assert_eq!(invariants::check(self.master.ledger()), []);
        }
    }

    fn execute(&mut self, effect: Effect) -> Option<Input> {
        match effect.answered() {
            Effect::Persist(persist) => {
                if let Some(first) = persist.entries.first() {
                    self.disk.entries.retain(|entry| entry.index < first.index);
                }
                self.disk.entries.extend(persist.entries);
                if let Some(hard_state) = persist.hard_state {
                    self.disk.hard_state = hard_state;
                }
                self.disk.voter |= persist.voter;
                return Some(Input::Persisted(persist.number));
            }
            Effect::TellWhenRead(stream) => return Some(Input::StreamRead(stream)),
            Effect::Reply { call, answer } => {
                assert!(self.unanswered.remove(&call), "{call:?} is answered twice: {answer:?}");
                match answer {
                    Ok(answer) => met_variant("answer", &answer),
                    Err(refusal) => {
                        assert!(!refusal.message.is_empty(), "a refusal says why");
                        let field: String =
                            refusal.field.chars().filter(|c| !c.is_ascii_digit()).collect();
                        met(("refused", format!("{:?}", refusal.reason), field));
                    }
                }
            }
            Effect::ToFramework { stream, event } => self.heard_by_framework(stream, event),
            Effect::ToAgent { stream, order, .. } => self.heard_by_agent(stream, &order),
            Effect::Close(stream) => self.forget(stream),
            Effect::End(Ending::Unreadable { index }) => panic!("entry {index} is unreadable"),
            other => met_variant("effect", &other),
        }
        None
    }

    fn heard_by_framework(&mut self, stream: StreamId, event: SchedulerEvent) {
        met_variant("event", &event);
        let found = self.framework_streams.iter().find(|(_, open)| **open == stream);
        let Some((&who, _)) = found else { return };
        match event {
            SchedulerEvent::Subscribed { session, .. } => {
                self.sessions.insert(who, session);
                self.offers.remove(&who);
            }
            SchedulerEvent::Offers(offers) => self.offers.entry(who).or_default().extend(offers),
            SchedulerEvent::Rescind(ids) => {
                let made = self.offers.entry(who).or_default();
                made.retain(|offer| !ids.contains(&offer.id));
            }
            SchedulerEvent::Update(status) => {
                self.updates.entry(who).or_default().push((status.task, status.sequence));
            }
            _ => {}
        }
    }

    fn heard_by_agent(&mut self, stream: StreamId, order: &Order) {
        met_variant("order", order);
        let found = self.agent_streams.iter().find(|(_, open)| **open == stream);
        if let (Some((&who, _)), Order::Launch { framework, task, .. }) = (found, order) {
            let key = TaskKey { framework: *framework, task: task.id.clone() };
            self.launched.entry(who).or_default().push(key);
        }
    }

    /// The process dies, and what is on its disk leads in another term.
    fn restart(&mut self) {
        let tasks = |ledger: &Ledger| -> Vec<String> {
            let rows = ledger.tasks().iter();
            rows.map(|(key, task)| format!("{key} {:?}", task.status.state)).collect()
        };
        let before = tasks(self.master.ledger());
        let opened = Master::open(config(), self.disk.clone(), Ledger::new(cluster()), self.now);
        self.master = opened.expect("its own log");
        // Whoever waited for an answer has lost the connection.
        self.unanswered.clear();
        self.framework_streams.clear();
        self.agent_streams.clear();
        self.watches.clear();
        self.offers.clear();
        self.until_serving();
        assert_eq!(tasks(self.master.ledger()), before, "what was acknowledged is known again");
        met("restart");
    }

    /// Everybody gets an answer, and the next leader knows what this one did.
    pub(super) fn end(&mut self) {
        for _ in 0..TICKS_TO_SETTLE {
            if self.unanswered.is_empty() {
                break;
            }
            self.tick();
        }
        assert_eq!(self.unanswered, BTreeSet::new(), "every call has its answer");
        self.restart();
    }
}

fn framework(who: u64) -> Principal {
    principal(if who == 0 { "framework/alice" } else { "framework/bob" })
}
