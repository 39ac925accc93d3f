//! The data directory: one locked folder that belongs to one member.
//!
//! Opening it checks everything that can be checked before a byte of the log is read: who may read
//! it, who else has it open, whose it is. It hands out the log and the snapshots bound to its store
//! id. It does not know what standing a member should have; `identity.rs` says that.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;

use super::durable_file::{self, PARTIAL_SUFFIX, private_options};
use super::identity::{
    ClusterId, FORMAT, IDENTITY_FILE, Identity, IdentityError, Standing, StoreId, read_identity,
    write_identity,
};
use super::mark::{AcknowledgedMark, MarkError};
use super::redb_log_store::{LogOpenError, RedbLogStore};
use super::snapshot_directory::SnapshotDirectory;
use edge::directories::make_durably;
use edge::lock::{DirectoryLock, LOCK_FILE};

const LOG_FILE: &str = "log.redb";
const SNAPSHOT_FOLDER: &str = "snapshots";

/// What the caller says about the directory it opens.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The cluster it must belong to.
    pub cluster: ClusterId,
    /// The member it must belong to; never zero, which raft uses for "nobody".
    pub node: u64,
    /// Only looked at when the directory is new: the cluster has no history yet.
    pub bootstrap: bool,
}

/// An opened, locked data directory.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    identity: Identity,
    fresh: bool,
    _lock: DirectoryLock,
}

/// Why the log of a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LogFileError {
    /// The identity says there is a log, and there is none.
    #[error(
        "the log {} is gone; this member must not go on under its old standing; move the data \
         directory away and let it join again with an empty one",
        path.display()
    )]
    LogMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The system refused.
    #[error("the log {} cannot be opened", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The mark is unusable.
    #[error(transparent)]
    Mark(#[from] MarkError),
    /// The content is unusable.
    #[error(transparent)]
    Open(#[from] LogOpenError),
    /// The new log could not be recorded.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl DataDirectory {
    /// Opens the directory for the named member, creating it when it does not exist or is empty.
    pub fn open(path: &Path, opening: &Opening) -> Result<Self, IdentityError> {
        if opening.node == 0 {
            return Err(IdentityError::ZeroNode);
        }
        let failed = |source| IdentityError::Io { path: path.to_owned(), source };
        make_durably(path, 0o700).map_err(failed)?;
        check_access(path)?;
        let lock = DirectoryLock::acquire(path)?;
        let (identity, fresh) = match read_identity(path)? {
            Some(identity) => (identity, false),
            None => (new_identity(path, opening)?, true),
        };
        check_identity(path, &identity, opening)?;
        Self::of(path, identity, fresh, lock)
    }

    /// Opens a directory that is in use, for whomever it is.
    pub fn open_existing(path: &Path) -> Result<Self, IdentityError> {
        check_access(path)?;
        let none = || IdentityError::None { path: path.to_owned() };
        // Nothing is left in a directory that is no master's, not even a lock.
        read_identity(path)?.ok_or_else(none)?;
        let lock = DirectoryLock::acquire(path)?;
        let identity = read_identity(path)?.ok_or_else(none)?;
        if identity.format != FORMAT {
            let (path, found) = (path.to_owned(), identity.format);
            return Err(IdentityError::UnknownFormat { path, found });
        }
        Self::of(path, identity, false, lock)
    }

    fn of(
        path: &Path,
        identity: Identity,
        fresh: bool,
        lock: DirectoryLock,
    ) -> Result<Self, IdentityError> {
        let failed = |source| IdentityError::Io { path: path.to_owned(), source };
        let snapshots = path.join(SNAPSHOT_FOLDER);
        DirBuilder::new().recursive(true).mode(0o700).create(&snapshots).map_err(failed)?;
        durable_file::sync_directory(path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), identity, fresh, _lock: lock })
    }

    /// Whether this call created the directory's identity: it holds no log and knows no past.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// What the member of this directory may do.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.identity.standing
    }

    /// The number that tells this disk from any other that bore the same member id.
    #[must_use]
    pub fn store_id(&self) -> StoreId {
        self.identity.store
    }

    /// The cluster this directory belongs to.
    #[must_use]
    pub fn cluster(&self) -> &ClusterId {
        &self.identity.cluster
    }

    /// The member this directory belongs to.
    #[must_use]
    pub fn node(&self) -> u64 {
        self.identity.node
    }

    /// Makes the member a voter, durably, before this returns.
    ///
    /// A founding member calls it with its first hard state; a joining one when it applies the
    /// membership change that names its store id. See the head of this file.
    pub fn mark_voter(&mut self) -> Result<(), IdentityError> {
        if self.identity.standing == Standing::Voter {
            return Ok(());
        }
        let changed = Identity { standing: Standing::Voter, ..self.identity.clone() };
        write_identity(&self.path, &changed)?;
        self.identity = changed;
        Ok(())
    }

    /// The snapshots of this directory.
    #[must_use]
    pub fn snapshots(&self) -> SnapshotDirectory {
        SnapshotDirectory::new(self.path.join(SNAPSHOT_FOLDER), self.identity.cluster.clone())
    }

    /// Opens the log, creating it the first time.
    pub fn open_log(&mut self) -> Result<RedbLogStore, LogFileError> {
        let path = self.path.join(LOG_FILE);
        if self.identity.log_created {
            return self.open_existing_log(&path);
        }
        // Whatever lies here was left by a crash before the log was recorded as created; no
        // caller ever held it, so nothing in it was acknowledged.
        let store = open_log_file(&path, true).and_then(|backend| {
            let mark = AcknowledgedMark::create(&self.path)?;
            Ok(RedbLogStore::create(backend, self.identity.store, Some(mark))?)
        })?;
        durable_file::sync_directory(&self.path)
            .map_err(|source| LogFileError::Io { path, source })?;
        let changed = Identity { log_created: true, ..self.identity.clone() };
        write_identity(&self.path, &changed)?;
        self.identity = changed;
        Ok(store)
    }

    fn open_existing_log(&self, path: &Path) -> Result<RedbLogStore, LogFileError> {
        // An empty file would be taken for a new database, so it counts as missing too.
        if fs::metadata(path).map_or(0, |metadata| metadata.len()) == 0 {
            return Err(LogFileError::LogMissing { path: path.to_owned() });
        }
        let mark = AcknowledgedMark::open(&self.path)?;
        let backend = open_log_file(path, false)?;
        Ok(RedbLogStore::open(backend, self.identity.store, Some(mark))?)
    }
}

