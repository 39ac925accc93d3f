//! One connection at a time: whom to try next, how long to wait, when a silent stream is dead.
//!
//! Tries the given masters in turn and follows what a follower says about the leader; a leader that
//! is silent while it owes an answer is doubted, and left when another has its place. Knows nothing
//! of calls and updates.

use super::{ConnectionId, Failure, SessionSettings};
use crate::jitter::{Backoff, Jitter};
use crate::model::{
    self, ClusterId, Doubt, Duration, Instant, Leadership, Masters, Question, Reason, Refusal,
    Rota, doubt::Patience,
};

/// A stream that was silent for this many heartbeat intervals is dead: one may be late, two may be
/// lost to a slow start, three are no accident.
const SILENT_INTERVALS: u64 = 3;

/// The least silence that counts, so that a tiny interval in a test cluster does not cut streams.
const SILENCE_MIN: Duration = Duration(500);

/// How often in a row an answer "ask the leader" is followed without a pause. Two followers with
/// an old view may point at each other.
const HOPS_MAX: u32 = 3;

/// What the link wants now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LinkStep {
    /// Nothing.
    Rest,
    /// Open a stream to this address.
    Connect(ConnectionId, String),
    /// The connection took too long or went silent; it was given up.
    GiveUp(ConnectionId),
    /// Ask the master at this address who leads.
    Ask(Question, String),
}

#[derive(Debug)]
enum State {
    Waiting {
        until: Instant,
    },
    /// Until the master is reached, and then until the subscription is confirmed.
    Connecting {
        connection: ConnectionId,
        is_reached: bool,
        until: Instant,
    },
    Up {
        connection: ConnectionId,
        identity: model::Session,
        silence: Duration,
        dead_at: Instant,
    },
}

/// The link to whichever master leads.
#[derive(Debug)]
pub(super) struct Link {
    rota: Rota,
    doubt: Doubt,
    backoff: Backoff,
    connect_timeout: Duration,
    state: State,
    connections: u64,
    /// Where the last connection went.
    address: String,
    /// Where another master says the leader is.
    hint: Option<String>,
    hops: u32,
    /// Tries since the link was last up.
    attempts: u32,
    /// How many of them reached nobody in time.
    missed: u32,
}

impl Link {
    pub(super) fn new(settings: &SessionSettings) -> Self {
        assert!(!settings.masters.is_empty(), "a session needs a master to ask");
        Self {
            rota: Rota::new(settings.masters.clone(), 0),
            doubt: Doubt::new(Patience::FRAMEWORK),
            backoff: settings.backoff,
            connect_timeout: settings.connect_timeout,
            state: State::Waiting { until: Instant(0) },
            connections: 0,
            address: String::new(),
            hint: None,
            hops: 0,
            attempts: 0,
            missed: 0,
        }
    }

