//! What an exercise measured and found, for people and programs.

use std::time::Duration;

/// The result of one exercise.
#[derive(Debug)]
pub struct Report {
    /// Its name.
    pub exercise: &'static str,
    /// How often harm was done.
    pub rounds: u64,
    /// From the first round to the last.
    pub elapsed: Duration,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// What must not be; empty when all is well.
    pub violations: Vec<String>,
    /// The ends of all logs, when something is not well.
    pub logs: String,
}

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Of what.
    pub name: String,
    /// How much.
    pub value: f64,
    /// In which unit; empty for a count.
    pub unit: &'static str,
}

impl Figure {
    /// A count.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts so far")]
    pub fn count(name: &str, value: usize) -> Self {
        Self { name: name.to_owned(), value: value as f64, unit: "" }
    }

    /// A time.
    pub fn seconds(name: &str, value: Duration) -> Self {
        Self { name: name.to_owned(), value: value.as_secs_f64(), unit: "s" }
    }

    /// The middle, the 99th percentile and the longest of some times.
    pub fn spread(name: &str, times: &[Duration]) -> Vec<Self> {
        let mut sorted = times.to_vec();
        sorted.sort();
        let at = |percent| {
            let value = percentile(&sorted, percent).unwrap_or_default();
            let name = match percent {
                100 => format!("{name}, max"),
                _ => format!("{name}, p{percent}"),
            };
            Self::seconds(&name, value)
        };
        [50, 99, 100].map(at).to_vec()
    }
}

/// The smallest of sorted values that so many percent do not exceed.
pub fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let seconds: Vec<Duration> = (1..=120).map(Duration::from_secs).collect();
        let at = |percent| percentile(&seconds, percent).unwrap().as_secs();
        assert_eq!((at(50), at(99), at(100)), (60, 119, 120));
        assert_eq!(percentile(&seconds[..1], 99), Some(Duration::from_secs(1)));
        assert_eq!(percentile(&[], 50), None);
    }
}
