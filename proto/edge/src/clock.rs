//! The process's clock, as cores are told it: milliseconds since it was made.

use proto::model::{Instant, WallTime};
use std::time::{self, Duration, SystemTime};

/// Counts from its making; every room of a process must use the same one.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: time::Instant,
}

impl Clock {
    /// A clock whose origin is now.
    pub fn start() -> Self {
        Self { origin: time::Instant::now() }
    }

    /// Since the origin.
    pub fn now(&self) -> Instant {
        Instant(milliseconds(self.origin.elapsed()))
    }

    /// When this clock will say that, or said it.
    pub fn at(&self, instant: Instant) -> tokio::time::Instant {
        (self.origin + Duration::from_millis(instant.0)).into()
    }
}

/// What wall clocks say. Before 1970 is shown as 1970: it is for people, nothing depends on it.
pub fn wall() -> WallTime {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime(milliseconds(wall))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
