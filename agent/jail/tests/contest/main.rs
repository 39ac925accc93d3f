//! What a container must be, one file for each property, judged from outside through the real
//! program.
//!
//! Everything goes through `rig`: it launches, waits, and after every container looks whether
//! processes, mounts or cgroups stayed behind. Properties that need root skip loudly without it.

#![forbid(unsafe_code)]

mod abandoned;
mod cpu_limits;
mod descriptors;
mod destroy_now;
mod directories;
mod duplicate;
mod environment;
mod exit_code;
mod exit_signal;
mod fork_bomb;
mod grace_file;
mod hostname;
mod identity;
mod image;
mod images;
mod launch_failures;
mod memory_limit;
mod mounts;
mod namespaces;
mod outlives_agent;
mod output;
mod pid_namespace;
mod plan_refusals;
mod process_state;
mod records_identity;
mod resize;
mod rig;
mod stop_escalates;
mod stop_honoured;
mod stop_signals;
mod supervisor_killed;
mod sweep;
mod system_calls;
mod tree_gone;
mod usage;
mod user_namespaces;
