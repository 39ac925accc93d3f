//! A job as a scheduler: offers in, launches out, until every instance has ended.
//!
//! Joins the queue (what may run) with the packing (where it fits). Asks for offers only while
//! something may run: suppresses its role otherwise, revives it when something becomes ready.

use crate::job::Job;
use crate::observer::{Observer, Progress};
use crate::packing::{Packed, Wanted, pack};
use crate::queue::{InstanceId, Queue};
use crate::summary::Summary;
use bourse_sdk::model::{
    Duration, FrameworkId, Instant, Offer, Reason, Refusal, TaskId, TaskInfo, limits,
};
use bourse_sdk::{CallId, Calls, Event, Scheduler, TaskBuilder};
use std::collections::BTreeMap;

/// How long not to be offered what nothing can be done with. What becomes ready meanwhile revives.
const REFUSE_IDLE: Duration = Duration::from_seconds(60);

/// How long a stopped job waits for its last tasks beyond their longest grace period.
const STOP_PATIENCE: Duration = Duration::from_seconds(30);

/// What a task's description takes on the wire beside its texts.
const TASK_BYTES: usize = 512;

/// Runs one job.
pub struct BatchScheduler {
    state: State,
    observer: Box<dyn Observer>,
    framework: Option<FrameworkId>,
    launches: BTreeMap<CallId, Vec<InstanceId>>,
    kills: BTreeMap<CallId, TaskId>,
    is_suppressed: bool,
    /// Something was refused for a while and is not offered again by itself.
    has_filters: bool,
    stop_deadline: Option<Instant>,
    is_over: bool,
}

enum State {
    /// The job's time begins when the cluster knows it.
    Waiting(Job, u64),
    Running(Box<Queue>),
}

impl std::fmt::Debug for BatchScheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchScheduler").field("framework", &self.framework).finish_non_exhaustive()
    }
}

impl BatchScheduler {
    /// A scheduler for one job; the seed decides the jitter of retries.
    pub fn new(job: Job, seed: u64, observer: Box<dyn Observer>) -> Self {
        Self {
            state: State::Waiting(job, seed),
            observer,
            framework: None,
            launches: BTreeMap::new(),
            kills: BTreeMap::new(),
            is_suppressed: false,
            has_filters: false,
            stop_deadline: None,
            is_over: false,
        }
    }

    /// How the job ended, or how it stands.
    pub fn summary(&self) -> Summary {
        match &self.state {
            State::Waiting(job, seed) => {
                let queue = Queue::new(job.clone(), Instant(0), *seed);
                Summary::of(&queue, self.framework)
            }
            State::Running(queue) => Summary::of(queue, self.framework),
        }
    }

    fn tell(&mut self, now: Instant, progress: impl IntoIterator<Item = Progress>) {
        for one in progress {
            self.observer.observe(now, &one);
        }
    }

    fn subscribed(&mut self, now: Instant, framework: FrameworkId) {
        self.framework = Some(framework);
        match &self.state {
            State::Running(_) => self.tell(now, [Progress::Reconnected]),
            State::Waiting(job, seed) => {
                let queue = Queue::new(job.clone(), now, *seed);
                let instances = queue.job().instance_count();
                self.state = State::Running(Box::new(queue));
                self.tell(now, [Progress::Submitted { framework, instances }]);
            }
        }
    }

    fn offers(&mut self, now: Instant, offers: Vec<Offer>, calls: &mut Calls) {
        let State::Running(queue) = &mut self.state else {
            calls.decline_briefly(offers.into_iter().map(|offer| offer.id).collect());
            return;
        };
        let wanted = queue.ready().map(|(item, spec)| {
            let texts = spec.command.iter().map(String::len).sum::<usize>();
            let variables = spec.environment.iter().map(|(name, value)| name.len() + value.len());
            let size_bytes = TASK_BYTES + texts + variables.sum::<usize>();
            Wanted { item, resources: &spec.resources, size_bytes }
        });
        let Packed { calls: packed, unused } = pack(offers, wanted);
        let mut launched = Vec::new();
        let mut accepts = Vec::new();
        for call in packed {
            let mut tasks = Vec::with_capacity(call.items.len());
            for (id, offer) in &call.items {
                let offer = &call.offers[*offer];
                queue.launch(now, *id, offer.agent.clone(), offer.id);
                tasks.push(task_info(queue, *id, offer));
                launched.push(Progress::Launched(queue.news(*id)));
            }
            accepts.push((call, tasks));
        }
        let refuse = match queue.has_ready() {
            true => limits::REFUSE_DEFAULT,
            false => REFUSE_IDLE,
        };
        for (call, tasks) in accepts {
            let ids = call.items.into_iter().map(|(id, _)| id).collect();
            let offers = call.offers.into_iter().map(|offer| offer.id).collect();
            // There is room left that only the size of a call kept empty: have it back at once.
            let refuse = if call.is_cut_short { Duration(0) } else { refuse };
            self.launches.insert(calls.accept(offers, tasks, refuse), ids);
        }
        for chunk in unused.chunks(limits::OFFERS_PER_CALL_MAX) {
            calls.decline(chunk.to_vec(), refuse);
        }
        self.has_filters = true;
        self.tell(now, launched);
    }

