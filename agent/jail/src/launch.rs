//! How an agent starts a jail, without needing unsafe code for it.
//!
//! The plan goes to the child's standard input, the report comes from its standard output; nothing
//! else passes. A plain pipe on a standard descriptor keeps the spawning on the fast path of the
//! standard library (no hook between fork and exec), which matters for an agent with much memory.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// A command that starts `program` as a jail.
///
/// Spawn it, write [`crate::Plan::to_json`] to its standard input and close that, then read its
/// standard output to the end and give the bytes to [`crate::Report::parse`]. The child is a
/// process to be reaped when it ends, which it does after the container has.
pub fn command<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}
