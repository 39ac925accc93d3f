//! What machines come to.

use super::{add, unit, units};
use crate::model::{Change, KINDS, MachineEvent, Names};
use serde::Serialize;
use std::collections::BTreeMap;

/// What machines come to.
#[derive(Debug, Clone, Default)]
pub struct MachinesSummary {
    /// Everything that happens.
    pub events: u64,
    /// Machines that come.
    pub added: u64,
    /// Changes of a capacity.
    pub updates: u64,
    /// Machines that go.
    pub removals: u64,
    /// Changes of an attribute.
    pub attributes: u64,
    /// When the last thing happens.
    pub last_ns: u64,
    capacity: [u128; 5],
    /// Machines and cards of each model; the empty name is of machines without one.
    models: BTreeMap<String, (u64, u64)>,
}

/// What all machines that come have of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capacity {
    /// The kind.
    pub kind: &'static str,
    /// Its unit, unless amounts are parts of the largest machine.
    pub unit: &'static str,
    /// How much, in units.
    pub amount: f64,
}

/// Machines with cards of one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// The model; empty where it is not known, or there are no cards.
    pub model: String,
    /// How many machines.
    pub machines: u64,
    /// How many cards all of them have.
    pub cards: u64,
}

impl MachinesSummary {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts what happens to a machine.
    pub fn add(&mut self, event: &MachineEvent, names: &Names) {
        self.events += 1;
        self.last_ns = self.last_ns.max(event.at_ns);
        match &event.change {
            Change::Add(machine) => {
                let count = u64::from(machine.count);
                self.added = self.added.saturating_add(count);
                add(&mut self.capacity, &machine.capacity, u128::from(count));
                let model = machine.gpu_model.map_or("", |id| names.get(id)).to_owned();
                let (machines, cards) = self.models.entry(model).or_default();
                *machines = machines.saturating_add(count);
                *cards = cards.saturating_add(count * u64::from(machine.cards));
            }
            Change::Update(_) => self.updates += 1,
            Change::Remove => self.removals += 1,
            Change::Attribute { .. } => self.attributes += 1,
        }
    }

    /// What all that come have, of the kinds of which there is any.
    pub fn capacity(&self) -> Vec<Capacity> {
        let kinds = KINDS.into_iter().filter(|kind| self.capacity[*kind as usize] > 0);
        let amount = |kind| units(self.capacity[kind as usize]);
        kinds
            .map(|kind| Capacity { kind: kind.name(), unit: unit(kind), amount: amount(kind) })
            .collect()
    }

    /// By the models of their cards.
    pub fn models(&self) -> Vec<Model> {
        let models = self.models.iter();
        models
            .map(|(model, (machines, cards))| Model {
                model: model.clone(),
                machines: *machines,
                cards: *cards,
            })
            .collect()
    }
}
