//! Asks registries for documents and archives.
//!
//! One request at a time, with whatever a registry wants to know of who asks; what comes is bounded
//! by whoever reads it.

use crate::{
    access::{Access, AccessError, Credentials, Patience},
    error::PullError,
    limits::{
        CONNECT_PATIENCE, MESSAGE_BYTES_MAX, REDIRECTS_MAX, TOKEN_BYTES_MAX, TOKEN_MARGIN,
        TOKENS_MAX,
    },
    token::{self, Authorization, Challenge, Remembered},
};
use images::Reference;
use reqwest::{
    Response, StatusCode, Url,
    header::{ACCEPT, RANGE},
    redirect::Policy,
};
use std::{
    collections::BTreeSet,
    error::Error,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Asks registries. It keeps connections and tokens, so that one serves for all pulls.
#[derive(Debug)]
pub struct Client {
    access: Access,
    secure: reqwest::Client,
    plain: reqwest::Client,
    /// Registries on loopback that were found to speak no TLS.
    without_tls: Mutex<BTreeSet<String>>,
    remembered: Remembered,
}

/// What an image's name says about where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    /// As images' names have it, and as credentials are found.
    pub(crate) registry: String,
    /// Who is asked.
    pub(crate) host: String,
    pub(crate) name: String,
}

/// One thing in a repository.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// `manifests` or `blobs`.
    pub(crate) kind: &'static str,
    /// A tag or a digest.
    pub(crate) reference: &'a str,
    /// Media types.
    pub(crate) accept: &'static str,
    /// From which byte.
    pub(crate) from: u64,
}

impl Repository {
    pub(crate) fn of(name: &Reference) -> Self {
        Self {
            registry: name.registry().to_owned(),
            host: name.resolve_registry().to_owned(),
            name: name.repository().to_owned(),
        }
    }
}

impl Client {
    /// A client for these registries; nobody is asked anything yet.
    ///
    /// # Errors
    ///
    /// [`AccessError`]: authorities or credentials that cannot be read.
    pub fn new(access: Access) -> Result<Self, AccessError> {
        // Read again for each pull; a mistake in it shows before the first.
        access.credentials("")?;
        // The one that all of this workspace uses; somebody may have said so already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("bourse/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_PATIENCE)
                .read_timeout(access.patience.stall)
                .redirect(Policy::limited(REDIRECTS_MAX))
        };
        let secure = builder().https_only(true).tls_certs_merge(access.authorities()?);
        Ok(Self {
            secure: secure.build().map_err(AccessError::Client)?,
            plain: builder().build().map_err(AccessError::Client)?,
            access,
            without_tls: Mutex::default(),
            remembered: Remembered::default(),
        })
    }

    /// How long registries are waited for.
    pub(crate) fn patience(&self) -> Patience {
        self.access.patience
    }

    /// Asks for a thing; the answer is one of success.
    pub(crate) async fn get(
        &self,
        repository: &Repository,
        wanted: Wanted<'_>,
    ) -> Result<Response, PullError> {
        let Repository { host, name, .. } = repository;
        let known = self.remembered.find(host, name);
        let asked = self.ask(repository, wanted, known.as_ref()).await?;
        if asked.status() != StatusCode::UNAUTHORIZED {
            return self.judge(repository, wanted, asked).await;
        }
        let authorization = self.authorize(repository, &asked).await?;
        drop(asked);
        let asked = self.ask(repository, wanted, Some(&authorization)).await?;
        self.judge(repository, wanted, asked).await
    }

    async fn ask(
        &self,
        repository: &Repository,
        wanted: Wanted<'_>,
        authorization: Option<&Authorization>,
    ) -> Result<Response, PullError> {
        let Repository { host, name, .. } = repository;
        let (client, scheme) = match self.goes_without_tls(host).await? {
            true => (&self.plain, "http"),
            false => (&self.secure, "https"),
        };
        let Wanted { kind, reference, accept, from } = wanted;
        let address = format!("{scheme}://{host}/v2/{name}/{kind}/{reference}");
        let mut request = client.get(address).header(ACCEPT, accept);
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let request = match authorization {
            None => request,
            Some(Authorization::Basic(it)) => request.basic_auth(&it.user, Some(&it.password)),
            Some(Authorization::Bearer(token)) => request.bearer_auth(token),
        };
        request.send().await.map_err(|error| unreachable(host, error))
    }

    /// Whether a registry is spoken to in the clear: by the operator's word, or on loopback when it
    /// does not answer TLS with TLS.
    async fn goes_without_tls(&self, host: &str) -> Result<bool, PullError> {
        if self.access.plain.contains(host) {
            return Ok(true);
        }
        if !is_loopback(host) {
            return Ok(false);
        }
        let known = || self.without_tls.lock().unwrap_or_else(PoisonError::into_inner);
        if known().contains(host) {
            return Ok(true);
        }
        match self.secure.get(format!("https://{host}/v2/")).send().await {
            // What answers is no TLS, rather than TLS of somebody unknown.
            Err(error) if matches!(tls_error(&error), Some(rustls::Error::InvalidMessage(_))) => {
                let mut known = known();
                if known.len() >= TOKENS_MAX {
                    known.clear();
                }
                known.insert(host.to_owned());
                Ok(true)
            }
            Err(error) => Err(unreachable(host, error)),
            Ok(_) => Ok(false),
        }
    }

    /// Finds out what to send along.
    async fn authorize(
        &self,
        repository: &Repository,
        refused: &Response,
    ) -> Result<Authorization, PullError> {
        let Repository { registry, host, name } = repository;
        let challenge = |challenge| PullError::Challenge { host: host.clone(), challenge };
        let credentials = self.access.credentials(registry)?;
        let (authorization, life) = match Challenge::of(refused.headers()).map_err(challenge)? {
            Challenge::Basic => {
                let credentials = credentials.ok_or_else(|| denied(repository, None))?;
                // Good until it is refused, which is found out at once.
                (Authorization::Basic(credentials), Duration::from_secs(3_600))
            }
            Challenge::Bearer { realm, service } => {
                let address = token::address(realm, service.as_deref(), name);
                self.token(repository, address, credentials).await?
            }
        };
        let until = Instant::now() + life.saturating_sub(TOKEN_MARGIN).min(DAY);
        self.remembered.keep(host, name, authorization.clone(), until);
        Ok(authorization)
    }

    async fn token(
        &self,
        repository: &Repository,
        address: Url,
        credentials: Option<Credentials>,
    ) -> Result<(Authorization, Duration), PullError> {
        let host = &repository.host;
        let service = address.host_str().unwrap_or_default();
        let service = address.port().map_or(service.to_owned(), |port| format!("{service}:{port}"));
        let may_be_plain = || self.access.plain.contains(&service) || is_loopback(&service);
        let client = match address.scheme() {
            "https" => &self.secure,
            "http" if may_be_plain() => &self.plain,
            _ => {
                let realm = address.to_string();
                return Err(PullError::PlainRealm { host: host.clone(), realm });
            }
        };
        let mut request = client.get(address);
        if let Some(Credentials { user, password }) = &credentials {
            request = request.basic_auth(user, Some(password));
        }
        let response = request.send().await.map_err(|error| unreachable(&service, error))?;
        if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(denied(repository, credentials));
        }
        if !response.status().is_success() {
            return Err(status(&service, response).await);
        }
        token::read(host, &bounded(&service, response, "a token", TOKEN_BYTES_MAX).await?)
    }

    /// An answer of success, or what is wrong.
    async fn judge(
        &self,
        repository: &Repository,
        wanted: Wanted<'_>,
        response: Response,
    ) -> Result<Response, PullError> {
        let Repository { registry, host, name } = repository;
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(denied(repository, self.access.credentials(registry)?))
            }
            StatusCode::NOT_FOUND => {
                let Wanted { reference, .. } = wanted;
                let what = match reference.contains(':') {
                    true => format!("{name}@{reference}"),
                    false => format!("{name}:{reference}"),
                };
                Err(PullError::Unknown { host: host.clone(), what })
            }
            other if other.is_success() => Ok(response),
            _ => Err(status(host, response).await),
        }
    }
}

