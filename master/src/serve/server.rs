//! The two gRPC servers: one for frameworks, agents and operators, one for masters.
//!
//! What bounds every server of ours is in [`edge::server`]; here is what belongs to a master.

use super::{
    agents::AgentService, authorization::TABLE, gateway::Gateway, health,
    leadership::LeadershipService, operators::OperatorService, scheduler::SchedulerService,
};
use crate::peers::{roster::Roster, service::PeerService};
use edge::{
    gate::Gate,
    listener::Listener,
    server::{Windows, serve, server},
};
use master_core::outbox::RoleChange;
use proto::{
    model::limits,
    wire::{
        DESCRIPTORS,
        v1::{
            agent_server::AgentServer, leadership_server::LeadershipServer,
            operator_server::OperatorServer, peer_server::PeerServer,
            scheduler_server::SchedulerServer,
        },
    },
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle};
use tonic_health::pb::health_server::HealthServer;

/// Answers are bounded too: a listing of the largest page with the largest rows.
const ANSWER_BYTES_MAX: usize = 128 * 1_024 * 1_024;
/// A call whose body does not come, or whose answer does not, ends after this.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Serves the API until the listener drains; the task ends with the last connection.
pub(crate) fn serve_api(
    listener: Listener,
    gateway: &Arc<Gateway>,
    roster: Arc<Roster>,
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
    let leadership = LeadershipService { gateway: Arc::clone(gateway), roster, role: role.clone() };
    let leadership = LeadershipServer::new(leadership)
        .max_decoding_message_size(limits::CALL_BYTES_MAX)
        .max_encoding_message_size(limits::CALL_BYTES_MAX);
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("the schemas were compiled together with this program");
    let router = server(Windows::CLIENTS)
        .timeout(CALL_TIMEOUT)
        .layer(gate(gateway))
        .add_service(scheduler)
        .add_service(agents)
        .add_service(operators)
        .add_service(leadership)
        .add_service(HealthServer::new(health::start(role)))
        .add_service(reflection);
    serve(router, listener)
}

/// Serves the other masters until the listener drains; the task ends with the last connection.
pub(crate) fn serve_peers(listener: Listener, service: PeerService) -> JoinHandle<()> {
    let gate = gate(&service.gateway);
    let peers = PeerServer::new(service)
        .max_decoding_message_size(limits::PEER_FRAME_BYTES_MAX)
        .max_encoding_message_size(limits::CALL_BYTES_MAX);
    // No timeout: an exchange is one call for as long as the connection lasts.
    let router = server(Windows::PEERS).layer(gate).add_service(peers);
    serve(router, listener)
}

fn gate(gateway: &Gateway) -> Gate {
    Gate {
        table: TABLE,
        cluster: Some(gateway.cluster.clone()),
        owner: Arc::clone(&gateway.node_label),
        count: crate::metrics::refused,
    }
}
