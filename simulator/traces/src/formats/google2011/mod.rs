//! Google's traces of 2011 (`clusterdata-2011-2`): five tables without headers.
//!
//! - machine_events: time (µs), machine, event (0 add, 1 remove, 2 update), platform, CPUs, memory
//! - machine_attributes: time, machine, attribute, value, deleted (0, 1)
//! - job_events: time, missing, job, event, user, class (0–3), name, logical name
//! - task_events: time, missing, job, task, machine, event, user, class, priority (0–11), CPUs,
//!   memory, disk, on different machines (0, 1)
//! - task_usage: begin, end, job, task, machine, and fifteen measures
//!
//! Amounts are parts of the largest machine; 1.0 becomes 1,000,000 thousandths. Times are the
//! trace's own: what was there before it has time 0, the trace begins at 600 s, and what happened
//! after its end has the time 2^63-1.

mod events;
mod machines;
mod tasks;
mod usage;

pub use events::{Event, JobEvent, TaskEvent, job_events, task_events};
pub use machines::{machine_attributes, machine_events};
pub use tasks::tasks;
pub use usage::{Usage, task_usage};

use crate::{
    error::ReadError,
    text::{Column, Row, Unit},
};

const TIME: &str = "a number of microseconds";
const PART: &str = "a part of the largest machine, at least 0";
/// How the trace writes a time after its end.
const AFTER: &[u8] = b"9223372036854775807";

/// Nanoseconds on the trace's clock; none for a time after its end.
fn time_ns(row: &Row<'_>, column: Column) -> Result<Option<u64>, ReadError> {
    if row.text(column) == AFTER {
        return Ok(None);
    }
    row.needed(column, Unit::MICROSECONDS, TIME).map(Some)
}
