//! What a framework is told whose tasks give way to work of a higher priority.

use super::{ids::TaskId, priority::Priority, role::Role, time::Duration};

/// Tasks of the framework will be ended for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreemptionNotice {
    /// Which.
    pub tasks: Vec<TaskId>,
    /// From now; zero when they are being ended.
    pub deadline: Duration,
    /// In which role the others are.
    pub role: Role,
    /// At which priority.
    pub priority: Priority,
}
