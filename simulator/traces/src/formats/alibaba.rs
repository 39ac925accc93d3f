//! Three smaller releases of Alibaba.
//!
//! *Batch tasks of 2017, as shipped with CloudSimPy*: `submit_time` and `duration` (s), `cpu`
//! (cores), `memory` and `disk` (parts of a machine; 1.0 becomes 1,000,000 thousandths), `job_id`,
//! `task_id`, `instances_num`, and a first column without a name. Each row is as many equal tasks
//! as it has instances; a job has several rows, each submitted when it can begin. Rows are not in
//! order of time.
//!
//! *Disaggregated inference of 2025*: one instance in each row, with `role` (`CN` a node of CPUs,
//! `HN` one of cards), `app_name`, `cpu_request` (cores), `gpu_request` (cards), `rdma_request`
//! (per cent of one network card), `memory_request`, `disk_request` (GiB), `max_instance_per_node`
//! (of the same app; -1 is no limit), `creation_time`, `scheduled_time`, `deletion_time` (s). An
//! instance without a time of creation was there before the start; one without a time of deletion
//! stays.
//!
//! *Nodes of the spot cluster of 2026*: `gpu_model`, `gpu_capacity_num`, `cpu_num`, `node_name`.

use super::{SECONDS, TASKS};
use crate::{
    error::ReadError,
    model::{
        Arrival, Change, Class, Constraints, Kind, Machine, MachineEvent, NameId, Names,
        PerMachine, Scope,
    },
    reader::{Arrivals, Aside, Machines, Parse, Table},
    source::Source,
    text::{Column, Fields, Header, Row, Rows, Unit},
};
use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

const CORES: &str = "a number of cores";
const GIB: &str = "a number of GiB";
const PART: &str = "a part of a machine, at least 0";
const LIMIT: &str = "a number of instances from 1 to 4294967295, or -1";

struct Batch {
    submit: Column,
    duration: Column,
    cpus: Column,
    mem: Column,
    disk: Column,
    job: Column,
    instances: Column,
}

