//! Runs a scheduler against a real cluster: sockets and clock around the pure engine.
//!
//! One loop owns the engine. A task reads the event stream, others make calls; both put what they
//! get into one bounded queue, and the loop takes out of it as much as there is at once. So a busy
//! cluster is handled in batches, and nothing is awaited per update.

mod channel;
mod wire_calls;

pub use channel::{MASTER_DOMAIN, Security, TlsSettings};

use crate::engine::Engine;
use crate::jitter::Backoff;
use crate::model::{
    Duration, FrameworkId, FrameworkInfo, Instant, Leadership, Refusal, Role, SchedulerEvent,
};
use crate::scheduler::Scheduler;
use crate::session::{
    Acknowledgement, Answer, ConnectionId, Effect, Ended, Failure, Input, SendId, SessionSettings,
};
use std::collections::BTreeSet;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wire_calls::Client;

/// What waits for the loop; past it the reader of the stream waits too, and in the end the master
/// cuts the stream, which is its right.
const QUEUE_MAX: usize = 8_192;

/// What the loop takes in at once.
const BATCH_MAX: usize = 2_048;

/// Where the masters are and how to prove who we are.
#[derive(Debug, Clone)]
pub struct Masters {
    /// `host:port` of some or all of them.
    pub addresses: Vec<String>,
    /// Identity, or none.
    pub security: Security,
}

/// What a driver must be told; see [`Settings::new`] for the defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cluster.
    pub masters: Masters,
    /// Who subscribes.
    pub info: FrameworkInfo,
    /// The framework to take over; `None` makes a new one.
    pub framework: Option<FrameworkId>,
    /// Roles for which no offers are wanted at first.
    pub suppressed: BTreeSet<Role>,
    /// Who acknowledges updates.
    pub acknowledgement: Acknowledgement,
    /// Pauses between tries.
    pub backoff: Backoff,
    /// A master that is reached and has not confirmed the subscription after this is given up; one
    /// that is not reached sooner, but never later.
    pub connect_timeout: Duration,
    /// How long to wait for the last answers when the scheduler is done.
    pub drain_timeout: Duration,
    /// Give up when the cluster cannot be reached for the first time within this; `None` tries for
    /// ever. Later losses of connection are always outwaited.
    pub first_contact_timeout: Option<Duration>,
}

/// How a run ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// The framework's id; `None` when it never had one.
    pub framework: Option<FrameworkId>,
    /// Whether the framework was torn down, with all its tasks.
    pub is_torn_down: bool,
    /// Whether every call was answered and every acknowledgement confirmed.
    pub is_drained: bool,
}

/// Why a run ended badly.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// No address was given.
    #[error("no master's address is given")]
    NoMasters,
    /// An address that cannot be one.
    #[error("{address:?} is not an address of the form host:port")]
    Address {
        /// The text.
        address: String,
    },
    /// The certificates or the key cannot be used.
    #[error("the TLS settings cannot be used")]
    Tls(#[source] tonic::transport::Error),
    /// Nobody answered.
    #[error("no leading master answered at {addresses} within {waited}")]
    Unreachable {
        /// Where it was tried.
        addresses: String,
        /// For how long.
        waited: Duration,
        /// What the last try ended with.
        #[source]
        source: Option<tonic::Status>,
    },
    /// The cluster will not have this framework.
    #[error("the cluster refuses the framework")]
    Refused(#[source] Refusal),
}

/// Asks a running driver's scheduler to end: it gets [`crate::Event::StopRequested`].
#[derive(Debug, Clone)]
pub struct Stopper(mpsc::Sender<Message>);

/// Connects one scheduler with one cluster.
#[derive(Debug)]
pub struct Driver {
    settings: Settings,
    sender: mpsc::Sender<Message>,
    receiver: mpsc::Receiver<Message>,
}

/// What comes to the loop.
#[derive(Debug)]
enum Message {
    Opened(ConnectionId, Client),
    Event(ConnectionId, SchedulerEvent),
    Ended(ConnectionId, Failure, Option<tonic::Status>),
    Answered(SendId, Result<Answer, Failure>),
    LeaderFound(u64, Option<Leadership>),
    StopRequested,
}

/// The connection that is being made or is open.
#[derive(Debug)]
struct Open {
    connection: ConnectionId,
    client: Option<Client>,
    reader: JoinHandle<()>,
}

/// The loop's state beside the engine.
struct Shell {
    endpoints: channel::Endpoints,
    sender: mpsc::Sender<Message>,
    open: Option<Open>,
    last_failure: Option<tonic::Status>,
}

// === impl Settings ===

impl Settings {
    /// Settings that suit most: automatic acknowledgement, pauses of 50 ms to 2 s, for ever.
    pub fn new(masters: Masters, info: FrameworkInfo) -> Self {
        Self {
            masters,
            info,
            framework: None,
            suppressed: BTreeSet::new(),
            acknowledgement: Acknowledgement::Automatic,
            // An election takes one to two seconds: who waits longer than a part of that adds to
            // it.
            backoff: Backoff { min: Duration(50), max: Duration(500) },
            connect_timeout: Duration::from_seconds(5),
            drain_timeout: Duration::from_seconds(30),
            first_contact_timeout: None,
        }
    }

    fn session(&self, seed: u64) -> SessionSettings {
        SessionSettings {
            masters: self.masters.addresses.clone(),
            info: self.info.clone(),
            framework: self.framework,
            suppressed: self.suppressed.clone(),
            acknowledgement: self.acknowledgement,
            backoff: self.backoff,
            connect_timeout: self.connect_timeout,
            drain_timeout: self.drain_timeout,
            seed,
        }
    }
}

impl Stopper {
    /// Asks; no effect when the driver has ended.
    pub async fn stop(&self) {
        // A driver that is gone has stopped.
        let _ = self.0.send(Message::StopRequested).await;
    }
}

// === impl Driver ===

impl Driver {
    /// A driver that has not connected yet.
    pub fn new(settings: Settings) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        Self { settings, sender, receiver }
    }

    /// Lets others ask the scheduler to end.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.sender.clone())
    }

    /// Runs the scheduler until it is done, torn down or refused. Lost connections are mended.
    pub async fn run<S: Scheduler>(mut self, scheduler: &mut S) -> Result<Finished, DriverError> {
        if self.settings.masters.addresses.is_empty() {
            return Err(DriverError::NoMasters);
        }
        let mut shell = Shell {
            endpoints: channel::Endpoints::new(&self.settings)?,
            sender: self.sender.clone(),
            open: None,
            last_failure: None,
        };
        let mut engine = Engine::new(self.settings.session(rand::random()));
        let origin = tokio::time::Instant::now();
        let now = || Instant(u64::try_from(origin.elapsed().as_millis()).unwrap_or(u64::MAX));
        let mut effects = Vec::new();
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let inputs: Vec<Input> =
                batch.drain(..).filter_map(|message| shell.input(message)).collect();
            engine.step(now(), inputs, scheduler, &mut effects);
            for effect in effects.drain(..) {
                shell.execute(effect);
            }
            if let Some(ended) = engine.ended() {
                return finish(ended.clone(), engine.framework());
            }
            self.check_first_contact(now(), &engine, &mut shell)?;
            let deadline = engine.deadline().map_or(now(), |at| self.cap(at, &engine));
            let deadline = origin + std::time::Duration::from_millis(deadline.0);
            tokio::select! {
                // A driver holds a sender itself, so the queue is never closed.
                _ = self.receiver.recv_many(&mut batch, BATCH_MAX) => {}
                () = tokio::time::sleep_until(deadline) => {}
            }
        }
    }

    /// The deadline, no later than the end of the patience with a cluster that never answered.
    fn cap(&self, deadline: Instant, engine: &Engine) -> Instant {
        match self.settings.first_contact_timeout {
            Some(timeout) if !engine.has_subscribed() => deadline.min(Instant(timeout.0)),
            _ => deadline,
        }
    }

    fn check_first_contact(
        &self,
        now: Instant,
        engine: &Engine,
        shell: &mut Shell,
    ) -> Result<(), DriverError> {
        match self.settings.first_contact_timeout {
            Some(timeout) if !engine.has_subscribed() && now.0 >= timeout.0 => {
                Err(DriverError::Unreachable {
                    addresses: self.settings.masters.addresses.join(", "),
                    waited: timeout,
                    source: shell.last_failure.take(),
                })
            }
            _ => Ok(()),
        }
    }
}

