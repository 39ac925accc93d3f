//! Tasks from the order to the end, without isolation and, for root, with.

use crate::kit::{self, eventually, expect, key, launch, master::Master, settings, shell, start};
use agent::{AgentSettings, IsolationChoice};
use proto::model::{Duration, Order, StatusReason, TaskState};
use std::path::Path;

async fn ends_as(
    choice: IsolationChoice,
    cases: &[(proto::model::TaskInfo, TaskState, StatusReason)],
) {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let mut settings = settings(&master, place.path());
    settings.isolation = choice;
    let agent = start(settings, &mut master).await;
    for (task, state, reason) in cases {
        master.order(launch(task.clone())).await;
        let mut update = master.update().await;
        if update.status.state == TaskState::Running {
            master.commit(&update).await;
            update = master.update().await;
        }
        let found = (update.status.state, update.status.reason);
        assert_eq!(found, (*state, *reason), "{}: {update:?}", task.id);
        master.commit(&update).await;
    }
    eventually("everything is tidied up", || is_empty(&place.path().join("run"))).await;
    agent.stop().await.expect("an orderly end");
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

fn cases() -> Vec<(proto::model::TaskInfo, TaskState, StatusReason)> {
    use {StatusReason as Why, TaskState as State};
    let mut user = shell("user", "true");
    user.command.user = "nobody-has-this-name".to_owned();
    let mut greedy = shell("greedy", "true");
    greedy.resources = proto::model::Resources::cpus_mem(100_000, 1);
    vec![
        (kit::command("true", &["true"]), State::Finished, Why::None),
        (shell("three", "exit 3"), State::Failed, Why::CommandExited),
        (shell("signal", "kill -KILL $$"), State::Failed, Why::CommandSignaled),
        (kit::command("missing", &["/no/such/program"]), State::Failed, Why::CommandNotFound),
        (
            kit::command("not-executable", &["/etc/passwd"]),
            State::Failed,
            Why::CommandNotExecutable,
        ),
        (user, State::Error, Why::TaskInvalid),
        (greedy, State::Dropped, Why::AgentCapacity),
    ]
}

#[tokio::test]
async fn every_kind_of_end_without_isolation() {
    ends_as(IsolationChoice::None, &cases()).await;
}

#[tokio::test]
async fn every_kind_of_end_with_full_isolation() {
    if !kit::full_isolation("every_kind_of_end_with_full_isolation") {
        return;
    }
    let mut cases = cases();
    // 32 MiB are allowed; the shell holds what it reads in memory.
    let hungry = "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}";
    let reason = StatusReason::ContainerLimitationMemory;
    cases.push((shell("hungry", hungry), TaskState::Failed, reason));
    ends_as(IsolationChoice::Full, &cases).await;
}

#[tokio::test]
async fn a_task_knows_who_it_is_and_leaves_its_output() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let agent = start(settings(&master, place.path()), &mut master).await;
    let line = "echo $BOURSE_TASK_ID $BOURSE_FRAMEWORK_ID $BOURSE_AGENT_ID; pwd; echo err >&2";
    master.order(launch(shell("who", line))).await;
    expect(&mut master, TaskState::Running).await;
    expect(&mut master, TaskState::Finished).await;
    let sandbox = kit::sandbox(place.path(), "who");
    let stdout = std::fs::read_to_string(sandbox.join("stdout")).expect("output");
    let here = sandbox.canonicalize().expect("a path");
    assert_eq!(stdout, format!("who framework-7 {}\n{}\n", kit::AGENT, here.display()));
    let stderr = std::fs::read_to_string(sandbox.join("stderr")).expect("output");
    assert_eq!(stderr, "err\n");
    agent.stop().await.expect("an orderly end");
}

async fn kills(configure: impl Fn(&mut AgentSettings)) {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let mut settings = settings(&master, place.path());
    configure(&mut settings);
    let agent = start(settings, &mut master).await;
    let reason = StatusReason::KilledByFramework;
    // One goes when it is told to, the other has to be made to.
    let stubborn = "trap '' TERM; echo ready > ready; while :; do sleep 0.05; done";
    for (id, line) in [("gentle", "exec sleep 600"), ("stubborn", stubborn)] {
        master.order(launch(shell(id, line))).await;
        expect(&mut master, TaskState::Running).await;
        let grace_period = Some(Duration(300));
        master.order(Order::Kill { key: key(id), grace_period, reason }).await;
        let update = expect(&mut master, TaskState::Killed).await;
        assert_eq!(update.status.reason, reason);
    }
    // Killed before it could run: the launch and the kill come together.
    master.order(launch(shell("early", "sleep 600"))).await;
    master.order(Order::Kill { key: key("early"), grace_period: None, reason }).await;
    let update = expect(&mut master, TaskState::Killed).await;
    assert_eq!(update.status.sequence, 1, "RUNNING is not said after a kill");
    master.order(Order::Kill { key: key("never"), grace_period: None, reason }).await;
    expect(&mut master, TaskState::Gone).await;
    agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn kills_are_obeyed_without_isolation() {
    kills(|_| {}).await;
}

#[tokio::test]
async fn kills_are_obeyed_with_full_isolation() {
    if kit::full_isolation("kills_are_obeyed_with_full_isolation") {
        kills(|settings| settings.isolation = IsolationChoice::Full).await;
    }
}

#[tokio::test]
async fn emulated_tasks_need_no_processes() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let mut settings = settings(&master, place.path());
    settings.isolation = IsolationChoice::Emulated(std::time::Duration::ZERO);
    settings.jail_program = Some("/no/such/jail".into());
    let agent = start(settings, &mut master).await;
    for index in 0..50 {
        master.order(launch(shell(&format!("t{index}"), "true"))).await;
        expect(&mut master, TaskState::Running).await;
        expect(&mut master, TaskState::Finished).await;
    }
    agent.stop().await.expect("an orderly end");
}
