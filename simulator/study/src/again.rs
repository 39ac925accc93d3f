//! Runs that were made, made again: to ask why a task went where it did, to see how things stood at
//! a moment, and to go on from there in another way.
//!
//! A run is decided by its study, its data and the program, so that going to a moment is doing all
//! that came before it once more, and the digest says whether it was the same. A checkpoint is
//! therefore no copy of a state but the place of one: the study, where its data is, the moment, and
//! the digest there. That holds for every kind of study, and for a policy of the user's own, whose
//! state nobody else can write down; the price is the time to get there.

use crate::{
    VERSION,
    campaign::{self, Order},
    error::RunError,
    measures::Measures,
    plan::{PlanError, Point, Policies},
    records::{Answer, Recorder},
    running::{MachineState, Running, State, Stop, Waiting},
};
use serde::{Deserialize, Serialize};
use simulator::engine::{Digest, Time};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use toml::Value;

/// The form of checkpoints.
const FORM: u32 = 1;

/// How things stood at a moment.
#[derive(Debug, Clone, Serialize)]
pub struct Look {
    /// What had happened.
    pub state: State,
    /// Who waited.
    pub waiting: Vec<Waiting>,
    /// Each machine; none where there are none by themselves.
    pub machines: Vec<MachineState>,
}

/// A place in a run from which somebody may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    bourse_checkpoint: u32,
    /// Of the program that made it.
    version: String,
    /// The run's study, with its own values.
    study: String,
    /// Of that text.
    study_digest: String,
    /// Where its data is.
    data: PathBuf,
    /// The moment: all that comes before has happened.
    at_ns: u64,
    /// Of what has happened.
    digest: String,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Its form is another one.
    #[error("a checkpoint of form {found}; this program knows form {FORM}")]
    Form {
        /// Which one it is.
        found: u32,
    },
    /// Another program made it: what happens may be something else.
    #[error("it was made by version {found} of this program, which is {VERSION}")]
    Version {
        /// Which one.
        found: String,
    },
    /// Its study is not what it was.
    #[error("its study has the digest {found}, and had {expected}: somebody changed it")]
    Study {
        /// What it has.
        found: String,
        /// What it had.
        expected: String,
    },
    /// Something cannot be changed in the middle.
    #[error("`{key}` cannot be changed in the middle of this run; what can: {may}")]
    Change {
        /// What was to be.
        key: String,
        /// What could be.
        may: String,
    },
    /// It takes no time.
    #[error("a study of this kind happens at once: there is no middle in it")]
    NoTime,
    /// The run cannot be made.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl From<PlanError> for CheckpointError {
    fn from(error: PlanError) -> Self {
        Self::Run(error.into())
    }
}

/// Makes a run again and says why a task went where it did, and the run's digest. No answer when no
/// place was sought for it; `None` for studies that take no time.
///
/// # Errors
/// When the run cannot be made.
pub fn explain(
    point: &Point,
    data: &Path,
    policies: &Policies,
    (job, task): (u64, u64),
) -> Result<Option<(Option<Answer>, u64)>, RunError> {
    let mut recorder = Recorder::asking(job, task);
    let measures = campaign::again(Order::of(point, data), policies, &mut recorder, None)?;
    Ok(measures.map(|measures| (recorder.answer(), measures.digest)))
}

/// Makes a run again and says how things stood at a moment, and the digest at its end; `None` for
/// studies that take no time.
///
/// # Errors
/// When the run cannot be made.
pub fn look(
    point: &Point,
    data: &Path,
    policies: &Policies,
    at: Time,
) -> Result<Option<(Look, u64)>, RunError> {
    let mut looked = None;
    let mut see = |run: &mut dyn Running| {
        looked =
            Some(Look { state: run.state(), waiting: run.waiting(), machines: run.machines() });
        Ok(())
    };
    let stop = Stop { at, then: &mut see };
    let order = Order::of(point, data);
    let measures = campaign::again(order, policies, &mut Recorder::none(), Some(stop))?;
    Ok(looked.zip(measures).map(|(looked, measures)| (looked, measures.digest)))
}

impl Checkpoint {
    /// A place in a run at which one has looked.
    pub fn of(point: &Point, data: &Path, at: Time, look: &Look) -> Self {
        let study = point.table.to_string();
        Self {
            bourse_checkpoint: FORM,
            version: VERSION.to_owned(),
            study_digest: text_digest(&study),
            study,
            data: data.canonicalize().unwrap_or_else(|_| data.to_owned()),
            at_ns: at.0,
            digest: format!("{:016x}", look.state.digest),
        }
    }

    /// When.
    pub fn at(&self) -> Time {
        Time(self.at_ns)
    }

    /// Where its data is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The run, as it was to be.
    ///
    /// # Errors
    /// When it is not of this program, or was changed.
    pub fn point(&self) -> Result<Point, CheckpointError> {
        if self.bourse_checkpoint != FORM {
            return Err(CheckpointError::Form { found: self.bourse_checkpoint });
        }
        if self.version != VERSION {
            return Err(CheckpointError::Version { found: self.version.clone() });
        }
        let found = text_digest(&self.study);
        if found != self.study_digest {
            let expected = self.study_digest.clone();
            return Err(CheckpointError::Study { found, expected });
        }
        let table: toml::Table = toml::from_str(&self.study).map_err(PlanError::from)?;
        let study = table.clone().try_into().map_err(PlanError::from)?;
        Ok(Point { labels: BTreeMap::new(), repeats: BTreeMap::new(), table, study })
    }

    /// Goes on from there to the end, with keys of the study that are other ones from then on.
    ///
    /// # Errors
    /// When it is not of this program, was changed, does not come to the same place, or something
    /// cannot be changed in the middle.
    pub fn resume(
        &self,
        changes: &[(String, Value)],
        policies: &Policies,
    ) -> Result<(Point, Measures), CheckpointError> {
        let point = self.point()?;
        let other = point.with(changes)?;
        let mut refused = None;
        let mut turn = |run: &mut dyn Running| {
            let found = format!("{:016x}", run.state().digest);
            if found != self.digest {
                let (at, expected) = (self.at(), self.digest.clone());
                return Err(RunError::Elsewhere { at, expected, found });
            }
            let may = run.may_change();
            if let Some((key, _)) = changes.iter().find(|(key, _)| !may.contains(&key.as_str())) {
                let may = if may.is_empty() { "nothing".to_owned() } else { may.join(", ") };
                refused = Some(CheckpointError::Change { key: key.clone(), may });
                return Ok(());
            }
            if changes.is_empty() { Ok(()) } else { Ok(run.turn_to(&other.study, policies)?) }
        };
        let stop = Stop { at: self.at(), then: &mut turn };
        let order = Order::of(&point, &self.data);
        let measures = campaign::again(order, policies, &mut Recorder::none(), Some(stop))?;
        match refused {
            Some(refused) => Err(refused),
            None => Ok((other, measures.ok_or(CheckpointError::NoTime)?)),
        }
    }
}

fn text_digest(text: &str) -> String {
    let mut digest = Digest::new();
    text.bytes().for_each(|byte| digest.add(&[byte.into()]));
    format!("{:016x}", digest.value())
}
