//! A list of jobs as schedulers with queues have them.

use super::{jobs::Listed, plan::First};
use crate::{
    cell::{Request, RequestId, Requests},
    error::RunError,
    inputs::{self, ModelNumbers},
    list::{List, Reader},
    plan::Input,
};
use simulator::engine::Time;
use std::path::Path;
use traces::{Arrivals, model::Class};

/// All jobs of a list, in the order in which they arrive.
#[derive(Debug)]
pub struct JobList(pub(super) List<Jobs>);

/// Makes jobs of arrivals, and numbers what they ask for.
#[derive(Debug, Clone)]
pub(super) struct Jobs {
    first: First,
    /// All that they ask for.
    pub(super) requests: Requests,
    models: ModelNumbers,
    row: u64,
}

impl JobList {
    /// A list that is held.
    ///
    /// # Errors
    /// When the file cannot be read, or holds machines.
    pub fn read(data: &Path, input: &Input, seed: u64, first: First) -> Result<Self, RunError> {
        List::read(data, input, seed, Jobs::new(first)).map(Self)
    }

    /// A list that runs read as jobs come, where that is possible, else one that is held.
    ///
    /// # Errors
    /// As above.
    pub fn open(data: &Path, input: &Input, seed: u64, first: First) -> Result<Self, RunError> {
        List::open(data, input, seed, Jobs::new(first)).map(Self)
    }

    /// Whether its jobs are in memory.
    pub fn is_held(&self) -> bool {
        self.0.is_held()
    }

    /// The jobs of a list that is held; none of another one.
    pub(crate) fn held(&self) -> &[Listed] {
        self.0.held()
    }

    /// What tasks ask for.
    pub(crate) fn request(&self, number: RequestId) -> &Request {
        self.0.reader.requests.get(number)
    }
}

impl Jobs {
    fn new(first: First) -> Self {
        Self { first, requests: Requests::new(), models: ModelNumbers::default(), row: 0 }
    }
}

impl Reader for Jobs {
    type Job = Listed;

    fn again(&self) -> Self {
        Self { requests: self.requests.clone(), ..Self::new(self.first) }
    }

    fn next(&mut self, arrivals: &mut Arrivals) -> Result<Option<Listed>, RunError> {
        for arrival in arrivals {
            let arrival = arrival?;
            let row = self.row;
            self.row += 1;
            // What no machine can give is not waited for.
            let Some(request) = inputs::request(&arrival, &mut self.models) else { continue };
            return Ok(Some(Listed {
                number: u32::try_from(row).unwrap_or(u32::MAX),
                at: Time(arrival.submit_ns),
                class: arrival.class,
                request: self.requests.number(request),
                tasks: arrival.tasks,
                duration: arrival.duration_ns.map(Time),
            }));
        }
        Ok(None)
    }

    fn at(job: &Listed) -> Time {
        job.at
    }

    fn has_ranks(&self) -> bool {
        self.first != First::Listed
    }

    fn rank(&self, job: &Listed) -> u8 {
        u8::from(self.first.is_later(job.class))
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
        let mut coming = list.0.coming()?;
        let mut jobs = Vec::new();
        while let Some(job) = coming.next()? {
            jobs.push((job.number, job.request));
        }
        let (known, all) = (list.0.reader.requests.len(), coming.reader.requests.len());
        assert_eq!(all, known, "all of them were known before");
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
