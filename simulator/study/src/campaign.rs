//! All runs of a study, on as many threads as are given: a run is one thread's, and what it says
//! depends on nothing but its point, so that results are the same whatever the number of threads.

use crate::{
    measures::Measures,
    packing::Load,
    plan::{Input, PlanError, Point, Study},
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
use traces::ReadError;

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

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its file.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Its data.
    #[error("cannot read the data of the study: {source}")]
    Data {
        /// What was wrong.
        #[from]
        source: ReadError,
    },
}

/// Data that several runs read, kept once.
#[derive(Debug, Default)]
struct Shelf {
    loads: Mutex<BTreeMap<(Input, Input), Arc<Load>>>,
    lists: Mutex<BTreeMap<Input, Arc<JobList>>>,
}

/// Makes all runs. `done` is told how many are, from any thread.
///
/// # Errors
/// Of the first run, by its number, that could not be made; the others that were begun are ended.
pub fn run(
    points: &[Point],
    data: &Path,
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
            let measures = shelf.measure(&point.study, data);
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

impl Shelf {
    fn measure(&self, study: &Study, data: &Path) -> Result<Measures, RunError> {
        if let Some(plan) = &study.filling {
            let load = self.load(data, &plan.machines, &plan.tasks)?;
            return Ok(plan.run(study, &load)?);
        }
        if let Some(plan) = &study.compaction {
            let load = self.load(data, &plan.machines, &plan.tasks)?;
            return Ok(plan.run(study, &load)?);
        }
        if let Some(plan) = &study.queueing {
            let list = self.list(data, &plan.jobs)?;
            return Ok(plan.run(study, &list)?);
        }
        if let Some(plan) = &study.cluster {
            return Ok(plan.run(study)?);
        }
        Err(PlanError::Asks(0).into())
    }

    fn list(&self, data: &Path, jobs: &Input) -> Result<Arc<JobList>, ReadError> {
        let mut lists = self.lists.lock().expect("no reader panics");
        if let Some(list) = lists.get(jobs) {
            return Ok(Arc::clone(list));
        }
        let list = Arc::new(JobList::read(data, jobs)?);
        lists.insert(jobs.clone(), Arc::clone(&list));
        Ok(list)
    }

    fn load(&self, data: &Path, machines: &Input, tasks: &Input) -> Result<Arc<Load>, RunError> {
        let key = (machines.clone(), tasks.clone());
        // Whoever comes second waits for the first: reading twice would take as long.
        let mut loads = self.loads.lock().expect("no reader panics");
        if let Some(load) = loads.get(&key) {
            return Ok(Arc::clone(load));
        }
        let load = Arc::new(Load::read(data, machines, tasks)?);
        loads.insert(key, Arc::clone(&load));
        Ok(load)
    }
}
