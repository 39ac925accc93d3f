//! Which system calls a container may make.
//!
//! The idea: an operator says it in the format that Docker, containerd and Podman share (Docker's
//! "Seccomp security profiles", containers/common `seccomp.json`), so that a profile that is there
//! already can be used as it is. It is compiled once, when an agent starts, into programs for the
//! kernel (seccomp(2), `SECCOMP_SET_MODE_FILTER`), in the form in which every launcher takes them:
//! an array of `struct sock_filter`. So what is enforced is known before a task waits for it.
//!
//! This crate does no I/O, and knows nothing of containers: who installs the filters, and when, is
//! the jail's business.

#![forbid(unsafe_code)]

mod compile;
mod profile;

pub use compile::{CompileError, Compiled, Host};
pub use profile::{MAX_PROFILE_BYTES, Profile, ProfileError};

/// The profile that containers get when the operator names no other, with a reason for each group
/// of calls: about what Docker allows a container without further capabilities. Kept out are calls
/// that change the host or what namespaces are for (mounts, modules, clocks, keys, swap, kexec),
/// and those that have let containers out before (`io_uring`, `bpf`, `userfaultfd`,
/// `perf_event_open`, user namespaces of the container's own).
pub const DEFAULT_PROFILE: &str = include_str!("default.json");
