//! The cluster's own clock: carried by entries, advanced by the leader's monotonic clock.
//!
//! Wall clocks never enter. A leader continues from the last applied entry's time, so that time
//! stands still while there is no leader and never goes back.

use proto::model::Instant;

/// What the cluster's clock shows when the process's shows something.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClusterClock {
    cluster: Instant,
    process: Instant,
}

impl ClusterClock {
    /// The cluster's time was `cluster` when the process's clock said `process`.
    pub(crate) fn set(&mut self, cluster: Instant, process: Instant) {
        *self = Self { cluster, process };
    }

    /// The cluster's time now.
    pub(crate) fn now(&self, process: Instant) -> Instant {
        self.cluster + process.since(self.process)
    }

    /// When the process's clock will show the cluster's time `cluster`.
    pub(crate) fn process_time(&self, cluster: Instant) -> Instant {
        self.process + cluster.since(self.cluster)
    }
}
