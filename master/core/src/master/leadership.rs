//! What only a serving leader has: sessions, offers, demand, heartbeats, and who waits for what.
//!
//! Made when the first entry of its term is applied, dropped when leadership is lost; nothing in it
//! is replicated, everything in it can be made again.

use crate::{
    Config, Ledger,
    allocator::{Demand, Drf, Reserved, View},
    consensus::{ClusterClock, Proposals},
    dispatch::watch::Watchers,
    input::CallId,
    intake::{Waiter, rate_limits::RateLimits, sessions::Sessions},
    ledger::{AgentState, FrameworkState, LogVersion},
    liveness::{Deadlines, Detector, rate_limit::WINDOW},
    master::{
        figures::CommitFigures,
        membership::{HandOver, Removal},
    },
    offers::{Book, InverseBook, Shared},
    preemption::{GaveWay, PreemptionState},
    reads::{Past, Reads},
    table::CopyOnWrite,
};
use proto::model::{AgentId, Duration, FrameworkId, Instant, RequestId, WindowId};
use std::collections::BTreeMap;

/// What becomes due at some time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A framework that was subscribed under an earlier leader has not come back.
    FrameworkReturn(FrameworkId),
    /// A disconnected framework's failover timeout.
    FrameworkExpiry(FrameworkId),
    /// An unreachable agent is given up.
    AgentRemoval(AgentId),
    /// A draining agent is to be looked at.
    Drain(AgentId),
    /// What an agent said of volumes found no room in the log: it is asked again.
    Volumes(AgentId),
    /// A maintenance window begins or ends.
    Window(WindowId),
    /// Tasks that give way are to be told to end.
    Preempted,
    /// Demands that wait are to be looked at: might something give way to them?
    Preemption,
    /// Something for everybody to hear.
    Heartbeat,
}

impl Timer {
    /// Whether it is due by the cluster's own clock, which goes on under the next leader, and not
    /// by this leader's alone.
    fn is_of_cluster(&self) -> bool {
        match self {
            Self::FrameworkExpiry(_)
            | Self::AgentRemoval(_)
            | Self::Drain(_)
            | Self::Window(_)
            | Self::Preempted => true,
            Self::FrameworkReturn(_) | Self::Volumes(_) | Self::Preemption | Self::Heartbeat => {
                false
            }
        }
    }
}

/// A serving leader's volatile state.
#[derive(Debug)]
pub(crate) struct Leadership {
    pub(crate) term: u64,
    /// What the cluster's clock showed when it was written to the log last, or need not be.
    pub(crate) time_written: Instant,
    pub(crate) sessions: Sessions,
    pub(crate) watchers: Watchers,
    pub(crate) proposals: Proposals<Waiter>,
    /// Accepts with a request id on their way to the log, and further calls with the same id.
    pub(crate) accepts: BTreeMap<(FrameworkId, RequestId), Vec<CallId>>,
    pub(crate) reads: Reads,
    /// Demands that are stated no longer.
    pub(crate) past: Past,
    pub(crate) view: View,
    pub(crate) demand: Demand,
    pub(crate) allocator: Drf,
    /// What of reservations is offered.
    pub(crate) reserved: Reserved,
    pub(crate) book: Book,
    pub(crate) shared: Shared,
    /// Who was asked to leave which agent.
    pub(crate) inverse: InverseBook,
    /// Since this member leads.
    pub(crate) commits: CopyOnWrite<BTreeMap<FrameworkId, CommitFigures>>,
    pub(crate) detector: Detector,
    pub(crate) rate_limits: RateLimits,
    pub(crate) timers: Deadlines<Timer>,
    pub(crate) preemption: PreemptionState,
    /// Leadership on its way to somebody else, because somebody asked.
    pub(crate) hand_over: Option<HandOver>,
    /// A removal that waits for word of those who stay.
    pub(crate) removal: Option<Removal>,
    /// The version of the log that was proposed last.
    pub(crate) raising: Option<LogVersion>,
}

