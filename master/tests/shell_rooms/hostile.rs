//! What bad input gets: a typed error, and a master that goes on.

use crate::masters::{alone, connect, operator, refusal, serving};
use bytes::{Buf as _, BufMut as _};
use master::{Running, start};
use proto::{
    convert::refusal::from_status,
    model::{Reason, limits},
    wire::v1::{self, scheduler_client::SchedulerClient},
};
use rand_pcg::{Pcg32, rand_core::Rng as _};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time,
};
use tonic::{
    Code, IntoRequest as _, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes as they are, where a message should be.
#[derive(Debug, Default, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = usize;
    type Encoder = Raw;
    type Decoder = Raw;
    fn encoder(&mut self) -> Raw {
        Raw
    }
    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;
    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = usize;
    type Error = Status;
    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<usize>, Status> {
        let length = buffer.remaining();
        buffer.advance(length);
        Ok(Some(length))
    }
}

async fn lone() -> (tempfile::TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let master = start(alone(folder.path())).await.unwrap();
    serving(&master).await;
    (folder, master)
}

/// The state's digest; also the proof that the master still answers.
async fn digest(master: &Running) -> String {
    let cluster = operator(master).await.get_cluster(v1::GetClusterRequest {}).await;
    cluster.unwrap().into_inner().ledger_digest
}

fn random(generator: &mut Pcg32, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    generator.fill_bytes(&mut bytes);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn random_bytes_on_the_socket_cost_one_connection() {
    let (_folder, master) = lone().await;
    let before = digest(&master).await;
    let mut generator = Pcg32::new(7, 1);
    for round in 0..60 {
        let mut socket = TcpStream::connect(master.api_address).await.unwrap();
        let mut bytes = if round % 3 == 0 { Vec::new() } else { PREFACE.to_vec() };
        if round % 3 == 2 {
            // A well-formed frame's header with a random type, flags, stream and body.
            let body = random(&mut generator, 64);
            bytes.extend_from_slice(&[0, 0, 64]);
            bytes.extend(random(&mut generator, 6));
            bytes.extend(body);
        } else {
            bytes.extend(random(&mut generator, 1_000));
        }
        // The other side may close as soon as it has seen enough.
        let _ = socket.write_all(&bytes).await;
        let _ = socket.shutdown().await;
        let mut answer = Vec::new();
        let ended = time::timeout(Duration::from_secs(20), socket.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "round {round}: the connection was left open");
    }
    assert_eq!(digest(&master).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn random_messages_are_refused_by_every_call() {
    let (_folder, master) = lone().await;
    let before = digest(&master).await;
    let mut generator = Pcg32::new(11, 1);
    let channel = connect(master.api_address).await;
    for row in master::serve::authorization::TABLE {
        if !row.path.starts_with("/bourse.v1.") || row.path.starts_with("/bourse.v1.Peer/") {
            continue;
        }
        for length in [1, 7, 60, 4_000] {
            let mut client = Grpc::new(channel.clone());
            client.ready().await.unwrap();
            // The first byte is a field that no message has, of a wire type that does not exist.
            let mut bytes = random(&mut generator, length);
            bytes[0] = 0xff;
            let path = row.path.parse().unwrap();
            let answer = client.server_streaming(bytes.into_request(), path, Raw).await;
            // A stream may open and then end with the refusal.
            let refused = match answer {
                Err(status) => status,
                Ok(answer) => answer.into_inner().message().await.expect_err(row.path),
            };
            let found = from_status(&refused);
            assert_eq!(refused.code(), Code::InvalidArgument, "{}: {refused:?}", row.path);
            assert_eq!((found.reason, &*found.field), (Reason::InvalidField, "body"), "{found}");
        }
    }
    assert_eq!(digest(&master).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_refused_unread() {
    let (_folder, master) = lone().await;
    let before = digest(&master).await;
    let mut client = SchedulerClient::new(connect(master.api_address).await);
    let name = "x".repeat(limits::CALL_BYTES_MAX + 1);
    let framework = Some(v1::FrameworkInfo { name, ..v1::FrameworkInfo::default() });
    let request = v1::SubscribeRequest { framework, ..v1::SubscribeRequest::default() };
    let refused = refusal(client.subscribe(request).await);
    assert_eq!((refused.reason, &*refused.field), (Reason::LimitExceeded, "body"), "{refused}");
    assert!(refused.message.contains(&limits::CALL_BYTES_MAX.to_string()), "{refused}");
    assert_eq!(digest(&master).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_fields_are_named() {
    let (_folder, master) = lone().await;
    let before = digest(&master).await;
    let mut client = SchedulerClient::new(connect(master.api_address).await);
    let session = Some(v1::FrameworkSession { framework_id: "framework-1".to_owned(), epoch: 1 });
    let kill = |session: Option<v1::FrameworkSession>, task: &str| v1::KillRequest {
        session,
        task_id: task.to_owned(),
        kill_policy: None,
        ..v1::KillRequest::default()
    };
    let cases = [
        (kill(None, "t"), "session"),
        (kill(session.clone(), ""), "task_id"),
        (kill(session.clone(), "a\u{1b}[2J"), "task_id"),
        (kill(session.clone(), "../../etc"), "task_id"),
        (kill(Some(v1::FrameworkSession::default()), "t"), "session.framework_id"),
    ];
    for (request, field) in cases {
        let refused = refusal(client.kill(request).await);
        assert_eq!((refused.reason, &*refused.field), (Reason::InvalidField, field));
    }
    let long = refusal(client.kill(kill(session.clone(), &"x".repeat(129))).await);
    assert_eq!((long.reason, &*long.field), (Reason::LimitExceeded, "task_id"));
    let unknown = refusal(client.kill(kill(session, "t")).await);
    assert_eq!(unknown.reason, Reason::FrameworkUnknown);
    let page = Some(v1::Page { size: 1_001, token: String::new() });
    let request = v1::ListTasksRequest { page, ..v1::ListTasksRequest::default() };
    let refused = refusal(operator(&master).await.list_tasks(request).await);
    assert_eq!((refused.reason, &*refused.field), (Reason::LimitExceeded, "page.size"));
    assert_eq!(digest(&master).await, before);
}
