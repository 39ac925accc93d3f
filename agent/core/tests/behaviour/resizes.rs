//! Other sizes: applied once, told once, kept over restarts, and refused where they cannot be.

use crate::stage::{Stage, container_of, key, launch, report, updates};
use agent_core::{ContainerId, Effect, Ending, Input, Observation};
use proto::model::{Order, Resources, StatusReason, TaskState};

fn size(cpus: i64) -> Resources {
    Resources::cpus_mem(cpus * 1_000, 1)
}

fn resize(cpus: i64, version: u64) -> Order {
    Order::Resize { key: key("t"), resources: size(cpus), version }
}

/// A task of one CPU that runs.
fn running(stage: &mut Stage) -> ContainerId {
    let container = container_of(&stage.order(launch("t", 1)));
    stage.give(Input::ContainerStarted { container: container.clone() });
    container
}

fn applications(effects: &[Effect]) -> Vec<(u64, Resources, Resources)> {
    let one = |effect: &Effect| match effect {
        Effect::ResizeContainer { version, from, to, .. } => {
            Some((*version, from.clone(), to.clone()))
        }
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

fn applied(container: &ContainerId, version: u64) -> Input {
    Input::ContainerResized { container: container.clone(), version, result: Ok(()) }
}

fn told(effects: &[Effect]) -> Vec<(TaskState, StatusReason, u64)> {
    let told = updates(effects).into_iter();
    told.map(|status| (status.state, status.reason, status.sequence)).collect()
}

#[test]
fn a_size_is_applied_once_and_told_once() {
    let mut stage = Stage::registered();
    let container = running(&mut stage);
    let effects = stage.order(resize(3, 1));
    assert!(matches!(&effects[0], Effect::Journal(_)), "the intent is durable first");
    assert_eq!(applications(&effects), [(1, size(1), size(3))]);
    assert_eq!(*stage.agent.promised(), size(3), "taken at once");
    assert!(applications(&stage.order(resize(3, 1))).is_empty(), "it is under way");
    let effects = stage.give(applied(&container, 1));
    assert!(matches!(&effects[0], Effect::Journal(_)));
    assert_eq!(told(&effects), [(TaskState::Running, StatusReason::Resized, 2)]);
    assert!(stage.order(resize(3, 1)).is_empty(), "it is done");
    // To a smaller one: free when it is applied.
    stage.order(resize(1, 2));
    assert_eq!(*stage.agent.promised(), size(3));
    stage.give(applied(&container, 2));
    assert_eq!(*stage.agent.promised(), size(1));
    assert!(stage.give(applied(&container, 2)).is_empty(), "an echo");
}

#[test]
fn what_cannot_be_applied_leaves_the_old_size() {
    let mut stage = Stage::registered();
    let container = running(&mut stage);
    for (cpus, version) in [(2, 1), (1, 2)] {
        stage.order(resize(cpus, version));
        let result = Err("the container holds more memory".to_owned());
        let input = Input::ContainerResized { container: container.clone(), version, result };
        let effects = stage.give(input);
        let last = updates(&effects).pop().expect("an update");
        assert_eq!((last.state, last.reason), (TaskState::Running, StatusReason::ResizeFailed));
        assert!(last.message.contains("holds more"), "{}", last.message);
        assert_eq!(*stage.agent.promised(), size(1));
    }
}

#[test]
fn what_there_is_not_enough_of_is_refused_here_too() {
    let mut stage = Stage::registered();
    running(&mut stage);
    stage.order(launch("other", 2));
    let effects = stage.order(resize(3, 1));
    assert!(applications(&effects).is_empty());
    assert_eq!(told(&effects), [(TaskState::Running, StatusReason::ResizeFailed, 2)]);
    let ports = Order::Resize { key: key("t"), resources: Resources::new(), version: 2 };
    let effects = stage.order(ports);
    assert_eq!(told(&effects), [(TaskState::Running, StatusReason::ResizeFailed, 3)]);
    assert_eq!(*stage.agent.promised(), size(3).checked_add(&Resources::cpus_mem(0, 1)).unwrap());
}

#[test]
fn a_restart_applies_what_was_intended_and_keeps_what_was_applied() {
    let mut stage = Stage::registered();
    let container = running(&mut stage);
    stage.order(resize(3, 1));
    let effects = stage.crash_and_recover(Observation::Running);
    assert_eq!(applications(&effects), [(1, size(1), size(3))], "once more");
    assert_eq!(*stage.agent.promised(), size(3));
    stage.give(applied(&container, 1));
    let effects = stage.crash_and_recover(Observation::Running);
    assert!(applications(&effects).is_empty());
    assert_eq!(*stage.agent.promised(), size(3));
    let told = told(&stage.register());
    assert_eq!(told.last(), Some(&(TaskState::Running, StatusReason::Resized, 2)));
    assert!(applications(&stage.order(resize(3, 1))).is_empty(), "the version was kept too");
}

#[test]
fn what_ends_in_the_midst_of_it_frees_all() {
    let mut stage = Stage::registered();
    let container = running(&mut stage);
    stage.order(resize(3, 1));
    let reason = StatusReason::KilledByFramework;
    stage.order(Order::Kill { key: key("t"), grace_period: None, reason });
    let effects = stage.give(applied(&container, 1));
    assert!(updates(&effects).is_empty(), "RUNNING may not follow KILLING");
    assert!(applications(&stage.order(resize(2, 2))).is_empty(), "it is being ended");
    let exit = report(Ending::Signaled(15), true);
    stage.give(Input::ContainerExited { container, report: exit });
    assert!(stage.agent.promised().is_empty());
    let mut stage = Stage::registered();
    let container = running(&mut stage);
    stage.order(resize(3, 1));
    let exit = report(Ending::Exited(0), false);
    stage.give(Input::ContainerExited { container: container.clone(), report: exit });
    assert!(stage.agent.promised().is_empty());
    assert!(stage.give(applied(&container, 1)).is_empty());
    assert!(stage.order(resize(2, 2)).is_empty(), "it has ended");
}

#[test]
fn an_order_for_what_is_not_here_is_void() {
    let mut stage = Stage::registered();
    assert!(stage.order(resize(3, 1)).is_empty());
    stage.order(launch("t", 1));
    assert!(stage.order(resize(3, 1)).is_empty(), "it does not run yet");
}
