//! What can be wrong with an agent's settings, beside what can be wrong with anybody's.

use edge::settings::Malformed;
use proto::model::{IdError, resources::ResourceError};

/// Why an agent has no settings to start with.
pub type SettingsError = edge::settings::SettingsError<Problem>;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not of the form that every such value has.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Not an id.
    #[error("{text:?} is not an id")]
    Id {
        /// What was said.
        text: String,
        /// Why.
        #[source]
        source: IdError,
    },
    /// Not a fault domain.
    #[error("{text:?} is not a fault domain, such as eu/eu-1/r7")]
    Domain {
        /// What was said.
        text: String,
        /// Why.
        #[source]
        source: IdError,
    },
    /// Not what is reserved for a role.
    #[error(
        "{text:?} does not say what is reserved for which role, each once: eng=cpus:2;mem:1024"
    )]
    Reservation {
        /// What was said.
        text: String,
    },
    /// Not a registry.
    #[error("{text:?} is no registry as it stands in images' names, such as registry.test:5000")]
    Registry {
        /// What was said.
        text: String,
    },
    /// Not resources.
    #[error(transparent)]
    Resources(#[from] ResourceError),
    /// Masters would refuse it.
    #[error("every master would refuse it: {problem}")]
    Refused {
        /// Why.
        problem: String,
    },
    /// An agent that has nothing.
    #[error("names nothing that a task could use")]
    Nothing,
    /// No such choice about user namespaces.
    #[error("{text:?} is not one of `auto`, `required`, `off`")]
    UserNamespaces {
        /// What was said.
        text: String,
    },
    /// No such kind of isolation.
    #[error("{text:?} is not one of `auto`, `full`, `none`")]
    Isolation {
        /// What was said.
        text: String,
    },
}
