//! U2, for those who watch: whoever resumes a watch misses no update of any task.

use proto::wire::v1::{StatusReason, TaskState, TaskSummary, cluster_event::Event};
use std::collections::{BTreeMap, BTreeSet};

/// What a watch has shown of each task.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    tasks: BTreeMap<(String, String), Shown>,
    /// Changed since the watch kept up last.
    changed: BTreeSet<(String, String)>,
    /// The watch is there since before the first update.
    from_start: bool,
}

#[derive(Debug, Default)]
struct Shown {
    numbers: BTreeSet<u64>,
    /// Its first update is the next one, or was shown.
    from_start: bool,
    /// It had news without a number, which may get one that is never shown.
    withheld: bool,
}

impl Watches {
    /// A watch begins that resumes nothing.
    pub(crate) fn begins(&mut self, no_updates: bool) {
        *self = Self { from_start: no_updates, ..Self::default() };
    }

    pub(crate) fn shows(&mut self, event: Option<&Event>) {
        match event {
            Some(Event::TaskChanged(task)) => self.shows_task(task),
            // Only those who have seen everything before hear it.
            Some(Event::Heartbeat(_)) => self.check(),
            _ => {}
        }
    }

    fn shows_task(&mut self, task: &TaskSummary) {
        let Some(status) = &task.status else { return };
        let key = (task.framework_id.clone(), status.task_id.clone());
        let from_start = self.from_start;
        let shown = self
            .tasks
            .entry(key.clone())
            .or_insert_with(|| Shown { from_start, ..Shown::default() });
        shown.withheld |= status.sequence == 0 && status.state() != TaskState::TaskStaging;
        shown.withheld |= status.reason() == StatusReason::ReasonFrameworkRemoved;
        if status.sequence > 0 {
            shown.numbers.insert(status.sequence);
            self.changed.insert(key);
        }
    }

    fn check(&mut self) {
        for key in std::mem::take(&mut self.changed) {
            let Shown { numbers, from_start, withheld } = &self.tasks[&key];
            let (Some(least), Some(most)) = (numbers.first(), numbers.last()) else { continue };
            let first = if *from_start { 1 } else { *least };
            let whole = numbers.len() as u64 == most + 1 - first;
            assert!(whole || *withheld, "U2: of {key:?} a watch shows updates {numbers:?}");
        }
    }
}
