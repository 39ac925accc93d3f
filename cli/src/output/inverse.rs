//! What frameworks say that were asked to leave agents, in words and for programs.

use proto::wire::v1;
use serde::Serialize;

/// One framework's.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ShownTally {
    framework: String,
    accepted: u64,
    declined: u64,
    unanswered: u64,
    decline_message: Option<String>,
}

/// Of several frameworks together, in one cell.
pub(super) fn brief(tallies: &[ShownTally]) -> Option<String> {
    let sum = |count: fn(&ShownTally) -> u64| tallies.iter().map(count).sum::<u64>();
    let counts = [
        (sum(|tally| tally.accepted), "accepted"),
        (sum(|tally| tally.declined), "declined"),
        (sum(|tally| tally.unanswered), "unanswered"),
    ];
    let said = counts.iter().filter(|(count, _)| *count > 0);
    let said: Vec<String> = said.map(|(count, word)| format!("{count} {word}")).collect();
    (!said.is_empty()).then(|| format!("asked to leave: {}", said.join(", ")))
}

impl ShownTally {
    /// In one line, without whose it is.
    fn line(&self) -> String {
        let counts = [
            (self.accepted, "accepted: it will be gone by then"),
            (self.declined, "declined"),
            (self.unanswered, "has not answered"),
        ];
        let said: Vec<String> = match counts.iter().filter(|(count, _)| *count > 0).count() {
            1 => counts.iter().filter(|(n, _)| *n > 0).map(|(_, it)| (*it).to_owned()).collect(),
            _ => counts.iter().filter(|(n, _)| *n > 0).map(|(n, it)| format!("{n} {it}")).collect(),
        };
        let message = self.decline_message.as_ref();
        let message = message.map(|message| format!(" ({message})")).unwrap_or_default();
        format!("{}: {}{message}", self.framework, said.join(", "))
    }

    /// In several lines.
    pub(super) fn lines(tallies: &[Self]) -> Vec<(&'static str, String)> {
        tallies.iter().map(|tally| ("asked to leave", tally.line())).collect()
    }
}

impl From<v1::InverseTally> for ShownTally {
    fn from(wire: v1::InverseTally) -> Self {
        Self {
            framework: wire.framework_id,
            accepted: wire.accepted,
            declined: wire.declined,
            unanswered: wire.unanswered,
            decline_message: Some(wire.decline_message).filter(|message| !message.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_framework_says_its_own() {
        let tally = |framework: &str, counts: (u64, u64, u64), message: &str| {
            ShownTally::from(v1::InverseTally {
                framework_id: framework.to_owned(),
                accepted: counts.0,
                declined: counts.1,
                unanswered: counts.2,
                decline_message: message.to_owned(),
            })
        };
        let tallies = [
            tally("framework-1", (1, 0, 0), ""),
            tally("framework-2", (0, 1, 0), "its disks are here"),
            tally("framework-3", (0, 0, 1), ""),
            tally("framework-4", (2, 0, 1), ""),
        ];
        let brief = brief(&tallies);
        assert_eq!(brief.as_deref(), Some("asked to leave: 3 accepted, 1 declined, 2 unanswered"));
        assert_eq!(super::brief(&[]), None);
        let lines: Vec<String> =
            ShownTally::lines(&tallies).into_iter().map(|(_, line)| line).collect();
        let expected = [
            "framework-1: accepted: it will be gone by then",
            "framework-2: declined (its disks are here)",
            "framework-3: has not answered",
            "framework-4: 2 accepted: it will be gone by then, 1 has not answered",
        ];
        assert_eq!(lines, expected);
    }
}
