//! Who somebody is: the one URI name in the certificate, `spiffe://CLUSTER/KIND/ID`.
//!
//! A certificate that the CA vouches for but that names nobody, several, or another cluster's
//! member proves nothing here. In insecure mode there are no certificates: a caller may name itself
//! in the request's metadata, and otherwise is who the call it makes is meant for.

use proto::model::{
    ClusterId, Principal, Reason, Refusal,
    principal::{PrincipalError, PrincipalKind},
};
use std::sync::Arc;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// The metadata in which an unproved caller names itself: `framework/NAME`.
pub const CLAIM_KEY: &str = "bourse-principal";

/// Why a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// No certificate came.
    #[error("no certificate was presented")]
    Missing,
    /// The bytes are no certificate.
    #[error("the certificate cannot be read")]
    Malformed,
    /// Names nobody, or more than one.
    #[error("the certificate has {count} URI names, it must have exactly one")]
    UriNames {
        /// How many.
        count: usize,
    },
    /// The name is not of ours.
    #[error("the certificate's URI name is no identity")]
    Name(#[source] PrincipalError),
    /// A member of something else.
    #[error("the certificate belongs to cluster {found:?}")]
    OtherCluster {
        /// Which.
        found: String,
    },
}

/// What is known of a connection's other side.
#[derive(Debug, Clone)]
pub(crate) enum Proof {
    /// TLS: what the certificate says.
    Certificate(Result<Arc<Principal>, IdentityError>),
    /// Plain text.
    None,
}

/// Who makes a call, as far as it is known before the body is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Proved, or named in the metadata in insecure mode.
    Known(Arc<Principal>),
    /// Insecure mode, and the caller did not say.
    Anybody,
}

/// Reads a certificate (DER) whose chain has been verified.
pub fn read_principal(der: &[u8], cluster: &ClusterId) -> Result<Principal, IdentityError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Malformed)?;
    let names = certificate.subject_alternative_name().map_err(|_| IdentityError::Malformed)?;
    let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let uris: Vec<&str> = names
        .iter()
        .filter_map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        })
        .collect();
    let [uri] = uris[..] else {
        return Err(IdentityError::UriNames { count: uris.len() });
    };
    let principal: Principal = uri.parse().map_err(IdentityError::Name)?;
    match principal.cluster == *cluster {
        true => Ok(principal),
        false => Err(IdentityError::OtherCluster { found: principal.cluster.to_string() }),
    }
}

/// Reads `KIND/ID`, as claimed in insecure mode.
pub(crate) fn read_claim(text: &str, cluster: &ClusterId) -> Result<Principal, PrincipalError> {
    format!("spiffe://{cluster}/{text}").parse()
}

impl Caller {
    /// Who it is, when the service expects one kind and nobody was named.
    pub(crate) fn or_insecure(&self, kind: PrincipalKind, cluster: &ClusterId) -> Principal {
        self.or_claimed(kind, "insecure", cluster)
    }

    /// Who it is; without proof, who it claims to be in what it sent.
    pub(crate) fn or_claimed(
        &self,
        kind: PrincipalKind,
        id: &str,
        cluster: &ClusterId,
    ) -> Principal {
        match self {
            Caller::Known(principal) => Principal::clone(principal),
            Caller::Anybody => Principal { cluster: cluster.clone(), kind, id: id.to_owned() },
        }
    }
}

impl From<&IdentityError> for Refusal {
    fn from(error: &IdentityError) -> Self {
        let cause = std::error::Error::source(error);
        let message = match cause {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        Refusal::new(Reason::Unauthenticated, message)
    }
}
