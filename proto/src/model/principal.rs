//! Who somebody is, as proved by a certificate: `spiffe://CLUSTER/KIND/ID`.
//!
//! A body that claims another identity than its certificate's is refused.

use super::ids::{ClusterId, IdError};
use std::{fmt, str::FromStr};

/// What kind of party it is; each RPC states which kinds may call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// A master: may speak raft.
    Master,
    /// An agent: may speak for itself and its tasks.
    Agent,
    /// A framework's author or service: owns the frameworks it subscribes.
    Framework,
    /// An operator: may read everything and kill.
    Operator,
}

/// A proved identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Principal {
    /// Of which cluster.
    pub cluster: ClusterId,
    /// What it is.
    pub kind: PrincipalKind,
    /// Which one; under the rule for ids.
    pub id: String,
}

/// Why a URI is not a principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrincipalError {
    /// Not of the form.
    #[error("{uri:?} is not of the form spiffe://CLUSTER/master|agent|framework|operator/ID")]
    Form {
        /// The URI.
        uri: String,
    },
    /// The cluster or the id breaks the rule for ids.
    #[error("{part} of the certificate's name is malformed")]
    Id {
        /// Which part.
        part: &'static str,
        /// What is wrong with it.
        #[source]
        source: IdError,
    },
}

impl PrincipalKind {
    /// The word in the URI.
    pub const fn as_str(self) -> &'static str {
        match self {
            PrincipalKind::Master => "master",
            PrincipalKind::Agent => "agent",
            PrincipalKind::Framework => "framework",
            PrincipalKind::Operator => "operator",
        }
    }
}

impl FromStr for PrincipalKind {
    type Err = PrincipalError;
    fn from_str(text: &str) -> Result<Self, PrincipalError> {
        [Self::Master, Self::Agent, Self::Framework, Self::Operator]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| PrincipalError::Form { uri: text.to_owned() })
    }
}

impl FromStr for Principal {
    type Err = PrincipalError;

    fn from_str(uri: &str) -> Result<Self, PrincipalError> {
        let form = || PrincipalError::Form { uri: uri.chars().take(300).collect() };
        let rest = uri.strip_prefix("spiffe://").ok_or_else(form)?;
        let mut parts = rest.splitn(3, '/');
        let (Some(cluster), Some(kind), Some(id)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(form());
        };
        let kind = kind.parse().map_err(|_| form())?;
        let cluster = ClusterId::new(cluster)
            .map_err(|source| PrincipalError::Id { part: "the cluster", source })?;
        super::ids::TaskId::new(id)
            .map_err(|source| PrincipalError::Id { part: "the id", source })?;
        Ok(Principal { cluster, kind, id: id.to_owned() })
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/{}/{}", self.cluster, self.kind.as_str(), self.id)
    }
}
