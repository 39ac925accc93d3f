//! The agent's gRPC listener: sandboxes, health, reflection.

use super::authorization::Authorization;
use crate::{
    identity::Credentials,
    sandbox::{SandboxService, SandboxTree},
};
use proto::wire::{DESCRIPTORS, v1::sandbox_server::SandboxServer};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Calls of one connection at one time.
const CALLS_MAX: usize = 64;

/// Why the listener does not work.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    /// The certificate, or the transport, does not work.
    #[error("the listener failed")]
    Transport(#[source] tonic::transport::Error),
    /// The descriptors are not what reflection takes.
    #[error("the reflection service cannot be made")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// Serves until the agent ends.
pub(crate) async fn serve(
    listener: TcpListener,
    tree: SandboxTree,
    credentials: Option<Credentials>,
    ending: CancellationToken,
) -> Result<(), ListenerError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<SandboxServer<SandboxService>>().await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let reflection_v1 = reflection().build_v1().map_err(ListenerError::Reflection)?;
    let reflection_v1alpha = reflection().build_v1alpha().map_err(ListenerError::Reflection)?;
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .concurrency_limit_per_connection(CALLS_MAX);
    let cluster = credentials.as_ref().map(|credentials| credentials.principal.cluster.clone());
    if let Some(credentials) = credentials {
        server = server.tls_config(credentials.server()).map_err(ListenerError::Transport)?;
    }
    server
        .layer(Authorization::new(cluster))
        .add_service(SandboxServer::new(SandboxService::new(tree)))
        .add_service(health_service)
        .add_service(reflection_v1)
        .add_service(reflection_v1alpha)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), ending.cancelled_owned())
        .await
        .map_err(ListenerError::Transport)
}