fn finish(ended: Ended, framework: Option<FrameworkId>) -> Result<Finished, DriverError> {
    match ended {
        Ended::Done { is_drained } => Ok(Finished { framework, is_torn_down: false, is_drained }),
        Ended::TornDown => Ok(Finished { framework, is_torn_down: true, is_drained: true }),
        Ended::Refused(refusal) => Err(DriverError::Refused(refusal)),
    }
}

// === impl Shell ===

impl Shell {
    fn input(&mut self, message: Message) -> Option<Input> {
        match message {
            Message::Opened(connection, client) => {
                if let Some(open) = self.open.as_mut().filter(|o| o.connection == connection) {
                    open.client = Some(client);
                }
                Some(Input::Reached(connection))
            }
            Message::Event(connection, event) => Some(Input::Event(connection, event)),
            Message::Ended(connection, failure, status) => {
                if let Some(status) = status {
                    tracing::debug!(%status, "the event stream ended");
                    self.last_failure = Some(status);
                }
                Some(Input::Ended(connection, failure))
            }
            Message::Answered(send, answer) => Some(Input::Answered(send, answer)),
            Message::LeaderFound(question, answer) => Some(Input::LeaderFound(question, answer)),
            Message::StopRequested => Some(Input::StopRequested),
        }
    }

    fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { connection, address, subscribe } => {
                self.close();
                tracing::debug!(%address, "connecting");
                let endpoint = self.endpoints.endpoint(&address);
                let sender = self.sender.clone();
                let reader = tokio::spawn(async move {
                    let (failure, status) =
                        wire_calls::read_stream(endpoint, connection, subscribe, &sender).await;
                    // A driver that is gone needs no news.
                    let _ = sender.send(Message::Ended(connection, failure, status)).await;
                });
                self.open = Some(Open { connection, client: None, reader });
            }
            Effect::Disconnect(connection) => {
                if self.open.as_ref().is_some_and(|open| open.connection == connection) {
                    self.close();
                }
            }
            Effect::FindLeader { question, address } => {
                tracing::info!(%address, "the leader is silent: who leads?");
                let endpoint = self.endpoints.endpoint(&address);
                let sender = self.sender.clone();
                tokio::spawn(async move {
                    let answer = wire_calls::find_leader(endpoint, question.above_term).await;
                    let _ = sender.send(Message::LeaderFound(question.number, answer)).await;
                });
            }
            Effect::Send { send, connection, identity, call } => {
                let open = self.open.as_ref().filter(|open| open.connection == connection);
                let client = open.and_then(|open| open.client.clone());
                let sender = self.sender.clone();
                tokio::spawn(async move {
                    let answer = match client {
                        Some(client) => wire_calls::call(client, identity, call).await,
                        None => Err(Failure::Broken),
                    };
                    let _ = sender.send(Message::Answered(send, answer)).await;
                });
            }
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.reader.abort();
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.close();
    }
}
