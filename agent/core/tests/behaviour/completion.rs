//! Tasks that may run for so long and no longer: since when, until when, and how they end.

use crate::stage::{Stage, container_of, key, launch, launch_of, report, task, updates};
use agent_core::{ContainerId, Effect, Ending, Input, Observation};
use proto::model::{Duration, Instant, Order, StatusReason, TaskState};

const LIMIT: Duration = Duration(60_000);

/// A limited task whose container is being set up.
fn launched(stage: &mut Stage) -> ContainerId {
    let mut task = task("t", 1);
    task.max_completion_time = Some(LIMIT);
    task.kill_policy.grace_period = Some(Duration(700));
    container_of(&stage.order(launch_of(task)))
}

fn started(stage: &mut Stage) -> ContainerId {
    let container = launched(stage);
    stage.give(Input::ContainerStarted { container: container.clone() });
    container
}

fn stops(effects: &[Effect]) -> Vec<Option<Duration>> {
    let stop = |effect: &Effect| match effect {
        Effect::StopContainer { grace_period, .. } => Some(*grace_period),
        _ => None,
    };
    effects.iter().filter_map(stop).collect()
}

/// Lets time pass, without letting the master be taken for dead.
fn pass(stage: &mut Stage, ms: u64) -> Vec<Effect> {
    let mut effects = Vec::new();
    let end = stage.now + Duration(ms);
    while stage.now < end {
        if stage.agent.is_registered() {
            effects.extend(stage.order(Order::Heartbeat));
        }
        effects.extend(stage.wait_ms(1_000.min(end.since(stage.now).0)));
    }
    effects
}

#[test]
fn a_task_that_takes_too_long_has_failed() {
    let mut stage = Stage::registered();
    let container = launched(&mut stage);
    assert!(stops(&pass(&mut stage, 90_000)).is_empty(), "the setting up is not counted");
    stage.give(Input::ContainerStarted { container: container.clone() });
    assert!(stops(&pass(&mut stage, 59_999)).is_empty());
    let effects = pass(&mut stage, 1);
    assert!(matches!(&effects[..], [.., Effect::StopContainer { .. }]), "{effects:?}");
    assert_eq!(stops(&effects), [Some(Duration(700))], "by its own policy");
    let exit = report(Ending::Signaled(15), true);
    let told = updates(&stage.give(Input::ContainerExited { container, report: exit }));
    let last = told.last().expect("an update");
    assert_eq!((last.state, last.reason), (TaskState::Failed, StatusReason::MaxCompletionTime));
    assert_eq!(last.signal, Some(15));
}

#[test]
fn the_agent_wakes_up_for_it() {
    let mut stage = Stage::registered();
    started(&mut stage);
    let due = stage.now + LIMIT;
    stage.give(Input::Disconnected { session: stage.session });
    let mut stopped = None;
    while stopped.is_none() {
        let at = stage.agent.deadline().expect("there is something to wait for");
        assert!(at <= due);
        stage.now = stage.now.max(at);
        let effects = stage.give(Input::Tick);
        stopped = (!stops(&effects).is_empty()).then_some(stage.now);
    }
    assert_eq!(stopped, Some(due), "also while no master is there");
}

#[test]
fn a_task_in_time_ends_as_it_would() {
    let mut stage = Stage::registered();
    let container = started(&mut stage);
    pass(&mut stage, 59_000);
    let exit = report(Ending::Exited(0), false);
    let told = updates(&stage.give(Input::ContainerExited { container, report: exit }));
    assert_eq!(told.last().expect("an update").state, TaskState::Finished);
    assert!(stops(&pass(&mut stage, 60_000)).is_empty());
}

/// It ended by itself before the order reached it.
#[test]
fn a_task_that_ended_just_in_time_is_told_as_it_ended() {
    let mut stage = Stage::registered();
    let container = started(&mut stage);
    assert_eq!(stops(&pass(&mut stage, 60_000)).len(), 1);
    let exit = report(Ending::Exited(0), false);
    let told = updates(&stage.give(Input::ContainerExited { container, report: exit }));
    assert_eq!(told.last().expect("an update").state, TaskState::Finished);
}

#[test]
fn who_asked_first_is_named() {
    let mut stage = Stage::registered();
    let container = started(&mut stage);
    let reason = StatusReason::KilledByFramework;
    let grace_period = Some(Duration(600_000));
    stage.order(Order::Kill { key: key("t"), grace_period, reason });
    assert!(stops(&pass(&mut stage, 60_000)).is_empty(), "it is being ended already");
    let exit = report(Ending::Signaled(15), true);
    let told = updates(&stage.give(Input::ContainerExited { container, report: exit }));
    let last = told.last().expect("an update");
    assert_eq!((last.state, last.reason), (TaskState::Killed, reason));

    let mut stage = Stage::registered();
    let container = started(&mut stage);
    pass(&mut stage, 60_000);
    stage.order(Order::Kill { key: key("t"), grace_period: Some(Duration(1)), reason });
    let exit = report(Ending::Signaled(15), true);
    let told = updates(&stage.give(Input::ContainerExited { container, report: exit }));
    let last = told.last().expect("an update");
    assert_eq!((last.state, last.reason), (TaskState::Failed, StatusReason::MaxCompletionTime));
}

/// The next life of the agent has a clock of its own; what it shares with this one is the boot.
#[test]
fn a_restart_of_the_agent_changes_nothing() {
    let mut stage = Stage::registered();
    started(&mut stage);
    pass(&mut stage, 20_000);
    stage.up_at_origin = Duration(stage.up_at_origin.0 + stage.now.0 + 10_000);
    stage.now = Instant(0);
    let effects = stage.crash_and_recover(Observation::Running);
    assert!(stops(&effects).is_empty());
    stage.register();
    let already = stage.now.0;
    assert!(stops(&pass(&mut stage, 29_999 - already)).is_empty());
    assert_eq!(stops(&pass(&mut stage, 1)), [Some(Duration(700))]);
    // And one that is away when the time is over sees it at once when it comes back.
    let mut stage = Stage::registered();
    let container = started(&mut stage);
    stage.up_at_origin = Duration(stage.up_at_origin.0 + stage.now.0 + 90_000);
    stage.now = Instant(0);
    assert_eq!(stops(&stage.crash_and_recover(Observation::Running)), [Some(Duration(700))]);
    // Also after a further restart in the midst of it, and without a record of the end.
    stage.crash_and_recover(Observation::Nothing);
    let told = updates(&stage.register());
    let last = told.last().expect("an update");
    assert_eq!((last.state, last.reason), (TaskState::Failed, StatusReason::MaxCompletionTime));
    assert_eq!(stage.agent.task(&key("t")).expect("unconfirmed").container, Some(container));
}

/// A start that no record tells of is counted from when it is seen.
#[test]
fn an_unseen_start_is_counted_from_when_it_is_seen() {
    let mut stage = Stage::registered();
    launched(&mut stage);
    pass(&mut stage, 30_000);
    stage.crash_and_recover(Observation::Running);
    let begun = stage.now;
    stage.register();
    let rest = LIMIT.0 - stage.now.since(begun).0;
    assert!(stops(&pass(&mut stage, rest - 1)).is_empty());
    assert_eq!(stops(&pass(&mut stage, 1)).len(), 1);
}

#[test]
fn a_task_without_a_limit_runs_for_ever() {
    let mut stage = Stage::registered();
    let container = container_of(&stage.order(launch("t", 1)));
    stage.give(Input::ContainerStarted { container });
    stage.give(Input::Disconnected { session: stage.session });
    assert!(stops(&stage.wait_ms(u64::MAX / 2)).is_empty());
}
