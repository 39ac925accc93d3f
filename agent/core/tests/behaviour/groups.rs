//! Task groups, told by hand: the order, what ends it, and restarts in the midst of it.

use crate::stage::{Stage, container_of, key, report, starts, task, updates};
use agent_core::{ContainerId, Effect, Ending, Input, Observation};
use proto::model::{
    OnFailure, Order, Resources, StatusReason as Why, TaskGroup, TaskState as State,
    task_group::{Member, Part},
};

fn group(members: &[(&str, Part, i64)], on_failure: OnFailure) -> Order {
    let member = |(id, part, cpus): &(&str, Part, i64)| {
        let mut task = *task(id, 1);
        task.resources = Resources::cpus_mem(*cpus, 1);
        Member { part: *part, task }
    };
    let members = members.iter().map(member).collect();
    let group = TaskGroup { id: "g".parse().expect("an id"), members, on_failure };
    Order::LaunchGroup { framework: key("i").framework, owner: None, group: Box::new(group) }
}

fn usual() -> Order {
    let members = [("i", Part::Init, 2_000), ("s", Part::Sidecar, 500), ("m", Part::Main, 1_000)];
    group(&members, OnFailure::default())
}

fn started(stage: &mut Stage, container: &ContainerId) -> Vec<Effect> {
    stage.give(Input::ContainerStarted { container: container.clone() })
}

fn exited(stage: &mut Stage, container: &ContainerId, code: i32) -> Vec<Effect> {
    let report = report(Ending::Exited(code), false);
    stage.give(Input::ContainerExited { container: container.clone(), report })
}

fn killed(stage: &mut Stage, container: &ContainerId) -> Vec<Effect> {
    let report = report(Ending::Signaled(15), true);
    stage.give(Input::ContainerExited { container: container.clone(), report })
}

/// The containers that are told to end.
fn stops(effects: &[Effect]) -> Vec<ContainerId> {
    let stop = |effect: &Effect| match effect {
        Effect::StopContainer { container, .. } => Some(container.clone()),
        _ => None,
    };
    effects.iter().filter_map(stop).collect()
}

/// What is told, shortly.
fn told(effects: &[Effect]) -> Vec<(String, State, Why)> {
    let updates = updates(effects).into_iter();
    updates.map(|status| (status.task.to_string(), status.state, status.reason)).collect()
}

fn promised(stage: &Stage) -> Resources {
    stage.agent.promised().clone()
}

#[test]
fn a_group_begins_in_order_and_its_sidecar_ends_last() {
    let mut stage = Stage::registered();
    let effects = stage.order(usual());
    assert!(matches!(&effects[0], Effect::Journal(records) if records.len() == 3), "all at once");
    assert_eq!(starts(&effects), 1, "the init task alone");
    assert_eq!(promised(&stage), Resources::cpus_mem(2_000, 2), "the larger of both, of each");
    let init = container_of(&effects);
    assert_eq!(starts(&stage.order(usual())), 0, "an order that is heard again");

    started(&mut stage, &init);
    let effects = exited(&mut stage, &init, 0);
    let sidecar = container_of(&effects);
    assert_eq!(starts(&effects), 1, "the sidecar alone");
    assert_eq!(promised(&stage), Resources::cpus_mem(1_500, 2), "what only the init task needed");
    let effects = started(&mut stage, &sidecar);
    let main = container_of(&effects);
    assert_eq!(told(&effects), [("s".to_owned(), State::Running, Why::None)]);
    started(&mut stage, &main);

    let effects = exited(&mut stage, &main, 0);
    assert_eq!(
        stops(&effects),
        std::slice::from_ref(&sidecar),
        "the sidecar follows the last main task"
    );
    assert_eq!(told(&effects), [("m".to_owned(), State::Finished, Why::None)]);
    let effects = killed(&mut stage, &sidecar);
    assert_eq!(told(&effects), [("s".to_owned(), State::Killed, Why::GroupEnded)]);
    assert!(stage.agent.promised().is_empty());
}

#[test]
fn without_its_init_task_nothing_of_a_group_begins() {
    let mut stage = Stage::registered();
    let effects = stage.order(usual());
    let init = container_of(&effects);
    started(&mut stage, &init);
    let effects = exited(&mut stage, &init, 3);
    assert_eq!(starts(&effects), 0);
    let ended = |task: &str| (task.to_owned(), State::Killed, Why::GroupEnded);
    let failed = ("i".to_owned(), State::Failed, Why::CommandExited);
    let mut all = told(&effects);
    all.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(all, [failed, ended("m"), ended("s")]);
    assert!(stage.agent.promised().is_empty());
}

