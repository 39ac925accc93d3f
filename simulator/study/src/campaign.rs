//! All runs of a study, on as many threads as are given: a run is one thread's, and what it says
//! depends on nothing but its point, so that results are the same whatever the number of threads.

use crate::{
    backfilling::RigidJobs,
    error::RunError,
    measures::Measures,
    overcommit::UsedTasks,
    packing::Load,
    plan::{Input, PlanError, Point, Policies, Study},
    probing::ProbedJobs,
    queueing::{First, JobList},
    records::{Recorder, Timeline},
    running::{Running, Stop, Watch, drive},
    scheduling::Work,
};
use simulator::engine::Time;
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// What a run said.
#[derive(Debug, Clone)]
pub struct Run {
    /// What was swept.
    pub labels: BTreeMap<String, String>,
    /// What was repeated.
    pub repeats: BTreeMap<String, u64>,
    /// Its numbers.
    pub measures: Measures,
}

/// Data that several runs read, kept once, by the files that it is of.
#[derive(Debug, Default)]
struct Shelf {
    loads: Mutex<Kept<Load>>,
    lists: Mutex<Kept<JobList>>,
    rigid: Mutex<Kept<RigidJobs>>,
    probed: Mutex<Kept<ProbedJobs>>,
    used: Mutex<Kept<UsedTasks>>,
}

type Kept<T> = BTreeMap<String, Arc<T>>;

/// What was read of these files, and how, where that matters; whoever comes second waits for the
/// first, since reading twice would take as long.
fn keep<T>(
    kept: &Mutex<Kept<T>>,
    inputs: &[&Input],
    how: &str,
    seed: u64,
    read: impl FnOnce() -> Result<T, RunError>,
) -> Result<Arc<T>, RunError> {
    let seeds: Vec<u64> = inputs.iter().map(|input| input.seed(seed)).collect();
    let key = format!("{inputs:?} {how} {seeds:?}");
    let mut kept = kept.lock().expect("no reader panics");
    if let Some(value) = kept.get(&key) {
        return Ok(Arc::clone(value));
    }
    let value = Arc::new(read()?);
    kept.insert(key, Arc::clone(&value));
    Ok(value)
}

/// Who looks on while all runs are made, from any thread.
#[derive(Clone, Copy)]
pub struct Onlooker<'a> {
    /// Where records of single runs go, each into a directory by its number, when a study asks for
    /// any.
    pub records: Option<&'a Path>,
    /// A run, by its number, is so far and goes so far; it is over when both are the same.
    pub progress: &'a (dyn Fn(usize, Time, Time) + Sync),
}

impl fmt::Debug for Onlooker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Onlooker").field("records", &self.records).finish_non_exhaustive()
    }
}

/// One run that is to be made.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    study: &'a Study,
    data: &'a Path,
    records: Option<&'a Path>,
    progress: &'a dyn Fn(Time, Time),
}

impl<'a> Order<'a> {
    /// A run, while nobody looks on.
    pub(crate) fn of(point: &'a Point, data: &'a Path) -> Self {
        Self { study: &point.study, data, records: None, progress: &|_, _| {} }
    }
}

/// Makes a run again, with somebody who does something in the middle; `None` for studies that take
/// no time.
pub(crate) fn again<'a>(
    order: Order<'a>,
    policies: &Policies,
    recorder: &mut Recorder,
    stop: Option<Stop<'a>>,
) -> Result<Option<Measures>, RunError> {
    let warm_up = order.study.warm_up()?;
    let mut watch = Watch { warm_up, timeline: None, progress: order.progress, stop };
    Shelf::default().with_running(&order, policies, recorder, &mut |run| drive(run, &mut watch))
}

/// What somebody does with a run that has begun.
type Have<'h, T> = dyn FnMut(Box<dyn Running + '_>) -> Result<T, RunError> + 'h;

/// The directory of a run's records.
pub fn directory(below: &Path, number: usize) -> PathBuf {
    below.join("runs").join(format!("{number:05}"))
}

