//! Whose data directory this is, and whether its member may vote.
//!
//! The file `identity` binds a directory to one cluster, one member and one *store id*, a random
//! number minted when the directory was created. The log and everything else in the directory is
//! bound to that store id, so that a wiped or exchanged disk can be told from the one that voted.
//!
//! # Who may vote
//!
//! A member that lost its disk has forgotten the votes it gave and the entries it acknowledged. If
//! it voted again under its old name, a majority could elect a leader that lacks committed
//! entries, or two leaders in one term. So a directory carries a durable [`Standing`]:
//!
//! * [`Standing::Joining`]: made without `bootstrap`. The member neither votes, nor campaigns, nor
//!   acknowledges appends. It asks the leader to join, naming its store id. The leader commits two
//!   membership changes: the old member leaves, then the same id returns as a *learner* (which
//!   also resets what the leader believes the member has). Once the learner has caught up the
//!   leader commits a third, which makes it a voter and carries the store id in its context. When
//!   the member applies *that* entry, it calls [`super::DataDirectory::mark_voter`]. Earlier
//!   entries of the log may name the same id as a voter: they speak of the lost disk and count for
//!   nothing. In terms of raft this is a removed member and a new one, both within its proof.
//! * [`Standing::Founding`]: made with `bootstrap`, the operator's word that the cluster has no
//!   history. It may vote at once. The word can be wrong (a start command that always says
//!   bootstrap, on a wiped disk), so a founding member must stop when a peer tells it that the
//!   cluster is already initialised. It becomes a voter with its first durable hard state.
//! * [`Standing::Voter`]: takes part in everything. An existing directory ignores `bootstrap`.
//!
//! A directory with an identity but without its log is refused
//! ([`super::LogFileError::LogMissing`]). What this cannot see is a complete old copy of the whole
//! directory put back; the leader sees it as a member whose log ends before what it had
//! acknowledged.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::durable_file;
use super::record;
use edge::lock::LockError;

pub(super) const IDENTITY_FILE: &str = "identity";
/// Version of the layout of the whole directory.
pub(super) const FORMAT: u32 = 1;
const CHECKSUM_LABEL: &[u8] = b"bourse identity";
const MAX_CLUSTER_ID_BYTES: usize = 64;

/// The name of a cluster: 1 to 64 letters, digits, `-`, `_` or `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterId(String);

/// Text that is no cluster id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cluster id {text:?} must be 1 to 64 letters, digits, '-', '_' or '.'")]
pub struct ClusterIdError {
    /// The refused text.
    pub text: String,
}

/// The random number minted when a data directory was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StoreId(pub u128);

/// Whether the member of this directory may vote; see the head of this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// A first member of a cluster without history: may vote.
    Founding,
    /// An empty disk in a cluster that may have history: must not vote, campaign or acknowledge.
    Joining,
    /// A full member.
    Voter,
}

/// The content of the identity file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    pub(super) format: u32,
    pub(super) cluster: ClusterId,
    pub(super) node: u64,
    pub(super) store: StoreId,
    pub(super) standing: Standing,
    /// Set once the log exists durably; from then on its absence is a loss, not a beginning.
    pub(super) log_created: bool,
}

/// Why a data directory is refused.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The system refused.
    #[error("data directory: {} cannot be used", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Somebody else has it open.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Others may read it.
    #[error(
        "data directory {} has mode {mode:04o}; others could read the log; run: chmod 700 {}",
        path.display(), path.display()
    )]
    LaxMode {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error(
        "data directory {} belongs to user {owner}, this process runs as user {user}",
        path.display()
    )]
    ForeignOwner {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Our effective user.
        user: u32,
    },
    /// No master ever used it.
    #[error("{} is no data directory of a master", path.display())]
    None {
        /// The directory.
        path: PathBuf,
    },
    /// Something is in it, but no identity.
    #[error(
        "data directory {} has no identity file but holds {found:?}; a directory must be empty to \
         be taken into use",
        path.display()
    )]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// One of its files.
        found: String,
    },
    /// The identity file is not as it was written.
    #[error(
        "identity file {} is damaged; it must not be edited; restore it or let this member join \
         again with an empty directory",
        path.display()
    )]
    Damaged {
        /// The identity file.
        path: PathBuf,
    },
    /// Written by a newer release.
    #[error(
        "data directory {} has format {found}, this release reads format {FORMAT}",
        path.display()
    )]
    UnknownFormat {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It belongs to another cluster.
    #[error("data directory {} belongs to cluster {found}, not to {expected}", path.display())]
    OtherCluster {
        /// The directory.
        path: PathBuf,
        /// What the caller said.
        expected: String,
        /// What the directory says.
        found: String,
    },
    /// It belongs to another member.
    #[error(
        "data directory {} belongs to member {found}, not to member {expected}",
        path.display()
    )]
    OtherNode {
        /// The directory.
        path: PathBuf,
        /// What the caller said.
        expected: u64,
        /// What the directory says.
        found: u64,
    },
    /// Member id zero.
    #[error("member id 0 is reserved")]
    ZeroNode,
    /// Bootstrap asked for a directory that has begun to join.
    #[error(
        "data directory {} is joining an existing cluster and cannot found a new one; empty it \
         first if the cluster really has no history",
        path.display()
    )]
    BootstrapOfJoining {
        /// The directory.
        path: PathBuf,
    },
}

impl ClusterId {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClusterId {
    type Error = ClusterIdError;

    fn try_from(text: String) -> Result<Self, ClusterIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if (1..=MAX_CLUSTER_ID_BYTES).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(ClusterIdError { text })
        }
    }
}

impl From<ClusterId> for String {
    fn from(id: ClusterId) -> Self {
        id.0
    }
}

impl std::fmt::Display for ClusterId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::fmt::Display for StoreId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl From<StoreId> for String {
    fn from(id: StoreId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for StoreId {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u128::from_str_radix(&text, 16).map(Self)
    }
}

pub(super) fn write_identity(directory: &Path, identity: &Identity) -> Result<(), IdentityError> {
    let body = toml::to_string(identity).expect("an identity holds only plain values");
    let sum = record::checksum(CHECKSUM_LABEL, body.as_bytes());
    let text = format!("{body}checksum = \"{sum:08x}\"\n");
    durable_file::replace(directory, IDENTITY_FILE, text.as_bytes())
        .map_err(|source| IdentityError::Io { path: directory.join(IDENTITY_FILE), source })
}

pub(super) fn read_identity(directory: &Path) -> Result<Option<Identity>, IdentityError> {
    let path = directory.join(IDENTITY_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(IdentityError::Io { path, source }),
    };
    parse_identity(&bytes).map(Some).ok_or(IdentityError::Damaged { path })
}

fn parse_identity(bytes: &[u8]) -> Option<Identity> {
    let text = str::from_utf8(bytes).ok()?;
    let (body, sum) = text.strip_suffix("\"\n")?.rsplit_once("checksum = \"")?;
    let expected = format!("{:08x}", record::checksum(CHECKSUM_LABEL, body.as_bytes()));
    if sum != expected {
        return None;
    }
    toml::from_str(body).ok()
}
