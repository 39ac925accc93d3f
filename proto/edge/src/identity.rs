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
pub enum Proof {
    /// TLS: what the certificate says.
    Certificate(Result<Arc<Principal>, IdentityError>),
    /// Plain text.
    None,
}

/// Who makes a call, as far as it is known before the body is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Proved, or named in the metadata in insecure mode.
    Known(Arc<Principal>),
    /// Insecure mode, and the caller did not say.
    Anybody,
}

/// Reads a certificate (DER) whose chain has been verified, or that is our own.
pub fn read_principal(der: &[u8]) -> Result<Principal, IdentityError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Malformed)?;
    let names = certificate.subject_alternative_name().map_err(|_| IdentityError::Malformed)?;
    let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let uris: Vec<&str> = uris.collect();
    let [uri] = uris[..] else {
        return Err(IdentityError::UriNames { count: uris.len() });
    };
    uri.parse().map_err(IdentityError::Name)
}

/// Reads the certificate of the other side of a connection, if it presented one.
pub fn read_member(der: Option<&[u8]>, cluster: &ClusterId) -> Result<Principal, IdentityError> {
    let principal = read_principal(der.ok_or(IdentityError::Missing)?)?;
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
    pub fn or_insecure(&self, kind: PrincipalKind, cluster: &ClusterId) -> Principal {
        self.or_claimed(kind, "insecure", cluster)
    }

    /// Who it is; without proof, who it claims to be in what it sent.
    pub fn or_claimed(&self, kind: PrincipalKind, id: &str, cluster: &ClusterId) -> Principal {
        match self {
            Caller::Known(principal) => Principal::clone(principal),
            Caller::Anybody => Principal { cluster: cluster.clone(), kind, id: id.to_owned() },
        }
    }
}

impl From<&IdentityError> for Refusal {
    fn from(error: &IdentityError) -> Self {
        Refusal::new(Reason::Unauthenticated, crate::errors::chain(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn certificate(uris: &[&str]) -> Vec<u8> {
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        for uri in uris {
            parameters.subject_alt_names.push(SanType::URI((*uri).try_into().unwrap()));
        }
        let key = KeyPair::generate().unwrap();
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    fn read(uris: &[&str]) -> Result<String, IdentityError> {
        let cluster = ClusterId::new("test").unwrap();
        let member = read_member(Some(&certificate(uris)), &cluster);
        member.map(|principal| principal.to_string())
    }

    #[test]
    fn one_uri_name_of_this_cluster_is_an_identity() {
        assert_eq!(read(&["spiffe://test/agent/rack-1"]).unwrap(), "spiffe://test/agent/rack-1");
    }

    #[test]
    fn anything_else_proves_nothing() {
        assert_eq!(read(&[]), Err(IdentityError::UriNames { count: 0 }));
        let two = ["spiffe://test/agent/a", "spiffe://test/master/1"];
        assert_eq!(read(&two), Err(IdentityError::UriNames { count: 2 }));
        let found = "other".to_owned();
        assert_eq!(read(&["spiffe://other/agent/a"]), Err(IdentityError::OtherCluster { found }));
        for name in [
            "spiffe://test/task/a",
            "spiffe://test/agent",
            "spiffe://test/agent/a/b",
            "spiffe:///agent/a",
            "https://test/agent/a",
            "spiffe://test/agent/..",
        ] {
            assert!(matches!(read(&[name]), Err(IdentityError::Name(_))), "{name}");
        }
        let cluster = ClusterId::new("test").unwrap();
        assert_eq!(read_member(None, &cluster), Err(IdentityError::Missing));
    }

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        let der = certificate(&["spiffe://test/agent/a"]);
        for length in 0..der.len() {
            let outcome = read_principal(&der[..length]);
            assert_eq!(outcome, Err(IdentityError::Malformed), "{length} bytes");
        }
    }
}
