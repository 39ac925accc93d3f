//! A framework that launches many short tasks and writes down everything that it is told.
//!
//! The last update of each task is not acknowledged before the end, so that the cluster must
//! remember all of them.

use bourse_sdk::{
    Acknowledgement, CallId, Calls, Driver, DriverError, Event, Finished, Masters, Remaining,
    Scheduler, Settings, Stopper, TaskBuilder,
    model::{Duration, FrameworkInfo, Instant, Offer, Role, TaskStatus},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::{runtime::Runtime, sync::oneshot, task::JoinHandle};

const TASKS_PER_ACCEPT: usize = 4;
const LIVE_MAX: usize = 24;

/// What the framework was told.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) subscriptions: u64,
    /// When the last one was answered.
    pub(crate) subscribed: Option<std::time::Instant>,
    /// The last offer: under which subscription, when.
    pub(crate) offered: Option<(u64, std::time::Instant)>,
    pub(crate) accepted: BTreeSet<String>,
    /// Tasks of refused accepts, and why.
    pub(crate) refused: BTreeMap<String, String>,
    /// How often each task was said to have ended.
    pub(crate) ended: BTreeMap<String, u32>,
    pub(crate) open_calls: usize,
    pub(crate) is_stopping: bool,
}

/// A load framework that runs.
pub(crate) struct LoadRun {
    runtime: Runtime,
    stopper: Stopper,
    driver: JoinHandle<Result<Finished, DriverError>>,
    let_go: oneshot::Sender<()>,
}

struct Load {
    seen: Arc<Mutex<Seen>>,
    /// Accepts that were not answered, with their tasks.
    asked: BTreeMap<CallId, Vec<String>>,
    next: u64,
    live: usize,
    /// Last updates, to be acknowledged in the end.
    withheld: Vec<TaskStatus>,
    /// The word to end comes in two parts: no more launches, then let go of everything.
    let_go: oneshot::Receiver<()>,
}

impl LoadRun {
    pub(crate) fn start(masters: Masters, seen: Arc<Mutex<Seen>>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let info = FrameworkInfo {
            name: "load".to_owned(),
            roles: vec![Role::any()],
            failover_timeout: Duration::from_seconds(300),
            labels: Vec::new(),
            disruption_budget: None,
            offer_terms: Vec::new(),
        };
        let settings =
            Settings { acknowledgement: Acknowledgement::Manual, ..Settings::new(masters, info) };
        let driver = Driver::new(settings);
        let stopper = driver.stopper();
        let (let_go, asked_to_let_go) = oneshot::channel();
        let mut load = Load {
            seen,
            asked: BTreeMap::new(),
            next: 0,
            live: 0,
            withheld: Vec::new(),
            let_go: asked_to_let_go,
        };
        let driver = runtime.spawn(async move { driver.run(&mut load).await });
        Self { runtime, stopper, driver, let_go }
    }

    /// No more launches.
    pub(crate) fn ask_to_stop(&self) {
        self.runtime.block_on(self.stopper.stop());
    }

    /// Acknowledges the rest and removes the framework.
    pub(crate) fn tear_down(self) {
        let Self { runtime, stopper, driver, let_go } = self;
        let_go.send(()).unwrap();
        runtime.block_on(stopper.stop());
        let finished = runtime.block_on(driver).unwrap().unwrap();
        assert!(finished.is_torn_down, "{finished:?}");
    }
}

impl Load {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    fn offered(&mut self, offer: Offer, calls: &mut Calls) {
        let mut seen = self.seen.lock().unwrap();
        seen.offered = Some((seen.subscriptions, std::time::Instant::now()));
        let room = LIVE_MAX.saturating_sub(self.live).min(TASKS_PER_ACCEPT);
        if room == 0 || seen.is_stopping {
            calls.decline(vec![offer.id], Duration(50));
            return;
        }
        let mut left = Remaining::new(offer);
        let mut tasks = Vec::new();
        for _ in 0..room {
            let task = TaskBuilder::new(format!("load-{}", self.next + 1)).cpus_milli(10);
            let task = task.mem_mib(1).shell("exit 0").build(&left.offer.agent).unwrap();
            if left.take(&task.resources) {
                self.next += 1;
                tasks.push(task);
            }
        }
        let offer = left.offer;
        if tasks.is_empty() {
            calls.decline(vec![offer.id], Duration(50));
            return;
        }
        let ids = tasks.iter().map(|task| task.id.to_string()).collect();
        self.live += tasks.len();
        self.asked.insert(calls.accept(vec![offer.id], tasks, Duration(50)), ids);
        seen.open_calls = self.asked.len();
    }

    fn updated(&mut self, status: TaskStatus, calls: &mut Calls) {
        if !status.state.is_terminal() {
            calls.acknowledge(status.task, status.sequence);
            return;
        }
        self.live -= 1;
        *self.seen().ended.entry(status.task.to_string()).or_default() += 1;
        self.withheld.push(status);
    }

    fn asked_to_stop(&mut self, calls: &mut Calls) {
        self.seen().is_stopping = true;
        if self.let_go.try_recv().is_ok() {
            for status in self.withheld.drain(..) {
                calls.acknowledge(status.task, status.sequence);
            }
            calls.teardown();
        }
    }
}

impl Scheduler for Load {
    fn handle(&mut self, _now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Subscribed { .. } => {
                let mut seen = self.seen();
                seen.subscriptions += 1;
                seen.subscribed = Some(std::time::Instant::now());
            }
            Event::Offers(offers) => {
                offers.into_iter().for_each(|offer| self.offered(offer, calls));
            }
            Event::Update(status) => self.updated(status, calls),
            Event::Accepted { call, tasks, .. } => {
                let asked = self.asked.remove(&call).expect("an answer to a question");
                let tasks: Vec<String> = tasks.iter().map(ToString::to_string).collect();
                assert_eq!(asked, tasks);
                let mut seen = self.seen();
                seen.accepted.extend(tasks);
                seen.open_calls = self.asked.len();
            }
            Event::Refused { call, refusal } => {
                // Declined offers may be void, which is no matter.
                let Some(tasks) = self.asked.remove(&call) else { return };
                self.live -= tasks.len();
                let mut seen = self.seen();
                seen.refused.extend(tasks.into_iter().map(|task| (task, refusal.to_string())));
                seen.open_calls = self.asked.len();
            }
            Event::StopRequested => self.asked_to_stop(calls),
            _ => {}
        }
    }
}
