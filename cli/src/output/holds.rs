//! What frameworks are charged for offers that they kept, in words and for programs.

use proto::{model::Duration, wire::v1};
use serde::Serialize;

/// A charge.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct ShownCharge {
    behind_ms: u64,
    lapses: u32,
    offers_last_ms: Option<u64>,
}

impl ShownCharge {
    pub(super) fn read(wire: Option<v1::HoldCharge>) -> Option<Self> {
        wire.map(|wire| Self {
            behind_ms: wire.behind_ms,
            lapses: wire.lapses,
            offers_last_ms: wire.offers_last_ms,
        })
    }

    /// In a cell.
    pub(super) fn brief(&self) -> String {
        match (self.behind_ms, self.lapses) {
            (0, lapses) => format!("{lapses} lapsed"),
            (ms, 0) => format!("behind {}", Duration(ms)),
            (ms, lapses) => format!("behind {}, {lapses} lapsed", Duration(ms)),
        }
    }

    /// As sentences.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.behind_ms > 0 {
            let time = Duration(self.behind_ms);
            lines.push(format!("  it kept offers unused: for {time} it comes after all others"));
        }
        if self.lapses > 0 {
            let last = self
                .offers_last_ms
                .map_or(String::new(), |ms| format!("; its next ones last {}", Duration(ms)));
            let times = if self.lapses == 1 { "time" } else { "times in a row" };
            lines.push(format!("  it let offers lapse {} {times}{last}", self.lapses));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(behind_ms: u64, lapses: u32) -> ShownCharge {
        let wire = v1::HoldCharge { behind_ms, lapses, offers_last_ms: Some(15_000) };
        ShownCharge::read(Some(wire)).unwrap()
    }

    #[test]
    fn each_part_is_said_when_there_is_one() {
        assert_eq!(charge(5_000, 0).brief(), "behind 5 s");
        assert_eq!(charge(5_000, 2).brief(), "behind 5 s, 2 lapsed");
        assert_eq!(charge(0, 1).brief(), "1 lapsed");
        let lines = charge(5_000, 2).lines();
        assert_eq!(lines[0], "  it kept offers unused: for 5 s it comes after all others");
        assert_eq!(lines[1], "  it let offers lapse 2 times in a row; its next ones last 15 s");
        assert_eq!(charge(0, 1).lines().len(), 1);
    }
}
