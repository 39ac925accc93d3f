//! Policies: how much the tasks of a machine will use at most, as far as can be told from what they
//! used. None sees what comes, except the oracle.

use super::used::{Amount, UsedTask};
use serde::Deserialize;

/// Who predicts the peak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Predictor {
    /// A part of the sum of limits, in per cent, whatever is used (`borg-default` with 90).
    LimitPart {
        /// From 0 to 100.
        percent: u32,
    },
    /// Of each task the percentile of its own use; their sum (as Resource Central does it).
    Percentile {
        /// From 1 to 100.
        percent: u32,
    },
    /// The mean of what all used together, and so many standard deviations more.
    NSigma {
        /// How many.
        n: u32,
    },
    /// The larger one of the last two.
    Max {
        /// Standard deviations.
        n: u32,
        /// The percentile.
        percent: u32,
    },
    /// What comes.
    Oracle,
}

/// What a policy may look at: tasks of one machine at one interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'a> {
    /// Those that are there.
    pub(super) tasks: &'a [&'a UsedTask],
    pub(super) now: u64,
    /// So many intervals of a task are over before anything is told from them; at least one.
    pub(super) warm_up: usize,
    /// So many of the last intervals are looked at; at least one.
    pub(super) history: usize,
    /// The sum of their limits.
    pub(super) limit: Amount,
    /// What the oracle says.
    pub(super) peak: Amount,
}

impl Predictor {
    /// The peak that is predicted: never more than the sum of limits.
    pub(super) fn predict(self, sight: &Sight<'_>) -> Amount {
        let predicted = match self {
            Self::LimitPart { percent } => part(sight.limit, percent),
            Self::Percentile { percent } => sight.with_young(|old| percentiles(old, percent)),
            Self::NSigma { n } => sight.with_young(|old| n_sigma(old, n)),
            Self::Max { n, percent } => {
                sight.with_young(|old| n_sigma(old, n).max(percentiles(old, percent)))
            }
            Self::Oracle => sight.peak,
        };
        predicted.min(sight.limit)
    }
}

impl Sight<'_> {
    /// What is predicted of tasks that are there for long enough, and the limits of the others.
    fn with_young(&self, predict: impl FnOnce(&Sight<'_>) -> Amount) -> Amount {
        let is_old = |task: &&&UsedTask| task.age(self.now) >= self.warm_up.max(1);
        let old: Vec<&UsedTask> = self.tasks.iter().filter(is_old).copied().collect();
        let limit: Amount = old.iter().map(|task| task.limit).sum();
        if old.is_empty() {
            return self.limit;
        }
        let sight = Sight { tasks: &old, limit, ..*self };
        (self.limit - limit).saturating_add(predict(&sight).min(limit))
    }
}

/// Per cent of an amount, rounded up.
fn part(amount: Amount, percent: u32) -> Amount {
    let part = (u128::from(amount) * u128::from(percent)).div_ceil(100);
    Amount::try_from(part).unwrap_or(Amount::MAX)
}

/// The sum of the tasks' percentiles, each by the nearest rank.
fn percentiles(sight: &Sight<'_>, percent: u32) -> Amount {
    let one = |task: &&UsedTask| {
        let end = task.age(sight.now).min(task.used.len());
        let mut used = task.used[end.saturating_sub(sight.history.max(1))..end].to_vec();
        used.sort_unstable();
        let rank = (used.len() * percent as usize).div_ceil(100).clamp(1, used.len());
        used[rank - 1]
    };
    sight.tasks.iter().map(one).sum()
}

