//! The log in one redb file.
//!
//! Two tables: `entries` by index, and `state`, a handful of named records. Every record carries a
//! checksum of ours besides redb's page checksums, bound to its index or name. All commits are
//! two-phase: redb then never falls back to an older commit on its own, so a torn write leaves the
//! commit before it and anything else that does not verify is damage and is refused. The whole file
//! is verified on opening; loading reads it all anyway. This file does not know what entries mean.

use std::sync::Arc;

use protobuf::Message;
use raft::eraftpb::Entry;
use redb::{
    Database, ReadableDatabase, ReadableTable, StorageBackend, Table, TableDefinition, TableError,
    WriteTransaction,
};

use super::identity::StoreId;
use super::log_store::{
    AppendError, Batch, LoadError, LogFault, LogPosition, LogStore, Restored, SnapshotChange,
};
use super::log_tail::{BatchFault, Tail};
use super::mark::AcknowledgedMark;
use super::record::{self, RecordFault};
use super::redb_log_read::{decode_entry, encode_position, read_all};
use super::snapshot_file::SnapshotPointer;

pub(super) const ENTRIES: TableDefinition<'static, u64, &'static [u8]> =
    TableDefinition::new("entries");
pub(super) const STATE: TableDefinition<'static, &'static str, &'static [u8]> =
    TableDefinition::new("state");

/// Version of the records in the tables.
const FORMAT: u32 = 1;
/// The log is written far more than read; the core keeps what it needs in memory.
const CACHE_BYTES: usize = 64 << 20;

const ORIGIN: &str = "origin";
pub(super) const SEQUENCE: &str = "sequence";
pub(super) const HARD_STATE: &str = "hard_state";
pub(super) const MEMBERSHIP: &str = "membership";
pub(super) const SNAPSHOT: &str = "snapshot";
pub(super) const COMPACTED: &str = "compacted";

/// The log of one member in one redb file.
#[derive(Debug)]
pub struct RedbLogStore {
    database: Database,
    mark: Option<AcknowledgedMark>,
    /// Known after loading.
    tail: Option<Tail>,
    poisoned: Option<AppendError>,
}

/// Why a log file is not opened.
#[derive(Debug, thiserror::Error)]
pub enum LogOpenError {
    /// redb refused the file.
    #[error(
        "the log file cannot be opened; if the disk is healthy, the file is damaged: move the data \
         directory away and let this member join again with an empty one"
    )]
    Database {
        /// What it said.
        #[source]
        source: Box<redb::Error>,
    },
    /// The record that says whose log this is.
    #[error("the log's record of origin is damaged")]
    OriginDamaged {
        /// What is wrong with it.
        #[source]
        what: RecordFault,
    },
    /// Written by another release.
    #[error("the log has format {found}, this release reads format {FORMAT}")]
    UnknownFormat {
        /// Its format.
        found: u32,
    },
    /// The log of another data directory.
    #[error("the log belongs to data directory {found}, not to {expected}; put the right one back")]
    OtherStore {
        /// Of the identity file.
        expected: StoreId,
        /// Of the log.
        found: StoreId,
    },
}

/// Why a transaction was not committed.
enum Failure {
    Refused(BatchFault),
    Store(redb::Error),
    Damaged { index: u64, what: LogFault },
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

impl LogOpenError {
    pub(super) fn database(error: impl Into<redb::Error>) -> Self {
        Self::Database { source: Box::new(error.into()) }
    }
}

impl RedbLogStore {
    /// Creates the log of a new data directory in an empty file.
    pub fn create(
        backend: impl StorageBackend,
        store: StoreId,
        mark: Option<AcknowledgedMark>,
    ) -> Result<Self, LogOpenError> {
        let database = open_database(backend)?;
        let mut payload = FORMAT.to_le_bytes().to_vec();
        payload.extend_from_slice(&store.0.to_le_bytes());
        write_origin(&database, &payload).map_err(LogOpenError::database)?;
        Ok(Self { database, mark, tail: None, poisoned: None })
    }

    /// Opens an existing log and checks that it belongs to this data directory.
    pub fn open(
        backend: impl StorageBackend,
        store: StoreId,
        mark: Option<AcknowledgedMark>,
    ) -> Result<Self, LogOpenError> {
        let database = open_database(backend)?;
        let origin = read_origin(&database).map_err(LogOpenError::database)?;
        let damaged = |what| LogOpenError::OriginDamaged { what };
        let payload =
            record::unseal(ORIGIN.as_bytes(), origin.as_deref().unwrap_or(&[])).map_err(damaged)?;
        let (format, found) = decode_origin(payload).ok_or(damaged(RecordFault::Undecodable))?;
        if format != FORMAT {
            return Err(LogOpenError::UnknownFormat { found: format });
        }
        if found != store {
            return Err(LogOpenError::OtherStore { expected: store, found });
        }
        Ok(Self { database, mark, tail: None, poisoned: None })
    }

