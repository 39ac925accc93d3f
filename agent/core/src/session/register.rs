//! The way to a leader: connect, register with the list of tasks, keep in touch, try again.
//!
//! Every attempt has a number, which the shell gives back with all that happens to its stream; what
//! carries an older number is ignored. Pauses between attempts double and are jittered, so that ten
//! thousand agents do not come back in the same second.

use crate::{
    agent::Agent,
    config::Config,
    journal::TaskRow,
    outbox::{Effect, Outbox},
};
use proto::model::{
    AgentCall, ClusterId, Doubt, Duration, Instant, Refusal,
    agent::AgentTask,
    doubt::Patience,
    jitter::{Backoff, Jitter},
};

/// A master that was silent for this many heartbeat intervals is taken for dead.
const SILENT_INTERVALS_MAX: u64 = 3;

/// A shorter interval would be a busy loop.
const HEARTBEAT_INTERVAL_MIN: Duration = Duration(50);

/// Redirections followed without a pause; more of them are a circle.
const REDIRECTIONS_MAX: u32 = 3;

/// The stream to the leader, as far as it has come.
#[derive(Debug)]
pub(crate) struct Session {
    number: u64,
    phase: Phase,
    backoff: Backoff,
    answer_timeout: Duration,
    attempts: u32,
    /// How many masters were called and not reached in time, since the last registration.
    missed: u32,
    redirections: u32,
    leader: Option<String>,
    pub(crate) doubt: Doubt,
}

#[derive(Debug)]
enum Phase {
    /// Until the next attempt.
    Waiting { until: Instant },
    /// Asked the shell for a stream.
    Connecting { until: Instant },
    /// Sent a registration.
    Registering { until: Instant },
    /// The leader has committed the registration.
    Registered {
        interval: Duration,
        heard: Instant,
        next_heartbeat: Instant,
        /// The last heartbeat is not answered yet.
        owes_heartbeat: bool,
    },
    /// Removed from the cluster for good; told whether the shell knows already.
    Abandoned { refusal: Refusal, told: bool },
}

impl Session {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            number: 0,
            phase: Phase::Waiting { until: Instant::default() },
            backoff: config.reconnect,
            answer_timeout: config.answer_timeout,
            attempts: 0,
            missed: 0,
            redirections: 0,
            leader: None,
            doubt: Doubt::new(Patience::AGENT),
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether `session` is the present stream.
    pub(crate) fn is_current(&self, session: u64) -> bool {
        let open = !matches!(self.phase, Phase::Waiting { .. } | Phase::Abandoned { .. });
        open && session == self.number
    }

    pub(crate) fn is_registered(&self) -> bool {
        matches!(self.phase, Phase::Registered { .. })
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(self.phase, Phase::Abandoned { .. })
    }

    pub(crate) fn heard(&mut self, now: Instant) {
        self.doubt.heard(now);
        if let Phase::Registered { heard, .. } = &mut self.phase {
            *heard = now;
        }
    }

    /// The leader answered a heartbeat.
    pub(crate) fn answered(&mut self) {
        if let Phase::Registered { owes_heartbeat, .. } = &mut self.phase {
            *owes_heartbeat = false;
        }
    }

    /// Says whether the leader has anything to answer besides heartbeats.
    pub(crate) fn expects(&mut self, now: Instant, anything: bool) {
        if let Phase::Registered { owes_heartbeat, .. } = &self.phase {
            self.doubt.expects(now, anything || *owes_heartbeat);
        }
    }

    pub(crate) fn registered(
        &mut self,
        interval: Duration,
        leader: (ClusterId, u64),
        now: Instant,
        jitter: &mut Jitter,
    ) {
        (self.attempts, self.missed, self.redirections) = (0, 0, 0);
        let interval = interval.max(HEARTBEAT_INTERVAL_MIN);
        self.doubt.believe(now, leader, interval, jitter);
        let next_heartbeat = now + interval;
        let phase =
            Phase::Registered { interval, heard: now, next_heartbeat, owes_heartbeat: false };
        self.phase = phase;
    }

    /// Where the next attempt is to go.
    pub(crate) fn named(&mut self, leader: String) {
        self.leader = Some(leader);
    }

