//! What MetaCentrum's logs add to a row: 19 the nodes that ran it, 20 the queue, 21 the request.
//!
//! A request is parts joined by `+`, at the end `#excl` if no one else may be on its nodes. A part
//! is words joined by `:`: first how many nodes (1 if the first is no number), then `ppn=` cores of
//! each, `mem=` memory of each, `host=` a node; what begins with `^` must not be there, and
//! every other word is a property that the nodes must have, or one node's name.

use super::known;
use crate::{
    error::ReadError,
    model::{Arrival, Constraints, Kind, Property},
    reader::Aside,
    text::{Column, Row, Unit, number::Decimal},
};
use std::{collections::BTreeMap, sync::Arc};

const MEMORY: Column = Column::at(9, "memory requested (10)");
const QUEUE: Column = Column::at(19, "queue (20)");
const REQUEST: Column = Column::at(20, "request (21)");

const NODES: &str = "a PBS request: the number of nodes must be from 1 to 4294967295";
const CORES: &str = "a PBS request: `ppn` must be a number of cores above 0";
const AMOUNT: &str = "a PBS request: `mem` must be a number with b, kb, mb, gb or tb";
/// Parts of a request. People ask for two or three kinds of nodes.
const PARTS_MAX: usize = 64;
/// Different constraints that are shared; whatever else there is has its own.
const SHARED_MAX: usize = 4_096;

/// The arrivals of one row, in the order of the request's parts.
pub(super) fn parts(
    row: &Row<'_>,
    job: &Arrival,
    aside: &mut Aside,
    shared: &mut BTreeMap<Constraints, Arc<Constraints>>,
) -> Result<Vec<Arrival>, ReadError> {
    let (request, exclusive) = match row.text(REQUEST) {
        [request @ .., b'#', b'e', b'x', b'c', b'l'] => (request, true),
        request => (request, false),
    };
    let mut job = job.clone();
    job.queue = row.name(QUEUE, &mut aside.names)?.or(job.queue);
    job.each[Kind::Mem] = known(row, MEMORY, Unit::BYTES, "a number of bytes, or -1")?.unwrap_or(0);
    let mut parts = Vec::new();
    for words in request.split(|byte| *byte == b'+') {
        if parts.len() == PARTS_MAX {
            return Err(row.bad(REQUEST, "a PBS request: at most 64 parts"));
        }
        let mut part = job.clone();
        let mut constraints = Constraints { exclusive, ..Constraints::default() };
        read(row, words, &mut part, &mut constraints, aside)?;
        part.constraints = interned(constraints, shared);
        parts.push(part);
    }
    let tasks: u64 = parts.iter().map(|part| u64::from(part.tasks)).sum();
    let last = parts.len() - 1;
    for (index, part) in parts.iter_mut().enumerate() {
        (part.gang, part.more) = (tasks > 1, index < last);
    }
    Ok(parts)
}

/// One part of a request.
fn read(
    row: &Row<'_>,
    words: &[u8],
    part: &mut Arrival,
    constraints: &mut Constraints,
    aside: &mut Aside,
) -> Result<(), ReadError> {
    part.each[Kind::Cpus] = 1_000;
    let mut words = words.split(|byte| *byte == b':').peekable();
    if let Some(first) = words.next_if(|word| is_number(word)) {
        let nodes = Decimal::parse(first).and_then(|nodes| nodes.exact(Unit::ONE));
        let nodes = nodes.and_then(|nodes| u32::try_from(nodes).ok()).filter(|nodes| *nodes > 0);
        part.tasks = nodes.ok_or_else(|| row.bad(REQUEST, NODES))?;
    }
    for word in words {
        if let Some(cores) = word.strip_prefix(b"ppn=") {
            let cores = Decimal::parse(cores).and_then(|cores| cores.scaled(Unit::THOUSANDTHS));
            let cores = cores.filter(|cores| *cores > 0);
            part.each[Kind::Cpus] = cores.ok_or_else(|| row.bad(REQUEST, CORES))?;
        } else if let Some(memory) = word.strip_prefix(b"mem=") {
            part.each[Kind::Mem] = amount(memory).ok_or_else(|| row.bad(REQUEST, AMOUNT))?;
        } else {
            let (wanted, name) = match word {
                [b'^', name @ ..] => (false, name),
                name => (true, name.strip_prefix(b"host=").unwrap_or(name)),
            };
            if name.is_empty() {
                return Err(row.bad(REQUEST, "a PBS request: a word is empty"));
            }
            let name = row.intern(REQUEST, name, &mut aside.names)?;
            let property = Property { name, wanted };
            // People repeat themselves: `cl_zewura:cl_zewura`.
            if !constraints.properties.contains(&property) {
                constraints.properties.push(property);
            }
        }
    }
    Ok(())
}

fn is_number(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}

/// Thousandths of a MiB of an amount with its unit behind it.
fn amount(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        b"b" | b"" => Unit::BYTES,
        b"kb" => Unit::KIB,
        b"mb" => Unit::THOUSANDTHS,
        b"gb" => Unit::GIB,
        b"tb" => Unit::TIB,
        _ => return None,
    };
    Decimal::parse(number)?.scaled(unit)
}

fn interned(
    constraints: Constraints,
    shared: &mut BTreeMap<Constraints, Arc<Constraints>>,
) -> Option<Arc<Constraints>> {
    if constraints == Constraints::default() {
        return None;
    }
    if let Some(known) = shared.get(&constraints) {
        return Some(Arc::clone(known));
    }
    let fresh = Arc::new(constraints.clone());
    if shared.len() < SHARED_MAX {
        shared.insert(constraints, Arc::clone(&fresh));
    }
    Some(fresh)
}
