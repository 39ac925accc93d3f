//! Delivery: which tasks' updates are under way, which wait, and when to say them again.
//!
//! A bounded number of tasks is under way at one time, so that an agent which comes back with ten
//! thousand updates does not drown its master. All of a task's pending updates are sent together,
//! in order; until they are committed they are sent again after a pause that doubles and is
//! jittered.

use crate::{
    agent::Agent,
    outbox::{Effect, Outbox},
};
use proto::model::{AgentCall, Instant, TaskKey};
use std::collections::{BTreeMap, BTreeSet};

/// Tasks with pending updates: each is either waiting or under way.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// In the order in which they came.
    waiting: BTreeMap<u64, TaskKey>,
    waiting_since: BTreeMap<TaskKey, u64>,
    arrivals: u64,
    under_way: BTreeMap<TaskKey, Attempt>,
    again: BTreeSet<(Instant, TaskKey)>,
    /// Under way, with something newer that was not sent yet.
    newer: BTreeSet<TaskKey>,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    count: u32,
    again_at: Instant,
    /// The last update that was sent.
    sent: u64,
}

impl Delivery {
    /// The task has something new to say.
    pub(crate) fn wait(&mut self, key: &TaskKey) {
        if self.under_way.contains_key(key) {
            self.newer.insert(key.clone());
        } else if !self.waiting_since.contains_key(key) {
            self.arrivals += 1;
            self.waiting.insert(self.arrivals, key.clone());
            self.waiting_since.insert(key.clone(), self.arrivals);
        }
    }

    /// The task has nothing to say any more.
    pub(crate) fn done(&mut self, key: &TaskKey) {
        self.stop(key);
        if let Some(arrival) = self.waiting_since.remove(key) {
            self.waiting.remove(&arrival);
        }
    }

    /// The stream is gone: nothing is under way.
    pub(crate) fn interrupted(&mut self) {
        self.again.clear();
        self.newer.clear();
        for key in std::mem::take(&mut self.under_way).into_keys() {
            self.wait(&key);
        }
    }

    /// Whether every task with pending updates is known here, and no other.
    pub(crate) fn holds(&self, key: &TaskKey) -> bool {
        self.waiting_since.contains_key(key) || self.under_way.contains_key(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.again.first().map(|(at, _)| *at)
    }

    fn stop(&mut self, key: &TaskKey) {
        if let Some(attempt) = self.under_way.remove(key) {
            self.again.remove(&(attempt.again_at, key.clone()));
            self.newer.remove(key);
        }
    }
}

impl Agent {
    /// Sends what waits, as far as there is room, and what was not confirmed in time.
    pub(crate) fn run_delivery(&mut self, now: Instant, outbox: &mut Outbox) {
        if !self.session.is_registered() {
            return;
        }
        while let Some((at, key)) = self.delivery.again.first().cloned() {
            if at > now {
                break;
            }
            let attempt = self.delivery.under_way.get(&key).map_or(0, |attempt| attempt.count);
            self.send_updates(&key, attempt.saturating_add(1), now, outbox);
        }
        for key in std::mem::take(&mut self.delivery.newer) {
            self.send_newer(&key, outbox);
        }
        while self.delivery.under_way.len() < self.config.updates_in_flight_max {
            let Some((_, key)) = self.delivery.waiting.pop_first() else { return };
            self.delivery.waiting_since.remove(&key);
            self.send_updates(&key, 0, now, outbox);
        }
    }

    /// Sends all that is pending of a task, and sets the time to do so again.
    fn send_updates(&mut self, key: &TaskKey, count: u32, now: Instant, outbox: &mut Outbox) {
        self.delivery.stop(key);
        let again_at = now + self.jitter.pause(self.config.resend, count);
        self.delivery.under_way.insert(key.clone(), Attempt { count, again_at, sent: 0 });
        self.delivery.again.insert((again_at, key.clone()));
        self.send_newer(key, outbox);
    }

    /// Sends what is pending of a task and was not sent in this attempt.
    fn send_newer(&mut self, key: &TaskKey, outbox: &mut Outbox) {
        let session = self.session.number();
        let row = self.tasks.get(key).expect("what is delivered has a row");
        let Some(attempt) = self.delivery.under_way.get_mut(key) else { return };
        for status in row.pending.iter().filter(|status| status.sequence > attempt.sent).cloned() {
            let call = AgentCall::Update { framework: key.framework, status };
            outbox.push(Effect::Send { session, call });
        }
        attempt.sent = row.sequence;
    }
}
