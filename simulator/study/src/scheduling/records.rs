//! What is told of single tasks.

use super::{
    floor::{History, Task},
    plan::SchedulingPlan,
    run::Waiting,
    work::Job,
};
use crate::records::{Outcome, Recorder, TaskRecord};
use simulator::engine::Time;
use traces::model::Kind;

/// What a band's tasks are called.
fn kind(plan: &SchedulingPlan, band: u8) -> &str {
    plan.bands.get(usize::from(band)).map_or("job", |band| &band.name)
}

/// A task that ran until a moment, or still runs.
pub(super) fn record<'a>(
    plan: &'a SchedulingPlan,
    running: &Task,
    end: Option<Time>,
) -> TaskRecord<'a> {
    let start = Some(running.since);
    TaskRecord {
        placed: start,
        start,
        end,
        machine: Some(running.machine),
        outcome: if end.is_some() { Outcome::Finished } else { Outcome::Running },
        ..known(kind(plan, running.band), &running.job, running.part, running.number)
            .after(running.history)
    }
}

/// Tasks that still wait.
pub(super) fn record_waiting(plan: &SchedulingPlan, waiting: &Waiting, recorder: &mut Recorder) {
    if !recorder.wants_tasks() {
        return;
    }
    for (part, count) in &waiting.left {
        let first = waiting.number(*part);
        for number in first..first + count {
            let task = known(kind(plan, waiting.band), &waiting.job, *part, number);
            recorder.task(&task.after(waiting.history));
        }
    }
}

/// What is known of a task when its job comes.
fn known<'a>(kind: &'a str, job: &Job, part: usize, number: u32) -> TaskRecord<'a> {
    let each = job.parts[part].arrival.each;
    TaskRecord {
        task: job.number_of(part, number),
        cpus_milli: each[Kind::Cpus],
        mem_mib: each[Kind::Mem].div_ceil(1_000),
        gpus_milli: each[Kind::Gpus],
        ..TaskRecord::new(job.number, kind, job.at)
    }
}

impl TaskRecord<'_> {
    fn after(self, history: History) -> Self {
        let History { first_attempt, attempts, evictions } = history;
        Self { first_attempt, attempts, evictions, ..self }
    }
}
