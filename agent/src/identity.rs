//! The agent's own certificate: who it says it is, to masters and to operators.

use crate::settings::Security;
use edge::{
    identity::{IdentityError, read_principal},
    tls::{Tls, TlsError},
};
use proto::model::{Principal, principal::PrincipalKind};
use std::path::PathBuf;

/// The agent's own certificate, read and understood.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// Who the agent is.
    pub(crate) principal: Principal,
    /// What proves it.
    pub(crate) tls: Tls,
}

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Files that cannot be read, or do not belong together.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// The certificate does not say who this is.
    #[error("the certificate {} proves nothing", path.display())]
    Name {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: IdentityError,
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

impl Credentials {
    /// Reads the files that the settings name; `None` in insecure mode.
    pub(crate) fn load(security: &Security) -> Result<Option<Self>, CredentialsError> {
        let Security::Tls(paths) = security else { return Ok(None) };
        let path = || paths.certificate.clone();
        let tls = Tls::load(paths)?;
        let principal = read_principal(&tls.certificate)
            .map_err(|source| CredentialsError::Name { path: path(), source })?;
        if principal.kind != PrincipalKind::Agent {
            let principal = Box::new(principal);
            return Err(CredentialsError::Kind { path: path(), principal });
        }
        Ok(Some(Self { principal, tls }))
    }
}
