//! Stories: short histories of one agent, with the effects that they must have.

use crate::stage::{
    Stage, config, container_of, key, launch, registered_order, report, starts, updates,
};
use agent_core::{
    Agent, Effect, Ending, ExitReport, FailureKind, Input, LaunchFailure, Observation, Outbox,
    Record, RecoverError,
};
use proto::model::{
    AgentCall, Duration, Order, Reason, Refusal, StatusReason, TaskState, TaskStatus,
};
use std::collections::{BTreeMap, BTreeSet};

fn states(updates: &[TaskStatus]) -> Vec<(TaskState, u64)> {
    updates.iter().map(|status| (status.state, status.sequence)).collect()
}

#[test]
fn a_task_runs_and_is_forgotten() {
    let mut stage = Stage::registered();
    let effects = stage.order(launch("t", 1));
    assert!(matches!(&effects[0], Effect::Journal(records) if records.len() == 1), "{effects:?}");
    assert!(matches!(&effects[1], Effect::StartContainer { .. }));
    let container = container_of(&effects);

    let effects = stage.give(Input::ContainerStarted { container: container.clone() });
    assert!(matches!(&effects[0], Effect::Journal(_)), "journaled before it is sent");
    assert_eq!(states(&updates(&effects)), [(TaskState::Running, 1)]);

    let exit = report(Ending::Exited(0), false);
    let effects = stage.give(Input::ContainerExited { container: container.clone(), report: exit });
    assert!(matches!(&effects[0], Effect::Journal(_)));
    assert_eq!(states(&updates(&effects)), [(TaskState::Finished, 2)], "only what is new");
    assert!(effects.contains(&Effect::RemoveContainer { container }));
    assert!(stage.agent.promised().is_empty(), "free as soon as it has ended");

    let effects = stage.order(Order::Committed { key: key("t"), sequence: 1 });
    assert!(effects.is_empty(), "{effects:?}");
    let effects = stage.order(Order::Committed { key: key("t"), sequence: 2 });
    assert_eq!(effects, [Effect::Journal(vec![Record::Forget(key("t"))])]);
    assert_eq!(stage.agent.tasks().len(), 0);
}

#[test]
fn a_launch_is_obeyed_once() {
    let mut stage = Stage::registered();
    let order = launch("t", 1);
    assert_eq!(starts(&stage.order(order.clone())), 1);
    assert!(stage.order(order.clone()).is_empty());
    stage.crash_and_recover(Observation::Running);
    stage.register();
    assert_eq!(starts(&stage.order(order)), 0);
    // Nor for another task under the same id.
    let other = launch("t", 2);
    assert!(stage.order(other).is_empty());
}

#[test]
fn more_than_there_is_is_dropped() {
    let mut stage = Stage::registered();
    let effects = stage.order(launch("a", 3));
    assert_eq!(starts(&effects), 1);
    let effects = stage.order(launch("b", 2));
    assert_eq!(starts(&effects), 0);
    let told = updates(&effects);
    assert_eq!(told[0].reason, StatusReason::AgentCapacity);
    assert_eq!(states(&told), [(TaskState::Dropped, 1)]);
    stage.order(Order::Committed { key: key("b"), sequence: 1 });
    assert!(stage.agent.task(&key("b")).is_none());
}

#[test]
fn a_full_disk_refuses_launches_and_lets_the_rest_run() {
    let mut stage = Stage::registered();
    let effects = stage.order(launch("a", 1));
    let container = container_of(&effects);
    stage.give(Input::JournalSpace { low: true });
    let effects = stage.order(launch("b", 1));
    assert_eq!(states(&updates(&effects)), [(TaskState::Dropped, 1)]);
    let effects = stage.give(Input::ContainerStarted { container });
    assert_eq!(states(&updates(&effects)), [(TaskState::Running, 1)]);
    stage.give(Input::JournalSpace { low: false });
    let effects = stage.order(launch("c", 1));
    assert_eq!(starts(&effects), 1);
}

/// Found by `journal_recover`: what such a task came to was written, and never read again.
#[test]
fn a_task_without_room_for_more_updates_is_not_carried_on() {
    let mut stage = Stage::registered();
    stage.order(launch("t", 1));
    let row = stage.disk.rows.get_mut(&key("t")).expect("it was launched");
    (row.sequence, row.pending) = (i64::MAX.cast_unsigned(), Vec::new());
    let mut outbox = Outbox::new();
    let (config, journal) = (config(2, "boot-1"), stage.disk.journal());
    let (observed, found) = (BTreeMap::new(), BTreeSet::new());
    let recovered = Agent::recover(config, journal, observed, found, stage.now, &mut outbox);
    let error = recovered.expect_err("no room");
    assert!(matches!(error, RecoverError::TooManyUpdates { .. }), "{error}");
    assert_eq!(outbox.drain(), [], "nothing was written");
}

