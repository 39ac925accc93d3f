//! What arrivals come to.

use super::{Percentiles, Spread, add, unit, units};
use crate::model::{Arrival, Class, KINDS, NameId, Shape};
use serde::Serialize;
use std::collections::BTreeSet;

const NS_PER_HOUR: f64 = 3.6e12;

/// What arrivals come to.
#[derive(Debug, Clone, Default)]
pub struct WorkSummary {
    /// Parts of jobs, as they stand in the file.
    pub arrivals: u64,
    /// Jobs, whose parts stand together.
    pub jobs: u64,
    /// Tasks.
    pub tasks: u128,
    /// Jobs that serve.
    pub services: u64,
    /// Arrivals whose tasks start together.
    pub gangs: u64,
    /// Arrivals that may not be placed anywhere.
    pub constrained: u64,
    /// Arrivals with a duration.
    pub with_duration: u64,
    /// Arrivals with a deadline.
    pub with_deadline: u64,
    /// The first and the last time of submission.
    pub span_ns: Option<(u64, u64)>,
    /// No arrival is before the one before it.
    pub is_sorted: bool,
    /// The least and the greatest priority.
    pub priorities: Option<(i32, i32)>,
    last_ns: Option<u64>,
    users: BTreeSet<NameId>,
    queues: BTreeSet<NameId>,
    asked: [u128; 5],
    /// Thousandths times nanoseconds.
    used: [u128; 5],
    tasks_each: Spread,
    durations: Spread,
    sizes: [Spread; 5],
}

/// What is asked for of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Amount {
    /// The kind.
    pub kind: &'static str,
    /// Its unit, unless amounts are parts of the largest machine.
    pub unit: &'static str,
    /// What all tasks ask for together, in units.
    pub asked: f64,
    /// Units times hours, of the tasks whose duration is known.
    pub unit_hours: f64,
    /// What tasks ask for, in thousandths of a unit, of those that ask for any.
    pub each: Option<Percentiles>,
}

impl WorkSummary {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { is_sorted: true, ..Self::default() }
    }

    /// Counts an arrival.
    pub fn add(&mut self, arrival: &Arrival) {
        let tasks = u64::from(arrival.tasks);
        self.arrivals += 1;
        self.jobs += u64::from(!arrival.more);
        self.tasks += u128::from(tasks);
        self.services += u64::from(arrival.class == Class::Service && !arrival.more);
        self.gangs += u64::from(arrival.gang);
        self.constrained += u64::from(arrival.constraints.is_some());
        self.with_deadline += u64::from(arrival.deadline_ns.is_some());
        self.users.extend(arrival.user);
        self.queues.extend(arrival.queue);
        let at_ns = arrival.submit_ns;
        self.is_sorted &= self.last_ns.is_none_or(|last_ns| at_ns >= last_ns);
        self.last_ns = Some(at_ns);
        let (first, last) = self.span_ns.unwrap_or((at_ns, at_ns));
        self.span_ns = Some((first.min(at_ns), last.max(at_ns)));
        let (least, most) = self.priorities.unwrap_or((arrival.priority, arrival.priority));
        self.priorities = Some((least.min(arrival.priority), most.max(arrival.priority)));
        self.amounts(arrival, tasks);
    }

    fn amounts(&mut self, arrival: &Arrival, tasks: u64) {
        self.tasks_each.add(tasks, 1);
        add(&mut self.asked, &arrival.each, u128::from(tasks));
        if let Some(duration_ns) = arrival.duration_ns {
            self.with_duration += 1;
            self.durations.add(duration_ns, tasks);
            add(&mut self.used, &arrival.each, u128::from(tasks) * u128::from(duration_ns));
        }
        let Shape(each) = arrival.each;
        for (spread, amount) in self.sizes.iter_mut().zip(each).filter(|(_, amount)| *amount > 0) {
            spread.add(amount, tasks);
        }
    }

    /// How many different users there are.
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// How many different queues there are.
    pub fn queues(&self) -> usize {
        self.queues.len()
    }

    /// From the first to the last time of submission, in hours.
    pub fn hours(&self) -> f64 {
        self.span_ns.map_or(0.0, |(first, last)| (last - first) as f64 / NS_PER_HOUR)
    }

    /// Tasks of an arrival.
    pub fn tasks_each(&self) -> Option<Percentiles> {
        self.tasks_each.percentiles()
    }

    /// How long tasks run, in nanoseconds.
    pub fn durations(&self) -> Option<Percentiles> {
        self.durations.percentiles()
    }

    /// What is asked for, of the kinds of which anything is.
    pub fn asked(&self) -> Vec<Amount> {
        let kinds = KINDS.into_iter().filter(|kind| self.asked[*kind as usize] > 0);
        kinds
            .map(|kind| Amount {
                kind: kind.name(),
                unit: unit(kind),
                asked: units(self.asked[kind as usize]),
                unit_hours: units(self.used[kind as usize]) / NS_PER_HOUR,
                each: self.sizes[kind as usize].percentiles(),
            })
            .collect()
    }
}
