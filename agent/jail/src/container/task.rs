//! The last stretch: from a forked process to the task's program.
//!
//! The order is one of necessity. What needs privilege comes before the identity changes; the death
//! signal comes after it, because a change of identity clears it; the permission to exec is awaited
//! last, so that everything that can fail has failed before the supervisor's record is durable.

use std::os::fd::{OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::prctl;
use nix::sys::resource::setrlimit;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use nix::unistd::{
    Gid, Uid, dup2_stderr, dup2_stdout, fchdir, setgroups, setresgid, setresuid, setsid,
};

use super::channel::ContainerEnd;
use super::{Container, Ends, Failed, capabilities, init};
use crate::plan::User;
use crate::report::Step;
use crate::sys::{Closing, close_range, default_signal_actions, execute, exit_now};

/// Inside a container: init has made the surroundings and guards the supervisor's life.
pub(super) fn run(container: &Container, channel: &ContainerEnd) -> ! {
    let failed = prepare(container).and_then(|()| go(container, channel));
    give_up(channel, failed)
}

/// Without isolation: no init, so the task joins the cgroups and is bound to the supervisor by
/// itself.
pub(super) fn run_alone(container: &Container, ends: &Ends) -> ! {
    let failed = container
        .join_cgroups()
        .and_then(|()| prepare(container))
        .and_then(|()| {
            prctl::set_pdeathsig(Signal::SIGKILL).map_err(|errno| (Step::ParentDeath, errno))
        })
        .and_then(|()| go(container, &ends.channel));
    give_up(&ends.channel, failed)
}

fn prepare(container: &Container) -> Result<(), Failed> {
    setsid().map_err(|errno| (Step::Session, errno))?;
    if let Some(score) = &container.oom_score_adj {
        init::set_oom_score_adj(score).map_err(|errno| (Step::OomScore, errno))?;
    }
    for (resource, value) in &container.process_limits {
        setrlimit(*resource, *value, *value).map_err(|errno| (Step::ResourceLimits, errno))?;
    }
    // What the host alone may do is done.
    if let Some(root) = &container.root {
        root.become_root()?;
    }
    enter_first_directory(container)?;
    connect(container).map_err(|errno| (Step::Descriptors, errno))?;
    if container.root.is_some() {
        capabilities::bound().map_err(|errno| (Step::Capabilities, errno))?;
    }
    if let Some(user) = &container.user {
        become_user(user).map_err(|errno| (Step::Identity, errno))?;
    }
    prctl::set_no_new_privs().map_err(|errno| (Step::NoNewPrivileges, errno))
}

fn enter_first_directory(container: &Container) -> Result<(), Failed> {
    match &container.root {
        Some(root) => root
            .working_dir()
            .and_then(fchdir)
            .map_err(|errno| (Step::EnterWorkingDirectory, errno)),
        None => enter_sandbox(container).map_err(|errno| (Step::EnterSandbox, errno)),
    }
}

/// Opened by path, here: a descriptor from before the fork would lead back into the host's mounts.
fn enter_sandbox(container: &Container) -> Result<(), Errno> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    fchdir(open(container.sandbox.as_c_str(), flags, Mode::empty())?)
}

/// Standard input is the null device since the supervisor's own start.
fn connect(container: &Container) -> Result<(), Errno> {
    let own = |name: &str, of_host: &OwnedFd| match &container.root {
        Some(root) => root.output(name, of_host),
        None => Ok(None),
    };
    let stdout = own("stdout", &container.stdout)?;
    let stderr = own("stderr", &container.stderr)?;
    dup2_stdout(stdout.as_ref().unwrap_or(&container.stdout))?;
    dup2_stderr(stderr.as_ref().unwrap_or(&container.stderr))?;
    close_range(3, RawFd::MAX, Closing::OnExec)
}

/// Groups first: without the user's privilege they could not be set any more.
fn become_user(user: &User) -> Result<(), Errno> {
    let groups: Vec<Gid> = user.groups.iter().copied().map(Gid::from_raw).collect();
    setgroups(&groups)?;
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)
}

/// Waits for permission and executes. Returns only on failure.
fn go(container: &Container, channel: &ContainerEnd) -> Result<(), Failed> {
    if !channel.wait_for_release() {
        exit_now(1);
    }
    default_signal_actions();
    SigSet::empty().thread_set_mask().map_err(|errno| (Step::Signals, errno))?;
    channel.about_to_exec();
    container.filters.install().map_err(|errno| (Step::SystemCallFilters, errno))?;
    let mut worst = Errno::ENOENT;
    for program in &container.programs {
        match execute(program, &container.arguments, &container.environment) {
            Errno::ENOENT | Errno::ENOTDIR => {}
            // Remembered, as shells do: "not executable" says more than "not found further on".
            Errno::EACCES => worst = Errno::EACCES,
            errno => return Err((Step::Exec, errno)),
        }
    }
    Err((Step::Exec, worst))
}

fn give_up(channel: &ContainerEnd, failed: Result<(), Failed>) -> ! {
    if let Err((step, errno)) = failed {
        channel.failed(step, errno);
    }
    exit_now(1)
}
