//! The supervisor: outside the container, one thread, alive as long as the container is.
//!
//! It makes the cgroups, starts the container, records its own identity, lets the task go, waits,
//! records the end and tidies up. `entry` is how the process becomes a supervisor, `watch` the
//! waiting, `spawner` the pipe to whoever ordered the launch.

pub(crate) mod entry;
mod orphans;
mod spawner;
mod watch;

use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::signalfd::SignalFd;
use nix::sys::stat::Mode;

use crate::cgroups::{CgroupError, Entrances, Group, Usage};
use crate::container::{Container, Failed, Spawned};
use crate::plan::{Isolation, Plan};
use crate::process::{ProcessId, boot_id};
use crate::records::{self, EXIT_FILE, ExitRecord, JAIL_FILE, JailRecord, Outcome, Outlives};
use crate::report::{FailureReason, LaunchFailure, Report, Started, Step};
use crate::sys::return_free_memory;
use spawner::Spawner;
use watch::{End, Policy, Watch};

/// How long the last of the dying may take to leave the cgroups. What stays is swept by the agent.
const REMOVAL_PATIENCE: Duration = Duration::from_secs(10);
/// A full disk may be made room on; an end that is not recorded is an end nobody learns of.
const RECORD_ATTEMPTS: u32 = 60;
const RECORD_PAUSE: Duration = Duration::from_secs(1);

/// What is kept of the plan while the container runs.
#[derive(Debug)]
struct Kept {
    container_id: String,
    full: bool,
    memory_limit_bytes: Option<u64>,
    began_unix_ms: u64,
}

/// Carries a checked plan out, from the first step to the last.
fn run(plan: Plan, spawner: Spawner, signals: SignalFd) -> ExitCode {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let runtime = match open(&plan.runtime_dir, flags, Mode::empty()) {
        Ok(runtime) => runtime,
        Err(errno) => {
            return spawner.refuse(LaunchFailure::of_errno(Step::OpenRuntime, errno));
        }
    };
    let kept = Kept {
        container_id: plan.container_id.clone(),
        full: matches!(plan.isolation, Isolation::Full { .. }),
        memory_limit_bytes: plan.limits.memory_bytes,
        began_unix_ms: unix_ms(),
    };
    let policy = Policy { grace: Duration::from_millis(plan.grace_ms), stop: plan.stop.clone() };
    let mut group = None;
    let spawned = match launch(&plan, &mut group) {
        Ok(spawned) => spawned,
        Err(failure) => {
            let end = End::never_ran(failure);
            return finish(&kept, &runtime, group.as_ref(), end, spawner);
        }
    };
    drop(plan);
    return_free_memory();
    let mut watch = Watch::new(spawned, signals, kept.full, policy);
    let mut identity = None;
    match admit(&kept, &runtime, &watch, &spawner) {
        Ok(own) => {
            identity = Some(own);
            watch.release();
        }
        Err(failure) => watch.call_off(failure, group.as_ref()),
    }
    let spawner = follow(&mut watch, &runtime, group.as_ref(), identity, spawner);
    let end = watch.into_end();
    if !kept.full {
        orphans::destroy(group.as_ref());
    }
    match spawner {
        Some(spawner) => finish(&kept, &runtime, group.as_ref(), end, spawner),
        None => finish(&kept, &runtime, group.as_ref(), end, Spawner::nobody()),
    }
}

/// Cgroups, output files, first process.
fn launch(plan: &Plan, group: &mut Option<Group>) -> Result<Spawned, LaunchFailure> {
    let of_cgroups = |error: CgroupError| {
        let reason = FailureReason::Cgroups;
        LaunchFailure::of_error(reason, Step::CreateCgroups, error.errno(), &error)
    };
    let mut entrances = Entrances { born_in: None, joined: Vec::new() };
    if let Some(place) = &plan.cgroups {
        let mut limits = plan.limits;
        if matches!(plan.isolation, Isolation::Full { .. }) {
            // The plan counts the task's processes; the kernel counts our init too.
            limits.pids_max = limits.pids_max.map(|count| count + 1);
        }
        let made = Group::create(&place.layout, &place.parent, &plan.container_id, &limits)
            .map_err(of_cgroups)?;
        entrances = group.insert(made).entrances().map_err(of_cgroups)?;
    }
    let of_step = |(step, errno): Failed| LaunchFailure::of_errno(step, errno);
    if plan.isolation == Isolation::None {
        // Daemons that leave the task's session come back to us instead of escaping to the host's
        // init.
        nix::sys::prctl::set_child_subreaper(true)
            .map_err(|errno| of_step((Step::Supervise, errno)))?;
    }
    Container::prepare(plan, entrances).and_then(|container| container.spawn()).map_err(of_step)
}

/// The last condition before the task may run: whoever comes later can find us, and somebody wants
/// it.
///
/// In this order. A spawner that dies after the look finds the record when it comes back; one that
/// died before it may have given the container up already, so it must not start.
fn admit(
    kept: &Kept,
    runtime: &OwnedFd,
    watch: &Watch,
    spawner: &Spawner,
) -> Result<ProcessId, LaunchFailure> {
    let (identity, boot_id) = own_identity()?;
    let record = JailRecord {
        container_id: kept.container_id.clone(),
        pid: identity.pid,
        start_time: identity.start_time,
        boot_id,
        container_pid: watch.container_pid(),
    };
    records::write(runtime, JAIL_FILE, &record, Outlives::Processes).map_err(|error| {
        let errno = error.raw_os_error();
        LaunchFailure::of_error(FailureReason::Runtime, Step::RecordJail, errno, &error)
    })?;
    if spawner.is_gone() {
        return Err(LaunchFailure::of_reason(
            FailureReason::Abandoned,
            Step::Release,
            "the spawner was gone before the task could be released",
        ));
    }
    Ok(identity)
}

