//! Who goes first, and what those are told who give way.

use super::form::{self, Read};
use crate::model::{Duration, Priority, Refusal, limits};

/// Reads a priority; nothing said means the default.
pub(super) fn read_priority(priority: Option<u32>) -> Read<Priority> {
    let read = |number| Priority::new(number).map_err(|no| Refusal::invalid("priority", no));
    priority.map_or(Ok(Priority::DEFAULT), read)
}

/// Writes a priority; the default is not said.
pub(super) fn write_priority(priority: Priority) -> Option<u32> {
    (priority != Priority::DEFAULT).then(|| priority.get().into())
}

/// Reads how long before its end a task's framework wants to know.
pub(super) fn read_preemption_notice(ms: Option<u64>) -> Read<Option<Duration>> {
    let read = |ms| form::duration("preemption_notice_ms", ms, limits::PREEMPTION_NOTICE_MAX);
    ms.map(read).transpose()
}
