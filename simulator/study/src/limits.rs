//! How much one study may ask: all bounds in one place.

use crate::plan::PlanError;

/// Runs of one study: a week of minutes.
pub const RUNS_MAX: u64 = 100_000;

/// Machines or agents of one cell that a study describes by their number.
pub const MACHINES_MAX: u64 = 1_000_000;

/// Tasks of a scheduling study, each of which is started for itself.
pub const TASKS_MAX: u64 = 20_000_000;

/// Schedulers that share a cell.
pub const SCHEDULERS_MAX: u64 = 10_000;

/// Frameworks of one group.
pub const FRAMEWORKS_MAX: u64 = 100_000;

/// Tasks of one list of jobs that wait at workers: some GiB if all of them wait at once.
pub const PROBED_TASKS_MAX: u64 = 100_000_000;

/// Intervals of all tasks of which there are samples of use: 800 MB.
pub const INTERVALS_MAX: u64 = 100_000_000;

/// Workers that are probed for one job, task by task.
pub const PROBES_MAX: u64 = 10_000_000;

/// Percent of a capacity for which tasks come.
pub const UNTIL_PERCENT_MAX: u64 = 1_000;

/// Lines of one run's timeline: a year in steps of three seconds, about a gigabyte.
pub const TIMELINE_LINES_MAX: u64 = 10_000_000;

/// Seconds from one line of a timeline to the next, at least: what happens within a nanosecond
/// happens at one moment.
pub const TIMELINE_SECONDS_MIN: f64 = 1e-9;

/// Says no to more than may be.
pub(crate) fn within(what: &str, value: u64, max: u64) -> Result<(), PlanError> {
    match value <= max {
        true => Ok(()),
        false => Err(PlanError::Value {
            table: what.to_owned(),
            problem: format!("{value} is more than {max}"),
        }),
    }
}
