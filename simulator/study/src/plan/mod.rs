//! A study as its author writes it: one TOML file that says what is asked, of what, and what is
//! expected. Keys that nobody knows are errors.
//!
//! A sweep names keys of the file and the values that they take, one run for every combination; a
//! repetition does the same for seeds, over which results are averaged. Keys that take the same
//! values together stand in one, with commas. What a run reads is the
//! file with those values in their places, so that whatever can be written can be swept.
//!
//! ```toml
//! name = "fullest-first"
//! title = "How much fits, fullest or emptiest first"
//!
//! [filling]
//! counted = "gpus"
//! policy = "best-fit"
//!
//! [filling.machines]
//! file = "nodes.csv"
//!
//! [filling.tasks]
//! file = "pods.csv"
//!
//! [sweep]
//! "filling.policy" = ["best-fit", "worst-fit"]
//!
//! [repeat]
//! seed = 10
//! ```

mod expectation;
mod input;
mod policy;
mod sweep;

pub use expectation::{Expectation, Statistic, Where};
pub use input::{Input, read};
pub use policy::{Make, Maker, Policies, PolicyKind, ResourceKey};
pub use sweep::{Point, expand};

use crate::{
    backfilling::BackfillingPlan,
    cluster::ClusterPlan,
    overcommit::OvercommitPlan,
    packing::{CompactionPlan, FillingPlan},
    probing::ProbingPlan,
    queueing::QueueingPlan,
    records::Outputs,
    scheduling::SchedulingPlan,
};
use serde::Deserialize;
use simulator::engine::Time;
use std::collections::BTreeMap;

/// What a study is about, whatever is swept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Its name: lower-case words with dashes.
    pub name: String,
    /// One line for lists and charts.
    pub title: String,
    /// The paper, figure or law that says what to expect.
    #[serde(default)]
    pub source: String,
    /// What a reader has to know.
    #[serde(default)]
    pub about: String,
    /// Words that stand as `{word}` in other texts of the file, for what several of them share.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Policies with parameters, by name.
    #[serde(default)]
    pub policies: BTreeMap<String, PolicyKind>,
    /// Everything random is drawn from it.
    #[serde(default)]
    pub seed: u64,
    /// Seconds from the start that are not measured; how things come about is no steady state.
    #[serde(default)]
    pub warm_up_s: f64,
    /// How much fits into a cell.
    pub filling: Option<FillingPlan>,
    /// How few machines hold a load.
    pub compaction: Option<CompactionPlan>,
    /// How long jobs wait, and what schedulers do all day.
    pub queueing: Option<QueueingPlan>,
    /// How long parallel jobs wait behind each other.
    pub backfilling: Option<BackfillingPlan>,
    /// What jobs meet on machines that are not alike.
    pub scheduling: Option<SchedulingPlan>,
    /// A whole cluster of the real cores.
    pub cluster: Option<ClusterPlan>,
    /// What is recorded of every run.
    #[serde(default)]
    pub outputs: Outputs,
    /// How long jobs wait at workers to which schedulers without a queue send them.
    pub probing: Option<ProbingPlan>,
    /// How much of what tasks may use could be given to others.
    pub overcommit: Option<OvercommitPlan>,
    /// Keys with values that belong together, by the name of the case; kept apart like a sweep.
    #[serde(default)]
    pub cases: BTreeMap<String, toml::Table>,
    /// Keys and the values they take, each one apart.
    #[serde(default)]
    pub sweep: BTreeMap<String, Vec<toml::Value>>,
    /// Keys of numbers, from 0, over which results are averaged, and how many.
    #[serde(default)]
    pub repeat: BTreeMap<String, u64>,
    /// What should come out.
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