fn own_identity() -> Result<(ProcessId, String), LaunchFailure> {
    let failure = |error: &dyn std::error::Error| {
        LaunchFailure::of_error(FailureReason::Runtime, Step::RecordJail, None, error)
    };
    let own = nix::unistd::getpid().as_raw();
    let identity = ProcessId::of(own).map_err(|error| failure(&error))?;
    let boot_id = boot_id().map_err(|error| failure(&error))?;
    Ok((identity.expect("a running process is listed in /proc"), boot_id))
}

/// Waits for the end. Reports the start on the way; gives the spawner back if there was none.
fn follow(
    watch: &mut Watch,
    runtime: &OwnedFd,
    group: Option<&Group>,
    identity: Option<ProcessId>,
    spawner: Spawner,
) -> Option<Spawner> {
    let mut waiting = Some(spawner);
    while !watch.has_ended() {
        watch.turn(runtime, group);
        // Only an admitted task can have started, and to be admitted takes an identity.
        if let (Some(started_unix_ms), Some(own)) = (watch.started_unix_ms(), identity)
            && let Some(spawner) = waiting.take()
        {
            spawner.tell(&Report::Started(Started {
                pid: own.pid,
                start_time: own.start_time,
                container_pid: watch.container_pid(),
                started_unix_ms,
            }));
        }
    }
    waiting
}

/// Records the end, tidies up, and tells a spawner that still waits for a start that never came.
fn finish(
    kept: &Kept,
    runtime: &OwnedFd,
    group: Option<&Group>,
    end: End,
    spawner: Spawner,
) -> ExitCode {
    let usage = group.map_or(Ok(Usage::default()), Group::usage).unwrap_or_default();
    let failure = end.failure.clone();
    let record = ExitRecord {
        killed_by_request: end.stop_ordered,
        memory_peak_bytes: usage.memory_peak_bytes,
        cpu_time_us: usage.cpu_time_us.or(end.cpu_time_us),
        started_unix_ms: end.started_unix_ms.unwrap_or(kept.began_unix_ms),
        finished_unix_ms: unix_ms(),
        // It may have changed since the plan was made.
        outcome: outcome(
            end,
            &usage,
            kept.memory_limit_bytes.map(|planned| usage.memory_limit_bytes.unwrap_or(planned)),
        ),
    };
    let recorded = record_durably(runtime, &record);
    if let Some(group) = group {
        // What stays behind is empty, and the agent's next sweep takes it.
        let _ = group.remove(REMOVAL_PATIENCE);
    }
    if let Some(failure) = failure {
        spawner.tell(&Report::Failed(failure));
    }
    if recorded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A task that ends badly after the kernel had killed in its cgroup for want of memory ended for
/// want of memory, whichever of its processes was hit. One that ends well, or because it was told
/// to, did not.
fn outcome(end: End, usage: &Usage, limit_bytes: Option<u64>) -> Outcome {
    if let Some(failure) = end.failure {
        return Outcome::LaunchFailed(failure);
    }
    let plain = decode_status(end.status);
    let starved = usage.oom_kills.is_some_and(|count| count > 0);
    if starved && !end.stop_ordered && plain != (Outcome::Exited { code: 0 }) {
        return Outcome::OutOfMemory { limit_bytes };
    }
    plain
}

fn decode_status(status: i32) -> Outcome {
    if libc::WIFEXITED(status) {
        return Outcome::Exited { code: libc::WEXITSTATUS(status) };
    }
    Outcome::Signaled { signal: libc::WTERMSIG(status) }
}

fn record_durably(runtime: &OwnedFd, record: &ExitRecord) -> bool {
    for attempt in 0..RECORD_ATTEMPTS {
        match records::write(runtime, EXIT_FILE, record, Outlives::PowerCuts) {
            Ok(()) => return true,
            // The directory was removed: nobody wants the record any more.
            Err(error) if error.raw_os_error() == Some(Errno::ENOENT as i32) => return false,
            Err(_) if attempt + 1 < RECORD_ATTEMPTS => sleep(RECORD_PAUSE),
            Err(_) => {}
        }
    }
    false
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: i32, stop_ordered: bool) -> End {
        End { status, failure: None, stop_ordered, cpu_time_us: None, started_unix_ms: Some(1) }
    }

    #[test]
    fn want_of_memory_is_told_apart() {
        const KILLED: i32 = 9;
        const EXIT_1: i32 = 1 << 8;
        let usage = |oom_kills| Usage { oom_kills, ..Usage::default() };
        let starved = Outcome::OutOfMemory { limit_bytes: Some(5) };
        for (status, stop_ordered, oom_kills, expected) in [
            (KILLED, false, Some(1), starved.clone()),
            (EXIT_1, false, Some(1), starved),
            (0, false, Some(1), Outcome::Exited { code: 0 }),
            (KILLED, true, Some(1), Outcome::Signaled { signal: 9 }),
            (KILLED, false, Some(0), Outcome::Signaled { signal: 9 }),
            (EXIT_1, false, None, Outcome::Exited { code: 1 }),
        ] {
            let found = outcome(ended(status, stop_ordered), &usage(oom_kills), Some(5));
            assert_eq!(found, expected, "{status} {stop_ordered} {oom_kills:?}");
        }
    }
}
