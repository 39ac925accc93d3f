//! The order of a task group, as a function of how far each of its tasks is.
//!
//! ```text
//!  init 0 ─▶ init 1 ─▶ … ─▶ sidecars ─all run─▶ main tasks ─all ended─▶ sidecars are told to end
//!     └── fails ──▶ all others are told to end: init and main tasks at once, sidecars behind them
//! ```
//!
//! A task whose turn never came ends when no init task runs any more: until then its share of the
//! group's resources may be in use. A task that is told to end by the time that it may run is told
//! alone; what its end means for the others is then that of any failure.

use proto::model::{OnFailure, TaskState, task_group::Part};

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its turn has not come.
    Waiting,
    /// Its container is being set up.
    Starting,
    /// Its program was executed.
    Running,
    /// It has ended.
    Ended(TaskState),
}

/// One task, in the group's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) part: Part,
    pub(crate) phase: Phase,
    /// Whether it is to end.
    pub(crate) is_told: bool,
    /// Whether its container was told.
    pub(crate) is_stopped: bool,
}

/// What to do with a task, by its place among those seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Its turn has come.
    Start(usize),
    /// It is to end.
    Tell(usize),
    /// It was told, and may end now.
    Stop(usize),
    /// It was told before its turn came.
    Drop(usize),
}

impl Seen {
    fn is_live(&self) -> bool {
        !matches!(self.phase, Phase::Ended(_))
    }

    fn has_begun(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Running)
    }

    /// Whether it has ended in a way after which the others are to end. Main tasks do not begin
    /// without a sidecar that failed, whatever the group says of failures: then nothing runs on.
    fn ends_the_others(&self, on_failure: OnFailure, main_waits: bool) -> bool {
        let Phase::Ended(state) = self.phase else { return false };
        let ends_group = on_failure == OnFailure::EndGroup;
        match self.part {
            Part::Init => state != TaskState::Finished,
            Part::Main => ends_group && state != TaskState::Finished,
            Part::Sidecar => {
                let is_failure = !matches!(state, TaskState::Finished | TaskState::Killed);
                is_failure && (ends_group || main_waits)
            }
        }
    }
}

/// Everything that is due. Doing it may make more due: ask again until there is nothing.
pub(crate) fn due(group: &[Seen], on_failure: OnFailure) -> Vec<Step> {
    let places = |wanted: &dyn Fn(&Seen) -> bool| -> Vec<usize> {
        (0..group.len()).filter(|index| wanted(&group[*index])).collect()
    };
    let steps = |of: fn(usize) -> Step, places: Vec<usize>| places.into_iter().map(of).collect();
    let main_waits = group.iter().any(|it| it.part == Part::Main && it.phase == Phase::Waiting);
    if group.iter().any(|seen| seen.ends_the_others(on_failure, main_waits)) {
        let untold = places(&|seen| seen.is_live() && !seen.is_told);
        if !untold.is_empty() {
            return steps(Step::Tell, untold);
        }
    }
    let lives = |part| group.iter().any(|seen| seen.part == part && seen.is_live());
    let init_runs = group.iter().any(|seen| seen.part == Part::Init && seen.has_begun());
    if !init_runs {
        let dropped = places(&|seen| seen.phase == Phase::Waiting && seen.is_told);
        if !dropped.is_empty() {
            return steps(Step::Drop, dropped);
        }
    }
    let waits =
        |part| places(&|seen| seen.part == part && seen.phase == Phase::Waiting && !seen.is_told);
    match () {
        () if init_runs => Vec::new(),
        () if lives(Part::Init) => waits(Part::Init).into_iter().take(1).map(Step::Start).collect(),
        () if lives(Part::Main) => {
            let mut due: Vec<Step> = steps(Step::Start, waits(Part::Sidecar));
            let sidecars_run = group
                .iter()
                .filter(|seen| seen.part == Part::Sidecar)
                .all(|seen| matches!(seen.phase, Phase::Running | Phase::Ended(_)));
            if sidecars_run {
                due.extend(waits(Part::Main).into_iter().map(Step::Start));
            }
            due
        }
        () => {
            let mut due: Vec<Step> = steps(Step::Tell, places(&|it| it.is_live() && !it.is_told));
            let told = places(&|seen| seen.has_begun() && seen.is_told && !seen.is_stopped);
            due.extend(told.into_iter().map(Step::Stop));
            due
        }
    }
}

#[cfg(test)]
mod tests;
