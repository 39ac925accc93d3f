//! From an address to a connection that HTTP/2 is spoken on, plain or TLS.
//!
//! One source address has some 28,000 ports; lines beyond that come from another address of the
//! loopback network.

use crate::{certificates::Authority, rows};
use nix::sys::socket::{setsockopt, sockopt};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::TlsConnector;

/// Lines of one source address: fewer than the kernel has ports to give.
const LINES_PER_SOURCE: usize = 20_000;

/// Where the masters are.
#[derive(Debug, Clone)]
pub struct Target {
    /// All of them.
    pub masters: Vec<SocketAddr>,
}

/// Certificates of agents, in memory.
#[derive(Debug, Clone)]
pub struct Identities(Arc<Vec<Arc<ClientConfig>>>);

/// Something that HTTP/2 can be spoken on.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

impl Identities {
    /// One certificate for each agent.
    pub fn of_agents(authority: &Authority, agents: usize) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes())?)?;
        let roots = Arc::new(roots);
        let config = |number: usize| {
            let id = rows::agent_id(number);
            let issued = authority.issue_in_memory(&rows::principal(&format!("agent/{id}")))?;
            let chain = vec![CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes())?];
            let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes())?;
            let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_root_certificates(Arc::clone(&roots))
                .with_client_auth_cert(chain, key)?;
            config.alpn_protocols = vec![b"h2".to_vec()];
            // Masters resume nothing; a store for tickets would be memory for each agent.
            config.resumption = rustls::client::Resumption::disabled();
            anyhow::Ok(Arc::new(config))
        };
        let configs: anyhow::Result<Vec<_>> = (0..agents).map(config).collect();
        Ok(Self(Arc::new(configs?)))
    }

    fn of(&self, agent: usize) -> Arc<ClientConfig> {
        Arc::clone(&self.0[agent])
    }
}

/// Connects line `line`, whose first agent is `agent`.
pub(crate) async fn dial(
    master: SocketAddr,
    line: usize,
    agent: usize,
    identities: Option<&Identities>,
) -> anyhow::Result<Box<dyn Socket>> {
    let socket = TcpSocket::new_v4()?;
    // The port is chosen when the other end is known: a choice for every end looks at all ports
    // that are in use, and those of a broken fleet are so for a minute.
    setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
    let source = u8::try_from(2 + line / LINES_PER_SOURCE)?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, source), 0)))?;
    let stream: TcpStream = socket.connect(master).await?;
    stream.set_nodelay(true)?;
    let Some(identities) = identities else { return Ok(Box::new(stream)) };
    let name = ServerName::try_from(agent::MASTER_DNS_NAME)?;
    let stream = TlsConnector::from(identities.of(agent)).connect(name, stream).await?;
    Ok(Box::new(stream))
}
