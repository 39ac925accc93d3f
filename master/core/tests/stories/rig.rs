//! One master alone with a perfect disk: for stories about what is said, not about what breaks.
//!
//! Every effect becomes a line of a transcript, so that a story's expected output can be read.

use super::{
    show::{show_answer, show_event, show_order, show_watched},
    terms,
};
use master_core::{
    Config, Effect, Input, Ledger, Master, Now, Outbox,
    config::CallRates,
    consensus::Restored,
    input::{CallId, OperatorCall, StreamId},
    ledger::{digest::digest, invariants},
    outbox::Answer,
};
use proto::model::{
    AgentCall, AgentId, AgentInfo, ClusterId, Command, Duration, FrameworkId, FrameworkInfo,
    Instant, NodeId, Offer, OfferId, Operation, Order, Principal, Reason, Refusal, RequestId,
    Resources, Role, SchedulerCall, SchedulerEvent, Session, SharedState, StatedDemand,
    StatusReason, StatusSource, Subscribe, TaskId, TaskInfo, TaskState, TaskStatus, WallTime,
    WatchFilter,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

/// The master, its time, and what it has said.
pub(crate) struct Rig {
    pub(crate) master: Master,
    pub(crate) now: Now,
    pub(crate) transcript: String,
    /// As they were made.
    pub(crate) offers: Vec<Offer>,
    /// By framework's name.
    pub(crate) sessions: BTreeMap<String, Session>,
    /// Streams whose reader takes its time, and those of them that have something unread.
    pub(crate) slow: BTreeSet<StreamId>,
    unread: Vec<StreamId>,
    /// Offers that were not taken back.
    pub(crate) live: BTreeMap<OfferId, Offer>,
    /// What was shown of shared roles, by stream.
    pub(crate) shown: Vec<(u64, SharedState)>,
    /// Answers to calls.
    pub(crate) answers: Vec<(CallId, Result<Answer, Refusal>)>,
    /// What each watcher was shown, with its sequence number, or why its watch has ended.
    pub(crate) watched: Vec<(u64, Result<u64, Reason>, String)>,
    /// What the master has written.
    pub(crate) disk: Restored,
    streams: BTreeMap<StreamId, String>,
    next_call: u64,
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId::new("story").expect("an id")
}

pub(crate) fn config(members: u64) -> Config {
    let address = |node| (NodeId(node), format!("master-{node}:5050"));
    Config {
        offer_timeout: Some(Duration::from_seconds(5)),
        agent_removal_timeout: Duration::from_seconds(60),
        ..Config::new(cluster(), NodeId(1), (1..=members).map(address).collect())
    }
}

pub(crate) fn principal(text: &str) -> Principal {
    format!("spiffe://story/{text}").parse().expect("a principal")
}

impl Rig {
    /// A master that serves.
    pub(crate) fn serving() -> Self {
        Self::member_of(1).until_serving()
    }

    /// A master that serves, and lets callers ask so much.
    pub(crate) fn limited(call_rates: CallRates) -> Self {
        Self::with_config(Config { call_rates, ..config(1) }).until_serving()
    }

    /// A master that serves, and lets offers be kept for so long.
    pub(crate) fn patient(offer_timeout: Option<Duration>) -> Self {
        Self::with_config(Config { offer_timeout, ..config(1) }).until_serving()
    }

    /// A master that serves, and remembers so few facts for watchers.
    pub(crate) fn forgetful(events_kept: usize) -> Self {
        Self::with_config(Config { events_kept, ..config(1) }).until_serving()
    }

    pub(crate) fn until_serving(self) -> Self {
        let mut rig = self;
        for _ in 0..200 {
            rig.tick();
            if rig.master.is_serving() {
                rig.transcript.clear();
                return rig;
            }
        }
        panic!("a lone master elects itself within 20 s");
    }

    /// Member 1 of so many, which has heard of no other.
    pub(crate) fn member_of(members: u64) -> Self {
        Self::with_config(config(members))
    }

    pub(crate) fn with_config(config: Config) -> Self {
        let now = Now { monotonic: Instant(1_000), wall: WallTime(1_700_000_000_000) };
        let (ledger, restored) = (Ledger::new(cluster()), Restored::default());
        let master = Master::open(config, restored, ledger, now).expect("opens");
        Self {
            master,
            now,
            transcript: String::new(),
            offers: Vec::new(),
            sessions: BTreeMap::new(),
            slow: BTreeSet::new(),
            unread: Vec::new(),
            live: BTreeMap::new(),
            shown: Vec::new(),
            answers: Vec::new(),
            watched: Vec::new(),
            disk: Restored::default(),
            streams: BTreeMap::new(),
            next_call: 0,
        }
    }

    pub(crate) fn tick(&mut self) {
        self.now.monotonic = self.now.monotonic + Duration(100);
        self.step(Input::Tick);
    }

    /// Lets time pass in ticks.
    pub(crate) fn pass(&mut self, ms: u64) {
        (0..ms.div_ceil(100)).for_each(|_| self.tick());
    }

    /// A line of the story itself.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.transcript, "-- {line}").expect("text");
    }

    /// One input, one turn, and everything that follows until the master is quiet.
    pub(crate) fn step(&mut self, input: Input) {
        self.turn(vec![input]);
    }

    /// Several inputs in one turn.
    pub(crate) fn turn(&mut self, inputs: Vec<Input>) {
        let mut outbox = Outbox::default();
        for input in inputs {
            self.master.step(self.now, input, &mut outbox);
        }
        self.master.flush(self.now, &mut outbox);
        loop {
            let mut follows = Vec::new();
            for effect in outbox.drain().collect::<Vec<_>>() {
                match &effect {
                    Effect::Persist(persist) => {
                        terms::write(&mut self.disk, persist);
                        follows.push(Input::Persisted(persist.number));
                    }
                    Effect::TellWhenRead(stream) => match self.slow.contains(stream) {
                        true => self.unread.push(*stream),
                        false => follows.push(Input::StreamRead(*stream)),
                    },
                    _ => {}
                }
                self.note(effect);
            }
            if follows.is_empty() {
                break;
            }
            for input in follows {
                self.master.step(self.now, input, &mut outbox);
            }
            self.master.flush(self.now, &mut outbox);
        }
        let broken = invariants::check(self.master.ledger());
        assert!(broken.is_empty(), "{broken:?}");
    }

    fn note(&mut self, effect: Effect) {
        let effect = effect.answered();
        if let Effect::Reply { call, answer } = &effect {
            self.answers.push((*call, answer.clone()));
        }
        let line = match effect {
            Effect::Reply { call, answer: Ok(answer) } => {
                format!("reply {} {}", call.0, show_answer(&answer))
            }
            Effect::Reply { call, answer: Err(no) } => {
                format!("reply {} refused {:?} {no}", call.0, no.reason)
            }
            Effect::ToFramework { event: SchedulerEvent::Heartbeat, .. } => return,
            // The same in every story but those about masters.
            Effect::ToFramework { event: SchedulerEvent::Masters(heard), .. }
            | Effect::ToAgent { order: Order::Masters(heard), .. }
                if heard.version == 1 =>
            {
                return;
            }
            Effect::ToFramework { stream, event } => {
                self.hear(stream, &event);
                format!("framework stream {} {}", stream.0, show_event(&event))
            }
            Effect::ToAgent { stream, order, .. } => {
                format!("agent stream {} {}", stream.0, show_order(&order))
            }
            Effect::ToWatcher { stream, event } => match show_watched(&event) {
                Some(shown) => {
                    let sequence = event.map(|event| event.sequence).map_err(|no| no.reason);
                    self.watched.push((stream.0, sequence, shown.clone()));
                    format!("watcher {} {shown}", stream.0)
                }
                None => return,
            },
            Effect::Close(stream) => format!("close {}", stream.0),
            _ => return,
        };
        writeln!(self.transcript, "{line}").expect("text");
    }

    fn hear(&mut self, stream: StreamId, event: &SchedulerEvent) {
        match event {
            SchedulerEvent::Subscribed { session, .. } => {
                let name = self.streams[&stream].clone();
                self.sessions.insert(name, *session);
            }
            SchedulerEvent::Offers(offers) => {
                self.offers.extend(offers.iter().cloned());
                self.live.extend(offers.iter().map(|offer| (offer.id, offer.clone())));
            }
            SchedulerEvent::Rescind(offers) => {
                offers.iter().for_each(|id| drop(self.live.remove(id)));
            }
            SchedulerEvent::SharedState(state) => self.shown.push((stream.0, state.clone())),
            _ => {}
        }
    }

    pub(crate) fn call_id(&mut self) -> CallId {
        self.next_call += 1;
        CallId(self.next_call)
    }

    /// A framework of this name subscribes; as itself when it has before.
    pub(crate) fn subscribe(&mut self, stream: u64, name: &str) {
        let framework = self.sessions.get(name).map(|session| session.framework);
        let input = self.subscription(stream, name, framework);
        self.step(input);
    }

    /// As [`Self::subscribe`], in these roles.
    pub(crate) fn subscribe_in(&mut self, stream: u64, name: &str, roles: &[&str]) {
        let framework = self.sessions.get(name).map(|session| session.framework);
        let mut input = self.subscription(stream, name, framework);
        if let Input::FrameworkSubscribe { subscribe, .. } = &mut input {
            let roles = roles.iter().map(|text| Role::new(text).expect("a role"));
            subscribe.info.roles = roles.collect();
        }
        self.step(input);
    }

    /// A framework comes with all that it wants: it is offered nothing before it has said it.
    pub(crate) fn come_for(
        &mut self,
        stream: u64,
        name: &str,
        of: &Role,
        demands: Vec<StatedDemand>,
    ) {
        let mut input = self.subscription(stream, name, None);
        if let Input::FrameworkSubscribe { subscribe, .. } = &mut input {
            subscribe.info.roles = vec![of.clone()];
            subscribe.suppressed = vec![of.clone()];
        }
        self.step(input);
        let state = SchedulerCall::StateDemand { role: of.clone(), demands: Some(demands) };
        let revive = SchedulerCall::Revive { roles: vec![of.clone()] };
        self.turn_of_calls(vec![(name, state), (name, revive)]);
    }

    /// An operator and a framework call in the same turn, in this order.
    pub(crate) fn turn_with_operator(
        &mut self,
        operator: OperatorCall,
        name: &str,
        request: SchedulerCall,
    ) {
        let (first, second) = (self.call_id(), self.call_id());
        let session = self.sessions[name];
        self.turn(vec![
            Input::OperatorCall {
                call: first,
                principal: principal("operator/ann"),
                request: operator,
            },
            Input::FrameworkCall {
                call: second,
                principal: principal(&format!("framework/{name}")),
                session,
                request,
            },
        ]);
    }

    pub(crate) fn subscription(
        &mut self,
        stream: u64,
        name: &str,
        framework: Option<FrameworkId>,
    ) -> Input {
        let info = FrameworkInfo {
            name: name.to_owned(),
            roles: vec![Role::any()],
            failover_timeout: Duration(10_000),
            labels: vec![],
            disruption_budget: None,
            offer_terms: Vec::new(),
        };
        let request = RequestId::new(&format!("{name}-0000000000001")).expect("an id");
        let subscribe = Subscribe { info, framework, request, suppressed: vec![] };
        let (stream, principal) = (StreamId(stream), principal(&format!("framework/{name}")));
        self.streams.insert(stream, name.to_owned());
        Input::FrameworkSubscribe { stream, principal, subscribe }
    }

    pub(crate) fn framework(&self, name: &str) -> FrameworkId {
        self.sessions[name].framework
    }

    /// A framework calls.
    pub(crate) fn call(&mut self, name: &str, request: SchedulerCall) {
        let input = self.calls(name, request);
        self.step(input);
    }

    /// Frameworks call in the same turn, in this order.
    pub(crate) fn turn_of_calls(&mut self, calls: Vec<(&str, SchedulerCall)>) {
        let inputs = calls.into_iter().map(|(name, request)| self.calls(name, request)).collect();
        self.turn(inputs);
    }

    /// A framework's call, for a turn.
    pub(crate) fn calls(&mut self, name: &str, request: SchedulerCall) -> Input {
        let (call, session) = (self.call_id(), self.sessions[name]);
        let principal = principal(&format!("framework/{name}"));
        Input::FrameworkCall { call, principal, session, request }
    }

    /// A framework calls, and says that it is another, or another instance.
    pub(crate) fn call_as(&mut self, name: &str, session: Session, request: SchedulerCall) {
        let (call, principal) = (self.call_id(), principal(&format!("framework/{name}")));
        self.step(Input::FrameworkCall { call, principal, session, request });
    }

    /// A call that is refused and leaves no trace.
    pub(crate) fn refused_call(&mut self, name: &str, request: SchedulerCall) {
        let before = digest(self.master.ledger());
        self.call(name, request);
        // Only the index may differ, and refused calls that reach the log are none of this kind.
        assert_eq!(digest(self.master.ledger()), before, "S2: a refusal changes nothing");
    }

    /// Launches a task on the newest offer.
    pub(crate) fn launch(&mut self, name: &str, task: TaskInfo) {
        let offer = self.offers.last().expect("an offer").id;
        self.call(name, accept(&[offer], vec![task]));
    }

    pub(crate) fn agent(&mut self, stream: u64, name: &str, message: AgentCall) {
        self.step(agent_message(stream, name, message));
    }

    /// An agent's news of a framework's task.
    pub(crate) fn update(&mut self, stream: u64, name: &str, framework: &str, of: TaskStatus) {
        let framework = self.framework(framework);
        self.agent(stream, name, AgentCall::Update { framework, status: of });
    }

    pub(crate) fn close(&mut self, stream: u64) {
        self.step(Input::StreamClosed(StreamId(stream)));
    }

    pub(crate) fn operator(&mut self, request: OperatorCall) {
        self.ask_as("operator/ann", request);
    }

    /// Anybody asks what operators may.
    pub(crate) fn ask_as(&mut self, who: &str, request: OperatorCall) {
        let (call, principal) = (self.call_id(), principal(who));
        self.step(Input::OperatorCall { call, principal, request });
    }

    pub(crate) fn watch(&mut self, stream: u64, after: Option<u64>) {
        self.watch_for(stream, after, WatchFilter::default());
    }

    pub(crate) fn watch_for(&mut self, stream: u64, after: Option<u64>, filter: WatchFilter) {
        let (stream, principal) = (StreamId(stream), principal("operator/ann"));
        self.step(Input::OperatorWatch { stream, principal, after, filter });
    }

    /// Slow readers have come to the end of what they were sent.
    pub(crate) fn read(&mut self) {
        let inputs = std::mem::take(&mut self.unread).into_iter().map(Input::StreamRead);
        self.turn(inputs.collect());
    }

    /// Compares what was said with `golden/NAME.txt`; `BOURSE_WRITE_GOLDEN=1` writes it.
    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "goldens are files; the core still touches none")]
    pub(crate) fn matches(&self, name: &str) {
        let path = golden_folder().join(format!("{name}.txt"));
        if std::env::var_os("BOURSE_WRITE_GOLDEN").is_some_and(|wish| wish == "1") {
            fs::write(&path, &self.transcript).expect("writable");
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(self.transcript, expected, "\ngot:\n{}", self.transcript);
    }
}

