//! Whether a queue still grows when a run ends: then what is served falls behind what comes, no
//! mean wait exists, and the one that was measured only says how long the run was.
//!
//! The rule: over the last half of the time in which work comes, the queue's length is taken at 200
//! moments, and the means of ten each (batches so long that they are nearly independent of each
//! other: Law, "Simulation modeling and analysis", section 9.5.3) are put to the trend test of Mann
//! (Econometrica 13, 1945) and Kendall ("Rank correlation methods", 1948), with ties, one-sided.
//! The queue grows when a trend by chance would be rarer than one in a thousand **and** what it
//! grew by from the first batch to the last is at least a hundredth of what came meanwhile: what a
//! stable queue gains is no part of what comes, the more comes.

use super::{Running, Waiting};
use simulator::engine::Time;

/// Batches that are compared, and lengths of which each is the sum.
const BATCHES: usize = 20;
const BATCH: usize = 10;
const SAMPLES: u64 = (BATCHES * BATCH) as u64;

/// One in a thousand of a normal distribution is above so many deviations.
const DEVIATIONS: f64 = 3.090;

/// A hundredth of what comes.
const LEAST_PART: u64 = 100;

/// Lengths of all queues, taken from time to time.
#[derive(Debug)]
pub(super) struct Trend {
    from: Time,
    to: Time,
    taken: Vec<Vec<Waiting>>,
}

impl Trend {
    /// Of a run in which work comes from a moment to another one.
    pub(super) fn new((from, to): (Time, Time)) -> Self {
        let half = Time(from.0.midpoint(to.0).max(from.0));
        Self { from: half, to, taken: Vec::new() }
    }

    /// When lengths are next to be taken.
    pub(super) fn next(&self) -> Option<Time> {
        let number = self.taken.len() as u64 + 1;
        let whole = u128::from(self.to.0 - self.from.0) * u128::from(number);
        let since = u64::try_from(whole / u128::from(SAMPLES)).ok()?;
        (number <= SAMPLES).then_some(Time(self.from.0 + since))
    }

    /// Takes them.
    pub(super) fn take(&mut self, run: &dyn Running) {
        self.taken.push(run.waiting());
    }

    /// The queues that still grow, with how many are left in them.
    pub(super) fn growing(&self) -> Vec<Waiting> {
        let Some(last) = self.taken.last().filter(|_| self.taken.len() as u64 == SAMPLES) else {
            return Vec::new();
        };
        let grows = |(index, _): &(usize, &Waiting)| {
            let of = |at: usize| &self.taken[at][*index];
            let counts: Vec<u64> = (0..self.taken.len()).map(|at| of(at).count).collect();
            let came = of(self.taken.len() - 1).come - of(0).come;
            is_growing(&counts, came)
        };
        last.iter().enumerate().filter(grows).map(|(_, waiting)| waiting.clone()).collect()
    }
}

/// Whether lengths grow, while so many came.
fn is_growing(counts: &[u64], came: u64) -> bool {
    let batches: Vec<u64> = counts.chunks_exact(BATCH).map(|batch| batch.iter().sum()).collect();
    let (Some(first), Some(last)) = (batches.first(), batches.last()) else { return false };
    // A batch is the sum of ten lengths.
    let gained = last.saturating_sub(*first);
    gained > 0 && gained * LEAST_PART >= came * BATCH as u64 && trend(&batches) >= DEVIATIONS
}

/// Kendall's sum over all pairs, in its deviations when there is no trend.
fn trend(values: &[u64]) -> f64 {
    let count = values.len();
    let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |other| (one, other)));
    let sum: i64 = pairs.map(|(one, other)| values[other].cmp(&values[one]) as i64).sum();
    let term = |count: usize| (count * count.saturating_sub(1) * (2 * count + 5)) as f64;
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let ties: f64 = sorted.chunk_by(|one, other| one == other).map(|tie| term(tie.len())).sum();
    let variance = (term(count) - ties) / 18.0;
    // One less towards no trend: the sum moves in steps of two.
    let sum = (sum.abs() - 1).max(0) * sum.signum();
    if variance > 0.0 { sum as f64 / variance.sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use simulator::engine::Chance;

    #[test]
    fn the_test_is_that_of_the_books() {
        // Five values without ties, each above those before: S = 10, its variance 5 · 4 · 15 / 18.
        assert!((trend(&[1, 2, 3, 4, 5]) - 9.0 / (50.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((trend(&[5, 4, 3, 2, 1]) + 9.0 / (50.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!((trend(&[7; 20]), trend(&[])), (0.0, 0.0));
    }

    /// A queue with one server at discrete moments: what comes is 0 or 1 with a chance.
    fn lengths(seed: u64, come_per_mille: u64) -> (Vec<u64>, u64) {
        let (mut chance, mut length, mut came, mut counts) =
            (Chance::new(seed, 0), 0_u64, 0, vec![]);
        for step in 0..200_000 {
            if chance.per_mille(come_per_mille) {
                length += 1;
                came += u64::from(step >= 100_000);
            }
            if chance.per_mille(500) {
                length = length.saturating_sub(1);
            }
            if step >= 100_000 && (step + 1) % 500 == 0 {
                counts.push(length);
            }
        }
        (counts, came)
    }

    #[test]
    fn a_queue_that_is_served_too_slowly_grows_and_others_do_not() {
        for seed in 0..20 {
            for (load, grows) in
                [(100, false), (400, false), (475, false), (520, true), (900, true)]
            {
                let (counts, came) = lengths(seed, load);
                assert_eq!(counts.len() as u64, SAMPLES);
                assert_eq!(is_growing(&counts, came), grows, "{seed} {load}: {counts:?}");
            }
        }
    }
}
