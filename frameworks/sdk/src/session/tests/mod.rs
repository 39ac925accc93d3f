//! The session by hand: each rule of the conversation, one situation at a time.

mod calls;
mod demand;
mod link;
mod lossy;
mod updates;

use super::*;
use crate::model::Reason;
use crate::model::{
    AgentId, AgentNotice, InverseAnswer, InverseOffer, InverseOfferId, Operation, StatusReason,
    StatusSource, TaskInfo, TaskState, TaskStatus, WallTime,
};

/// A session with its time and everything it asked for so far.
struct Bench {
    session: ClientSession,
    now: Instant,
    effects: Vec<Effect>,
    calls: u64,
}

impl Bench {
    fn new(masters: &[&str]) -> Self {
        let session = ClientSession::new(settings(masters));
        Self { session, now: Instant(0), effects: Vec::new(), calls: 0 }
    }

    /// A session that is subscribed as `framework-7`, epoch 1, on connection 1.
    fn subscribed() -> Self {
        let mut bench = Self::new(&["m1:1", "m2:1", "m3:1"]);
        bench.flush();
        bench.subscribe(1, 1);
        assert!(matches!(bench.events()[..], [Event::Subscribed { is_first: true, .. }]));
        bench.effects.clear();
        bench
    }

    fn flush(&mut self) {
        self.session.flush(self.now, &mut self.effects);
    }

    fn input(&mut self, input: Input) {
        self.session.input(self.now, input, &mut self.effects);
        self.flush();
    }

    fn subscribe(&mut self, connection: u64, epoch: u64) {
        let event = SchedulerEvent::Subscribed {
            session: identity(epoch),
            heartbeat_interval: Duration(1_000),
            cluster: crate::model::ClusterId::new("c1").unwrap(),
            term: epoch,
        };
        self.input(Input::Event(ConnectionId(connection), event));
    }

    fn break_connection(&mut self, connection: u64) {
        self.input(Input::Ended(ConnectionId(connection), Failure::Broken));
    }

    fn update(&mut self, connection: u64, task: &str, state: TaskState, sequence: u64) {
        let event = SchedulerEvent::Update(status(task, state, sequence));
        self.input(Input::Event(ConnectionId(connection), event));
    }

    fn ask(&mut self, call: SchedulerCall) -> CallId {
        self.calls += 1;
        let id = CallId(self.calls);
        self.session.ask(self.now, id, call);
        self.flush();
        id
    }

    fn answer(&mut self, send: SendId, answer: Result<Answer, Failure>) {
        self.input(Input::Answered(send, answer));
    }

    fn refuse(&mut self, send: SendId, reason: Reason) {
        self.answer(send, Err(Failure::Refused(Refusal::new(reason, "no"))));
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.next_event()).collect()
    }

    /// Takes the calls made since the last look.
    fn sends(&mut self) -> Vec<(SendId, SchedulerCall)> {
        let sends = self.effects.drain(..).filter_map(|effect| match effect {
            Effect::Send { send, call, .. } => Some((send, call)),
            _ => None,
        });
        sends.collect()
    }

    fn only_send(&mut self) -> (SendId, SchedulerCall) {
        let mut sends = self.sends();
        assert_eq!(sends.len(), 1, "{sends:?}");
        sends.remove(0)
    }

    /// Takes the addresses connected to since the last look.
    fn connects(&mut self) -> Vec<String> {
        let connects = self.effects.drain(..).filter_map(|effect| match effect {
            Effect::Connect { address, .. } => Some(address),
            _ => None,
        });
        connects.collect()
    }

    /// Waits until something is due, and lets it happen.
    fn wait(&mut self) {
        self.now = self.session.deadline().expect("a live session waits for something");
        self.flush();
    }

    /// Loses the connection and subscribes again on the next one.
    fn reconnect(&mut self, from: u64) {
        self.break_connection(from);
        self.wait();
        self.subscribe(from + 1, from + 1);
    }
}

fn settings(masters: &[&str]) -> SessionSettings {
    SessionSettings {
        masters: masters.iter().map(|&master| master.to_owned()).collect(),
        info: FrameworkInfo {
            name: "test".to_owned(),
            roles: vec![Role::any()],
            failover_timeout: Duration(60_000),
            labels: Vec::new(),
            disruption_budget: None,
            offer_terms: Vec::new(),
        },
        framework: None,
        suppressed: BTreeSet::new(),
        acknowledgement: Acknowledgement::Automatic,
        backoff: Backoff { min: Duration(50), max: Duration(2_000) },
        connect_timeout: Duration(5_000),
        drain_timeout: Duration(10_000),
        seed: 11,
    }
}

/// What a follower says when `m3:1` leads in this term.
fn leads(term: u64) -> Leadership {
    let cluster = crate::model::ClusterId::new("c1").unwrap();
    Leadership { cluster, term, leader: Some("m3:1".to_owned()) }
}

fn identity(epoch: u64) -> model::Session {
    model::Session { framework: FrameworkId(7), epoch }
}

fn task_id(task: &str) -> TaskId {
    TaskId::new(task).unwrap()
}

fn agent() -> AgentId {
    AgentId::new("a1").unwrap()
}

fn status(task: &str, state: TaskState, sequence: u64) -> TaskStatus {
    TaskStatus {
        task: task_id(task),
        agent: agent(),
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

fn task(id: &str) -> TaskInfo {
    let builder = crate::TaskBuilder::new(id).cpus_milli(100).command(["true"]);
    builder.build(&agent()).unwrap()
}

fn accept(tasks: &[&str]) -> SchedulerCall {
    SchedulerCall::Accept {
        offers: vec![crate::model::OfferId { term: 1, number: 1 }],
        operations: Operation::launch(tasks.iter().map(|&id| task(id)).collect()),
        partial: false,
        refuse: Duration(5_000).into(),
        request: None,
    }
}
