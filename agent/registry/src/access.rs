//! What an operator says about registries: credentials, authorities, and who may go without TLS.

use crate::limits::{AUTH_BYTES_MAX, AUTHORITIES_MAX, PAUSE, STALL_PATIENCE};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

/// How Docker Hub is called in images' names, by its hosts and in Docker's own file.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// How registries are spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// A file with credentials, in the form of Docker's `config.json`; it is read for each pull.
    pub auth_file: Option<PathBuf>,
    /// A file with certificates of authorities, PEM, besides those of the host.
    pub ca_file: Option<PathBuf>,
    /// Registries that are spoken to without TLS, as `host` or `host:port`. Those on loopback may
    /// always be.
    pub plain: BTreeSet<String>,
    /// How long it is waited for them.
    pub patience: Patience,
}

/// How long a registry is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long it may be silent.
    pub stall: Duration,
    /// Before it is asked a second time; doubled before each try after that.
    pub pause: Duration,
}

/// Why what an operator says cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A file that was named.
    #[error("cannot read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// It is not what Docker writes.
    #[error("{} is no file with credentials, as `docker login` writes it", path.display())]
    Credentials {
        /// Which.
        path: PathBuf,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// What stands there for a registry is no user and password.
    #[error(
        "what {} says of {registry} is neither base64 of user:password in `auth`, nor `username` and `password`; \
         credential helpers are not asked",
        path.display()
    )]
    Entry {
        /// Which.
        path: PathBuf,
        /// Of whom.
        registry: String,
    },
    /// Not certificates.
    #[error("{} holds no certificates in PEM form, or more than {AUTHORITIES_MAX}", path.display())]
    Authorities {
        /// Which.
        path: PathBuf,
    },
    /// They are certificates, but cannot be used.
    #[error("the certificates in {} cannot be used", path.display())]
    Certificates {
        /// Which.
        path: PathBuf,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// TLS or the resolver cannot be set up.
    #[error("cannot set up a client of registries")]
    Client(#[source] reqwest::Error),
}

/// Who somebody is for a registry.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// Docker's file, as far as it is needed.
#[derive(Deserialize)]
struct DockerFile {
    #[serde(default)]
    auths: BTreeMap<String, DockerEntry>,
}

#[derive(Deserialize)]
struct DockerEntry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl Default for Access {
    fn default() -> Self {
        let (plain, patience) = (BTreeSet::new(), Patience::default());
        Self { auth_file: None, ca_file: None, plain, patience }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self { stall: STALL_PATIENCE, pause: PAUSE }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Access {
    /// What the file has for this registry now.
    pub(crate) fn credentials(&self, registry: &str) -> Result<Option<Credentials>, AccessError> {
        let Some(path) = &self.auth_file else { return Ok(None) };
        let bytes = read_bounded(path)?;
        let parsed = serde_json::from_slice(&bytes);
        let parsed: DockerFile =
            parsed.map_err(|source| AccessError::Credentials { path: path.clone(), source })?;
        let named = parsed.auths.into_iter().find(|(key, _)| is_same(host_of(key), registry));
        let Some((key, entry)) = named else { return Ok(None) };
        let wrong = || AccessError::Entry { path: path.clone(), registry: key.clone() };
        entry.credentials().map(Some).ok_or_else(wrong)
    }

    /// The authorities that are named besides those of the host.
    pub(crate) fn authorities(&self) -> Result<Vec<reqwest::Certificate>, AccessError> {
        let Some(path) = &self.ca_file else { return Ok(Vec::new()) };
        let bytes = read_bounded(path)?;
        let wrong = || AccessError::Authorities { path: path.clone() };
        let found: Result<Vec<CertificateDer<'_>>, _> =
            CertificateDer::pem_slice_iter(&bytes).collect();
        let found = found.map_err(|_| wrong())?;
        if found.is_empty() || found.len() > AUTHORITIES_MAX {
            return Err(wrong());
        }
        let certificate = |der: &CertificateDer<'_>| reqwest::Certificate::from_der(der);
        let found: Result<Vec<_>, _> = found.iter().map(certificate).collect();
        found.map_err(|source| AccessError::Certificates { path: path.clone(), source })
    }
}

impl DockerEntry {
    fn credentials(self) -> Option<Credentials> {
        if let (Some(user), Some(password)) = (self.username, self.password) {
            return Some(Credentials { user, password });
        }
        let decoded = BASE64_STANDARD.decode(self.auth?.trim()).ok()?;
        let text = String::from_utf8(decoded).ok()?;
        let (user, password) = text.split_once(':')?;
        Some(Credentials { user: user.to_owned(), password: password.to_owned() })
    }
}

/// Docker's file has hosts, and for its own hub an address.
fn host_of(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    key.split('/').next().unwrap_or(key)
}

fn is_same(host: &str, registry: &str) -> bool {
    host == registry || (DOCKER_HUB.contains(&host) && DOCKER_HUB.contains(&registry))
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, AccessError> {
    let failed = |source| AccessError::File { path: path.to_path_buf(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(AUTH_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > AUTH_BYTES_MAX {
        let message = format!("more than {AUTH_BYTES_MAX} bytes");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, message)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, registry: &str) -> Result<Option<Credentials>, AccessError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let auth_file = Some(file.path().to_path_buf());
        Access { auth_file, ..Access::default() }.credentials(registry)
    }

    /// `docker login` as user `me` with the password `pass:word`.
    const FILE: &str = r#"{"auths": {
        "https://index.docker.io/v1/": {"auth": "bWU6cGFzczp3b3Jk"},
        "localhost:5000": {"username": "you", "password": "secret"},
        "broken.example": {"auth": "bWU"}, "token.example": {}
    }, "credsStore": "desktop"}"#;

    #[test]
    fn credentials_are_found_by_host_in_dockers_own_file() {
        let hub = found(FILE, "docker.io").unwrap().unwrap();
        assert_eq!((hub.user.as_str(), hub.password.as_str()), ("me", "pass:word"));
        let local = found(FILE, "localhost:5000").unwrap().unwrap();
        assert_eq!((local.user.as_str(), local.password.as_str()), ("you", "secret"));
        assert_eq!(found(FILE, "localhost").unwrap(), None);
        assert_eq!(found("{}", "docker.io").unwrap(), None);
        assert!(!format!("{hub:?}").contains("pass"), "{hub:?}");
    }

    #[test]
    fn what_is_no_such_file_is_said_by_name() {
        let registry = |error| match error {
            AccessError::Entry { registry, .. } => registry,
            other => panic!("{other:?}"),
        };
        for name in ["broken.example", "token.example"] {
            assert_eq!(registry(found(FILE, name).unwrap_err()), name);
        }
        assert!(matches!(found("auths", "a").unwrap_err(), AccessError::Credentials { .. }));
        let auth_file = Some("/nonexistent".into());
        let access = Access { auth_file, ca_file: Some("/dev/null".into()), ..Access::default() };
        assert!(matches!(access.credentials("a").unwrap_err(), AccessError::File { .. }));
        assert!(matches!(access.authorities().unwrap_err(), AccessError::Authorities { .. }));
    }
}
