//! Schedulers as authors write them: the SDK's session around the shipped batch framework, run as
//! the driver runs them. Each has a job whose tasks are tried again until all have succeeded. A
//! process that begins anew is another host, so that nothing meant for the old one reaches it.
//!
//! What the driver's transport does is here: a call whose connection is gone is broken, after a
//! while at the latest, and whether it happened is not known.

use super::{
    agent_host::host_of_address,
    event::Happening,
    framework_calls::Asked,
    framework_offers::TIME_MAX,
    leader_questions::Asker,
    master_world::address_of,
    sdk_lives::Heir,
    streams::{Client, Down, Up},
    world::World,
};
use batch::{BatchScheduler, Job, Silent, TaskSpec, job::RETRIES_MAX};
use bourse_sdk::{
    Acknowledgement, Engine,
    jitter::Backoff,
    session::{Answer, ConnectionId, Effect, Ended, Failure, Input, SendId, SessionSettings},
};
use master_core::{
    input::{CallId, StreamId},
    outbox::Answer as MasterAnswer,
};
use proto::model::{
    Duration, FrameworkId, FrameworkInfo, Instant, Refusal, Resources, Role, SchedulerEvent,
};
use std::collections::BTreeSet;

/// One life of a scheduler's process.
#[derive(Debug)]
pub(crate) struct SdkHost {
    pub(crate) name: String,
    /// It was killed.
    pub(super) is_dead: bool,
    pub(super) engine: Engine,
    pub(super) author: Author,
    stream: Option<(ConnectionId, StreamId)>,
    wake_at: Option<Instant>,
    settings: SessionSettings,
    instances: usize,
}

/// What runs on the session.
#[derive(Debug)]
pub(super) enum Author {
    /// The shipped batch framework, with a job.
    Batch(Box<BatchScheduler>),
    /// Somebody who takes the framework over, to end it.
    Heir(Heir),
}

/// A framework that is away for longer is removed, and its job begins anew.
const FAILOVER_TIMEOUT: Duration = Duration::from_seconds(30);

impl SdkHost {
    pub(crate) fn new(index: usize, masters: usize, instances: usize, seed: u64) -> Self {
        let name = format!("batch-{index}");
        let settings = SessionSettings {
            masters: (1..=masters as u64).map(address_of).collect(),
            info: FrameworkInfo {
                name: name.clone(),
                roles: vec![Role::any()],
                failover_timeout: FAILOVER_TIMEOUT,
                labels: Vec::new(),
                disruption_budget: None,
                offer_terms: Vec::new(),
            },
            framework: None,
            suppressed: BTreeSet::from([Role::any()]),
            acknowledgement: Acknowledgement::Automatic,
            backoff: Backoff { min: Duration(50), max: Duration(500) },
            connect_timeout: Duration::from_seconds(5),
            // So is the word that it is over to be heard.
            drain_timeout: Duration::from_seconds(3_600),
            seed,
        };
        let author = Author::job(&name, instances, seed);
        Self::of(settings, author, instances)
    }

    fn of(settings: SessionSettings, author: Author, instances: usize) -> Self {
        Self {
            name: settings.info.name.clone(),
            is_dead: false,
            engine: Engine::new(settings.clone()),
            author,
            stream: None,
            wake_at: None,
            settings,
            instances,
        }
    }

    /// Another process, which knows nothing of this one: the same job as a new framework.
    pub(super) fn anew(&self, masters: Vec<String>, seed: u64) -> Self {
        let settings = SessionSettings { masters, framework: None, seed, ..self.settings.clone() };
        Self::of(settings, Author::job(&self.name, self.instances, seed), self.instances)
    }

    /// Another process, which takes the framework over.
    pub(super) fn heir(&self, framework: FrameworkId, masters: Vec<String>, seed: u64) -> Self {
        let framework = Some(framework);
        let settings = SessionSettings { masters, framework, seed, ..self.settings.clone() };
        Self::of(settings, Author::Heir(Heir), self.instances)
    }

    /// Its framework's id, once it has one.
    pub(crate) fn framework(&self) -> Option<FrameworkId> {
        self.engine.framework()
    }

    /// Whether it has a stream.
    pub(crate) fn is_connected(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether the process is there, and its session goes on.
    pub(super) fn is_active(&self) -> bool {
        !self.is_dead && self.engine.ended().is_none()
    }

    /// Whether it has done its job, and said so.
    pub(super) fn is_done(&self) -> bool {
        let is_torn_down = matches!(self.engine.ended(), Some(Ended::TornDown));
        match &self.author {
            Author::Batch(scheduler) => is_torn_down && scheduler.summary().success,
            Author::Heir(_) => false,
        }
    }

    /// What it has come to.
    pub(super) fn state(&self) -> String {
        let (name, ended) = (&self.name, self.engine.ended());
        match &self.author {
            Author::Batch(scheduler) => {
                let summary = scheduler.summary();
                format!("{name}: ended {ended:?}, open {}, {:?}", summary.open, summary.counts)
            }
            Author::Heir(_) => format!("{name}'s heir: ended {ended:?}"),
        }
    }
}

impl Author {
    fn job(name: &str, instances: usize, seed: u64) -> Self {
        let scheduler = BatchScheduler::new(job(name, instances), seed, Box::new(Silent));
        Self::Batch(Box::new(scheduler))
    }

