//! The agent's metrics: all names in one place.

use crate::{run::Figures, volumes::Standing};
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use proto::model::{Reason, TaskState};
use std::time::Duration;

const TASKS: &str = "bourse_agent_tasks";
const VOLUMES: &str = "bourse_agent_volumes";
const PENDING: &str = "bourse_agent_updates_pending";
const CONNECTED: &str = "bourse_agent_connected";
const RECONNECTS: &str = "bourse_agent_reconnects_total";
const STALE: &str = "bourse_agent_stale_orders_total";
const REFUSALS: &str = "bourse_agent_refusals_total";
const LAUNCH: &str = "bourse_agent_container_launch_seconds";
const PULLS: &str = "bourse_agent_image_pulls_total";
const PULL: &str = "bourse_agent_image_pull_seconds";
const FETCHED: &str = "bourse_agent_image_fetched_bytes_total";
const REMOVED: &str = "bourse_agent_images_removed_total";
const COMMIT: &str = "bourse_agent_journal_commit_seconds";

/// Why an image went that no task used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemovedFor {
    Age,
    Space,
}

impl RemovedFor {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Space => "space",
        }
    }
}

/// To be called before the first series is written.
pub(crate) fn install() {
    edge::metrics::install();
    describe_gauge!(TASKS, "Tasks in the journal, by state");
    describe_gauge!(VOLUMES, "Volumes in the journal, by state");
    describe_gauge!(PENDING, "Tasks with updates that no leader confirmed");
    describe_gauge!(CONNECTED, "1 while registered with a leader");
    describe_counter!(RECONNECTS, "Attempts to connect after the first");
    describe_counter!(STALE, "Orders of a term that was over");
    describe_counter!(REFUSALS, "Calls that the table does not allow, by reason");
    describe_histogram!(LAUNCH, Unit::Seconds, "From the order to the running task");
    describe_counter!(PULLS, "Images that were to come from registries, by outcome");
    describe_histogram!(PULL, Unit::Seconds, "One image, from its registry to its last layer");
    describe_counter!(FETCHED, Unit::Bytes, "Archives of images' layers, as registries send them");
    describe_counter!(REMOVED, "Images that no task used, by why they went: age or space");
    describe_histogram!(COMMIT, Unit::Seconds, "One commit of the journal");
}

/// Sets the gauges.
pub(crate) fn publish(figures: &Figures) {
    let ours = [TaskState::Staging, TaskState::Running, TaskState::Killing];
    let ends = TaskState::ALL.into_iter().filter(|state| state.is_terminal());
    for state in ours.into_iter().chain(ends) {
        let count = figures.tasks.get(&state).copied().unwrap_or(0);
        gauge!(TASKS, "state" => state.name()).set(f64::from(count));
    }
    for standing in Standing::ALL {
        let count = figures.volumes.get(&standing).copied().unwrap_or(0);
        gauge!(VOLUMES, "state" => standing.name()).set(f64::from(count));
    }
    gauge!(PENDING).set(f64::from(figures.unconfirmed));
    gauge!(CONNECTED).set(f64::from(u8::from(figures.registered)));
    counter!(STALE).absolute(figures.stale_orders);
}

/// A call was refused at the gate.
pub(crate) fn refused(_agent: &str, reason: Reason) {
    counter!(REFUSALS, "reason" => edge::metrics::reason_name(reason)).increment(1);
}

/// Another connection is attempted.
pub(crate) fn reconnecting() {
    counter!(RECONNECTS).increment(1);
}

/// A container runs.
pub(crate) fn launched(after: Duration) {
    histogram!(LAUNCH).record(after);
}

/// An image came from its registry.
pub(crate) fn pulled(after: Duration) {
    counter!(PULLS, "outcome" => "pulled").increment(1);
    histogram!(PULL).record(after);
}

/// An image did not come.
pub(crate) fn pull_failed() {
    counter!(PULLS, "outcome" => "failed").increment(1);
}

/// Bytes of an image's archives came.
pub(crate) fn fetched(bytes: u64) {
    counter!(FETCHED).increment(bytes);
}

/// An image that no task used is gone.
pub(crate) fn image_removed(why: RemovedFor) {
    counter!(REMOVED, "why" => why.name()).increment(1);
}

/// The journal is on disk.
pub(crate) fn committed(after: Duration) {
    histogram!(COMMIT).record(after);
}
