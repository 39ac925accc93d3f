//! The master's log after damage anywhere in its file.
//!
//! What was acknowledged comes back whole, or an error comes. When the mark of what was
//! acknowledged is lost as well, it may be an earlier state, but one that was: the prefix rule.
//! What opened once opens again as the same.

use super::scratch;
use crate::situation::{met, met_error};
use master::disk::{
    AcknowledgedMark, Batch, LogPosition, LogStore, Membership, RedbLogStore, Restored,
    SnapshotChange, SnapshotPointer, StoreId,
};
use raft::eraftpb::{ConfState, Entry, HardState};
use redb::StorageBackend;
use simulator::engine::Chance;
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};

const STORE: StoreId = StoreId(0x5eed);
/// Where, how, with what: three bytes, one, one.
const DAMAGE_BYTES: usize = 5;
const DAMAGES_MAX: usize = 8;
const SECTOR_BYTES: usize = 512;
const STEPS: u64 = 25;
/// The disk is full; a damaged header may ask for anything.
const FILE_BYTES_MAX: usize = 64 << 20;

/// A file in memory.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("nobody panics while holding it")
    }
}

impl StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = self.bytes();
        let end = start.checked_add(out.len()).filter(|end| *end <= bytes.len());
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(&bytes[start..end]);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        if length > FILE_BYTES_MAX {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes().resize(length, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.checked_add(data.len()).filter(|end| *end <= FILE_BYTES_MAX);
        let end = end.ok_or(io::ErrorKind::StorageFull)?;
        let mut bytes = self.bytes();
        if end > bytes.len() {
            bytes.resize(end, 0);
        }
        bytes[start..end].copy_from_slice(data);
        Ok(())
    }
}

/// A log's file, its mark, and every state that it was in.
struct Specimen {
    killed: Vec<u8>,
    closed: Vec<u8>,
    place: tempfile::TempDir,
    states: Vec<Restored>,
}

/// Legal work for a log that has come so far.
fn work(state: &Restored, step: u64, chance: &mut Chance) -> Batch {
    let term = 1 + step / 8;
    let last = state.last();
    let count = 1 + chance.below(4);
    let entry = |index| Entry {
        index,
        term,
        data: vec![index.to_le_bytes()[0]; 20 + chance.index(400)].into(),
        ..Entry::default()
    };
    let entries: Vec<Entry> = (last.index + 1..=last.index + count).map(entry).collect();
    let commit = last.index;
    let hard_state = HardState { term, vote: 1, commit, ..HardState::default() };
    let mut batch = Batch { hard_state: Some(hard_state), entries, ..Batch::default() };
    if step % 6 == 5 {
        let at = state.entries.iter().rev().nth(2).expect("some entries are kept");
        let (index, term) = (at.index, at.term);
        let file = format!("snapshot-{term}-{index}.bin");
        let digest = u128::from(index);
        let pointer = SnapshotPointer { file, index, term, digest, size_bytes: 99 };
        batch.snapshot = Some(SnapshotChange::Taken(pointer));
        batch.compact_to = Some(index - 1);
        let conf_state = ConfState { voters: vec![1, 2, 3], ..ConfState::default() };
        batch.membership = Some(Membership { conf_state, applied: index });
    }
    batch
}

fn specimen() -> &'static Specimen {
    static SPECIMEN: OnceLock<Specimen> = OnceLock::new();
    SPECIMEN.get_or_init(|| {
        let place = scratch();
        let mark = AcknowledgedMark::create(place.path()).expect("an empty folder");
        let memory = Memory::default();
        let mut store = RedbLogStore::create(memory.clone(), STORE, Some(mark)).expect("empty");
        let mut states = vec![store.load().expect("a new log")];
        let mut chance = Chance::new(7, 0);
        for step in 0..STEPS {
            let batch = work(states.last().expect("one at least"), step, &mut chance);
            store.append(std::slice::from_ref(&batch)).expect("legal work");
            states.push(reopened(memory.bytes().clone()));
        }
        let killed = memory.bytes().clone();
        drop(store);
        let closed = memory.bytes().clone();
        Specimen { killed, closed, place, states }
    })
}

