//! Bodies that no honest client sends, to a call of every service: each is refused by name, whether
//! it is no message, too much of one, or not even announced as gRPC says.
//!
//! The bytes are put together here: a generated client would not send them.

use crate::rig::{Cluster, Isolation, Node, Security, Shape, channel, holds, metric, metrics_page};
use http_body_util::{BodyExt as _, Full};
use proto::{
    convert::refusal::from_status,
    model::{
        Reason::{self, InvalidField, LimitExceeded},
        Refusal, limits,
    },
};
use std::net::SocketAddr;
use tonic::{
    Code, Status,
    body::Body,
    codegen::{Service as _, http::Request},
};

/// A call, who makes it, the size of its messages, and whether there may be none.
type Call = (&'static str, &'static str, usize, bool);

const OF_FRAMEWORKS: &str = "framework/crude";
const OF_OPERATORS: &str = "operator/crude";

const OF_THE_API: [Call; 5] = [
    ("/bourse.v1.Scheduler/Subscribe", OF_FRAMEWORKS, limits::CALL_BYTES_MAX, false),
    ("/bourse.v1.Scheduler/Kill", OF_FRAMEWORKS, limits::CALL_BYTES_MAX, false),
    ("/bourse.v1.Agent/Connect", "agent/crude", limits::AGENT_MESSAGE_BYTES_MAX, true),
    ("/bourse.v1.Operator/ListTasks", OF_OPERATORS, limits::CALL_BYTES_MAX, false),
    ("/bourse.v1.Operator/GetTask", OF_OPERATORS, limits::CALL_BYTES_MAX, false),
];
const EXCHANGE: Call = ("/bourse.v1.Peer/Exchange", "master/2", limits::PEER_FRAME_BYTES_MAX, true);
const OF_PEERS: [Call; 2] =
    [EXCHANGE, ("/bourse.v1.Peer/InstallSnapshot", "master/2", limits::PEER_FRAME_BYTES_MAX, true)];
const OF_AGENTS: [Call; 2] = [
    ("/bourse.v1.Sandbox/ReadFile", OF_OPERATORS, limits::CALL_BYTES_MAX, false),
    ("/bourse.v1.Sandbox/ListFiles", OF_OPERATORS, limits::CALL_BYTES_MAX, false),
];

/// What announces a message, and what follows.
fn announced(flag: u8, length: usize, bytes: &[u8]) -> Vec<u8> {
    [&[flag][..], &u32::try_from(length).unwrap().to_be_bytes(), bytes].concat()
}

fn message(bytes: &[u8]) -> Vec<u8> {
    announced(0, bytes.len(), bytes)
}

/// What is sent, why it is refused, and what the refusal says.
fn bodies((_, _, bytes_max, streamed): Call) -> Vec<(Vec<u8>, Reason, String)> {
    let invalid = |body: Vec<u8>, text: &str| (body, InvalidField, text.to_owned());
    let limit = format!("{} bytes, more than the limit of {bytes_max} bytes", bytes_max + 1);
    let mut bodies = vec![
        // Field 1, which is nine bytes long, of which one is there.
        invalid(message(&[0x0a, 9, b'x']), "not the message"),
        invalid(message(&[0xff; 40]), "not the message"),
        // Field 1 is no number.
        invalid(message(&[0x08, 1]), "wire type"),
        invalid(announced(1, 3, &[1, 2, 3]), "compressed"),
        invalid(announced(7, 3, &[1, 2, 3]), "begins with 7"),
        invalid(announced(0, 100, &[0; 10]), "10 of 100 bytes"),
        invalid(vec![0, 0], "2 of the 5 bytes"),
        // Announced, which is enough; and sent.
        (announced(0, bytes_max + 1, &[0; 10]), LimitExceeded, limit.clone()),
        (message(&vec![0x0a; bytes_max + 1]), LimitExceeded, limit),
        (announced(0, u32::MAX as usize, &[]), LimitExceeded, u32::MAX.to_string()),
    ];
    if !streamed {
        bodies.push(invalid(Vec::new(), "is empty"));
        bodies.push(invalid([message(&[]), message(&[])].concat(), "second message"));
    }
    bodies
}

