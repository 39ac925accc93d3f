//! The journal in one redb file.
//!
//! Three tables: `identity`, one row, `tasks`, one row for each task, and `volumes`, one row for
//! each volume, which is not there until there was one. Each value carries a checksum bound to its
//! key, besides redb's own, and the whole file is verified on opening; what does not verify is
//! refused, never repaired by guessing, because a forgotten row is a container that runs twice. All
//! commits are two-phase and durable. This file does not know what a row means.

use agent_core::{
    Identity, Journal, JournalError, Record,
    journal::{codec, codec_volume},
};
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend, StorageError,
    TableDefinition, TableError, backends::FileBackend,
};
use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

const IDENTITY: TableDefinition<'static, &'static str, &'static [u8]> =
    TableDefinition::new("identity");
const TASKS: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("tasks");
const VOLUMES: TableDefinition<'static, &'static str, &'static [u8]> =
    TableDefinition::new("volumes");

const FILE: &str = "journal.redb";
const RESERVE: &str = "reserve";
const IDENTITY_KEY: &str = "agent";
const CACHE_BYTES: usize = 16 << 20;
const CHECKSUM_BYTES: usize = 4;
/// Others may pass through the data directory, and tasks may have secrets in their environment.
const PRIVATE: u32 = 0o600;
/// Room for some thousand updates and for redb's own growth.
const RESERVE_BYTES: u64 = 8 << 20;

/// An open journal.
#[derive(Debug)]
pub(crate) struct JournalFile {
    /// `None` after a disk error that opening it again did not cure.
    database: Option<Database>,
    path: PathBuf,
    reserve: PathBuf,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalFileError {
    /// redb refuses the file.
    #[error(
        "the journal {} cannot be opened; if the disk is healthy, it is damaged: restore it, or move \
         it away, and the agent joins as a new one after destroying the containers that it can no \
         longer account for", path.display()
    )]
    Database {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: Box<redb::Error>,
    },
    /// The file opens, but a row does not verify.
    #[error(
        "the journal {} is damaged at {row:?}: restore it, or move it away, and the agent joins as a \
         new one after destroying the containers that it can no longer account for", path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The row.
        row: String,
    },
    /// A row verifies, but makes no sense to this version.
    #[error("the journal {} holds the row {row:?}, which cannot be read", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The row.
        row: String,
        /// What is wrong.
        #[source]
        source: Box<JournalError>,
    },
    /// The file cannot be made.
    #[error("the journal {} cannot be created", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Why records are not durable.
#[derive(Debug, thiserror::Error)]
#[error("the journal {} cannot be written", path.display())]
pub struct CommitError {
    /// The file.
    pub path: PathBuf,
    /// What redb said.
    #[source]
    pub source: Box<redb::Error>,
}

impl JournalFile {
    /// Opens the journal of a data directory, or makes one for `new`.
    pub(crate) fn open(
        data_dir: &Path,
        new: impl FnOnce() -> Identity,
    ) -> Result<(Self, Journal), JournalFileError> {
        let path = data_dir.join(FILE);
        if !path.exists() {
            create(&path, &new())?;
        }
        let failed = |source| JournalFileError::Database { path: path.clone(), source };
        std::fs::set_permissions(&path, Permissions::from_mode(PRIVATE))
            .map_err(|error| failed(Box::new(redb::Error::Io(error))))?;
        if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() == 0) {
            // redb would take an empty file for a new database.
            let empty = StorageError::Corrupted("the file is empty".to_owned());
            return Err(failed(Box::new(empty.into())));
        }
        let database = open_database(&path).map_err(failed)?;
        let file = Self { database: Some(database), reserve: data_dir.join(RESERVE), path };
        let journal = file.read()?;
        Ok((file, journal))
    }

    /// Makes records durable, all or none.
    ///
    /// When the disk is full, the reserve is given up for one more try: what runs must be able to
    /// say how it ended.
    pub(crate) fn commit(&mut self, records: &[Record]) -> Result<(), CommitError> {
        let failed = |source| CommitError { path: self.path.clone(), source };
        let closed = || Box::new(redb::Error::DatabaseClosed);
        let database = self.database.as_ref().ok_or_else(|| failed(closed()))?;
        let first = match write(database, records) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let full = matches!(&*first, redb::Error::Io(e) if e.kind() == io::ErrorKind::StorageFull);
        if !full || std::fs::remove_file(&self.reserve).is_err() {
            return Err(failed(first));
        }
        // After an error of the disk redb wants to be opened again.
        self.database = None;
        let database = open_database(&self.path).map_err(failed)?;
        write(&database, records).map_err(failed)?;
        self.database = Some(database);
        Ok(())
    }

    fn read(&self) -> Result<Journal, JournalFileError> {
        let failed = |source: redb::Error| JournalFileError::Database {
            path: self.path.clone(),
            source: Box::new(source),
        };
        let closed = || failed(redb::Error::DatabaseClosed);
        let database = self.database.as_ref().ok_or_else(closed)?;
        let transaction = database.begin_read().map_err(|e| failed(e.into()))?;
        let table = transaction.open_table(IDENTITY).map_err(|e| failed(e.into()))?;
        let value = table.get(IDENTITY_KEY).map_err(|e| failed(e.into()))?;
        let bytes = value.as_ref().map(|value| value.value()).unwrap_or_default();
        let identity = self.decode(IDENTITY_KEY, bytes, codec::decode_identity)?;
        let rows = self.read_table(&transaction, TASKS, codec::decode_row, |row| &row.key)?;
        let decode = codec_volume::decode_volume;
        let volumes = self.read_table(&transaction, VOLUMES, decode, |row| &row.key)?;
        Ok(Journal { identity, rows, volumes })
    }

    /// The rows of a table, by key; each says itself which it is of.
    fn read_table<T, K: ToString>(
        &self,
        transaction: &ReadTransaction,
        definition: TableDefinition<'static, &'static str, &'static [u8]>,
        decode: impl Fn(&[u8]) -> Result<T, JournalError>,
        key_of: impl Fn(&T) -> &K,
    ) -> Result<Vec<T>, JournalFileError> {
        let failed = |source: redb::Error| JournalFileError::Database {
            path: self.path.clone(),
            source: Box::new(source),
        };
        let table = match transaction.open_table(definition) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            table => table.map_err(|e| failed(e.into()))?,
        };
        let mut rows = Vec::new();
        for entry in table.iter().map_err(|e| failed(e.into()))? {
            let (key, value) = entry.map_err(|e| failed(e.into()))?;
            let row = self.decode(key.value(), value.value(), &decode)?;
            if key_of(&row).to_string() != key.value() {
                let row = key.value().to_owned();
                return Err(JournalFileError::Checksum { path: self.path.clone(), row });
            }
            rows.push(row);
        }
        Ok(rows)
    }

    fn decode<T>(
        &self,
        key: &str,
        bytes: &[u8],
        decode: impl Fn(&[u8]) -> Result<T, JournalError>,
    ) -> Result<T, JournalFileError> {
        let damaged =
            || JournalFileError::Checksum { path: self.path.clone(), row: key.to_owned() };
        let payload = unseal(key, bytes).ok_or_else(damaged)?;
        decode(payload).map_err(|source| JournalFileError::Row {
            path: self.path.clone(),
            row: key.to_owned(),
            source: Box::new(source),
        })
    }
}

