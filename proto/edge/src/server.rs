//! gRPC servers behind the gate.
//!
//! Every bound that the libraries offer is set here, also where it equals the library's default, so
//! that an upgrade cannot change it.

use crate::{gate::Gate, listener::Listener};
use std::time::Duration;
use tokio::task::JoinHandle;
use tonic::transport::{Server, server::Router};
use tower::layer::util::{Identity, Stack};

const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// A client's calls in flight on one connection; more wait in the client.
const STREAMS_MAX: u32 = 256;
const HEADER_LIST_BYTES_MAX: u32 = 16 * 1_024;
const FRAME_BYTES: u32 = 16 * 1_024;
/// What a client opened and reset before we came to it (the rapid reset attack).
const PENDING_RESETS_MAX: usize = 20;
const LOCAL_RESETS_MAX: usize = 1_024;

/// Services, none of which can be reached around the gate.
pub type Gated = Router<Stack<Gate, Identity>>;

/// What the other side may send ahead of a service that does not read.
#[derive(Debug, Clone, Copy)]
pub struct Windows {
    /// On one stream.
    pub stream_bytes: u32,
    /// On all streams of one connection.
    pub connection_bytes: u32,
}

impl Windows {
    /// For many clients: times the connections.
    pub const CLIENTS: Self = Self { stream_bytes: 128 * 1_024, connection_bytes: 256 * 1_024 };
    /// For few that must be fast.
    pub const PEERS: Self =
        Self { stream_bytes: 2 * 1_024 * 1_024, connection_bytes: 4 * 1_024 * 1_024 };
}

/// A server with bounds, to add a gate and services to.
pub fn server(windows: Windows) -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .max_concurrent_streams(STREAMS_MAX)
        .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_frame_size(FRAME_BYTES)
        .initial_stream_window_size(windows.stream_bytes)
        .initial_connection_window_size(windows.connection_bytes)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(LOCAL_RESETS_MAX))
        .accept_http1(false)
}

/// Serves until the listener drains; the task ends with the last connection.
pub fn serve(router: Gated, listener: Listener) -> JoinHandle<()> {
    let (name, drain) = (listener.name, listener.drain.clone());
    let (streams, accepting) = listener.start();
    tokio::spawn(async move {
        let served = router.serve_with_incoming_shutdown(streams, drain.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(listener = name, %error, "the gRPC server ended");
        }
        // The port is free when this task has ended.
        let _ = accepting.await;
    })
}
