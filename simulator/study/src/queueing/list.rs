//! A list of jobs, and how they come to a run.
//!
//! A list whose jobs stand in order of time is not held: it is gone through once, for what they ask
//! for and whether the order is right, and each run reads it again, one job ahead of what happens.
//! Then memory does not grow with its length. What is out of order, or was held by a step that
//! needs the whole list (sorting, say), is held once for all runs; so is what can be read only
//! once.

use super::{jobs::Listed, plan::First};
use crate::{
    cell::{Request, RequestId, Requests},
    error::RunError,
    inputs::{self, ModelNumbers},
    plan::Input,
};
use simulator::engine::Time;
use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    slice,
};
use traces::{
    Arrivals, ReadError,
    model::{Class, Names},
};

/// All jobs of a list, in the order in which they arrive.
#[derive(Debug)]
pub struct JobList {
    /// All that they ask for.
    pub(super) requests: Requests,
    first: First,
    jobs: Jobs,
}

#[derive(Debug)]
enum Jobs {
    Held(Vec<Listed>),
    /// Where they are read again.
    Streamed {
        data: PathBuf,
        input: Input,
        seed: u64,
    },
}

/// Jobs as they come to one run.
#[derive(Debug)]
pub(super) enum Coming<'a> {
    Held(slice::Iter<'a, Listed>),
    Streamed(Box<Stream>),
}

/// Jobs that are read as they come.
#[derive(Debug)]
pub(super) struct Stream {
    reading: Reading,
    first: First,
    /// The first one of a later moment.
    ahead: Option<Listed>,
    /// What is left of those of one moment, when it matters who of them is first.
    together: VecDeque<Listed>,
    latest: Time,
}

/// A list that is being read.
#[derive(Debug)]
struct Reading {
    arrivals: Arrivals,
    models: ModelNumbers,
    row: u64,
}

impl JobList {
    /// A list that is held.
    ///
    /// # Errors
    /// When the file cannot be read, or holds machines.
    pub fn read(data: &Path, input: &Input, seed: u64, first: First) -> Result<Self, RunError> {
        let mut requests = Requests::new();
        let mut reading = Reading::open(data, input, seed)?;
        let mut jobs = Vec::new();
        while let Some(job) = reading.next(&mut requests)? {
            jobs.push(job);
        }
        jobs.sort_by_key(|job| (job.at, first.is_later(job.class)));
        jobs.shrink_to_fit();
        Ok(Self { requests, first, jobs: Jobs::Held(jobs) })
    }

    /// A list that runs read as jobs come, where that is possible, else one that is held.
    ///
    /// # Errors
    /// As above.
    pub fn open(data: &Path, input: &Input, seed: u64, first: First) -> Result<Self, RunError> {
        if !input.streams(data) {
            return Self::read(data, input, seed, first);
        }
        let mut requests = Requests::new();
        let mut reading = Reading::open(data, input, seed)?;
        let mut latest = Time::ZERO;
        while let Some(job) = reading.next(&mut requests)? {
            if job.at < latest {
                return Self::read(data, input, seed, first);
            }
            latest = job.at;
        }
        let jobs = Jobs::Streamed { data: data.to_owned(), input: input.clone(), seed };
        Ok(Self { requests, first, jobs })
    }

    /// Whether its jobs are in memory.
    pub fn is_held(&self) -> bool {
        matches!(self.jobs, Jobs::Held(_))
    }

    /// The jobs of a list that is held; none of another one.
    pub(crate) fn held(&self) -> &[Listed] {
        match &self.jobs {
            Jobs::Held(jobs) => jobs,
            Jobs::Streamed { .. } => &[],
        }
    }

    /// What tasks ask for.
    pub(crate) fn request(&self, number: RequestId) -> &Request {
        self.requests.get(number)
    }

    /// The jobs for a run.
    pub(super) fn coming(&self) -> Result<Coming<'_>, RunError> {
        Ok(match &self.jobs {
            Jobs::Held(jobs) => Coming::Held(jobs.iter()),
            Jobs::Streamed { data, input, seed } => Coming::Streamed(Box::new(Stream {
                reading: Reading::open(data, input, *seed)?,
                first: self.first,
                ahead: None,
                together: VecDeque::new(),
                latest: Time::ZERO,
            })),
        })
    }
}

impl Coming<'_> {
    /// The next job.
    ///
    /// # Errors
    /// When what is read again cannot be, or is not what it was.
    pub(super) fn next(&mut self, requests: &mut Requests) -> Result<Option<Listed>, RunError> {
        match self {
            Self::Held(jobs) => Ok(jobs.next().copied()),
            Self::Streamed(stream) => stream.next(requests),
        }
    }
}

