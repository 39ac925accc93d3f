//! Versions of what the log may hold, and the barrier before a newer one.
//!
//! Masters are upgraded one after the other, and for a while some of them cannot read what others
//! could write. So the ledger says which version commands may need; it is raised by a command of
//! its own, which the leader proposes once every member has said that it can read the newer one. A
//! command that needs more is refused: at intake as a courtesy, when it is applied as the
//! guarantee. An entry is marked with the highest version that its commands need, so that a
//! software that is too old stops at it instead of reading half of it.
//!
//! Versions are of the log, not of the software: a release that adds no command and no field to one
//! adds no version. What a version has once had it has for ever.

use super::{Applied, Command, Event, Ledger};
use proto::model::{Priority, Reason, Refusal, StatusReason, StopSignal, TaskInfo};
use std::fmt;

/// A version of what the log may hold; 1 is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogVersion(u8);

impl LogVersion {
    /// What every software can read.
    pub const OLDEST: LogVersion = LogVersion(1);

    /// What this software reads and writes.
    pub const CURRENT: LogVersion = LogVersion(2);

    /// A version by its number; 0 stands for [`Self::OLDEST`], as whoever says nothing means it.
    /// What is above all that can be told apart is the highest.
    pub fn from_number(number: u32) -> Self {
        Self(u8::try_from(number.max(1)).unwrap_or(u8::MAX))
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self.0.into()
    }

    /// As the first byte of an entry.
    pub(super) fn byte(self) -> u8 {
        self.0
    }

    /// Whether this software can read it.
    pub fn is_known(self) -> bool {
        (Self::OLDEST..=Self::CURRENT).contains(&self)
    }
}

impl fmt::Display for LogVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Command {
    /// The version that whoever reads this command must know.
    ///
    /// Every kind of command, and every field that was added to one, is decided on here: a software
    /// that does not know a field leaves it out without a word, and its ledger would differ.
    pub fn since(&self) -> LogVersion {
        match self {
            Command::RaiseVersion(version) => *version,
            Command::ConfigureRole { .. } | Command::Preempt(_) | Command::EndPreempted { .. } => {
                LogVersion(2)
            }
            Command::ChangeReservations(_) => LogVersion(2),
            Command::ChangeVolumes(_) | Command::RecordVolume { .. } => LogVersion(2),
            Command::ChangeOnce { .. } => LogVersion(2),
            Command::Accept { revocable: true, .. } => LogVersion(2),
            Command::Accept { .. } if self.takes_devices() => LogVersion(2),
            Command::Accept { .. } => match self.as_launch() {
                Some(tasks) => tasks.iter().map(task_since).max().unwrap_or(LogVersion::OLDEST),
                None => LogVersion(2),
            },
            Command::RecordUpdate { status, .. } => reason_since(status.reason),
            Command::SubscribeFramework { info, .. } | Command::UpdateFramework { info, .. }
                if !info.offer_terms.is_empty() =>
            {
                LogVersion(2)
            }
            // A fault domain decides which windows concern the agent.
            Command::RegisterAgent { info, .. } if info.domain.is_some() => LogVersion(2),
            Command::RegisterAgent { info, .. } if info.resources.has_devices() => LogVersion(2),
            Command::RegisterAgent { info, .. } if !info.reservations.is_empty() => LogVersion(2),
            Command::RegisterAgent { volumes, .. } if !volumes.is_empty() => LogVersion(2),
            Command::Barrier { .. }
            | Command::ChangeMembers(_)
            | Command::RegisterAgent { .. }
            | Command::MarkAgentUnreachable { .. }
            | Command::RemoveAgent { .. }
            | Command::DirectAgent { .. }
            | Command::AdvanceDrain { .. }
            | Command::ScheduleWindow(_)
            | Command::TurnWindow(_)
            | Command::CancelWindow(_)
            | Command::UpdateFramework { .. }
            | Command::SubscribeFramework { .. }
            | Command::DisconnectFramework(_)
            | Command::RemoveFramework { .. }
            | Command::KillTask { .. }
            | Command::SetWeight { .. }
            | Command::SetQuota { .. }
            | Command::RemoveQuota { .. }
            | Command::Acknowledge { .. } => LogVersion::OLDEST,
        }
    }
}

/// By the fields that a task makes use of.
fn task_since(task: &TaskInfo) -> LogVersion {
    let policy = &task.kill_policy;
    let is_plain = task.priority == Priority::DEFAULT
        && task.preemption_notice.is_none()
        && task.max_completion_time.is_none()
        && !task.revocable
        && task.reserved.is_empty()
        && task.volumes.is_empty()
        && task.image.is_none()
        && (policy.signal, policy.steps.is_empty()) == (StopSignal::default(), true);
    if is_plain { LogVersion::OLDEST } else { LogVersion(2) }
}

/// A reason that a software does not know it cannot read at all.
fn reason_since(reason: StatusReason) -> LogVersion {
    match reason {
        StatusReason::MaxCompletionTime
        | StatusReason::Preempted
        | StatusReason::VolumeUnavailable
        | StatusReason::ImageUnavailable
        | StatusReason::GroupEnded
        | StatusReason::Resized
        | StatusReason::ResizeFailed => LogVersion(2),
        _ => LogVersion::OLDEST,
    }
}

impl Ledger {
    /// What commands may need.
    pub fn version(&self) -> LogVersion {
        self.version
    }

    /// Whether a command may be applied as yet.
    pub(crate) fn check_version(&self, command: &Command) -> Result<(), Refusal> {
        let raises = matches!(command, Command::RaiseVersion(_));
        if self.version == LogVersion::CURRENT || raises || command.since() <= self.version {
            return Ok(());
        }
        let message = format!(
            "this needs version {} of the log, and some master reads no more than version {} yet: \
             upgrade all masters, `bourse masters` shows them",
            command.since(),
            self.version
        );
        Err(Refusal::new(Reason::VersionTooLow, message))
    }

    /// Only ever goes up: two leaders may have had the same idea.
    pub(super) fn raise_version(&mut self, to: LogVersion, events: &mut Vec<Event>) -> Applied {
        if to > self.version {
            self.version = to;
            events.push(Event::VersionRaised(to));
        }
        Applied::Done
    }
}
