//! A framework that runs so many equal tasks as fast as offers come, and notes when what happened.

use crate::samples::Samples;
use bourse_sdk::{
    Acknowledgement, Calls, Driver, Event, Masters, Scheduler, Settings, TaskBuilder,
    model::{
        Duration, FrameworkInfo, Instant, Milli, Offer, OfferId, ResourceName, Resources, TaskId,
        TaskInfo, TaskState, TaskStatus, limits,
    },
};
use std::{collections::BTreeMap, time};

/// What to run.
#[derive(Debug, Clone)]
pub struct Work {
    /// How many tasks.
    pub tasks: usize,
    /// At most so many at one time.
    pub at_once: usize,
    /// What each takes.
    pub resources: Resources,
    /// What each runs.
    pub command: Vec<String>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// From the first accept until all was acknowledged.
    pub elapsed: time::Duration,
    /// Tasks that finished.
    pub finished: usize,
    /// Tasks that ended otherwise.
    pub failed: usize,
    /// Calls that were refused.
    pub refused: usize,
    /// Milliseconds from accept until the framework heard that the task runs.
    pub to_running: Samples,
    /// Milliseconds from accept until the framework heard that the task has finished.
    pub to_finished: Samples,
}

/// The framework's side of it.
#[derive(Debug)]
struct Runner {
    work: Work,
    next: usize,
    in_flight: usize,
    begun: Option<time::Instant>,
    accepted: BTreeMap<TaskId, time::Instant>,
    outcome: Outcome,
    /// Told, once, when so many tasks run at one time; then nothing more is launched.
    all_running: Option<tokio::sync::oneshot::Sender<()>>,
    running: usize,
}

/// Runs the work to its end against a cluster.
pub async fn run(masters: Masters, info: FrameworkInfo, work: Work) -> anyhow::Result<Outcome> {
    let mut runner = Runner::new(work, None);
    let mut settings = Settings::new(masters, info);
    settings.acknowledgement = Acknowledgement::Automatic;
    let finished = Driver::new(settings).run(&mut runner).await?;
    anyhow::ensure!(finished.is_drained, "not everything was acknowledged");
    runner.outcome.elapsed = runner.begun.map_or(time::Duration::ZERO, |begun| begun.elapsed());
    Ok(runner.outcome)
}

/// Launches the work, calls back while all of it runs, and then tears it down.
pub async fn hold<T>(
    masters: Masters,
    info: FrameworkInfo,
    work: Work,
    meanwhile: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T>
where
    T: Send + 'static,
{
    let (all_running, running) = tokio::sync::oneshot::channel();
    let mut runner = Runner::new(work, Some(all_running));
    let driver = Driver::new(Settings::new(masters, info));
    let stopper = driver.stopper();
    let looking = async move {
        // Without the word that all run, the driver has ended and says why.
        let looked = match running.await {
            Ok(()) => Some(tokio::task::spawn_blocking(meanwhile).await),
            Err(_) => None,
        };
        stopper.stop().await;
        looked
    };
    let (looked, ended) = tokio::join!(looking, driver.run(&mut runner));
    ended?;
    looked.ok_or_else(|| anyhow::anyhow!("not all tasks run: {:?}", runner.outcome))??
}

impl Runner {
    fn new(work: Work, all_running: Option<tokio::sync::oneshot::Sender<()>>) -> Self {
        Self {
            work,
            next: 0,
            in_flight: 0,
            begun: None,
            accepted: BTreeMap::new(),
            outcome: Outcome::default(),
            all_running,
            running: 0,
        }
    }

    /// As many tasks as fit into the offers, in as few calls as may be.
    fn offers(&mut self, offers: Vec<Offer>, calls: &mut Calls) {
        let (mut ids, mut tasks) = (Vec::new(), Vec::new());
        for offer in offers {
            let fits = self.fits(&offer.resources);
            let may = (self.work.at_once - self.in_flight).min(self.work.tasks - self.next);
            let room = limits::TASKS_PER_ACCEPT_MAX - tasks.len();
            let count = fits.min(may).min(room);
            if count == 0 {
                let for_ever = Duration::from_seconds(24 * 3_600);
                let refuse = if may == 0 { for_ever } else { Duration(0) };
                calls.decline(vec![offer.id], refuse);
                continue;
            }
            tasks.extend((self.next..self.next + count).map(|number| self.task(number, &offer)));
            self.next += count;
            self.in_flight += count;
            ids.push(offer.id);
            if ids.len() == limits::OFFERS_PER_CALL_MAX
                || tasks.len() == limits::TASKS_PER_ACCEPT_MAX
            {
                self.accept(std::mem::take(&mut ids), std::mem::take(&mut tasks), calls);
            }
        }
        if !ids.is_empty() {
            self.accept(ids, tasks, calls);
        }
    }

    fn accept(&mut self, ids: Vec<OfferId>, tasks: Vec<TaskInfo>, calls: &mut Calls) {
        let now = time::Instant::now();
        self.begun.get_or_insert(now);
        self.accepted.extend(tasks.iter().map(|task| (task.id.clone(), now)));
        calls.accept(ids, tasks, Duration(0));
    }

    fn fits(&self, free: &Resources) -> usize {
        let fits = |name: &ResourceName| match (self.work.resources.scalar(name), free.scalar(name))
        {
            (Milli(0), _) => usize::MAX,
            (Milli(wanted), Milli(free)) => usize::try_from(free / wanted).unwrap_or(0),
        };
        fits(&ResourceName::CPUS).min(fits(&ResourceName::MEM))
    }

    fn task(&self, number: usize, offer: &Offer) -> TaskInfo {
        TaskBuilder::new(format!("task-{number:08}"))
            .resources(&self.work.resources)
            .command(self.work.command.iter())
            .build(&offer.agent)
            .expect("numbers make good ids")
    }

    fn update(&mut self, status: &TaskStatus, calls: &mut Calls) {
        let Some(accepted) = self.accepted.get(&status.task) else { return };
        let ms = accepted.elapsed().as_secs_f64() * 1e3;
        if status.state == TaskState::Running {
            self.outcome.to_running.push(ms);
            self.running += 1;
            if self.running == self.work.tasks
                && let Some(all_running) = self.all_running.take()
            {
                // Whoever waited may have been cancelled.
                let _ = all_running.send(());
            }
        }
        if !status.state.is_terminal() {
            return;
        }
        self.accepted.remove(&status.task);
        self.in_flight -= 1;
        match status.state {
            TaskState::Finished => {
                self.outcome.to_finished.push(ms);
                self.outcome.finished += 1;
            }
            _ => self.outcome.failed += 1,
        }
        if self.outcome.finished + self.outcome.failed == self.work.tasks {
            calls.done();
        }
    }
}

impl Scheduler for Runner {
    fn handle(&mut self, _now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Offers(offers) => self.offers(offers, calls),
            Event::Update(status) => self.update(&status, calls),
            Event::Refused { refusal, .. } => {
                // A refused accept's tasks would never end: nothing that is measured may be
                // refused.
                eprintln!("refused: {refusal:?}");
                self.outcome.refused += 1;
                calls.done();
            }
            Event::StopRequested => {
                calls.teardown();
            }
            _ => {}
        }
    }
}
