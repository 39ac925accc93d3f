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
    plan::Input,
};
use simulator::engine::Time;
use std::path::Path;
use traces::model::{Arrival, Change, Names};

/// Machines and jobs.
#[derive(Debug)]
pub struct Work {
    /// The machines in words.
    pub(super) machines: Vec<Described>,
    /// Names that the jobs speak of.
    pub(super) names: Names,
    pub(super) requests: Requests,
    /// By when they come.
    pub(super) jobs: Vec<Job>,
    /// Tasks that no machine could ever run; they are left out.
    pub(super) impossible: u64,
    cell: Cell,
}

/// A job of a list.
#[derive(Debug, Clone)]
pub(super) struct Job {
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

impl Work {
    /// Reads all of it.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else, or there is too much of something.
    pub fn read(data: &Path, plan: &SchedulingPlan, seed: u64) -> Result<Self, RunError> {
        let mut reader = plan.machines.machines(data, Names::new())?;
        let events = machines::read(reader.by_ref())?;
        let count = |change: &Change| match change {
            Change::Add(machine) => u64::from(machine.count),
            _ => 0,
        };
        let all = events.iter().map(|event| count(&event.change)).sum();
        within("scheduling.machines", all, MACHINES_MAX)?;
        let mut names = reader.into_names();
        let described = machines::describe(&events, &plan.properties, &names);
        let mut arrivals = Vec::new();
        let prefill = plan.prefill.iter().map(|input| (input, true));
        for (input, is_prefill) in prefill.chain([(&plan.jobs, false)]) {
            names = collect(data, input, seed, names, is_prefill, &mut arrivals)?;
        }
        let tasks = arrivals.iter().map(|(_, arrival)| u64::from(arrival.tasks)).sum();
        within("the tasks of scheduling.jobs", tasks, TASKS_MAX)?;
        Ok(Self::of(described, arrivals, names))
    }

    pub(super) fn of(
        machines: Vec<Described>,
        arrivals: Vec<(bool, Arrival)>,
        names: Names,
    ) -> Self {
        let mut models = ModelNumbers::default();
        let known = machines::known(&machines, &names);
        let cell = Cell::new(machines.iter().zip(known).map(|(machine, properties)| Machine {
            name: machine.name.clone(),
            total: inputs::amounts(&machine.capacity),
            model: machine.model.map_or_else(Default::default, |name| models.model(name)),
            properties,
        }));
        let (requests, jobs) = (Requests::new(), Vec::new());
        let mut work = Self { machines, names, requests, jobs, impossible: 0, cell };
        let mut arrivals = arrivals.into_iter().peekable();
        while let Some(first) = arrivals.next() {
            let mut of_job = vec![first];
            while of_job.last().is_some_and(|(_, arrival)| arrival.more) {
                let Some(part) = arrivals.next() else { break };
                of_job.push(part);
            }
            work.add(of_job, &mut models);
        }
        work.jobs.sort_by_key(|job| job.at);
        work
    }

    /// Adds a job, or several where its parts need not start together.
    fn add(&mut self, of_job: Vec<(bool, Arrival)>, models: &mut ModelNumbers) {
        let (is_prefill, first) = &of_job[0];
        let at = if *is_prefill { Time::ZERO } else { Time(first.submit_ns) };
        let (priority, gang) = (first.priority, first.gang);
        let tasks: u64 = of_job.iter().map(|(_, arrival)| u64::from(arrival.tasks)).sum();
        let parts = of_job.into_iter().map(|(_, arrival)| self.part(arrival, models));
        let parts: Vec<Option<Part>> = parts.collect();
        if gang {
            match parts.into_iter().collect::<Option<Vec<Part>>>() {
                Some(parts) => self.jobs.push(Job { at, priority, gang, parts }),
                None => self.impossible += tasks,
            }
            return;
        }
        let possible: Vec<Part> = parts.into_iter().flatten().collect();
        let placed: u64 = possible.iter().map(|part| u64::from(part.tasks)).sum();
        self.impossible += tasks - placed;
        let job = |part| Job { at, priority, gang, parts: vec![part] };
        self.jobs.extend(possible.into_iter().map(job));
    }

    /// A part; `None` when no machine could ever run its tasks.
    fn part(&mut self, arrival: Arrival, models: &mut ModelNumbers) -> Option<Part> {
        let request = inputs::request(&arrival, models)?;
        let mut machines = 0..u32::try_from(self.cell.len()).expect("machines are numbered");
        if !machines.any(|machine| self.cell.could_fit(machine, &request)) {
            return None;
        }
        Some(Part {
            request: self.requests.number(request),
            tasks: arrival.tasks,
            duration: arrival.duration_ns.map(Time),
            arrival,
        })
    }

    /// The cell, empty.
    pub(super) fn cell(&self) -> &Cell {
        &self.cell
    }
}

/// Reads arrivals behind others; gives the names back.
fn collect(
    data: &Path,
    input: &Input,
    seed: u64,
    names: Names,
    is_prefill: bool,
    into: &mut Vec<(bool, Arrival)>,
) -> Result<Names, RunError> {
    let mut arrivals = input.arrivals(data, seed, names)?;
    for arrival in arrivals.by_ref() {
        into.push((is_prefill, arrival?));
    }
    Ok(arrivals.into_names())
}
