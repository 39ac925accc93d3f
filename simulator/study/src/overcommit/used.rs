//! Tasks with what they used, interval by interval.

use super::plan::{Intervals, OvercommitPlan};
use crate::{
    error::RunError,
    limits::{INTERVALS_MAX, within},
};
use std::{collections::BTreeMap, path::Path};
use traces::{
    model::{Kind, Names},
    open,
};

/// An amount of processors: thousandths of a core times MHz.
pub(super) type Amount = u64;

/// Tasks of which there are samples, by when they begin.
#[derive(Debug, Clone, Default)]
pub struct UsedTasks {
    pub(super) tasks: Vec<UsedTask>,
    /// Tasks of which there is no sample; they are left out.
    pub(super) without_use: u64,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UsedTask {
    /// The interval in which it begins.
    pub(super) first: u64,
    /// What it may use.
    pub(super) limit: Amount,
    /// The most that it used in each interval from the first one on, up to its limit; never empty.
    pub(super) used: Vec<Amount>,
}

impl UsedTask {
    /// The interval in which it is gone.
    pub(super) fn end(&self) -> u64 {
        self.first + self.used.len() as u64
    }

    /// What it used in an interval; nothing while it is not there.
    pub(super) fn used_at(&self, interval: u64) -> Amount {
        let since = interval.checked_sub(self.first);
        let place = since.and_then(|since| usize::try_from(since).ok());
        place.and_then(|place| self.used.get(place)).copied().unwrap_or(0)
    }

    /// How many intervals of it are over by the end of this one, in which it is there.
    pub(super) fn age(&self, interval: u64) -> usize {
        usize::try_from(interval - self.first).map_or(usize::MAX, |age| age + 1)
    }
}

impl UsedTasks {
    /// Reads tasks, and what they used from another file.
    ///
    /// # Errors
    /// When a file cannot be read or holds something else, a number of the plan is out of its
    /// range, or there are too many intervals.
    pub fn read(data: &Path, plan: &OvercommitPlan, seed: u64) -> Result<Self, RunError> {
        plan.check()?;
        let intervals = plan.intervals();
        let mut samples: BTreeMap<u64, Vec<(u64, Amount)>> = BTreeMap::new();
        for fragment in open::fragments(&data.join(&plan.used), Names::new())? {
            let fragment = fragment?;
            let of = samples.entry(fragment.task).or_default();
            of.push((fragment.duration_ns, fragment.cpu_usage));
        }
        let (mut list, mut total) = (Self::default(), 0_u64);
        for arrival in plan.tasks.arrivals(data, seed, Names::new())? {
            let arrival = arrival?;
            let Some(samples) = samples.get(&arrival.job) else {
                list.without_use += 1;
                continue;
            };
            let limit = arrival.each[Kind::Cpus].saturating_mul(plan.core_mhz.into());
            let lasts = samples.iter().map(|(duration, _)| duration);
            let lasts = lasts.fold(0_u64, |sum, duration| sum.saturating_add(*duration));
            total = total.saturating_add(lasts / intervals.length_ns() + 2);
            within("overcommit.used: intervals of all tasks", total, INTERVALS_MAX)?;
            match intervals.task(arrival.submit_ns, limit, samples) {
                Some(task) => list.tasks.push(task),
                None => list.without_use += 1,
            }
        }
        list.tasks.sort_by_key(|task| task.first);
        Ok(list)
    }
}

impl Intervals {
    /// A task that begins at a time, of samples (duration, use) one after the other; none of no
    /// time.
    fn task(self, begins: u64, limit: Amount, samples: &[(u64, Amount)]) -> Option<UsedTask> {
        let length = self.length_ns();
        let (first, mut at) = (begins / length, begins);
        let mut used: Vec<Amount> = Vec::new();
        for (duration, amount) in samples.iter().filter(|(duration, _)| *duration > 0) {
            let end = at.saturating_add(*duration);
            let (from, last) = (at / length - first, end.saturating_sub(1) / length - first);
            let (from, last) = (usize::try_from(from).ok()?, usize::try_from(last).ok()?);
            used.resize(used.len().max(last + 1), 0);
            for place in &mut used[from..=last] {
                *place = (*place).max(*amount).min(limit);
            }
            at = end;
        }
        (!used.is_empty()).then_some(UsedTask { first, limit, used })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_has_the_most_of_what_is_in_it() {
        let intervals = Intervals::of_ns(100);
        let task =
            intervals.task(250, 50, &[(30, 7), (30, 9), (0, 99), (90, 3), (160, 60)]).unwrap();
        // From 250: 7 until 280, 9 until 310, 3 until 400, 60 until 560, of which 50 are allowed.
        assert_eq!(task, UsedTask { first: 2, limit: 50, used: vec![9, 9, 50, 50] });
        assert_eq!((task.end(), task.age(2), task.age(5)), (6, 1, 4));
        let used: Vec<_> = (1..8).map(|interval| task.used_at(interval)).collect();
        assert_eq!(used, [0, 9, 9, 50, 50, 0, 0]);
        assert_eq!(intervals.task(250, 50, &[(0, 1)]), None);
        assert_eq!(intervals.task(250, 50, &[]), None);
        // A sample that ends with an interval says nothing about the next one.
        assert_eq!(intervals.task(0, 50, &[(100, 4)]).unwrap().used, [4]);
    }
}
