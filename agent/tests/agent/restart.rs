//! The agent ends and comes back: tasks run on, nothing is forgotten, nothing runs twice.

use crate::kit::{
    self, eventually, expect, key, launch, master::Master, sandbox, settings, shell, start,
};
use agent::IsolationChoice;
use proto::model::{Order, StatusReason, TaskState};

async fn adoption(isolation: IsolationChoice) {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let settings = || {
        let mut settings = settings(&master, place.path());
        settings.isolation = isolation;
        settings
    };
    let (first, second) = (settings(), settings());
    let agent = start(first, &mut master).await;
    let line = "until [ -e go ]; do sleep 0.02; done; exit 42";
    for id in ["lives", "ends"] {
        master.order(launch(shell(id, line))).await;
        expect(&mut master, TaskState::Running).await;
    }
    agent.stop().await.expect("an orderly end");
    // This one ends while no agent is there; its record must say so.
    std::fs::write(sandbox(place.path(), "ends").join("go"), "").expect("a file");
    let run = place.path().join("run");
    let recorded = || {
        let containers = std::fs::read_dir(&run).expect("a directory");
        containers.filter_map(Result::ok).any(|entry| entry.path().join("exit.json").exists())
    };
    eventually("the supervisor records the end", recorded).await;

    let agent = agent::start(second).await.expect("the agent comes back");
    let registration = master.registration().await;
    let known: Vec<String> = registration.tasks.iter().map(|task| task.key.to_string()).collect();
    assert_eq!(known, ["framework-7/ends", "framework-7/lives"]);
    // A leader that missed it all orders the launch again: nothing must come of it.
    master.order(launch(shell("lives", line))).await;
    let mut ended = Vec::new();
    std::fs::write(sandbox(place.path(), "lives").join("go"), "").expect("a file");
    while ended.len() < 2 {
        let update = master.update().await;
        master.commit(&update).await;
        // A RUNNING whose commit was not written down may be said again.
        if update.status.state != TaskState::Running {
            let status = &update.status;
            assert_eq!((status.state, status.exit_code), (TaskState::Failed, Some(42)));
            assert_eq!(status.sequence, 2, "{status:?}");
            ended.push(status.task.to_string());
        }
    }
    ended.sort();
    assert_eq!(ended, ["ends", "lives"]);
    agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn containers_are_adopted_without_isolation() {
    adoption(IsolationChoice::None).await;
}

#[tokio::test]
async fn containers_are_adopted_with_full_isolation() {
    if kit::full_isolation("containers_are_adopted_with_full_isolation") {
        adoption(IsolationChoice::Full).await;
    }
}

#[tokio::test]
async fn an_adopted_container_can_be_killed() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let agent = start(settings(&master, place.path()), &mut master).await;
    master.order(launch(shell("t", "exec sleep 600"))).await;
    expect(&mut master, TaskState::Running).await;
    agent.stop().await.expect("an orderly end");
    let agent = start(settings(&master, place.path()), &mut master).await;
    let reason = StatusReason::KilledByOperator;
    master.order(Order::Kill { key: key("t"), grace_period: None, reason }).await;
    loop {
        let update = master.update().await;
        master.commit(&update).await;
        if update.status.state != TaskState::Running {
            assert_eq!((update.status.state, update.status.reason), (TaskState::Killed, reason));
            break;
        }
    }
    agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn unconfirmed_updates_are_sent_again_after_a_restart_and_after_a_reconnect() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let agent = start(settings(&master, place.path()), &mut master).await;
    master.order(launch(shell("t", "exit 1"))).await;
    let mut first = vec![master.update().await, master.update().await];
    agent.stop().await.expect("an orderly end");
    let agent = start(settings(&master, place.path()), &mut master).await;
    let again = vec![master.update().await, master.update().await];
    assert_eq!(again, first, "the same numbers say the same");
    // The master ends the stream; the agent comes back by itself.
    let refusal = proto::model::Refusal::new(proto::model::Reason::NotReady, "later");
    master.order(Order::Refused(refusal)).await;
    let registration = master.registration().await;
    assert_eq!(registration.tasks[0].sequence, 2);
    let again = vec![master.update().await, master.update().await];
    assert_eq!(again, first);
    master.commit(&first.remove(1)).await;
    // Orders are taken one after the other: when this one shows, the commit was taken.
    master.order(launch(shell("later", "exec sleep 600"))).await;
    expect(&mut master, TaskState::Running).await;
    agent.stop().await.expect("an orderly end");
    // Confirmed with the last one: forgotten.
    let agent = agent::start(settings(&master, place.path())).await.expect("the agent starts");
    let registration = master.registration().await;
    let known: Vec<_> = registration.tasks.iter().map(|task| task.key.task.as_str()).collect();
    assert_eq!(known, ["later"]);
    let grace_period = Some(proto::model::Duration(0));
    let reason = StatusReason::KilledByOperator;
    master.order(Order::Kill { key: key("later"), grace_period, reason }).await;
    loop {
        let update = master.update().await;
        assert_eq!(update.status.task.as_str(), "later", "nothing comes of the other");
        if update.status.state == TaskState::Killed {
            break;
        }
    }
    agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn a_container_that_no_journal_knows_is_destroyed() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let agent = agent::start(settings(&master, place.path())).await.expect("the agent starts");
    let before = master.registration().await;
    master.order(launch(shell("t", "exec sleep 600"))).await;
    expect(&mut master, TaskState::Running).await;
    agent.stop().await.expect("an orderly end");
    let container = std::fs::read_dir(place.path().join("run")).expect("a directory");
    let runtime = container.map(|entry| entry.expect("an entry").path()).next().expect("one");
    let record = jail::records::read_jail(&runtime).expect("a record").expect("is there");
    std::fs::remove_file(place.path().join("journal.redb")).expect("lost");
    let agent = agent::start(settings(&master, place.path())).await.expect("the agent starts");
    let after = master.registration().await;
    assert_ne!(before.incarnation, after.incarnation, "the master must learn that all is lost");
    assert!(after.tasks.is_empty());
    let gone = || !record.supervisor().is_running().expect("it can be looked at");
    eventually("the supervisor is gone", gone).await;
    eventually("its records are gone", || !runtime.exists()).await;
    agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn a_supervisor_that_is_killed_is_reported_as_lost() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let agent = start(settings(&master, place.path()), &mut master).await;
    master.order(launch(shell("t", "exec sleep 600"))).await;
    expect(&mut master, TaskState::Running).await;
    let mut containers = std::fs::read_dir(place.path().join("run")).expect("a directory");
    let runtime = containers.next().expect("one").expect("an entry").path();
    let record = jail::records::read_jail(&runtime).expect("a record").expect("is there");
    let supervisor = nix::unistd::Pid::from_raw(record.pid);
    nix::sys::signal::kill(supervisor, nix::sys::signal::Signal::SIGKILL).expect("our own child");
    let update = expect(&mut master, TaskState::Failed).await;
    assert_eq!(update.status.reason, StatusReason::SupervisorLost);
    let task = jail::process::ProcessId::of(record.container_pid).expect("can be looked at");
    let gone = || task.is_none_or(|task| !task.is_running().expect("can be looked at"));
    eventually("the task went with it", gone).await;
    agent.stop().await.expect("an orderly end");
}
