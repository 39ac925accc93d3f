//! Demands that are stated no longer: what became of them, and what had stood in their way.

use super::{table, why::DemandReport};
use proto::wire::v1::{self, PastOutcome};
use serde::Serialize;
use std::time::Duration;

/// One of them.
#[derive(Debug, Serialize)]
pub(crate) struct PastReport {
    framework: String,
    role: String,
    /// Such as `given_up`.
    outcome: String,
    waited_ms: u64,
    ended_ms_ago: u64,
    /// As of its end; agents are counted only for what was given up.
    demand: DemandReport,
    #[serde(skip)]
    sentence: String,
}

impl PastReport {
    pub(super) fn new(wire: v1::PastDemand) -> Self {
        let standing = wire.standing.clone().unwrap_or_default();
        let id = standing.demand.as_ref().map(|demand| demand.demand_id.clone());
        let waited = shown(wire.waited_ms);
        let became = match wire.outcome() {
            PastOutcome::PastGivenUp => {
                format!("was given up after {waited}: its pieces could not be had together")
            }
            PastOutcome::PastWithdrawn => format!("was taken back after {waited}"),
            PastOutcome::PastServed => format!("had all that it wanted within {waited}"),
            PastOutcome::Unspecified => "is stated no longer".to_owned(),
        };
        let ago = shown(wire.ended_ms_ago);
        Self {
            outcome: wire.outcome().as_str_name().trim_start_matches("PAST_").to_lowercase(),
            sentence: format!("{} {became}, {ago} ago.", id.unwrap_or_default()),
            framework: wire.framework_id,
            role: wire.role,
            waited_ms: wire.waited_ms,
            ended_ms_ago: wire.ended_ms_ago,
            demand: DemandReport::new(standing),
        }
    }

    pub(super) fn text(&self) -> String {
        let line = format!("{} in {}: {}", self.framework, self.role, self.sentence);
        let numbers = match &*self.outcome {
            "given_up" => format!("\n  at that moment:\n{}", self.demand.text()),
            _ => String::new(),
        };
        format!("{}{numbers}\n", table::escape(&line))
    }
}

/// A length of time as people say it: nobody wants the milliseconds of an hour.
fn shown(ms: u64) -> String {
    let exact = Duration::from_millis(ms);
    let whole = Duration::from_secs(exact.as_secs());
    humantime::format_duration(if ms < 10_000 { exact } else { whole }).to_string()
}
