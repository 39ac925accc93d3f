//! The ledger's tests: every refusal, every rule told as a story, random histories against an
//! independent model, and the bytes of log and snapshot.

#![forbid(unsafe_code)]

mod build;
mod bytes;
mod compat;
mod compat_volumes;
mod devices;
mod generate;
mod generate_preemption;
mod generate_reservations;
mod generate_volumes;
mod histories;
mod limits;
mod mounts;
mod once;
mod operations;
mod oracle;
mod oracle_agents;
mod oracle_declared;
mod oracle_directives;
mod oracle_groups;
mod oracle_mounts;
mod oracle_preemption;
mod oracle_reservations;
mod oracle_resize;
mod oracle_roles;
mod oracle_tasks;
mod oracle_volumes;
mod refusals;
mod resizes;
mod role_settings;
mod roles;
mod stories;
mod stories_bounds;
mod stories_directives;
mod versions;
mod volumes;
