//! At most so many per minute, in any minute.
//!
//! A bucket of tokens where each token comes back exactly one minute after it was taken. (The usual
//! bucket that drips tokens back lets nearly twice its size through in one minute.) Integers only.

use proto::model::{Duration, Instant};
use std::collections::VecDeque;

/// How long a token is away.
pub const WINDOW: Duration = Duration::from_seconds(60);

/// The bucket.
#[derive(Debug, Clone)]
pub struct RateLimit {
    size: usize,
    /// When each missing token comes back, in order; never more than `size`.
    returning: VecDeque<Instant>,
}

impl RateLimit {
    /// A full bucket.
    pub fn per_minute(size: u32) -> Self {
        Self { size: size as usize, returning: VecDeque::new() }
    }

    /// Takes a token, or says that there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        while self.returning.front().is_some_and(|back| *back <= now) {
            self.returning.pop_front();
        }
        if self.returning.len() >= self.size {
            return false;
        }
        assert!(self.returning.back().is_none_or(|last| *last <= now + WINDOW), "time goes on");
        self.returning.push_back(now + WINDOW);
        true
    }

    /// A token was taken before this bucket was there, and comes back at `back`.
    pub fn was_taken(&mut self, back: Instant, now: Instant) {
        let back = back.min(now + WINDOW);
        let place = self.returning.partition_point(|other| *other <= back);
        self.returning.insert(place, back);
        if self.returning.len() > self.size {
            self.returning.pop_front();
        }
    }

    /// When there will be one more than now; `None` when all are there.
    pub fn next_return(&self, now: Instant) -> Option<Instant> {
        self.returning.iter().copied().find(|back| *back > now)
    }

    /// From when on there is a token; `None` when there never is one.
    pub fn next(&self) -> Option<Instant> {
        match self.returning.len() < self.size {
            true => Some(Instant::default()),
            false => self.returning.front().copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// No window of a minute holds more than the limit, whenever it starts, and no token is
        /// refused that the limit would allow.
        #[test]
        fn never_more_in_any_minute(
            size in 0..6u32,
            gaps in prop::collection::vec(0..25_000u64, 1..120),
        ) {
            let mut limit = RateLimit::per_minute(size);
            let mut now = Instant(0);
            let mut taken: Vec<Instant> = Vec::new();
            for gap in gaps {
                now = now + Duration(gap);
                let recent = taken.iter().filter(|at| now.since(**at) < WINDOW).count();
                let possible = recent < size as usize;
                prop_assert_eq!(limit.next().is_some_and(|next| next <= now), possible);
                prop_assert_eq!(limit.take(now), possible);
                if possible {
                    taken.push(now);
                }
            }
            for start in &taken {
                let window = taken.iter().filter(|at| *at >= start && at.since(*start) < WINDOW);
                prop_assert!(window.count() <= size as usize);
            }
        }

        /// A bucket that is told of the last minute goes on as the one before it would have.
        #[test]
        fn a_successor_goes_on(
            size in 0..6u32,
            before in prop::collection::vec(0..25_000u64, 1..40),
            after in prop::collection::vec(0..25_000u64, 1..40),
        ) {
            let mut limit = RateLimit::per_minute(size);
            let mut now = Instant(0);
            let mut taken = Vec::new();
            for gap in before {
                now = now + Duration(gap);
                if limit.take(now) {
                    taken.push(now);
                }
            }
            let mut successor = RateLimit::per_minute(size);
            // In no order, and with some that came back long ago.
            for at in taken.iter().rev() {
                successor.was_taken(*at + WINDOW, now);
            }
            for gap in after {
                now = now + Duration(gap);
                prop_assert_eq!(successor.take(now), limit.take(now));
            }
        }
    }
}
