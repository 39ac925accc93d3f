//! `[overcommit]` of a study.

use super::{
    machines::assign,
    policy::Predictor,
    records,
    run::{Results, walk},
    used::{Amount, UsedTasks},
};
use crate::{
    error::RunError,
    limits::{MACHINES_MAX, within},
    measures::Measures,
    plan::{Input, PlanError},
    records::{Recorder, Timeline},
};
use serde::Deserialize;

/// What is asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OvercommitPlan {
    /// The tasks, whose cores are their limits.
    pub tasks: Input,
    /// What they used: a file of fragments, below the directory of data.
    pub used: String,
    /// How fast a core is: what makes the fragments' MHz parts of limits.
    pub core_mhz: u32,
    /// How many machines there are.
    pub machines: u32,
    /// Cores of each.
    pub machine_cpus: u32,
    /// Who predicts.
    pub policy: Predictor,
    /// How long an interval is, in seconds.
    #[serde(default = "five_minutes")]
    pub interval_s: u32,
    /// For how long a task is there before anything is told from its use.
    #[serde(default = "two_hours")]
    pub warm_up_s: u32,
    /// How far back is looked.
    #[serde(default = "two_hours")]
    pub history_s: u32,
    /// How far the oracle sees.
    #[serde(default = "a_day")]
    pub horizon_s: u32,
}

fn five_minutes() -> u32 {
    300
}

fn two_hours() -> u32 {
    7_200
}

fn a_day() -> u32 {
    86_400
}

/// Time in pieces of one length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Intervals {
    length_ns: u64,
}

impl Intervals {
    /// Of so many nanoseconds, at least one.
    pub(super) fn of_ns(length_ns: u64) -> Self {
        Self { length_ns: length_ns.max(1) }
    }

    pub(super) fn length_ns(self) -> u64 {
        self.length_ns
    }
}

impl OvercommitPlan {
    /// What else than its tasks is read, and how: for those who keep what was read.
    pub fn reading(&self) -> String {
        format!("{} {} {}", self.used, self.core_mhz, self.interval_s)
    }

    /// How time is cut.
    pub(super) fn intervals(&self) -> Intervals {
        Intervals::of_ns(u64::from(self.interval_s) * 1_000_000_000)
    }

    /// One run of a study of this.
    ///
    /// # Errors
    /// When a number is out of its range, or a line of the timeline cannot be written.
    pub(crate) fn run(
        &self,
        seed: u64,
        list: &UsedTasks,
        recorder: &mut Recorder,
        timeline: Option<&mut Timeline>,
    ) -> Result<Measures, RunError> {
        self.check()?;
        let tasks_of = assign(list, self.machines, self.capacity(), seed);
        if recorder.wants_tasks() {
            records::tasks(self, list, &tasks_of, recorder);
        }
        if let Some(timeline) = timeline {
            records::timeline(self, list, &tasks_of, timeline)?;
        }
        let mut results = Results::new(list, self.core());
        for (machine, tasks) in (0..).zip(&tasks_of) {
            let tasks: Vec<_> = tasks.iter().map(|number| &list.tasks[*number]).collect();
            results.add(machine, &tasks, |each| walk(self, &tasks, each));
        }
        Ok(results.measures())
    }

    /// The same, while nobody looks on.
    #[cfg(test)]
    pub(super) fn run_alone(&self, seed: u64, list: &UsedTasks) -> Measures {
        self.run(seed, list, &mut Recorder::none(), None).expect("all is in its range")
    }

    /// Says no to numbers that are out of their range.
    pub(super) fn check(&self) -> Result<(), PlanError> {
        within("overcommit.machines", self.machines.into(), MACHINES_MAX)?;
        let wrong = [
            ("machines", self.machines),
            ("machine_cpus", self.machine_cpus),
            ("core_mhz", self.core_mhz),
            ("interval_s", self.interval_s),
        ];
        match wrong.into_iter().find(|(_, value)| *value == 0) {
            None => Ok(()),
            Some((key, _)) => Err(PlanError::Value {
                table: format!("overcommit.{key}"),
                problem: "has to be at least one".to_owned(),
            }),
        }
    }

    /// A whole core.
    pub(super) fn core(&self) -> Amount {
        1_000 * Amount::from(self.core_mhz)
    }

    /// Of a machine.
    pub(super) fn capacity(&self) -> Amount {
        // Two numbers of 32 bits, and a thousand: 2^64 at the most.
        self.core().saturating_mul(self.machine_cpus.into())
    }

    /// So many seconds in intervals, rounded up.
    pub(super) fn in_intervals(&self, seconds: u32) -> usize {
        seconds.div_ceil(self.interval_s.max(1)) as usize
    }
}