    fn commit(&self, tail: &mut Tail, batches: &[Batch]) -> Result<(), Failure> {
        let transaction = two_phase(&self.database)?;
        {
            let mut writing = Writing {
                entries: transaction.open_table(ENTRIES)?,
                state: transaction.open_table(STATE)?,
                tail,
                buffer: Vec::new(),
            };
            for batch in batches {
                writing.write(batch)?;
            }
            writing.tail.sequence += 1;
            let sequence = writing.tail.sequence;
            writing.put(SEQUENCE, &sequence.to_le_bytes())?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn acknowledge(&mut self, sequence: u64) -> Result<(), AppendError> {
        match &mut self.mark {
            Some(mark) => {
                mark.write(sequence).map_err(|error| AppendError::Mark { source: Arc::new(error) })
            }
            None => Ok(()),
        }
    }
}

impl LogStore for RedbLogStore {
    fn load(&mut self) -> Result<Restored, LoadError> {
        let (restored, tail) = read_all(&self.database)?;
        if let Some(mark) = &self.mark {
            let (acknowledged, found) = (mark.sequence(), restored.sequence);
            if found < acknowledged {
                return Err(LoadError::RolledBack { acknowledged, found });
            }
        }
        self.tail = Some(tail);
        Ok(restored)
    }

    fn append(&mut self, batches: &[Batch]) -> Result<(), AppendError> {
        if let Some(first) = &self.poisoned {
            return Err(AppendError::Poisoned { first: Arc::new(first.clone()) });
        }
        if batches.is_empty() {
            return Ok(());
        }
        let mut tail = self.tail.clone().expect("a log is loaded before it is written");
        let outcome = match self.commit(&mut tail, batches) {
            Ok(()) => self.acknowledge(tail.sequence),
            // The transaction was dropped and thereby aborted.
            Err(Failure::Refused(fault)) => return Err(AppendError::Refused(fault)),
            Err(Failure::Store(error)) => Err(AppendError::Write { source: Arc::new(error) }),
            Err(Failure::Damaged { index, what }) => Err(AppendError::LogDamaged { index, what }),
        };
        match &outcome {
            Ok(()) => self.tail = Some(tail),
            Err(error) => self.poisoned = Some(error.clone()),
        }
        outcome
    }
}

/// The tables of a running transaction.
struct Writing<'t, 'l> {
    entries: Table<'t, u64, &'static [u8]>,
    state: Table<'t, &'static str, &'static [u8]>,
    tail: &'l mut Tail,
    /// Reused for every record.
    buffer: Vec<u8>,
}

impl Writing<'_, '_> {
    fn write(&mut self, batch: &Batch) -> Result<(), Failure> {
        let committed_before = self.tail.committed();
        if let Some(hard_state) = &batch.hard_state {
            self.tail.accept_hard_state(hard_state).map_err(Failure::Refused)?;
            self.put_message(HARD_STATE, &[], hard_state)?;
        }
        match &batch.snapshot {
            Some(SnapshotChange::Installed(pointer)) => self.install(pointer, committed_before)?,
            Some(SnapshotChange::Taken(pointer)) => self.take(pointer)?,
            None => {}
        }
        if let Some(first) = batch.entries.first() {
            self.append(first.index, &batch.entries, committed_before)?;
        }
        if let Some(membership) = &batch.membership {
            self.tail.accept_applied(membership.applied).map_err(Failure::Refused)?;
            let applied = membership.applied.to_le_bytes();
            self.put_message(MEMBERSHIP, &applied, &membership.conf_state)?;
        }
        if let Some(index) = batch.compact_to.filter(|index| *index > self.tail.compacted.index) {
            self.compact(index)?;
        }
        self.tail.check_closed().map_err(Failure::Refused)
    }

    fn install(&mut self, pointer: &SnapshotPointer, committed_before: u64) -> Result<(), Failure> {
        self.tail.accept_installed(pointer, committed_before).map_err(Failure::Refused)?;
        self.entries.retain_in::<u64, _>(.., |_, _| false)?;
        self.put(SNAPSHOT, &pointer.encode())?;
        self.put(COMPACTED, &encode_position(pointer.position()))
    }

    fn take(&mut self, pointer: &SnapshotPointer) -> Result<(), Failure> {
        let term = self.term_at(pointer.index)?;
        self.tail.accept_taken(pointer, term).map_err(Failure::Refused)?;
        self.put(SNAPSHOT, &pointer.encode())
    }

    fn append(
        &mut self,
        first: u64,
        entries: &[Entry],
        committed_before: u64,
    ) -> Result<(), Failure> {
        self.tail.check_first(first, committed_before).map_err(Failure::Refused)?;
        let index = first - 1;
        let term = self
            .term_at(index)?
            .ok_or(Failure::Damaged { index, what: LogFault::Gap { expected: index } })?;
        if first <= self.tail.last.index {
            self.entries.retain_in::<u64, _>(first.., |_, _| false)?;
        }
        let before = LogPosition { index, term };
        self.tail.accept_entries(entries, before).map_err(Failure::Refused)?;
        for entry in entries {
            record::begin(&mut self.buffer);
            encode_into(entry, &mut self.buffer);
            record::seal(&entry.index.to_be_bytes(), &mut self.buffer);
            self.entries.insert(entry.index, self.buffer.as_slice())?;
        }
        Ok(())
    }

    fn compact(&mut self, index: u64) -> Result<(), Failure> {
        self.tail.check_compaction(index).map_err(Failure::Refused)?;
        let term = self
            .term_at(index)?
            .ok_or(Failure::Damaged { index, what: LogFault::Gap { expected: index } })?;
        self.entries.retain_in::<u64, _>(..=index, |_, _| false)?;
        let at = LogPosition { index, term };
        self.tail.accept_compaction(at);
        self.put(COMPACTED, &encode_position(at))
    }

    /// The term of an entry of the log, or of the last one forgotten.
    fn term_at(&self, index: u64) -> Result<Option<u64>, Failure> {
        for known in [self.tail.last, self.tail.compacted] {
            if index == known.index {
                return Ok(Some(known.term));
            }
        }
        match self.entries.get(index)? {
            Some(bytes) => decode_entry(index, bytes.value())
                .map(|entry| Some(entry.term))
                .map_err(|what| Failure::Damaged { index, what }),
            None => Ok(None),
        }
    }

    fn put(&mut self, name: &'static str, payload: &[u8]) -> Result<(), Failure> {
        record::begin(&mut self.buffer);
        self.buffer.extend_from_slice(payload);
        self.put_buffer(name)
    }

    fn put_message(
        &mut self,
        name: &'static str,
        head: &[u8],
        message: &impl Message,
    ) -> Result<(), Failure> {
        record::begin(&mut self.buffer);
        self.buffer.extend_from_slice(head);
        encode_into(message, &mut self.buffer);
        self.put_buffer(name)
    }

    fn put_buffer(&mut self, name: &'static str) -> Result<(), Failure> {
        record::seal(name.as_bytes(), &mut self.buffer);
        self.state.insert(name, self.buffer.as_slice())?;
        Ok(())
    }
}

fn open_database(backend: impl StorageBackend) -> Result<Database, LogOpenError> {
    redb::Builder::new()
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true)
        .create_with_backend(backend)
        .map_err(LogOpenError::database)
}

fn two_phase(database: &Database) -> Result<WriteTransaction, redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

fn write_origin(database: &Database, payload: &[u8]) -> Result<(), redb::Error> {
    let transaction = two_phase(database)?;
    {
        transaction.open_table(ENTRIES)?;
        let mut state = transaction.open_table(STATE)?;
        let mut buffer = Vec::new();
        record::begin(&mut buffer);
        buffer.extend_from_slice(payload);
        record::seal(ORIGIN.as_bytes(), &mut buffer);
        state.insert(ORIGIN, buffer.as_slice())?;
    }
    transaction.commit()?;
    Ok(())
}

fn read_origin(database: &Database) -> Result<Option<Vec<u8>>, redb::Error> {
    let transaction = database.begin_read()?;
    match transaction.open_table(STATE) {
        Ok(state) => Ok(state.get(ORIGIN)?.map(|bytes| bytes.value().to_vec())),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn decode_origin(payload: &[u8]) -> Option<(u32, StoreId)> {
    let (format, store) = payload.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*format), StoreId(u128::from_le_bytes(store.try_into().ok()?))))
}

fn encode_into(message: &impl Message, buffer: &mut Vec<u8>) {
    message.write_to_vec(buffer).expect("raft's messages have no required field to miss");
}
