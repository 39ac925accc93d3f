//! Which master this agent listens to: finding it, registering, and whom not to obey.

pub(crate) mod epoch;
pub(crate) mod register;
mod silence;

pub(crate) use register::Session;
