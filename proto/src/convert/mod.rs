//! Wire to model and back: the only place where input is believed.
//!
//! `read_*` takes what somebody sent and checks everything about its form; the [`Refusal`] of what
//! it cannot believe names the field, relative to the thing that was read, so that a caller puts
//! its own path in front with [`Refusal::under`]. `write_*` cannot fail. Nothing here knows the
//! state of a cluster: whether an offer is live or a task exists is decided elsewhere.
//!
//! [`Refusal`]: crate::model::Refusal
//! [`Refusal::under`]: crate::model::Refusal::under

pub mod agent;
pub mod agent_life;
pub mod body;
pub mod calls;
pub mod decline;
pub mod demand;
pub mod domain;
mod events;
mod form;
pub mod framework;
pub mod inverse;
pub mod kill_policy;
pub mod masters;
pub mod offer;
mod offer_terms;
pub mod operation;
pub mod orders;
mod preemption;
pub mod quota;
pub mod refusal;
pub mod reservation;
pub mod resources;
#[cfg(feature = "grpc")]
mod rich_status;
pub mod role_settings;
pub mod shared;
pub mod status;
pub mod task;
pub mod task_group;
pub mod text;
pub mod volume;
pub mod volume_orders;
pub mod watch;
