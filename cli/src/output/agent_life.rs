//! Drains and maintenance windows as people and programs see them.

use super::{
    Row,
    inverse::{self, ShownTally},
};
use proto::wire::v1;
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// How far a drain is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ShownDrain {
    tasks_left: u64,
    tasks_ending: u64,
    deadline_in_ms: u64,
    done_in_ms: Option<u64>,
    max_grace_ms: Option<u64>,
    mark_gone: bool,
    /// The maintenance window that it is for.
    window: Option<String>,
}

/// When an agent will be away.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ShownUnavailability {
    starts_in_ms: u64,
    duration_ms: u64,
    drains: bool,
}

/// One maintenance window.
#[derive(Debug, Serialize)]
pub(crate) struct WindowRow {
    id: String,
    selector: String,
    state: &'static str,
    agents: u64,
    starts_in_ms: u64,
    duration_ms: u64,
    drain_deadline_ms: Option<u64>,
    max_grace_ms: Option<u64>,
    comment: String,
    inverse_offers: Vec<ShownTally>,
    /// By this machine's clock.
    starts_at: String,
    ends_at: String,
}

/// `2h 5m`, without what is below a second.
pub(crate) fn span(ms: u64) -> String {
    match ms {
        0 => "0s".to_owned(),
        1..1_000 => "<1s".to_owned(),
        ms => humantime::format_duration(Duration::from_secs(ms / 1_000)).to_string(),
    }
}

impl ShownDrain {
    /// In one cell.
    pub(crate) fn line(&self) -> String {
        let then = if self.mark_gone { ", then gone" } else { "" };
        let left = match self.tasks_left {
            0 => return format!("drained{then}"),
            1 => "1 task left".to_owned(),
            left => format!("{left} tasks left"),
        };
        let done = match self.done_in_ms {
            Some(ms) => format!("done within {}", span(ms)),
            None => "waits for the agent".to_owned(),
        };
        format!("draining: {left}, {done}{then}")
    }

    /// In several lines.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let tasks = format!("{} left, of these {} ending", self.tasks_left, self.tasks_ending);
        let deadline = match self.deadline_in_ms {
            0 => "passed: all tasks end".to_owned(),
            ms => format!("in {}: until then budgets are respected", span(ms)),
        };
        let forecast = match (self.tasks_left, self.done_in_ms) {
            (0, _) => "done".to_owned(),
            (_, Some(ms)) => format!("done within {}", span(ms)),
            (_, None) => "unknown: the agent is out of contact".to_owned(),
        };
        let mut lines = vec![("drain", tasks), ("deadline", deadline), ("forecast", forecast)];
        lines.extend(self.max_grace_ms.map(|ms| ("grace at most", span(ms))));
        lines.extend(self.mark_gone.then(|| ("when empty", "gone for good".to_owned())));
        lines.extend(self.window.clone().map(|window| ("because of", window)));
        lines
    }
}

impl From<v1::DrainStatus> for ShownDrain {
    fn from(wire: v1::DrainStatus) -> Self {
        Self {
            tasks_left: wire.tasks_left,
            tasks_ending: wire.tasks_ending,
            deadline_in_ms: wire.deadline_in_ms,
            done_in_ms: wire.done_in_ms,
            max_grace_ms: wire.max_grace_period_ms,
            mark_gone: wire.mark_gone,
            window: Some(wire.window_id).filter(|window| !window.is_empty()),
        }
    }
}

impl ShownUnavailability {
    /// In one cell.
    pub(crate) fn line(&self) -> String {
        match self.starts_in_ms {
            0 => format!("away for {}", span(self.duration_ms)),
            ms => format!("away in {} for {}", span(ms), span(self.duration_ms)),
        }
    }
}

impl From<v1::Unavailability> for ShownUnavailability {
    fn from(wire: v1::Unavailability) -> Self {
        let v1::Unavailability { starts_in_ms, duration_ms, drains } = wire;
        Self { starts_in_ms, duration_ms, drains }
    }
}

impl From<v1::WindowSummary> for WindowRow {
    fn from(wire: v1::WindowSummary) -> Self {
        let plan = wire.plan.unwrap_or_default();
        let now = SystemTime::now();
        let at = |ms: u64| match now.checked_add(Duration::from_millis(ms)) {
            Some(at) => humantime::format_rfc3339_seconds(at).to_string(),
            None => "-".to_owned(),
        };
        Self {
            id: wire.window_id,
            selector: plan.selector,
            state: if wire.started { "begun" } else { "planned" },
            agents: wire.agent_count,
            starts_in_ms: plan.starts_in_ms,
            duration_ms: plan.duration_ms,
            drain_deadline_ms: plan.drain.and_then(|drain| drain.deadline_ms),
            max_grace_ms: plan.drain.and_then(|drain| drain.max_grace_period_ms),
            comment: plan.comment,
            inverse_offers: wire.inverse_offers.into_iter().map(ShownTally::from).collect(),
            starts_at: at(plan.starts_in_ms),
            ends_at: at(plan.starts_in_ms.saturating_add(plan.duration_ms)),
        }
    }
}

impl Row for WindowRow {
    const TITLES: &'static [&'static str] =
        &["window", "selector", "state", "agents", "starts", "ends", "drain", "asked", "comment"];

    fn cells(&self) -> Vec<String> {
        let drain = match self.drain_deadline_ms {
            Some(ms) => format!("within {}", span(ms)),
            None => "no".to_owned(),
        };
        let starts = match self.state {
            "begun" => "-".to_owned(),
            _ => self.starts_at.clone(),
        };
        vec![
            self.id.clone(),
            self.selector.clone(),
            self.state.to_owned(),
            self.agents.to_string(),
            starts,
            self.ends_at.clone(),
            drain,
            inverse::brief(&self.inverse_offers).unwrap_or_default(),
            self.comment.clone(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_says_how_far_it_is() {
        let mut drain = ShownDrain::from(v1::DrainStatus {
            tasks_left: 3,
            tasks_ending: 1,
            deadline_in_ms: 125_000,
            done_in_ms: Some(128_000),
            ..v1::DrainStatus::default()
        });
        assert_eq!(drain.line(), "draining: 3 tasks left, done within 2m 8s");
        assert_eq!(drain.lines()[1].1, "in 2m 5s: until then budgets are respected");
        drain.done_in_ms = None;
        assert_eq!(drain.line(), "draining: 3 tasks left, waits for the agent");
        (drain.tasks_left, drain.mark_gone) = (0, true);
        assert_eq!(drain.line(), "drained, then gone");
    }
}
