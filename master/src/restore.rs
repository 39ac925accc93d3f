//! A data directory out of a backup: the first members of a new cluster with an old one's state.
//!
//! ```text
//! backup file ─▶ verified ─▶ ledger ─▶ reincarnated ─▶ snapshot file + log that points to it
//! ```
//!
//! The new cluster is another incarnation of the old one: numbers that must never come twice
//! (terms, log indexes, frameworks' epochs) go on far above what the old cluster can have reached
//! after the backup, and masters of the two refuse to hear each other. What happened after the
//! backup is forgotten.

use crate::{
    disk::{
        AppendError, Batch, DataDirectory, IdentityError, LoadError, LogFileError, LogStore as _,
        Opening, SnapshotChange, SnapshotMeta, SnapshotReadError, SnapshotReader,
        SnapshotWriteError,
    },
    settings::{self, Problem},
    snapshots::{self, RestoreFileError},
};
use master_core::{Ledger, ledger::digest::digest};
use proto::model::{MasterInfo, NodeId};
use raft::eraftpb::{ConfState, HardState};
use std::path::{Path, PathBuf};

/// What is to be made of what.
#[derive(Debug, Clone)]
pub struct RestoreOrder {
    /// The backup.
    pub file: PathBuf,
    /// An empty folder, or none.
    pub data_dir: PathBuf,
    /// Which of the members it is for.
    pub node_id: u64,
    /// All members of the new cluster, as in a master's settings.
    pub members: String,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Whose state it is.
    pub cluster: String,
    /// The last log index in it.
    pub index: u64,
    /// Tasks in it.
    pub tasks: usize,
    /// Of the state.
    pub digest: u128,
    /// Of the cluster.
    pub incarnation: u64,
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The file.
    #[error("the backup cannot be used")]
    File(#[from] RestoreFileError),
    /// The list of members.
    #[error("--members")]
    Members(#[source] Problem),
    /// This node is not in it.
    #[error("--node-id: {node} is not among the members")]
    NotAMember {
        /// Which.
        node: u64,
    },
    /// The folder.
    #[error(transparent)]
    Directory(#[from] IdentityError),
    /// Something is in it already.
    #[error("{} is in use by a master already", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The new log's file.
    #[error(transparent)]
    Log(#[from] LogFileError),
    /// The new log.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The new snapshot.
    #[error(transparent)]
    Write(#[from] SnapshotWriteError),
    /// The new log.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl From<SnapshotReadError> for RestoreError {
    fn from(error: SnapshotReadError) -> Self {
        Self::File(error.into())
    }
}

/// Reads a whole backup and says what it holds.
pub fn inspect(file: &Path) -> Result<Content, RestoreError> {
    Ok(content(&read(file)?))
}

/// Makes a member's data directory; on an error, what was begun must be removed by hand.
pub fn restore(order: &RestoreOrder) -> Result<Content, RestoreError> {
    let members = members(order)?;
    let mut ledger = read(&order.file)?;
    ledger.reincarnate(&members);
    let cluster = crate::disk::ClusterId::try_from(ledger.cluster().to_string())
        .expect("it was read from a file of this kind");
    let opening = Opening { cluster: cluster.clone(), node: order.node_id, bootstrap: false };
    let mut directory = DataDirectory::open(&order.data_dir, &opening)?;
    if !directory.is_fresh() {
        return Err(RestoreError::InUse { path: order.data_dir.clone() });
    }
    let mut log = directory.open_log()?;
    log.load()?;
    let applied = ledger.applied();
    let mut conf_state = ConfState::default();
    conf_state.set_voters(members.iter().map(|member| member.node.0).collect());
    let meta = SnapshotMeta { cluster, index: applied.index, term: applied.term, conf_state };
    let pointer = snapshots::write(&directory.snapshots(), &meta, &ledger)?;
    let mut hard_state = HardState::default();
    (hard_state.term, hard_state.commit) = (applied.term, applied.index);
    let snapshot = Some(SnapshotChange::Installed(pointer));
    log.append(&[Batch { hard_state: Some(hard_state), snapshot, ..Batch::default() }])?;
    // Last: a member that may vote has a log to vote by.
    directory.mark_voter()?;
    Ok(content(&ledger))
}

fn members(order: &RestoreOrder) -> Result<Vec<MasterInfo>, RestoreError> {
    let members = settings::read_members(&order.members).map_err(RestoreError::Members)?;
    if !members.contains_key(&NodeId(order.node_id)) {
        return Err(RestoreError::NotAMember { node: order.node_id });
    }
    let info = |(node, addresses): (NodeId, settings::MemberAddresses)| MasterInfo {
        node,
        address: addresses.api,
        peer_address: addresses.peer.unwrap_or_default(),
    };
    Ok(members.into_iter().map(info).collect())
}

fn read(file: &Path) -> Result<Ledger, RestoreError> {
    let reader = SnapshotReader::open_any(file)?;
    Ok(snapshots::restore(reader)?)
}

fn content(ledger: &Ledger) -> Content {
    Content {
        cluster: ledger.cluster().to_string(),
        index: ledger.applied().index,
        tasks: ledger.tasks().len(),
        digest: digest(ledger),
        incarnation: ledger.members().incarnation(),
    }
}
