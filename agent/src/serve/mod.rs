//! The agent's own listeners: sandboxes for operators, metrics for whoever watches.

pub(crate) mod authorization;
pub(crate) mod listener;
pub(crate) mod metrics_page;