    /// The connection that is being made or is up.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match &self.state {
            State::Waiting { .. } => None,
            State::Connecting { connection, .. } | State::Up { connection, .. } => {
                Some(*connection)
            }
        }
    }

    /// The connection and who we are on it, when subscribed.
    pub(super) fn up(&self) -> Option<(ConnectionId, model::Session)> {
        match &self.state {
            State::Up { connection, identity, .. } => Some((*connection, *identity)),
            _ => None,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        match &self.state {
            State::Waiting { until } | State::Connecting { until, .. } => *until,
            State::Up { dead_at, .. } => {
                self.doubt.deadline().map_or(*dead_at, |doubt| doubt.min(*dead_at))
            }
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant, jitter: &mut Jitter) -> LinkStep {
        if now < self.deadline() {
            return LinkStep::Rest;
        }
        match &self.state {
            State::Up { dead_at, .. } if now < *dead_at => self.ask(now, jitter),
            State::Waiting { .. } => {
                self.connections += 1;
                let connection = ConnectionId(self.connections);
                let patience = Patience::FRAMEWORK.reach(self.missed).min(self.connect_timeout);
                let until = now + patience;
                self.state = State::Connecting { connection, is_reached: false, until };
                self.address = self.next_address();
                LinkStep::Connect(connection, self.address.clone())
            }
            State::Connecting { connection, is_reached, .. } => {
                let connection = *connection;
                self.missed += u32::from(!is_reached);
                self.rota.pass_over(&self.address);
                self.pause(now, Duration(0), jitter);
                LinkStep::GiveUp(connection)
            }
            State::Up { connection, .. } => {
                let connection = *connection;
                self.rota.pass_over(&self.address);
                self.pause(now, Duration(0), jitter);
                LinkStep::GiveUp(connection)
            }
        }
    }

    fn next_address(&mut self) -> String {
        let hint = self.hint.take();
        hint.or_else(|| self.rota.next_to_try()).expect("settings name a master")
    }

    fn ask(&mut self, now: Instant, jitter: &mut Jitter) -> LinkStep {
        let Some(question) = self.doubt.tick(now, jitter) else { return LinkStep::Rest };
        // Without others the question has no answer, and ends like that.
        match self.rota.next_to_ask(&self.address) {
            Some(address) => LinkStep::Ask(question, address),
            None => LinkStep::Rest,
        }
    }

    /// Whether there is anything that the leader has to answer.
    pub(super) fn expects(&mut self, now: Instant, anything: bool) {
        self.doubt.expects(now, anything);
    }

    /// The leader answered a call: it lives, whatever becomes of the stream.
    pub(super) fn answered(&mut self, now: Instant) {
        self.doubt.heard(now);
    }

    /// A master was asked who leads, and has answered or not. The connection is given up when
    /// another one has its place.
    pub(super) fn found(
        &mut self,
        now: Instant,
        question: u64,
        answer: Option<Leadership>,
        jitter: &mut Jitter,
    ) -> LinkStep {
        let leader = self.doubt.answered(now, question, answer, jitter);
        let (Some(leader), State::Up { connection, .. }) = (leader, &self.state) else {
            return LinkStep::Rest;
        };
        let connection = *connection;
        self.rota.pass_over(&self.address);
        self.hint = Some(leader);
        self.wait_until(now);
        LinkStep::GiveUp(connection)
    }

    /// The connection is there, and the master is about to confirm the subscription, or to say who
    /// leads.
    pub(super) fn reached(&mut self, now: Instant) {
        if let State::Connecting { is_reached: is_reached @ false, until, .. } = &mut self.state {
            (*is_reached, *until) = (true, now + self.connect_timeout);
        }
    }

    pub(super) fn subscribed(
        &mut self,
        now: Instant,
        identity: model::Session,
        leader: (ClusterId, u64),
        beat: Duration,
        jitter: &mut Jitter,
    ) {
        let State::Connecting { connection, .. } = self.state else { return };
        self.doubt.believe(now, leader, beat, jitter);
        let silence = Duration(beat.0.saturating_mul(SILENT_INTERVALS)).max(SILENCE_MIN);
        self.state = State::Up { connection, identity, silence, dead_at: now + silence };
        (self.hops, self.attempts, self.missed) = (0, 0, 0);
    }

    /// The leader names all masters, as they are now.
    pub(super) fn learn(&mut self, masters: &Masters) {
        self.rota.learn(masters);
    }

    /// Something came in.
    pub(super) fn heard(&mut self, now: Instant) {
        self.doubt.heard(now);
        if let State::Up { silence, dead_at, .. } = &mut self.state {
            *dead_at = now + *silence;
        }
    }

    /// The connection ended or must be given up. An error is one that trying again cannot mend.
    pub(super) fn lost(
        &mut self,
        now: Instant,
        failure: Failure,
        jitter: &mut Jitter,
    ) -> Result<(), Refusal> {
        let refusal = match failure {
            Failure::Broken => {
                // The others first. Who says that it is not ready yet will be in a moment.
                self.rota.pass_over(&self.address);
                self.pause(now, Duration(0), jitter);
                return Ok(());
            }
            Failure::Refused(refusal) => refusal,
        };
        if is_fatal(refusal.reason) {
            return Err(refusal);
        }
        self.hint = refusal.leader_address.filter(|address| !address.is_empty());
        if self.hint.is_some() && self.hops < HOPS_MAX {
            self.hops += 1;
            self.wait_until(now);
        } else {
            self.pause(now, refusal.retry_after.unwrap_or(Duration(0)), jitter);
        }
        Ok(())
    }

    fn pause(&mut self, now: Instant, at_least: Duration, jitter: &mut Jitter) {
        // One doubling per round: every master deserves a try before the pauses grow.
        let masters = u32::try_from(self.rota.count()).unwrap_or(u32::MAX);
        let pause = jitter.pause(self.backoff, self.attempts / masters).max(at_least);
        self.attempts = self.attempts.saturating_add(1);
        self.hops = 0;
        self.wait_until(now + pause);
    }

    fn wait_until(&mut self, until: Instant) {
        self.doubt.forget();
        self.state = State::Waiting { until };
    }
}

/// Whether a subscription that is refused like this would be refused again.
fn is_fatal(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::InvalidField
            | Reason::LimitExceeded
            | Reason::Unauthenticated
            | Reason::NotAuthorized
            | Reason::FrameworkUnknown
            | Reason::FrameworkRemoved
            | Reason::FrameworkFenced
            | Reason::ClusterMismatch
    )
}