    fn answered(&mut self, now: Instant, call: CallId, refusal: Option<Refusal>) -> Option<TaskId> {
        let State::Running(queue) = &mut self.state else { return None };
        let launched = self.launches.remove(&call).unwrap_or_default();
        let killed = self.kills.remove(&call);
        let Some(refusal) = refusal else {
            launched.into_iter().for_each(|id| queue.accepted(id));
            return None;
        };
        let fatal = is_fatal(refusal.reason).then(|| refusal.to_string());
        let progress: Vec<Progress> =
            launched.into_iter().flat_map(|id| queue.refused(now, id, fatal.as_deref())).collect();
        self.tell(now, progress);
        killed
    }

    fn stop(&mut self, now: Instant, calls: &mut Calls) {
        let State::Running(queue) = &mut self.state else {
            self.is_over = true;
            calls.done();
            return;
        };
        if self.stop_deadline.is_some() {
            // Asked twice: do not wait.
            self.stop_deadline = Some(now);
            return;
        }
        let grace = queue.job().tasks().iter().filter_map(|task| task.grace_period).max();
        let grace = grace.unwrap_or(limits::GRACE_PERIOD_DEFAULT);
        self.stop_deadline = Some(now + grace + STOP_PATIENCE);
        let progress = queue.stop(now);
        self.tell(now, progress);
    }

    /// What follows from whatever happened: kills, demand for offers, the alarm, the end.
    fn settle(&mut self, now: Instant, calls: &mut Calls) {
        let State::Running(queue) = &mut self.state else { return };
        if self.is_over {
            return;
        }
        queue.tick(now);
        for task in queue.take_kills() {
            self.kills.insert(calls.kill(task.clone(), None), task);
        }
        let is_newly_ready = queue.take_newly_ready();
        match queue.has_ready() {
            true if is_newly_ready && (self.is_suppressed || self.has_filters) => {
                calls.revive(Vec::new());
                (self.is_suppressed, self.has_filters) = (false, false);
            }
            false if !self.is_suppressed => {
                calls.suppress(Vec::new());
                self.is_suppressed = true;
            }
            _ => {}
        }
        let is_late = self.stop_deadline.is_some_and(|deadline| deadline <= now);
        let abandoned = if is_late { queue.abandon(now) } else { Vec::new() };
        let deadlines = [queue.deadline(), self.stop_deadline];
        if let Some(deadline) = deadlines.into_iter().flatten().min() {
            calls.wake_at(deadline);
        }
        if queue.is_over() {
            self.is_over = true;
            calls.teardown();
        }
        self.tell(now, abandoned);
    }
}

impl Scheduler for BatchScheduler {
    fn handle(&mut self, now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Subscribed { framework, .. } => self.subscribed(now, framework),
            Event::Disconnected => self.tell(now, [Progress::Disconnected]),
            Event::Offers(offers) => self.offers(now, offers, calls),
            Event::Update(status) => {
                if let State::Running(queue) = &mut self.state {
                    let progress = queue.status(now, &status);
                    self.tell(now, progress);
                }
            }
            Event::Accepted { call, .. } | Event::Done { call } => {
                self.answered(now, call, None);
            }
            Event::Refused { call, refusal } => {
                // A task that cannot be killed may have ended, or never been: ask.
                if let Some(task) = self.answered(now, call, Some(refusal)) {
                    calls.reconcile(vec![task]);
                }
            }
            Event::StopRequested => self.stop(now, calls),
            Event::Rescinded(_)
            | Event::AgentLost { .. }
            | Event::Reconciling { .. }
            | Event::Woken => {}
        }
        self.settle(now, calls);
    }
}

fn task_info(queue: &Queue, id: InstanceId, offer: &Offer) -> TaskInfo {
    let news = queue.news(id);
    let spec = queue.spec(id);
    let mut task = TaskBuilder::new(news.task.as_str())
        .name(&news.name)
        .resources(&spec.resources)
        .command(spec.command.iter().cloned())
        .user(&spec.user);
    for (name, value) in &spec.environment {
        task = task.environment(name, value);
    }
    if let Some(grace_period) = spec.grace_period {
        task = task.grace_period(grace_period);
    }
    task.build(&offer.agent).expect("a job's tasks were checked when it was made")
}

/// Whether the same tasks would be refused on any offer.
fn is_fatal(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::InvalidField | Reason::LimitExceeded | Reason::TaskExists | Reason::NotAuthorized
    )
}

#[cfg(test)]
mod tests;
