//! Time as integers. No clock: a time is always somebody's argument.
//!
//! [`Instant`] counts on a monotonic clock (a process's own, or the cluster's, which the leader
//! advances); [`WallTime`] is for people and is never compared.

use std::{fmt, ops};

/// A point on a monotonic clock, in milliseconds since that clock's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(pub u64);

/// A wall clock's milliseconds since 1970-01-01 UTC; for people, never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct WallTime(pub u64);

impl Instant {
    /// The time since `earlier`; zero if that is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Duration {
    /// This many seconds.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds * 1_000)
    }

    /// Milliseconds.
    pub const fn as_ms(self) -> u64 {
        self.0
    }
}

impl ops::Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(duration.0))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms % 1_000 == 0 => write!(f, "{} s", ms / 1_000),
            ms => write!(f, "{ms} ms"),
        }
    }
}