#[test]
fn an_order_of_an_older_term_is_ignored() {
    let mut stage = Stage::registered();
    let launch = launch("t", 1);
    stage.order_in_term(7, Order::Heartbeat);
    let effects = stage.order_in_term(6, launch.clone());
    assert_eq!(starts(&effects), 0);
    assert!(effects.contains(&Effect::Disconnect { session: stage.session }), "{effects:?}");
    assert_eq!(stage.agent.stale_orders(), 1);
    // The term survives a restart.
    stage.crash_and_recover(Observation::Nothing);
    stage.connect();
    let effects = stage.order_in_term(6, registered_order());
    assert!(effects.contains(&Effect::Disconnect { session: stage.session }));
    assert!(!stage.agent.is_registered());
}

#[test]
fn orders_before_the_registration_are_not_taken() {
    let mut stage = Stage::new();
    stage.connect();
    let launch = launch("t", 1);
    assert_eq!(starts(&stage.order(launch)), 0);
    assert_eq!(stage.agent.tasks().len(), 0);
}

#[test]
fn a_kill_is_obeyed_and_insisted_on() {
    let mut stage = Stage::registered();
    let effects = stage.order(launch("t", 1));
    let container = container_of(&effects);
    stage.give(Input::ContainerStarted { container: container.clone() });
    let kill = Order::Kill {
        key: key("t"),
        grace_period: Some(Duration(500)),
        reason: StatusReason::KilledByOperator,
    };
    let effects = stage.order(kill.clone());
    let stop = |grace_period| Effect::StopContainer { container: container.clone(), grace_period };
    assert!(effects.contains(&stop(Some(Duration(500)))), "{effects:?}");
    assert!(matches!(&effects[0], Effect::Journal(_)), "the order survives a crash");
    let mut destroyed = 0;
    for _ in 0..40 {
        let effects = stage.wait_ms(500);
        destroyed += effects.iter().filter(|effect| **effect == stop(None)).count();
        stage.order(Order::Heartbeat);
    }
    assert!(destroyed >= 2, "destroyed by force {destroyed} times");
    let exit = report(Ending::Signaled(9), true);
    let effects = stage.give(Input::ContainerExited { container, report: exit });
    let told = updates(&effects);
    let last = told.last().expect("an update");
    assert_eq!((last.state, last.reason), (TaskState::Killed, StatusReason::KilledByOperator));
    assert!(!stage.order(kill).iter().any(|e| matches!(e, Effect::StopContainer { .. })));
}

#[test]
fn a_kill_during_the_launch_wins() {
    let mut stage = Stage::registered();
    let effects = stage.order(launch("t", 1));
    let container = container_of(&effects);
    let reason = StatusReason::KilledByFramework;
    stage.order(Order::Kill { key: key("t"), grace_period: None, reason });
    let effects = stage.give(Input::ContainerStarted { container: container.clone() });
    assert!(updates(&effects).is_empty(), "RUNNING may not follow KILLING");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::StopContainer { .. })));
    let failure = LaunchFailure { kind: FailureKind::Cancelled, message: String::new() };
    let effects = stage.give(Input::ContainerFailed { container, failure });
    let told = updates(&effects);
    assert_eq!(told[0].reason, StatusReason::KilledDuringLaunch);
    assert_eq!(states(&told), [(TaskState::Killed, 1)]);
}

#[test]
fn a_kill_of_an_unknown_task_is_answered_for_good() {
    let mut stage = Stage::registered();
    let reason = StatusReason::KilledByFramework;
    let effects = stage.order(Order::Kill { key: key("t"), grace_period: None, reason });
    assert_eq!(states(&updates(&effects)), [(TaskState::Gone, 1)]);
    let launch = launch("t", 1);
    assert!(stage.order(launch).is_empty(), "what is gone does not come back");
    stage.crash_and_recover(Observation::Nothing);
    let effects = stage.register();
    assert_eq!(states(&updates(&effects)), [(TaskState::Gone, 1)], "said again");
    stage.order(Order::Committed { key: key("t"), sequence: 1 });
    assert_eq!(stage.agent.tasks().len(), 0);
}

