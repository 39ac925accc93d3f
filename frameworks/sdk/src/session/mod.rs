//! A framework's side of the conversation with the cluster, as a pure state machine.
//!
//! What happened goes in, what to do comes out; the driver and the simulator do it. Subscribes and
//! subscribes again under the same framework id, follows the leader, retries calls, numbers and
//! acknowledges updates, and after a reconnect checks the tasks that it believes to live. Knows no
//! scheduler: events for it are put in a queue.

mod answers;
mod incoming;
mod link;
mod requests;
mod stated;
#[cfg(test)]
mod tests;
mod updates;

use crate::jitter::{Backoff, Jitter};
use crate::model::{
    self, Duration, FrameworkId, FrameworkInfo, Instant, Leadership, OperationResult, Question,
    Refusal, RequestId, Role, SchedulerCall, SchedulerEvent, Subscribe, TaskId,
};
use crate::scheduler::{CallId, Event};
use link::{Link, LinkStep};
use requests::Requests;
use stated::Stated;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use updates::Updates;

/// Acknowledgement calls on the way at one time. While they are, more updates gather: batches grow
/// with the load by themselves.
const ACKNOWLEDGING_MAX: usize = 2;

/// Names one connection of this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Names one attempt of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SendId(pub u64);

/// Who says that an update is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acknowledgement {
    /// The session, as soon as the scheduler has handled the event.
    #[default]
    Automatic,
    /// The scheduler, with [`crate::Calls::acknowledge`]; for those that store first.
    Manual,
}

/// What a session must be told.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// Addresses to try, at least one; the leader is found from any.
    pub masters: Vec<String>,
    /// Who subscribes.
    pub info: FrameworkInfo,
    /// The framework to take over; `None` makes a new one.
    pub framework: Option<FrameworkId>,
    /// Roles for which no offers are wanted at first.
    pub suppressed: BTreeSet<Role>,
    /// Who acknowledges.
    pub acknowledgement: Acknowledgement,
    /// Pauses between tries.
    pub backoff: Backoff,
    /// A master that is reached and has not confirmed the subscription after this is given up; one
    /// that is not reached sooner, but never later.
    pub connect_timeout: Duration,
    /// How long to wait for the last answers after [`crate::Calls::done`].
    pub drain_timeout: Duration,
    /// Decides jitter and request ids; must differ between any two processes.
    pub seed: u64,
}

/// Why something did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The cluster said no.
    Refused(Refusal),
    /// The connection failed; whether the call happened is not known.
    Broken,
}

/// What a call was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It took effect.
    Done,
    /// What became of an accept's operations.
    Accepted(Vec<OperationResult>),
    /// So many statuses follow.
    Reconciling(u64),
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The connection to a master is there; nothing came over it yet.
    Reached(ConnectionId),
    /// Something came on a stream.
    Event(ConnectionId, SchedulerEvent),
    /// A stream ended, or could not be opened.
    Ended(ConnectionId, Failure),
    /// Another master was asked who leads; its answer, if there was one.
    LeaderFound(u64, Option<Leadership>),
    /// A call was answered.
    Answered(SendId, Result<Answer, Failure>),
    /// Somebody asks the framework to end.
    StopRequested,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Close what is open, connect to this address and subscribe.
    Connect {
        /// Goes with everything that comes of it.
        connection: ConnectionId,
        /// Where.
        address: String,
        /// As whom.
        subscribe: Subscribe,
    },
    /// Close the connection.
    Disconnect(ConnectionId),
    /// Ask the master at this address who leads; the answer, or that there is none, is
    /// [`Input::LeaderFound`].
    FindLeader {
        /// What; its number goes with the answer.
        question: Question,
        /// Whom.
        address: String,
    },
    /// Make a call.
    Send {
        /// Goes with the answer.
        send: SendId,
        /// On which connection.
        connection: ConnectionId,
        /// As whom.
        identity: model::Session,
        /// What.
        call: SchedulerCall,
    },
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The scheduler was done; the framework goes on to exist.
    Done {
        /// Whether every call was answered and every acknowledgement confirmed in time.
        is_drained: bool,
    },
    /// The framework was torn down.
    TornDown,
    /// The cluster refuses this framework.
    Refused(Refusal),
}

/// What an attempt was for.
#[derive(Debug)]
enum Purpose {
    Call(CallId),
    Acknowledge(Vec<(TaskId, u64)>),
    /// The session's own question about these tasks; about all when empty.
    Check(Vec<TaskId>),
    /// The session says again what is wanted in a role.
    Restate(Role),
}

