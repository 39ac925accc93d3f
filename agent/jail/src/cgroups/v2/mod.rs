//! The controllers as version 2 has them: all in one tree, each container one directory.

pub(super) mod cpu;
pub(super) mod cpuacct;
pub(super) mod memory;
pub(super) mod pids;
