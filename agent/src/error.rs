//! Why an agent does not start, or ends by itself.

use crate::{
    containers::{
        filters::FiltersError, sweep::CgroupsError, user_namespaces::UserNamespacesError,
    },
    disk::{CommitError, JournalFileError},
    identity::CredentialsError,
};
use agent_core::RecoverError;
use edge::lock::LockError;
use proto::model::{AgentId, Refusal};
use std::{io, net::SocketAddr, path::PathBuf};

/// Why an agent does not start, or ends by itself. Its containers run on in any case.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// A directory of the agent's cannot be made or used.
    #[error("the directory {} cannot be used", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another agent uses the data directory.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
    /// The journal says what cannot be.
    #[error("the journal cannot be carried on")]
    Recover(#[from] RecoverError),
    /// The journal cannot be written: nothing may be done any more.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The journal's thread is gone.
    #[error("the journal's thread has ended")]
    JournalEnded,
    /// Certificates cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// What is said about image registries cannot be used.
    #[error(transparent)]
    Registries(#[from] registry::AccessError),
    /// The settings and the certificate name two agents.
    #[error(
        "the settings say that this is the agent {settings}, its certificate says {certificate}"
    )]
    TwoIds {
        /// By the settings.
        settings: AgentId,
        /// By the certificate.
        certificate: String,
    },
    /// Full isolation without being root.
    #[error("full isolation needs root; run the agent as root, or with `isolation = \"none\"`")]
    NotRoot,
    /// Full isolation without cgroups.
    #[error("full isolation is not to be had here; repair that, or say `isolation = \"none\"`")]
    Cgroups(#[from] CgroupsError),
    /// The profile of system calls cannot be used.
    #[error(transparent)]
    Filters(#[from] FiltersError),
    /// Images are to have user namespaces, and cannot.
    #[error(
        "images cannot have user namespaces; repair that, or say `user_namespaces = \"off\"`, and \
         root in an image is this host's root"
    )]
    UserNamespaces(#[from] UserNamespacesError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A thing of the system that is always there is not.
    #[error("cannot {what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The cluster has removed this agent for good.
    #[error(
        "the cluster has removed this agent ({refusal}); its tasks were ended and its journal was \
         put away as {}: started again, it joins as a new one", journal.display()
    )]
    Removed {
        /// What the master said.
        refusal: Box<Refusal>,
        /// Where the journal is now.
        journal: PathBuf,
    },
    /// A bug.
    #[error("the agent's main task panicked")]
    Panicked,
}

impl From<crate::disk::WriteError> for AgentError {
    fn from(error: crate::disk::WriteError) -> Self {
        match error {
            crate::disk::WriteError::Commit(error) => Self::Commit(error),
            crate::disk::WriteError::Ended => Self::JournalEnded,
        }
    }
}
