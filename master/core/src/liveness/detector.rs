//! Which agents have been silent for too long.
//!
//! Each watched agent has a deadline that moves with every message. Those that miss it are named
//! once, no more per minute than the limit allows, so that a network that is cut in half does not
//! empty a cluster before somebody looks. It does not know what is done with those it names.

use super::{deadlines::Deadlines, rate_limit::RateLimit};
use proto::{
    model::{AgentId, Duration, Instant},
    planted::{self, Bug},
};

/// The watch over the agents of one leader.
#[derive(Debug, Clone)]
pub struct Detector {
    timeout: Duration,
    limit: RateLimit,
    deadlines: Deadlines<AgentId>,
}

impl Detector {
    /// Nobody is watched yet.
    pub fn new(timeout: Duration, unreachable_per_minute: u32) -> Self {
        let limit = RateLimit::per_minute(unreachable_per_minute);
        Self { timeout, limit, deadlines: Deadlines::new() }
    }

    /// A leader before this one has given an agent up; it counts for a minute, until `until`.
    pub fn was_named(&mut self, until: Instant, now: Instant) {
        self.limit.was_taken(until, now);
    }

    /// An agent said something: it is watched, and has the whole timeout again.
    pub fn heard(&mut self, agent: AgentId, now: Instant) {
        self.deadlines.set(agent, now + self.timeout);
    }

    /// Watches an agent that a new leader knows but has not heard: it has until then to come back.
    /// Does not shorten what the agent has already.
    pub fn grace(&mut self, agent: AgentId, until: Instant) {
        if self.deadlines.get(&agent).is_none_or(|at| at < until) {
            self.deadlines.set(agent, until);
        }
    }

    /// Watches an agent no longer.
    pub fn forget(&mut self, agent: &AgentId) {
        self.deadlines.cancel(agent);
    }

    /// Names those that are silent, the longest first, as far as the limit allows; the others stay
    /// due, and may still be heard in time. A named agent is no longer watched.
    pub fn silent(&mut self, now: Instant) -> Vec<AgentId> {
        let mut silent = Vec::new();
        while self.deadlines.next().is_some_and(|at| at <= now)
            && (self.limit.take(now) || planted::is(Bug::LossesUnlimited))
        {
            silent.extend(self.deadlines.pop_due(now));
        }
        silent
    }

    /// When [`Self::silent`] may next have somebody to name; `None` when nobody is watched, or
    /// none may ever be named.
    pub fn next_deadline(&self) -> Option<Instant> {
        Some(self.deadlines.next()?.max(self.limit.next()?))
    }

    /// Whether an agent is watched, and until when it may be silent.
    pub fn deadline(&self, agent: &AgentId) -> Option<Instant> {
        self.deadlines.get(agent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(number: usize) -> AgentId {
        AgentId::new(&format!("agent-{number}")).unwrap()
    }

    fn seconds(seconds: u64) -> Instant {
        Instant(seconds * 1_000)
    }

    #[test]
    fn an_agent_is_silent_once_after_the_timeout() {
        let mut detector = Detector::new(Duration::from_seconds(30), 10);
        assert_eq!(detector.next_deadline(), None);
        detector.heard(agent(1), seconds(0));
        detector.heard(agent(2), seconds(1));
        detector.heard(agent(1), seconds(10));
        assert_eq!(detector.next_deadline(), Some(seconds(31)));
        assert_eq!(detector.silent(Instant(30_999)), []);
        assert_eq!(detector.silent(seconds(31)), [agent(2)]);
        assert_eq!(detector.silent(seconds(39)), []);
        assert_eq!(detector.silent(seconds(40)), [agent(1)]);
        assert_eq!(detector.silent(seconds(400)), []);
        detector.heard(agent(1), seconds(400));
        detector.forget(&agent(1));
        assert_eq!(detector.silent(seconds(500)), []);
    }

    #[test]
    fn a_new_leader_grants_time_but_takes_none() {
        let mut detector = Detector::new(Duration::from_seconds(30), 10);
        detector.grace(agent(1), seconds(60));
        detector.heard(agent(2), seconds(50));
        detector.grace(agent(2), seconds(60));
        assert_eq!(detector.deadline(&agent(2)), Some(seconds(80)));
        assert_eq!(detector.silent(Instant(59_999)), []);
        assert_eq!(detector.silent(seconds(60)), [agent(1)]);
        detector.heard(agent(3), seconds(60));
        detector.grace(agent(3), seconds(100));
        assert_eq!(detector.deadline(&agent(3)), Some(seconds(100)));
        detector.heard(agent(3), seconds(61));
        assert_eq!(detector.deadline(&agent(3)), Some(seconds(91)), "heard: the grace is over");
    }

    /// A hundred agents go silent at once: the limit holds in every minute, whoever comes back in
    /// time is spared, and those that stay away are named in the end.
    #[test]
    fn mass_silence_is_rate_limited() {
        let mut detector = Detector::new(Duration::from_seconds(30), 20);
        (0..100).for_each(|number| detector.heard(agent(number), seconds(0)));
        let mut named: Vec<(Instant, AgentId)> = Vec::new();
        let mut wakes = 0;
        while let Some(now) = detector.next_deadline() {
            let silent = detector.silent(now);
            assert!(!silent.is_empty(), "the deadline was worth waking up for");
            named.extend(silent.into_iter().map(|agent| (now, agent)));
            if wakes == 0 {
                (0..100).filter(|n| n % 5 == 4).for_each(|n| {
                    if detector.deadline(&agent(n)).is_some() {
                        detector.heard(agent(n), seconds(100_000));
                    }
                });
            }
            wakes += 1;
        }
        for (start, _) in &named {
            let minute = Duration::from_seconds(60);
            let window = named.iter().filter(|(at, _)| at >= start && at.since(*start) < minute);
            assert!(window.count() <= 20);
        }
        let early = named.iter().filter(|(at, _)| *at < seconds(100_000));
        let late = named.iter().filter(|(at, _)| *at >= seconds(100_000));
        assert_eq!(named.len(), 100);
        assert!(late.clone().all(|(_, id)| id.as_str().ends_with(['4', '9'])));
        assert!(early.count() >= 80 && late.count() > 0);
    }

    #[test]
    fn a_limit_of_none_never_wakes() {
        let mut detector = Detector::new(Duration::from_seconds(30), 0);
        detector.heard(agent(1), seconds(0));
        assert_eq!(detector.next_deadline(), None);
        assert_eq!(detector.silent(seconds(1_000)), []);
    }
}
