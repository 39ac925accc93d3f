//! The accept loop: from a socket to a stream that gRPC may be spoken on.
//!
//! Ours, because what comes before the first request needs bounds that a framework's listener does
//! not have: connections are counted, handshakes have a deadline and run beside each other, and no
//! error of `accept` ends the loop. A stream also ends with the master, so that a client which
//! keeps its connection open cannot keep a stopped master's tasks alive.

use super::identity::{IdentityError, Proof, read_principal};
use proto::model::{ClusterId, limits};
use rustls::ServerConfig;
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
    time,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that the kernel completes while we are busy: a whole cluster's after a new election.
const BACKLOG: u32 = 4_096;
/// Streams between handshake and gRPC; small, since each is taken at once.
const ACCEPTED_MAX: usize = 64;
/// After an error that the next `accept` would meet again, such as no free file descriptor.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What the services learn about a connection.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionInfo {
    /// Who is there.
    pub(crate) proof: Proof,
}

/// One accepted connection.
pub(crate) struct ServerStream {
    socket: Socket,
    info: ConnectionInfo,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A bound socket and what it needs to take connections.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    pub(crate) cluster: ClusterId,
    /// Takes no more connections from then on.
    pub(crate) drain: CancellationToken,
    /// Ends all connections.
    pub(crate) stop: CancellationToken,
    /// For logs.
    pub(crate) name: &'static str,
}

/// Binds with a long backlog.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restarted master takes its port back from connections that still linger.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Listener {
    /// Accepts until told to drain: what tonic serves from, and the task, with which the socket is
    /// given back.
    pub(crate) fn start(self) -> (mpsc::Receiver<io::Result<ServerStream>>, JoinHandle<()>) {
        let (accepted, streams) = mpsc::channel(ACCEPTED_MAX);
        let accepting = tokio::spawn(async move {
            let drain = self.drain.clone();
            tokio::select! {
                () = drain.cancelled() => {}
                () = self.accept_all(accepted) => {}
            }
        });
        (streams, accepting)
    }

    async fn accept_all(self, accepted: mpsc::Sender<io::Result<ServerStream>>) {
        let places = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
        let acceptor = self.tls.clone().map(TlsAcceptor::from);
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
            let (acceptor, accepted) = (acceptor.clone(), accepted.clone());
            let (cluster, stop, name) = (self.cluster.clone(), self.stop.clone(), self.name);
            tokio::spawn(async move {
                // Small messages in both directions; a failure costs latency only.
                let _ = socket.set_nodelay(true);
                let Some((socket, proof)) = secure(socket, acceptor, &cluster, name, from).await
                else {
                    return;
                };
                let stopping = Box::pin(stop.cancelled_owned());
                let info = ConnectionInfo { proof };
                let _ =
                    accepted.send(Ok(ServerStream { socket, info, stopping, _place: place })).await;
            });
        }
    }
}

/// The handshake, and who it proved the other side to be.
async fn secure(
    socket: TcpStream,
    acceptor: Option<TlsAcceptor>,
    cluster: &ClusterId,
    listener: &'static str,
    from: SocketAddr,
) -> Option<(Socket, Proof)> {
    let Some(acceptor) = acceptor else {
        tracing::debug!(listener, %from, "insecure connection: nobody knows who this is");
        return Some((Socket::Plain(socket), Proof::None));
    };
    let stream = match time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(socket)).await {
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
    let identity = match certificate {
        Some(der) => read_principal(der, cluster).map(Arc::new),
        None => Err(IdentityError::Missing),
    };
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

impl Connected for ServerStream {
    type ConnectInfo = ConnectionInfo;

    fn connect_info(&self) -> ConnectionInfo {
        self.info.clone()
    }
}

impl AsyncRead for ServerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.stopping.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        match &mut self.socket {
            Socket::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Socket::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for ServerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Socket::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Socket::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(socket) => Pin::new(socket).poll_flush(context),
            Socket::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Socket::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
