//! A framework that launches the tasks that it is told to, ends them when it is told to, and writes
//! down what becomes of each.
//!
//! A load ([`crate::load`]) has many tasks that are all alike; here each has a name, and its end is
//! waited for.

use crate::{cluster::Cluster, patience::eventually};
use anyhow::Context as _;
use bourse_sdk::{
    CallId, Calls, Driver, DriverError, Event, Finished, Scheduler, Settings, Stopper, TaskBuilder,
    model::{Duration, FrameworkInfo, Instant, Offer, Role, TaskId, TaskState, TaskStatus},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{runtime::Runtime, task::JoinHandle};

/// How often it looks whether it was told something.
const LOOK_EVERY: Duration = Duration(50);
/// A framework outlives whatever an exercise does.
const FAILOVER_SECONDS: u64 = 600;

/// A task that is wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Its id; no other has it.
    pub(crate) name: String,
    /// Thousandths of a processor.
    pub(crate) cpus_milli: i64,
    /// Memory.
    pub(crate) mem_mib: u32,
    /// What it runs.
    pub(crate) script: String,
}

/// The framework at work.
#[derive(Debug)]
pub(crate) struct Squad {
    runtime: Runtime,
    stopper: Stopper,
    driver: JoinHandle<Result<Finished, DriverError>>,
    book: Arc<Mutex<Book>>,
}

/// What it was told, and what it was told of it.
#[derive(Debug, Default)]
struct Book {
    wanted: Vec<Wanted>,
    unwanted: Vec<TaskId>,
    statuses: BTreeMap<String, Vec<TaskStatus>>,
    refused: Vec<String>,
}

struct Corporal {
    book: Arc<Mutex<Book>>,
    held: Vec<Offer>,
    asked: BTreeSet<CallId>,
}

impl Squad {
    /// One of this name, without tasks.
    pub(crate) fn start(cluster: &Cluster, name: &str) -> anyhow::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let info = FrameworkInfo {
            name: name.to_owned(),
            roles: vec![Role::any()],
            failover_timeout: Duration::from_seconds(FAILOVER_SECONDS),
            labels: Vec::new(),
            disruption_budget: None,
            offer_terms: Vec::new(),
        };
        let driver = Driver::new(Settings::new(cluster.for_framework(name)?, info));
        let stopper = driver.stopper();
        let book = Arc::new(Mutex::new(Book::default()));
        let mut corporal =
            Corporal { book: Arc::clone(&book), held: Vec::new(), asked: BTreeSet::new() };
        let driver = runtime.spawn(async move { driver.run(&mut corporal).await });
        Ok(Self { runtime, stopper, driver, book })
    }

    /// Launches tasks, and waits until all run or have run.
    pub(crate) fn launch(&self, tasks: &[Wanted]) -> anyhow::Result<()> {
        self.book().wanted.extend_from_slice(tasks);
        let began = |book: &Book| {
            tasks.iter().all(|task| {
                let statuses = book.statuses.get(&task.name).into_iter().flatten();
                statuses.into_iter().any(|it| it.state == TaskState::Running)
            })
        };
        eventually("tasks that were launched run", || {
            let book = self.book();
            (!book.refused.is_empty() || began(&book)).then_some(())
        })?;
        let refused = self.book().refused.clone();
        anyhow::ensure!(refused.is_empty(), "launches are refused: {refused:?}");
        Ok(())
    }

    /// Ends tasks; some may have ended by themselves.
    pub(crate) fn kill(&self, names: impl IntoIterator<Item = String>) -> anyhow::Result<()> {
        let ids = names.into_iter().map(|name| name.parse().context("a name is an id"));
        let ids: Vec<TaskId> = ids.collect::<anyhow::Result<_>>()?;
        self.book().unwanted.extend(ids);
        Ok(())
    }

    /// How a task has ended, if it has.
    pub(crate) fn end(&self, name: &str) -> Option<TaskStatus> {
        let book = self.book();
        book.statuses.get(name)?.iter().find(|it| it.state.is_terminal()).cloned()
    }

    /// How a task ends.
    pub(crate) fn ended(&self, name: &str) -> anyhow::Result<TaskStatus> {
        eventually(&format!("the end of {name}"), || self.end(name))
    }

    /// Removes the framework, and its tasks with it.
    pub(crate) fn disband(self) -> anyhow::Result<()> {
        let Self { runtime, stopper, driver, .. } = self;
        runtime.block_on(stopper.stop());
        let finished = runtime.block_on(async {
            tokio::time::timeout(std::time::Duration::from_secs(60), driver).await
        });
        let finished = finished.context("a framework is not torn down in time")???;
        anyhow::ensure!(finished.is_torn_down, "a framework is not torn down: {finished:?}");
        Ok(())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }
}

impl Corporal {
    fn obey(&mut self, now: Instant, calls: &mut Calls) {
        let mut book = lock(&self.book);
        for task in book.unwanted.drain(..) {
            calls.kill(task, None);
        }
        if let Some(offer) = self.held.first()
            && !book.wanted.is_empty()
        {
            let agent = offer.agent.clone();
            let tasks = book.wanted.drain(..).map(|task| {
                let builder = TaskBuilder::new(task.name).cpus_milli(task.cpus_milli);
                builder.mem_mib(task.mem_mib).shell(task.script).build(&agent)
            });
            match tasks.collect() {
                Ok(tasks) => {
                    let offers = self.held.drain(..).map(|offer| offer.id).collect();
                    self.asked.insert(calls.accept(offers, tasks, Duration(0)));
                }
                Err(error) => book.refused.push(error.to_string()),
            }
        }
        calls.wake_at(now + LOOK_EVERY);
    }
}

impl Scheduler for Corporal {
    fn handle(&mut self, now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Disconnected => self.held.clear(),
            Event::Offers(offers) => self.held.extend(offers),
            Event::Rescinded(offers) => self.held.retain(|held| !offers.contains(&held.id)),
            Event::Update(status) => {
                let name = status.task.to_string();
                lock(&self.book).statuses.entry(name).or_default().push(status);
            }
            // A task that is to be killed may have ended, which is no matter.
            Event::Refused { call, refusal } if self.asked.contains(&call) => {
                lock(&self.book).refused.push(refusal.to_string());
            }
            Event::StopRequested => {
                calls.teardown();
                return;
            }
            _ => {}
        }
        self.obey(now, calls);
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}
