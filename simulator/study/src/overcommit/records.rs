//! What is told of single tasks, and of how things stood. Times are those of intervals: what
//! happens within one is not told apart.

use super::{
    plan::OvercommitPlan,
    used::{Amount, UsedTask, UsedTasks},
};
use crate::{
    error::RunError,
    records::{Outcome, Recorder, TaskRecord, Timeline},
    running::{Resource, State},
};
use proto::model::ResourceName;
use simulator::engine::Time;

/// Tasks that are placed begin when they come and end with their last sample; others are dropped.
pub(super) fn tasks(
    plan: &OvercommitPlan,
    list: &UsedTasks,
    tasks_of: &[Vec<usize>],
    recorder: &mut Recorder,
) {
    let mut machine_of = vec![None; list.tasks.len()];
    for (machine, tasks) in (0..).zip(tasks_of) {
        tasks.iter().for_each(|task| machine_of[*task] = Some(machine));
    }
    for ((job, task), machine) in (0..).zip(&list.tasks).zip(machine_of) {
        let (begins, ends) = (start_of(plan, task.first), start_of(plan, task.end()));
        let start = machine.map(|_: u32| begins);
        recorder.task(&TaskRecord {
            cpus_milli: milli(plan, task.limit.into()) as u64,
            first_attempt: Some(begins),
            placed: start,
            start,
            end: machine.map(|_| ends),
            machine,
            attempts: 1,
            outcome: if machine.is_some() { Outcome::Finished } else { Outcome::Dropped },
            ..TaskRecord::new(job, "task", begins)
        });
    }
}

/// All machines together: `allocated` are the limits of tasks that are there, `used` what they use.
///
/// # Errors
/// When a line cannot be written, or there are too many.
pub(super) fn timeline(
    plan: &OvercommitPlan,
    list: &UsedTasks,
    tasks_of: &[Vec<usize>],
    timeline: &mut Timeline,
) -> Result<(), RunError> {
    let mut placed: Vec<&UsedTask> =
        tasks_of.iter().flatten().map(|number| &list.tasks[*number]).collect();
    placed.sort_by_key(|task| task.first);
    let end = placed.iter().map(|task| task.end()).max().unwrap_or(0);
    let (mut to_come, mut here) = (placed.into_iter().peekable(), Vec::new());
    loop {
        let at = timeline.next();
        // The interval that is over, or under way, just before that moment.
        let interval = at.0.saturating_sub(1) / plan.intervals().length_ns();
        if interval >= end {
            return Ok(());
        }
        while let Some(task) = to_come.next_if(|task| task.first <= interval) {
            here.push(task);
        }
        here.retain(|task: &&UsedTask| task.end() > interval);
        let sum = |of: &dyn Fn(&UsedTask) -> Amount| {
            milli(plan, here.iter().map(|task| u128::from(of(task))).sum())
        };
        let cpus = Resource {
            capacity: milli(plan, u128::from(plan.capacity()) * u128::from(plan.machines)),
            allocated: sum(&|task| task.limit),
            used: sum(&|task| task.used_at(interval)),
            ..Resource::default()
        };
        let resources = [(ResourceName::CPUS.to_string(), cpus)].into();
        let state = State { at, resources, running: here.len() as u64, ..State::default() };
        timeline.line(at, &[], &state)?;
    }
}

/// When an interval begins.
fn start_of(plan: &OvercommitPlan, interval: u64) -> Time {
    Time(interval.saturating_mul(plan.intervals().length_ns()))
}

/// Thousandths of a core.
fn milli(plan: &OvercommitPlan, amount: u128) -> u128 {
    amount * 1_000 / u128::from(plan.core().max(1))
}
