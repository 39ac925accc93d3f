//! A load with a memory: frameworks that launch one task per accept at a steady pace, and write
//! down everything that they asked and were told.
//!
//! Each framework is a scheduler over the real SDK, on a runtime of the load's own. Last updates of
//! some tasks are not acknowledged before the end, so that the cluster must remember these.

pub mod history;
mod worker;

use crate::{cluster::Cluster, patience::within};
use anyhow::Context as _;
use bourse_sdk::{
    Acknowledgement, Driver, DriverError, Finished, Settings, Stopper,
    model::{Duration as Milliseconds, FrameworkInfo, Role},
};
use history::History;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{runtime::Runtime, sync::oneshot, task::JoinHandle};

/// What kind of load.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Accepts per second, of all frameworks together.
    pub accepts_per_second: u32,
    /// Frameworks that share them.
    pub frameworks: u32,
    /// What each task runs, if anything runs.
    pub script: String,
    /// What each task has, in MiB.
    pub mem_mib: u32,
}

/// Frameworks at work.
#[derive(Debug)]
pub struct Load {
    runtime: Runtime,
    workers: Vec<Running>,
    history: Arc<Mutex<History>>,
}

#[derive(Debug)]
struct Running {
    stopper: Stopper,
    driver: JoinHandle<Result<Finished, DriverError>>,
    let_go: oneshot::Sender<()>,
}

/// A framework outlives whatever an exercise does to its masters.
const FAILOVER_SECONDS: u64 = 600;

impl Plan {
    /// What most exercises are done under: 200 accepts per second of four frameworks.
    pub fn steady() -> Self {
        Self { accepts_per_second: 200, frameworks: 4, script: "exit 0".to_owned(), mem_mib: 1 }
    }
}

impl Load {
    /// Frameworks that begin at once.
    pub fn start(cluster: &Cluster, plan: &Plan) -> anyhow::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let history = Arc::new(Mutex::new(History::new()));
        let mut workers = Vec::new();
        for number in 1..=plan.frameworks {
            let name = format!("load-{number}");
            let info = FrameworkInfo {
                name: name.clone(),
                roles: vec![Role::any()],
                failover_timeout: Milliseconds::from_seconds(FAILOVER_SECONDS),
                labels: Vec::new(),
                disruption_budget: None,
                offer_terms: Vec::new(),
            };
            let mut settings = Settings::new(cluster.for_framework(&name)?, info);
            settings.acknowledgement = Acknowledgement::Manual;
            let driver = Driver::new(settings);
            let stopper = driver.stopper();
            let (let_go, asked_to_let_go) = oneshot::channel();
            let per_second = f64::from(plan.accepts_per_second) / f64::from(plan.frameworks);
            let history = Arc::clone(&history);
            let mut worker =
                worker::Worker::new(name, plan.clone(), per_second, history, asked_to_let_go);
            let driver = runtime.spawn(async move { driver.run(&mut worker).await });
            workers.push(Running { stopper, driver, let_go });
        }
        Ok(Self { runtime, workers, history })
    }

    /// What was asked and told so far.
    pub fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }

    /// Waits until so many more accepts are acknowledged.
    pub fn makes_progress(&self, accepts: usize, patience: Duration) -> anyhow::Result<()> {
        let before = self.history().acknowledged.len();
        within(patience, &format!("{accepts} more accepts are acknowledged"), || {
            (self.history().acknowledged.len() >= before + accepts).then_some(())
        })
    }

    /// No more launches; waits until everything that was asked is answered and has ended. What is
    /// still open after so long is for the oracles.
    pub fn settle(&self, patience: Duration) {
        for worker in &self.workers {
            self.runtime.block_on(worker.stopper.stop());
        }
        // Not in time is no error here: the history says what is missing.
        let _ = within(patience, "all ends", || self.history().is_settled().then_some(()));
    }

    /// Acknowledges the rest and removes the frameworks; answers with the whole history.
    pub fn tear_down(self) -> anyhow::Result<History> {
        let Self { runtime, workers, history } = self;
        for Running { stopper, driver, let_go } in workers {
            // A driver that is gone has an answer below.
            let _ = let_go.send(());
            runtime.block_on(stopper.stop());
            let finished = runtime
                .block_on(async { tokio::time::timeout(Duration::from_secs(60), driver).await });
            let finished = finished.context("a framework is not torn down in time")???;
            anyhow::ensure!(finished.is_torn_down, "a framework is not torn down: {finished:?}");
        }
        drop(runtime);
        let history = Arc::into_inner(history).context("all who wrote have ended")?;
        Ok(history.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

fn lock(history: &Mutex<History>) -> MutexGuard<'_, History> {
    history.lock().unwrap_or_else(PoisonError::into_inner)
}
