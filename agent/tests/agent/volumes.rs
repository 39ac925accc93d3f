//! Volumes of a whole agent: made, used by tasks, measured, deleted; and what becomes of them when
//! the agent ends in the midst of it.

use crate::{
    kit::{self, eventually, expect, launch, master::Master, sandbox, settings, shell, start},
    sandbox::client,
};
use agent::{AgentHandle, AgentSettings, IsolationChoice};
use proto::{
    convert::refusal::from_status,
    model::{
        Milli, Order, StatusReason, TaskInfo, TaskState, TaskStatus, VolumeAction, VolumeKey,
        VolumeMount, VolumeRef, VolumeReport,
    },
    wire::v1,
};
use std::path::{Path, PathBuf};

/// An agent and its master.
struct Stage {
    place: tempfile::TempDir,
    master: Master,
    settings: AgentSettings,
    agent: AgentHandle,
}

impl Stage {
    async fn start(isolation: IsolationChoice) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        // Whoever a task runs as must be able to pass through.
        let passable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(place.path(), passable).expect("it is ours");
        let mut master = Master::start().await;
        let mut settings = settings(&master, &place.path().join("agent"));
        settings.isolation = isolation;
        settings.listen = Some(([127, 0, 0, 1], 0).into());
        let agent = start(settings.clone(), &mut master).await;
        Self { place, master, settings, agent }
    }

    /// Ends the agent, does something behind its back, and starts it again. The answer is what it
    /// then says that it has.
    async fn restart_after(mut self, meanwhile: impl FnOnce(&Path)) -> (Self, Vec<VolumeKey>) {
        self.agent.stop().await.expect("an orderly end");
        meanwhile(&self.settings.data_dir);
        self.agent = agent::start(self.settings.clone()).await.expect("the agent starts");
        let volumes = self.master.registration().await.volumes;
        (self, volumes)
    }

    /// Orders something of a volume and waits for what becomes of it.
    async fn order(&mut self, id: u64, version: u64, action: VolumeAction) -> Option<String> {
        let key = key(id);
        self.master.order(Order::Volume { key, version, action }).await;
        let VolumeReport { key: of, version: at, failed } = self.master.report().await;
        assert_eq!((of, at), (key, version));
        failed
    }

    async fn make(&mut self, id: u64) {
        assert_eq!(self.order(id, 1, make()).await, None);
    }

    /// The next state of a task. What is said again of others, whose commits were not written down
    /// before the agent ended, is committed again.
    async fn state_of(&mut self, id: &str) -> TaskStatus {
        loop {
            let update = self.master.update().await;
            self.master.commit(&update).await;
            if update.status.task.as_str() == id {
                return update.status;
            }
        }
    }

    /// Runs a task to its end.
    async fn run(&mut self, task: TaskInfo) -> String {
        let id = task.id.clone();
        self.master.order(launch(task)).await;
        let states = [self.state_of(id.as_str()).await, self.state_of(id.as_str()).await];
        let states = states.map(|status| (status.state, status.message));
        assert_eq!(states.each_ref().map(|(state, _)| *state), ENDED_WELL, "{states:?}");
        let stdout = sandbox(&self.settings.data_dir, id.as_str()).join("stdout");
        std::fs::read_to_string(stdout).expect("it was written")
    }

    fn path(&self, path: &str) -> PathBuf {
        self.settings.data_dir.join("volumes").join(path)
    }
}

const ENDED_WELL: [TaskState; 2] = [TaskState::Running, TaskState::Finished];

fn key(id: u64) -> VolumeKey {
    format!("volume-{id}.3").parse().expect("a key")
}

fn make() -> VolumeAction {
    VolumeAction::Make {
        role: "db".parse().expect("a role"),
        name: "data".parse().expect("a name"),
        size: Milli(8_000),
        shared: false,
    }
}

