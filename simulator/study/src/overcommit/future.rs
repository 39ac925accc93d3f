//! The peak oracle: what the tasks that are on a machine will use at most, all together, within a
//! horizon. Tasks that come later do not count; those that end do not, once they have.

use super::used::{Amount, UsedTask};
use std::collections::VecDeque;

/// Peaks to come of the tasks that were there at one interval. They hold for later intervals, too,
/// as long as nobody comes: who has gone by then uses nothing any more.
#[derive(Debug, Default)]
pub(super) struct Future {
    from: u64,
    peaks: Vec<Amount>,
}

impl Future {
    /// Of these tasks, which are there at an interval; a peak is the most of so many intervals, the
    /// one at which it is asked for included.
    pub(super) fn new(tasks: &[&UsedTask], from: u64, horizon: usize) -> Self {
        let end = tasks.iter().map(|task| task.end()).max().unwrap_or(from);
        let all = |interval| tasks.iter().map(|task| task.used_at(interval)).sum();
        let sums: Vec<Amount> = (from..end).map(all).collect();
        let mut peaks = vec![0; sums.len()];
        // Places of the sums within the horizon that no earlier one exceeds, the largest last.
        let mut largest: VecDeque<usize> = VecDeque::new();
        for place in (0..sums.len()).rev() {
            while largest.front().is_some_and(|other| sums[*other] <= sums[place]) {
                largest.pop_front();
            }
            largest.push_front(place);
            while largest.back().is_some_and(|other| *other - place >= horizon.max(1)) {
                largest.pop_back();
            }
            peaks[place] = largest.back().map_or(0, |other| sums[*other]);
        }
        Self { from, peaks }
    }

    /// The peak to come at an interval.
    pub(super) fn peak(&self, interval: u64) -> Amount {
        let place = interval.checked_sub(self.from).and_then(|since| usize::try_from(since).ok());
        place.and_then(|place| self.peaks.get(place)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use simulator::engine::Chance;

    #[test]
    fn a_peak_is_the_largest_sum_within_the_horizon() {
        let mut chance = Chance::new(1, 0);
        for horizon in [1, 2, 5, 100] {
            let tasks: Vec<UsedTask> = (0..6)
                .map(|number| UsedTask {
                    first: number,
                    limit: 100,
                    used: (0..=chance.between(5, 30)).map(|_| chance.below(100)).collect(),
                })
                .collect();
            let tasks: Vec<&UsedTask> = tasks.iter().collect();
            let future = Future::new(&tasks, 5, horizon);
            for interval in 5..50 {
                // Only who is there at the interval itself counts.
                let here = tasks.iter().filter(|task| task.end() > interval);
                let sum = |at| here.clone().map(|task| task.used_at(at)).sum::<u64>();
                let most = (interval..interval + horizon as u64).map(sum).max().unwrap();
                assert_eq!(future.peak(interval), most, "{interval}, {horizon}");
            }
        }
    }
}