fn open_log_file(path: &Path, create: bool) -> Result<FileBackend, LogFileError> {
    let file = private_options()
        .read(true)
        .write(true)
        .create(create)
        .truncate(create)
        .open(path)
        .map_err(|source| LogFileError::Io { path: path.to_owned(), source })?;
    FileBackend::new(file).map_err(|error| LogOpenError::database(error).into())
}

fn check_access(path: &Path) -> Result<(), IdentityError> {
    let metadata =
        fs::metadata(path).map_err(|source| IdentityError::Io { path: path.to_owned(), source })?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(IdentityError::LaxMode { path: path.to_owned(), mode });
    }
    let user = nix::unistd::geteuid().as_raw();
    if metadata.uid() != user {
        let owner = metadata.uid();
        return Err(IdentityError::ForeignOwner { path: path.to_owned(), owner, user });
    }
    Ok(())
}

fn check_identity(
    path: &Path,
    identity: &Identity,
    opening: &Opening,
) -> Result<(), IdentityError> {
    let path = path.to_owned();
    if identity.format != FORMAT {
        return Err(IdentityError::UnknownFormat { path, found: identity.format });
    }
    if identity.cluster != opening.cluster {
        let expected = opening.cluster.to_string();
        let found = identity.cluster.to_string();
        return Err(IdentityError::OtherCluster { path, expected, found });
    }
    if identity.node != opening.node {
        let (expected, found) = (opening.node, identity.node);
        return Err(IdentityError::OtherNode { path, expected, found });
    }
    if opening.bootstrap && identity.standing == Standing::Joining {
        return Err(IdentityError::BootstrapOfJoining { path });
    }
    Ok(())
}

fn new_identity(path: &Path, opening: &Opening) -> Result<Identity, IdentityError> {
    let failed = |source| IdentityError::Io { path: path.to_owned(), source };
    let partial = format!("{IDENTITY_FILE}{PARTIAL_SUFFIX}");
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if name != LOCK_FILE && name != partial.as_str() {
            let found = name.to_string_lossy().into_owned();
            return Err(IdentityError::NotEmpty { path: path.to_owned(), found });
        }
    }
    let identity = Identity {
        format: FORMAT,
        cluster: opening.cluster.clone(),
        node: opening.node,
        store: StoreId(rand::random()),
        standing: if opening.bootstrap { Standing::Founding } else { Standing::Joining },
        log_created: false,
    };
    write_identity(path, &identity)?;
    Ok(identity)
}