impl Stream {
    fn next(&mut self, requests: &mut Requests) -> Result<Option<Listed>, RunError> {
        if self.first == First::Listed {
            return self.read(requests);
        }
        if self.together.is_empty() {
            let mut next = self.ahead.take();
            if next.is_none() {
                next = self.read(requests)?;
            }
            let at = next.map(|job| job.at);
            while let Some(job) = next.filter(|job| Some(job.at) == at) {
                self.together.push_back(job);
                next = self.read(requests)?;
            }
            self.ahead = next;
            let first = self.first;
            self.together.make_contiguous().sort_by_key(|job| first.is_later(job.class));
        }
        Ok(self.together.pop_front())
    }

    fn read(&mut self, requests: &mut Requests) -> Result<Option<Listed>, RunError> {
        let next = self.reading.next(requests)?;
        if let Some(job) = next {
            if job.at < self.latest {
                return Err(RunError::Changed);
            }
            self.latest = job.at;
        }
        Ok(next)
    }
}

impl Reading {
    fn open(data: &Path, input: &Input, seed: u64) -> Result<Self, RunError> {
        let arrivals = input.arrivals(data, seed, Names::new())?;
        Ok(Self { arrivals, models: ModelNumbers::default(), row: 0 })
    }

    fn next(&mut self, requests: &mut Requests) -> Result<Option<Listed>, ReadError> {
        for arrival in self.arrivals.by_ref() {
            let arrival = arrival?;
            let row = self.row;
            self.row += 1;
            // What no machine can give is not waited for.
            let Some(request) = inputs::request(&arrival, &mut self.models) else { continue };
            return Ok(Some(Listed {
                number: u32::try_from(row).unwrap_or(u32::MAX),
                at: Time(arrival.submit_ns),
                class: arrival.class,
                request: requests.number(request),
                tasks: arrival.tasks,
                duration: arrival.duration_ns.map(Time),
            }));
        }
        Ok(None)
    }
}

impl First {
    /// Whether jobs of a class come after others of the same moment.
    fn is_later(self, class: Class) -> bool {
        match self {
            Self::Listed => false,
            Self::Batch => class != Class::Batch,
            Self::Service => class != Class::Service,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const TITLES: &str =
        "job_id,workload,submit_s,num_tasks,task_duration_s,cpus_per_task,mem_gb_per_task\n";
    const ORDERED: &str = "1,Batch,10,2,100,1,1\n2,Service,10,1,50,2,1\n3,Batch,10,1,50,1,1\n\
                           4,Batch,11,1,50,1,1\n5,Service,12,1,50,1,1\n6,Batch,12,1,50,9,1\n";

    fn input(more: &str) -> Input {
        toml::from_str(&format!("file = \"jobs.csv\"\n{more}")).unwrap()
    }

    fn all(list: &JobList) -> Result<Vec<(u32, RequestId)>, RunError> {
        let (mut coming, mut requests) = (list.coming()?, list.requests.clone());
        let mut jobs = Vec::new();
        while let Some(job) = coming.next(&mut requests)? {
            jobs.push((job.number, job.request));
        }
        assert_eq!(requests.len(), list.requests.len(), "all of them were known before");
        Ok(jobs)
    }

    #[test]
    fn a_list_in_order_is_not_held_and_comes_as_one_that_is() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("jobs.csv"), format!("{TITLES}{ORDERED}")).unwrap();
        for (first, expected) in [
            (First::Listed, [0, 1, 2, 3, 4, 5]),
            (First::Batch, [0, 2, 1, 3, 5, 4]),
            (First::Service, [1, 0, 2, 3, 4, 5]),
        ] {
            let open = |more| JobList::open(data.path(), &input(more), 1, first).unwrap();
            let (streamed, held) = (open(""), open("transform = [\"sort\"]"));
            assert!(!streamed.is_held() && held.is_held(), "{first:?}");
            assert_eq!(all(&streamed).unwrap(), all(&held).unwrap());
            let numbers: Vec<u32> = all(&held).unwrap().iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, expected, "{first:?}");
        }
    }

    #[test]
    fn a_list_out_of_order_is_held() {
        let data = tempfile::tempdir().unwrap();
        let jobs = format!("{TITLES}{ORDERED}7,Batch,3,1,1,1,1\n");
        fs::write(data.path().join("jobs.csv"), jobs).unwrap();
        let list = JobList::open(data.path(), &input(""), 1, First::Listed).unwrap();
        assert!(list.is_held());
        assert_eq!(all(&list).unwrap()[0].0, 6);
    }

    #[test]
    fn a_list_that_changes_before_it_is_read_again_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        let write = |jobs| fs::write(data.path().join("jobs.csv"), format!("{TITLES}{jobs}"));
        write(ORDERED).unwrap();
        let list = JobList::open(data.path(), &input(""), 1, First::Listed).unwrap();
        write("1,Batch,9,1,1,1,1\n2,Batch,8,1,1,1,1\n").unwrap();
        assert!(matches!(all(&list), Err(RunError::Changed)));
        write("1,Batch,9,1,1,1,1\n2,Batch,x,1,1,1,1\n").unwrap();
        assert!(matches!(all(&list), Err(RunError::Data { .. })));
    }
}
