//! A connection to one peer, and the proof that it is that peer.
//!
//! The name in the certificate is checked twice: as the host that was called, as for any server,
//! and as the member that was meant. Without the second, one member's key could answer for another.

use crate::serve::{
    identity::{IdentityError, read_principal},
    tls::Tls,
};
use hyper_util::rt::TokioIo;
use proto::model::{ClusterId, NodeId, principal::PrincipalKind};
use rustls_pki_types::{InvalidDnsNameError, ServerName};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tonic::{
    codegen::http::Uri,
    transport::{Channel, Endpoint},
};
use tower::service_fn;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);

/// How one peer is reached.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    node: NodeId,
    address: String,
    secure: Option<Secure>,
}

#[derive(Debug, Clone)]
struct Secure {
    cluster: ClusterId,
    config: Arc<rustls::ClientConfig>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("{address} cannot be reached")]
    Unreachable {
        address: String,
        #[source]
        source: io::Error,
    },
    #[error("{address} has no host that a certificate could name")]
    Host {
        address: String,
        #[source]
        source: InvalidDnsNameError,
    },
    #[error("{address} does not prove who it is")]
    Identity {
        address: String,
        #[source]
        source: IdentityError,
    },
    #[error("{address} is {found}, not master {node}")]
    SomebodyElse { address: String, found: String, node: NodeId },
}

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

impl Connector {
    pub(crate) fn new(
        cluster: &ClusterId,
        node: NodeId,
        address: String,
        tls: Option<&Tls>,
    ) -> Self {
        let secure = tls.map(|tls| {
            let config = Arc::clone(&tls.client);
            Secure { cluster: cluster.clone(), config }
        });
        Self { node, address, secure }
    }

    /// Connects, with a deadline.
    pub(crate) async fn connect(&self) -> Result<Channel, tonic::transport::Error> {
        // The scheme says nothing: our connector makes the TLS connection itself.
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        let this = self.clone();
        let connect = service_fn(move |_: Uri| {
            let this = this.clone();
            async move { this.open().await.map(TokioIo::new) }
        });
        endpoint.connect_with_connector(connect).await
    }

    async fn open(&self) -> Result<Box<dyn Socket>, ConnectError> {
        let address = || self.address.clone();
        let unreachable = |source| ConnectError::Unreachable { address: address(), source };
        let socket = TcpStream::connect(&self.address).await.map_err(unreachable)?;
        socket.set_nodelay(true).map_err(unreachable)?;
        let Some(secure) = &self.secure else {
            return Ok(Box::new(socket));
        };
        let host = self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host)
            .map_err(|source| ConnectError::Host { address: address(), source })?;
        let connector = TlsConnector::from(Arc::clone(&secure.config));
        let stream = connector.connect(name, socket).await.map_err(unreachable)?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let principal = certificate
            .ok_or(IdentityError::Missing)
            .and_then(|der| read_principal(der, &secure.cluster))
            .map_err(|source| ConnectError::Identity { address: address(), source })?;
        if principal.kind != PrincipalKind::Master || principal.id != self.node.to_string() {
            let (found, node) = (principal.to_string(), self.node);
            return Err(ConnectError::SomebodyElse { address: address(), found, node });
        }
        Ok(Box::new(stream))
    }
}
