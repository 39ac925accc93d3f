//! What should come out of a study.

use super::PlanError;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt};

/// To which runs something applies: labels and their values.
pub type Where = BTreeMap<String, String>;

/// One line of what is expected: a value with how far from it is near enough, bounds, or an order.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Of which measure.
    pub measure: String,
    /// Of a curve: where on it.
    pub at: Option<u32>,
    /// What of all runs that are meant.
    #[serde(default)]
    pub statistic: Statistic,
    /// Which runs are meant; all when nothing is said.
    #[serde(default, rename = "where")]
    pub of: Where,
    /// From the value of those runs that of these is taken away.
    pub minus: Option<Where>,
    /// What was published.
    pub value: Option<f64>,
    /// How far from it is near enough.
    pub within: Option<f64>,
    /// How far from it is near enough, in percent of it.
    pub within_percent: Option<f64>,
    /// How far from it is near enough, in standard errors of the mean over all runs that are meant.
    pub within_errors: Option<f64>,
    /// The least.
    pub least: Option<f64>,
    /// The most.
    pub most: Option<f64>,
    /// The label that varies.
    pub along: Option<String>,
    /// Its values, from the smallest number to the largest.
    pub order: Option<Vec<String>>,
    /// By how much a later number may fall below an earlier one.
    #[serde(default)]
    pub slack: f64,
}

/// One number of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// Their mean.
    #[default]
    Mean,
    /// The number that nine of ten do not exceed.
    P90,
}

impl Expectation {
    /// The least and the most that passes; `error` is the standard error of what was found.
    pub fn bounds(&self, error: f64) -> (f64, f64) {
        match self.value {
            None => (self.least.unwrap_or(f64::NEG_INFINITY), self.most.unwrap_or(f64::INFINITY)),
            Some(value) => {
                let percent = self.within_percent.unwrap_or(0.0) / 100.0 * value.abs();
                let errors = self.within_errors.unwrap_or(0.0) * error;
                let within = self.within.unwrap_or(0.0).max(percent).max(errors);
                (value - within, value + within)
            }
        }
    }

    /// Whether it can be judged.
    ///
    /// # Errors
    /// When it says nothing, or two things.
    pub fn check(&self) -> Result<(), PlanError> {
        let says = [
            self.value.is_some(),
            self.least.is_some() || self.most.is_some(),
            self.order.is_some() && self.along.is_some(),
        ];
        match says.into_iter().filter(|says| *says).count() {
            1 => Ok(()),
            _ => Err(PlanError::Expectation(self.measure.clone())),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mean => "",
            Self::P90 => "the 90th percentile of ",
        })
    }
}
