//! Machines, row after row: there are few, and they have lists.

use super::{
    Of,
    block::{Blocks, Kind, Wrong},
    columns::{put, take, take_u32},
    shared::{Shared, number},
};
use crate::{
    error::ReadError,
    model::{Change, Machine, MachineEvent, Shape},
    reader::{Aside, Step},
    source::Source,
};
use std::vec;

const ADD: u64 = 0;
const UPDATE: u64 = 1;
const REMOVE: u64 = 2;
const ATTRIBUTE: u64 = 3;

/// Machines of a file.
pub(in crate::own) struct Machines {
    blocks: Blocks,
    shared: Shared,
    events: vec::IntoIter<MachineEvent>,
    total: u64,
}

impl Machines {
    pub(in crate::own) fn open(source: Source) -> Result<Self, ReadError> {
        let blocks = Blocks::open(source, Of::Machines)?;
        Ok(Self { blocks, shared: Shared::default(), events: Vec::new().into_iter(), total: 0 })
    }

    fn decode(&self) -> Result<Vec<MachineEvent>, Wrong> {
        let mut rest = &self.blocks.bytes[..];
        let events = (0..self.blocks.rows).map(|_| event(&mut rest, &self.shared));
        let events = events.collect::<Result<Vec<_>, Wrong>>()?;
        if rest.is_empty() { Ok(events) } else { Err("a block has more than its rows") }
    }
}

impl Step<MachineEvent> for Machines {
    fn next(&mut self, aside: &mut Aside) -> Result<Option<MachineEvent>, ReadError> {
        loop {
            if let Some(event) = self.events.next() {
                self.total += 1;
                return Ok(Some(event));
            }
            match self.blocks.advance()? {
                kind @ (Kind::Names | Kind::Constraints) => {
                    self.shared.read(kind, &self.blocks, &mut aside.names)?;
                }
                Kind::Machines => {
                    let events = self.decode().map_err(|what| self.blocks.damaged(what))?;
                    self.events = events.into_iter();
                }
                Kind::Arrivals => return Err(self.blocks.damaged("arrivals among machines")),
                Kind::End => {
                    self.blocks.end(self.total)?;
                    return Ok(None);
                }
            }
        }
    }
}

/// Appends an event.
pub(super) fn put_event(event: &MachineEvent, into: &mut Vec<u8>) {
    put(event.at_ns, into);
    put(event.machine, into);
    match &event.change {
        Change::Add(machine) => put_machine(ADD, machine, into),
        Change::Update(machine) => put_machine(UPDATE, machine, into),
        Change::Remove => put(REMOVE, into),
        Change::Attribute { name, value } => {
            put(ATTRIBUTE, into);
            put(name.index() as u64, into);
            put(number(*value), into);
        }
    }
}

fn put_machine(change: u64, machine: &Machine, into: &mut Vec<u8>) {
    put(change, into);
    put(number(machine.name), into);
    put(u64::from(machine.count), into);
    machine.capacity.0.iter().for_each(|amount| put(*amount, into));
    put(number(machine.gpu_model), into);
    put(u64::from(machine.cards), into);
    put(machine.attributes.len() as u64, into);
    for (name, value) in &machine.attributes {
        put(name.index() as u64, into);
        put(number(*value), into);
    }
}

fn event(rest: &mut &[u8], shared: &Shared) -> Result<MachineEvent, Wrong> {
    let (at_ns, machine) = (take(rest)?, take(rest)?);
    let change = match take(rest)? {
        ADD => Change::Add(take_machine(rest, shared)?),
        UPDATE => Change::Update(take_machine(rest, shared)?),
        REMOVE => Change::Remove,
        ATTRIBUTE => {
            let name = shared.named(take(rest)?)?;
            Change::Attribute { name, value: shared.optional(take(rest)?)? }
        }
        _ => return Err("an unknown change of a machine"),
    };
    Ok(MachineEvent { at_ns, machine, change })
}

fn take_machine(rest: &mut &[u8], shared: &Shared) -> Result<Machine, Wrong> {
    let name = shared.optional(take(rest)?)?;
    let count = take_u32(rest)?;
    let mut capacity = Shape::ZERO;
    for amount in &mut capacity.0 {
        *amount = take(rest)?;
    }
    let gpu_model = shared.optional(take(rest)?)?;
    let cards = take_u32(rest)?;
    let mut attributes = Vec::new();
    for _ in 0..take(rest)? {
        attributes.push((shared.named(take(rest)?)?, shared.optional(take(rest)?)?));
    }
    Ok(Machine { name, count, capacity, gpu_model, cards, attributes })
}