impl Leadership {
    /// Begins with nobody connected; known agents and frameworks are given time to come back.
    pub(crate) fn begin(
        term: u64,
        now: Instant,
        config: &Config,
        ledger: &Ledger,
        clock: &ClusterClock,
        gave_way: &GaveWay,
    ) -> Self {
        let book = Book::new(term);
        let mut timers = Deadlines::new();
        let mut detector = Detector::new(config.agent_timeout, config.agent_unreachable_per_minute);
        let back = now + config.agent_reregister_timeout;
        for (id, agent) in ledger.agents().iter() {
            let since = clock.process_time(agent.changed + config.agent_removal_timeout);
            if agent.drain.is_some() {
                timers.set(Timer::Drain(id.clone()), now);
            }
            match agent.state {
                AgentState::Registered => detector.grace(id.clone(), back),
                AgentState::Unreachable => timers.set(Timer::AgentRemoval(id.clone()), since),
                AgentState::Removed => {}
            }
            if let Some(counts_for) = given_up_for(agent.state, config.agent_removal_timeout) {
                detector.was_named(clock.process_time(agent.changed + counts_for), now);
            }
        }
        for (id, framework) in ledger.frameworks().iter() {
            let expiry = clock.process_time(framework.changed + framework.info.failover_timeout);
            match framework.state {
                FrameworkState::Subscribed => timers.set(Timer::FrameworkReturn(*id), back),
                FrameworkState::Disconnected => timers.set(Timer::FrameworkExpiry(*id), expiry),
                FrameworkState::Removed => {}
            }
        }
        for window in ledger.windows() {
            timers.set(Timer::Window(window.id), clock.process_time(window.turns_at()));
        }
        if ledger.preempted_tasks().next().is_some() {
            timers.set(Timer::Preempted, now);
        }
        timers.set(Timer::Heartbeat, now + config.heartbeat_interval);
        Self {
            term,
            time_written: clock.now(now),
            sessions: Sessions::default(),
            watchers: Watchers::default(),
            proposals: Proposals::new(),
            accepts: BTreeMap::new(),
            reads: Reads::default(),
            past: Past::default(),
            view: View::rebuild(ledger, &book, &config.fairness()),
            demand: Demand::new(),
            allocator: Drf::default(),
            reserved: Reserved::default(),
            book,
            shared: Shared::default(),
            inverse: InverseBook::new(term),
            commits: CopyOnWrite::default(),
            detector,
            rate_limits: RateLimits::new(config.call_rates.clone()),
            timers,
            preemption: preemption(config, clock, gave_way, now),
            hand_over: None,
            removal: None,
            raising: None,
        }
    }

    /// Whether something is due by the cluster's own clock.
    pub(crate) fn needs_time(&self) -> bool {
        self.timers.iter().any(|(timer, _)| timer.is_of_cluster())
    }

    pub(crate) fn agent_returned(&mut self, agent: &AgentId, silent_at: Instant) {
        self.detector.grace(agent.clone(), silent_at);
        self.timers.cancel(&Timer::AgentRemoval(agent.clone()));
    }

    pub(crate) fn agent_lost(&mut self, agent: &AgentId, removed: bool, removal: Instant) {
        self.detector.forget(agent);
        let timer = Timer::AgentRemoval(agent.clone());
        match removed {
            true => drop(self.timers.cancel(&timer)),
            false => self.timers.set(timer, removal),
        }
    }

    pub(crate) fn framework_expires(&mut self, framework: FrameworkId, due: Instant) {
        self.timers.cancel(&Timer::FrameworkReturn(framework));
        self.timers.set(Timer::FrameworkExpiry(framework), due);
    }

    /// The framework is subscribed, or gone for good: nothing is due for it.
    pub(crate) fn framework_settled(&mut self, framework: FrameworkId) {
        self.timers.cancel(&Timer::FrameworkReturn(framework));
        self.timers.cancel(&Timer::FrameworkExpiry(framework));
    }
}

/// The limit of a minute goes on from what gave way under those before.
fn preemption(
    config: &Config,
    clock: &ClusterClock,
    gave_way: &GaveWay,
    now: Instant,
) -> PreemptionState {
    let mut state = PreemptionState::new(config.preemptions_per_minute);
    for until in gave_way.counts_until(clock.now(now)) {
        state.gave_way(clock.process_time(until), now);
    }
    state
}

/// For how long after its last change an agent counts among those that may be given up in a minute.
/// One that is removed was out of contact for so long before.
fn given_up_for(state: AgentState, removal_timeout: Duration) -> Option<Duration> {
    match state {
        AgentState::Registered => None,
        AgentState::Unreachable => Some(WINDOW),
        AgentState::Removed => {
            let rest = Duration(WINDOW.0.saturating_sub(removal_timeout.0));
            (rest > Duration(0)).then_some(rest)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Out of contact at 100 s and removed at 120 s, it counts until 160 s all the same.
    #[test]
    fn an_agent_that_was_given_up_counts_for_a_minute_also_when_it_is_removed() {
        let (lost, removed) = (Instant(100_000), Instant(120_000));
        let until = |at: Instant, state, timeout| {
            given_up_for(state, Duration::from_seconds(timeout)).map(|rest| at + rest)
        };
        assert_eq!(until(lost, AgentState::Unreachable, 20), Some(Instant(160_000)));
        assert_eq!(until(removed, AgentState::Removed, 20), Some(Instant(160_000)));
        assert_eq!(until(removed, AgentState::Removed, 600), None);
        assert_eq!(until(removed, AgentState::Registered, 20), None);
    }
}
