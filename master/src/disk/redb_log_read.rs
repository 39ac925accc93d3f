//! Reading a log back and refusing it unless every rule holds.
//!
//! One pass over the named records, one over the entries. Anything that does not verify ends the
//! pass with the index or the name at which it failed; nothing is skipped, cut off or repaired.

use std::sync::Arc;

use protobuf::Message;
use raft::eraftpb::Entry;
use redb::{Database, ReadOnlyTable, ReadableDatabase};

use super::log_store::{LoadError, LogFault, LogPosition, Membership, Restored};
use super::log_tail::Tail;
use super::record::{self, RecordFault};
use super::redb_log_store::{
    COMPACTED, ENTRIES, HARD_STATE, MEMBERSHIP, SEQUENCE, SNAPSHOT, STATE,
};
use super::snapshot_file::SnapshotPointer;

/// Reads everything and checks it.
pub(super) fn read_all(database: &Database) -> Result<(Restored, Tail), LoadError> {
    let transaction = database.begin_read().map_err(store)?;
    let state = transaction.open_table(STATE).map_err(store)?;
    let mut restored = Restored {
        sequence: named(&state, SEQUENCE, decode_number)?.unwrap_or(0),
        hard_state: named(&state, HARD_STATE, decode_message)?.unwrap_or_default(),
        membership: named(&state, MEMBERSHIP, decode_membership)?,
        snapshot: named(&state, SNAPSHOT, SnapshotPointer::decode)?,
        compacted: named(&state, COMPACTED, decode_position)?.unwrap_or_default(),
        entries: Vec::new(),
    };
    let entries = transaction.open_table(ENTRIES).map_err(store)?;
    restored.entries = read_entries(&entries, restored.compacted, restored.hard_state.term)?;
    let tail = check_ends(&restored)?;
    restored.hard_state.commit = tail.committed();
    Ok((restored, tail))
}

/// Decodes one entry record found under `index`.
pub(super) fn decode_entry(index: u64, bytes: &[u8]) -> Result<Entry, LogFault> {
    let payload = record::unseal(&index.to_be_bytes(), bytes)?;
    let entry: Entry = decode_message(payload).ok_or(RecordFault::Undecodable)?;
    if entry.index == index {
        Ok(entry)
    } else {
        Err(LogFault::WrongIndex { claimed: entry.index })
    }
}

/// Fixed form of an index and its term.
pub(super) fn encode_position(at: LogPosition) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&at.index.to_le_bytes());
    bytes[8..].copy_from_slice(&at.term.to_le_bytes());
    bytes
}

fn read_entries(
    entries: &ReadOnlyTable<u64, &'static [u8]>,
    compacted: LogPosition,
    current: u64,
) -> Result<Vec<Entry>, LoadError> {
    let mut found = Vec::new();
    let mut last = compacted;
    for item in entries.range::<u64>(..).map_err(store)? {
        let (key, value) = item.map_err(store)?;
        let index = key.value();
        let damaged = |what| LoadError::LogDamaged { index, what };
        let expected = last.index.saturating_add(1);
        if index != expected {
            return Err(damaged(LogFault::Gap { expected }));
        }
        let entry = decode_entry(index, value.value()).map_err(damaged)?;
        let (term, before) = (entry.term, last.term);
        if term < before {
            return Err(damaged(LogFault::TermWentBack { term, before }));
        }
        if term > current {
            return Err(damaged(LogFault::TermFromTheFuture { term, current }));
        }
        last = LogPosition { index, term };
        found.push(entry);
    }
    Ok(found)
}

fn check_ends(restored: &Restored) -> Result<Tail, LoadError> {
    let last = restored.last();
    let snapshot =
        restored.snapshot.as_ref().map_or_else(LogPosition::default, |pointer| pointer.position());
    let applied = restored.membership.as_ref().map_or(0, |membership| membership.applied);
    for index in [restored.hard_state.commit, applied, snapshot.index] {
        if index > last.index {
            let what = LogFault::BeyondTheEnd { last: last.index };
            return Err(LoadError::LogDamaged { index, what });
        }
    }
    if restored.compacted.index > snapshot.index {
        let index = restored.compacted.index;
        return Err(LoadError::LogDamaged { index, what: LogFault::NotCovered });
    }
    Ok(Tail {
        compacted: restored.compacted,
        last,
        hard_state: restored.hard_state.clone(),
        applied,
        snapshot,
        sequence: restored.sequence,
    })
}

fn named<T>(
    state: &ReadOnlyTable<&'static str, &'static [u8]>,
    name: &'static str,
    decode: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<T>, LoadError> {
    let Some(bytes) = state.get(name).map_err(store)? else { return Ok(None) };
    let damaged = |what| LoadError::StateDamaged { record: name, what };
    let payload = record::unseal(name.as_bytes(), bytes.value()).map_err(damaged)?;
    decode(payload).map(Some).ok_or(damaged(RecordFault::Undecodable))
}

fn decode_number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

fn decode_position(bytes: &[u8]) -> Option<LogPosition> {
    let (index, term) = bytes.split_first_chunk::<8>()?;
    Some(LogPosition { index: u64::from_le_bytes(*index), term: decode_number(term)? })
}

fn decode_membership(bytes: &[u8]) -> Option<Membership> {
    let (applied, conf_state) = bytes.split_first_chunk::<8>()?;
    let conf_state = decode_message(conf_state)?;
    Some(Membership { conf_state, applied: u64::from_le_bytes(*applied) })
}

fn decode_message<M: Message>(bytes: &[u8]) -> Option<M> {
    M::parse_from_bytes(bytes).ok()
}

fn store(error: impl Into<redb::Error>) -> LoadError {
    LoadError::Store { source: Arc::new(error.into()) }
}
