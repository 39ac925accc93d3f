//! Who gives way: the cheapest set of tasks on one machine, as the masters choose it
//! ([`master_core::preemption::choice`]): as few as possible of the highest band, then of the next;
//! the youngest of these. Machines are tried from one that is drawn on, until enough of those where
//! somebody could give way have been compared; the cheapest of them is taken.
//!
//! What a master binds a choice by (guarantees, shares, disruption budgets) is not here: a higher
//! band has a claim on all that is lower. Of GPUs amounts count: a set that frees no whole device
//! is passed over, and nothing is ended for the sake of a rule.

use super::floor::{Floor, Task, TaskNumber};
use crate::cell::{MachineId, Request};
use master_core::{
    allocator::Amounts,
    preemption::choice::{Candidate, Choice, Problem},
};
use proto::model::{FrameworkId, Instant, Priority, ResourceName, TaskId, TaskKey};
use simulator::engine::Chance;

/// Chooses who gives way.
#[derive(Debug)]
pub(super) struct Evictor {
    looked_at: u32,
    chance: Chance,
}

impl Evictor {
    pub(super) fn new(looked_at: u32, seed: u64) -> Self {
        Self { looked_at, chance: Chance::of(seed, "evictions", 0) }
    }

    /// Ends what has to end so that a request of a band has room, and says where, and whom that
    /// hit; `None` when nothing that may be ended makes room.
    pub(super) fn make_room(
        &mut self,
        floor: &mut Floor<'_>,
        request: &Request,
        band: u8,
    ) -> Option<(MachineId, Vec<(TaskNumber, Task)>)> {
        let mut options = self.options(floor, request, band);
        options.sort_by(|(_, one, _), (_, other, _)| one.cost.cmp(&other.cost));
        for (machine, choice, tasks) in options {
            let victims = choice.victims.iter().map(|index| tasks[*index]);
            let victims: Vec<(TaskNumber, Task)> =
                victims.filter_map(|task| Some((task, floor.leave(task)?))).collect();
            if floor.cell.fits(machine, request) {
                return Some((machine, victims));
            }
            victims.into_iter().for_each(|(task, running)| floor.come_back(task, running));
        }
        None
    }

    /// What could be done, and on which machine; of each the tasks that the choice counts.
    fn options(
        &mut self,
        floor: &Floor<'_>,
        request: &Request,
        band: u8,
    ) -> Vec<(MachineId, Choice, Vec<TaskNumber>)> {
        let count = u32::try_from(floor.cell.len()).expect("machines are numbered");
        let mut options = Vec::new();
        if band == 0 || count == 0 {
            return options;
        }
        let first = u32::try_from(self.chance.below(count.into())).expect("below a u32");
        for machine in (first..count).chain(0..first) {
            if options.len() as u64 >= u64::from(self.looked_at) {
                break;
            }
            if !floor.cell.could_fit(machine, request)
                || !floor.free_above(machine, band).contains(&request.shape)
            {
                continue;
            }
            let tasks: Vec<TaskNumber> = floor.below(machine, band).map(|(task, _)| task).collect();
            if let Some(choice) = problem(floor, request, machine, band).choose() {
                options.push((machine, choice, tasks));
            }
        }
        options
    }
}

/// What is missing for a request on a machine, and who could give it.
fn problem(floor: &Floor<'_>, request: &Request, machine: MachineId, band: u8) -> Problem {
    let free = floor.cell.free(machine);
    let missing = |(name, milli): (&ResourceName, u128)| milli.saturating_sub(free.get(name));
    let gives = |held: &Amounts| request.shape.iter().map(|(name, _)| held.get(name)).collect();
    let candidate = |(task, running): (TaskNumber, &Task)| {
        let held = &floor.request(running).shape;
        Candidate {
            key: TaskKey { framework: FrameworkId(0), task: id(task) },
            revocable: false,
            priority: Priority::new(running.band.into()).expect("there are ten bands at most"),
            launched: Instant(running.since.0),
            gives: gives(held),
            takes: held.clone(),
            purses: Vec::new(),
        }
    };
    Problem {
        needs: request.shape.iter().map(missing).collect(),
        candidates: floor.below(machine, band).map(candidate).collect(),
        purses: Vec::new(),
    }
}

/// A task's id, ordered as the numbers are.
fn id(task: TaskNumber) -> TaskId {
    TaskId::new(&format!("{task:020}")).expect("twenty digits are an id")
}
