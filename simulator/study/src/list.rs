//! A list of jobs of any kind, and how they come to a run.
//!
//! A list whose jobs stand in order of time is not held: it is gone through once, for what a run
//! has to know before it begins and whether the order is right, and each run reads it again, one
//! job ahead of what happens. Then memory does not grow with its length. What is out of order, or
//! was held by a step that needs the whole list (sorting, say), is held once for all runs; so is
//! what can be read only once. What a kind of study makes of arrivals is its [`Reader`]'s business.

use crate::{error::RunError, plan::Input};
use simulator::engine::Time;
use std::{
    collections::VecDeque,
    fmt,
    path::{Path, PathBuf},
    slice,
};
use traces::{Arrivals, model::Names};

/// Makes jobs of arrivals, and keeps what it learns of all of them.
pub(crate) trait Reader: Clone + fmt::Debug {
    /// A job as a run has it.
    type Job: Clone + fmt::Debug;

    /// The names that are known before something is read.
    fn names(&self) -> Names {
        Names::new()
    }

    /// One that begins anew, and knows what this one does.
    fn again(&self) -> Self;

    /// The next job; none at the end.
    ///
    /// # Errors
    /// When it cannot be read, or there is too much of something.
    fn next(&mut self, arrivals: &mut Arrivals) -> Result<Option<Self::Job>, RunError>;

    /// When a job comes.
    fn at(job: &Self::Job) -> Time;

    /// Whether some jobs come before others of the same moment, wherever they are listed.
    fn has_ranks(&self) -> bool {
        false
    }

    /// Of those of one moment the lowest come first.
    fn rank(&self, _: &Self::Job) -> u8 {
        0
    }
}

/// All jobs of a list, in the order in which they arrive.
#[derive(Debug, Clone)]
pub(crate) struct List<R: Reader> {
    /// Which has gone through all of it.
    pub(crate) reader: R,
    jobs: Jobs<R::Job>,
    /// When the first one comes, and the last one.
    span: Option<(Time, Time)>,
    count: u64,
}

#[derive(Debug, Clone)]
enum Jobs<J> {
    Held(Vec<J>),
    /// Where they are read again.
    Streamed {
        data: PathBuf,
        input: Input,
        seed: u64,
    },
}

/// Jobs as they come to one run.
#[derive(Debug)]
pub(crate) struct Coming<'a, R: Reader> {
    pub(crate) reader: R,
    from: From<'a, R::Job>,
}

#[derive(Debug)]
enum From<'a, J> {
    Held(slice::Iter<'a, J>),
    Streamed(Box<Stream<J>>),
}

/// Jobs that are read as they come.
#[derive(Debug)]
struct Stream<J> {
    arrivals: Arrivals,
    /// The first one of a later moment.
    ahead: Option<J>,
    /// What is left of those of one moment, when it matters who of them is first.
    together: VecDeque<J>,
    latest: Time,
}

impl<R: Reader> List<R> {
    /// A list that is held.
    ///
    /// # Errors
    /// When the file cannot be read, or holds machines.
    pub(crate) fn read(
        data: &Path,
        input: &Input,
        seed: u64,
        mut reader: R,
    ) -> Result<Self, RunError> {
        let mut arrivals = input.arrivals(data, seed, reader.names())?;
        let mut jobs = Vec::new();
        while let Some(job) = reader.next(&mut arrivals)? {
            jobs.push(job);
        }
        Ok(Self::of(jobs, reader))
    }

    /// A list that runs read as jobs come, where that is possible, else one that is held.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn open(data: &Path, input: &Input, seed: u64, reader: R) -> Result<Self, RunError> {
        if !input.streams(data) {
            return Self::read(data, input, seed, reader);
        }
        let mut first_pass = reader.clone();
        let mut arrivals = input.arrivals(data, seed, reader.names())?;
        let (mut span, mut count): (Option<(Time, Time)>, u64) = (None, 0);
        while let Some(job) = first_pass.next(&mut arrivals)? {
            let at = R::at(&job);
            let (first, latest) = span.unwrap_or((at, at));
            if at < latest {
                return Self::read(data, input, seed, reader);
            }
            span = Some((first, at));
            count += 1;
        }
        let jobs = Jobs::Streamed { data: data.to_owned(), input: input.clone(), seed };
        Ok(Self { reader: first_pass, jobs, span, count })
    }

    /// These jobs, which a reader has read.
    pub(crate) fn of(mut jobs: Vec<R::Job>, reader: R) -> Self {
        jobs.sort_by_key(|job| (R::at(job), reader.rank(job)));
        jobs.shrink_to_fit();
        let span = jobs.first().zip(jobs.last()).map(|(first, last)| (R::at(first), R::at(last)));
        let count = jobs.len() as u64;
        Self { reader, jobs: Jobs::Held(jobs), span, count }
    }

    /// Whether its jobs are in memory.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self.jobs, Jobs::Held(_))
    }

    /// The jobs of a list that is held; none of another one.
    pub(crate) fn held(&self) -> &[R::Job] {
        match &self.jobs {
            Jobs::Held(jobs) => jobs,
            Jobs::Streamed { .. } => &[],
        }
    }

    /// How many jobs there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// When the first one comes, and the last one; none of no jobs.
    pub(crate) fn span(&self) -> Option<(Time, Time)> {
        self.span
    }

    /// The jobs for a run.
    ///
    /// # Errors
    /// When what is read again cannot be.
    pub(crate) fn coming(&self) -> Result<Coming<'_, R>, RunError> {
        let reader = self.reader.again();
        let from = match &self.jobs {
            Jobs::Held(jobs) => From::Held(jobs.iter()),
            Jobs::Streamed { data, input, seed } => From::Streamed(Box::new(Stream {
                arrivals: input.arrivals(data, *seed, reader.names())?,
                ahead: None,
                together: VecDeque::new(),
                latest: Time::ZERO,
            })),
        };
        Ok(Coming { reader, from })
    }
}

impl<R: Reader> Coming<'_, R> {
    /// The next job.
    ///
    /// # Errors
    /// When what is read again cannot be, or is not what it was.
    pub(crate) fn next(&mut self) -> Result<Option<R::Job>, RunError> {
        match &mut self.from {
            From::Held(jobs) => Ok(jobs.next().cloned()),
            From::Streamed(stream) => stream.next(&mut self.reader),
        }
    }
}

impl<J> Stream<J> {
    fn next<R: Reader<Job = J>>(&mut self, reader: &mut R) -> Result<Option<J>, RunError> {
        if !reader.has_ranks() {
            return self.read(reader);
        }
        if self.together.is_empty() {
            let mut next = self.ahead.take();
            if next.is_none() {
                next = self.read(reader)?;
            }
            let at = next.as_ref().map(R::at);
            while let Some(job) = next.take_if(|job| Some(R::at(job)) == at) {
                self.together.push_back(job);
                next = self.read(reader)?;
            }
            self.ahead = next;
            self.together.make_contiguous().sort_by_key(|job| reader.rank(job));
        }
        Ok(self.together.pop_front())
    }

    fn read<R: Reader<Job = J>>(&mut self, reader: &mut R) -> Result<Option<J>, RunError> {
        let next = reader.next(&mut self.arrivals)?;
        if let Some(at) = next.as_ref().map(R::at) {
            if at < self.latest {
                return Err(RunError::Changed);
            }
            self.latest = at;
        }
        Ok(next)
    }
}
