//! The container's first process under full isolation.
//!
//! It is pid 1 of its namespace: it makes the surroundings, forks the task (so that the task is
//! *not* pid 1 and the default actions of signals work on it), reaps whatever is orphaned, passes
//! signals that ask for the end on, and ends when the task ends, upon which the kernel kills
//! everything left in the namespace.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, killpg, pthread_sigmask};
use nix::unistd::{Pid, sethostname};

use super::{Container, Ends, Failed, task};
use crate::plan::{Isolation, stop};
use crate::report::Step;
use crate::sys::{Closing, Side, close_range, exit_now, fork_into, reap};

/// Init must outlive the shortage it is there to report.
const INIT_OOM_SCORE_ADJ: &str = "-1000";

pub(super) fn run(container: &Container, ends: Ends) -> ! {
    let forked =
        set_up(container).and_then(|()| fork_into(0, None).map_err(|errno| (Step::Fork, errno)));
    match forked {
        Err((step, errno)) => {
            ends.channel.failed(step, errno);
            exit_now(1)
        }
        Ok(Side::Child) => task::run(container, &ends.channel),
        Ok(Side::Parent(task)) => watch(task, &ends.status),
    }
}

fn set_up(container: &Container) -> Result<(), Failed> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| (Step::ParentDeath, errno))?;
    // The kernel drops what reaches the first process of a namespace without a handler, unless it
    // is blocked. The task starts with an empty mask all the same.
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&awaited()), None)
        .map_err(|errno| (Step::Signals, errno))?;
    container.join_cgroups()?;
    if let Isolation::Full { hostname: Some(hostname) } = &container.isolation {
        sethostname(hostname).map_err(|errno| (Step::Hostname, errno))?;
    }
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .map_err(|errno| (Step::MountPropagation, errno))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>)
        .map_err(|errno| (Step::MountProc, errno))?;
    for directory in &container.mounts {
        directory.mount(&container.sandbox).map_err(|errno| (Step::MountDirectory, errno))?;
    }
    if let Some(root) = &container.root {
        root.enter(container)?;
        // Whoever is root inside must not get at the program that guards it, which is the host's
        // (CVE-2019-5736): this, and that nobody there may trace, keeps `/proc/1/exe` shut.
        prctl::set_dumpable(false).map_err(|errno| (Step::MountRoot, errno))?;
    }
    // Needs CAP_SYS_RESOURCE and is not worth failing for: if a shortage hits init instead of the
    // task, the container ends all the same, and the counter of kills still says why.
    let _ = set_oom_score_adj(INIT_OOM_SCORE_ADJ);
    Ok(())
}

pub(super) fn set_oom_score_adj(score: &str) -> Result<(), Errno> {
    OpenOptions::new()
        .write(true)
        .open("/proc/self/oom_score_adj")
        .and_then(|mut file| file.write_all(score.as_bytes()))
        .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}

/// What init waits for.
fn awaited() -> SigSet {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGCHLD);
    stop::SIGNALS.into_iter().for_each(|signal| signals.add(signal));
    signals
}

/// Until the task has ended. All signals awaited are blocked since before the fork, so none is
/// missed.
fn watch(task: Pid, status: &OwnedFd) -> ! {
    let _ = prctl::set_name(c"bourse-init");
    close_all_but(status.as_raw_fd());
    let signals = awaited();
    loop {
        match signals.wait() {
            Ok(Signal::SIGCHLD) | Err(_) => collect(task, status),
            Ok(signal) => pass_on(task, signal),
        }
    }
}

/// To the task's process group, as a terminal would do it.
fn pass_on(task: Pid, signal: Signal) {
    if killpg(task, signal).is_err() {
        let _ = kill(task, signal);
    }
}

fn collect(task: Pid, status: &OwnedFd) {
    while let Ok(Some(reaped)) = reap() {
        if reaped.pid == task {
            // Four bytes into an empty pipe: whole or, if the supervisor is gone, not at all.
            let _ = nix::unistd::write(status, &reaped.status.to_le_bytes());
            exit_now(0);
        }
    }
}

/// Keeps the standard descriptors and one other. Failure would leave descriptors open that do no
/// harm: they are closed on exec and this process never executes anything.
fn close_all_but(kept: RawFd) {
    let _ = close_range(3, kept - 1, Closing::Now);
    let _ = close_range(kept + 1, RawFd::MAX, Closing::Now);
}
