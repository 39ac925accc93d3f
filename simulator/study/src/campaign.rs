//! All runs of a study, on as many threads as are given: a run is one thread's, and what it says
//! depends on nothing but its point, so that results are the same whatever the number of threads.

use crate::{
    backfilling::RigidJobs,
    error::RunError,
    measures::Measures,
    packing::Load,
    plan::{Input, PlanError, Point, Policies, Study},
    queueing::JobList,
};
use std::{
    collections::BTreeMap,
    path::Path,
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
}

type Kept<T> = BTreeMap<String, Arc<T>>;

/// What was read of these files; whoever comes second waits for the first, since reading twice
/// would take as long.
fn keep<T>(
    kept: &Mutex<Kept<T>>,
    inputs: &[&Input],
    seed: u64,
    read: impl FnOnce() -> Result<T, RunError>,
) -> Result<Arc<T>, RunError> {
    let seeds: Vec<u64> = inputs.iter().map(|input| input.seed(seed)).collect();
    let key = format!("{inputs:?} {seeds:?}");
    let mut kept = kept.lock().expect("no reader panics");
    if let Some(value) = kept.get(&key) {
        return Ok(Arc::clone(value));
    }
    let value = Arc::new(read()?);
    kept.insert(key, Arc::clone(&value));
    Ok(value)
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
    let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let shelf = Shelf::default();
    let worker = || {
        let mut runs = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(point) = points.get(number) else { return runs };
            let measures = shelf.measure(&point.study, data, policies);
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
    points.iter().map(|point| shelf.measure(&point.study, data, policies)).collect()
}

impl Shelf {
    fn measure(
        &self,
        study: &Study,
        data: &Path,
        policies: &Policies,
    ) -> Result<Measures, RunError> {
        let seed = study.seed;
        let load = |machines: &Input, tasks: &Input| {
            let read = || Load::read(data, machines, tasks, seed);
            keep(&self.loads, &[machines, tasks], seed, read)
        };
        if let Some(plan) = &study.filling {
            return Ok(plan.run(study, &*load(&plan.machines, &plan.tasks)?, policies)?);
        }
        if let Some(plan) = &study.compaction {
            return Ok(plan.run(study, &*load(&plan.machines, &plan.tasks)?, policies)?);
        }
        if let Some(plan) = &study.queueing {
            let read = || JobList::read(data, &plan.jobs, seed);
            return Ok(plan.run(
                study,
                &*keep(&self.lists, &[&plan.jobs], seed, read)?,
                policies,
            )?);
        }
        if let Some(plan) = &study.backfilling {
            let read = || RigidJobs::read(data, &plan.jobs, seed);
            return Ok(plan.run(&*keep(&self.rigid, &[&plan.jobs], seed, read)?));
        }
        match &study.cluster {
            Some(plan) => Ok(plan.run(study)?),
            None => Err(PlanError::Asks(0).into()),
        }
    }
}