/// Keeps room for the journal on the disk; whether there is any to keep is not our decision.
pub(super) fn keep_reserve(data_dir: &Path) -> io::Result<()> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE)
        .open(data_dir.join(RESERVE))?;
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, RESERVE_BYTES)?;
    Ok(())
}

/// Gives that room to whoever needs it, which had better be the journal.
pub(super) fn give_up_reserve(data_dir: &Path) -> io::Result<()> {
    match std::fs::remove_file(data_dir.join(RESERVE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Renames the journal of an agent that was removed, so that the next start makes a new one.
pub(crate) fn put_away(data_dir: &Path) -> io::Result<PathBuf> {
    let away = data_dir.join("journal.removed.redb");
    std::fs::rename(data_dir.join(FILE), &away)?;
    Ok(away)
}

/// Under another name first: a journal is there whole, or not at all.
fn create(path: &Path, identity: &Identity) -> Result<(), JournalFileError> {
    let failed = |source| JournalFileError::Create { path: path.to_owned(), source };
    let temporary = path.with_extension("new");
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(PRIVATE);
    let file = options.open(&temporary).map_err(failed)?;
    let backend = FileBackend::new(file).map_err(|error| Box::new(redb::Error::from(error)));
    let made = backend.and_then(|backend| found(backend, identity));
    made.map_err(|source| JournalFileError::Database { path: temporary.clone(), source })?;
    std::fs::rename(&temporary, path).map_err(failed)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)
}

/// A journal in which nothing is but whose it is.
fn found(backend: impl StorageBackend, identity: &Identity) -> Result<(), Box<redb::Error>> {
    let database = redb::Builder::new().create_with_backend(backend);
    let database = database.map_err(|error| Box::new(error.into()))?;
    write(&database, &[Record::Identity(identity.clone())])?;
    // What is dropped is closed as well, but nobody hears of a sync that fails then.
    database.close().map_err(|error| Box::new(error.into()))
}

fn open_database(path: &Path) -> Result<Database, Box<redb::Error>> {
    let mut builder = redb::Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder.open(path).map_err(|error| Box::new(error.into()))
}

fn write(database: &Database, records: &[Record]) -> Result<(), Box<redb::Error>> {
    write_all(database, records).map_err(Box::new)
}

fn write_all(database: &Database, records: &[Record]) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    // Opening after a crash is then as fast as after an orderly end; implies two-phase commits.
    transaction.set_quick_repair(true);
    {
        let mut identities = transaction.open_table(IDENTITY)?;
        let mut tasks = transaction.open_table(TASKS)?;
        for record in records {
            match record {
                Record::Identity(identity) => {
                    let value = seal(IDENTITY_KEY, codec::encode_identity(identity));
                    identities.insert(IDENTITY_KEY, value.as_slice())?;
                }
                Record::Task(row) => {
                    let key = row.key.to_string();
                    tasks.insert(key.as_str(), seal(&key, codec::encode_row(row)).as_slice())?;
                }
                Record::Forget(key) => drop(tasks.remove(key.to_string().as_str())?),
                Record::Volume(row) => {
                    let key = row.key.to_string();
                    let value = seal(&key, codec_volume::encode_volume(row));
                    transaction.open_table(VOLUMES)?.insert(key.as_str(), value.as_slice())?;
                }
                Record::ForgetVolume(key) => {
                    let mut volumes = transaction.open_table(VOLUMES)?;
                    drop(volumes.remove(key.to_string().as_str())?);
                }
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

fn checksum(key: &str, payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key.as_bytes());
    hasher.update(payload);
    hasher.finalize().to_le_bytes()
}

fn seal(key: &str, mut payload: Vec<u8>) -> Vec<u8> {
    let sum = checksum(key, &payload);
    payload.extend_from_slice(&sum);
    payload
}

fn unseal<'a>(key: &str, bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (payload, sum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
    (checksum(key, payload) == *sum).then_some(payload)
}

#[cfg(test)]
mod tests;
