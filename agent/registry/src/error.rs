//! Why an image cannot be pulled.

use crate::{
    access::AccessError,
    client::tls_error,
    limits::{INDEX_DEPTH_MAX, TRIES_MAX},
};
use images::{Digest, ManifestError, StoreError};

/// Why an image cannot be pulled. The store has what it had, and perhaps archives that the next
/// pull goes on with.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// What an operator said about registries.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// No connection, no TLS, no answer, or one that broke off or stalled.
    #[error("the registry {host} does not answer")]
    Unreachable {
        /// Who.
        host: String,
        /// The cause.
        #[source]
        source: reqwest::Error,
    },
    /// An archive's connection ended early.
    #[error("the registry {host} sent {have} of {bytes} bytes of layer {number}")]
    Short {
        /// Who.
        host: String,
        /// From 1, from the bottom up.
        number: usize,
        /// What is there.
        have: u64,
        /// What it has.
        bytes: u64,
    },
    /// Not without credentials, or not with these.
    #[error("the registry {host} does not give {repository} to {}", asker(user.as_deref()))]
    Denied {
        /// Who.
        host: String,
        /// What.
        repository: String,
        /// Who asked; nobody without credentials.
        user: Option<String>,
    },
    /// No such repository, tag or digest.
    #[error("the registry {host} has no {what}")]
    Unknown {
        /// Who.
        host: String,
        /// What.
        what: String,
    },
    /// Another answer that helps nobody.
    #[error("the registry {host} answers {status} {message}")]
    Status {
        /// Who.
        host: String,
        /// HTTP's.
        status: u16,
        /// What it says about it.
        message: String,
    },
    /// An answer with more than it may have.
    #[error("the registry {host} sends more than {limit} bytes of {what}")]
    TooLarge {
        /// Who.
        host: String,
        /// Of what.
        what: &'static str,
        /// What is allowed.
        limit: u64,
    },
    /// A way to say who one is that is not known here.
    #[error("the registry {host} asks for {challenge:?}; Basic and Bearer are known here")]
    Challenge {
        /// Who.
        host: String,
        /// What it asks for.
        challenge: String,
    },
    /// Credentials are not sent without TLS.
    #[error("the registry {host} names the token service {realm:?}, which has no TLS")]
    PlainRealm {
        /// Who.
        host: String,
        /// The service's address.
        realm: String,
    },
    /// The token service's answer.
    #[error("the token service of the registry {host} gives no token")]
    Token {
        /// Who.
        host: String,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// An image's documents.
    #[error("the image's documents cannot be used")]
    Manifest(#[from] ManifestError),
    /// A document is not the one that was asked for.
    #[error("the registry {host} has {found} under the digest {wanted}")]
    Digest {
        /// Who.
        host: String,
        /// What was asked for.
        wanted: Digest,
        /// What came.
        found: Digest,
    },
    /// Indexes in indexes.
    #[error("its indexes are nested more than {INDEX_DEPTH_MAX} deep")]
    TooDeep,
    /// Tries in a row without a byte.
    #[error("given up after {TRIES_MAX} tries")]
    GivenUp(#[source] Box<PullError>),
    /// The store.
    #[error("the image cannot be kept")]
    Store(#[from] StoreError),
    /// The process ends.
    #[error("interrupted")]
    Interrupted,
}

impl PullError {
    /// Whether it may be otherwise in a moment.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            // A certificate is not better in a moment.
            Self::Unreachable { source, .. } => tls_error(source).is_none(),
            Self::Short { .. } => true,
            Self::Status { status, .. } => *status == 408 || *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

fn asker(user: Option<&str>) -> String {
    user.map_or_else(|| "those without credentials".to_owned(), |user| format!("{user:?}"))
}
