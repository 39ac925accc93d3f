//! Certificates: who this agent is, and who calls it.
//!
//! An identity is the one URI name in a certificate, `spiffe://CLUSTER/KIND/ID`. The agent presents
//! its own to masters and to operators; a master must present one that the CA vouches for under the
//! DNS name that only masters have.

use crate::settings::{Security, TlsPaths};
use proto::model::{
    Principal,
    principal::{PrincipalError, PrincipalKind},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{io, path::PathBuf};
use tonic::transport::{Certificate, ClientTlsConfig, Identity, ServerTlsConfig};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// The DNS name in every master's certificate, and in no other.
pub const MASTER_DNS_NAME: &str = "master.bourse.internal";

/// The agent's own certificate, read and understood.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// Who the agent is.
    pub(crate) principal: Principal,
    ca: Certificate,
    identity: Identity,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The certificate does not say who this is.
    #[error("the certificate {} proves nothing", path.display())]
    Name {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: NameError,
    },
    /// A certificate, but not an agent's.
    #[error("the certificate {} is that of {principal}, not of an agent", path.display())]
    Kind {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        principal: Box<Principal>,
    },
}

/// Why a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The bytes are no certificate.
    #[error("it cannot be read")]
    Malformed,
    /// Names nobody, or more than one.
    #[error("it has {count} URI names, it must have exactly one")]
    UriNames {
        /// How many.
        count: usize,
    },
    /// The name is not of ours.
    #[error("its URI name is no identity")]
    Principal(#[source] PrincipalError),
}

impl Credentials {
    /// Reads the files that the settings name; `None` in insecure mode.
    pub(crate) fn load(security: &Security) -> Result<Option<Self>, CredentialsError> {
        let Security::Tls(TlsPaths { ca, certificate, key }) = security else { return Ok(None) };
        let read = |path: &PathBuf| {
            let path = path.clone();
            std::fs::read(&path).map_err(|source| CredentialsError::Read { path, source })
        };
        let pem = read(certificate)?;
        let name = |source| CredentialsError::Name { path: certificate.clone(), source };
        let der = CertificateDer::pem_slice_iter(&pem).next();
        let der = der.and_then(Result::ok).ok_or_else(|| name(NameError::Malformed))?;
        let principal = read_principal(&der).map_err(name)?;
        if principal.kind != PrincipalKind::Agent {
            let principal = Box::new(principal);
            return Err(CredentialsError::Kind { path: certificate.clone(), principal });
        }
        let identity = Identity::from_pem(pem, read(key)?);
        Ok(Some(Self { principal, ca: Certificate::from_pem(read(ca)?), identity }))
    }

    pub(crate) fn client(&self) -> ClientTlsConfig {
        ClientTlsConfig::new()
            .ca_certificate(self.ca.clone())
            .identity(self.identity.clone())
            .domain_name(MASTER_DNS_NAME)
    }

    pub(crate) fn server(&self) -> ServerTlsConfig {
        ServerTlsConfig::new().identity(self.identity.clone()).client_ca_root(self.ca.clone())
    }
}

/// Reads the identity in a certificate (DER) whose chain was verified, or is our own.
pub(crate) fn read_principal(der: &[u8]) -> Result<Principal, NameError> {
    let (_, certificate) = X509Certificate::from_der(der).map_err(|_| NameError::Malformed)?;
    let names = certificate.subject_alternative_name().map_err(|_| NameError::Malformed)?;
    let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
    let uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    let uris: Vec<&str> = uris.collect();
    let [uri] = uris[..] else { return Err(NameError::UriNames { count: uris.len() }) };
    uri.parse().map_err(NameError::Principal)
}
