//! Alibaba's GPU cluster of 2023 ("openb"), as the FGD study published it.
//!
//! Nodes: `sn`, `cpu_milli`, `memory_mib`, `gpu` (cards), `model`. Pods: `name`, `cpu_milli`,
//! `memory_mib`, `num_gpu`, `gpu_milli`, and in most lists `gpu_spec` (models joined by `|`),
//! `qos`, `creation_time`, `deletion_time`, `scheduled_time` in seconds since the trace's start.
//!
//! Traps: `gpu_milli` is per card, means nothing when `num_gpu` is 0, and is a part of one card
//! when it is below 1000. The `multigpu` lists end after five columns: all their pods arrive at 0.
//! A pod that was never scheduled has no duration.

use super::SECONDS;
use crate::{
    error::ReadError,
    model::{
        Arrival, Change, Class, Constraints, Kind, Machine, MachineEvent, NameId, Names, Shape,
    },
    reader::{Arrivals, Aside, Machines, Parse, Table},
    source::Source,
    text::{Column, Fields, Header, Row, Rows, Unit},
};
use std::sync::Arc;

/// More cards in one machine than anybody builds.
const CARDS_MAX: u32 = 1_024;
const MILLI_CPU: &str = "a number of thousandths of a core";
const MIB: &str = "a number of MiB";
const CARDS: &str = "a number of cards from 0 to 1024";
/// A whole card.
const CARD: u64 = 1_000;

struct Nodes {
    name: Column,
    cpus: Column,
    mem: Column,
    cards: Column,
    model: Column,
    row: u64,
}

struct Pods {
    cpus: Column,
    mem: Column,
    cards: Column,
    milli: Column,
    models: Column,
    qos: Column,
    created: Column,
    deleted: Column,
    scheduled: Column,
    row: u64,
    /// Lists of models that were met, so that pods with the same list share one.
    lists: Vec<(Vec<u8>, Arc<Constraints>)>,
}

/// Reads a list of nodes; a node's id is its row.
pub fn nodes(source: Source, names: Names) -> Result<Machines, ReadError> {
    let mut rows = Rows::new(source, Fields::Commas);
    let header = Header::read(&mut rows, "a list of openb's nodes")?;
    let parse = Nodes {
        name: header.column("sn")?,
        cpus: header.column("cpu_milli")?,
        mem: header.column("memory_mib")?,
        cards: header.column("gpu")?,
        model: header.optional("model"),
        row: 0,
    };
    Ok(Machines::new(Table { rows, fields: header.len(), parse }, names))
}

/// Reads a list of pods; a pod's id is its row, its queue the class of its service.
pub fn pods(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    let mut rows = Rows::new(source, Fields::Commas);
    let header = Header::read(&mut rows, "a list of openb's pods")?;
    let parse = Pods {
        cpus: header.column("cpu_milli")?,
        mem: header.column("memory_mib")?,
        cards: header.column("num_gpu")?,
        milli: header.column("gpu_milli")?,
        models: header.optional("gpu_spec"),
        qos: header.optional("qos"),
        created: header.optional("creation_time"),
        deleted: header.optional("deletion_time"),
        scheduled: header.optional("scheduled_time"),
        row: 0,
        lists: Vec::new(),
    };
    Ok(Arrivals::new(Table { rows, fields: header.len(), parse }, names))
}

impl Parse<MachineEvent> for Nodes {
    fn parse(
        &mut self,
        row: &Row<'_>,
        aside: &mut Aside,
    ) -> Result<Option<MachineEvent>, ReadError> {
        let cards = cards(row, self.cards)?;
        let mut capacity = Shape::ZERO;
        capacity[Kind::Cpus] = row.needed(self.cpus, Unit::ONE, MILLI_CPU)?;
        capacity[Kind::Mem] = row.needed(self.mem, Unit::THOUSANDTHS, MIB)?;
        capacity[Kind::Gpus] = u64::from(cards) * CARD;
        let machine = Machine {
            name: row.name(self.name, &mut aside.names)?,
            count: 1,
            capacity,
            gpu_model: row.name(self.model, &mut aside.names)?,
            cards,
            attributes: Vec::new(),
        };
        let event = MachineEvent { at_ns: 0, machine: self.row, change: Change::Add(machine) };
        self.row += 1;
        Ok(Some(event))
    }
}

