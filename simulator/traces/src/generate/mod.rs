//! Workloads that nobody recorded: jobs drawn from distributions, by a seed.
//!
//! Each [`Stream`] is one kind of work with its own distances between jobs, tasks, durations and
//! sizes; [`generate`] merges several by time. Each quantity of each stream has chance of its own,
//! so that another distribution of durations leaves the times of arrival as they were. [`lublin`]
//! is the model of Lublin and Feitelson.
//!
//! Draws are the same bits on every machine: the logarithms and powers are those of the `libm`
//! crate, compiled from its own code, because the ones of the system differ in their last bits from
//! one version of its library to the next, and a last bit moves a job and with it everything after
//! it.

mod distribution;
mod gamma;
mod lublin;

pub use distribution::{Branch, Distribution, Sampler, WrongDistribution};
pub use lublin::lublin;

use crate::{
    chance::Chance,
    error::ReadError,
    model::{Arrival, Class, NameId, Names, Shape},
    reader::{Arrivals, Aside, Step},
};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// One kind of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// What it is called; becomes the queue of its jobs, and names its chance.
    pub name: String,
    /// What kind of work it is.
    pub class: Class,
    /// Nanoseconds from one job to the next.
    pub between: Distribution,
    /// Tasks of a job; what is drawn below 1 is 1.
    pub tasks: Distribution,
    /// Nanoseconds for which each task of a job runs.
    pub duration: Distribution,
    /// What each task asks for.
    pub each: Each,
    /// All tasks of a job start together.
    #[serde(default)]
    pub gang: bool,
    /// When the first job comes; after one draw of `between` if it is not said.
    #[serde(default)]
    pub first_ns: Option<u64>,
}

/// What a task asks for, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the model's kinds, which have their documents")]
pub struct Each {
    pub cpus: u64,
    pub mem: u64,
    pub gpus: u64,
    pub disk: u64,
    pub network: u64,
}

/// Where a generated workload ends: whichever comes first, and one must be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// No job comes at this time or after it.
    #[serde(default)]
    pub before_ns: Option<u64>,
    /// So many jobs of all streams.
    #[serde(default)]
    pub jobs: Option<NonZeroU64>,
}

/// Why nothing can be generated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GenerateError {
    /// A distribution cannot be drawn from.
    #[error("the {quantity} of `{stream}`")]
    Distribution {
        /// The stream.
        stream: String,
        /// Which of its distributions.
        quantity: &'static str,
        /// What is wrong with it.
        #[source]
        source: WrongDistribution,
    },
    /// Nothing says where it ends.
    #[error("neither a time nor a number of jobs says where the workload ends")]
    Endless,
    /// Two streams have one name, and so one chance.
    #[error("two streams are called `{0}`")]
    Twice(String),
    /// A table of names has no room for the streams'.
    #[error("the table of names is full")]
    Names,
}

/// A stream that is drawn from.
struct Drawn {
    class: Class,
    each: Shape,
    gang: bool,
    queue: NameId,
    between: (Sampler, Chance),
    tasks: (Sampler, Chance),
    duration: (Sampler, Chance),
    /// When its next job comes; none if that is beyond all time.
    next_ns: Option<u64>,
}

struct Merge {
    streams: Vec<Drawn>,
    before_ns: u64,
    left: u64,
    job: u64,
}

/// Jobs of all streams in order of time; of those that come together, the earlier stream's first.
pub fn generate(
    streams: &[Stream],
    end: End,
    seed: u64,
    mut names: Names,
) -> Result<Arrivals, GenerateError> {
    if end.before_ns.is_none() && end.jobs.is_none() {
        return Err(GenerateError::Endless);
    }
    let mut drawn = Vec::new();
    for (index, stream) in streams.iter().enumerate() {
        if streams[..index].iter().any(|other| other.name == stream.name) {
            return Err(GenerateError::Twice(stream.name.clone()));
        }
        drawn.push(Drawn::new(stream, seed, &mut names)?);
    }
    let left = end.jobs.map_or(u64::MAX, NonZeroU64::get);
    let before_ns = end.before_ns.unwrap_or(u64::MAX);
    Ok(Arrivals::new(Merge { streams: drawn, before_ns, left, job: 0 }, names))
}

impl Drawn {
    fn new(stream: &Stream, seed: u64, names: &mut Names) -> Result<Self, GenerateError> {
        let sampled = |quantity: &'static str, of: &Distribution| match Sampler::new(of) {
            Ok(sampler) => Ok((sampler, Chance::new(seed, &format!("{}/{quantity}", stream.name)))),
            Err(source) => {
                let stream = stream.name.clone();
                Err(GenerateError::Distribution { stream, quantity, source })
            }
        };
        let Each { cpus, mem, gpus, disk, network } = stream.each;
        let mut drawn = Self {
            class: stream.class,
            each: Shape([cpus, mem, gpus, disk, network]),
            gang: stream.gang,
            queue: names.intern(&stream.name).ok_or(GenerateError::Names)?,
            between: sampled("between", &stream.between)?,
            tasks: sampled("tasks", &stream.tasks)?,
            duration: sampled("duration", &stream.duration)?,
            next_ns: stream.first_ns,
        };
        if drawn.next_ns.is_none() {
            drawn.next_ns = Some(draw(&mut drawn.between));
        }
        Ok(drawn)
    }

    /// The job that comes at a time, and when the next one does.
    fn take(&mut self, job: u64, submit_ns: u64) -> Arrival {
        self.next_ns = submit_ns.checked_add(draw(&mut self.between));
        let tasks = u32::try_from(draw(&mut self.tasks)).unwrap_or(u32::MAX).max(1);
        Arrival {
            submit_ns,
            tasks,
            each: self.each,
            duration_ns: Some(draw(&mut self.duration)),
            class: self.class,
            queue: Some(self.queue),
            gang: self.gang && tasks > 1,
            ..Arrival::new(job)
        }
    }
}

fn draw((sampler, chance): &mut (Sampler, Chance)) -> u64 {
    sampler.draw(chance)
}

impl Step<Arrival> for Merge {
    fn next(&mut self, _: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        let times = self.streams.iter().enumerate();
        let next = times.filter_map(|(index, stream)| Some((stream.next_ns?, index))).min();
        match next {
            Some((submit_ns, index)) if submit_ns < self.before_ns && self.left > 0 => {
                self.left -= 1;
                let arrival = self.streams[index].take(self.job, submit_ns);
                self.job += 1;
                Ok(Some(arrival))
            }
            _ => Ok(None),
        }
    }
}
