//! The waiting: one thread, one poll, over orders, the container's voice and the clock.
//!
//! Orders come as signals: TERM is "stop" (the plan's signals to the task, KILL after the grace
//! period), USR1 is "destroy" (KILL at once). While the task is not yet running there is nothing to
//! be gentle with, and both mean KILL. The container is over when its first process has been
//! reaped.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::signalfd::SignalFd;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::unix_ms;
use crate::cgroups::Group;
use crate::container::Spawned;
use crate::container::channel::{Heard, SupervisorEnd};
use crate::plan::{Stop, StopStep, stop};
use crate::records;
use crate::report::{FailureReason, LaunchFailure, Step};
use crate::sys::reap;

/// A container on its way.
#[derive(Debug)]
pub(super) struct Watch {
    pid: Pid,
    full: bool,
    policy: Policy,
    signals: SignalFd,
    status_pipe: OwnedFd,
    /// Open until the exec has succeeded or failed.
    channel: Option<SupervisorEnd>,
    about_to_exec: bool,
    failure: Option<LaunchFailure>,
    started_unix_ms: Option<u64>,
    stop_ordered: bool,
    /// What is still to be sent before the KILL.
    steps: VecDeque<(Instant, Signal)>,
    kill_at: Option<Instant>,
    ended: Option<Ended>,
}

/// How the task is asked to end.
#[derive(Debug)]
pub(super) struct Policy {
    pub(super) grace: Duration,
    pub(super) stop: Stop,
}

/// The first process of the container, reaped.
#[derive(Debug, Clone, Copy)]
struct Ended {
    status: i32,
    cpu_time_us: u64,
}

/// How it ended, as far as processes tell.
#[derive(Debug)]
pub(super) struct End {
    /// The task's wait status; meaningless if it never ran.
    pub(super) status: i32,
    /// Why the task never ran.
    pub(super) failure: Option<LaunchFailure>,
    pub(super) stop_ordered: bool,
    pub(super) cpu_time_us: Option<u64>,
    pub(super) started_unix_ms: Option<u64>,
}

impl End {
    pub(super) fn never_ran(failure: LaunchFailure) -> Self {
        Self {
            status: 0,
            failure: Some(failure),
            stop_ordered: false,
            cpu_time_us: None,
            started_unix_ms: None,
        }
    }
}

impl Watch {
    pub(super) fn new(spawned: Spawned, signals: SignalFd, full: bool, policy: Policy) -> Self {
        Self {
            pid: spawned.pid,
            full,
            policy,
            signals,
            status_pipe: spawned.status,
            channel: Some(spawned.channel),
            about_to_exec: false,
            failure: None,
            started_unix_ms: None,
            stop_ordered: false,
            steps: VecDeque::new(),
            kill_at: None,
            ended: None,
        }
    }

    pub(super) fn container_pid(&self) -> i32 {
        self.pid.as_raw()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// When the exec was seen to have succeeded.
    pub(super) fn started_unix_ms(&self) -> Option<u64> {
        self.started_unix_ms
    }

    /// Lets the task exec.
    pub(super) fn release(&self) {
        if let Some(channel) = &self.channel {
            channel.release();
        }
    }

    /// The task must not run after all.
    pub(super) fn call_off(&mut self, failure: LaunchFailure, group: Option<&Group>) {
        self.failure = Some(failure);
        self.destroy(group);
    }

    /// Waits for one round of events and answers them.
    pub(super) fn turn(&mut self, runtime: &OwnedFd, group: Option<&Group>) {
        self.wait_for_events();
        self.listen();
        while let Ok(Some(order)) = self.signals.read_signal() {
            match i32::try_from(order.ssi_signo) {
                Ok(libc::SIGTERM) => self.stop(runtime, group),
                Ok(libc::SIGUSR1) => {
                    self.stop_ordered = true;
                    self.destroy(group);
                }
                // CHLD; the others are not in the descriptor's mask.
                _ => self.collect(group),
            }
        }
        let now = Instant::now();
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill_at = None;
            self.steps.clear();
            self.destroy(group);
        }
        while let Some((_, signal)) = self.steps.pop_front_if(|(at, _)| *at <= now) {
            self.send(signal);
        }
    }