/// However long a token service says that its tokens are good.
const DAY: Duration = Duration::from_secs(86_400);

/// All of an answer, if it is not more than that.
pub(crate) async fn bounded(
    host: &str,
    mut response: Response,
    what: &'static str,
    limit: u64,
) -> Result<Vec<u8>, PullError> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| unreachable(host, error))? {
        bytes.extend_from_slice(&piece);
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(PullError::TooLarge { host: host.to_owned(), what, limit });
        }
    }
    Ok(bytes)
}

/// Addresses may hold what is nobody's business: signatures of a store behind the registry.
pub(crate) fn unreachable(host: &str, error: reqwest::Error) -> PullError {
    PullError::Unreachable { host: host.to_owned(), source: error.without_url() }
}

/// With as much of what it says as one line holds.
async fn status(host: &str, response: Response) -> PullError {
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default().to_owned();
    let said = bounded(host, response, "a message", MESSAGE_BYTES_MAX).await.unwrap_or_default();
    let said: String = String::from_utf8_lossy(&said)
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it })
        .collect();
    let message =
        if said.trim().is_empty() { reason } else { format!("{reason}: {}", said.trim()) };
    PullError::Status { host: host.to_owned(), status: status.as_u16(), message }
}

fn denied(repository: &Repository, credentials: Option<Credentials>) -> PullError {
    let Repository { host, name, .. } = repository.clone();
    PullError::Denied { host, repository: name, user: credentials.map(|it| it.user) }
}

/// `localhost` or an address of loopback, with or without a port.
fn is_loopback(host: &str) -> bool {
    let is_port = |(_, port): &(&str, &str)| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = host.rsplit_once(':').filter(is_port).map_or(host, |(name, _)| name);
    let address = name.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// What is wrong with TLS, if that is what is wrong.
pub(crate) fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return Some(error);
    }
    // An input or output error wraps others, which it does not call its source.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let wrapped = wrapped.map(|it| it as &(dyn Error + 'static));
    wrapped.or_else(|| error.source()).and_then(tls_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_used_are_said_before_anybody_is_asked() {
        let file = Some(std::path::PathBuf::from("/dev/null"));
        let auth = Access { auth_file: file.clone(), ..Access::default() };
        assert!(matches!(Client::new(auth), Err(AccessError::Credentials { .. })));
        let ca = Access { ca_file: file, ..Access::default() };
        assert!(matches!(Client::new(ca), Err(AccessError::Authorities { .. })));
    }

    #[test]
    fn loopback_is_a_name_or_an_address() {
        for host in ["localhost", "localhost:5000", "127.0.0.1", "127.1.2.3:5", "[::1]:5000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example", "example:5000", "10.0.0.1:127", "docker.io", "[::2]:1"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn docker_hub_is_asked_under_its_own_name() {
        let repository = Repository::of(&"busybox".parse().unwrap());
        let Repository { registry, host, name } = &repository;
        assert_eq!(
            (registry.as_str(), host.as_str(), name.as_str()),
            ("docker.io", "index.docker.io", "library/busybox")
        );
    }
}
