//! Why settings are refused: which key, where it came from, what is wrong with it.

use crate::disk::ClusterIdError;
use proto::model::{IdError, NodeId, resources::ResourceError};
use std::{fmt, io, path::PathBuf};

/// Which layer said something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag(String),
    /// The environment.
    Environment(String),
    /// A file.
    File(PathBuf),
    /// Nobody: it is the default.
    Default,
}

/// Why a master has no settings to start with.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("the settings file {} cannot be read", path.display())]
    FileUnreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not of the right form, or has a key that does not exist.
    #[error("the settings file {} is malformed", path.display())]
    FileMalformed {
        /// Which.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Nobody said it, and there is no default.
    #[error("`{key}` is missing: give it as {flag}, as {variable}, or in the settings file")]
    Missing {
        /// What.
        key: &'static str,
        /// Its flag.
        flag: String,
        /// Its environment variable.
        variable: String,
    },
    /// A value that cannot be.
    #[error("`{key}` ({origin}) is refused")]
    Invalid {
        /// What.
        key: &'static str,
        /// Who said it.
        origin: Origin,
        /// What is wrong.
        #[source]
        problem: Problem,
    },
    /// Neither certificates nor the word that there are to be none.
    #[error(
        "no security is configured: give `tls.ca`, `tls.certificate` and `tls.key`, or say \
         `insecure` for plain text without identities"
    )]
    NoSecurity,
    /// Certificates and the word that there are to be none.
    #[error("`insecure` ({insecure}) contradicts `{key}` ({tls}): leave one of them out")]
    Contradiction {
        /// Who said that it is to be insecure.
        insecure: Origin,
        /// Which certificate setting is there all the same.
        key: &'static str,
        /// Who gave it.
        tls: Origin,
    },
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not a whole number within bounds.
    #[error("{text:?} is not a whole number from {minimum} to {maximum}")]
    Number {
        /// What was said.
        text: String,
        /// Least.
        minimum: u64,
        /// Most.
        maximum: u64,
    },
    /// Neither true nor false.
    #[error("{text:?} is neither true nor false")]
    Boolean {
        /// What was said.
        text: String,
    },
    /// Nothing was said.
    #[error("is empty")]
    Empty,
    /// Not an address to listen on.
    #[error("{text:?} is not of the form IP:PORT")]
    ListenAddress {
        /// What was said.
        text: String,
    },
    /// Not an address to call.
    #[error("{text:?} is not of the form HOST:PORT")]
    CallAddress {
        /// What was said.
        text: String,
    },
    /// Port 0 can be told to nobody.
    #[error("port 0 is only possible for a master without others")]
    PortZero,
    /// Not a cluster's name.
    #[error(transparent)]
    Cluster(#[from] ClusterIdError),
    /// An entry of a list has the wrong form.
    #[error("{entry:?} is not of the form {form}")]
    Entry {
        /// The entry.
        entry: String,
        /// The form.
        form: &'static str,
    },
    /// Two members with one number.
    #[error("member {node} is given twice")]
    MemberTwice {
        /// The number.
        node: NodeId,
    },
    /// Two members at one address.
    #[error("{address} is given for two members")]
    AddressTwice {
        /// The address.
        address: String,
    },
    /// A number of members that tolerates no more than one less would.
    #[error("{count} members are given; a cluster has 1, 3 or 5")]
    MemberCount {
        /// How many.
        count: usize,
    },
    /// A member that others could not reach.
    #[error("member {node} has no address for other masters (ID=API/PEER)")]
    NoPeerAddress {
        /// Which.
        node: NodeId,
    },
    /// This node is not in the list.
    #[error("{node} is not among the members")]
    NotAMember {
        /// This node.
        node: NodeId,
    },
    /// With several members this one must listen for the others.
    #[error("must be given when there is more than one member")]
    NeededForPeers,
    /// Not a role.
    #[error("{text:?} is not a role")]
    Role {
        /// What was said.
        text: String,
        /// Why.
        #[source]
        source: IdError,
    },
    /// Not a weight.
    #[error("{text:?} is not a weight")]
    Weight {
        /// What was said.
        text: String,
        /// Why.
        #[source]
        source: ResourceError,
    },
    /// Nobody with weight 0 would ever be offered anything.
    #[error("the weight of {role} is zero")]
    WeightZero {
        /// Whose.
        role: String,
    },
    /// A role with two weights.
    #[error("the role {role} is given twice")]
    RoleTwice {
        /// Which.
        role: String,
    },
    /// A value that contradicts another.
    #[error("{value} must be more than {bound} ({reason})")]
    NotMore {
        /// What it is.
        value: u64,
        /// What it must exceed.
        bound: u64,
        /// Why.
        reason: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => write!(f, "flag {flag}"),
            Origin::Environment(variable) => write!(f, "environment variable {variable}"),
            Origin::File(path) => write!(f, "file {}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}
