//! How many rows readers get: so many each second, and a burst when they have been modest.
//!
//! A token bucket that may be overdrawn by one answer, because what an answer costs is known when
//! it is there; whoever comes next waits until it is paid. Does not know who reads.

use std::time::{Duration, Instant};

/// Seconds for which rows are saved.
const BURST_SECONDS: u64 = 2;

/// Rows that may be given.
#[derive(Debug)]
pub(crate) struct Ration {
    /// None is no bound.
    per_second: Option<u64>,
    /// When all that was given is paid for. As long ago as the burst lasts at most.
    paid_at: Instant,
}

impl Ration {
    /// A full one; with 0 rows per second one without a bound.
    pub(crate) fn new(per_second: u64, now: Instant) -> Self {
        let burst = Duration::from_secs(BURST_SECONDS);
        Self {
            per_second: (per_second > 0).then_some(per_second),
            paid_at: now.checked_sub(burst).unwrap_or(now),
        }
    }

    /// Rows were given; how long until more may be.
    pub(crate) fn take(&mut self, rows: usize, now: Instant) -> Duration {
        let Some(per_second) = self.per_second else { return Duration::ZERO };
        let saved = now.checked_sub(Duration::from_secs(BURST_SECONDS)).unwrap_or(now);
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        let price = rows.saturating_mul(1_000_000) / per_second;
        self.paid_at = self.paid_at.max(saved) + Duration::from_micros(price);
        self.paid_at.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_rows_come_at_their_pace() {
        let begin = Instant::now() + Duration::from_secs(60);
        let mut ration = Ration::new(1_000, begin);
        assert_eq!(ration.take(2_000, begin), Duration::ZERO, "what two seconds bring");
        assert_eq!(ration.take(500, begin), Duration::from_millis(500));
        let later = begin + Duration::from_millis(500);
        assert_eq!(ration.take(1, later), Duration::from_millis(1), "paid, and nothing saved");
        let much_later = later + Duration::from_secs(3_600);
        assert_eq!(ration.take(2_001, much_later), Duration::from_millis(1), "two seconds' worth");
    }

    #[test]
    fn without_a_bound_nobody_waits() {
        let now = Instant::now();
        assert_eq!(Ration::new(0, now).take(usize::MAX, now), Duration::ZERO);
    }
}
