//! The master's metrics: all names in one place.
//!
//! Every series carries the label `node`, so that several masters of one process can be told apart.

use master_core::master::figures::{Figures, Gauges};
use metrics::{
    Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};
use proto::{
    convert::{decline::write_decline_reason, status::write_state},
    model::{NodeId, Reason, TaskState},
};
use std::time::Duration;

const LEADER: &str = "bourse_master_leader";
const SERVING: &str = "bourse_master_serving";
const TERM: &str = "bourse_master_term";
const COMMITTED: &str = "bourse_master_committed_index";
const APPLIED: &str = "bourse_master_applied_index";
const IN_FLIGHT: &str = "bourse_master_proposals_in_flight";
const OFFERS_LIVE: &str = "bourse_master_offers_live";
const CHARGED: &str = "bourse_master_frameworks_charged";
const LAPSED: &str = "bourse_master_offers_lapsed_total";
const KEPT_SECONDS: &str = "bourse_master_offers_kept_seconds_total";
const INVERSE: &str = "bourse_master_inverse_offers_total";
const AGENTS: &str = "bourse_master_agents";
const FRAMEWORKS: &str = "bourse_master_frameworks";
const TASKS: &str = "bourse_master_tasks";
const OFFERS: &str = "bourse_master_offers_total";
const DECLINES: &str = "bourse_master_offers_declined_total";
const LAUNCHED: &str = "bourse_master_tasks_launched_total";
const PREEMPTED: &str = "bourse_master_tasks_preempted_total";
const REVOKED: &str = "bourse_master_tasks_revoked_total";
const REVOCABLE: &str = "bourse_master_tasks_revocable";
const ENTRIES: &str = "bourse_master_entries_proposed_total";
const COMMANDS: &str = "bourse_master_commands_proposed_total";
const FASTER_DISKS: &str = "bourse_master_left_to_faster_disks_total";
const COMMITS: &str = "bourse_master_commits_total";
const REFUSALS: &str = "bourse_master_refusals_total";
const QUEUE: &str = "bourse_master_queue_length";
const COMMIT_SECONDS: &str = "bourse_master_commit_seconds";

/// Handles of the series that are written often.
pub(crate) struct Labels {
    node: String,
    commit: Histogram,
    inbox: Gauge,
    disk: Gauge,
    peers: Gauge,
}

/// To be called before the first series is written.
pub(crate) fn install() {
    edge::metrics::install();
    describe();
}

/// A refusal on its way out.
pub(crate) fn refused(node: &str, reason: Reason) {
    let reason = edge::metrics::reason_name(reason);
    counter!(REFUSALS, "node" => node.to_owned(), "reason" => reason).increment(1);
}

/// Copies the core's counts.
pub(crate) fn record(labels: &Labels, gauges: &Gauges, figures: &Figures) {
    let node = &labels.node;
    let pairs = [
        (LEADER, gauges.leader),
        (SERVING, gauges.serving),
        (TERM, gauges.term),
        (COMMITTED, gauges.committed_index),
        (APPLIED, gauges.applied_index),
        (IN_FLIGHT, gauges.proposals_in_flight),
        (OFFERS_LIVE, gauges.offers_live),
        (CHARGED, gauges.frameworks_charged),
        (REVOCABLE, gauges.tasks_revocable),
        (AGENTS, gauges.agents),
        (FRAMEWORKS, gauges.frameworks),
    ];
    for (name, value) in pairs {
        gauge!(name, "node" => node.clone()).set(value as f64);
    }
    for state in TaskState::ALL {
        let count = gauges.tasks.get(&state).copied().unwrap_or(0);
        gauge!(TASKS, "node" => node.clone(), "state" => state_name(state)).set(count as f64);
    }
    let offers = [
        ("made", figures.offers_made),
        ("accepted", figures.offers_accepted),
        ("declined", figures.offers_declined),
        ("rescinded", figures.offers_rescinded),
    ];
    for (outcome, count) in offers {
        counter!(OFFERS, "node" => node.clone(), "outcome" => outcome).absolute(count);
    }
    let kept = [("unused", figures.unused_kept_ms), ("lapsed", figures.lapsed_kept_ms)];
    for (outcome, ms) in kept {
        counter!(KEPT_SECONDS, "node" => node.clone(), "outcome" => outcome).absolute(ms / 1_000);
    }
    let (accepted, declined) = figures.inverse_offers;
    for (answer, count) in [("accepted", accepted), ("declined", declined)] {
        counter!(INVERSE, "node" => node.clone(), "answer" => answer).absolute(count);
    }
    for (reason, count) in &figures.declines {
        let reason = write_decline_reason(*reason).as_str_name();
        counter!(DECLINES, "node" => node.clone(), "reason" => reason).absolute(*count);
    }
    for (role, figures) in &figures.commits {
        for (outcome, count) in [("judged", figures.commits), ("conflicted", figures.conflicts)] {
            let role = role.to_string();
            counter!(COMMITS, "node" => node.clone(), "role" => role, "outcome" => outcome)
                .absolute(count);
        }
    }
    let counts = [
        (LAPSED, figures.offers_lapsed),
        (LAUNCHED, figures.tasks_launched),
        (PREEMPTED, figures.tasks_preempted),
        (REVOKED, figures.tasks_revoked),
        (ENTRIES, figures.entries_proposed),
        (COMMANDS, figures.commands_proposed),
        (FASTER_DISKS, figures.left_to_faster_disks),
    ];
    for (name, count) in counts {
        counter!(name, "node" => node.clone()).absolute(count);
    }
}