    /// The stream is gone.
    pub(crate) fn lost(&mut self, now: Instant, hopeless: bool, jitter: &mut Jitter) {
        let attempt = if hopeless { u32::MAX } else { self.attempts };
        self.attempts = self.attempts.saturating_add(1);
        self.doubt.forget();
        self.phase = Phase::Waiting { until: now + jitter.pause(self.backoff, attempt) };
    }

    /// A master that does not lead knows, or does not know, who does.
    pub(crate) fn redirected(&mut self, leader: Option<String>, now: Instant, jitter: &mut Jitter) {
        self.lost(now, false, jitter);
        self.leader = leader;
        if self.leader.is_some() && self.redirections < REDIRECTIONS_MAX {
            self.redirections += 1;
            self.phase = Phase::Waiting { until: now };
        } else {
            self.redirections = 0;
        }
    }

    pub(crate) fn abandon(&mut self, refusal: Refusal) {
        self.doubt.forget();
        self.phase = Phase::Abandoned { refusal, told: false };
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Waiting { until }
            | Phase::Connecting { until }
            | Phase::Registering { until } => Some(*until),
            Phase::Registered { interval, heard, next_heartbeat, .. } => {
                let due = (*next_heartbeat).min(*heard + silence_max(*interval));
                Some(self.doubt.deadline().map_or(due, |doubt| doubt.min(due)))
            }
            Phase::Abandoned { .. } => None,
        }
    }
}

fn silence_max(interval: Duration) -> Duration {
    Duration(interval.0.saturating_mul(SILENT_INTERVALS_MAX))
}

impl Agent {
    /// The stream is open: register.
    pub(crate) fn connected(&mut self, session: u64, now: Instant, outbox: &mut Outbox) {
        let connecting = matches!(self.session.phase, Phase::Connecting { .. });
        if !connecting || session != self.session.number {
            return;
        }
        self.session.phase = Phase::Registering { until: now + self.session.answer_timeout };
        let task = |row: &TaskRow| AgentTask {
            key: row.key.clone(),
            state: row.state,
            sequence: row.sequence,
        };
        let call = AgentCall::Register {
            info: self.config.info.clone(),
            incarnation: self.identity.incarnation,
            tasks: self.tasks.rows().map(task).collect(),
            volumes: self.volumes.present(),
        };
        outbox.push(Effect::Send { session, call });
    }

    /// The stream is gone.
    pub(crate) fn disconnected(&mut self, session: u64, now: Instant) {
        if self.session.is_current(session) {
            self.session.lost(now, false, &mut self.jitter);
            self.delivery.interrupted();
        }
    }

    /// Does what is due.
    pub(crate) fn run_session(&mut self, now: Instant, outbox: &mut Outbox) {
        let number = self.session.number;
        match &mut self.session.phase {
            Phase::Waiting { until } if *until <= now => {
                self.session.number += 1;
                let patience = Patience::AGENT.reach(self.session.missed);
                let until = now + patience.min(self.session.answer_timeout);
                self.session.phase = Phase::Connecting { until };
                let leader = self.session.leader.take();
                outbox.push(Effect::Connect { session: number + 1, leader });
            }
            Phase::Connecting { until } if *until <= now => {
                self.session.missed = self.session.missed.saturating_add(1);
                self.leave(now, false, outbox);
            }
            Phase::Registering { until } if *until <= now => self.leave(now, false, outbox),
            Phase::Registered { interval, heard, .. } if *heard + silence_max(*interval) <= now => {
                self.leave(now, false, outbox);
            }
            Phase::Registered { interval, next_heartbeat, owes_heartbeat, .. }
                if *next_heartbeat <= now =>
            {
                (*next_heartbeat, *owes_heartbeat) = (now + *interval, true);
                outbox.push(Effect::Send { session: number, call: AgentCall::Heartbeat });
            }
            Phase::Abandoned { refusal, told } if !*told && self.tasks.live_count() == 0 => {
                *told = true;
                outbox.push(Effect::Abandon(refusal.clone()));
            }
            _ => {}
        }
    }
}
