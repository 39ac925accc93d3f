//! What a demand gains from work of lower priority, and why not more.

use proto::wire::v1;
use serde::Serialize;

/// As `bourse why` reports it.
#[derive(Debug, Serialize)]
pub(super) struct PreemptionReport {
    tasks_ending: u32,
    deadline_in_ms: u64,
    tasks_lower: u64,
    tasks_not_entitled: u64,
    tasks_in_budgets: u64,
    rate_limited: bool,
}

impl From<v1::PreemptionStanding> for PreemptionReport {
    fn from(wire: v1::PreemptionStanding) -> Self {
        Self {
            tasks_ending: wire.tasks_ending,
            deadline_in_ms: wire.deadline_in_ms,
            tasks_lower: wire.tasks_lower,
            tasks_not_entitled: wire.tasks_not_entitled,
            tasks_in_budgets: wire.tasks_in_budgets,
            rate_limited: wire.rate_limited,
        }
    }
}

impl PreemptionReport {
    /// For people, each with its indentation.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.tasks_ending > 0 {
            let seconds = self.deadline_in_ms.div_ceil(1_000);
            let count = self.tasks_ending;
            lines.push(match seconds {
                0 => format!("    waits for {count} tasks that are being ended for it"),
                _ => format!("    waits for {count} tasks that give way to it within {seconds} s"),
            });
        }
        let lower = self.tasks_lower;
        let mut of = |count: u64, what: &str| {
            if count > 0 {
                lines.push(format!("    {count:>6} of {lower} tasks of lower priority {what}"));
            }
        };
        of(self.tasks_not_entitled, "are not for its role to take: see guarantees and shares");
        of(self.tasks_in_budgets, "are kept by their frameworks' disruption budgets");
        if self.rate_limited {
            lines.push("    as many tasks gave way within a minute as may".to_owned());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_so_is_said_and_nothing_else() {
        let nothing = PreemptionReport::from(v1::PreemptionStanding::default());
        assert!(nothing.lines().is_empty());
        let wire = v1::PreemptionStanding {
            tasks_ending: 2,
            deadline_in_ms: 1_500,
            tasks_lower: 5,
            tasks_in_budgets: 3,
            ..v1::PreemptionStanding::default()
        };
        assert_eq!(
            PreemptionReport::from(wire).lines(),
            [
                "    waits for 2 tasks that give way to it within 2 s",
                "         3 of 5 tasks of lower priority are kept by their frameworks' disruption \
                 budgets",
            ]
        );
    }
}