pub(crate) fn golden_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stories/golden")
}

pub(crate) fn agent_message(stream: u64, name: &str, message: AgentCall) -> Input {
    let principal = principal(&format!("agent/{name}"));
    Input::AgentMessage { stream: StreamId(stream), principal, message }
}

pub(crate) fn accept(offers: &[OfferId], tasks: Vec<TaskInfo>) -> SchedulerCall {
    accept_operations(offers, Operation::launch(tasks), false)
}

pub(crate) fn accept_operations(
    offers: &[OfferId],
    operations: Vec<Operation>,
    partial: bool,
) -> SchedulerCall {
    let (offers, refuse) = (offers.to_vec(), Duration(5_000).into());
    SchedulerCall::Accept { offers, operations, partial, refuse, request: None }
}

pub(crate) fn acknowledge(task: &str, sequence: u64) -> SchedulerCall {
    let acknowledgements = vec![(TaskId::new(task).expect("an id"), sequence)];
    SchedulerCall::Acknowledge { acknowledgements }
}

pub(crate) fn kill(task: &str) -> SchedulerCall {
    SchedulerCall::Kill { task: TaskId::new(task).expect("an id"), grace_period: None }
}

pub(crate) fn register(name: &str, incarnation: u64) -> AgentCall {
    let info = AgentInfo {
        reservations: Vec::new(),
        id: AgentId::new(name).expect("an id"),
        hostname: format!("{name}.example"),
        address: String::new(),
        resources: Resources::cpus_mem(2_000, 1_024),
        attributes: vec![],
        domain: None,
        version: "0.1.0".to_owned(),
    };
    AgentCall::Register { info, incarnation, tasks: vec![], volumes: vec![] }
}

pub(crate) fn task(id: &str, agent: &str, cpus_milli: i64) -> TaskInfo {
    let command = Command { arguments: vec!["true".to_owned()], ..Command::default() };
    TaskInfo::new(
        TaskId::new(id).expect("an id"),
        AgentId::new(agent).expect("an id"),
        Resources::cpus_mem(cpus_milli, 64),
        command,
    )
}

pub(crate) fn status(id: &str, agent: &str, state: TaskState, sequence: u64) -> TaskStatus {
    TaskStatus {
        task: TaskId::new(id).expect("an id"),
        agent: AgentId::new(agent).expect("an id"),
        state,
        source: StatusSource::Agent,
        reason: StatusReason::None,
        message: String::new(),
        exit_code: None,
        signal: None,
        memory_peak_bytes: None,
        at: WallTime(0),
        sequence,
    }
}
