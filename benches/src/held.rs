//! Frameworks that fill a cluster with tasks which run on, and say no to everything after that.

use crate::{fleet::HOLD, rows};
use bourse_sdk::{
    CallId, Calls, Driver, Event, Masters, Scheduler, Settings, Stopper, TaskBuilder,
    model::{
        AgentId, Duration, Instant, Offer, OfferId, ResourceName, Resources, TaskInfo, TaskState,
        limits,
    },
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time,
};
use tokio::task::JoinSet;

/// A year: what is declined is not wanted again.
const FOR_EVER: Duration = limits::REFUSE_MAX;
const STEP: time::Duration = time::Duration::from_millis(5);

/// What each framework launches.
#[derive(Debug, Clone)]
pub struct Share {
    /// Tasks of one framework.
    pub tasks: usize,
    /// Of these on one agent: an offer that holds fewer is declined.
    pub per_agent: usize,
    /// What one task takes.
    pub resources: Resources,
}

/// Frameworks and what they hold, until this is dropped.
#[derive(Debug)]
pub struct Holders {
    drivers: JoinSet<anyhow::Result<()>>,
    stoppers: Vec<Stopper>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    running: AtomicUsize,
    subscribed: AtomicUsize,
    lost: AtomicUsize,
    refused: AtomicUsize,
    by_agent: Mutex<BTreeMap<AgentId, usize>>,
}

#[derive(Debug)]
struct Holder {
    share: Share,
    launched: usize,
    /// The next task's number: that of a refused one is not used again.
    next: usize,
    /// Accepts under way, and how many tasks each has.
    accepts: BTreeMap<CallId, usize>,
    shared: Arc<Shared>,
}

impl Holders {
    /// Starts so many frameworks on the runtime this is called on.
    pub fn start(
        count: usize,
        share: &Share,
        masters: impl Fn(&str) -> anyhow::Result<Masters>,
    ) -> anyhow::Result<Self> {
        let mut this =
            Self { drivers: JoinSet::new(), stoppers: Vec::new(), shared: Arc::default() };
        for number in 0..count {
            let name = format!("holder-{number:03}");
            let settings = Settings::new(masters(&name)?, rows::framework_info(&name));
            let driver = Driver::new(settings);
            this.stoppers.push(driver.stopper());
            let shared = Arc::clone(&this.shared);
            let (share, accepts) = (share.clone(), BTreeMap::new());
            let mut holder = Holder { share, launched: 0, next: 0, accepts, shared };
            this.drivers.spawn(async move {
                driver.run(&mut holder).await?;
                Ok(())
            });
        }
        Ok(this)
    }

    /// Tasks that run.
    pub fn running(&self) -> usize {
        self.shared.running.load(Relaxed)
    }

    /// Tasks that ended although nobody asked for it.
    pub fn lost(&self) -> usize {
        self.shared.lost.load(Relaxed)
    }

    /// Frameworks that have subscribed; those that came back count again.
    pub fn subscribed(&self) -> usize {
        self.shared.subscribed.load(Relaxed)
    }

    /// How many tasks run on an agent.
    pub fn on_agent(&self, agent: &AgentId) -> usize {
        let by_agent = self.shared.by_agent.lock().unwrap_or_else(PoisonError::into_inner);
        by_agent.get(agent).copied().unwrap_or(0)
    }

