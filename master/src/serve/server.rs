//! The two gRPC servers: one for frameworks, agents and operators, one for masters.
//!
//! Every bound that the libraries offer is set here, also where it equals the library's default, so
//! that an upgrade cannot change it.

use super::{
    agents::AgentService, gate::Gate, gateway::Gateway, health, listener::Listener,
    operators::OperatorService, scheduler::SchedulerService,
};
use crate::peers::service::PeerService;
use master_core::outbox::RoleChange;
use proto::{
    model::limits,
    wire::{
        DESCRIPTORS,
        v1::{
            agent_server::AgentServer, operator_server::OperatorServer, peer_server::PeerServer,
            scheduler_server::SchedulerServer,
        },
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Server, server::Router};
use tonic_health::pb::health_server::HealthServer;
use tower::layer::util::{Identity, Stack};

const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// A client's calls in flight on one connection; more wait in the client.
const STREAMS_MAX: u32 = 256;
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1_024;
const FRAME_BYTES: u32 = 16 * 1_024;
/// What a client may send ahead of a service that does not read: times the connections.
const API_STREAM_WINDOW_BYTES: u32 = 128 * 1_024;
const API_CONNECTION_WINDOW_BYTES: u32 = 256 * 1_024;
/// Between masters throughput counts more, and there are few.
const PEER_STREAM_WINDOW_BYTES: u32 = 2 * 1_024 * 1_024;
const PEER_CONNECTION_WINDOW_BYTES: u32 = 4 * 1_024 * 1_024;
/// Answers are bounded too: a listing of the largest page with the largest rows.
const ANSWER_BYTES_MAX: usize = 128 * 1_024 * 1_024;
/// A call whose body does not come, or whose answer does not, ends after this.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// What a client opened and reset before we came to it (the rapid reset attack).
const PENDING_RESETS_MAX: usize = 20;
const LOCAL_RESETS_MAX: usize = 1_024;

type Gated = Router<Stack<Gate, Identity>>;

/// Serves the API until the listener drains; the task ends with the last connection.
pub(crate) fn serve_api(
    listener: Listener,
    gateway: &Arc<Gateway>,
    role: watch::Receiver<RoleChange>,
) -> JoinHandle<()> {
    let scheduler = SchedulerServer::new(SchedulerService(Arc::clone(gateway)))
        .max_decoding_message_size(limits::CALL_BYTES_MAX)
        .max_encoding_message_size(ANSWER_BYTES_MAX);
    let agents = AgentServer::new(AgentService(Arc::clone(gateway)))
        .max_decoding_message_size(limits::AGENT_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(limits::COMMAND_ENCODED_BYTES_MAX);
    let operators = OperatorServer::new(OperatorService(Arc::clone(gateway)))
        .max_decoding_message_size(limits::CALL_BYTES_MAX)
        .max_encoding_message_size(ANSWER_BYTES_MAX);
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("the schemas were compiled together with this program");
    let router = server(API_STREAM_WINDOW_BYTES, API_CONNECTION_WINDOW_BYTES)
        .timeout(CALL_TIMEOUT)
        .layer(gate(gateway))
        .add_service(scheduler)
        .add_service(agents)
        .add_service(operators)
        .add_service(HealthServer::new(health::start(role)))
        .add_service(reflection);
    serve(router, listener)
}

/// Serves the other masters until the listener drains; the task ends with the last connection.
pub(crate) fn serve_peers(
    listener: Listener,
    gateway: &Arc<Gateway>,
    service: PeerService,
) -> JoinHandle<()> {
    let peers = PeerServer::new(service)
        .max_decoding_message_size(limits::PEER_FRAME_BYTES_MAX)
        .max_encoding_message_size(limits::CALL_BYTES_MAX);
    // No timeout: an exchange is one call for as long as the connection lasts.
    let router = server(PEER_STREAM_WINDOW_BYTES, PEER_CONNECTION_WINDOW_BYTES)
        .layer(gate(gateway))
        .add_service(peers);
    serve(router, listener)
}

fn gate(gateway: &Gateway) -> Gate {
    Gate { cluster: gateway.cluster.clone(), node: Arc::clone(&gateway.node_label) }
}

fn server(stream_window_bytes: u32, connection_window_bytes: u32) -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_frame_size(FRAME_BYTES)
        .initial_stream_window_size(stream_window_bytes)
        .initial_connection_window_size(connection_window_bytes)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(LOCAL_RESETS_MAX))
        .accept_http1(false)
}

fn serve(router: Gated, listener: Listener) -> JoinHandle<()> {
    let (name, drain) = (listener.name, listener.drain.clone());
    let (streams, accepting) = listener.start();
    let streams = ReceiverStream::new(streams);
    tokio::spawn(async move {
        let served = router.serve_with_incoming_shutdown(streams, drain.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(listener = name, %error, "the gRPC server ended");
        }
        // The port is free when this task has ended.
        let _ = accepting.await;
    })
}
