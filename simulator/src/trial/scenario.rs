//! A scenario: all that decides a run, as a file that people can read and shorten.
//!
//! Each planned fault draws its details (which host, for how long) from a stream of its own, so
//! that taking one out of the plan leaves the others as they were.

use super::{Options, faults::Kind};
use serde::{Deserialize, Serialize};
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// Settings and planned faults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is about, for people: which bug it once found, and how.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub story: String,
    /// Size and roughness.
    pub options: Options,
    /// What goes wrong, by time.
    #[serde(default)]
    pub faults: Vec<PlannedFault>,
}

/// One fault to come; `30500 crash-leader 17` in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PlannedFault {
    /// Virtual milliseconds since the beginning.
    pub at_ms: u64,
    /// What happens.
    pub kind: Kind,
    /// Whose stream of chance decides the details.
    pub draw: u64,
}

/// Why a text is no scenario.
#[derive(Debug)]
pub enum ScenarioError {
    /// It is not what such a file holds; the cause names line and key.
    Syntax {
        /// What the reader of the format said.
        source: toml::de::Error,
    },
    /// A number is out of its range.
    OutOfRange {
        /// Name of the setting.
        field: &'static str,
        /// The smallest value.
        min: u64,
        /// The largest value.
        max: u64,
    },
    /// A fault comes before one that stands above it.
    Unordered {
        /// The later line's time, in milliseconds.
        at_ms: u64,
    },
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// Names the line, or the setting that is out of range.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self =
            toml::from_str(text).map_err(|source| ScenarioError::Syntax { source })?;
        let options = &scenario.options;
        let ranges = [
            ("masters", options.masters as u64, 1, 5),
            ("spare_masters", options.spare_masters as u64, 0, 10),
            ("agents", options.agents as u64, 1, 1_000),
            ("frameworks", options.frameworks as u64, 1, 100),
            ("sdk_frameworks", options.sdk_frameworks as u64, 0, 100),
            ("tasks_per_framework", options.tasks_per_framework as u64, 0, 10_000),
            ("faults_for_ms", options.faults_for_ms, 1, 86_400_000),
            ("agents_lost_per_minute", options.agents_lost_per_minute.into(), 1, 1_000),
            ("loss_per_mille", options.loss_per_mille, 0, 900),
            ("duplicate_per_mille", options.duplicate_per_mille, 0, 1_000),
            ("snapshot_entries", options.snapshot_entries, 1, 1_000_000),
            ("log_tail_entries", options.log_tail_entries, 0, 1_000_000),
            ("groups_per_mille", options.groups_per_mille, 0, 1_000),
        ];
        for (field, value, min, max) in ranges {
            if !(min..=max).contains(&value) {
                return Err(ScenarioError::OutOfRange { field, min, max });
            }
        }
        let unordered = scenario.faults.windows(2).find(|pair| pair[1].at_ms < pair[0].at_ms);
        match unordered {
            Some(pair) => Err(ScenarioError::Unordered { at_ms: pair[1].at_ms }),
            None => Ok(scenario),
        }
    }

    /// The text of a scenario file.
    pub fn write(&self) -> String {
        toml::to_string_pretty(self).expect("plain data")
    }
}

impl Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { .. } => write!(f, "this is no scenario"),
            Self::OutOfRange { field, min, max } => {
                write!(f, "options.{field} is not from {min} to {max}")
            }
            Self::Unordered { at_ms } => {
                write!(f, "faults stand in the order of their times; move the one at {at_ms} up")
            }
        }
    }
}

impl std::error::Error for ScenarioError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Syntax { source } => Some(source),
            Self::OutOfRange { .. } | Self::Unordered { .. } => None,
        }
    }
}

impl Display for PlannedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.at_ms, self.kind, self.draw)
    }
}

impl From<PlannedFault> for String {
    fn from(fault: PlannedFault) -> Self {
        fault.to_string()
    }
}

impl TryFrom<String> for PlannedFault {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(' ').collect();
        let [at, kind, draw] = parts[..] else {
            return Err(format!("\"{text}\" is not \"MILLISECONDS FAULT DRAW\""));
        };
        let number = |text: &str| {
            u64::from_str(text).map_err(|_| format!("\"{text}\" is not a whole number"))
        };
        Ok(Self { at_ms: number(at)?, kind: kind.parse()?, draw: number(draw)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Preset;

    #[test]
    fn a_scenario_survives_its_file() {
        let mut scenario = Preset::Gate.draw(3);
        scenario.story = "A leader answered too early.\n\nTwice.".to_owned();
        assert_eq!(Scenario::read(&scenario.write()).expect("its own text"), scenario);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        let text = Preset::Quick.draw(3).write();
        let complaint = |from: &str, to: &str| {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from} stands in it");
            let problem = Scenario::read(&changed).expect_err("it is wrong");
            match std::error::Error::source(&problem) {
                Some(cause) => format!("{problem}: {cause}"),
                None => problem.to_string(),
            }
        };
        assert!(complaint("[options]", "[option]").contains("option"));
        assert!(complaint("volumes = ", "volume = ").contains("volume"));
        assert!(complaint("\"3000 ", "\"3000 unheard-of ").contains("MILLISECONDS FAULT DRAW"));
        assert!(complaint("\"3000 ", "\"later ").contains("\"later\" is not a whole number"));
        assert!(complaint("\"3000 ", "\"9999999 ").contains("in the order of their times"));
        let masters = complaint("masters = ", "masters = 7");
        assert_eq!(masters, "options.masters is not from 1 to 5");
    }
}
