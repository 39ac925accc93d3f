//! Counts for operators' metrics. Nothing decides by them.

use proto::model::{DeclineReason, Duration, InverseAnswer, Reason, Role, TaskState};
use std::collections::BTreeMap;

/// Counted since the process started; kept across changes of leader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Offers made.
    pub offers_made: u64,
    /// Offers used by an accept.
    pub offers_accepted: u64,
    /// Offers handed back.
    pub offers_declined: u64,
    /// The same by reason; what lacked is not told apart.
    pub declines: BTreeMap<DeclineReason, u64>,
    /// Offers taken back: expired, or their agent or framework was lost.
    pub offers_rescinded: u64,
    /// Those of them that were not answered in time.
    pub offers_lapsed: u64,
    /// How long offers were kept that were handed back unused, one beside the other, in ms.
    pub unused_kept_ms: u64,
    /// The same of those that were not answered in time.
    pub lapsed_kept_ms: u64,
    /// Inverse offers that were accepted, and that were declined.
    pub inverse_offers: (u64, u64),
    /// Commits in shared roles, by role.
    pub commits: BTreeMap<Role, CommitFigures>,
    /// Tasks committed for launch.
    pub tasks_launched: u64,
    /// Tasks that were chosen to give way to others.
    pub tasks_preempted: u64,
    /// Those of them that were revocable: what was lent is taken back.
    pub tasks_revoked: u64,
    /// Times that this member gave leadership away since its disk was what all waited for.
    pub left_to_faster_disks: u64,
    /// Log entries proposed.
    pub entries_proposed: u64,
    /// Commands in them.
    pub commands_proposed: u64,
    /// Calls and streams refused, by reason.
    pub refusals: BTreeMap<Reason, u64>,
}

/// Commits of a framework, or in a role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CommitFigures {
    /// All that were judged.
    pub commits: u64,
    /// Those in which something conflicted.
    pub conflicts: u64,
}

/// How things stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Raft term.
    pub term: u64,
    /// 1 on the leader.
    pub leader: u64,
    /// 1 when serving.
    pub serving: u64,
    /// Last committed log index.
    pub committed_index: u64,
    /// Last applied log index.
    pub applied_index: u64,
    /// Commands proposed and not yet applied.
    pub proposals_in_flight: u64,
    /// Offers that somebody holds.
    pub offers_live: u64,
    /// Frameworks that are charged for offers that they kept.
    pub frameworks_charged: u64,
    /// Live tasks that are revocable.
    pub tasks_revocable: u64,
    /// Agents in the ledger.
    pub agents: u64,
    /// Frameworks in the ledger.
    pub frameworks: u64,
    /// Tasks in the ledger, by state.
    pub tasks: BTreeMap<TaskState, u64>,
}

impl Figures {
    pub(crate) fn declined(&mut self, reason: DeclineReason, offers: u64) {
        self.offers_declined += offers;
        let kind = match reason {
            DeclineReason::NotEnough(_) => DeclineReason::not_enough([]),
            other => other,
        };
        *self.declines.entry(kind).or_default() += offers;
    }

    /// An offer was handed back after so long, and nothing of it used.
    pub(crate) fn kept(&mut self, held: Duration) {
        self.unused_kept_ms = self.unused_kept_ms.saturating_add(held.0);
    }

    /// An offer was not answered.
    pub(crate) fn lapsed(&mut self, held: Duration) {
        self.offers_lapsed += 1;
        self.lapsed_kept_ms = self.lapsed_kept_ms.saturating_add(held.0);
    }

    pub(crate) fn inverse_answered(&mut self, answer: &InverseAnswer, offers: u64) {
        match answer {
            InverseAnswer::Accept => self.inverse_offers.0 += offers,
            InverseAnswer::Decline { .. } => self.inverse_offers.1 += offers,
        }
    }

    pub(crate) fn refused(&mut self, reason: Reason) {
        *self.refusals.entry(reason).or_default() += 1;
    }
}

impl CommitFigures {
    pub(crate) fn count(&mut self, conflicts: bool) {
        self.commits += 1;
        self.conflicts += u64::from(conflicts);
    }
}
