//! Volumes, told by hand: made, resized and deleted once, answered as often as asked, kept over
//! restarts, and never deleted when that is not for sure.

use crate::stage::{Stage, container_of, key, launch_of, report, starts, task, updates};
use agent_core::{Effect, Ending, Input, Observation, VolumeRow, VolumeStage};
use proto::model::{
    AgentCall, Milli, OnFailure, Order, StatusReason, TaskGroup, TaskInfo, TaskState, VolumeAction,
    VolumeId, VolumeKey, VolumeMount, VolumeRef, limits,
    task_group::{Member, Part},
};

fn volume(id: u64) -> VolumeKey {
    VolumeKey { id: VolumeId(id), incarnation: 1 }
}

fn mib(size: i64) -> Milli {
    Milli(size * 1_000)
}

fn order(id: u64, version: u64, action: VolumeAction) -> Order {
    Order::Volume { key: volume(id), version, action }
}

fn make_named(id: u64, name: &str, shared: bool) -> Order {
    let (role, name) = ("db".parse().expect("a role"), name.parse().expect("a name"));
    order(id, 1, VolumeAction::Make { role, name, size: mib(100), shared })
}

/// The order to make a volume of 100 MiB for one user.
fn make(id: u64) -> Order {
    make_named(id, &format!("v{id}"), false)
}

fn resize(id: u64, version: u64, size: i64) -> Order {
    order(id, version, VolumeAction::Resize(mib(size)))
}

fn delete(id: u64, version: u64) -> Order {
    order(id, version, VolumeAction::Delete)
}

fn done(id: u64, version: u64, result: Result<(), &str>) -> Input {
    Input::VolumeDone { key: volume(id), version, result: result.map_err(str::to_owned) }
}

/// A volume that is there.
fn ready(stage: &mut Stage, id: u64) {
    stage.order(make(id));
    stage.disk.directories.insert(volume(id));
    stage.give(done(id, 1, Ok(())));
}

fn row(stage: &Stage, id: u64) -> VolumeRow {
    stage.agent.volume(&volume(id)).expect("it has a row").clone()
}

