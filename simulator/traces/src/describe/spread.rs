//! How values are spread, in memory that does not grow: buckets whose width is a 128th of what they
//! hold.

use serde::Serialize;

/// Buckets of each doubling.
const STEPS: u64 = 128;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Values that were counted.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    /// As many as the largest value needs: how many values each has, and the least of them.
    buckets: Vec<(u64, u64)>,
    count: u64,
    least: Option<u64>,
    most: u64,
}

/// Some percentiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// The least value.
    pub min: u64,
    /// Half of the values are no more, as are the parts of the following.
    pub p50: u64,
    /// Nine of ten.
    pub p90: u64,
    /// 99 of a hundred.
    pub p99: u64,
    /// The greatest value.
    pub max: u64,
}

impl Spread {
    /// Counts a value so many times.
    pub fn add(&mut self, value: u64, times: u64) {
        let bucket = bucket(value);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, (0, u64::MAX));
        }
        let (count, least) = &mut self.buckets[bucket];
        *count = count.saturating_add(times);
        *least = value.min(*least);
        self.count = self.count.saturating_add(times);
        self.least = Some(self.least.map_or(value, |least| least.min(value)));
        self.most = self.most.max(value);
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The least value that so many per cent of all are not above, or up to a 128th less where
    /// values lie as close together.
    pub fn percentile(&self, per_cent: u64) -> Option<u64> {
        self.least?;
        let rank = (u128::from(self.count) * u128::from(per_cent)).div_ceil(100).max(1);
        let mut seen = 0;
        for (count, least) in &self.buckets {
            seen += u128::from(*count);
            if seen >= rank {
                return Some(*least);
            }
        }
        Some(self.most)
    }

    /// The usual ones; none if nothing was counted.
    pub fn percentiles(&self) -> Option<Percentiles> {
        Some(Percentiles {
            min: self.least?,
            p50: self.percentile(50)?,
            p90: self.percentile(90)?,
            p99: self.percentile(99)?,
            max: self.most,
        })
    }
}

/// The bucket of a value: the value itself while it is small.
fn bucket(value: u64) -> usize {
    let shift = (64 - STEP_BITS - 1).saturating_sub(value.leading_zeros());
    let steps = u64::from(shift) * STEPS + (value >> shift);
    steps as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_and_are_narrow() {
        let mut values: Vec<u64> = (0..5_000).collect();
        values.extend((6..64).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]));
        values.extend([u64::MAX - 1, u64::MAX]);
        values.sort_unstable();
        for pair in values.windows(2) {
            assert!(bucket(pair[0]) <= bucket(pair[1]), "{pair:?}");
        }
        for value in values {
            // A value that is a 128th away and more has another bucket.
            let far = value.saturating_add(value / STEPS + 1);
            assert!(bucket(far) > bucket(value) || far == u64::MAX, "{value}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let mut spread = Spread::default();
        assert_eq!(spread.percentiles(), None);
        (1..=100).for_each(|value| spread.add(value, 1));
        let expected = Percentiles { min: 1, p50: 50, p90: 90, p99: 99, max: 100 };
        assert_eq!(spread.percentiles(), Some(expected));
        spread.add(1_000_000, 900);
        assert_eq!(spread.percentile(50), Some(1_000_000));
        assert_eq!((spread.percentile(10), spread.count()), (Some(100), 1_000));
    }
}