    fn step(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        inputs: Vec<Input>,
        effects: &mut Vec<Effect>,
    ) {
        match self {
            Self::Batch(scheduler) => engine.step(now, inputs, &mut **scheduler, effects),
            Self::Heir(heir) => engine.step(now, inputs, heir, effects),
        }
    }
}

/// Some tasks, and some that wait for all of them.
fn job(name: &str, instances: usize) -> Job {
    let command = vec!["true".to_owned()];
    let spec = |task: &str, instances: usize, cpus_milli: i64| TaskSpec {
        instances: u32::try_from(instances.max(1)).expect("few"),
        retries: RETRIES_MAX,
        max_completion_time: Some(TIME_MAX),
        ..TaskSpec::new(task, command.clone(), Resources::cpus_mem(cpus_milli, 64))
    };
    let last = TaskSpec { depends_on: vec!["first".to_owned()], ..spec("last", 1, 1_000) };
    let tasks = vec![spec("first", instances, 200), spec("beside", instances / 2, 500), last];
    Job::new(name.to_owned(), Role::any(), tasks).expect("a job that can be run")
}

impl World {
    /// Lets a scheduler see what happened, and does what it wants.
    pub(crate) fn step_sdk(&mut self, sdk: usize, inputs: Vec<Input>) {
        let now = self.queue.now();
        let host = &mut self.sdks[sdk];
        if !host.is_active() {
            return;
        }
        for input in &inputs {
            self.trace.note(now.0, 200 + sdk, input);
        }
        let mut effects = Vec::new();
        host.author.step(&mut host.engine, now, inputs, &mut effects);
        for effect in effects {
            self.trace.note(now.0, 200 + sdk, &effect);
            self.sdk_acts(sdk, effect);
        }
        match self.sdks[sdk].engine.ended().cloned() {
            Some(ended) => {
                self.close_sdk(sdk);
                self.sdk_ended(sdk, &ended);
            }
            None => self.wake_sdk_later(sdk),
        }
    }

    fn wake_sdk_later(&mut self, sdk: usize) {
        let now = self.queue.now();
        let host = &mut self.sdks[sdk];
        let Some(due) = host.engine.deadline() else { return };
        let due = due.max(now + Duration(1));
        if host.wake_at.is_none_or(|wake| due < wake) {
            host.wake_at = Some(due);
            self.queue.at(due, Happening::SdkWake(sdk));
        }
    }

    pub(crate) fn wake_sdk(&mut self, sdk: usize) {
        // It was asked for again since, for an earlier time.
        if self.sdks[sdk].wake_at.take_if(|at| *at <= self.queue.now()).is_some() {
            self.step_sdk(sdk, Vec::new());
        }
    }

    fn sdk_acts(&mut self, sdk: usize, effect: Effect) {
        match effect {
            Effect::Connect { connection, address, subscribe } => {
                self.close_sdk(sdk);
                let host = host_of_address(&address).expect("an address of a master's");
                let stream = self.open(Client::Sdk(sdk), connection.0, host);
                self.sdks[sdk].stream = Some((connection, stream));
                self.up(stream, Up::Subscribe(Box::new(subscribe)));
            }
            Effect::Disconnect(connection) => {
                if self.sdks[sdk].stream.is_some_and(|(mine, _)| mine == connection) {
                    self.close_sdk(sdk);
                }
            }
            Effect::FindLeader { question, address } => {
                let host = host_of_address(&address).expect("an address of a master's");
                self.find_leader(Asker::Sdk(sdk), question, host);
            }
            Effect::Send { send, connection, identity: session, call: request } => {
                let stream = self.sdks[sdk].stream.filter(|(mine, _)| *mine == connection);
                let to = stream.and_then(|(_, stream)| self.connections.get(stream));
                let Some(to) = to.map(|connection| connection.process.host) else {
                    let broken = Happening::SdkAnswer { sdk, send, answer: Err(Failure::Broken) };
                    return self.queue.after(Duration(0), broken);
                };
                self.ask(Asked::Sdk { sdk, send, session, request }, to, 1);
            }
        }
    }

    pub(super) fn close_sdk(&mut self, sdk: usize) {
        if let Some((_, stream)) = self.sdks[sdk].stream.take() {
            self.up(stream, Up::Closed);
        }
    }

    /// A call is on its way; it is given up when there is no answer.
    pub(crate) fn sdk_asks(&mut self, call: CallId) {
        let wait = self.chance.frameworks.time(2_000, 15_000);
        self.queue.after(wait, Happening::SdkGivesUp(call));
    }

    pub(crate) fn sdk_answered(
        &mut self,
        (sdk, send): (usize, SendId),
        answer: Result<MasterAnswer, Refusal>,
    ) {
        let answer = match answer {
            Ok(MasterAnswer::Accepted(results)) => Ok(Answer::Accepted(results)),
            Ok(MasterAnswer::Reconciling(count)) => Ok(Answer::Reconciling(count)),
            Ok(_) => Ok(Answer::Done),
            Err(refusal) => Err(Failure::Refused(refusal)),
        };
        self.step_sdk(sdk, vec![Input::Answered(send, answer)]);
    }

    /// Something arrived on one of a scheduler's streams.
    pub(crate) fn sdk_hears(&mut self, sdk: usize, stream: StreamId, down: Down) {
        let host = &mut self.sdks[sdk];
        let Some((connection, _)) = host.stream.filter(|(_, mine)| *mine == stream) else { return };
        let input = match down {
            Down::Opened => Input::Reached(connection),
            Down::Closed => {
                host.stream = None;
                Input::Ended(connection, Failure::Broken)
            }
            Down::Framework(event) => {
                match &*event {
                    SchedulerEvent::Subscribed { session, .. } => {
                        self.oracles.completeness.framework_subscribed(session.framework);
                    }
                    SchedulerEvent::Update(status) => {
                        let framework = host.framework().expect("updates follow the subscription");
                        self.oracles.updates.received(framework, status);
                    }
                    _ => {}
                }
                Input::Event(connection, *event)
            }
            other => panic!("a framework cannot hear {other:?}"),
        };
        self.step_sdk(sdk, vec![input]);
    }
}
