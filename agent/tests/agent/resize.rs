//! A task that runs gets other limits, keeps them over a restart of its agent, and keeps the old
//! ones when it holds more memory than it may have.

use crate::kit::{self, eventually, expect, key, launch, master::Master, settings, shell, start};
use agent::IsolationChoice;
use jail::cgroups::{Base, probe};
use proto::model::{Order, Resources, StatusReason, TaskState};
use std::path::{Path, PathBuf};

/// The one container's limit of memory, bytes, as the kernel has it.
fn memory_limit(data_dir: &Path) -> Option<u64> {
    let container = std::fs::read_dir(data_dir.join("run")).ok()?.next()?.ok()?.file_name();
    let layout = probe(Base::Root).or_else(|_| probe(Base::Own)).ok()?;
    let bases = layout.controllers.values().map(|hierarchy| hierarchy.base.join("bourse"));
    let parents = bases.filter_map(|base| std::fs::read_dir(base).ok()).flatten().flatten();
    let dirs: Vec<PathBuf> = parents.map(|parent| parent.path().join(&container)).collect();
    let text =
        |name: &str| dirs.iter().find_map(|dir| std::fs::read_to_string(dir.join(name)).ok());
    text("memory.limit_in_bytes").or_else(|| text("memory.max"))?.trim().parse().ok()
}

fn resize(mem_mib: i64, version: u64) -> Order {
    Order::Resize { key: key("t"), resources: Resources::cpus_mem(100, mem_mib), version }
}

#[tokio::test]
async fn limits_follow_the_size_of_a_task() {
    if !kit::full_isolation("limits_follow_the_size_of_a_task") {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let settings = |master: &Master| {
        let mut settings = settings(master, place.path());
        settings.isolation = IsolationChoice::Full;
        settings
    };
    let agent = start(settings(&master), &mut master).await;
    master.order(launch(shell("t", "exec sleep 600"))).await;
    expect(&mut master, TaskState::Running).await;
    assert_eq!(memory_limit(place.path()), Some(32 << 20));
    master.order(resize(128, 1)).await;
    let update = expect(&mut master, TaskState::Running).await;
    assert_eq!(update.status.reason, StatusReason::Resized, "{update:?}");
    assert_eq!(memory_limit(place.path()), Some(128 << 20));
    agent.stop().await.expect("an orderly end");

    let agent = start(settings(&master), &mut master).await;
    // Told again by a leader that has not heard: nothing is done twice, and nothing is lost.
    master.order(resize(128, 1)).await;
    master.order(resize(48, 2)).await;
    loop {
        let update = master.update().await;
        master.commit(&update).await;
        if update.status.sequence == 3 {
            assert_eq!(update.status.reason, StatusReason::Resized, "{update:?}");
            break;
        }
    }
    assert_eq!(memory_limit(place.path()), Some(48 << 20));
    let reason = StatusReason::KilledByFramework;
    let grace_period = Some(proto::model::Duration(0));
    master.order(Order::Kill { key: key("t"), grace_period, reason }).await;
    expect(&mut master, TaskState::Killed).await;
    eventually("nothing is left", || memory_limit(place.path()).is_none()).await;
    agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn memory_in_use_is_not_taken_away() {
    if !kit::full_isolation("memory_in_use_is_not_taken_away") {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let mut settings = settings(&master, place.path());
    settings.isolation = IsolationChoice::Full;
    let agent = start(settings, &mut master).await;
    let line =
        "held=$(head -c 33554432 /dev/zero | tr '\\0' x); touch ready; sleep 600; echo $held";
    let mut task = shell("t", line);
    task.resources = Resources::cpus_mem(100, 256);
    master.order(launch(task)).await;
    expect(&mut master, TaskState::Running).await;
    let ready = kit::sandbox(place.path(), "t").join("ready");
    eventually("it holds its memory", || ready.exists()).await;
    master.order(resize(8, 1)).await;
    let update = expect(&mut master, TaskState::Running).await;
    assert_eq!(update.status.reason, StatusReason::ResizeFailed, "{update:?}");
    assert!(update.status.message.contains("memory"), "{update:?}");
    assert_eq!(memory_limit(place.path()), Some(256 << 20));
    let reason = StatusReason::KilledByFramework;
    let grace_period = Some(proto::model::Duration(0));
    master.order(Order::Kill { key: key("t"), grace_period, reason }).await;
    expect(&mut master, TaskState::Killed).await;
    agent.stop().await.expect("an orderly end");
}
