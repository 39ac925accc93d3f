//! Drains and maintenance windows as messages: how far they are, and what is left of them, as seen
//! at a time on the cluster's clock.

use super::{
    Moment,
    inverse::tally_of_window,
    listings::{after, page_of, start},
};
use crate::{
    Ledger,
    input::Page,
    ledger::{Agent, Window},
};
use proto::{
    convert::agent_life::{write_unavailability, write_window_plan},
    model::{Duration, Instant, Refusal, WindowId, WindowPlan},
    wire::v1,
};
use std::ops::Bound::Unbounded;

/// Puts what operators have said about an agent into its row.
pub(super) fn add_directives(
    ledger: &Ledger,
    row: &Agent,
    now: Instant,
    summary: v1::AgentSummary,
) -> v1::AgentSummary {
    let away = ledger.unavailability(&row.info, now);
    v1::AgentSummary {
        deactivated: row.deactivated,
        drain: drain_status(ledger, row, now),
        unavailability: away.as_ref().map(write_unavailability),
        ..summary
    }
}

fn drain_status(ledger: &Ledger, row: &Agent, now: Instant) -> Option<v1::DrainStatus> {
    let drain = row.drain.as_ref()?;
    let progress = ledger.drain_progress(row, drain);
    Some(v1::DrainStatus {
        tasks_left: progress.tasks_left as u64,
        tasks_ending: progress.tasks_ending as u64,
        deadline_in_ms: drain.deadline.since(now).as_ms(),
        done_in_ms: progress.done_at.map(|at| at.since(now).as_ms()),
        mark_gone: drain.mark_gone,
        max_grace_period_ms: drain.max_grace.map(Duration::as_ms),
        window_id: drain.window.map(|window| window.to_string()).unwrap_or_default(),
    })
}

/// One window; its plan says what is left of it.
pub(crate) fn window_summary(ledger: &Ledger, window: &Window, now: Instant) -> v1::WindowSummary {
    let away = window.unavailability(now);
    let plan = WindowPlan {
        selector: window.selector.clone(),
        starts_in: away.starts_in,
        duration: away.duration,
        drain: window.drain,
        comment: window.comment.clone(),
    };
    v1::WindowSummary {
        window_id: window.id.to_string(),
        plan: Some(write_window_plan(&plan)),
        started: window.started,
        agent_count: ledger.agents_of_window(window).count() as u64,
        inverse_offers: Vec::new(),
    }
}

pub(super) fn list_windows(
    moment: &Moment,
    page: &Page,
) -> Result<v1::ListMaintenanceResponse, Refusal> {
    let ledger = &moment.ledger;
    let rows = ledger.windows_from((start(after::<WindowId>(page)?), Unbounded));
    let (rows, next_page_token) = page_of(rows, page, |window| window.id.to_string());
    let summary = |window: &Window| v1::WindowSummary {
        inverse_offers: tally_of_window(moment, window),
        ..window_summary(ledger, window, moment.time)
    };
    let windows = rows.into_iter().map(summary).collect();
    Ok(v1::ListMaintenanceResponse { windows, next_page_token })
}
