//! Who goes first, and what those are told who give way.

use super::form::{self, Read};
use crate::model::{Duration, PreemptionNotice, Priority, Refusal, TaskId, limits};
use crate::wire::v1;

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

/// Reads that tasks will be ended for others.
pub(super) fn read_preemption(notice: v1::PreemptionNotice) -> Read<PreemptionNotice> {
    let priority = read_priority(Some(notice.for_priority)).map_err(|no| no.at("for_priority"))?;
    Ok(PreemptionNotice {
        // As many as the framework has tasks: the transport bounds the message, not a limit here.
        tasks: form::ids("task_ids", notice.task_ids, usize::MAX)?,
        deadline: Duration(notice.deadline_ms),
        role: form::id("for_role", &notice.for_role)?,
        priority,
    })
}

/// Writes that tasks will be ended for others.
pub(super) fn write_preemption(notice: &PreemptionNotice) -> v1::PreemptionNotice {
    v1::PreemptionNotice {
        task_ids: notice.tasks.iter().map(TaskId::to_string).collect(),
        deadline_ms: notice.deadline.as_ms(),
        for_role: notice.role.to_string(),
        for_priority: notice.priority.get().into(),
    }
}