    /// A question that may be taken elsewhere: how many tasks run on an agent.
    pub fn counter(&self) -> impl Fn(&AgentId) -> usize + Send + 'static {
        let shared = Arc::clone(&self.shared);
        move |agent| {
            let by_agent = shared.by_agent.lock().unwrap_or_else(PoisonError::into_inner);
            by_agent.get(agent).copied().unwrap_or(0)
        }
    }

    /// Waits until so many frameworks have subscribed.
    pub async fn all_subscribed(
        &self,
        count: usize,
        timeout: time::Duration,
    ) -> anyhow::Result<()> {
        self.wait("frameworks", count, timeout, || self.subscribed(), |_| ()).await
    }

    /// Waits until so many tasks run; tells how many do.
    pub async fn all_running(
        &self,
        tasks: usize,
        timeout: time::Duration,
        tell: impl Fn(usize),
    ) -> anyhow::Result<()> {
        self.wait("tasks", tasks, timeout, || self.running(), tell).await
    }

    async fn wait(
        &self,
        what: &str,
        wanted: usize,
        timeout: time::Duration,
        count: impl Fn() -> usize,
        tell: impl Fn(usize),
    ) -> anyhow::Result<()> {
        let begun = time::Instant::now();
        loop {
            let found = count();
            tell(found);
            if found >= wanted {
                return Ok(());
            }
            let refused = self.shared.refused.load(Relaxed);
            anyhow::ensure!(
                begun.elapsed() < timeout,
                "{found} of {wanted} {what} after {timeout:?}; {refused} calls were refused"
            );
            tokio::time::sleep(STEP).await;
        }
    }

    /// Ends all connections; the cluster keeps the tasks.
    pub async fn abandon(mut self) {
        self.drivers.shutdown().await;
    }
}

impl Holder {
    fn offers(&mut self, offers: Vec<Offer>, calls: &mut Calls) {
        let (mut taken, mut tasks, mut declined) = (Vec::new(), Vec::new(), Vec::new());
        for offer in offers {
            let wanted = self.share.per_agent.min(self.share.tasks - self.launched);
            if wanted == 0 || !self.holds(&offer, wanted) {
                declined.push(offer.id);
                continue;
            }
            if tasks.len() + wanted > limits::TASKS_PER_ACCEPT_MAX {
                self.accept(std::mem::take(&mut taken), std::mem::take(&mut tasks), calls);
            }
            for number in self.next..self.next + wanted {
                let task = TaskBuilder::new(format!("task-{number:08}"))
                    .resources(&self.share.resources)
                    .command([HOLD])
                    .build(&offer.agent);
                tasks.push(task.expect("numbers make good ids"));
            }
            self.launched += wanted;
            self.next += wanted;
            taken.push(offer.id);
        }
        if !taken.is_empty() {
            self.accept(taken, tasks, calls);
        }
        for part in declined.chunks(limits::OFFERS_PER_CALL_MAX) {
            calls.decline(part.to_vec(), FOR_EVER);
        }
        if self.launched == self.share.tasks && self.share.tasks > 0 {
            calls.suppress(Vec::new());
        }
    }

    fn accept(&mut self, offers: Vec<OfferId>, tasks: Vec<TaskInfo>, calls: &mut Calls) {
        let count = tasks.len();
        self.accepts.insert(calls.accept(offers, tasks, FOR_EVER), count);
    }

    fn holds(&self, offer: &Offer, tasks: usize) -> bool {
        let tasks = i64::try_from(tasks).expect("few");
        let enough = |name: &ResourceName| {
            offer.resources.scalar(name).0 >= self.share.resources.scalar(name).0 * tasks
        };
        enough(&ResourceName::CPUS) && enough(&ResourceName::MEM)
    }
}

impl Scheduler for Holder {
    fn handle(&mut self, _now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Subscribed { .. } => {
                self.shared.subscribed.fetch_add(1, Relaxed);
            }
            Event::Offers(offers) => self.offers(offers, calls),
            Event::Update(status) if status.state == TaskState::Running && status.sequence == 1 => {
                self.shared.running.fetch_add(1, Relaxed);
                let by_agent = self.shared.by_agent.lock();
                *by_agent
                    .unwrap_or_else(PoisonError::into_inner)
                    .entry(status.agent)
                    .or_default() += 1;
            }
            Event::Update(status) if status.state != TaskState::Running => {
                self.shared.lost.fetch_add(1, Relaxed);
            }
            Event::Accepted { call, .. } => drop(self.accepts.remove(&call)),
            Event::Refused { call, refusal } => {
                // An offer was taken back meanwhile: what was to run there is launched elsewhere.
                if let Some(count) = self.accepts.remove(&call) {
                    self.launched -= count;
                    calls.revive(Vec::new());
                }
                if self.shared.refused.fetch_add(1, Relaxed) == 0 {
                    eprintln!("a framework was refused: {refusal:?}");
                }
            }
            _ => {}
        }
    }
}
