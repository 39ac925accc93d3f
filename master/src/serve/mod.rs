//! What clients see: listeners, identities, and one file per service.
//!
//! A request passes the listener and the gate of [`edge`] (TLS, limits; identity, the table of who
//! may call what), and a service, which reads it into the model, hands it to the core and turns the
//! answer back. Nothing here decides anything about a cluster.

pub(crate) mod agent_life;
mod agents;
pub mod authorization;
mod demands;
mod events;
pub(crate) mod gateway;
mod groups;
pub(crate) mod health;
pub(crate) mod leadership;
mod listings;
mod masters;
pub(crate) mod operators;
#[cfg(feature = "testing")]
pub(crate) mod readers;
mod reservations;
mod roles;
pub(crate) mod scheduler;
pub(crate) mod server;
mod volumes;
mod watch;
