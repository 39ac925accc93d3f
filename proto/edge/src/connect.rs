//! A connection to a master, and the proof that it is one.
//!
//! Two names are checked. The DNS name, as for any server: the host that was called, or the name
//! that only masters have. And the identity: a master of this cluster, and the member that was
//! meant if one was. Without the second, one member's key could answer for another.

use crate::{
    identity::{IdentityError, read_member},
    tls::Tls,
};
use hyper_util::rt::TokioIo;
use proto::model::{ClusterId, NodeId, Principal, principal::PrincipalKind};
use rustls::ClientConfig;
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

/// The DNS name in every master's certificate, and in no other.
pub const MASTER_DNS_NAME: &str = "master.bourse.internal";

/// How a master is reached.
#[derive(Debug, Clone)]
pub struct Connector {
    address: String,
    /// Which one is meant; `None` is any.
    node: Option<NodeId>,
    secure: Option<Secure>,
    patience: Patience,
}

/// How long a silent master is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the connection is there.
    pub connect: Duration,
    /// Between two probes of a connection.
    pub probe_interval: Duration,
    /// For the answer to a probe.
    pub probe_timeout: Duration,
}

/// What we prove, and have proved to us.
#[derive(Debug, Clone)]
struct Secure {
    config: Arc<ClientConfig>,
    cluster: ClusterId,
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
    #[error("{address} is {found}, not {meant}")]
    SomebodyElse { address: String, found: Box<Principal>, meant: String },
}

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

impl Connector {
    /// To `HOST:PORT`; `node` is the member that must answer there, if not any. Without `tls`
    /// nothing is proved to anybody.
    pub fn new(
        address: String,
        node: Option<NodeId>,
        tls: Option<(&Tls, &ClusterId)>,
        patience: Patience,
    ) -> Self {
        let secure = tls.map(|(tls, cluster)| Secure {
            config: Arc::clone(&tls.client),
            cluster: cluster.clone(),
        });
        Self { address, node, secure, patience }
    }

    /// Connects, with a deadline.
    pub async fn connect(&self) -> Result<Channel, tonic::transport::Error> {
        // The scheme says nothing: our connector makes the TLS connection itself.
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?
            .connect_timeout(self.patience.connect)
            .http2_keep_alive_interval(self.patience.probe_interval)
            .keep_alive_timeout(self.patience.probe_timeout)
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
        let name = self
            .server_name()
            .map_err(|source| ConnectError::Host { address: address(), source })?;
        let connector = TlsConnector::from(Arc::clone(&secure.config));
        let stream = connector.connect(name, socket).await.map_err(unreachable)?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let found = read_member(certificate.map(|der| &**der), &secure.cluster)
            .map_err(|source| ConnectError::Identity { address: address(), source })?;
        let is_meant = self.node.is_none_or(|node| found.id == node.to_string());
        if found.kind != PrincipalKind::Master || !is_meant {
            let meant =
                self.node.map_or_else(|| "a master".into(), |node| format!("master {node}"));
            let found = Box::new(found);
            return Err(ConnectError::SomebodyElse { address: address(), found, meant });
        }
        Ok(Box::new(stream))
    }

    /// A member is called by its host; of any master only the common name is known.
    fn server_name(&self) -> Result<ServerName<'static>, InvalidDnsNameError> {
        if self.node.is_none() {
            return ServerName::try_from(MASTER_DNS_NAME);
        }
        let host = self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host);
        ServerName::try_from(host.trim_start_matches('[').trim_end_matches(']').to_owned())
    }
}
