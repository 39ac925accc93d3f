//! What a scheduling study reads: machines that are not alike, and jobs with parts.

use super::{
    machines::{self, Described},
    plan::SchedulingPlan,
};
use crate::{
    cell::{Cell, Machine, RequestId, Requests},
    error::RunError,
    inputs::{self, ModelNumbers},
    limits::{MACHINES_MAX, TASKS_MAX, within},
    list::{Coming, List, Reader},
};
use simulator::engine::Time;
use std::{collections::VecDeque, path::Path, sync::Arc};
use traces::{
    Arrivals,
    model::{Arrival, Change, Names},
};

/// Machines and jobs.
#[derive(Debug)]
pub struct Work {
    /// The machines in words.
    pub(super) machines: Vec<Described>,
    /// Those that are there before the others.
    prefill: List<Jobs>,
    jobs: List<Jobs>,
}

/// Makes jobs of arrivals.
#[derive(Debug, Clone)]
pub(super) struct Jobs {
    /// Names that the jobs speak of.
    pub(super) names: Names,
    pub(super) requests: Requests,
    /// Tasks that no machine could ever run; they are left out.
    pub(super) impossible: u64,
    models: ModelNumbers,
    /// The cell, empty.
    cell: Arc<Cell>,
    /// Whether they are there from the beginning.
    is_prefill: bool,
    /// Of what was read, those that come behind the one that was asked for.
    ready: VecDeque<Job>,
}

/// Jobs as they come to one run, those of the prefill first.
#[derive(Debug)]
pub(super) struct JobsToCome<'a> {
    prefill: Coming<'a, Jobs>,
    jobs: Coming<'a, Jobs>,
    come: u64,
}

/// A job of a list.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Its place among all that come.
    pub(super) number: u64,
    pub(super) at: Time,
    pub(super) priority: i32,
    pub(super) gang: bool,
    pub(super) parts: Vec<Part>,
}

/// Tasks of a job that are alike.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) request: RequestId,
    pub(super) tasks: u32,
    /// Of each task; none for those that never end.
    pub(super) duration: Option<Time>,
    /// In the trace's own words.
    pub(super) arrival: Arrival,
}

impl Job {
    /// A task by its place in the job, of one by its place in a part.
    pub(super) fn number_of(&self, part: usize, task: u32) -> u64 {
        let before = self.parts[..part].iter().map(|part| u64::from(part.tasks));
        before.sum::<u64>() + u64::from(task)
    }
}

impl Work {
    /// Reads all of it: jobs once for the names in them, since what a machine is called depends on
    /// these, once for what they ask for, and again in each run, if they stand in order of time.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else, or there is too much of something.
    pub fn open(data: &Path, plan: &SchedulingPlan, seed: u64) -> Result<Self, RunError> {
        let mut reading = plan.machines.machines(data, Names::new())?;
        let events = machines::read(reading.by_ref())?;
        let count = |change: &Change| match change {
            Change::Add(machine) => u64::from(machine.count),
            _ => 0,
        };
        let all = events.iter().map(|event| count(&event.change)).sum();
        within("scheduling.machines", all, MACHINES_MAX)?;
        let mut names = reading.into_names();
        let machines = machines::describe(&events, &plan.properties, &names);
        let mut tasks = 0;
        for input in plan.prefill.iter().chain([&plan.jobs]) {
            let mut arrivals = input.arrivals(data, seed, names)?;
            for arrival in arrivals.by_ref() {
                tasks += u64::from(arrival?.tasks);
                within("the tasks of scheduling.jobs", tasks, TASKS_MAX)?;
            }
            names = arrivals.into_names();
        }
        let reader = Jobs::new(&machines, names);
        let prefill = Jobs { is_prefill: true, ..reader };
        let prefill = match &plan.prefill {
            Some(input) => List::read(data, input, seed, prefill)?,
            None => List::of(Vec::new(), prefill),
        };
        let reader = Jobs { is_prefill: false, ..prefill.reader.clone() };
        let jobs = List::open(data, &plan.jobs, seed, reader)?;
        Ok(Self { machines, prefill, jobs })
    }

    #[cfg(test)]
    pub(super) fn of(machines: Vec<Described>, arrivals: Vec<Arrival>, names: Names) -> Self {
        let mut reader = Jobs::new(&machines, names);
        arrivals.into_iter().for_each(|arrival| reader.add(vec![arrival]));
        let jobs: Vec<Job> = reader.ready.drain(..).collect();
        let prefill = List::of(Vec::new(), reader.clone());
        Self { machines, prefill, jobs: List::of(jobs, reader) }
    }

