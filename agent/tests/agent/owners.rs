//! Sandboxes are read by operators and by those whose tasks they were; to others there are none.

use crate::{
    kit::{self, OWNER, expect, launch, master::Master, settings, shell},
    tls::Authority,
};
use agent::{AgentHandle, AgentSettings, MASTER_DNS_NAME};
use proto::{
    convert::refusal::from_status,
    model::{FrameworkId, Order, Reason, Refusal, TaskInfo, TaskState},
    wire::v1,
};
use std::path::Path;

/// An agent with certificates and a master that knows it.
struct Stage {
    authority: Authority,
    master: Master,
    settings: AgentSettings,
    agent: AgentHandle,
}

impl Stage {
    async fn start(place: &Path) -> Self {
        let authority = Authority::new();
        let mut master = Master::with_tls(authority.master(MASTER_DNS_NAME)).await;
        let mut settings = settings(&master, &place.join("data"));
        settings.security = authority.agent(place, &format!("spiffe://test/agent/{}", kit::AGENT));
        settings.listen = Some(([127, 0, 0, 1], 0).into());
        let agent = kit::start(settings.clone(), &mut master).await;
        Self { authority, master, settings, agent }
    }

    async fn restart(mut self) -> Self {
        self.agent.stop().await.expect("an orderly end");
        self.agent = kit::start(self.settings.clone(), &mut self.master).await;
        self
    }

    /// Reads standard output and lists the sandbox; both must go well, or neither.
    async fn read(&self, who: &str, framework: u64, task: &str) -> Result<String, Refusal> {
        let address = self.agent.listen_address().expect("it listens");
        let mut client = self.authority.reader(address, &format!("spiffe://test/{who}"));
        let (framework_id, task_id) = (format!("framework-{framework}"), task.to_owned());
        let list = v1::ListFilesRequest {
            framework_id: framework_id.clone(),
            task_id: task_id.clone(),
            path: String::new(),
        };
        let path = "stdout".to_owned();
        let read =
            v1::ReadFileRequest { framework_id, task_id, path, offset_bytes: 0, follow: false };
        let listed = client.list_files(list).await.map_err(|status| from_status(&status));
        match client.read_file(read).await {
            Ok(stream) => {
                let names = listed.expect("what can be read can be listed").into_inner().entries;
                assert!(names.iter().any(|entry| entry.name == "stdout"), "{names:?}");
                let chunk = stream.into_inner().message().await.expect("goes well");
                let data = chunk.map(|chunk| chunk.data).unwrap_or_default();
                Ok(String::from_utf8(data).expect("text"))
            }
            Err(status) => {
                let refusal = from_status(&status);
                let listed = listed.expect_err("refused as well");
                assert_eq!((listed.reason, &listed.field), (refusal.reason, &refusal.field));
                Err(refusal)
            }
        }
    }

    /// Operators read the task, and its owner does if it has one, and nobody else learns anything.
    async fn only_the_right_ones_read(&self, task: &str, owner: Option<&str>) {
        let text = format!("{task}\n");
        assert_eq!(self.read("operator/ann", 7, task).await.as_deref(), Ok(&*text));
        for who in [OWNER, "another", "nightly.2", "ann"] {
            let framework = format!("framework/{who}");
            let answer = self.read(&framework, 7, task).await;
            if owner == Some(who) {
                assert_eq!(answer.as_deref(), Ok(&*text), "{who}");
                continue;
            }
            let refusal = answer.expect_err(who);
            assert_eq!((refusal.reason, &*refusal.field), (Reason::TaskUnknown, "task_id"));
            for (framework_number, task) in [(7, "never"), (8, task), (8, "never")] {
                let never = self.read(&framework, framework_number, task).await;
                assert_eq!(never.expect_err(who), refusal, "no answer tells what there is");
            }
        }
        for who in ["agent/another", "agent/nightly", "master/1"] {
            let refusal = self.read(who, 7, task).await.expect_err(who);
            assert_eq!(refusal.reason, Reason::NotAuthorized, "{who}");
        }
    }
}

/// Of a master that does not say whose the task is.
fn launch_of_nobody(task: TaskInfo) -> Order {
    Order::Launch { framework: FrameworkId(7), owner: None, task: Box::new(task) }
}

#[tokio::test]
async fn an_owner_reads_what_is_its_own_in_every_life_of_the_agent() {
    let place = tempfile::tempdir().expect("a directory");
    let mut stage = Stage::start(place.path()).await;
    let go = place.path().join("go");
    let line =
        |task: &str| format!("echo {task}; until [ -e {} ]; do sleep 0.02; done", go.display());
    stage.master.order(launch(shell("owned", &line("owned")))).await;
    expect(&mut stage.master, TaskState::Running).await;
    stage.master.order(launch_of_nobody(shell("nobodys", &line("nobodys")))).await;
    expect(&mut stage.master, TaskState::Running).await;
    let tasks = [("owned", Some(OWNER)), ("nobodys", None)];
    for (task, owner) in tasks {
        printed(place.path(), task).await;
        stage.only_the_right_ones_read(task, owner).await;
    }

    let mut stage = stage.restart().await;
    for (task, owner) in tasks {
        stage.only_the_right_ones_read(task, owner).await;
    }
    std::fs::write(&go, "").expect("a file");
    let mut ended = 0;
    while ended < 2 {
        let update = stage.master.update().await;
        stage.master.commit(&update).await;
        ended += usize::from(update.status.state == TaskState::Finished);
    }
    for (task, owner) in tasks {
        stage.only_the_right_ones_read(task, owner).await;
    }

    // The journal has forgotten them.
    let stage = stage.restart().await;
    for (task, owner) in tasks {
        stage.only_the_right_ones_read(task, owner).await;
    }
    stage.agent.stop().await.expect("an orderly end");
}

/// Waits until a task has written its line.
async fn printed(place: &Path, task: &str) {
    let path = kit::sandbox(&place.join("data"), task).join("stdout");
    let written = || std::fs::read(&path).is_ok_and(|text| !text.is_empty());
    kit::eventually("the task writes", written).await;
}
