//! The life of a task, as its container tells it: started, failed to start, ended.

use crate::{
    agent::Agent,
    input::{Ending, ExitReport, FailureKind, LaunchFailure},
    journal::{ContainerId, Kill},
    outbox::{Effect, Outbox},
};
use proto::{
    convert,
    model::{Instant, StatusReason, TaskKey, TaskState},
};

/// An update before it has a number.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) state: TaskState,
    pub(crate) reason: StatusReason,
    pub(crate) message: String,
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) memory_peak_bytes: Option<u64>,
}

impl News {
    /// News without figures; the message, which others may have had a word in, is made to fit.
    pub(crate) fn new(state: TaskState, reason: StatusReason, message: impl AsRef<str>) -> Self {
        let message = convert::text::fit(message.as_ref());
        Self { state, reason, message, exit_code: None, signal: None, memory_peak_bytes: None }
    }

    /// How a task ended whose container ended like this.
    fn of(report: &ExitReport, before: TaskState, kill: Option<Kill>) -> Self {
        let mut news = match (&report.ending, kill) {
            (Ending::LaunchFailed(failure), _) => Self::of_failure(failure, before, kill),
            (Ending::SupervisorLost, Some(kill)) => kill.news("ended without an exit record"),
            (Ending::SupervisorLost, None) => {
                let message = "the container's supervisor ended without saying how";
                Self::new(TaskState::Failed, StatusReason::SupervisorLost, message)
            }
            (_, Some(kill)) if report.killed_by_request => kill.news(""),
            // Somebody on the host spoke to the supervisor past the agent.
            (_, None) if report.killed_by_request => {
                let message = "stopped from outside the agent";
                Self::new(TaskState::Killed, StatusReason::KilledByOperator, message)
            }
            (Ending::Exited(0), _) => Self::new(TaskState::Finished, StatusReason::None, ""),
            (Ending::Exited(code), _) => {
                let message = format!("exited with code {code}");
                Self::new(TaskState::Failed, StatusReason::CommandExited, message)
            }
            (Ending::Signaled(signal), _) => {
                let message = format!("ended by signal {signal}");
                Self::new(TaskState::Failed, StatusReason::CommandSignaled, message)
            }
            (Ending::OutOfMemory { limit_bytes }, _) => {
                let message = match limit_bytes {
                    Some(limit) => format!("used more than its {limit} bytes of memory"),
                    None => "killed because the host was short of memory".to_owned(),
                };
                Self::new(TaskState::Failed, StatusReason::ContainerLimitationMemory, message)
            }
        };
        match report.ending {
            Ending::Exited(code) => news.exit_code = Some(code),
            Ending::Signaled(signal) => news.signal = Some(signal),
            _ => {}
        }
        news.memory_peak_bytes = report.memory_peak_bytes;
        news
    }

    fn of_failure(failure: &LaunchFailure, before: TaskState, kill: Option<Kill>) -> Self {
        use {StatusReason as Why, TaskState as State};
        let (state, reason) = match failure.kind {
            _ if kill.is_some() => (State::Killed, Why::KilledDuringLaunch),
            FailureKind::NotFound => (State::Failed, Why::CommandNotFound),
            FailureKind::NotExecutable => (State::Failed, Why::CommandNotExecutable),
            FailureKind::Invalid => (State::Error, Why::TaskInvalid),
            FailureKind::Abandoned if before == State::Staging => {
                (State::Dropped, Why::AgentRestarted)
            }
            FailureKind::Volume => (State::Failed, Why::VolumeUnavailable),
            FailureKind::Image => (State::Failed, Why::ImageUnavailable),
            FailureKind::Abandoned | FailureKind::Cancelled | FailureKind::Other => {
                (State::Failed, Why::ContainerLaunchFailed)
            }
        };
        Self::new(state, reason, &failure.message)
    }
}

impl Agent {
    /// The task's program was executed.
    pub(crate) fn container_started(
        &mut self,
        container: &ContainerId,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some(key) = self.tasks.key_of(container).cloned() else { return };
        let row = self.tasks.get(&key).expect("containers belong to rows");
        match row.state {
            TaskState::Staging => {
                let news = News::new(TaskState::Running, StatusReason::None, "");
                self.add_update(&key, news, now, outbox);
                self.watch_completion(&key, now, outbox);
            }
            // The order came while the container was set up: say it again to whatever runs now.
            TaskState::Killing => self.repeat_stop(&key, now, outbox),
            _ => {}
        }
    }

