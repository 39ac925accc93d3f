//! The tables of machines and of their attributes.

use super::{PART, events::AFTER_THE_END, time_ns};
use crate::{
    error::ReadError,
    model::{Change, Kind, Machine, MachineEvent, Names},
    reader::{Aside, Machines, Parse, Table},
    source::Source,
    text::{Column, Fields, Row, Rows, Unit},
};

const TIME: Column = Column::at(0, "time (1)");
const MACHINE: Column = Column::at(1, "machine id (2)");
const EVENT: Column = Column::at(2, "event type (3)");
const PLATFORM: Column = Column::at(3, "platform id (4)");
const CPUS: Column = Column::at(4, "CPUs (5)");
const MEMORY: Column = Column::at(5, "memory (6)");
const EVENT_FIELDS: usize = 6;

const NAME: Column = Column::at(2, "attribute name (3)");
const VALUE: Column = Column::at(3, "attribute value (4)");
const DELETED: Column = Column::at(4, "attribute deleted (5)");
const ATTRIBUTE_FIELDS: usize = 5;

/// The attribute that says which platform a machine is of.
const PLATFORM_ATTRIBUTE: &[u8] = b"platform";

struct Events;

struct Attributes;

/// Reads the table of machines' events; a machine's platform is its attribute `platform`.
pub fn machine_events(source: Source, names: Names) -> Result<Machines, ReadError> {
    let rows = Rows::new(source, Fields::Commas);
    Ok(Machines::new(Table { rows, fields: EVENT_FIELDS, parse: Events }, names))
}

/// Reads the table of machines' attributes.
pub fn machine_attributes(source: Source, names: Names) -> Result<Machines, ReadError> {
    let rows = Rows::new(source, Fields::Commas);
    Ok(Machines::new(Table { rows, fields: ATTRIBUTE_FIELDS, parse: Attributes }, names))
}

impl Parse<MachineEvent> for Events {
    fn parse(
        &mut self,
        row: &Row<'_>,
        aside: &mut Aside,
    ) -> Result<Option<MachineEvent>, ReadError> {
        let Some(at_ns) = time_ns(row, TIME)? else {
            aside.notes.skip(AFTER_THE_END);
            return Ok(None);
        };
        let machine = row.id(MACHINE)?;
        let event = row.text(EVENT);
        if event == b"1" {
            return Ok(Some(MachineEvent { at_ns, machine, change: Change::Remove }));
        }
        let cpus = row.amount(CPUS, Unit::NORMALISED, PART)?;
        let memory = row.amount(MEMORY, Unit::NORMALISED, PART)?;
        let Some((cpus, memory)) = cpus.zip(memory) else {
            aside.notes.skip("the machine's shape is unknown");
            return Ok(None);
        };
        let mut shape = Machine { count: 1, ..Machine::default() };
        shape.capacity[Kind::Cpus] = cpus;
        shape.capacity[Kind::Mem] = memory;
        if let Some(platform) = row.name(PLATFORM, &mut aside.names)? {
            let name = row.intern(PLATFORM, PLATFORM_ATTRIBUTE, &mut aside.names)?;
            shape.attributes.push((name, Some(platform)));
        }
        let change = match event {
            b"0" => Change::Add(shape),
            b"2" => Change::Update(shape),
            _ => return Err(row.bad(EVENT, "0 (add), 1 (remove) or 2 (update)")),
        };
        Ok(Some(MachineEvent { at_ns, machine, change }))
    }
}

impl Parse<MachineEvent> for Attributes {
    fn parse(
        &mut self,
        row: &Row<'_>,
        aside: &mut Aside,
    ) -> Result<Option<MachineEvent>, ReadError> {
        let Some(at_ns) = time_ns(row, TIME)? else {
            aside.notes.skip(AFTER_THE_END);
            return Ok(None);
        };
        let name = row.name(NAME, &mut aside.names)?;
        let name = name.ok_or_else(|| row.bad(NAME, "an attribute's name"))?;
        if row.text(DELETED).is_empty() {
            aside.notes.repair("it does not say whether the attribute was deleted: it was not");
        }
        let value = match row.text(DELETED) {
            b"0" | b"" => Some(row.intern(VALUE, row.text(VALUE), &mut aside.names)?),
            b"1" => None,
            _ => return Err(row.bad(DELETED, "0 or 1")),
        };
        let change = Change::Attribute { name, value };
        Ok(Some(MachineEvent { at_ns, machine: row.id(MACHINE)?, change }))
    }
}