fn mount(id: u64, path: &str, read_only: bool) -> VolumeMount {
    let volume = VolumeRef::Known(key(id).id);
    VolumeMount { volume, path: path.to_owned(), read_only, incarnation: 3 }
}

fn with(mounts: Vec<VolumeMount>, task: TaskInfo) -> TaskInfo {
    TaskInfo { volumes: mounts, ..task }
}

async fn data_outlive_tasks_and_agents(isolation: IsolationChoice) {
    let mut stage = Stage::start(isolation).await;
    // One after the other: the task finds what was ordered before it.
    stage.master.order(Order::Volume { key: key(1), version: 1, action: make() }).await;
    let writer = shell("writer", "echo kept > in/side/file");
    stage.run(with(vec![mount(1, "in/side", false)], writer)).await;
    assert_eq!(stage.master.report().await.failed, None);
    let (mut stage, volumes) = stage.restart_after(|_| {}).await;
    assert_eq!(volumes, [key(1)]);
    let reader = shell("reader", "cat data/file");
    let text = stage.run(with(vec![mount(1, "data", false)], reader)).await;
    assert_eq!(text, "kept\n");
    // The leader that has missed everything hears it from the row.
    assert_eq!(stage.order(1, 1, make()).await, None);
    assert!(stage.path("volume-1.3/data/file").exists());
    assert_eq!(stage.order(1, 2, VolumeAction::Delete).await, None);
    assert!(!stage.path("volume-1.3").exists());
    assert_eq!(stage.order(1, 2, VolumeAction::Delete).await, None, "again is as good");
    assert!(sandbox(&stage.settings.data_dir, "reader").join("stdout").exists());
    let (stage, volumes) = stage.restart_after(|_| {}).await;
    assert!(volumes.is_empty());
    stage.agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn data_outlive_tasks_and_agents_without_isolation() {
    data_outlive_tasks_and_agents(IsolationChoice::None).await;
}

#[tokio::test]
async fn data_outlive_tasks_and_agents_with_full_isolation() {
    if kit::full_isolation("data_outlive_tasks_and_agents_with_full_isolation") {
        data_outlive_tasks_and_agents(IsolationChoice::Full).await;
    }
}

/// What is read of a task's sandbox by operators: the names, and whether a file can be had.
async fn read(stage: &Stage, task: &str, directory: &str, file: &str) -> (Vec<String>, bool) {
    let address = stage.agent.listen_address().expect("it listens");
    let mut client = client(address).await;
    let (framework_id, task_id) = ("framework-7".to_owned(), task.to_owned());
    let list = v1::ListFilesRequest {
        framework_id: framework_id.clone(),
        task_id: task_id.clone(),
        path: directory.to_owned(),
    };
    let names = match client.list_files(list).await {
        Ok(list) => list.into_inner().entries.into_iter().map(|entry| entry.name).collect(),
        Err(status) => vec![from_status(&status).message],
    };
    let path = file.to_owned();
    let read = v1::ReadFileRequest { framework_id, task_id, path, offset_bytes: 0, follow: false };
    (names, client.read_file(read).await.is_ok())
}

#[tokio::test]
async fn a_volume_is_not_of_the_sandbox() {
    for isolation in [IsolationChoice::None, IsolationChoice::Full] {
        if isolation == IsolationChoice::Full
            && !kit::full_isolation("a_volume_is_not_of_the_sandbox")
        {
            return;
        }
        let mut stage = Stage::start(isolation).await;
        stage.make(1).await;
        let line = "echo secret > data/file; until [ -e go ]; do sleep 0.02; done; cat data/file";
        stage.master.order(launch(with(vec![mount(1, "data", false)], shell("t", line)))).await;
        expect(&mut stage.master, TaskState::Running).await;
        let file = stage.path("volume-1.3/data/file");
        eventually("the task writes", || file.exists()).await;
        let (names, is_readable) = read(&stage, "t", "data", "data/file").await;
        assert!(!is_readable);
        match isolation {
            // The place, in which nothing is mounted for anybody but the task.
            IsolationChoice::Full => assert!(names.is_empty(), "{names:?}"),
            _ => assert!(names[0].contains("leads out of the sandbox"), "{names:?}"),
        }
        let sandbox = sandbox(&stage.settings.data_dir, "t");
        std::fs::write(sandbox.join("go"), "").expect("a file");
        expect(&mut stage.master, TaskState::Finished).await;
        stage.agent.stop().await.expect("an orderly end");
        // Whoever tidies up, the agent or a person.
        std::fs::remove_dir_all(sandbox).expect("it is ours");
        assert!(file.exists());
    }
}

#[tokio::test]
async fn read_only_is_kept_or_refused() {
    let mut stage = Stage::start(IsolationChoice::None).await;
    stage.make(1).await;
    stage.master.order(launch(with(vec![mount(1, "data", true)], shell("t", "true")))).await;
    let update = expect(&mut stage.master, TaskState::Error).await;
    assert_eq!(update.status.reason, StatusReason::TaskInvalid);
    assert!(update.status.message.contains("volume-1 cannot be kept"), "{update:?}");
    stage.agent.stop().await.expect("an orderly end");
    if !kit::full_isolation("read_only_is_kept_or_refused") {
        return;
    }
    let mut stage = Stage::start(IsolationChoice::Full).await;
    stage.make(1).await;
    let fill = shell("fill", "echo filled > data/file");
    stage.run(with(vec![mount(1, "data", false)], fill)).await;
    let line = "cat data/file; touch data/new 2>/dev/null || echo refused";
    let text = stage.run(with(vec![mount(1, "data", true)], shell("read", line))).await;
    assert_eq!(text, "filled\nrefused\n");
    assert!(!stage.path("volume-1.3/data/new").exists());
    stage.agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn data_belong_to_the_user_of_the_first_task() {
    if !kit::full_isolation("data_belong_to_the_user_of_the_first_task") {
        return;
    }
    let mut stage = Stage::start(IsolationChoice::Full).await;
    stage.make(1).await;
    let task = |id: &str, user: &str, line: &str| {
        let mut task = with(vec![mount(1, "data", false)], shell(id, line));
        task.command.user = user.to_owned();
        task
    };
    let first = task("first", "nobody", "id -un; echo mine > data/file; stat -c %U data");
    let second = task("second", "daemon", "id -un; cat data/file 2>/dev/null || echo refused");
    assert_eq!(stage.run(first).await, "nobody\nnobody\n");
    assert_eq!(stage.run(second).await, "daemon\nrefused\n");
    stage.agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn it_shrinks_to_no_less_than_is_used() {
    let mut stage = Stage::start(IsolationChoice::None).await;
    stage.make(1).await;
    let line = "head -c 3145728 /dev/zero > data/large; sync data/large";
    stage.run(with(vec![mount(1, "data", false)], shell("t", line))).await;
    let failed = stage.order(1, 2, VolumeAction::Resize(Milli(2_000))).await;
    assert_eq!(failed.as_deref(), Some("more than 2 MiB are used"));
    assert_eq!(stage.order(1, 3, VolumeAction::Resize(Milli(4_000))).await, None);
    assert_eq!(stage.order(1, 4, VolumeAction::Resize(Milli(9_000_000))).await, None);
    stage.agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn a_volume_goes_when_its_last_task_has_ended() {
    let mut stage = Stage::start(IsolationChoice::None).await;
    stage.make(1).await;
    let line = "until [ -e go ]; do sleep 0.02; done; cat data/file";
    std::fs::write(stage.path("volume-1.3/data/file"), "there").expect("a file");
    stage.master.order(launch(with(vec![mount(1, "data", false)], shell("t", line)))).await;
    expect(&mut stage.master, TaskState::Running).await;
    let delete = Order::Volume { key: key(1), version: 2, action: VolumeAction::Delete };
    stage.master.order(delete.clone()).await;
    // Whoever wants it now is too late.
    stage.master.order(launch(with(vec![mount(1, "data", false)], shell("late", "true")))).await;
    let update = expect(&mut stage.master, TaskState::Dropped).await;
    assert_eq!(update.status.reason, StatusReason::VolumeUnavailable);
    // Also in the next life.
    let (mut stage, volumes) = stage.restart_after(|_| {}).await;
    assert!(volumes.is_empty(), "it is not offered any more");
    assert!(stage.path("volume-1.3/data/file").exists());
    // As after each registration: what has ended before it was heard by nobody.
    stage.master.order(delete).await;
    let sandbox = sandbox(&stage.settings.data_dir, "t");
    std::fs::write(sandbox.join("go"), "").expect("a file");
    assert_eq!(stage.master.report().await.failed, None);
    assert!(!stage.path("volume-1.3").exists());
    assert_eq!(std::fs::read_to_string(sandbox.join("stdout")).expect("a file"), "there");
    stage.agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn a_volume_that_is_lost_is_not_made_anew() {
    let mut stage = Stage::start(IsolationChoice::None).await;
    stage.make(1).await;
    std::fs::write(stage.path("volume-1.3/data/file"), "kept").expect("a file");
    let away = stage.place.path().join("away");
    let (mut stage, volumes) = stage
        .restart_after(|data| std::fs::rename(data.join("volumes"), &away).expect("renamed"))
        .await;
    assert!(volumes.is_empty());
    let failed = stage.order(1, 1, make()).await;
    assert_eq!(failed.as_deref(), Some("its data were not found"));
    assert!(!stage.path("volume-1.3").exists());
    let task = shell("t", "true");
    stage.master.order(launch(with(vec![mount(1, "data", false)], task))).await;
    let update = expect(&mut stage.master, TaskState::Dropped).await;
    assert_eq!(update.status.reason, StatusReason::VolumeUnavailable);
    // The disk is back.
    let away = stage.place.path().join("away");
    let (mut stage, volumes) = stage
        .restart_after(|data| {
            std::fs::remove_dir_all(data.join("volumes")).expect("it is empty");
            std::fs::rename(&away, data.join("volumes")).expect("renamed");
        })
        .await;
    assert_eq!(volumes, [key(1)]);
    let reader = with(vec![mount(1, "data", false)], shell("reader", "cat data/file"));
    assert_eq!(stage.run(reader).await, "kept");
    stage.agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn what_no_journal_knows_is_left_alone() {
    let mut stage = Stage::start(IsolationChoice::None).await;
    stage.make(1).await;
    std::fs::write(stage.path("volume-1.3/data/file"), "kept").expect("a file");
    let (mut stage, volumes) = stage
        .restart_after(|data| std::fs::remove_file(data.join("journal.redb")).expect("lost"))
        .await;
    assert!(volumes.is_empty());
    let failed = stage.order(1, 1, make()).await.expect("it is not this agent's");
    assert!(failed.contains("did not make"), "{failed}");
    assert_eq!(stage.order(1, 2, VolumeAction::Delete).await, None, "there is no such volume");
    let (stage, _) = stage.restart_after(|_| {}).await;
    let text = std::fs::read_to_string(stage.path("volume-1.3/data/file")).expect("a file");
    assert_eq!(text, "kept");
    stage.agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn emulated_tasks_have_volumes_too() {
    let mut stage = Stage::start(IsolationChoice::Emulated(std::time::Duration::ZERO)).await;
    stage.make(1).await;
    let task = with(vec![mount(1, "data", true)], shell("t", "true"));
    stage.master.order(launch(task)).await;
    expect(&mut stage.master, TaskState::Running).await;
    expect(&mut stage.master, TaskState::Finished).await;
    assert_eq!(stage.order(1, 2, VolumeAction::Delete).await, None);
    assert!(!stage.path("volume-1.3").exists());
    stage.agent.stop().await.expect("an orderly end");
}
