//! A process's own clock: it starts anywhere, and may be too fast or too slow.

use proto::model::Instant;

/// A clock that goes as the world's does, in thousandths.
pub(crate) const EXACT: u64 = 1_000;

/// What a process's monotonic clock shows at what time of the world's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    since: Instant,
    showed: Instant,
    rate_per_mille: u64,
}

impl Clock {
    /// One that shows this at a time of the world's.
    pub(crate) fn started(at: Instant, shows: Instant) -> Self {
        Self { since: at, showed: shows, rate_per_mille: EXACT }
    }

    /// What it shows.
    pub(crate) fn shows(&self, at: Instant) -> Instant {
        Instant(self.showed.0 + at.since(self.since).0 * self.rate_per_mille / EXACT)
    }

    /// When it shows that, or more; not before it began to go at its present rate.
    pub(crate) fn world_time(&self, own: Instant) -> Instant {
        let rest = own.since(self.showed).0 * EXACT;
        Instant(self.since.0 + rest.div_ceil(self.rate_per_mille))
    }

    /// From now on it goes at this rate; it does not jump.
    pub(crate) fn drift(&mut self, at: Instant, rate_per_mille: u64) {
        *self = Self { since: at, showed: self.shows(at), rate_per_mille };
    }

    /// How long one of its 100 ms takes, in milliseconds of the world's.
    pub(crate) fn tick_ms(&self) -> u64 {
        100 * EXACT / self.rate_per_mille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_drifts_does_not_jump_and_is_read_backwards() {
        let mut clock = Clock::started(Instant(100), Instant(5_000));
        assert_eq!(clock.shows(Instant(300)), Instant(5_200));
        clock.drift(Instant(300), 1_100);
        assert_eq!(clock.shows(Instant(300)), Instant(5_200));
        assert_eq!(clock.shows(Instant(1_300)), Instant(6_300));
        for own in [5_200, 5_201, 6_299, 6_300] {
            let at = clock.world_time(Instant(own));
            assert!(clock.shows(at) >= Instant(own));
            assert!(own == 5_200 || clock.shows(Instant(at.0 - 1)) < Instant(own), "{own}");
        }
        assert_eq!(clock.world_time(Instant(1)), Instant(300), "over since long");
    }
}
