//! How a freshly executed process becomes a supervisor: rid of what it inherited, then told its
//! plan.
//!
//! Sanitising comes before parsing: whatever the spawner left open or ignored is gone before the
//! first byte from outside is looked at.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::process::ExitCode;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, setsid};

use super::run;
use super::spawner::Spawner;
use crate::plan::{MAX_PLAN_BYTES, Plan};
use crate::report::{FailureReason, LaunchFailure, Step};
use crate::sys::{Closing, close_range, duplicate, ignore_signal, is_channel};

/// The report pipe, if the spawner could place it there.
const REPORT_DESCRIPTOR: RawFd = 3;
/// The report pipe otherwise.
const STANDARD_OUTPUT: RawFd = 1;

/// Runs this process as the jail of one container. See the crate root for what that means.
pub(crate) fn main_from_stdin() -> ExitCode {
    // Without descriptors there is nobody to complain to.
    let Ok(spawner) = keep_report_pipe() else { return ExitCode::FAILURE };
    detach();
    let plan = match read_plan() {
        Ok(plan) => plan,
        Err(failure) => return spawner.refuse(failure),
    };
    match become_deaf() {
        Ok(signals) => run(plan, spawner, signals),
        Err(errno) => spawner.refuse(LaunchFailure::of_errno(Step::Supervise, errno)),
    }
}

/// Keeps descriptors 0 to 2 and the report pipe; closes everything else the spawner left open.
fn keep_report_pipe() -> Result<Spawner, Errno> {
    let source = if is_channel(REPORT_DESCRIPTOR) { REPORT_DESCRIPTOR } else { STANDARD_OUTPUT };
    let pipe: OwnedFd = duplicate(source)?;
    let number = pipe.as_raw_fd();
    close_range(3, number - 1, Closing::Now)?;
    close_range(number + 1, RawFd::MAX, Closing::Now)?;
    Ok(Spawner::new(pipe))
}

/// Own session, so that no terminal and no group signal of the spawner's reaches us.
fn detach() {
    // Fails only for a process group leader, which is detached enough for our purposes.
    let _ = setsid();
    let _ = prctl::set_name(c"bourse-jail");
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    for signal in [libc::SIGHUP, libc::SIGPIPE, libc::SIGINT, libc::SIGQUIT] {
        ignore_signal(signal);
    }
}

fn read_plan() -> Result<Plan, LaunchFailure> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_PLAN_BYTES).expect("a small constant") + 1;
    io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(|error| {
        let errno = error.raw_os_error();
        LaunchFailure::of_error(FailureReason::InvalidPlan, Step::ReadPlan, errno, &error)
    })?;
    let plan = Plan::from_json(&bytes).map_err(|error| {
        LaunchFailure::of_error(FailureReason::InvalidPlan, Step::ReadPlan, None, &error)
    })?;
    Ok(plan)
}

/// From here on nobody is listened to but the kernel: null device on the standard descriptors,
/// orders only as signals, and those only through a descriptor.
fn become_deaf() -> Result<SignalFd, Errno> {
    let null = File::from(open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?);
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    let mut orders = SigSet::empty();
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGUSR1] {
        orders.add(signal);
    }
    // CHLD must not be ignored, or the kernel would reap in our place.
    crate::sys::default_signal_action(libc::SIGCHLD);
    pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&orders), None)?;
    SignalFd::with_flags(&orders, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
}
