//! The typed model: what a value of these types promises, no code needs to check again.
//!
//! Nothing here does I/O, reads a clock or uses floating point. Constructors refuse what breaks the
//! promise; `*_unchecked` does not exist.

pub mod agent;
pub mod attributes;
pub mod calls;
pub mod framework;
pub mod ids;
pub mod jitter;
pub mod limits;
pub mod offer;
pub mod principal;
pub mod ranges;
pub mod refusal;
pub mod resources;
pub mod status;
pub mod task;
pub mod time;

pub use agent::AgentInfo;
pub use attributes::{Attribute, AttributeValue};
pub use calls::{AgentCall, Order, SchedulerCall, SchedulerEvent, Session, Subscribe};
pub use framework::FrameworkInfo;
pub use ids::{
    AgentId, ClusterId, FrameworkId, IdError, NodeId, OfferId, RequestId, Role, TaskId, TaskKey,
};
pub use offer::Offer;
pub use principal::Principal;
pub use ranges::Ranges;
pub use refusal::{Reason, Refusal};
pub use resources::{Milli, ResourceName, Resources, Value};
pub use status::{StatusReason, StatusSource, TaskState, TaskStatus};
pub use task::{Command, TaskInfo};
pub use time::{Duration, Instant, WallTime};
