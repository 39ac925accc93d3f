//! Extracts from Google's traces of 2019: the shapes of a cell's machines, and its first requests.
//!
//! Machines: `cpus`, `ram`, `machine_count`. Requests: `time` (µs), `user`, `collection_id` (the
//! job), `instance_index`, `cpus`, `ram`, `collection_type` (0 a job, 1 an alloc set). Amounts are
//! parts of the largest machine; 1.0 becomes 1,000,000 thousandths.
//!
//! Traps: rows stand by user, not by time, so a replay sorts them first. There are no durations.
//! Rows without cpus or ram are of unknown shape and left out.

use crate::{
    error::ReadError,
    model::{Arrival, Change, Class, Kind, Machine, MachineEvent, Names, Shape},
    reader::{Arrivals, Aside, Machines, Parse, Table},
    source::Source,
    text::{Column, Fields, Header, Row, Rows, Unit},
};

const PART: &str = "a part of the largest machine, at least 0";
const UNKNOWN: &str = "its shape is unknown";

struct Hosts {
    cpus: Column,
    mem: Column,
    count: Column,
    row: u64,
}

struct Requests {
    time: Column,
    user: Column,
    job: Column,
    cpus: Column,
    mem: Column,
    kind: Column,
}

/// Reads a cell's machines; the id of a shape is its row.
pub fn hosts(source: Source, names: Names) -> Result<Machines, ReadError> {
    let mut rows = Rows::new(source, Fields::Commas);
    let header = Header::read(&mut rows, "a list of a Google cell's machines")?;
    let parse = Hosts {
        cpus: header.column("cpus")?,
        mem: header.column("ram")?,
        count: header.column("machine_count")?,
        row: 0,
    };
    Ok(Machines::new(Table { rows, fields: header.len(), parse }, names))
}

/// Reads a cell's requests, each one task of its collection.
pub fn requests(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    let mut rows = Rows::new(source, Fields::Commas);
    let header = Header::read(&mut rows, "a list of a Google cell's requests")?;
    let parse = Requests {
        time: header.column("time")?,
        user: header.optional("user"),
        job: header.column("collection_id")?,
        cpus: header.column("cpus")?,
        mem: header.column("ram")?,
        kind: header.optional("collection_type"),
    };
    Ok(Arrivals::new(Table { rows, fields: header.len(), parse }, names))
}

/// The shape, unless half of it is missing.
fn shape(row: &Row<'_>, cpus: Column, mem: Column) -> Result<Option<Shape>, ReadError> {
    let cpus = row.amount(cpus, Unit::NORMALISED, PART)?;
    let mem = row.amount(mem, Unit::NORMALISED, PART)?;
    Ok(cpus.zip(mem).map(|(cpus, mem)| {
        let mut shape = Shape::ZERO;
        (shape[Kind::Cpus], shape[Kind::Mem]) = (cpus, mem);
        shape
    }))
}

impl Parse<MachineEvent> for Hosts {
    fn parse(
        &mut self,
        row: &Row<'_>,
        aside: &mut Aside,
    ) -> Result<Option<MachineEvent>, ReadError> {
        let machine = self.row;
        self.row += 1;
        let Some(capacity) = shape(row, self.cpus, self.mem)? else {
            aside.notes.skip(UNKNOWN);
            return Ok(None);
        };
        let count = row.count(self.count, "a number of machines")?;
        if count == 0 {
            aside.notes.skip("no machine has this shape");
            return Ok(None);
        }
        let change = Change::Add(Machine { count, capacity, ..Machine::default() });
        Ok(Some(MachineEvent { at_ns: 0, machine, change }))
    }
}

impl Parse<Arrival> for Requests {
    fn parse(&mut self, row: &Row<'_>, aside: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        let Some(each) = shape(row, self.cpus, self.mem)? else {
            aside.notes.skip(UNKNOWN);
            return Ok(None);
        };
        let mut task = Arrival::new(row.id(self.job)?);
        task.each = each;
        let expected = "a number of microseconds";
        task.submit_ns = row.needed(self.time, Unit::MICROSECONDS, expected)?;
        task.user = row.name(self.user, &mut aside.names)?;
        task.class = match row.text(self.kind) {
            b"" | b"0" => Class::Batch,
            // What is set aside for a service's tasks stays as long as the service.
            b"1" => Class::Service,
            _ => return Err(row.bad(self.kind, "0 (a job) or 1 (an alloc set)")),
        };
        Ok(Some(task))
    }
}
