//! How large a trial is and how rough its world. What goes wrong in it, and when, is a list of its
//! own: the plan of the scenario.

use serde::{Deserialize, Serialize};

/// A trial's settings: with the plan of its faults, all that decides a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Decides everything that is drawn during the run.
    pub seed: u64,
    /// Masters that found the cluster: 1 to 5.
    pub masters: usize,
    /// Agents; at least 1.
    pub agents: usize,
    /// Frameworks; at least 1.
    pub frameworks: usize,
    /// Tasks that each framework wants to see finished.
    pub tasks_per_framework: usize,
    /// How long faults come, in virtual milliseconds.
    pub faults_for_ms: u64,
    /// How many agents a leader may give up in a minute; at least 1.
    #[serde(default = "many_agents")]
    pub agents_lost_per_minute: u32,
    /// Messages between masters lost, of a thousand.
    pub loss_per_mille: u64,
    /// Messages between masters that arrive twice, of a thousand.
    pub duplicate_per_mille: u64,
    /// Entries between snapshots.
    pub snapshot_entries: u64,
    /// Entries kept behind a snapshot.
    pub log_tail_entries: u64,
    /// Machines without a past that an operator may add as masters; with any, masters are added,
    /// replaced and removed.
    pub spare_masters: usize,
    /// Whether frameworks state demand.
    pub wishes: bool,
    /// Whether an operator changes what roles may do.
    pub role_changes: bool,
    /// Accepts that launch task groups, of a thousand.
    pub groups_per_mille: u64,
    /// Whether an operator makes volumes, resizes and destroys them.
    pub volumes: bool,
    /// Whether masters begin with the software of before, and are upgraded one by one.
    #[serde(default)]
    pub old_masters: bool,
    /// Schedulers that run on the SDK, each with a job of the batch framework.
    #[serde(default)]
    pub sdk_frameworks: usize,
}

/// Of scenarios in which it was no setting yet.
fn many_agents() -> u32 {
    60
}
