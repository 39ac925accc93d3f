//! Random preemptions: who gives way to whom, and ends when its notice is over.

use crate::{
    build::*,
    generate::{Draw, launch, session_of, task_of},
};
use master_core::ledger::{Command, Ledger, LogVersion, Preemption, Task};
use proto::model::{DemandId, Priority, TaskKey};

/// Mostly of tasks that live, for a role and at a priority that may be.
pub(crate) fn preemption(ledger: &Ledger, draw: &mut Draw) -> Command {
    if ledger.version() == LogVersion::OLDEST && !draw.one_in(8) {
        return Command::RaiseVersion(LogVersion::CURRENT);
    }
    let framework = session_of(ledger, draw).framework;
    let lower = ledger.tasks().iter().map(|(_, task)| task).filter(|task| {
        let is_lower = task.info.revocable || task.info.priority < Priority::DEFAULT;
        !task.is_terminal() && !task.is_ending() && is_lower
    });
    let lower: Vec<_> = lower.collect();
    if lower.is_empty() && !draw.one_in(8) {
        return launch(ledger, draw);
    }
    let known = ledger.framework(framework).filter(|_| !draw.one_in(8));
    let of = known.map_or_else(|| role("eng"), |row| row.info.roles[0].clone());
    let victim = |draw: &mut Draw| match (draw.below(8), lower.is_empty()) {
        (0, _) => key(1, "t99"),
        (2.., false) => draw.pick(&lower).key.clone(),
        _ => task_of(ledger, draw).map_or_else(|| key(1, "t1"), |task| task.key.clone()),
    };
    let count = draw.pick(&[0, 1, 1, 1, 2, 3]);
    Command::Preempt(Preemption {
        framework,
        role: of,
        demand: draw.one_in(2).then(|| DemandId::new("d").expect("an id")),
        priority: Priority::new(draw.pick(&[1, 3, 3, 3, 3, 5, 9])).expect("one"),
        victims: whole(ledger, (0..count).map(|_| victim(draw)).collect(), draw.one_in(5)),
    })
}

/// Victims with all of their groups that lives, unless some are to be left out.
fn whole(ledger: &Ledger, victims: Vec<TaskKey>, is_torn: bool) -> Vec<TaskKey> {
    let with_group = |key: TaskKey| {
        let group = ledger.task(&key).and_then(Task::group).and_then(|key| ledger.group(&key));
        match group.filter(|_| !is_torn) {
            None => vec![key],
            Some(group) => {
                let live = ledger.live_tasks_of_group(group);
                let keys: Vec<TaskKey> = live.map(|task| task.key.clone()).collect();
                if keys.contains(&key) { keys } else { vec![key] }
            }
        }
    };
    victims.into_iter().flat_map(with_group).collect()
}

pub(crate) fn end_of_notice(ledger: &Ledger, draw: &mut Draw) -> Command {
    let waiting = ledger.preempted_tasks().map(|(task, _)| task.key.clone());
    let mut tasks: Vec<_> = waiting.filter(|_| !draw.one_in(5)).collect();
    tasks.extend(task_of(ledger, draw).map(|task| task.key.clone()));
    Command::EndPreempted { tasks }
}