impl Parse<Arrival> for Pods {
    fn parse(&mut self, row: &Row<'_>, aside: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        let mut pod = Arrival::new(self.row);
        self.row += 1;
        pod.each[Kind::Cpus] = row.needed(self.cpus, Unit::ONE, MILLI_CPU)?;
        pod.each[Kind::Mem] = row.needed(self.mem, Unit::THOUSANDTHS, MIB)?;
        pod.each[Kind::Gpus] = self.gpus(row)?;
        pod.submit_ns = row.amount(self.created, Unit::SECONDS, SECONDS)?.unwrap_or(0);
        let began = row.amount(self.scheduled, Unit::SECONDS, SECONDS)?;
        let ended = row.amount(self.deleted, Unit::SECONDS, SECONDS)?;
        if let (Some(began), Some(ended)) = (began, ended) {
            pod.duration_ns = ended.checked_sub(began);
            if pod.duration_ns.is_none() {
                aside.notes.repair("deleted before it was scheduled: without a duration");
            }
        }
        pod.queue = row.name(self.qos, &mut aside.names)?;
        (pod.class, pod.priority) = match row.text(self.qos) {
            b"BE" => (Class::Batch, 0),
            b"Burstable" => (Class::Service, 1),
            b"LS" => (Class::Service, 2),
            b"Guaranteed" => (Class::Service, 3),
            b"" => (Class::Batch, 0),
            _ => return Err(row.bad(self.qos, "`LS`, `BE`, `Burstable` or `Guaranteed`")),
        };
        pod.constraints = self.constraints(row, aside)?;
        Ok(Some(pod))
    }
}

impl Pods {
    fn gpus(&self, row: &Row<'_>) -> Result<u64, ReadError> {
        let cards = cards(row, self.cards)?;
        if cards == 0 {
            return Ok(0);
        }
        let expected = match cards {
            1 => "thousandths of a card, from 1 to 1000",
            _ => "1000: only one card can be shared",
        };
        let milli = row.needed(self.milli, Unit::ONE, expected)?;
        if milli == 0 || milli > CARD || (milli < CARD && cards > 1) {
            return Err(row.bad(self.milli, expected));
        }
        Ok(milli * u64::from(cards))
    }

    fn constraints(
        &mut self,
        row: &Row<'_>,
        aside: &mut Aside,
    ) -> Result<Option<Arc<Constraints>>, ReadError> {
        let list = row.text(self.models);
        if list.is_empty() {
            return Ok(None);
        }
        if let Some((_, known)) = self.lists.iter().find(|(known, _)| known == list) {
            return Ok(Some(Arc::clone(known)));
        }
        let models = list.split(|byte| *byte == b'|').filter(|model| !model.is_empty());
        let gpu_models = models
            .map(|model| row.intern(self.models, model, &mut aside.names))
            .collect::<Result<Vec<NameId>, ReadError>>()?;
        let fresh = Arc::new(Constraints { gpu_models, ..Constraints::default() });
        // Sixteen lists in the real files; others than these are kept without being shared.
        if self.lists.len() < 64 {
            self.lists.push((list.to_vec(), Arc::clone(&fresh)));
        }
        Ok(Some(fresh))
    }
}

fn cards(row: &Row<'_>, column: Column) -> Result<u32, ReadError> {
    let cards = row.count(column, CARDS)?;
    if cards > CARDS_MAX { Err(row.bad(column, CARDS)) } else { Ok(cards) }
}