/// Why a study file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is no TOML, or has keys or values that it cannot have.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A sweep or a repetition names a key that the file cannot have.
    #[error("the key `{key}` of `[{table}]` leads through `{part}`, which is no table")]
    NoTable {
        /// `sweep` or `repeat`.
        table: &'static str,
        /// The key.
        key: String,
        /// The part of it.
        part: String,
    },
    /// Two keys of a sweep end alike, so that results could not be told apart.
    #[error("two keys of `[sweep]` end in `{0}`: results are told apart by the last part of a key")]
    SameLabel(String),
    /// Not exactly one thing is asked.
    #[error(
        "a study asks one thing: one of `[filling]`, `[compaction]`, `[queueing]`, \
         `[backfilling]`, `[scheduling]`, `[cluster]`, `[probing]` and `[overcommit]`, not {0}"
    )]
    Asks(usize),
    /// A value of a table is none.
    #[error("`{table}`: {problem}")]
    Value {
        /// Of which part of the file.
        table: String,
        /// What is wrong.
        problem: String,
    },
    /// Neither a file nor something to draw, or both.
    #[error("give a `file`, or `generate` with an `end`")]
    NoInput,
    /// Neither a file nor a list of machines, or both.
    #[error("machines: give a `file` or a `list`")]
    NoMachineInput,
    /// What is to be drawn cannot be.
    #[error("`generate`: {source}")]
    Generate {
        /// What is wrong.
        source: traces::generate::GenerateError,
    },
    /// A list of jobs stands where machines should.
    #[error("`{0}` holds no machines, but jobs")]
    NoMachines(String),
    /// A list of machines stands where jobs should.
    #[error("`{0}` holds no jobs, but machines")]
    NoArrivals(String),
    /// A line of what is expected says nothing, or two things.
    #[error(
        "`[[expect]]` of `{0}`: give `value` with `within` or `within_percent`, or `least` and \
         `most`, or `along` with `order`"
    )]
    Expectation(String),
    /// A sweep without values, or a repetition of none.
    #[error("no run: a key of `[sweep]` without values, or one of `[repeat]` that is 0")]
    NoRuns,
    /// Too much is asked at once.
    #[error("{runs} runs; at most {max} in one study")]
    TooMany {
        /// How many.
        runs: u64,
        /// How many may be.
        max: u64,
    },
    /// A policy is named that nobody knows.
    #[error(
        "no policy `{0}`: name one of {known}, or define it as `[policies.{0}]`",
        known = policy::KNOWN
    )]
    NoPolicy(String),
}

impl Study {
    /// The study in a file.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let study: Self = toml::from_str(text)?;
        study.expect.iter().try_for_each(Expectation::check)?;
        study.outputs.check()?;
        let asked = [
            study.filling.is_some(),
            study.compaction.is_some(),
            study.queueing.is_some(),
            study.backfilling.is_some(),
            study.scheduling.is_some(),
            study.cluster.is_some(),
            study.probing.is_some(),
            study.overcommit.is_some(),
        ];
        match asked.into_iter().filter(|asked| *asked).count() {
            1 => Ok(study),
            count => Err(PlanError::Asks(count)),
        }
    }

    /// Whether all that is to be recorded can be.
    ///
    /// # Errors
    /// When a kind of study has nothing to tell of it.
    pub(crate) fn check_outputs(&self) -> Result<(), PlanError> {
        let (timeline, decisions) = (self.outputs.timeline_s.is_some(), self.outputs.decisions);
        let refused = [
            (
                "outputs",
                self.compaction.is_some() && self.outputs.is_asked(),
                "compaction fills a cell many times to find the fewest machines: none of these is \
                 the run",
            ),
            (
                "outputs.timeline_s",
                timeline && self.probing.as_ref().is_some_and(|plan| !plan.has_a_middle()),
                "the omniscient queue is reckoned from job to job: how things stood at a moment is \
                 not known",
            ),
            (
                "outputs.decisions",
                decisions && self.probing.is_some(),
                "workers are drawn by lot and asked how many tasks they have: none has a score",
            ),
            (
                "outputs.decisions",
                decisions && self.overcommit.is_some(),
                "machines are drawn by lot: none has a score",
            ),
        ];
        match refused.into_iter().find(|(_, is_refused, _)| *is_refused) {
            None => Ok(()),
            Some((table, _, problem)) => {
                Err(PlanError::Value { table: table.to_owned(), problem: problem.to_owned() })
            }
        }
    }

    /// What is not measured.
    ///
    /// # Errors
    /// When it is no time, or nothing settles in what is asked.
    pub(crate) fn warm_up(&self) -> Result<Time, PlanError> {
        let wrong = |problem: &str| PlanError::Value {
            table: "warm_up_s".to_owned(),
            problem: problem.to_owned(),
        };
        match self.warm_up_s {
            0.0 => Ok(Time::ZERO),
            seconds if !(0.0..=1e9).contains(&seconds) => Err(wrong("it is not from 0 to 10^9")),
            _ if self.queueing.is_none() && self.backfilling.is_none() => {
                Err(wrong("a study of this kind is measured from its start"))
            }
            // Nanoseconds of a billion seconds are exact enough for a cut.
            seconds => Ok(Time((seconds * 1e9) as u64)),
        }
    }
}
