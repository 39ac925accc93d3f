//! How things stand in a run at a moment.

use crate::cell::{Cell, Requests};
use master_core::allocator::Amounts;
use serde::Serialize;
use simulator::engine::Time;
use std::collections::BTreeMap;

use super::Smallest;

/// One resource of all machines, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Resource {
    /// All there is.
    pub capacity: u128,
    /// Of that, taken by tasks that are placed, whether they run already or not.
    pub allocated: u128,
    /// Of that, taken by tasks that run.
    pub used: u128,
    /// Held by offers that nobody has answered yet.
    pub held: u128,
    /// Free on machines on which nothing fits that the study could ask for (stranded, after Yan et
    /// al., "LAVA", 2024).
    pub stranded: u128,
}

/// Those that wait in one queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Whose queue it is: what measures of it begin with; nothing for the only one.
    pub queue: String,
    /// How many jobs.
    pub count: u64,
    /// How many have come so far, those that wait no more with them.
    pub come: u64,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct State {
    /// When what happened last did.
    #[serde(serialize_with = "nanoseconds")]
    pub at: Time,
    /// By name.
    pub resources: BTreeMap<String, Resource>,
    /// Tasks that run.
    pub running: u64,
    /// The dominant share of each class of jobs or group of frameworks: the largest part that it
    /// has of any resource (Ghodsi et al., "Dominant resource fairness", NSDI'11).
    pub shares: BTreeMap<String, f64>,
    /// Of all that has happened.
    #[serde(serialize_with = "hexadecimal")]
    pub digest: u64,
}

/// What is free on one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MachineState {
    /// Its name, where machines have one.
    pub name: String,
    /// By resource, in thousandths.
    pub capacity: BTreeMap<String, u128>,
    /// Of that, what nobody has.
    pub free: BTreeMap<String, u128>,
}

impl MachineState {
    pub(crate) fn of(cell: &Cell) -> Vec<Self> {
        let named = |amounts: &Amounts, all: &Amounts| {
            let amounts = all.iter().map(|(name, _)| (name.to_string(), amounts.get(name)));
            amounts.collect()
        };
        let one = |machine| Self {
            name: cell.name(machine).to_owned(),
            capacity: named(cell.total(machine), cell.total(machine)),
            free: named(cell.free(machine), cell.total(machine)),
        };
        cell.machines().map(one).collect()
    }
}

fn nanoseconds<S: serde::Serializer>(time: &Time, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(time.0)
}

fn hexadecimal<S: serde::Serializer>(digest: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format!("{digest:016x}"))
}

impl State {
    /// What can be told from a cell, in which all that is taken runs, but for `held`.
    pub(crate) fn of(cell: &Cell, requests: &Requests, smallest: &Smallest) -> Self {
        let (mut total, mut free, mut stranded) = (Amounts::new(), Amounts::new(), Amounts::new());
        for machine in cell.machines() {
            total.add(cell.total(machine));
            free.add(cell.free(machine));
            if !smallest.fits(cell, requests, machine) {
                stranded.add(cell.free(machine));
            }
        }
        let resources = total.iter().map(|(name, capacity)| {
            let taken = capacity.saturating_sub(free.get(name));
            let stranded = stranded.get(name);
            let resource = Resource { capacity, allocated: taken, used: taken, held: 0, stranded };
            (name.to_string(), resource)
        });
        Self { resources: resources.collect(), ..Self::default() }
    }

    /// The largest part of any resource that these amounts are.
    pub(crate) fn dominant(&self, amounts: &Amounts) -> f64 {
        let parts = amounts.iter().filter_map(|(name, amount)| {
            let capacity = self.resources.get(name.as_str())?.capacity;
            (capacity > 0).then(|| amount as f64 / capacity as f64)
        });
        parts.fold(0.0, f64::max)
    }
}
