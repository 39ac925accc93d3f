//! Inverse offers: what is asked of a framework whose tasks run on an agent that will be away.
//!
//! The deadline binds whatever is answered. An answer tells operators whether to wait.

use super::{
    agent_life::WindowId,
    ids::{AgentId, IdError, TaskId, canonical_number},
    time::Duration,
};
use std::{fmt, str::FromStr};

/// Names one inverse offer. Carries the leader's term, so that a new leader's are never mistaken
/// for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InverseOfferId {
    /// Of the leader that made it.
    pub term: u64,
    /// Counted by that leader.
    pub number: u64,
}

/// Please leave this agent by then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InverseOffer {
    /// Which.
    pub id: InverseOfferId,
    /// Of whom.
    pub agent: AgentId,
    /// The framework's tasks there, as of when it was said.
    pub tasks: Vec<TaskId>,
    /// From now: before that nothing is done; zero when it has begun.
    pub begins_in: Duration,
    /// From now, and never before it begins; zero when it has passed.
    pub deadline: Duration,
    /// Whether tasks are ended: within budgets once it has begun, at the deadline all that are
    /// left. Otherwise the machine may be switched off from the deadline on.
    pub ends_tasks: bool,
    /// Because of this window; `None` when an operator drains the agent.
    pub window: Option<WindowId>,
    /// What the window is for, for people.
    pub comment: String,
    /// Once it is empty, the agent is gone for good.
    pub agent_goes: bool,
}

/// What a framework says to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InverseAnswer {
    /// It will be gone by the deadline.
    Accept,
    /// It will not, or not by itself.
    Decline {
        /// Why, for people; may be empty.
        message: String,
    },
}

impl fmt::Display for InverseOfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inverse-{}-{}", self.term, self.number)
    }
}

impl FromStr for InverseOfferId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let parse = || {
            let (term, number) = text.strip_prefix("inverse-")?.split_once('-')?;
            Some(Self { term: canonical_number(term)?, number: canonical_number(number)? })
        };
        parse().ok_or(IdError::Form { form: "inverse-TERM-NUMBER" })
    }
}