/// The table of `recover.rs`, row by row: before, observed, after.
#[test]
fn recovery_follows_its_table() {
    let exited = || Observation::Exited(report(Ending::Exited(4), false));
    let same = "boot-1";
    let table: [(bool, Observation, &str, (TaskState, StatusReason)); 8] = [
        (false, Observation::Running, same, (TaskState::Running, StatusReason::None)),
        (false, exited(), same, (TaskState::Failed, StatusReason::CommandExited)),
        (false, Observation::Nothing, same, (TaskState::Dropped, StatusReason::AgentRestarted)),
        (false, Observation::Nothing, "b", (TaskState::Failed, StatusReason::HostRebooted)),
        (true, exited(), same, (TaskState::Failed, StatusReason::CommandExited)),
        (true, Observation::Nothing, same, (TaskState::Failed, StatusReason::SupervisorLost)),
        (true, Observation::Running, "b", (TaskState::Failed, StatusReason::HostRebooted)),
        (true, exited(), "b", (TaskState::Failed, StatusReason::CommandExited)),
    ];
    for (ran, observation, boot, (state, reason)) in table {
        let mut stage = Stage::registered();
        let launch = launch("t", 1);
        let container = container_of(&stage.order(launch));
        if ran {
            stage.give(Input::ContainerStarted { container });
        }
        stage.boot = boot.to_owned();
        stage.crash_and_recover(observation.clone());
        let told = updates(&stage.register());
        let last = told.last().expect("an update");
        let story = format!("ran {ran}, {observation:?}, {boot}");
        assert_eq!((last.state, last.reason), (state, reason), "{story}");
        assert_eq!(last.sequence, told.len() as u64, "{story}: all of them, from 1");
    }
}

#[test]
fn a_container_without_a_row_is_destroyed() {
    let mut stage = Stage::registered();
    let launch = launch("t", 1);
    let container = container_of(&stage.order(launch));
    stage.disk.rows.clear();
    let effects = stage.crash_and_recover(Observation::Running);
    assert!(effects.contains(&Effect::RemoveContainer { container }), "{effects:?}");
}

#[test]
fn a_redirection_is_followed_at_once_but_not_for_ever() {
    let mut stage = Stage::new();
    let mut refusal = Refusal::new(Reason::NotLeader, "ask the other");
    refusal.leader_address = Some("b:1".to_owned());
    for _ in 0..3 {
        stage.connect();
        let effects = stage.order(Order::Refused(refusal.clone()));
        let connect = Effect::Connect { session: stage.session, leader: Some("b:1".to_owned()) };
        assert!(effects.contains(&connect), "{effects:?}");
    }
    stage.connect();
    let effects = stage.order(Order::Refused(refusal));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Connect { .. })), "a circle");
    assert!(stage.agent.deadline().is_some(), "but it goes on");
}

#[test]
fn a_silent_master_is_left() {
    let mut stage = Stage::registered();
    let effects = stage.wait_ms(1_000);
    let session = stage.session;
    let heartbeat = Effect::Send { session, call: AgentCall::Heartbeat };
    assert!(effects.contains(&heartbeat), "{effects:?}");
    let effects = stage.wait_ms(2_500);
    assert!(effects.contains(&Effect::Disconnect { session }), "{effects:?}");
    assert!(!stage.agent.is_registered());
}

#[test]
fn another_cluster_is_refused() {
    let mut stage = Stage::registered();
    stage.give(Input::Disconnected { session: stage.session });
    stage.connect();
    let effects = stage.order(Order::Registered {
        heartbeat_interval: Duration(1_000),
        cluster: "other".parse().expect("an id"),
    });
    assert!(effects.contains(&Effect::Disconnect { session: stage.session }));
    assert!(!stage.agent.is_registered());
}

#[test]
fn a_removed_agent_ends_everything_and_puts_its_journal_away() {
    let mut stage = Stage::registered();
    let launch = launch("t", 1);
    let container = container_of(&stage.order(launch));
    let refusal = Refusal::new(Reason::AgentRemoved, "removed by an operator");
    let effects = stage.order(Order::Refused(refusal.clone()));
    let grace_period = Some(Duration(0));
    let stop = Effect::StopContainer { container: container.clone(), grace_period };
    assert!(effects.contains(&stop), "{effects:?}");
    assert!(!effects.contains(&Effect::Abandon(refusal.clone())), "a container still runs");
    let exit = ExitReport {
        ending: Ending::Signaled(9),
        killed_by_request: true,
        memory_peak_bytes: None,
    };
    let effects = stage.give(Input::ContainerExited { container, report: exit });
    assert!(effects.contains(&Effect::Abandon(refusal)));
    assert_eq!(stage.agent.deadline(), None);
}

#[test]
fn unconfirmed_updates_are_resent_with_growing_pauses() {
    let mut stage = Stage::registered();
    let launch = launch("t", 1);
    let container = container_of(&stage.order(launch));
    stage.give(Input::ContainerStarted { container });
    let mut times = Vec::new();
    for second in 0..120 {
        stage.order(Order::Heartbeat);
        let effects = stage.wait_ms(1_000);
        if states(&updates(&effects)) == [(TaskState::Running, 1)] {
            times.push(second);
        }
    }
    assert!((3..=12).contains(&times.len()), "resent at {times:?}");
    stage.order(Order::Committed { key: key("t"), sequence: 1 });
    let mut told = Vec::new();
    for _ in 0..120 {
        stage.order(Order::Heartbeat);
        told.extend(updates(&stage.wait_ms(1_000)));
    }
    assert!(told.is_empty(), "confirmed is confirmed");
}
