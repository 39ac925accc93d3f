//! One master alone with a perfect disk: for stories about what is said, not about what breaks.
//!
//! Every effect becomes a line of a transcript, so that a story's expected output can be read.

use master_core::{
    Config, Effect, Input, Ledger, Master, Now, Outbox,
    consensus::Restored,
    input::{CallId, OperatorCall, StreamId},
};
use proto::model::{
    AgentCall, AgentId, AgentInfo, ClusterId, Command, Duration, FrameworkInfo, Instant, NodeId,
    Order, Principal, RequestId, Resources, Role, SchedulerCall, SchedulerEvent, Session,
    StatusReason, StatusSource, Subscribe, TaskId, TaskInfo, TaskState, TaskStatus, WallTime,
};
use std::fmt::Write as _;

/// The master, its time, and what it has said.
pub(crate) struct Rig {
    pub(crate) master: Master,
    pub(crate) now: Now,
    pub(crate) transcript: String,
    pub(crate) offers: Vec<proto::model::Offer>,
    pub(crate) session: Option<Session>,
    next_call: u64,
}

pub(crate) fn cluster() -> ClusterId {
    ClusterId::new("story").expect("an id")
}

fn config() -> Config {
    let node = NodeId(1);
    Config::new(cluster(), node, [(node, "master-1:5050".to_owned())].into())
}

pub(crate) fn principal(text: &str) -> Principal {
    format!("spiffe://story/{text}").parse().expect("a principal")
}

impl Rig {
    /// A master that serves.
    pub(crate) fn serving() -> Self {
        let now = Now { monotonic: Instant(1_000), wall: WallTime(1_700_000_000_000) };
        let ledger = Ledger::new(cluster());
        let master = Master::open(config(), Restored::default(), ledger, now).expect("opens");
        let (transcript, offers) = (String::new(), Vec::new());
        let mut rig = Self { master, now, transcript, offers, session: None, next_call: 0 };
        for _ in 0..200 {
            rig.tick();
            if rig.master.is_serving() {
                rig.transcript.clear();
                return rig;
            }
        }
        panic!("a lone master elects itself within 20 s");
    }

    fn tick(&mut self) {
        self.now.monotonic = self.now.monotonic + Duration(100);
        self.step(Input::Tick);
    }

    /// Lets time pass in ticks.
    pub(crate) fn pass(&mut self, ms: u64) {
        (0..ms.div_ceil(100)).for_each(|_| self.tick());
    }

    /// One input, one turn, and everything that follows until the master is quiet.
    pub(crate) fn step(&mut self, input: Input) {
        let mut outbox = Outbox::default();
        self.master.step(self.now, input, &mut outbox);
        self.master.flush(self.now, &mut outbox);
        let mut confirmed = None;
        loop {
            for effect in outbox.drain().collect::<Vec<_>>() {
                if let Effect::Persist(persist) = &effect {
                    confirmed = Some(persist.number);
                }
                self.note(effect);
            }
            let Some(number) = confirmed.take() else { break };
            self.master.step(self.now, Input::Persisted(number), &mut outbox);
            self.master.flush(self.now, &mut outbox);
        }
        let broken = master_core::ledger::invariants::check(self.master.ledger());
        assert!(broken.is_empty(), "{broken:?}");
    }

    fn note(&mut self, effect: Effect) {
        let line = match effect {
            Effect::Reply { call, answer: Ok(answer) } => format!("reply {} {answer:?}", call.0),
            Effect::Reply { call, answer: Err(no) } => {
                format!("reply {} refused {:?} {no}", call.0, no.reason)
            }
            Effect::ToFramework { stream, event } => {
                format!("framework stream {} {}", stream.0, self.event(event))
            }
            Effect::ToAgent { stream, order, .. } => {
                format!("agent stream {} {}", stream.0, show_order(&order))
            }
            Effect::ToWatcher { stream, event } => {
                let shown = event.map(|event| (event.sequence, event.event.is_some()));
                format!("watcher {} {shown:?}", stream.0)
            }
            Effect::Close(stream) => format!("close {}", stream.0),
            _ => return,
        };
        writeln!(self.transcript, "{line}").expect("text");
    }