    fn wait_for_events(&self) {
        let mut polled = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if let Some(channel) = &self.channel {
            polled.push(PollFd::new(channel.as_fd(), PollFlags::POLLIN));
        }
        // Rounded up: waking early would only mean to wait again.
        let step = self.steps.front().map(|(at, _)| *at);
        let due = self.kill_at.into_iter().chain(step).min();
        let timeout = due.map_or(PollTimeout::NONE, |at| {
            let left = at.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        // An interruption is answered like a wake-up: by looking at everything.
        let _ = poll(&mut polled, timeout);
    }

    /// Takes everything the container has said.
    fn listen(&mut self) {
        while let Some(channel) = &self.channel {
            match channel.hear() {
                Heard::Nothing => return,
                Heard::AboutToExec => self.about_to_exec = true,
                Heard::Failed(step, errno) => {
                    // What came first is the cause; calling a launch off makes later steps fail.
                    self.failure.get_or_insert_with(|| LaunchFailure::of_errno(step, errno));
                }
                Heard::Closed => {
                    self.channel = None;
                    if self.failure.is_none() && self.about_to_exec {
                        self.started_unix_ms = Some(unix_ms());
                    }
                }
            }
        }
    }

    /// The first signal now, the others in their time, KILL after the grace period. Repeated orders
    /// can only bring the KILL forward: many a program takes a second INT for impatience.
    fn stop(&mut self, runtime: &OwnedFd, group: Option<&Group>) {
        let is_first = self.kill_at.is_none();
        self.stop_ordered = true;
        if self.started_unix_ms.is_none() {
            return self.destroy(group);
        }
        if self.ended.is_some() {
            return;
        }
        let grace =
            records::read_grace_ms(runtime).map_or(self.policy.grace, Duration::from_millis);
        let now = Instant::now();
        let at = now + grace.min(Duration::from_millis(crate::plan::MAX_GRACE_MS));
        self.kill_at = Some(self.kill_at.map_or(at, |earlier| earlier.min(at)));
        if is_first {
            let steps = self.policy.stop.steps.iter();
            let step = |step: &StopStep| {
                (now + Duration::from_millis(step.after_ms), stop::signal(step.signal))
            };
            self.steps = steps.map(step).collect();
            self.send(stop::signal(self.policy.stop.signal));
        }
    }

    /// To the task and its process group: init passes it on to them; without init the group is ours
    /// to address.
    fn send(&self, signal: Signal) {
        if self.ended.is_some() {
            return;
        }
        let _ = if self.full { kill(self.pid, signal) } else { killpg(self.pid, signal) };
    }

    /// KILL for everything. The number is safe to use until the process is reaped, and not after.
    fn destroy(&self, group: Option<&Group>) {
        if self.ended.is_some() {
            return;
        }
        if let Some(group) = group {
            group.kill();
        }
        if !self.full {
            let _ = killpg(self.pid, Signal::SIGKILL);
        }
        let _ = kill(self.pid, Signal::SIGKILL);
    }

    fn collect(&mut self, group: Option<&Group>) {
        if !self.full && self.ended.is_none() && self.is_zombie() {
            // While the number is still the task's, its group can be ended without hitting a
            // stranger.
            self.destroy(group);
        }
        while let Ok(Some(reaped)) = reap() {
            if reaped.pid == self.pid {
                let status = self.reported_status().unwrap_or(reaped.status);
                self.ended = Some(Ended { status, cpu_time_us: reaped.cpu_time_us });
                // Nobody is left to hold the other end.
                self.listen();
            }
        }
    }

    fn is_zombie(&self) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(self.pid), flags).is_ok_and(|status| status != WaitStatus::StillAlive)
    }

    /// What init wrote of the task's end. Nothing, if init was killed or there is none.
    fn reported_status(&self) -> Option<i32> {
        let mut bytes = [0; size_of::<i32>()];
        let length = nix::unistd::read(&self.status_pipe, &mut bytes).ok()?;
        (length == bytes.len()).then(|| i32::from_le_bytes(bytes))
    }

    pub(super) fn into_end(self) -> End {
        let ended = self.ended.expect("asked only after the end");
        let died = || {
            if self.stop_ordered {
                let text = "a stop was ordered before the task ran";
                LaunchFailure::of_reason(FailureReason::Cancelled, Step::Release, text)
            } else {
                let text = "the container died before the task ran";
                LaunchFailure::of_reason(FailureReason::Died, Step::Exec, text)
            }
        };
        let failure = match (self.failure, self.started_unix_ms) {
            (None, None) => Some(died()),
            (failure, _) => failure,
        };
        End {
            status: ended.status,
            failure,
            stop_ordered: self.stop_ordered,
            cpu_time_us: Some(ended.cpu_time_us),
            started_unix_ms: self.started_unix_ms,
        }
    }
}
