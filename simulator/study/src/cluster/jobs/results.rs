//! What is measured of frameworks with queues, as the Omega paper has it.

use crate::statistics::{mean_seconds, quantile_seconds};
use simulator::engine::Time;

/// Numbers of one framework.
#[derive(Debug, Clone, Default)]
pub(in crate::cluster) struct JobsResults {
    pub(in crate::cluster) arrived: u64,
    /// Jobs of which every task was launched.
    pub(super) placed: u64,
    /// Jobs that were given up.
    pub(super) abandoned: u64,
    pub(super) attempts: u64,
    /// Decisions of which something was refused.
    pub(super) conflicts: u64,
    /// In the queue, from the arrival to the first decision.
    pub(super) waits: Vec<Time>,
    /// In the queue, all together, of jobs that were wholly placed.
    pub(super) waits_full: Vec<Time>,
    /// Time of decisions of which something was refused.
    pub(super) wasted: Time,
}

impl JobsResults {
    pub(in crate::cluster) fn add(&mut self, other: &Self) {
        self.arrived += other.arrived;
        self.placed += other.placed;
        self.abandoned += other.abandoned;
        self.attempts += other.attempts;
        self.conflicts += other.conflicts;
        self.waits.extend(&other.waits);
        self.waits_full.extend(&other.waits_full);
        self.wasted += other.wasted;
    }

    /// By name: times in seconds, `wasted` in parts of the time of so many frameworks.
    pub(in crate::cluster) fn numbers(
        &self,
        seconds: f64,
        frameworks: f64,
    ) -> [(&'static str, Option<f64>); 9] {
        let left = self.arrived - self.placed - self.abandoned;
        [
            ("jobs", Some(self.arrived as f64)),
            ("placed", Some(self.placed as f64)),
            ("abandoned", Some(self.abandoned as f64)),
            ("left", Some(left as f64)),
            ("conflicts", Some(self.conflicts as f64 / self.placed.max(1) as f64)),
            ("wasted", Some(self.wasted.as_seconds() / (seconds * frameworks.max(1.0)))),
            ("wait", mean_seconds(&self.waits)),
            ("wait-p90", quantile_seconds(&self.waits, 0.9)),
            ("wait-full", mean_seconds(&self.waits_full)),
        ]
    }
}
