//! The agent's gRPC listener: sandboxes, health, reflection, and the table of who may call what.

use crate::{
    identity::Credentials,
    sandbox::{SandboxService, SandboxTree},
};
use edge::{
    gate::{ANYBODY, Gate, Row},
    listener::{Listener, Secure},
    server::{Windows, serve, server},
};
use proto::{
    model::{
        limits,
        principal::PrincipalKind::{Framework, Operator},
    },
    wire::{DESCRIPTORS, v1::sandbox_server::SandboxServer},
};
use std::sync::Arc;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// Calls of one connection at one time.
const CALLS_MAX: usize = 64;

/// Every call that an agent answers.
const TABLE: &[Row] = &[
    // Frameworks see the sandboxes of their own tasks only: `sandbox/reader.rs`.
    Row::new("/bourse.v1.Sandbox/ReadFile", &[Framework, Operator]),
    Row::new("/bourse.v1.Sandbox/ListFiles", &[Framework, Operator]),
    Row::new("/grpc.health.v1.Health/Check", ANYBODY),
    Row::new("/grpc.health.v1.Health/Watch", ANYBODY),
    Row::new("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", ANYBODY)
        .streamed(limits::CALL_BYTES_MAX),
    Row::new("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", ANYBODY)
        .streamed(limits::CALL_BYTES_MAX),
];

/// Serves until `drain`, and ends all connections at `stop`.
pub(crate) async fn serve_operators(
    socket: TcpListener,
    tree: SandboxTree,
    agent: Arc<str>,
    credentials: Option<&Credentials>,
    (drain, stop): (CancellationToken, CancellationToken),
) -> JoinHandle<()> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<SandboxServer<SandboxService>>().await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let compiled = "the schemas were compiled together with this program";
    let secure = credentials.map(|credentials| Secure {
        config: Arc::clone(&credentials.tls.server),
        cluster: credentials.principal.cluster.clone(),
    });
    // Without certificates an agent does not know its cluster before it has registered, and does
    // not need to: nobody proves anything.
    let gate = Gate { table: TABLE, cluster: None, owner: agent, count: crate::metrics::refused };
    let sandboxes = SandboxServer::new(SandboxService::new(tree))
        .max_decoding_message_size(limits::CALL_BYTES_MAX);
    let router = server(Windows::CLIENTS)
        .concurrency_limit_per_connection(CALLS_MAX)
        .layer(gate)
        .add_service(sandboxes)
        .add_service(health_service)
        .add_service(reflection().build_v1().expect(compiled))
        .add_service(reflection().build_v1alpha().expect(compiled));
    serve(router, Listener { socket, secure, drain, stop, name: "agent" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge::testing::{check_table, declared_calls};

    #[test]
    fn every_call_has_one_row_and_every_row_is_a_call() {
        let mut calls = declared_calls(&[
            DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ]);
        let of_masters = |path: &str| {
            path.starts_with("/bourse.v1.") && !path.starts_with("/bourse.v1.Sandbox/")
        };
        calls.retain(|path, _| !of_masters(path));
        check_table(TABLE, &calls);
    }
}
