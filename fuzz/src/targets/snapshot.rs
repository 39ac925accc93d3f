//! Snapshots: the file, and the state that is in it.
//!
//! A file that is read to its end is exactly what would be written of what was read; anything else
//! is refused. Records make a ledger that keeps every invariant and is dumped as the same, or none.

use super::{kind_of, part, scratch};
use crate::{
    schema::Inventor,
    situation::{met, met_error},
    wire,
};
use master::disk::{ClusterId, SnapshotMeta, SnapshotReader, SnapshotWriter};
use master_core::ledger::{
    Ledger,
    digest::digest,
    dump::{Restore, records},
    invariants,
};
use raft::eraftpb::ConfState;
use std::{fs, path::Path};

/// A record of a dump, or a whole file.
const KINDS: usize = 2;

/// Dumps that were once written; kept by the tests of the formats.
fn written_dumps() -> Vec<Vec<Vec<u8>>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../master/core/tests/compat");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder of the repository")
        .map(|file| file.expect("a file of the repository").path())
        .filter(|path| path.to_string_lossy().contains("/dump-"))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| split(&fs::read(path).expect("a file of the repository")))
        .collect()
}

/// Records with four bytes of length before each.
fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while let Some((length, behind)) = bytes.split_first_chunk::<4>() {
        let (record, behind) = behind.split_at(u32::from_le_bytes(*length) as usize);
        records.push(record.to_vec());
        bytes = behind;
    }
    records
}

pub(super) fn open_seeds() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for dump in written_dumps() {
        inputs.push(wire::write(&dump.iter().map(|it| part(0, it.clone())).collect::<Vec<_>>()));
        let place = scratch();
        let meta = SnapshotMeta {
            cluster: ClusterId::try_from("fuzz".to_owned()).expect("an id"),
            index: 7,
            term: 2,
            conf_state: ConfState { voters: vec![1, 2, 3], ..ConfState::default() },
        };
        inputs.push(wire::write(&[part(1, file(place.path(), &meta, &dump))]));
    }
    let heads = inputs.clone();
    for seed in 0..30 {
        let mut inventor = Inventor::new(seed);
        let more = (0..3).map(|_| part(0, inventor.message("bourse.log.v1.Record")));
        let mut fields = wire::read(&heads[0]).expect("just written");
        fields.extend(more);
        inputs.push(wire::write(&fields));
    }
    inputs
}

/// The bytes of a snapshot with these chunks.
fn file(place: &Path, meta: &SnapshotMeta, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = SnapshotWriter::create(place, meta).expect("an empty folder");
    chunks.iter().for_each(|chunk| writer.write_chunk(chunk).expect("a small chunk"));
    let pointer = writer.finish().expect("a healthy disk");
    fs::read(place.join(pointer.file)).expect("it was just written")
}

pub(super) fn open(bytes: &[u8]) {
    let parts = wire::parts(bytes);
    let mut restore = Some(Restore::new());
    let mut has_records = false;
    for (number, said) in parts {
        if kind_of(number, KINDS) == 1 {
            open_file(said);
            continue;
        }
        has_records = true;
        restore = restore.and_then(|mut restore| match restore.push(said) {
            Ok(()) => Some(restore),
            Err(error) => {
                met_error("record", &error);
                None
            }
        });
    }
    let Some(restore) = restore.filter(|_| has_records) else { return };
    match restore.finish() {
        Ok(ledger) => {
            met(("rows", ledger.tasks().iter().count(), ledger.agents().iter().count()));
            assert_eq!(invariants::check(&ledger), [], "of what was restored");
            assert_eq!(digest(&again(&ledger)), digest(&ledger), "D3");
        }
        Err(error) => met_error("state", &error),
    }
}

fn again(ledger: &Ledger) -> Ledger {
    let mut restore = Restore::new();
    for record in records(ledger) {
        restore.push(&record).expect("what was dumped can be read");
    }
    restore.finish().expect("what was dumped is whole")
}

fn open_file(bytes: &[u8]) {
    let place = scratch();
    let path = place.path().join("it.bin");
    fs::write(&path, bytes).expect("a file for a test");
    match read_file(&path) {
        Ok((meta, chunks)) => {
            met("whole");
            assert_eq!(file(place.path(), &meta, &chunks), bytes, "what was not written was read");
        }
        Err(error) => met_error("file", &error),
    }
}

fn read_file(path: &Path) -> Result<(SnapshotMeta, Vec<Vec<u8>>), master::disk::SnapshotReadError> {
    let mut reader = SnapshotReader::open_any(path)?;
    let mut chunks = Vec::new();
    while let Some(chunk) = reader.next_chunk()? {
        chunks.push(chunk);
    }
    Ok((reader.meta().clone(), chunks))
}