/// The state of the conversation.
#[derive(Debug)]
pub struct ClientSession {
    settings: SessionSettings,
    jitter: Jitter,
    link: Link,
    requests: Requests,
    updates: Updates,
    events: VecDeque<Event>,
    sends: BTreeMap<SendId, (ConnectionId, Purpose)>,
    checks: VecDeque<Vec<TaskId>>,
    stated: Stated,
    /// Roles of which the cluster must be told again what is wanted; those that it is being told.
    restates: BTreeSet<Role>,
    restating: usize,
    last_send: u64,
    last_request: u64,
    request_prefix: String,
    framework: Option<FrameworkId>,
    has_subscribed: bool,
    acknowledging: usize,
    /// The session's own calls were put off until then, so many times in a row.
    own_pause: Option<Instant>,
    own_attempts: u32,
    suppressed: BTreeSet<Role>,
    drain_until: Option<Instant>,
    ended: Option<Ended>,
}

impl ClientSession {
    /// A session that has not connected yet; the first [`ClientSession::flush`] starts it.
    pub fn new(settings: SessionSettings) -> Self {
        let mut jitter = Jitter::new(settings.seed);
        let request_prefix = format!("{:016x}{:016x}", jitter.draw(), jitter.draw());
        Self {
            link: Link::new(&settings),
            requests: Requests::default(),
            updates: Updates::default(),
            events: VecDeque::new(),
            sends: BTreeMap::new(),
            checks: VecDeque::new(),
            stated: Stated::default(),
            restates: BTreeSet::new(),
            restating: 0,
            last_send: 0,
            last_request: 0,
            request_prefix,
            framework: settings.framework,
            has_subscribed: false,
            acknowledging: 0,
            own_pause: None,
            own_attempts: 0,
            suppressed: settings.suppressed.clone(),
            drain_until: None,
            ended: None,
            jitter,
            settings,
        }
    }

    /// Takes in one thing that happened.
    pub fn input(&mut self, now: Instant, input: Input, effects: &mut Vec<Effect>) {
        if self.ended.is_some() {
            return;
        }
        match input {
            Input::Reached(connection) if self.link.connection() == Some(connection) => {
                self.link.reached(now);
            }
            Input::Event(connection, event) if self.link.connection() == Some(connection) => {
                self.event(now, event, effects);
            }
            Input::Ended(connection, failure) if self.link.connection() == Some(connection) => {
                self.lost(now, connection, failure, effects);
            }
            // Of a connection that was given up.
            Input::Reached(_) | Input::Event(..) | Input::Ended(..) => {}
            Input::LeaderFound(question, answer) => {
                let step = self.link.found(now, question, answer, &mut self.jitter);
                self.link_step(step, true, effects);
            }
            Input::Answered(send, answer) => self.answered(now, send, answer, effects),
            Input::StopRequested => self.events.push_back(Event::StopRequested),
        }
    }

    /// The scheduler asks for something.
    pub fn ask(&mut self, now: Instant, id: CallId, call: SchedulerCall) {
        let is_all = |roles: &Vec<Role>| roles.is_empty();
        match &call {
            SchedulerCall::Suppress { roles } if is_all(roles) => {
                self.suppressed = self.settings.info.roles.iter().cloned().collect();
            }
            SchedulerCall::Suppress { roles } => self.suppressed.extend(roles.iter().cloned()),
            SchedulerCall::Revive { roles } if is_all(roles) => self.suppressed.clear(),
            SchedulerCall::Revive { roles } => {
                self.suppressed.retain(|role| !roles.contains(role));
            }
            SchedulerCall::Teardown => self.drain(now),
            SchedulerCall::StateDemand { role, demands } => {
                self.stated.state(role, demands.clone());
                self.restates.remove(role);
                // Nobody needs to hear what was to be said before.
                let overtaken = self.requests.overtake(role);
                self.events.extend(overtaken.into_iter().map(|call| Event::Done { call }));
            }
            SchedulerCall::Accept { offers, operations, .. } => {
                self.stated.accept(id, offers, operations);
            }
            SchedulerCall::Decline { offers, .. } => self.stated.over(offers),
            _ => {}
        }
        let request = self.next_request();
        if let Err(refusal) = self.requests.ask(id, call, request) {
            self.events.push_back(Event::Refused { call: id, refusal });
        }
    }

    fn next_request(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId::new(&format!("{}-{}", self.request_prefix, self.last_request))
            .expect("hexadecimal digits, a dash and a number are an id")
    }

    /// The scheduler has handled this update.
    pub fn handled(&mut self, task: &TaskId, sequence: u64) {
        self.updates.handled(task, sequence);
    }