    fn event(&mut self, event: SchedulerEvent) -> String {
        match event {
            SchedulerEvent::Subscribed { session, .. } => {
                self.session = Some(session);
                format!("subscribed {} epoch {}", session.framework, session.epoch)
            }
            SchedulerEvent::Offers(offers) => {
                let shown: Vec<_> = offers
                    .iter()
                    .map(|offer| format!("{} {} {}", offer.id, offer.agent, offer.resources))
                    .collect();
                self.offers.extend(offers);
                format!("offers {}", shown.join(", "))
            }
            SchedulerEvent::Update(status) => format!(
                "update {} {} {:?} #{}",
                status.task, status.state, status.reason, status.sequence
            ),
            SchedulerEvent::Error(refusal) => format!("error {:?} {refusal}", refusal.reason),
            other => format!("{other:?}"),
        }
    }

    pub(crate) fn call_id(&mut self) -> CallId {
        self.next_call += 1;
        CallId(self.next_call)
    }

    pub(crate) fn subscribe(&mut self, stream: u64, name: &str, request: &str) {
        let info = FrameworkInfo {
            name: name.to_owned(),
            roles: vec![Role::any()],
            failover_timeout: Duration(10_000),
            labels: vec![],
        };
        let request = RequestId::new(request).expect("an id");
        let framework = self.session.map(|session| session.framework);
        let subscribe = Subscribe { info, framework, request, suppressed: vec![] };
        let principal = principal(&format!("framework/{name}"));
        let stream = StreamId(stream);
        self.step(Input::FrameworkSubscribe { stream, principal, subscribe });
    }

    pub(crate) fn call(&mut self, name: &str, request: SchedulerCall) {
        let (call, session) = (self.call_id(), self.session.expect("subscribed"));
        let principal = principal(&format!("framework/{name}"));
        self.step(Input::FrameworkCall { call, principal, session, request });
    }

    pub(crate) fn agent(&mut self, stream: u64, name: &str, message: AgentCall) {
        let principal = principal(&format!("agent/{name}"));
        self.step(Input::AgentMessage { stream: StreamId(stream), principal, message });
    }

    pub(crate) fn operator(&mut self, request: OperatorCall) {
        let (call, principal) = (self.call_id(), principal("operator/ann"));
        self.step(Input::OperatorCall { call, principal, request });
    }
}

fn show_order(order: &Order) -> String {
    match order {
        Order::Launch { framework, task } => format!("launch {framework}/{}", task.id),
        Order::Kill { key, reason, .. } => format!("kill {key} {reason:?}"),
        Order::Committed { key, sequence } => format!("committed {key} #{sequence}"),
        Order::Refused(refusal) => format!("refused {:?} {refusal}", refusal.reason),
        Order::Registered { .. } => "registered".to_owned(),
        Order::Heartbeat => "heartbeat".to_owned(),
    }
}

pub(crate) fn register(name: &str, incarnation: u64) -> AgentCall {
    let info = AgentInfo {
        id: AgentId::new(name).expect("an id"),
        hostname: format!("{name}.example"),
        address: String::new(),
        resources: Resources::cpus_mem(2_000, 1_024),
        attributes: vec![],
        version: "0.1.0".to_owned(),
    };
    AgentCall::Register { info, incarnation, tasks: vec![] }
}

pub(crate) fn task(id: &str, agent: &str, cpus_milli: i64) -> TaskInfo {
    TaskInfo {
        id: TaskId::new(id).expect("an id"),
        name: id.to_owned(),
        agent: AgentId::new(agent).expect("an id"),
        resources: Resources::cpus_mem(cpus_milli, 64),
        command: Command { arguments: vec!["true".to_owned()], ..Command::default() },
        grace_period: None,
        labels: vec![],
    }
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
