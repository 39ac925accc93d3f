//! What a study does with a workload before it replays it: a list of steps, each from arrivals to
//! arrivals, decided by a seed.
//!
//! ```
//! use traces::{Arrivals, model::{Arrival, Names}, transform::{Transform, apply}};
//!
//! #[derive(serde::Deserialize)]
//! struct Workload {
//!     transform: Vec<Transform>,
//! }
//! let text = "transform = ['sort', { sample = { per_mille = 500 } }, { scale_time = '1/2' }]";
//! let workload: Workload = toml::from_str(text)?;
//! let arrivals = Arrivals::of((0..1_000).map(Arrival::new), Names::new());
//! let sampled = apply(&workload.transform, 7, arrivals).count();
//! assert!((400..600).contains(&sampled));
//! # Ok::<(), toml::de::Error>(())
//! ```
//!
//! Jobs stay whole: what is sampled, moved or drawn are jobs with all their parts. Amounts and
//! times that would not fit 64 bits are the largest that do.

mod assign;
mod draw;
mod order;
mod ratio;
mod scale;

pub use assign::{Match, Rule};
pub use ratio::{NotARatio, Ratio};
pub use scale::{PowersOfTwo, Sizes};

use crate::{
    error::ReadError,
    model::{Arrival, Kind},
    reader::{Arrivals, Aside, Step},
};
use serde::{Deserialize, Serialize};
use std::num::{NonZeroU32, NonZeroU64};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Transform {
    /// Each job with this chance, by its id: the same jobs whatever else is in the list.
    Sample {
        /// Of a thousand.
        per_mille: PerMille,
    },
    /// So many jobs, each as likely as any other. Holds those, not the others.
    SampleJobs {
        /// How many; all if there are fewer.
        jobs: NonZeroU64,
    },
    /// Only what is like this; parts of a job are alike in all that can be said.
    Only(Match),
    /// The first so many arrivals.
    First {
        /// How many.
        arrivals: NonZeroU64,
    },
    /// Times of submission are multiplied; a half is twice the load. Deadlines move along.
    ScaleTime(Ratio),
    /// Durations and estimates are multiplied.
    ScaleDurations(Ratio),
    /// What tasks ask for is multiplied, kind by kind, rounded half up, at least a thousandth where
    /// anything was asked for; more than one card becomes whole cards, rounded up.
    ScaleSizes(Sizes),
    /// What tasks ask for is rounded up to the next power of two of an amount, as in Borg's study.
    PowersOfTwo(PowersOfTwo),
    /// Jobs in random order. Holds the whole trace.
    Shuffle {
        /// The times of submission stay where they are, and jobs get those of their new places.
        #[serde(default)]
        keep_times: bool,
    },
    /// Jobs in order of submission, those of the same time as they were. Holds the whole trace.
    Sort,
    /// The trace so often, one after the other, with fresh ids. Holds the whole trace.
    Repeat {
        /// How often, the first time included.
        times: NonZeroU32,
        /// After how many seconds each begins; when the one before submitted its last job, if it is
        /// not said.
        #[serde(default)]
        every_s: Option<NonZeroU32>,
    },
    /// What is submitted from one time on and before another; time begins at the first.
    Window {
        /// The first second.
        from_s: u64,
        /// The second after the last; none means to the end.
        #[serde(default)]
        until_s: Option<u64>,
    },
    /// Jobs of the list, drawn with replacement, behind its end, until the next would take what all
    /// ask for beyond a part of a capacity (the recipe of openb's study, after `shuffle`). They get
    /// fresh ids and keep their times, so the order counts, not the times. Holds the whole trace.
    Inflate {
        /// What is summed.
        of: Of,
        /// The part of the capacity.
        per_cent: u32,
        /// The cluster's capacity, in thousandths.
        capacity: NonZeroU64,
    },
    /// Framework (as queue), band (as priority) and class, by the first rule that fits.
    Assign {
        /// The rules in order; an arrival that none fits stays as it is.
        rules: Vec<Rule>,
    },
}

/// A part of a thousand, from 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct PerMille(u16);

/// A kind of resource, by its name in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the model's kinds, which have their documents")]
pub enum Of {
    Cpus,
    Mem,
    Gpus,
    Disk,
    Network,
}

/// A number that is no part of a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a part of a thousand, from 1 to 1000")]
pub struct NotPerMille(u16);

/// Takes arrivals through all steps, in their order.
pub fn apply(transforms: &[Transform], seed: u64, arrivals: Arrivals) -> Arrivals {
    let steps = transforms.iter().enumerate();
    steps.fold(arrivals, |arrivals, (index, transform)| transform.apply(index, seed, arrivals))
}

impl Transform {
    /// Whether it holds the whole trace in memory.
    pub const fn holds_all(&self) -> bool {
        matches!(
            self,
            Self::Shuffle { .. } | Self::Sort | Self::Repeat { .. } | Self::Inflate { .. }
        )
    }