    /// Whether its jobs are in memory; those of the prefill are.
    pub fn is_held(&self) -> bool {
        self.jobs.is_held()
    }

    /// The cell, empty.
    pub(super) fn cell(&self) -> &Cell {
        &self.reader().cell
    }

    /// Who knows what all jobs ask for.
    pub(super) fn reader(&self) -> &Jobs {
        &self.jobs.reader
    }

    /// When the first job comes, and the last one.
    pub(super) fn span(&self) -> (Time, Time) {
        let spans = self.prefill.span().into_iter().chain(self.jobs.span());
        spans.reduce(|all, other| (all.0, other.1)).unwrap_or_default()
    }

    /// The jobs for a run.
    ///
    /// # Errors
    /// When they cannot be read again.
    pub(super) fn coming(&self) -> Result<JobsToCome<'_>, RunError> {
        Ok(JobsToCome { prefill: self.prefill.coming()?, jobs: self.jobs.coming()?, come: 0 })
    }
}

impl JobsToCome<'_> {
    /// The next job.
    ///
    /// # Errors
    /// When it cannot be read again.
    pub(super) fn next(&mut self) -> Result<Option<Job>, RunError> {
        let next = match self.prefill.next()? {
            Some(job) => Some(job),
            None => self.jobs.next()?,
        };
        let number = self.come;
        self.come += u64::from(next.is_some());
        Ok(next.map(|job| Job { number, ..job }))
    }
}

impl Jobs {
    fn new(machines: &[Described], names: Names) -> Self {
        let mut models = ModelNumbers::default();
        let known = machines::known(machines, &names);
        let cell = Cell::new(machines.iter().zip(known).map(|(machine, properties)| Machine {
            name: machine.name.clone(),
            total: inputs::amounts(&machine.capacity),
            model: machine.model.map_or_else(Default::default, |name| models.model(name)),
            properties,
        }));
        Self {
            names,
            requests: Requests::new(),
            impossible: 0,
            models,
            cell: Arc::new(cell),
            is_prefill: false,
            ready: VecDeque::new(),
        }
    }

    /// Adds a job, or several where its parts need not start together.
    fn add(&mut self, of_job: Vec<Arrival>) {
        let first = &of_job[0];
        let at = if self.is_prefill { Time::ZERO } else { Time(first.submit_ns) };
        let (priority, gang) = (first.priority, first.gang);
        let tasks: u64 = of_job.iter().map(|arrival| u64::from(arrival.tasks)).sum();
        let parts = of_job.into_iter().map(|arrival| self.part(arrival));
        let parts: Vec<Option<Part>> = parts.collect();
        let job = |parts| Job { number: 0, at, priority, gang, parts };
        if gang {
            match parts.into_iter().collect::<Option<Vec<Part>>>() {
                Some(parts) => self.ready.push_back(job(parts)),
                None => self.impossible += tasks,
            }
            return;
        }
        let possible: Vec<Part> = parts.into_iter().flatten().collect();
        let placed: u64 = possible.iter().map(|part| u64::from(part.tasks)).sum();
        self.impossible += tasks - placed;
        self.ready.extend(possible.into_iter().map(|part| job(vec![part])));
    }

    /// A part; `None` when no machine could ever run its tasks.
    fn part(&mut self, arrival: Arrival) -> Option<Part> {
        let request = inputs::request(&arrival, &mut self.models)?;
        let mut machines = 0..u32::try_from(self.cell.len()).expect("machines are numbered");
        let number = match self.requests.find(&request) {
            Some(known) => known,
            None if machines.any(|machine| self.cell.could_fit(machine, &request)) => {
                self.requests.number(request)
            }
            None => return None,
        };
        Some(Part {
            request: number,
            tasks: arrival.tasks,
            duration: arrival.duration_ns.map(Time),
            arrival,
        })
    }
}

impl Reader for Jobs {
    type Job = Job;

    fn names(&self) -> Names {
        self.names.clone()
    }

    fn again(&self) -> Self {
        Self { impossible: 0, ready: VecDeque::new(), ..self.clone() }
    }

    fn next(&mut self, arrivals: &mut Arrivals) -> Result<Option<Job>, RunError> {
        while self.ready.is_empty() {
            let Some(first) = arrivals.next() else { return Ok(None) };
            let mut of_job = vec![first?];
            while of_job.last().is_some_and(|arrival| arrival.more) {
                let Some(part) = arrivals.next() else { break };
                of_job.push(part?);
            }
            self.add(of_job);
        }
        Ok(self.ready.pop_front())
    }

    fn at(job: &Job) -> Time {
        job.at
    }
}
