//! `[outputs]` of a study.

use crate::{limits, plan::PlanError};
use serde::Deserialize;

/// What is recorded of every run.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outputs {
    /// In which forms tasks are.
    #[serde(default, deserialize_with = "one_or_several")]
    pub tasks: Vec<TaskForm>,
    /// Seconds from one line of the timeline to the next.
    pub timeline_s: Option<f64>,
    /// Whether decisions are.
    #[serde(default)]
    pub decisions: bool,
}

/// A form of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskForm {
    /// Comma-separated values, RFC 4180.
    Csv,
    /// Apache Parquet.
    Parquet,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrSeveral {
    One(TaskForm),
    Several(Vec<TaskForm>),
}

fn one_or_several<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<TaskForm>, D::Error> {
    let mut forms = match OneOrSeveral::deserialize(from)
        .map_err(|_| serde::de::Error::custom("give \"csv\", \"parquet\", or a list of both"))?
    {
        OneOrSeveral::One(form) => vec![form],
        OneOrSeveral::Several(forms) => forms,
    };
    forms.sort();
    forms.dedup();
    Ok(forms)
}

impl Outputs {
    /// Whether anything is asked.
    pub fn is_asked(&self) -> bool {
        !self.tasks.is_empty() || self.timeline_s.is_some() || self.decisions
    }

    /// Whether it can be done.
    ///
    /// # Errors
    /// When lines of a timeline are too near to each other.
    pub fn check(&self) -> Result<(), PlanError> {
        match self.timeline_s {
            Some(seconds) if !(limits::TIMELINE_SECONDS_MIN..=1e9).contains(&seconds) => {
                Err(PlanError::Value {
                    table: "outputs.timeline_s".to_owned(),
                    problem: format!(
                        "{seconds} is not from {} to 10^9",
                        limits::TIMELINE_SECONDS_MIN
                    ),
                })
            }
            _ => Ok(()),
        }
    }
}
