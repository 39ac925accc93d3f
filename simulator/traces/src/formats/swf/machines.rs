//! The `.machines` file that stands beside a log: one cluster of equal machines for each row.
//!
//! Tab separated: cluster id, name, machines, CPUs of each, speed, RAM of each in KB. A cluster has
//! the attribute `cl_` and its name, by which MetaCentrum's requests ask for it; the names of
//! single machines in those requests are the cluster's with a number behind it, counted from 1.

use crate::{
    error::ReadError,
    model::{Change, Kind, Machine, MachineEvent, Names},
    reader::{Aside, Machines, Parse, Table},
    source::Source,
    text::{Column, Fields, Row, Rows, Unit},
};

const CLUSTER: Column = Column::at(0, "cluster id (1)");
const NAME: Column = Column::at(1, "name (2)");
const COUNT: Column = Column::at(2, "machines (3)");
const CPUS: Column = Column::at(3, "CPUs of each (4)");
const MEMORY: Column = Column::at(5, "RAM of each in KB (6)");
const MACHINES: &str = "a number of machines above 0";
const FIELDS: usize = 6;

struct Clusters;

/// Reads the clusters of a log.
pub fn machines(source: Source, names: Names) -> Result<Machines, ReadError> {
    let rows = Rows::new(source, Fields::Tabs).with_comments(b';');
    Ok(Machines::new(Table { rows, fields: FIELDS, parse: Clusters }, names))
}

impl Parse<MachineEvent> for Clusters {
    fn parse(
        &mut self,
        row: &Row<'_>,
        aside: &mut Aside,
    ) -> Result<Option<MachineEvent>, ReadError> {
        let count = row.count(COUNT, MACHINES)?;
        if count == 0 {
            return Err(row.bad(COUNT, MACHINES));
        }
        let mut machine = Machine { count, ..Machine::default() };
        machine.capacity[Kind::Cpus] = row.needed(CPUS, Unit::THOUSANDTHS, "a number of CPUs")?;
        machine.capacity[Kind::Mem] = row.needed(MEMORY, Unit::KIB, "a number of KB")?;
        machine.name = row.name(NAME, &mut aside.names)?;
        let attribute = [b"cl_", row.text(NAME)].concat();
        machine.attributes.push((row.intern(NAME, &attribute, &mut aside.names)?, None));
        let machine =
            MachineEvent { at_ns: 0, machine: row.id(CLUSTER)?, change: Change::Add(machine) };
        Ok(Some(machine))
    }
}
