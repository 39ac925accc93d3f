//! What every test needs: a master that does as it is told, a jail, and patience with a deadline.

pub(crate) mod jail_program;
pub(crate) mod master;

use agent::{AgentHandle, AgentSettings, IsolationChoice, Security};
use master::{Master, Update};
use proto::model::{
    Command, Duration, FrameworkId, Order, Resources, TaskInfo, TaskKey, TaskState,
};
use std::{
    path::{Path, PathBuf},
    time,
};

pub(crate) const PATIENCE: time::Duration = time::Duration::from_secs(30);
pub(crate) const AGENT: &str = "agent-under-test";
/// Whose all tasks are.
pub(crate) const OWNER: &str = "nightly";

/// Settings for an agent of this master.
pub(crate) fn settings(master: &Master, data_dir: &Path) -> AgentSettings {
    let masters = vec![master.address().to_string()];
    let mut settings = AgentSettings::new(masters, data_dir.to_owned(), Security::Insecure)
        .expect("settings for this host");
    settings.agent_id = Some(AGENT.parse().expect("an id"));
    settings.resources = Resources::cpus_mem(4_000, 512);
    settings.isolation = IsolationChoice::None;
    settings.jail_program = Some(jail_program::path());
    settings
}

pub(crate) fn key(task: &str) -> TaskKey {
    TaskKey { framework: FrameworkId(7), task: task.parse().expect("an id") }
}

/// A task that runs a line of shell.
pub(crate) fn shell(id: &str, line: &str) -> TaskInfo {
    command(id, &["sh", "-c", line])
}

pub(crate) fn command(id: &str, arguments: &[&str]) -> TaskInfo {
    let command = Command {
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        ..Command::default()
    };
    let (id, agent) = (id.parse().expect("an id"), AGENT.parse().expect("an id"));
    let mut task = TaskInfo::new(id, agent, Resources::cpus_mem(100, 32), command);
    task.kill_policy.grace_period = Some(Duration(2_000));
    task
}

pub(crate) fn launch(task: TaskInfo) -> Order {
    let owner = Some(OWNER.parse().expect("an id"));
    Order::Launch { framework: FrameworkId(7), owner, task: Box::new(task) }
}

/// The one sandbox of a task.
pub(crate) fn sandbox(data_dir: &Path, task: &str) -> PathBuf {
    let task = data_dir.join("sandboxes/framework-7").join(task);
    let entries = std::fs::read_dir(task).expect("a task's directory");
    let mut paths = entries.map(|entry| entry.expect("an entry").path());
    paths.find(|path| path.is_dir()).expect("a sandbox")
}

/// Starts an agent and waits until the master has registered it.
pub(crate) async fn start(settings: AgentSettings, master: &mut Master) -> AgentHandle {
    let agent = agent::start(settings).await.expect("the agent starts");
    master.registration().await;
    agent
}

/// The next update, which must be in this state, is committed.
pub(crate) async fn expect(master: &mut Master, state: TaskState) -> Update {
    let update = master.update().await;
    assert_eq!(update.status.state, state, "{update:?}");
    master.commit(&update).await;
    update
}

/// Waits until a condition holds.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(time::Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(time::Duration::from_millis(10)).await;
    }
}

/// Whether tests with full isolation can run here; says why not.
pub(crate) fn full_isolation(test: &str) -> bool {
    if nix::unistd::geteuid().is_root() {
        return true;
    }
    assert!(std::env::var_os("BOURSE_TEST_STRICT").is_none(), "{test} needs root");
    println!("SKIPPED {test}: needs root");
    false
}