/// What is wanted of directories.
fn wanted(effects: &[Effect]) -> Vec<(&str, u64, u64)> {
    let one = |effect: &Effect| match effect {
        Effect::MakeVolume { key, version } => Some(("make", key.id.0, *version)),
        Effect::ShrinkVolume { key, version, .. } => Some(("shrink", key.id.0, *version)),
        Effect::DeleteVolume { key, version } => Some(("delete", key.id.0, *version)),
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

/// What the leader hears: which volume, which version, and why not.
fn told(effects: &[Effect]) -> Vec<(u64, u64, Option<String>)> {
    let one = |effect: &Effect| match effect {
        Effect::Send { call: AgentCall::Volume(report), .. } => {
            Some((report.key.id.0, report.version, report.failed.clone()))
        }
        _ => None,
    };
    effects.iter().filter_map(one).collect()
}

/// The failure that the leader hears of, the only one.
fn failure(effects: &[Effect]) -> String {
    let told = told(effects);
    assert_eq!(told.len(), 1, "{told:?}");
    told[0].2.clone().expect("a failure")
}

/// The volumes that a registration lists.
fn listed(effects: &[Effect]) -> Vec<u64> {
    let one = |effect: &Effect| match effect {
        Effect::Send { call: AgentCall::Register { volumes, .. }, .. } => Some(volumes.clone()),
        _ => None,
    };
    let volumes = effects.iter().find_map(one).expect("a registration");
    volumes.into_iter().map(|key| key.id.0).collect()
}

/// A task that uses these.
fn user(id: &str, volumes: &[u64]) -> Box<TaskInfo> {
    let mount = |id: &u64| VolumeMount {
        volume: VolumeRef::Known(VolumeId(*id)),
        path: format!("data/{id}"),
        read_only: false,
        incarnation: 1,
    };
    let mut task = task(id, 1);
    task.volumes = volumes.iter().map(mount).collect();
    task
}

fn exit(stage: &mut Stage, task: &str) -> Vec<Effect> {
    let container = stage.agent.task(&key(task)).and_then(|row| row.container.clone());
    let container = container.expect("it has a container");
    let report = report(Ending::Exited(0), false);
    stage.give(Input::ContainerExited { container, report })
}

/// That a launch ended at once, for want of a volume; what it said.
fn refused(effects: &[Effect]) -> String {
    assert_eq!(starts(effects), 0);
    let last = updates(effects).pop().expect("an update");
    assert_eq!((last.state, last.reason), (TaskState::Dropped, StatusReason::VolumeUnavailable));
    last.message
}

#[test]
fn a_volume_is_made_once_and_told_as_often_as_asked() {
    let mut stage = Stage::registered();
    let effects = stage.order(make(7));
    assert!(matches!(&effects[0], Effect::Journal(_)), "the intent is durable first");
    assert_eq!(wanted(&effects), [("make", 7, 1)]);
    assert!(told(&effects).is_empty());
    assert!(stage.order(make(7)).is_empty(), "it is under way");
    let effects = stage.give(done(7, 1, Ok(())));
    assert!(matches!(&effects[0], Effect::Journal(_)), "before it is told");
    assert_eq!(told(&effects), [(7, 1, None)]);
    assert_eq!(row(&stage, 7).stage, VolumeStage::Ready);
    let effects = stage.order(make(7));
    assert!(wanted(&effects).is_empty());
    assert_eq!(told(&effects), [(7, 1, None)]);
    assert!(stage.give(done(7, 1, Ok(()))).is_empty(), "an echo");
}

#[test]
fn what_could_not_be_made_says_why_and_can_be_deleted() {
    let mut stage = Stage::registered();
    stage.order(make(7));
    let effects = stage.give(done(7, 1, Err("the disk \u{1b} is full")));
    assert_eq!(failure(&effects), "the disk \u{fffd} is full", "fit for the wire");
    assert_eq!(failure(&stage.order(make(7))), "the disk \u{fffd} is full");
    assert!(refused(&stage.order(launch_of(user("t", &[7])))).contains("could not be made"));
    assert!(failure(&stage.order(resize(7, 2, 50))).contains("could not be made"));
    let effects = stage.order(delete(7, 2));
    assert_eq!(wanted(&effects), [("delete", 7, 2)], "something may have been begun");
    let effects = stage.give(done(7, 2, Ok(())));
    assert_eq!(told(&effects), [(7, 2, None)]);
    assert!(stage.disk.volumes.is_empty(), "the row is gone, on the disk too");
    assert_eq!(told(&stage.order(delete(7, 2))), [(7, 2, None)], "what is not here is gone");
}

#[test]
fn another_volume_under_the_same_id_changes_nothing() {
    let mut stage = Stage::registered();
    ready(&mut stage, 7);
    let before = row(&stage, 7);
    let effects = stage.order(make_named(7, "other", true));
    assert!(failure(&effects).contains("v7 of db is here"), "{effects:?}");
    assert_eq!(row(&stage, 7), before);
    // The same number, of another incarnation of the cluster, is another volume.
    let key = VolumeKey { incarnation: 2, ..volume(7) };
    let (role, name) = ("db".parse().unwrap(), "v7".parse().unwrap());
    let action = VolumeAction::Make { role, name, size: mib(1), shared: false };
    stage.order(Order::Volume { key, version: 1, action });
    assert_eq!(stage.agent.volumes().len(), 2);
    let key = VolumeKey { incarnation: 3, ..volume(7) };
    stage.order(Order::Volume { key, version: 9, action: VolumeAction::Delete });
    assert_eq!(row(&stage, 7), before, "and an order for it is not for this one");
}

#[test]
fn a_larger_size_is_in_the_row_and_a_smaller_one_is_measured() {
    let mut stage = Stage::registered();
    ready(&mut stage, 7);
    let effects = stage.order(resize(7, 2, 200));
    assert!(wanted(&effects).is_empty());
    assert_eq!((told(&effects), row(&stage, 7).size), (vec![(7, 2, None)], mib(200)));
    let effects = stage.order(resize(7, 3, 50));
    assert_eq!(wanted(&effects), [("shrink", 7, 3)]);
    assert_eq!(row(&stage, 7).size, mib(200), "the larger, until it is measured");
    assert!(stage.order(resize(7, 3, 50)).is_empty(), "it is under way");
    assert!(stage.give(done(7, 2, Ok(()))).is_empty(), "of an order that was overtaken");
    let effects = stage.give(done(7, 3, Err("120 MiB are used")));
    assert_eq!(failure(&effects), "120 MiB are used");
    assert_eq!((row(&stage, 7).size, row(&stage, 7).stage), (mib(200), VolumeStage::Ready));
    assert_eq!(failure(&stage.order(resize(7, 3, 50))), "120 MiB are used", "as often as asked");
    stage.order(resize(7, 4, 50));
    assert_eq!(told(&stage.give(done(7, 4, Ok(())))), [(7, 4, None)]);
    assert_eq!(row(&stage, 7).size, mib(50));
}

#[test]
fn an_order_out_of_a_backup_gets_a_true_answer() {
    let mut stage = Stage::registered();
    ready(&mut stage, 7);
    stage.order(resize(7, 2, 200));
    stage.order(resize(7, 3, 300));
    let effects = stage.order(resize(7, 2, 50));
    assert!(failure(&effects).contains("later order"), "{effects:?}");
    assert_eq!(row(&stage, 7).size, mib(300));
    assert_eq!(told(&stage.order(make(7))), [(7, 1, None)], "it is made");
    assert_eq!(wanted(&stage.order(delete(7, 2))), [("delete", 7, 2)], "nothing comes after that");
    let effects = stage.order(delete(7, 3));
    assert_eq!(wanted(&effects), [("delete", 7, 3)], "to be answered with this version");
    assert!(stage.give(done(7, 2, Ok(()))).is_empty());
    assert_eq!(told(&stage.give(done(7, 3, Ok(())))), [(7, 3, None)]);
    assert!(failure(&stage.order(resize(7, 2, 50))).contains("no such volume"));
}

/// The golden rule: what a live task has open stays.
#[test]
fn a_deletion_waits_for_the_last_user() {
    let mut stage = Stage::registered();
    stage.order(make_named(7, "v7", true));
    stage.give(done(7, 1, Ok(())));
    for id in ["a", "b"] {
        assert_eq!(starts(&stage.order(launch_of(user(id, &[7])))), 1, "it is shared");
    }
    let effects = stage.order(delete(7, 2));
    assert!(wanted(&effects).is_empty());
    assert!(refused(&stage.order(launch_of(user("c", &[7])))).contains("being deleted"));
    assert!(failure(&stage.order(resize(7, 3, 50))).contains("being deleted"));
    assert!(wanted(&exit(&mut stage, "a")).is_empty());
    let effects = stage.crash_and_recover(Observation::Running);
    assert!(wanted(&effects).is_empty(), "not after a restart either");
    stage.register();
    let effects = exit(&mut stage, "b");
    assert_eq!(wanted(&effects), [("delete", 7, 2)]);
    let place = |wanted: fn(&Effect) -> bool| effects.iter().position(wanted).expect("it is there");
    let removed = place(|effect| matches!(effect, Effect::RemoveContainer { .. }));
    assert!(removed < place(|effect| matches!(effect, Effect::DeleteVolume { .. })));
}

#[test]
fn a_volume_is_destroyed_twice() {
    let mut stage = Stage::registered();
    ready(&mut stage, 7);
    assert_eq!(wanted(&stage.order(delete(7, 2))), [("delete", 7, 2)]);
    assert!(stage.order(delete(7, 2)).is_empty(), "it is under way");
    assert_eq!(told(&stage.give(done(7, 2, Ok(())))), [(7, 2, None)]);
    let effects = stage.order(delete(7, 2));
    assert!(wanted(&effects).is_empty());
    assert_eq!(told(&effects), [(7, 2, None)]);
}

#[test]
fn a_deletion_that_failed_is_told_and_tried_again() {
    let mut stage = Stage::registered();
    ready(&mut stage, 7);
    stage.order(delete(7, 2));
    let effects = stage.give(done(7, 2, Err("it is a mount point")));
    assert_eq!(failure(&effects), "it is a mount point");
    let effects = stage.order(delete(7, 2));
    assert!(wanted(&effects).is_empty(), "not before its time");
    assert_eq!(failure(&effects), "it is a mount point");
    assert!(wanted(&stage.wait_ms(59_999)).is_empty());
    assert_eq!(wanted(&stage.wait_ms(1)), [("delete", 7, 2)]);
    stage.register();
    let effects = stage.give(done(7, 2, Err("it is a mount point")));
    assert!(told(&effects).is_empty(), "nothing new");
    assert_eq!(wanted(&stage.crash_and_recover(Observation::Nothing)), [("delete", 7, 2)]);
    stage.register();
    stage.give(done(7, 2, Err("it is a mount point")));
    assert_eq!(wanted(&stage.order(delete(7, 3))), [("delete", 7, 3)], "asked anew");
    assert_eq!(told(&stage.give(done(7, 3, Ok(())))), [(7, 3, None)]);
    assert_eq!(stage.agent.volumes().len(), 0);
}

#[test]
fn a_restart_goes_on_with_what_was_under_way() {
    let mut stage = Stage::registered();
    for id in 1..=4 {
        ready(&mut stage, id);
    }
    stage.order(resize(2, 2, 50));
    stage.order(delete(3, 2));
    stage.order(make(5));
    let effects = stage.crash_and_recover(Observation::Nothing);
    assert_eq!(wanted(&effects), [("shrink", 2, 2), ("make", 5, 1), ("delete", 3, 2)]);
    assert_eq!(listed(&stage.connect()), [1, 2, 4], "what is there, and stays");
    // Nobody hears of it before the registration is answered; who asks then is told.
    assert!(told(&stage.give(done(2, 2, Ok(())))).is_empty());
    stage.order(crate::stage::registered_order());
    assert_eq!(told(&stage.order(resize(2, 2, 50))), [(2, 2, None)]);
    assert_eq!(told(&stage.give(done(5, 1, Ok(())))), [(5, 1, None)]);
}

#[test]
fn what_lost_its_directory_is_not_listed_and_comes_back_with_it() {
    let mut stage = Stage::registered();
    ready(&mut stage, 7);
    ready(&mut stage, 8);
    stage.disk.directories.remove(&volume(7));
    let effects = stage.crash_and_recover(Observation::Nothing);
    assert!(wanted(&effects).is_empty(), "it is never made anew");
    assert!(stage.agent.is_volume_missing(&volume(7)));
    assert_eq!(listed(&stage.register_whole()), [8]);
    assert!(refused(&stage.order(launch_of(user("t", &[7])))).contains("not found"));
    assert!(failure(&stage.order(make(7))).contains("not found"));
    assert!(failure(&stage.order(resize(7, 2, 200))).contains("not found"));
    stage.disk.directories.insert(volume(7));
    stage.crash_and_recover(Observation::Nothing);
    assert_eq!(listed(&stage.register_whole()), [7, 8]);
    assert_eq!(starts(&stage.order(launch_of(user("u", &[7])))), 1);
    // Of one that is to be deleted, it does not matter.
    stage.disk.directories.clear();
    stage.crash_and_recover(Observation::Nothing);
    stage.register();
    assert_eq!(wanted(&stage.order(delete(7, 2))), [("delete", 7, 2)]);
    assert_eq!(told(&stage.give(done(7, 2, Ok(())))), [(7, 2, None)]);
}

/// A directory without a row is not this agent's, whatever a master says.
#[test]
fn a_stranger_is_neither_used_nor_deleted() {
    let mut stage = Stage::registered();
    stage.disk.directories.insert(volume(7));
    stage.crash_and_recover(Observation::Nothing);
    assert_eq!(stage.agent.stranger_volumes().collect::<Vec<_>>(), [&volume(7)]);
    assert!(listed(&stage.register_whole()).is_empty());
    let effects = stage.order(make(7));
    assert!(wanted(&effects).is_empty());
    assert!(failure(&effects).contains("did not make"), "{effects:?}");
    assert!(refused(&stage.order(launch_of(user("t", &[7])))).contains("has no volume"));
    let effects = stage.order(delete(7, 2));
    assert!(wanted(&effects).is_empty());
    assert_eq!(told(&effects), [(7, 2, None)], "it has no such volume");
}

#[test]
fn a_volume_for_one_has_one_user_or_those_of_one_group() {
    let mut stage = Stage::registered();
    ready(&mut stage, 7);
    let container = container_of(&stage.order(launch_of(user("a", &[7]))));
    stage.give(Input::ContainerStarted { container });
    assert!(refused(&stage.order(launch_of(user("b", &[7])))).contains("for one"));
    exit(&mut stage, "a");
    let group = |id: &str, volumes: &[u64]| {
        let member = |(name, part): (&str, Part)| Member {
            part,
            task: *user(&format!("{id}-{name}"), volumes),
        };
        let members = [("i", Part::Init), ("m", Part::Main)].map(member).into();
        let id = id.parse().expect("an id");
        let group = Box::new(TaskGroup { id, members, on_failure: OnFailure::default() });
        Order::LaunchGroup { framework: key("t").framework, owner: None, group }
    };
    assert_eq!(starts(&stage.order(group("g", &[7]))), 1, "its init task");
    assert!(refused(&stage.order(group("h", &[7]))).contains("for one"));
    assert!(refused(&stage.order(launch_of(user("c", &[7])))).contains("for one"));
    exit(&mut stage, "g-i");
    stage.order(delete(7, 2));
    assert_eq!(wanted(&exit(&mut stage, "g-m")), [("delete", 7, 2)], "the group has ended");
    let effects = stage.order(group("k", &[9]));
    assert!(refused(&effects).contains("has no volume"));
    assert_eq!(updates(&effects).len(), 2, "all of it");
    assert_eq!(stage.agent.promised(), &proto::model::Resources::new());
}

#[test]
fn what_is_launched_with_a_volume_that_is_being_made_comes_behind_it() {
    let mut stage = Stage::registered();
    stage.order(make(7));
    assert_eq!(starts(&stage.order(launch_of(user("t", &[7])))), 1, "effects are done in order");
    let mut task = user("u", &[7]);
    task.volumes[0].volume = VolumeRef::Made(0);
    let last = updates(&stage.order(launch_of(task))).pop().expect("an update");
    assert_eq!((last.state, last.reason), (TaskState::Error, StatusReason::TaskInvalid));
    // It is given up before it was made: what was wanted first is of no interest any more.
    stage.order(delete(7, 2));
    assert!(stage.give(done(7, 1, Ok(()))).is_empty());
    assert_eq!(wanted(&exit(&mut stage, "t")), [("delete", 7, 2)]);
    assert!(stage.give(done(7, 1, Ok(()))).is_empty(), "that is not the deletion");
}

#[test]
fn an_agent_has_so_many_volumes_and_no_more() {
    let mut stage = Stage::registered();
    let most = limits::VOLUMES_PER_AGENT_MAX as u64;
    for id in 1..=most {
        stage.order(make(id));
    }
    let effects = stage.order(make(most + 1));
    assert!(failure(&effects).contains("1000 volumes"), "{effects:?}");
    assert_eq!(stage.agent.volumes().len() as u64, most);
}