/// Makes all runs. `done` is told how many are, from any thread.
///
/// # Errors
/// Of the first run, by its number, that could not be made; the others that were begun are ended.
pub fn run(
    points: &[Point],
    data: &Path,
    policies: &Policies,
    threads: usize,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Run>, RunError> {
    let onlooker = Onlooker { records: None, progress: &|_, _, _| {} };
    run_watched(points, data, policies, threads, done, onlooker)
}

/// The same, while somebody looks on.
///
/// # Errors
/// As above, and when records cannot be written.
pub fn run_watched(
    points: &[Point],
    data: &Path,
    policies: &Policies,
    threads: usize,
    done: &(dyn Fn(usize) + Sync),
    onlooker: Onlooker<'_>,
) -> Result<Vec<Run>, RunError> {
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let shelf = Shelf::default();
    let worker = || {
        let mut runs = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(point) = points.get(number) else { return runs };
            let records = onlooker.records.map(|below| directory(below, number));
            let order = Order {
                study: &point.study,
                data,
                records: records.as_deref(),
                progress: &|at, of| (onlooker.progress)(number, at, of),
            };
            let measures = shelf.measure(order, policies);
            let failed = measures.is_err();
            runs.push((number, measures));
            if failed {
                // Nobody begins another one.
                next.store(points.len(), Ordering::Relaxed);
            }
            done(finished.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    let mut runs: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(worker)).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| match worker.join() {
            Ok(runs) => runs,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().flat_map(join).collect()
    });
    runs.sort_by_key(|(number, _)| *number);
    let said = |(number, measures): (usize, Result<Measures, RunError>)| {
        let point = &points[number];
        let (labels, repeats) = (point.labels.clone(), point.repeats.clone());
        Ok(Run { labels, repeats, measures: measures? })
    };
    runs.into_iter().map(said).collect()
}

/// Makes all runs on this thread, for whoever measures its time.
///
/// # Errors
/// Of the first run that could not be made.
pub fn run_here(
    points: &[Point],
    data: &Path,
    policies: &Policies,
) -> Result<Vec<Measures>, RunError> {
    let shelf = Shelf::default();
    points.iter().map(|point| shelf.measure(Order::of(point, data), policies)).collect()
}

impl Shelf {
    /// One run, from its beginning to its end.
    fn measure(&self, order: Order<'_>, policies: &Policies) -> Result<Measures, RunError> {
        let outputs = &order.study.outputs;
        outputs.check()?;
        let warm_up = order.study.warm_up()?;
        order.study.check_outputs()?;
        let (mut recorder, timeline) = match order.records {
            Some(directory) if outputs.is_asked() => Recorder::open(outputs, directory)?,
            _ => (Recorder::none(), None),
        };
        let mut watch = Watch { warm_up, timeline, progress: order.progress, stop: None };
        let begun =
            self.with_running(&order, policies, &mut recorder, &mut |run| drive(run, &mut watch))?;
        let measures = match begun {
            Some(measures) => measures,
            None => {
                let timeline = watch.timeline.as_mut();
                self.at_once(&order, policies, &mut recorder, timeline)?
            }
        };
        if let Some(timeline) = watch.timeline {
            timeline.close()?;
        }
        recorder.close()?;
        Ok(measures)
    }

    /// Begins a run that takes time, and lets somebody have it; `None` for studies without time.
    fn with_running<T>(
        &self,
        order: &Order<'_>,
        policies: &Policies,
        recorder: &mut Recorder,
        then: &mut Have<'_, T>,
    ) -> Result<Option<T>, RunError> {
        let Order { study, data, .. } = *order;
        let seed = study.seed;
        if let Some(plan) = &study.filling {
            let load = self.load(data, &plan.machines, &plan.tasks, seed)?;
            let filling = plan.begin(study, &load, policies, recorder)?;
            return then(Box::new(filling)).map(Some);
        }
        if let Some(plan) = &study.queueing {
            let read = || JobList::open(data, &plan.jobs, seed, plan.first);
            let how = format!("{:?}", plan.first);
            let list = keep(&self.lists, &[&plan.jobs], &how, seed, read)?;
            return then(plan.begin(study, &list, policies, recorder)?).map(Some);
        }
        if let Some(plan) = &study.backfilling {
            let read = || RigidJobs::open(data, &plan.jobs, seed);
            let list = keep(&self.rigid, &[&plan.jobs], "", seed, read)?;
            return then(Box::new(plan.begin(&list, recorder)?)).map(Some);
        }
        if let Some(plan) = &study.scheduling {
            let work = Work::open(data, plan, seed)?;
            return then(Box::new(plan.begin(study, &work, policies, recorder)?)).map(Some);
        }
        if let Some(plan) = study.probing.as_ref().filter(|plan| plan.has_a_middle()) {
            let list = self.probed(data, &plan.jobs, seed)?;
            return then(Box::new(plan.begin(seed, &list, recorder)?)).map(Some);
        }
        match &study.cluster {
            Some(plan) => {
                let list = |jobs: &Input| {
                    let read = || JobList::read(data, jobs, seed, First::Listed);
                    keep(&self.lists, &[jobs], "", seed, read)
                };
                then(Box::new(plan.begin(study, &list, recorder)?)).map(Some)
            }
            None => Ok(None),
        }
    }

    /// A run that takes no time.
    fn at_once(
        &self,
        order: &Order<'_>,
        policies: &Policies,
        recorder: &mut Recorder,
        timeline: Option<&mut Timeline>,
    ) -> Result<Measures, RunError> {
        let Order { study, data, .. } = *order;
        if let Some(plan) = &study.compaction {
            let load = |tasks| self.load(data, &plan.machines, tasks, study.seed);
            let loads = plan.lists().map(load).collect::<Result<Vec<_>, _>>()?;
            return Ok(plan.run(study, &loads, policies)?);
        }
        if let Some(plan) = &study.probing {
            let list = self.probed(data, &plan.jobs, study.seed)?;
            return plan.at_once(study.seed, &list, recorder);
        }
        if let Some(plan) = &study.overcommit {
            let read = || UsedTasks::read(data, plan, study.seed);
            let list = keep(&self.used, &[&plan.tasks], &plan.reading(), study.seed, read)?;
            return plan.run(study.seed, &list, recorder, timeline);
        }
        Err(PlanError::Asks(0).into())
    }

    fn probed(&self, data: &Path, jobs: &Input, seed: u64) -> Result<Arc<ProbedJobs>, RunError> {
        let read = || ProbedJobs::open(data, jobs, seed);
        keep(&self.probed, &[jobs], "", seed, read)
    }

    fn load(
        &self,
        data: &Path,
        machines: &Input,
        tasks: &Input,
        seed: u64,
    ) -> Result<Arc<Load>, RunError> {
        let read = || Load::read(data, machines, tasks, seed);
        keep(&self.loads, &[machines, tasks], "", seed, read)
    }
}