/// The answer to a body of bytes.
async fn post(at: SocketAddr, (path, principal, ..): Call, body: Vec<u8>) -> Status {
    let mut channel = channel(at, &Security::Insecure, "");
    let request = Request::post(path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("bourse-principal", principal)
        .body(Body::new(Full::new(body.into())))
        .unwrap();
    std::future::poll_fn(|context| channel.poll_ready(context)).await.expect(path);
    let response = channel.call(request).await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
    if let Some(status) = Status::from_header_map(response.headers()) {
        return status;
    }
    // A stream has opened, and ended with the status.
    let body = response.into_body().collect().await.expect(path);
    Status::from_header_map(body.trailers().expect(path)).expect(path)
}

/// How often somebody has refused for a reason, all calls together.
fn refusals(node: &Node, name: &str, reason: &str) -> usize {
    let page = metrics_page(node.metrics).unwrap();
    metric(&page, name, reason).map_or(0, |count| count as usize)
}

struct Besieged {
    cluster: Cluster,
    sent: Vec<(&'static str, Reason)>,
}

impl Besieged {
    fn refused(
        &mut self,
        owner: &'static str,
        at: SocketAddr,
        call: Call,
        body: Vec<u8>,
    ) -> Refusal {
        let status = self.cluster.operator.block_on(post(at, call, body));
        let refusal = from_status(&status);
        let code = match refusal.reason {
            LimitExceeded => Code::ResourceExhausted,
            _ => Code::InvalidArgument,
        };
        assert_eq!(status.code(), code, "{}: {status:?}", call.0);
        assert!(!status.details().is_empty(), "{}: not typed: {status:?}", call.0);
        assert_eq!(refusal.field, "body", "{}: {refusal:?}", call.0);
        self.sent.push((owner, refusal.reason));
        refusal
    }

    fn all(&mut self, owner: &'static str, at: SocketAddr, calls: &[Call]) {
        for call in calls {
            for (body, reason, text) in bodies(*call) {
                let refusal = self.refused(owner, at, *call, body);
                assert_eq!(refusal.reason, reason, "{}: {refusal:?}", call.0);
                assert!(refusal.message.contains(&text), "{}: {text}: {refusal:?}", call.0);
            }
        }
    }

    /// Each of them was counted once.
    fn counted(&self, owner: &str, node: &Node) {
        for (reason, name) in
            [(InvalidField, "REFUSAL_INVALID_FIELD"), (LimitExceeded, "REFUSAL_LIMIT_EXCEEDED")]
        {
            let sent = self.sent.iter().filter(|sent| **sent == (owner, reason)).count();
            let series = format!("bourse_{owner}_refusals_total");
            holds(&format!("{sent} refusals of the {owner} with {name}"), || {
                refusals(node, &series, name) == sent
            });
        }
    }
}

#[test]
fn bodies_that_cannot_be_are_refused_by_every_service() {
    let shape = Shape { name: "besieged", masters: 3, secure: false, flags: &[] };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent("one", Isolation::Emulated(1), "cpus:1;mem:64");
    let before = cluster.operator.cluster();
    let (api, peer) = (cluster.masters[&1].api, cluster.masters[&1].peer);
    let agent = cluster.agents["one"].api;
    let mut besieged = Besieged { cluster, sent: Vec::new() };

    besieged.all("master", api, &OF_THE_API);
    besieged.all("master", peer, &OF_PEERS);
    besieged.all("agent", agent, &OF_AGENTS);
    // In the middle of a stream, after the greeting of member 2 to member 1.
    let greeting = message(&[&[0x0a, 8], &b"besieged"[..], &[0x10, 2, 0x18, 1]].concat());
    for (body, reason, text) in bodies(EXCHANGE) {
        let body = [greeting.clone(), body].concat();
        let refusal = besieged.refused("master", peer, EXCHANGE, body);
        assert_eq!(refusal.reason, reason, "{refusal:?}");
        assert!(refusal.message.contains(&text), "{text}: {refusal:?}");
    }

    besieged.counted("master", &besieged.cluster.masters[&1]);
    besieged.counted("agent", &besieged.cluster.agents["one"]);
    let mut cluster = besieged.cluster;
    let after = cluster.operator.cluster();
    assert_eq!(
        (after.ledger_digest, after.applied_index, after.term),
        (before.ledger_digest, before.applied_index, before.term),
        "nothing has changed"
    );
    for node in cluster.masters.values_mut().chain(cluster.agents.values_mut()) {
        assert!(node.is_alive(), "{node:?}");
    }
    holds("the agent is still there", || cluster.operator.agents().len() == 1);
    cluster.finish();
}
