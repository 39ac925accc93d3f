//! What a packing study reads: machines and tasks, once for all its runs.

use crate::{
    cell::{Cell, Machine, Request, RequestId, Requests},
    error::RunError,
    plan::{Input, read},
};
use master_core::allocator::Amounts;
use proto::model::ResourceName;
use simulator::engine::Chance;
use std::{cmp::Reverse, collections::BTreeMap, path::Path};

/// Machines and tasks.
#[derive(Debug, Clone, Default)]
pub struct Load {
    /// All machines.
    pub machines: Vec<Machine>,
    /// All different requests.
    pub requests: Requests,
    /// Tasks in the order of the file.
    pub tasks: Vec<RequestId>,
    /// Tasks that ask for GPUs as no machine can give them; they are left out.
    pub impossible: u64,
}

impl Load {
    /// Reads both.
    ///
    /// # Errors
    /// When a file cannot be read, or holds no machines where there should be some.
    pub fn read(data: &Path, machines: &Input, tasks: &Input, seed: u64) -> Result<Self, RunError> {
        let mut load = Self::default();
        load.machines = read(data, machines, tasks, seed, |request, count| match request {
            None => load.impossible += u64::from(count),
            Some(request) => {
                let number = load.requests.number(request);
                load.tasks.extend(std::iter::repeat_n(number, count as usize));
            }
        })?;
        Ok(load)
    }

    /// All machines, free.
    pub fn cell(&self) -> Cell {
        Cell::new(self.machines.iter().cloned())
    }

    /// The tasks in a random order, then tasks drawn from them, with replacement, until the next
    /// one would ask, all together, for more than so many percent of what is counted.
    pub fn arrivals(
        &self,
        chance: &mut Chance,
        counted: &ResourceName,
        until_percent: Option<u32>,
    ) -> Vec<RequestId> {
        let mut tasks = self.tasks.clone();
        chance.shuffle(&mut tasks);
        let Some(percent) = until_percent else { return tasks };
        let asked = |number: RequestId| self.requests.get(number).shape.get(counted);
        let capacity: u128 = self.machines.iter().map(|it| it.total.get(counted)).sum();
        let mut sum: u128 = tasks.iter().map(|task| asked(*task)).sum();
        // Without a task that asks for any of it nothing would ever pass the mark.
        if self.tasks.iter().all(|task| asked(*task) == 0) {
            return tasks;
        }
        loop {
            let next = self.tasks[chance.index(self.tasks.len())];
            sum += asked(next);
            if sum * 100 > capacity * u128::from(percent) {
                return tasks;
            }
            tasks.push(next);
        }
    }

    /// Those first that ask for most: the sum over resources of the part of what all machines have,
    /// in 2^-64; of equals in their order.
    pub fn largest_first(&self, tasks: &mut [RequestId]) {
        let mut all = Amounts::new();
        self.machines.iter().for_each(|machine| all.add(&machine.total));
        let part = |amount: u128, of: u128| (amount << 64).checked_div(of).unwrap_or(0);
        let size = |number: RequestId| {
            let shape = &self.requests.get(number).shape;
            shape.iter().map(|(name, amount)| part(amount, all.get(name))).sum::<u128>()
        };
        let sizes: BTreeMap<_, _> = tasks.iter().map(|task| (*task, size(*task))).collect();
        tasks.sort_by_key(|task| Reverse(sizes[task]));
    }

    /// The same tasks, each asking for the next power of two of everything but GPUs.
    pub fn in_powers_of_two(&self) -> Self {
        let mut load = Self { machines: self.machines.clone(), ..Self::default() };
        for task in &self.tasks {
            let request = self.requests.get(*task);
            let mut shape = request.shape.clone();
            for (name, amount) in request.shape.iter().filter(|it| *it.0 != ResourceName::GPUS) {
                shape.set(name, amount.next_power_of_two());
            }
            let number = load.requests.number(Request { shape, ..request.clone() });
            load.tasks.push(number);
        }
        load
    }
}
