//! Reading sandboxes over the agent's own listener, and what else is there.

use crate::kit::{expect, key, launch, master::Master, sandbox, settings, shell, start};
use proto::{
    convert::refusal::from_status,
    model::{Order, Reason, StatusReason, TaskState},
    wire::v1::{self, sandbox_client::SandboxClient},
};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::transport::{Channel, Endpoint};

pub(crate) async fn client(address: SocketAddr) -> SandboxClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    SandboxClient::new(endpoint.connect().await.expect("connects"))
}

fn read(path: &str, follow: bool) -> v1::ReadFileRequest {
    v1::ReadFileRequest {
        framework_id: "framework-7".to_owned(),
        task_id: "t".to_owned(),
        path: path.to_owned(),
        offset_bytes: 0,
        follow,
    }
}

#[tokio::test]
async fn output_is_followed_until_the_task_has_ended() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let mut settings = settings(&master, place.path());
    settings.listen = Some(([127, 0, 0, 1], 0).into());
    let agent = agent::start(settings).await.expect("the agent starts");
    let address = agent.listen_address().expect("it listens");
    assert_eq!(master.registration().await.info.address, address.to_string());
    let line = "echo one; until [ -e go ]; do sleep 0.02; done; echo two";
    master.order(launch(shell("t", line))).await;
    expect(&mut master, TaskState::Running).await;

    let mut client = client(address).await;
    let stream = client.read_file(read("stdout", true)).await.expect("a stream");
    let mut stream = stream.into_inner();
    let first = stream.message().await.expect("goes well").expect("a chunk");
    assert_eq!((first.offset_bytes, first.data.as_slice()), (0, &b"one\n"[..]));
    std::fs::write(sandbox(place.path(), "t").join("go"), "").expect("a file");
    let second = stream.message().await.expect("goes well").expect("a chunk");
    assert_eq!((second.offset_bytes, second.data.as_slice()), (4, &b"two\n"[..]));
    expect(&mut master, TaskState::Finished).await;
    assert_eq!(stream.message().await.expect("goes well"), None, "it ends with the task");

    let list = v1::ListFilesRequest {
        framework_id: "framework-7".to_owned(),
        task_id: "t".to_owned(),
        path: String::new(),
    };
    let list = client.list_files(list).await.expect("a listing").into_inner();
    let names: Vec<&str> = list.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["go", "stderr", "stdout"]);
    for path in ["../../../../journal.redb", "/etc/passwd", "missing"] {
        let status = client.read_file(read(path, false)).await.expect_err(path);
        let refusal = from_status(&status);
        assert_eq!((refusal.reason, refusal.field.as_str()), (Reason::InvalidField, "path"));
    }
    let unknown = v1::ReadFileRequest { task_id: "other".to_owned(), ..read("stdout", false) };
    let status = client.read_file(unknown).await.expect_err("no such task");
    assert_eq!(from_status(&status).reason, Reason::TaskUnknown);
    agent.stop().await.expect("an orderly end");
}

/// A follower that never hangs up does not keep the agent from ending.
#[tokio::test]
async fn a_reader_does_not_hold_the_agent() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let mut settings = settings(&master, place.path());
    settings.listen = Some(([127, 0, 0, 1], 0).into());
    let agent = start(settings.clone(), &mut master).await;
    let address = agent.listen_address().expect("it listens");
    master.order(launch(shell("t", "exec sleep 600"))).await;
    expect(&mut master, TaskState::Running).await;
    let mut client = client(address).await;
    let stream = client.read_file(read("stdout", true)).await.expect("a stream");
    agent.stop().await.expect("an orderly end");
    drop(stream);
    // Another agent ends what this one left.
    let agent = start(settings, &mut master).await;
    let reason = StatusReason::KilledByOperator;
    master.order(Order::Kill { key: key("t"), grace_period: None, reason }).await;
    while master.update().await.status.state != TaskState::Killed {}
    agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn metrics_are_a_page_of_text() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let mut settings = settings(&master, place.path());
    settings.metrics_listen = Some(([127, 0, 0, 1], 0).into());
    let agent = start(settings, &mut master).await;
    let address = agent.metrics_address().expect("it listens");
    master.order(launch(shell("t", "true"))).await;
    expect(&mut master, TaskState::Running).await;
    expect(&mut master, TaskState::Finished).await;
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("connects");
    let request = "GET /metrics HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("is sent");
    let mut page = String::new();
    stream.read_to_string(&mut page).await.expect("is read");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    for name in [
        "bourse_agent_tasks{state=\"TASK_RUNNING\"}",
        "bourse_agent_container_launch_seconds_bucket",
        "bourse_agent_journal_commit_seconds_count",
        "bourse_agent_connected",
        "bourse_agent_updates_pending",
    ] {
        assert!(page.contains(name), "{name} is missing from {page}");
    }
    agent.stop().await.expect("an orderly end");
}