    /// Who acknowledges.
    pub fn acknowledgement(&self) -> Acknowledgement {
        self.settings.acknowledgement
    }

    /// The next event for the scheduler.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The scheduler is done: end when everything is answered.
    pub fn drain(&mut self, now: Instant) {
        let until = now + self.settings.drain_timeout;
        self.drain_until.get_or_insert(until);
    }

    /// How the session ended, if it did.
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.as_ref()
    }

    /// Whether the cluster has ever answered.
    pub fn has_subscribed(&self) -> bool {
        self.has_subscribed
    }

    /// The framework's id, once it has one.
    pub fn framework(&self) -> Option<FrameworkId> {
        self.framework
    }

    /// When [`ClientSession::flush`] has something to do even if nothing happens until then.
    pub fn deadline(&self) -> Option<Instant> {
        if self.ended.is_some() {
            return None;
        }
        let is_up = self.link.up().is_some();
        let calls = self.requests.deadline().filter(|_| is_up);
        let own = self.own_pause.filter(|_| is_up);
        [Some(self.link.deadline()), calls, own, self.drain_until].into_iter().flatten().min()
    }

    /// Does what is due and sends what waits; call it after every batch of inputs and when the
    /// deadline has come.
    pub fn flush(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        if self.ended.is_some() {
            return;
        }
        self.tick_link(now, effects);
        if let Some((connection, identity)) = self.link.up() {
            self.flush_calls(now, connection, identity, effects);
            self.link.expects(now, !self.sends.is_empty());
        }
        let Some(until) = self.drain_until else { return };
        let is_idle = self.requests.is_idle() && self.updates.is_idle() && self.acknowledging == 0;
        if is_idle || now >= until {
            self.end(Ended::Done { is_drained: is_idle }, effects);
        }
    }

    fn tick_link(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let was_up = self.link.up().is_some();
        let step = self.link.tick(now, &mut self.jitter);
        self.link_step(step, was_up, effects);
    }

    fn link_step(&mut self, step: LinkStep, was_up: bool, effects: &mut Vec<Effect>) {
        match step {
            LinkStep::Rest => {}
            LinkStep::Connect(connection, address) => {
                let subscribe = Subscribe {
                    info: self.settings.info.clone(),
                    framework: self.framework,
                    // The same until it has worked once: the answer may have been lost.
                    request: RequestId::new(&format!("{}-subscribe", self.request_prefix))
                        .expect("hexadecimal digits and a word are an id"),
                    suppressed: self.suppressed.iter().cloned().collect(),
                };
                effects.push(Effect::Connect { connection, address, subscribe });
            }
            LinkStep::GiveUp(connection) => {
                effects.push(Effect::Disconnect(connection));
                if was_up {
                    self.forget_connection();
                }
            }
            LinkStep::Ask(question, address) => {
                effects.push(Effect::FindLeader { question, address });
            }
        }
    }

    fn flush_calls(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        identity: model::Session,
        effects: &mut Vec<Effect>,
    ) {
        let mut send = |session: &mut Self, purpose: Purpose, call: SchedulerCall| {
            session.last_send += 1;
            let send = SendId(session.last_send);
            session.sends.insert(send, (connection, purpose));
            effects.push(Effect::Send { send, connection, identity, call });
        };
        let _ = self.own_pause.take_if(|until| *until <= now);
        let is_paused = self.own_pause.is_some();
        if self.drain_until.is_some() {
            self.updates.settle_doubts();
        }
        while !is_paused && let Some(tasks) = self.checks.pop_front() {
            let call = SchedulerCall::Reconcile { tasks: tasks.clone() };
            send(self, Purpose::Check(tasks), call);
        }
        while !is_paused && let Some(role) = self.restates.pop_first() {
            let demands = self.stated.of(&role).cloned();
            let call = SchedulerCall::StateDemand { role: role.clone(), demands };
            self.restating += 1;
            send(self, Purpose::Restate(role), call);
        }
        while !is_paused
            && self.acknowledging < ACKNOWLEDGING_MAX
            && let Some(batch) = self.updates.next_batch()
        {
            self.acknowledging += 1;
            let acknowledgements = batch.clone();
            let call = SchedulerCall::Acknowledge { acknowledgements };
            send(self, Purpose::Acknowledge(batch), call);
        }
        // What the scheduler says must arrive after what is said again, or that would replace it.
        let lane_open = self.restates.is_empty() && self.restating == 0;
        while let Some((id, call)) =
            self.requests.next_send(now, SendId(self.last_send + 1), lane_open)
        {
            send(self, Purpose::Call(id), call);
        }
    }
}
