//! From a data directory to everything that a master starts from.

use crate::{
    disk::{
        ClusterIdError, DataDirectory, IdentityError, LoadError, LogFileError, LogStore, Opening,
        RedbLogStore, SnapshotPointer, SnapshotReadError, Standing,
    },
    settings::MasterSettings,
    snapshots::{RestoreFileError, restore},
};
use master_core::{Ledger, consensus::Restored, outbox::SnapshotMark};
use proto::model::ClusterId;
use std::{io, path::PathBuf};

/// What a data directory holds.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) directory: DataDirectory,
    pub(crate) store: RedbLogStore,
    pub(crate) restored: Restored,
    pub(crate) ledger: Ledger,
    pub(crate) newest: Option<SnapshotPointer>,
    /// Whether the log holds nothing yet.
    pub(crate) blank: bool,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenStorageError {
    /// Whose it is, or who has it.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The cluster's name does not fit a data directory.
    #[error(transparent)]
    Cluster(ClusterIdError),
    /// The log's file.
    #[error(transparent)]
    Log(#[from] LogFileError),
    /// The log's content.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The snapshot's file.
    #[error("the newest snapshot cannot be opened")]
    Snapshot(#[source] Box<SnapshotReadError>),
    /// The snapshot's content.
    #[error("the snapshot {} cannot be restored", file.display())]
    Restore {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        source: Box<RestoreFileError>,
    },
    /// Leftovers.
    #[error("old snapshots in {} cannot be removed", folder.display())]
    Sweep {
        /// Where.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Locks, checks and reads; blocks for as long as the disk takes.
pub(crate) fn open(settings: &MasterSettings) -> Result<Opened, OpenStorageError> {
    let cluster = crate::disk::ClusterId::try_from(settings.cluster.to_string())
        .map_err(OpenStorageError::Cluster)?;
    // Never by word alone: an empty member waits until the others have said that they are empty
    // too.
    let opening = Opening { cluster, node: settings.node.0, bootstrap: false };
    read(DataDirectory::open(&settings.data_dir, &opening)?, &settings.cluster)
}

/// What a directory holds that is open, of this cluster.
pub(crate) fn read(
    mut directory: DataDirectory,
    cluster: &ClusterId,
) -> Result<Opened, OpenStorageError> {
    let mut store = directory.open_log()?;
    let log = store.load()?;
    let snapshots = directory.snapshots();
    let folder = || snapshots.path().to_owned();
    let swept = snapshots.sweep(log.snapshot.as_ref());
    swept.map_err(|source| OpenStorageError::Sweep { folder: folder(), source })?;
    let (mut ledger, mut mark) = (Ledger::new(cluster.clone()), None);
    if let Some(pointer) = &log.snapshot {
        let reader = snapshots.open(pointer);
        let reader = reader.map_err(|error| OpenStorageError::Snapshot(Box::new(error)))?;
        let conf_state = reader.meta().conf_state.clone();
        mark = Some(SnapshotMark { index: pointer.index, term: pointer.term, conf_state });
        let file = folder().join(&pointer.file);
        ledger = restore(reader)
            .map_err(|error| OpenStorageError::Restore { file, source: Box::new(error) })?;
    }
    let blank = log.last().index == 0;
    let voter = directory.standing() == Standing::Voter;
    let restored =
        Restored { hard_state: log.hard_state, snapshot: mark, entries: log.entries, voter };
    Ok(Opened { directory, store, restored, ledger, newest: log.snapshot, blank })
}
