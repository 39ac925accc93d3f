//! Times that are too many to be kept: how many, their exact mean, and quantiles as sharp as bins.
//!
//! A bin is a 1,024th of a power of two wide, so that the middle of one is off by a 2,048th of the
//! time at most, and as many bins as there are powers of two do for all times. Times below 2 µs
//! have bins of their own.

use simulator::engine::Time;

/// Of the bins between a power of two and the next: the logarithm of how many.
const FINE_BITS: u32 = 10;

/// Times of anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times {
    count: u64,
    /// Of all, in nanoseconds.
    sum: u128,
    most: Time,
    least: Option<Time>,
    /// How many are in each bin, up to the last one that has any.
    bins: Vec<u64>,
}

impl Times {
    /// One more.
    pub(crate) fn push(&mut self, time: Time) {
        self.count += 1;
        self.sum += u128::from(time.0);
        self.most = self.most.max(time);
        self.least = Some(self.least.map_or(time, |least| least.min(time)));
        let bin = bin(time.0);
        if bin >= self.bins.len() {
            self.bins.resize(bin + 1, 0);
        }
        self.bins[bin] += 1;
    }

    /// How many.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Others are counted, too.
    pub(crate) fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.most = self.most.max(other.most);
        self.least = self.least.into_iter().chain(other.least).min();
        self.bins.resize(self.bins.len().max(other.bins.len()), 0);
        self.bins.iter_mut().zip(&other.bins).for_each(|(bin, more)| *bin += more);
    }

    /// In seconds; none of no times.
    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / (self.count as f64 * NS_PER_S))
    }

    /// The time below which a part of all lies, by the nearest rank, in seconds; none of no times.
    pub(crate) fn quantile(&self, part: f64) -> Option<f64> {
        let rank = ((part * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
        let mut before = 0;
        let bin = self.bins.iter().position(|count| {
            before += count;
            before >= rank
        });
        let time = Time(middle(bin?)).clamp(self.least?, self.most);
        Some(time.as_seconds())
    }
}

const NS_PER_S: f64 = 1e9;

/// The bin of a time.
fn bin(nanoseconds: u64) -> usize {
    let shift = nanoseconds.checked_ilog2().unwrap_or(0).saturating_sub(FINE_BITS);
    ((shift as usize) << FINE_BITS) + (nanoseconds >> shift) as usize
}

/// The time in the middle of a bin.
fn middle(bin: usize) -> u64 {
    let shift = (bin >> FINE_BITS).saturating_sub(1);
    let from = ((bin - (shift << FINE_BITS)) as u64) << shift;
    from + ((1_u64 << shift) - 1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::quantile;
    use simulator::engine::Chance;

    #[test]
    fn a_time_is_near_the_middle_of_its_bin() {
        let mut last = 0;
        for power in 0..64 {
            for more in [0, 1, 2, 77, 1_023] {
                let time = (1_u64 << power).saturating_add(more << power.max(10) >> 10);
                let off = middle(bin(time)).abs_diff(time);
                assert!(off <= time >> (FINE_BITS + 1), "{time} is {off} away");
                assert!(bin(time) >= last, "bins are in order");
                last = bin(1_u64 << power);
            }
        }
        assert_eq!((middle(bin(0)), middle(bin(2_047))), (0, 2_047));
        assert!(bin(u64::MAX) < 57_000, "few bins do for all times");
    }

    #[test]
    fn means_are_exact_and_quantiles_nearly() {
        assert_eq!((Times::default().mean(), Times::default().quantile(0.9)), (None, None));
        let (mut times, mut kept, mut chance) = (Times::default(), Vec::new(), Chance::new(1, 0));
        for _ in 0..10_000 {
            let powers = chance.below(40);
            let time = Time(chance.below(1 << powers));
            times.push(time);
            kept.push(time.as_seconds());
        }
        kept.sort_by(f64::total_cmp);
        let mean = kept.iter().sum::<f64>() / 10_000.0;
        assert!((times.mean().unwrap() - mean).abs() <= mean * 1e-12);
        for part in [0.0, 0.1, 0.5, 0.9, 0.99, 1.0] {
            let (is, was) = (times.quantile(part).unwrap(), quantile(&kept, part).unwrap());
            assert!((is - was).abs() <= was / 2_048.0, "{part}: {is} for {was}");
        }
        // Where all are alike, nothing is lost.
        let mut alike = Times::default();
        (0..9).for_each(|_| alike.push(Time::milliseconds(1_001)));
        assert_eq!((alike.mean(), alike.quantile(0.9)), (Some(1.001), Some(1.001)));
    }
}
