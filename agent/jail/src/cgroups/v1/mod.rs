//! The controllers as version 1 has them: each in a hierarchy of its own, or several joined.

pub(super) mod cpu;
pub(super) mod cpuacct;
pub(super) mod memory;
pub(super) mod pids;