    /// The container never ran, or ended; `None` of it is left.
    pub(crate) fn container_gone(
        &mut self,
        container: &ContainerId,
        report: &ExitReport,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some(key) = self.tasks.key_of(container).cloned() else { return };
        self.container_ended(&key, report, now, outbox);
    }

    /// As [`Agent::container_gone`], by task.
    pub(crate) fn container_ended(
        &mut self,
        key: &TaskKey,
        report: &ExitReport,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        let Some(row) = self.tasks.get(key).filter(|row| row.is_live()) else { return };
        let news = News::of(report, row.state, row.kill);
        self.end_task(key, news, now, outbox);
    }

    /// Ends a live task: its resources are free, its end is told, its container is cleaned up.
    pub(crate) fn end_task(
        &mut self,
        key: &TaskKey,
        news: News,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        assert!(news.state.is_terminal(), "an end is terminal");
        self.add_update(key, news, now, outbox);
        self.tasks.release(key);
        let container = self.tasks.get(key).and_then(|row| row.container.clone());
        // One of a group whose turn never came has none.
        outbox.extend_with(container.map(|container| Effect::RemoveContainer { container }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::Duration;
    use {StatusReason as Why, TaskState as State};

    fn report(ending: Ending, killed_by_request: bool) -> ExitReport {
        ExitReport { ending, killed_by_request, memory_peak_bytes: Some(42) }
    }

    fn failed(kind: FailureKind) -> Ending {
        Ending::LaunchFailed(LaunchFailure { kind, message: "because".to_owned() })
    }

    /// Every ending, without and with a kill order that the supervisor obeyed.
    #[test]
    fn endings_are_exactly_the_table() {
        let asked =
            Kill { grace_period: Duration::default(), reason: StatusReason::KilledByFramework };
        let killed = (State::Killed, Why::KilledByFramework);
        let memory = (State::Failed, Why::ContainerLimitationMemory);
        let in_launch = (State::Killed, Why::KilledDuringLaunch);
        let table = [
            (Ending::Exited(0), (State::Finished, Why::None), killed),
            (Ending::Exited(3), (State::Failed, Why::CommandExited), killed),
            (Ending::Signaled(9), (State::Failed, Why::CommandSignaled), killed),
            (Ending::OutOfMemory { limit_bytes: Some(1) }, memory, killed),
            (Ending::SupervisorLost, (State::Failed, Why::SupervisorLost), killed),
            (failed(FailureKind::NotFound), (State::Failed, Why::CommandNotFound), in_launch),
            (failed(FailureKind::Invalid), (State::Error, Why::TaskInvalid), in_launch),
            (failed(FailureKind::Abandoned), (State::Dropped, Why::AgentRestarted), in_launch),
            (failed(FailureKind::Volume), (State::Failed, Why::VolumeUnavailable), in_launch),
            (failed(FailureKind::Image), (State::Failed, Why::ImageUnavailable), in_launch),
            (failed(FailureKind::Other), (State::Failed, Why::ContainerLaunchFailed), in_launch),
            (
                failed(FailureKind::NotExecutable),
                (State::Failed, Why::CommandNotExecutable),
                in_launch,
            ),
        ];
        for (ending, alone, ordered) in table {
            let news = News::of(&report(ending.clone(), false), State::Staging, None);
            assert_eq!((news.state, news.reason), alone, "{ending:?}");
            let news = News::of(&report(ending.clone(), true), State::Killing, Some(asked));
            assert_eq!((news.state, news.reason), ordered, "{ending:?} when killed");
        }
    }

    #[test]
    fn an_end_before_the_order_arrived_is_told_as_it_was() {
        let asked =
            Kill { grace_period: Duration::default(), reason: StatusReason::KilledByFramework };
        let news = News::of(&report(Ending::Exited(0), false), State::Killing, Some(asked));
        assert_eq!((news.state, news.exit_code), (State::Finished, Some(0)));
        let news = News::of(&report(Ending::Signaled(15), true), State::Running, None);
        assert_eq!((news.state, news.signal), (State::Killed, Some(15)));
        assert_eq!(news.memory_peak_bytes, Some(42));
    }

    #[test]
    fn a_message_from_outside_becomes_one_that_the_master_takes() {
        let news = News::new(State::Failed, Why::None, "\u{1b}[2J é".repeat(1_000));
        assert!(news.message.len() <= proto::model::limits::TEXT_BYTES_MAX);
        assert!(!news.message.contains('\u{1b}'));
    }
}
