//! Which facts a watcher wants to hear.

use super::{
    ids::{AgentId, FrameworkId},
    role::Role,
};
use std::collections::BTreeSet;

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WatchKind {
    /// An agent.
    Agent,
    /// A framework.
    Framework,
    /// A task.
    Task,
    /// An offer.
    Offer,
    /// A role.
    Role,
    /// A maintenance window.
    Window,
}

/// All that is said must hold; the default lets everything through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchFilter {
    /// Any of these; all when empty.
    pub kinds: BTreeSet<WatchKind>,
    /// The framework itself, its tasks, and what it is offered.
    pub framework: Option<FrameworkId>,
    /// The agent itself, tasks on it, and offers of it.
    pub agent: Option<AgentId>,
    /// This role and those below it: themselves, and frameworks, tasks and offers in them.
    pub role: Option<Role>,
}

impl WatchKind {
    /// Every kind.
    pub const ALL: [WatchKind; 6] =
        [Self::Agent, Self::Framework, Self::Task, Self::Offer, Self::Role, Self::Window];
}