impl Labels {
    pub(crate) fn new(node: NodeId) -> Self {
        let node = node.to_string();
        let queue = |queue: &'static str| gauge!(QUEUE, "node" => node.clone(), "queue" => queue);
        let (inbox, disk, peers) = (queue("inputs"), queue("disk"), queue("peers"));
        let commit = histogram!(COMMIT_SECONDS, "node" => node.clone());
        Self { node, commit, inbox, disk, peers }
    }

    /// How much waits: for the core, for the disk, for the slowest peer.
    pub(crate) fn queues(&self, inputs: usize, disk: usize, peers: usize) {
        self.inbox.set(inputs as f64);
        self.disk.set(disk as f64);
        self.peers.set(peers as f64);
    }

    /// A call was answered with what was committed.
    pub(crate) fn committed(&self, after: Duration) {
        self.commit.record(after);
    }

    /// A refusal on its way out.
    pub(crate) fn refused(&self, reason: Reason) {
        refused(&self.node, reason);
    }
}

impl std::fmt::Debug for Labels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Labels").field("node", &self.node).finish_non_exhaustive()
    }
}

fn state_name(state: TaskState) -> &'static str {
    write_state(state).as_str_name()
}

fn describe() {
    describe_gauge!(LEADER, "1 on the member that leads");
    describe_gauge!(SERVING, "1 on the leader once it has applied the first entry of its term");
    describe_gauge!(TERM, "Raft term");
    describe_gauge!(COMMITTED, "Last committed log index");
    describe_gauge!(APPLIED, "Last applied log index");
    describe_gauge!(IN_FLIGHT, "Commands proposed and not yet applied");
    describe_gauge!(OFFERS_LIVE, "Offers that frameworks hold");
    describe_gauge!(CHARGED, "Frameworks that are charged for offers that they kept unused");
    describe_counter!(LAPSED, "Offers that were not answered in time");
    describe_counter!(
        KEPT_SECONDS,
        "How long offers were kept, one beside the other, that were handed back unused or lapsed"
    );
    describe_counter!(INVERSE, "Inverse offers that frameworks answered");
    describe_gauge!(AGENTS, "Agents known");
    describe_gauge!(FRAMEWORKS, "Frameworks known");
    describe_gauge!(TASKS, "Tasks known, by state");
    describe_counter!(OFFERS, "Offers, by what became of them");
    describe_counter!(DECLINES, "Offers that frameworks declined, by the reason they gave");
    describe_counter!(
        COMMITS,
        "Commits in shared roles, all and those in which something conflicted"
    );
    describe_counter!(LAUNCHED, "Tasks committed for launch");
    describe_counter!(PREEMPTED, "Tasks that were chosen to give way to others");
    describe_counter!(REVOKED, "Of these, revocable tasks: what was lent was taken back");
    describe_gauge!(REVOCABLE, "Live tasks that are revocable");
    describe_counter!(ENTRIES, "Log entries proposed");
    describe_counter!(COMMANDS, "Commands in them");
    describe_counter!(
        FASTER_DISKS,
        "Times that leadership was left to a master with a faster disk"
    );
    describe_counter!(REFUSALS, "Calls and streams refused, by reason");
    describe_gauge!(
        QUEUE,
        "What waits: inputs for the core, writes for the disk, messages for the slowest peer"
    );
    describe_histogram!(
        COMMIT_SECONDS,
        "From a call's arrival to its answer, for calls that commit"
    );
    describe_histogram!("bourse_log_fsync_seconds", "One durable write of the log");
    describe_counter!("bourse_log_entries_total", "Entries written to the log");
    describe_counter!("bourse_log_batches_total", "Batches written to the log");
}
