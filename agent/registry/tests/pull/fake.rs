//! A registry that does as it is told, and remembers what it was asked.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
    serve::Listener,
};
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, StatusCode, Uri, header};
use images::Digest;
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What it has and does. Tests change it as they go.
#[derive(Default)]
pub(crate) struct Behaviour {
    /// By `repository/kind/reference`.
    pub(crate) things: BTreeMap<String, Vec<u8>>,
    /// For the next archives that are asked for, in order.
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) guard: Guard,
    /// Where archives are fetched from instead: `http://host:port`.
    pub(crate) redirect: Option<String>,
    /// Tokens that are good now.
    pub(crate) tokens: Vec<String>,
}

/// What goes wrong with an archive.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The connection breaks after so many bytes.
    Cut(usize),
    /// Nothing comes after so many bytes.
    Hang(usize),
    /// The whole of it, whatever range was asked for.
    NoRange,
    /// Other bytes, as many.
    Other,
    /// More than there is.
    Long,
    /// No answer but this.
    Status(u16),
}

/// Who is let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Guard {
    #[default]
    Nobody,
    /// `user:password`, in base64.
    Basic(String),
    /// A token of this service; it wants this `user:password`, in base64, or takes anybody.
    Bearer { realm: String, wants: Option<String> },
    /// Another challenge.
    Unknown(String),
}

/// What it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) authorization: Option<String>,
}

/// A registry on loopback, until it is dropped.
pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    state: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    asked: Mutex<Vec<Asked>>,
}

/// Connections with TLS.
struct Secured {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, from) = Listener::accept(&mut self.listener).await;
            // Whoever does not like the certificate has gone.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::serve(listener.local_addr().unwrap(), listener)
    }

    pub(crate) async fn start_with_tls(config: rustls::ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self::serve(address, Secured { listener, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    fn serve<L: Listener<Addr = SocketAddr>>(address: SocketAddr, listener: L) -> Self {
        let state = Arc::new(Shared::default());
        let router = Router::new().fallback(answer).with_state(state.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, state, server }
    }

    /// `host:port`, as it stands in an image's name.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.state.behaviour.lock().unwrap());
    }

    /// What it was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.state.asked.lock().unwrap())
    }

    /// Of that, what was asked of archives and configurations.
    pub(crate) fn asked_for_blobs(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.path.contains("/blobs/")).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (uri, headers) = (request.uri(), request.headers());
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (range, authorization) = (text(header::RANGE), text(header::AUTHORIZATION));
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let asked = Asked { path, range, authorization };
    shared.asked.lock().unwrap().push(asked.clone());
    let mut behaviour = shared.behaviour.lock().unwrap();
    behaviour.answer(uri, headers, &asked)
}

impl Behaviour {
    fn answer(&mut self, uri: &Uri, headers: &HeaderMap, asked: &Asked) -> Response {
        if uri.path() == "/token" {
            return self.token(asked);
        }
        let Some(path) = uri.path().strip_prefix("/v2/") else {
            return StatusCode::NOT_FOUND.into_response();
        };
        if let Some(challenge) = self.guard.challenge(asked, &self.tokens) {
            return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)])
                .into_response();
        }
        if path.is_empty() {
            return StatusCode::OK.into_response();
        }
        if let Some(elsewhere) = self.redirect.as_ref().filter(|_| path.contains("/blobs/")) {
            let to = format!("{elsewhere}{}", uri.path());
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)]).into_response();
        }
        let Some(thing) = self.things.get(path) else {
            let message = r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#;
            return (StatusCode::NOT_FOUND, message).into_response();
        };
        // Without layers it is a configuration.
        let is_archive = path.contains("/blobs/") && !thing.starts_with(b"{");
        let fault = if is_archive { self.faults.pop_front() } else { None };
        send(thing, headers, fault)
    }

    fn token(&mut self, asked: &Asked) -> Response {
        let Guard::Bearer { wants, .. } = &self.guard else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let wanted = wants.as_ref().map(|it| format!("Basic {it}"));
        if wanted.is_some() && wanted != asked.authorization {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let token = format!("token-{}", self.tokens.len());
        let answer = format!(r#"{{"token":"{token}","expires_in":300}}"#);
        self.tokens.push(token);
        answer.into_response()
    }
}

impl Guard {
    /// What is asked of somebody who is not let in.
    fn challenge(&self, asked: &Asked, tokens: &[String]) -> Option<String> {
        let given = asked.authorization.as_deref();
        match self {
            Self::Nobody => None,
            Self::Basic(wanted) => (given != Some(&format!("Basic {wanted}")))
                .then(|| r#"Basic realm="registry""#.to_owned()),
            Self::Bearer { realm, .. } => {
                let is_good =
                    |token: &String| given.is_some_and(|it| it == format!("Bearer {token}"));
                let challenge = format!(r#"Bearer realm="{realm}",service="fake""#);
                (!tokens.iter().any(is_good)).then_some(challenge)
            }
            Self::Unknown(challenge) => Some(challenge.clone()),
        }
    }
}

fn send(thing: &[u8], headers: &HeaderMap, fault: Option<Fault>) -> Response {
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let from = range.and_then(|it| it.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let from: usize = from.filter(|_| !matches!(fault, Some(Fault::NoRange))).unwrap_or(0);
    let Some(rest) = thing.get(from..) else {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    };
    let mut rest = rest.to_vec();
    let length = rest.len();
    let body = match fault {
        Some(Fault::Status(status)) => {
            return StatusCode::from_u16(status).unwrap().into_response();
        }
        Some(Fault::Cut(after)) => {
            let broken = stream::once(async {
                // What is there is sent before the end.
                tokio::task::yield_now().await;
                Err(io::Error::other("cut"))
            });
            Body::from_stream(pieces(&rest[..after.min(length)]).chain(broken))
        }
        Some(Fault::Hang(after)) => {
            Body::from_stream(pieces(&rest[..after.min(length)]).chain(stream::pending()))
        }
        Some(Fault::Other) => {
            rest.fill(b'x');
            Body::from(rest)
        }
        Some(Fault::Long) => {
            rest.push(b'x');
            return Body::from_stream(pieces(&rest)).into_response();
        }
        Some(Fault::NoRange) | None => Body::from(rest),
    };
    let response = Response::builder().header(header::CONTENT_LENGTH, length);
    let response = match from {
        0 => response,
        _ => response.status(StatusCode::PARTIAL_CONTENT).header(
            header::CONTENT_RANGE,
            format!("bytes {from}-{}/{}", thing.len() - 1, thing.len()),
        ),
    };
    response.body(body).unwrap()
}

fn pieces(bytes: &[u8]) -> impl futures_util::Stream<Item = io::Result<Bytes>> + use<> {
    let pieces: Vec<_> = bytes.chunks(1_024).map(|it| Ok(Bytes::copy_from_slice(it))).collect();
    stream::iter(pieces)
}

/// What a thing is called in a repository.
pub(crate) fn path(repository: &str, kind: &str, reference: impl ToString) -> String {
    format!("{repository}/{kind}/{}", reference.to_string())
}

/// What bytes are called there.
pub(crate) fn blob(repository: &str, bytes: &[u8]) -> String {
    path(repository, "blobs", Digest::of(bytes))
}
