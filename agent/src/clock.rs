//! The agent's clock: milliseconds since it was made, and what wall clocks said then.

use proto::model::{Instant, WallTime};
use std::time::{self, SystemTime};

/// A monotonic clock with an origin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: time::Instant,
}

impl Clock {
    /// A clock whose origin is now.
    pub(crate) fn start() -> (Self, WallTime) {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let wall = WallTime(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX));
        (Self { origin: time::Instant::now() }, wall)
    }

    pub(crate) fn now(&self) -> Instant {
        Instant(u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// When this clock will say that.
    pub(crate) fn at(&self, instant: Instant) -> tokio::time::Instant {
        (self.origin + time::Duration::from_millis(instant.0)).into()
    }
}