#[test]
fn a_failed_main_task_ends_the_others_unless_the_group_says_otherwise() {
    let members = [("a", Part::Main, 500), ("b", Part::Main, 500), ("s", Part::Sidecar, 100)];
    for on_failure in [OnFailure::EndGroup, OnFailure::LetRun] {
        let mut stage = Stage::registered();
        let sidecar = container_of(&stage.order(group(&members, on_failure)));
        let effects = started(&mut stage, &sidecar);
        assert_eq!(starts(&effects), 2, "all main tasks at once");
        let container = |id: &str| stage.agent.task(&key(id)).unwrap().container.clone().unwrap();
        let (a, b) = (container("a"), container("b"));
        started(&mut stage, &a);
        started(&mut stage, &b);
        let effects = exited(&mut stage, &a, 1);
        match on_failure {
            OnFailure::EndGroup => {
                assert_eq!(
                    stops(&effects),
                    std::slice::from_ref(&b),
                    "the sidecar serves it to its end"
                );
                let effects = killed(&mut stage, &b);
                assert_eq!(told(&effects), [("b".to_owned(), State::Killed, Why::GroupEnded)]);
                assert_eq!(stops(&effects), std::slice::from_ref(&sidecar));
            }
            OnFailure::LetRun => {
                assert!(stops(&effects).is_empty());
                let effects = exited(&mut stage, &b, 0);
                assert_eq!(
                    stops(&effects),
                    std::slice::from_ref(&sidecar),
                    "the last one has ended"
                );
            }
        }
    }
}

/// What was decided on a sidecar: the others are not left without it unawares.
#[test]
fn a_failed_sidecar_ends_the_group_and_one_that_finished_does_not() {
    for (code, ends) in [(1, true), (0, false)] {
        let mut stage = Stage::registered();
        let members = [("m", Part::Main, 500), ("s", Part::Sidecar, 100)];
        let sidecar = container_of(&stage.order(group(&members, OnFailure::default())));
        let main = container_of(&started(&mut stage, &sidecar));
        started(&mut stage, &main);
        assert_eq!(!stops(&exited(&mut stage, &sidecar, code)).is_empty(), ends, "{code}");
    }
}

#[test]
fn a_kill_of_one_is_a_kill_of_all() {
    let mut stage = Stage::registered();
    let init = container_of(&stage.order(usual()));
    started(&mut stage, &init);
    let (grace_period, reason) = (None, Why::KilledByFramework);
    let effects = stage.order(Order::Kill { key: key("m"), grace_period, reason });
    assert_eq!(stops(&effects), std::slice::from_ref(&init));
    assert_eq!(told(&effects), [], "the init task uses what the others hold");
    let mut all = told(&killed(&mut stage, &init));
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let ended = |task: &str| (task.to_owned(), State::Killed, Why::KilledByFramework);
    assert_eq!(all, [ended("i"), ended("m"), ended("s")]);
}

/// The agent dies anywhere: its journal says how far the group was.
#[test]
fn a_restart_goes_on_where_the_group_was() {
    let mut stage = Stage::registered();
    let init = container_of(&stage.order(usual()));
    started(&mut stage, &init);
    let effects = stage.crash_and_recover(Observation::Running);
    assert_eq!(starts(&effects), 0, "its init task runs");
    // Its end was written down by its supervisor while there was no agent.
    let ended = report(Ending::Exited(0), false);
    let effects = stage.crash_and_recover(Observation::Exited(ended));
    let sidecar = container_of(&effects);
    let effects = stage.crash_and_recover(Observation::Running);
    let main = container_of(&effects);
    assert_ne!(main, sidecar);
    stage.crash_and_recover(Observation::Running);
    let effects = exited(&mut stage, &main, 0);
    assert_eq!(stops(&effects), std::slice::from_ref(&sidecar));
    let effects = stage.crash_and_recover(Observation::Running);
    let again = stops(&effects);
    assert!(!again.is_empty() && again.iter().all(|it| *it == sidecar), "perhaps it was lost");
}

#[test]
fn a_reboot_ends_a_group() {
    let mut stage = Stage::registered();
    let init = container_of(&stage.order(usual()));
    started(&mut stage, &init);
    stage.boot = "boot-2".to_owned();
    let effects = stage.crash_and_recover(Observation::Nothing);
    assert_eq!(starts(&effects), 0);
    let state = |id: &str| stage.agent.task(&key(id)).map(|row| row.state);
    assert_eq!(
        ["i", "s", "m"].map(state),
        [Some(State::Failed), Some(State::Killed), Some(State::Killed)]
    );
}

#[test]
fn a_group_that_does_not_fit_is_refused_as_a_whole() {
    let mut stage = Stage::registered();
    let members = [("i", Part::Init, 4_001), ("m", Part::Main, 100)];
    let effects = stage.order(group(&members, OnFailure::default()));
    assert_eq!(starts(&effects), 0);
    let dropped = |task: &str| (task.to_owned(), State::Dropped, Why::AgentCapacity);
    assert_eq!(told(&effects), [dropped("i"), dropped("m")]);
    assert!(stage.agent.promised().is_empty());
    assert_eq!(starts(&stage.order(group(&members, OnFailure::default()))), 0);
}