struct Inference {
    role: Column,
    app: Column,
    /// What is asked for, in the order of the model's kinds.
    amounts: [(Column, Unit, &'static str); 5],
    limit: Column,
    created: Column,
    scheduled: Column,
    deleted: Column,
    row: u64,
    limits: BTreeMap<(NameId, NonZeroU32), Arc<Constraints>>,
}

struct Nodes {
    model: Column,
    cards: Column,
    cpus: Column,
    name: Column,
    row: u64,
}

/// Reads batch tasks of 2017.
pub fn batch2017(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    let mut rows = Rows::new(source, Fields::Commas);
    let header = Header::read(&mut rows, "a list of Alibaba's batch tasks of 2017")?;
    let parse = Batch {
        submit: header.column("submit_time")?,
        duration: header.column("duration")?,
        cpus: header.column("cpu")?,
        mem: header.column("memory")?,
        disk: header.optional("disk"),
        job: header.column("job_id")?,
        instances: header.column("instances_num")?,
    };
    Ok(Arrivals::new(Table { rows, fields: header.len(), parse }, names))
}

/// Reads instances of 2025; the user is the app, the queue the role, a job's id its row.
pub fn inference2025(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    let mut rows = Rows::new(source, Fields::Commas);
    let header = Header::read(&mut rows, "a list of Alibaba's inference instances of 2025")?;
    let parse = Inference {
        role: header.optional("role"),
        app: header.column("app_name")?,
        amounts: [
            (header.column("cpu_request")?, Unit::THOUSANDTHS, CORES),
            (header.column("memory_request")?, Unit::GIB, GIB),
            (header.column("gpu_request")?, Unit::THOUSANDTHS, "a number of cards"),
            (header.column("disk_request")?, Unit::GIB, GIB),
            (header.column("rdma_request")?, Unit::THOUSANDTHS, "a number of per cent"),
        ],
        limit: header.column("max_instance_per_node")?,
        created: header.column("creation_time")?,
        scheduled: header.optional("scheduled_time"),
        deleted: header.column("deletion_time")?,
        row: 0,
        limits: BTreeMap::new(),
    };
    Ok(Arrivals::new(Table { rows, fields: header.len(), parse }, names))
}

/// Reads nodes of 2026; a node's id is its row.
pub fn nodes2026(source: Source, names: Names) -> Result<Machines, ReadError> {
    let mut rows = Rows::new(source, Fields::Commas);
    let header = Header::read(&mut rows, "a list of Alibaba's spot nodes of 2026")?;
    let parse = Nodes {
        model: header.column("gpu_model")?,
        cards: header.column("gpu_capacity_num")?,
        cpus: header.column("cpu_num")?,
        name: header.column("node_name")?,
        row: 0,
    };
    Ok(Machines::new(Table { rows, fields: header.len(), parse }, names))
}

impl Parse<Arrival> for Batch {
    fn parse(&mut self, row: &Row<'_>, _: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        let mut job = Arrival::new(row.id(self.job)?);
        job.submit_ns = row.needed(self.submit, Unit::SECONDS, SECONDS)?;
        job.duration_ns = row.amount(self.duration, Unit::SECONDS, SECONDS)?;
        job.tasks = row.count(self.instances, TASKS)?;
        if job.tasks == 0 {
            return Err(row.bad(self.instances, TASKS));
        }
        job.each[Kind::Cpus] = row.needed(self.cpus, Unit::THOUSANDTHS, CORES)?;
        job.each[Kind::Mem] = row.needed(self.mem, Unit::NORMALISED, PART)?;
        job.each[Kind::Disk] = row.amount(self.disk, Unit::NORMALISED, PART)?.unwrap_or(0);
        Ok(Some(job))
    }
}

impl Parse<Arrival> for Inference {
    fn parse(&mut self, row: &Row<'_>, aside: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        let mut instance = Arrival::new(self.row);
        self.row += 1;
        instance.class = Class::Service;
        for (amount, (column, unit, expected)) in instance.each.0.iter_mut().zip(self.amounts) {
            *amount = row.needed(column, unit, expected)?;
        }
        instance.user = row.name(self.app, &mut aside.names)?;
        instance.queue = row.name(self.role, &mut aside.names)?;
        let created_ns = row.amount(self.created, Unit::SECONDS, SECONDS)?;
        let scheduled_ns = row.amount(self.scheduled, Unit::SECONDS, SECONDS)?;
        let deleted_ns = row.amount(self.deleted, Unit::SECONDS, SECONDS)?;
        instance.submit_ns = created_ns.unwrap_or(0);
        if let Some(deleted_ns) = deleted_ns {
            let began_ns = scheduled_ns.or(created_ns).unwrap_or(0);
            instance.duration_ns = deleted_ns.checked_sub(began_ns);
            if instance.duration_ns.is_none() {
                aside.notes.repair("deleted before it was scheduled: without a duration");
            }
        }
        if let Some(app) = instance.user {
            instance.constraints = self.limited(row, app)?;
        }
        Ok(Some(instance))
    }
}

impl Inference {
    /// The limit of instances of an app on one machine.
    fn limited(
        &mut self,
        row: &Row<'_>,
        app: NameId,
    ) -> Result<Option<Arc<Constraints>>, ReadError> {
        if row.is_minus_one(self.limit) || row.text(self.limit).is_empty() {
            return Ok(None);
        }
        let at_most = NonZeroU32::new(row.count(self.limit, LIMIT)?);
        let at_most = at_most.ok_or_else(|| row.bad(self.limit, LIMIT))?;
        let fresh = || {
            let per_machine = Some(PerMachine { at_most, of: Scope::Group(app) });
            Arc::new(Constraints { per_machine, ..Constraints::default() })
        };
        Ok(Some(Arc::clone(self.limits.entry((app, at_most)).or_insert_with(fresh))))
    }
}

impl Parse<MachineEvent> for Nodes {
    fn parse(
        &mut self,
        row: &Row<'_>,
        aside: &mut Aside,
    ) -> Result<Option<MachineEvent>, ReadError> {
        let mut machine = Machine { count: 1, ..Machine::default() };
        machine.name = row.name(self.name, &mut aside.names)?;
        machine.gpu_model = row.name(self.model, &mut aside.names)?;
        machine.cards = row.count(self.cards, "a number of cards")?;
        machine.capacity[Kind::Gpus] = u64::from(machine.cards) * 1_000;
        machine.capacity[Kind::Cpus] = row.needed(self.cpus, Unit::THOUSANDTHS, CORES)?;
        let event = MachineEvent { at_ns: 0, machine: self.row, change: Change::Add(machine) };
        self.row += 1;
        Ok(Some(event))
    }
}