/// The mean and some standard deviations of what all tasks used together in each of the last
/// intervals. An interval in which some were not there yet counts for all, by their limits.
fn n_sigma(sight: &Sight<'_>, n: u32) -> Amount {
    let (mut count, mut sum, mut squares) = (0_u128, 0_u128, 0_u128);
    for ago in 0..sight.history.max(1) as u64 {
        let Some(then) = sight.now.checked_sub(ago) else { break };
        let there = sight.tasks.iter().filter(|task| task.first <= then);
        let (used, limit) = there.fold((0_u128, 0_u128), |(used, limit), task| {
            (used + u128::from(task.used_at(then)), limit + u128::from(task.limit))
        });
        if limit == 0 {
            break;
        }
        let of_all = used * u128::from(sight.limit) / limit;
        count += 1;
        sum += of_all;
        squares = squares.saturating_add(of_all.saturating_mul(of_all));
    }
    let mean = sum.div_ceil(count.max(1));
    let above = count.saturating_mul(squares).saturating_sub(sum.saturating_mul(sum));
    let variance = above / (count * count.saturating_sub(1)).max(1);
    let peak = mean.saturating_add(variance.isqrt().saturating_mul(u128::from(n)));
    Amount::try_from(peak).unwrap_or(Amount::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(first: u64, limit: Amount, used: &[Amount]) -> UsedTask {
        UsedTask { first, limit, used: used.to_vec() }
    }

    fn predict(predictor: Predictor, tasks: &[UsedTask], now: u64, history: usize) -> Amount {
        let tasks: Vec<&UsedTask> = tasks.iter().collect();
        let limit = tasks.iter().map(|task| task.limit).sum();
        let sight = Sight { tasks: &tasks, now, warm_up: 3, history, limit, peak: 17 };
        predictor.predict(&sight)
    }

    #[test]
    fn each_policy_is_what_it_is_said_to_be() {
        let tasks = [
            task(0, 100, &[10, 20, 30, 40, 90]),
            task(1, 50, &[5, 5, 5, 50]),
            // Two intervals are over: its limit counts.
            task(2, 7, &[1, 1, 1]),
        ];
        let at_3 = |predictor| predict(predictor, &tasks, 3, 4);
        assert_eq!(at_3(Predictor::LimitPart { percent: 90 }), 142, "of 157, rounded up");
        assert_eq!(at_3(Predictor::Percentile { percent: 100 }), 40 + 5 + 7);
        assert_eq!(at_3(Predictor::Percentile { percent: 50 }), 20 + 5 + 7);
        assert_eq!(predict(Predictor::Percentile { percent: 50 }, &tasks, 3, 2), 30 + 5 + 7);
        // Together 45, 35, 25 of 150, and 10 of 100, which is 15 of 150: mean 30, deviation 12.9.
        assert_eq!(at_3(Predictor::NSigma { n: 0 }), 30 + 7);
        assert_eq!(at_3(Predictor::NSigma { n: 2 }), 30 + 2 * 12 + 7);
        assert_eq!(at_3(Predictor::NSigma { n: 100 }), 157, "never more than the limits");
        assert_eq!(at_3(Predictor::Max { n: 0, percent: 100 }), 45 + 7);
        assert_eq!(at_3(Predictor::Max { n: 2, percent: 100 }), 54 + 7);
        assert_eq!(at_3(Predictor::Oracle), 17);
        // Nobody is old enough at first.
        assert_eq!(predict(Predictor::NSigma { n: 0 }, &tasks[..1], 1, 4), 100);
        // Of one interval there is no deviation.
        assert_eq!(predict(Predictor::NSigma { n: 9 }, &tasks[..1], 3, 1), 40);
    }

    #[test]
    fn amounts_beyond_all_bounds_are_limits() {
        let tasks = [task(0, Amount::MAX / 2, &[Amount::MAX / 2, 0, 0, Amount::MAX / 2])];
        for predictor in [
            Predictor::LimitPart { percent: u32::MAX },
            Predictor::Percentile { percent: u32::MAX },
            Predictor::NSigma { n: u32::MAX },
        ] {
            assert_eq!(predict(predictor, &tasks, 3, 4), Amount::MAX / 2);
        }
    }
}