/// What a log gives back that was undamaged, without its mark.
fn reopened(bytes: Vec<u8>) -> Restored {
    let memory = Memory(Arc::new(Mutex::new(bytes)));
    let mut store = RedbLogStore::open(memory, STORE, None).expect("undamaged");
    store.load().expect("undamaged")
}

pub(super) fn recover_seeds() -> Vec<Vec<u8>> {
    let mut chance = Chance::new(3, 1);
    let mut inputs = vec![vec![0], vec![1], vec![2], vec![3]];
    for how in 0..24_u8 {
        let count = 1 + chance.index(3);
        let damages = (0..count * DAMAGE_BYTES).map(|_| chance.number().to_le_bytes()[0]);
        inputs.push([how].into_iter().chain(damages).collect());
    }
    // In the header, where one byte chooses between two commits.
    inputs.extend((0..24_u8).map(|at| vec![at % 4, at, 0, 0, 0, at % 8]));
    inputs
}

/// The first byte chooses the file and whether there is a mark, the rest is damage.
pub(super) fn recover(bytes: &[u8]) {
    let specimen = specimen();
    let Some((choice, damages)) = bytes.split_first() else { return };
    let (is_closed, has_mark) = (choice & 1 == 1, choice & 2 == 0);
    let mut file = if is_closed { specimen.closed.clone() } else { specimen.killed.clone() };
    for damage in damages.chunks_exact(DAMAGE_BYTES).take(DAMAGES_MAX) {
        harm(&mut file, damage);
    }
    let memory = Memory(Arc::new(Mutex::new(file)));
    let first = opened(specimen, &memory, has_mark);
    let second = opened(specimen, &memory, has_mark);
    if let Some(first) = first {
        assert_eq!(second, Some(first), "what opened once opens again as the same");
    }
}

fn harm(file: &mut Vec<u8>, damage: &[u8]) {
    let &[a, b, c, how, with] = damage else { return };
    let at = usize::try_from(u32::from_le_bytes([a, b, c, 0])).expect("three bytes");
    if file.is_empty() {
        return;
    }
    let at = at % file.len();
    let end = file.len().min(at + SECTOR_BYTES);
    match how % 6 {
        0 | 1 => file[at] ^= 1 << (with % 8),
        2 => file[at] = with,
        3 => file[at / SECTOR_BYTES * SECTOR_BYTES..end].fill(0),
        4 => {
            // A sector that was written to the wrong place.
            let from = usize::from(with) * 4_096 % file.len();
            let length = SECTOR_BYTES.min(file.len() - at).min(file.len() - from);
            file.copy_within(from..from + length, at);
        }
        _ => file.truncate(at),
    }
}

/// What is in the file, after the checks; `None` if the damage was noticed.
fn opened(specimen: &Specimen, memory: &Memory, has_mark: bool) -> Option<Restored> {
    let mark = has_mark.then(|| AcknowledgedMark::open(specimen.place.path()).expect("undamaged"));
    let mut store = match RedbLogStore::open(memory.clone(), STORE, mark) {
        Ok(store) => store,
        Err(error) => {
            met_error("not opened", &error);
            return None;
        }
    };
    match store.load() {
        Ok(found) => {
            met(("found", found.sequence, has_mark));
            match has_mark {
                true => assert_eq!(Some(&found), specimen.states.last(), "acknowledged, and lost"),
                false => assert!(specimen.states.contains(&found), "a log that never was"),
            }
            let first = found.compacted.index + 1;
            let indexes = found.entries.iter().map(|entry| entry.index);
            assert!(indexes.eq((first..).take(found.entries.len())), "without gaps");
            assert_ne!(found.last(), LogPosition::default());
            Some(found)
        }
        Err(error) => {
            met_error("not loaded", &error);
            None
        }
    }
}
