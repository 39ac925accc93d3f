//! One framework of the load: uses each offer for one task, as fast as its pace allows.
//!
//! Offers that come early are held until their time; after an outage at most a second's worth is
//! made up for.

use super::{Plan, history::History, lock};
use bourse_sdk::{
    CallId, Calls, Event, Scheduler, TaskBuilder,
    model::{Duration, Instant, Offer, TaskId, TaskStatus},
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};
use tokio::sync::oneshot;

/// Of so many tasks, one is remembered by the cluster until the end.
const WITHHELD_EVERY: u64 = 50;

pub(super) struct Worker {
    name: String,
    plan: Plan,
    per_second: f64,
    history: Arc<Mutex<History>>,
    /// The word to end comes in two parts: no more launches, then let go of everything.
    let_go: oneshot::Receiver<()>,
    is_stopping: bool,
    held: VecDeque<Offer>,
    /// Accepts that were not answered, with their task.
    asked: BTreeMap<CallId, TaskId>,
    next: u64,
    /// Launches that may be made now, in whole and parts, as of a time.
    allowance: (f64, Instant),
    withheld: Vec<TaskStatus>,
}

impl Worker {
    pub(super) fn new(
        name: String,
        plan: Plan,
        per_second: f64,
        history: Arc<Mutex<History>>,
        let_go: oneshot::Receiver<()>,
    ) -> Self {
        Self {
            name,
            plan,
            per_second,
            history,
            let_go,
            is_stopping: false,
            held: VecDeque::new(),
            asked: BTreeMap::new(),
            next: 0,
            allowance: (0.0, Instant(0)),
            withheld: Vec::new(),
        }
    }

    fn launch(&mut self, now: Instant, calls: &mut Calls) {
        if self.is_stopping {
            let held = self.held.drain(..).map(|offer| offer.id).collect::<Vec<_>>();
            if !held.is_empty() {
                calls.decline(held, Duration::from_seconds(3_600));
            }
            return;
        }
        let (saved, since) = self.allowance;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds between two events")]
        let earned = now.0.saturating_sub(since.0) as f64 * self.per_second / 1_000.0;
        let mut allowed = (saved + earned).min(self.per_second.max(1.0));
        while allowed >= 1.0
            && let Some(offer) = self.held.pop_front()
        {
            allowed -= 1.0;
            self.accept(&offer, calls);
        }
        self.allowance = (allowed, now);
        if !self.held.is_empty() {
            let step = 1_000.0 * (1.0 - allowed).max(0.0) / self.per_second;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a positive number of milliseconds"
            )]
            calls.wake_at(Instant(now.0 + step.ceil() as u64));
        }
    }

    fn accept(&mut self, offer: &Offer, calls: &mut Calls) {
        self.next += 1;
        let task = TaskBuilder::new(format!("{}-{}", self.name, self.next)).cpus_milli(10);
        let task = task.mem_mib(self.plan.mem_mib).shell(&self.plan.script).build(&offer.agent);
        let task = task.expect("a name and a number make an id");
        let id = task.id.clone();
        let call = calls.accept(vec![offer.id], vec![task], Duration(0));
        lock(&self.history).asked(id.as_str());
        self.asked.insert(call, id);
    }

    fn updated(&mut self, status: TaskStatus, calls: &mut Calls) {
        lock(&self.history).updated(status.task.as_str(), status.state, status.sequence);
        if status.sequence == 0 {
            return;
        }
        let number = status.task.as_str().rsplit('-').next().and_then(|text| text.parse().ok());
        let is_withheld = number.is_some_and(|number: u64| number.is_multiple_of(WITHHELD_EVERY));
        match status.state.is_terminal() && is_withheld {
            true => {
                lock(&self.history).withheld.insert(status.task.to_string());
                self.withheld.push(status);
            }
            false => calls.acknowledge(status.task, status.sequence),
        }
    }

    fn asked_to_stop(&mut self, calls: &mut Calls) {
        self.is_stopping = true;
        if self.let_go.try_recv().is_ok() {
            for status in self.withheld.drain(..) {
                calls.acknowledge(status.task, status.sequence);
            }
            calls.teardown();
        }
    }
}

impl Scheduler for Worker {
    fn handle(&mut self, now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Subscribed { .. } => lock(&self.history).subscriptions += 1,
            Event::Disconnected => self.held.clear(),
            Event::Offers(offers) => self.held.extend(offers),
            Event::Rescinded(offers) => self.held.retain(|held| !offers.contains(&held.id)),
            Event::Update(status) => self.updated(status, calls),
            Event::Accepted { call, tasks, .. } => {
                if let Some(task) = self.asked.remove(&call) {
                    lock(&self.history).accepted(task.as_str(), tasks == [task.clone()]);
                }
            }
            Event::Refused { call, refusal } => {
                // Declined offers may be void, which is no matter.
                if let Some(task) = self.asked.remove(&call) {
                    lock(&self.history).refused(task.as_str(), &refusal.to_string());
                }
            }
            Event::StopRequested => self.asked_to_stop(calls),
            _ => {}
        }
        self.launch(now, calls);
    }
}
