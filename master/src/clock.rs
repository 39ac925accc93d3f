//! The process's clock, as the core is told it.

use master_core::Now;
use proto::model::{Instant, WallTime};
use std::time::{self, Duration, SystemTime};

/// Counts from its making; every room of a process must use the same one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: time::Instant::now() }
    }

    pub(crate) fn now(&self) -> Now {
        // A wall clock before 1970 is shown as 1970: it is for people, nothing depends on it.
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Now {
            monotonic: Instant(milliseconds(self.origin.elapsed())),
            wall: WallTime(milliseconds(wall)),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
