//! Who gives way to whom: when a demand of a higher priority waits, and nothing that is free does,
//! which tasks are to end for it.
//!
//! ```text
//! by priority   look            choice           ledger            allocator
//! a demand ───▶ agents and ───▶ the cheapest ──▶ Preempt: ───────▶ what is freed is kept
//! that waits    claims on them  set on one       checked again,    for the demand (a claim)
//! ```
//!
//! What is revocable is below everything that is not, and gives way whatever its priority: so what
//! is lent of a guarantee comes back to its owner.
//!
//! Nothing is ended that does not make room for a whole piece (or gang). What is chosen is
//! revocable, or of a lower priority than the demand, always, and nothing gives way to what is
//! revocable itself; so whoever gave way can never take its place back, and
//! every round moves the cluster to more work of the highest priorities: it comes to rest.
//!
//! All of this is the leader's own and volatile, but for the marks on the tasks, and for how many
//! gave way in the last minute: each member has counted these.

pub mod choice;
mod entitlement;
mod lately;
mod look;
mod needs;
mod reclaim;
mod turn;

use crate::{allocator::Bidder, liveness::rate_limit::RateLimit};
pub(crate) use lately::GaveWay;
use proto::model::{DemandId, Duration, Instant, TaskKey};
use std::collections::BTreeMap;

/// How long what was freed is kept for a demand after its tasks should have ended.
const CLAIM_SLACK: Duration = Duration::from_seconds(30);

/// What a leader remembers of all this.
#[derive(Debug)]
pub(crate) struct PreemptionState {
    limit: RateLimit,
    /// Chosen in this turn; their frameworks are to be told.
    victims: Vec<TaskKey>,
    /// Something was proposed and is not decided.
    is_under_way: bool,
    /// What there was to see when nothing was found to do: log positions of view and demand, and
    /// the last entry applied.
    seen: Option<(u64, u64, u64)>,
    /// What the last look found, by demand.
    outlooks: BTreeMap<(Bidder, DemandId), Outlook>,
}

/// Why nothing gives way to a demand, counted in tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outlook {
    /// Of a lower priority, on agents that would do.
    pub(crate) lower: u64,
    /// Of these, such as the role has no claim on.
    pub(crate) not_entitled: u64,
    /// Of these, such as their frameworks' budgets keep.
    pub(crate) in_budgets: u64,
    /// There was a way, and the limit per minute was reached.
    pub(crate) is_rate_limited: bool,
}

impl PreemptionState {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            limit: RateLimit::per_minute(per_minute),
            victims: Vec::new(),
            is_under_way: false,
            seen: None,
            outlooks: BTreeMap::new(),
        }
    }

    /// A leader before this one has had a task give way; it counts for a minute, until `until`.
    pub(crate) fn gave_way(&mut self, until: Instant, now: Instant) {
        self.limit.was_taken(until, now);
    }

    pub(crate) fn note_victim(&mut self, key: &TaskKey) {
        self.victims.push(key.clone());
    }

    pub(crate) fn take_victims(&mut self) -> Vec<TaskKey> {
        std::mem::take(&mut self.victims)
    }

    /// What the last look found for a demand.
    pub(crate) fn outlook(&self, bidder: &Bidder, demand: &DemandId) -> Outlook {
        let key = (bidder.clone(), demand.clone());
        self.outlooks.get(&key).copied().unwrap_or_default()
    }
}
