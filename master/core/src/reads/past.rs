//! Demands that are stated no longer: what became of them, kept for a while.
//!
//! Who asks why something was not placed mostly asks afterwards. A gang that was given up is kept
//! with what stood in its way at that moment; one that was served or taken back with how long it
//! was wanted, which costs nothing to know. Volatile and bounded; the oldest makes room.

use super::Viewer;
use crate::{
    Ledger,
    allocator::{
        Bidder,
        stated::{Ended, Outcome},
    },
};
use proto::{
    convert::demand::write_demand,
    model::{DemandId, Duration, FrameworkId, Instant, Role, limits},
    wire::v1::{self, PastOutcome},
};
use std::collections::VecDeque;

/// One of them.
#[derive(Debug)]
struct Row {
    bidder: Bidder,
    demand: DemandId,
    ended: Instant,
    shown: v1::PastDemand,
}

/// All of them, the oldest in front.
#[derive(Debug, Default)]
pub(crate) struct Past(VecDeque<Row>);

impl Past {
    /// Keeps one that was wanted for so long; `standing` is what stood in its way, if that was
    /// looked at. Times are on the cluster's clock.
    pub(crate) fn keep(
        &mut self,
        now: Instant,
        waited: Duration,
        ended: &Ended,
        standing: Option<v1::DemandStanding>,
    ) {
        self.forget(now);
        if self.0.len() >= limits::PAST_DEMANDS_MAX {
            self.0.pop_front();
        }
        let entry = &ended.entry;
        let outcome = match ended.outcome {
            Outcome::GivenUp => PastOutcome::PastGivenUp,
            Outcome::Withdrawn => PastOutcome::PastWithdrawn,
            Outcome::Served => PastOutcome::PastServed,
        };
        let shown = v1::PastDemand {
            framework_id: ended.bidder.framework.to_string(),
            role: ended.bidder.role.to_string(),
            outcome: outcome.into(),
            waited_ms: waited.as_ms(),
            // Filled in when somebody asks.
            ended_ms_ago: 0,
            standing: Some(standing.unwrap_or_else(|| v1::DemandStanding {
                demand: Some(write_demand(entry.stated())),
                pieces_left: entry.open(),
                ..v1::DemandStanding::default()
            })),
        };
        let (bidder, demand) = (ended.bidder.clone(), entry.id().clone());
        self.0.push_back(Row { bidder, demand, ended: now, shown });
    }

    /// Those that the viewer may see, of this framework, role and name where they are given; the
    /// newest first.
    pub(crate) fn list(
        &self,
        (ledger, viewer): (&Ledger, &Viewer),
        now: Instant,
        (framework, role, demand): (Option<FrameworkId>, Option<&Role>, Option<&DemandId>),
    ) -> Vec<v1::PastDemand> {
        let asked_for = |row: &&Row| {
            row.ended + limits::PAST_DEMANDS_KEPT > now
                && framework.is_none_or(|only| row.bidder.framework == only)
                && role.is_none_or(|only| row.bidder.role == *only)
                && demand.is_none_or(|only| row.demand == *only)
                && viewer.sees(ledger, row.bidder.framework)
        };
        let shown = |row: &Row| {
            let ended_ms_ago = now.since(row.ended).as_ms();
            v1::PastDemand { ended_ms_ago, ..row.shown.clone() }
        };
        let rows = self.0.iter().rev().filter(asked_for);
        rows.take(limits::STANDINGS_MAX).map(shown).collect()
    }

    /// Lets go of those whose time is over.
    fn forget(&mut self, now: Instant) {
        while self.0.front().is_some_and(|row| row.ended + limits::PAST_DEMANDS_KEPT <= now) {
            self.0.pop_front();
        }
    }
}
