//! The accept loop: from a socket to a stream that gRPC may be spoken on.
//!
//! Ours, because what comes before the first request needs bounds that a framework's listener does
//! not have: connections are counted, handshakes have a deadline and run beside each other, and no
//! error of `accept` ends the loop. A stream also ends with its process's part, so that a client
//! which keeps its connection open cannot keep a stopped master's or agent's tasks alive.

pub use crate::stream::{ConnectionInfo, ServerStream};

use crate::{
    identity::{Proof, read_member},
    stream::Socket,
};
use proto::model::{ClusterId, limits};
use rustls::ServerConfig;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time,
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that the kernel completes while we are busy: a whole cluster's after a new election.
const BACKLOG: u32 = 4_096;
/// Streams between handshake and gRPC; small, since each is taken at once.
const ACCEPTED_MAX: usize = 64;
/// After an error that the next `accept` would meet again, such as no free file descriptor.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A bound socket and what it needs to take connections.
#[derive(Debug)]
pub struct Listener {
    /// As [`bind`] gave it.
    pub socket: TcpListener,
    /// How callers prove who they are; nobody does without.
    pub secure: Option<Secure>,
    /// Takes no more connections from then on.
    pub drain: CancellationToken,
    /// Ends all connections.
    pub stop: CancellationToken,
    /// For logs.
    pub name: &'static str,
}

/// What callers are held against.
#[derive(Debug, Clone)]
pub struct Secure {
    /// Who vouches for them, and who we are.
    pub config: Arc<ServerConfig>,
    /// Whose members they must be.
    pub cluster: ClusterId,
}

/// Binds with a long backlog.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restarted process takes its port back from connections that still linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Listener {
    /// Accepts until told to drain: what tonic serves from, and the task, with which the socket is
    /// given back.
    pub fn start(self) -> (ReceiverStream<io::Result<ServerStream>>, JoinHandle<()>) {
        let (accepted, streams) = mpsc::channel(ACCEPTED_MAX);
        let accepting = tokio::spawn(async move {
            let drain = self.drain.clone();
            tokio::select! {
                () = drain.cancelled() => {}
                () = self.accept_all(accepted) => {}
            }
        });
        (ReceiverStream::new(streams), accepting)
    }

    async fn accept_all(self, accepted: mpsc::Sender<io::Result<ServerStream>>) {
        let places = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
        let mut pause = PAUSE_FIRST;
        loop {
            let (socket, from) = match self.socket.accept().await {
                Ok(connection) => connection,
                Err(error) if is_about_one_connection(&error) => continue,
                Err(error) => {
                    tracing::warn!(listener = self.name, %error, "cannot accept connections");
                    time::sleep(pause).await;
                    pause = PAUSE_MAX.min(pause * 2);
                    continue;
                }
            };
            pause = PAUSE_FIRST;
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!(listener = self.name, %from, "too many connections, one is refused");
                continue;
            };
            let (secure, accepted) = (self.secure.clone(), accepted.clone());
            let (stop, name) = (self.stop.clone(), self.name);
            tokio::spawn(async move {
                // Small messages in both directions; a failure costs latency only.
                let _ = socket.set_nodelay(true);
                if let Some((socket, proof)) = shake_hands(socket, secure, name, from).await {
                    let stream = ServerStream::new(socket, proof, stop, place);
                    let _ = accepted.send(Ok(stream)).await;
                }
            });
        }
    }
}

/// The handshake, and who it proved the other side to be.
async fn shake_hands(
    socket: TcpStream,
    secure: Option<Secure>,
    listener: &'static str,
    from: SocketAddr,
) -> Option<(Socket, Proof)> {
    let Some(Secure { config, cluster }) = secure else {
        tracing::debug!(listener, %from, "insecure connection: nobody knows who this is");
        return Some((Socket::Plain(socket), Proof::None));
    };
    let handshake = TlsAcceptor::from(config).accept(socket);
    let stream = match time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::info!(listener, %from, %error, "TLS handshake refused");
            return None;
        }
        Err(_) => {
            tracing::info!(listener, %from, "TLS handshake took too long");
            return None;
        }
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let identity = read_member(certificate.map(|der| &**der), &cluster).map(Arc::new);
    match &identity {
        Ok(principal) => tracing::debug!(listener, %from, %principal, "connected"),
        Err(error) => tracing::warn!(listener, %from, %error, "connected without an identity"),
    }
    Some((Socket::Tls(Box::new(stream)), Proof::Certificate(identity)))
}

/// Whether the error belongs to the connection that was being accepted; the next may be fine.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