    /// Takes arrivals through this step, which is the `index`th of its list: two alike draw
    /// differently.
    pub fn apply(&self, index: usize, seed: u64, arrivals: Arrivals) -> Arrivals {
        let seed = crate::chance::mixed(seed, index as u64);
        match self {
            Self::Sample { per_mille } => {
                let limit = u64::from(per_mille.0) * (u64::MAX / 1_000);
                let all = per_mille.0 == 1_000;
                keep(arrivals, move |it, _| all || crate::chance::mixed(seed, it.job) < limit)
            }
            Self::SampleJobs { jobs } => draw::jobs(arrivals, jobs.get(), seed),
            Self::Only(of) => assign::only(arrivals, of.clone()),
            Self::First { arrivals: count } => {
                let mut left = count.get();
                each(arrivals, move |it, _| {
                    left = left.checked_sub(1)?;
                    Some(it)
                })
            }
            Self::ScaleTime(ratio) => scale::time(arrivals, *ratio),
            Self::ScaleDurations(ratio) => scale::durations(arrivals, *ratio),
            Self::ScaleSizes(sizes) => scale::sizes(arrivals, *sizes),
            Self::PowersOfTwo(powers) => scale::powers_of_two(arrivals, *powers),
            Self::Shuffle { keep_times } => order::shuffle(arrivals, *keep_times, seed),
            Self::Sort => order::sort(arrivals),
            Self::Repeat { times, every_s } => order::repeat(arrivals, times.get(), *every_s),
            Self::Window { from_s, until_s } => scale::window(arrivals, *from_s, *until_s),
            Self::Inflate { of, per_cent, capacity } => {
                draw::inflate(arrivals, (*of).into(), *per_cent, capacity.get(), seed)
            }
            Self::Assign { rules } => assign::assign(arrivals, rules.clone()),
        }
    }
}

/// Those for which a condition holds.
fn keep(
    arrivals: Arrivals,
    mut holds: impl FnMut(&Arrival, &Aside) -> bool + Send + 'static,
) -> Arrivals {
    arrivals.adapted(|mut inner| {
        FromFn(move |aside: &mut Aside| {
            while let Some(arrival) = inner.next(aside)? {
                if holds(&arrival, aside) {
                    return Ok(Some(arrival));
                }
            }
            Ok(None)
        })
    })
}

/// Each as a function makes it; the first none is the end.
fn each(
    arrivals: Arrivals,
    mut change: impl FnMut(Arrival, &mut Aside) -> Option<Arrival> + Send + 'static,
) -> Arrivals {
    arrivals.adapted(|mut inner| {
        FromFn(move |aside: &mut Aside| {
            let arrival = inner.next(aside)?;
            Ok(arrival.and_then(|arrival| change(arrival, aside)))
        })
    })
}

/// What a function makes of all of them, which are jobs with their parts.
fn whole<I: Iterator<Item = Arrival> + Send + 'static>(
    arrivals: Arrivals,
    change: impl FnOnce(Vec<Vec<Arrival>>, &mut Aside) -> I + Send + 'static,
) -> Arrivals {
    arrivals.adapted(|mut inner| {
        let (mut change, mut changed) = (Some(change), None);
        FromFn(move |aside: &mut Aside| {
            if let Some(change) = change.take() {
                let jobs = jobs(&mut *inner, aside)?;
                changed = Some(change(jobs, aside));
            }
            Ok(changed.as_mut().and_then(Iterator::next))
        })
    })
}

/// All jobs of a stream, each with its parts.
fn jobs(inner: &mut dyn Step<Arrival>, aside: &mut Aside) -> Result<Vec<Vec<Arrival>>, ReadError> {
    let mut jobs: Vec<Vec<Arrival>> = Vec::new();
    let mut has_more = false;
    while let Some(arrival) = inner.next(aside)? {
        let more = arrival.more;
        match jobs.last_mut() {
            Some(job) if has_more => job.push(arrival),
            _ => jobs.push(vec![arrival]),
        }
        has_more = more;
    }
    Ok(jobs)
}

/// A step that is a function.
struct FromFn<F>(F);

impl<F> Step<Arrival> for FromFn<F>
where
    F: FnMut(&mut Aside) -> Result<Option<Arrival>, ReadError> + Send,
{
    fn next(&mut self, aside: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        (self.0)(aside)
    }
}

impl PerMille {
    /// A part of a thousand; none if it is not from 1 to 1000.
    pub fn new(per_mille: u16) -> Option<Self> {
        (1..=1_000).contains(&per_mille).then_some(Self(per_mille))
    }
}

impl TryFrom<u16> for PerMille {
    type Error = NotPerMille;

    fn try_from(per_mille: u16) -> Result<Self, NotPerMille> {
        Self::new(per_mille).ok_or(NotPerMille(per_mille))
    }
}

impl From<PerMille> for u16 {
    fn from(per_mille: PerMille) -> Self {
        per_mille.0
    }
}

impl From<Of> for Kind {
    fn from(of: Of) -> Self {
        match of {
            Of::Cpus => Self::Cpus,
            Of::Mem => Self::Mem,
            Of::Gpus => Self::Gpus,
            Of::Disk => Self::Disk,
            Of::Network => Self::Network,
        }
    }
}
