//! The binary as its users meet it: real processes, sockets, containers, disks and kill -9.
//!
//! One program, so that everything is linked once. A module per subject; `rig` starts and ends
//! processes for all of them. What needs root or a tool that is missing says that it was skipped.

mod agent_restart;
mod bad_input;
mod demand;
mod domains;
mod drain;
mod exported;
mod failover;
mod gpus;
mod groups;
mod images;
mod lending;
mod masters;
mod metrics;
mod owners;
mod preemption;
mod pushed_back;
mod python;
mod quota;
mod readme;
mod reservations;
mod resize;
mod rig;
mod shared;
mod snapshot;
mod studies;
mod task_ends;
mod tools;
mod traces;
mod trial_live;
mod trials;
mod volume_crashes;
mod volumes;
mod workload;
