//! Lists of jobs whose tasks are alike.
//!
//! `job_id`, `workload` (`Batch` or `Service`), `submit_s`, `num_tasks`, `task_duration_s`,
//! `cpus_per_task`, `mem_gb_per_task`. A GB is taken for 1024 MiB. Tasks are placed one by one.
//!
//! Trap: rows may stand by workload instead of time; a replay sorts them first.

use super::super::{SECONDS, TASKS};
use crate::{
    error::ReadError,
    model::{Arrival, Class, Kind, Names},
    reader::{Arrivals, Aside, Parse, Table},
    source::Source,
    text::{Column, Fields, Header, Row, Rows, Unit},
};

struct Jobs {
    job: Column,
    workload: Column,
    submit: Column,
    tasks: Column,
    duration: Column,
    cpus: Column,
    mem: Column,
}

/// Reads a list of jobs; the queue is the workload's name.
pub fn jobs(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    let mut rows = Rows::new(source, Fields::Commas);
    let header = Header::read(&mut rows, "a list of jobs for Google's simulator")?;
    let parse = Jobs {
        job: header.column("job_id")?,
        workload: header.column("workload")?,
        submit: header.column("submit_s")?,
        tasks: header.column("num_tasks")?,
        duration: header.column("task_duration_s")?,
        cpus: header.column("cpus_per_task")?,
        mem: header.column("mem_gb_per_task")?,
    };
    Ok(Arrivals::new(Table { rows, fields: header.len(), parse }, names))
}

impl Parse<Arrival> for Jobs {
    fn parse(&mut self, row: &Row<'_>, aside: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        let mut job = Arrival::new(row.id(self.job)?);
        job.class = match row.text(self.workload) {
            b"Batch" => Class::Batch,
            b"Service" => Class::Service,
            _ => return Err(row.bad(self.workload, "`Batch` or `Service`")),
        };
        job.queue = row.name(self.workload, &mut aside.names)?;
        job.submit_ns = row.needed(self.submit, Unit::SECONDS, SECONDS)?;
        job.tasks = row.count(self.tasks, TASKS)?;
        if job.tasks == 0 {
            return Err(row.bad(self.tasks, TASKS));
        }
        job.duration_ns = Some(row.needed(self.duration, Unit::SECONDS, SECONDS)?);
        job.each[Kind::Cpus] = row.needed(self.cpus, Unit::THOUSANDTHS, "a number of cores")?;
        job.each[Kind::Mem] = row.needed(self.mem, Unit::GIB, "a number of GiB")?;
        Ok(Some(job))
    }
}
