//! Snapshot files: whole or refused, at every byte; leftovers are swept.

use std::fs;
use std::path::Path;

use master::disk::{
    ClusterId, MAX_CHUNK_BYTES, SnapshotDirectory, SnapshotFault, SnapshotMeta, SnapshotPointer,
    SnapshotReadError, SnapshotReader, SnapshotWriteError,
};
use proptest::prelude::*;
use raft::eraftpb::ConfState;

fn cluster() -> ClusterId {
    "north".to_owned().try_into().unwrap()
}

fn meta(index: u64) -> SnapshotMeta {
    let conf_state = ConfState { voters: vec![1, 2, 3], learners: vec![4], ..ConfState::default() };
    SnapshotMeta { cluster: cluster(), index, term: 2, conf_state }
}

fn folder(path: &Path) -> SnapshotDirectory {
    SnapshotDirectory::new(path.to_owned(), cluster())
}

fn write(folder: &SnapshotDirectory, index: u64, chunks: &[Vec<u8>]) -> SnapshotPointer {
    let mut writer = folder.create(&meta(index)).unwrap();
    for chunk in chunks {
        writer.write_chunk(chunk).unwrap();
    }
    writer.finish().unwrap()
}

fn read(
    folder: &SnapshotDirectory,
    pointer: &SnapshotPointer,
) -> Result<Vec<Vec<u8>>, SnapshotReadError> {
    folder.open(pointer)?.collect()
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

/// Reads without a pointer, as a file of unknown origin.
fn read_alone(path: &Path) -> Result<Vec<Vec<u8>>, SnapshotReadError> {
    SnapshotReader::open(path, &cluster())?.collect()
}

#[test]
fn what_was_written_is_read() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    for (index, chunks) in
        [vec![], vec![b"a".to_vec()], vec![vec![7; MAX_CHUNK_BYTES], vec![0; 3], vec![9; 70_000]]]
            .into_iter()
            .enumerate()
    {
        let index = index as u64 + 1;
        let pointer = write(&folder, index, &chunks);
        assert_eq!(pointer.file, format!("snapshot-2-{index}.bin"));
        assert_eq!(
            fs::metadata(root.path().join(&pointer.file)).unwrap().len(),
            pointer.size_bytes
        );
        assert_eq!(folder.open(&pointer).unwrap().meta(), &meta(index));
        assert_eq!(read(&folder, &pointer).unwrap(), chunks);
    }
}

#[test]
fn the_digest_covers_the_data_and_not_how_it_was_cut() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let whole = write(&folder, 1, &[b"one snapshot".to_vec()]);
    let cut = write(&folder, 1, &[b"one ".to_vec(), b"snapshot".to_vec()]);
    let other = write(&folder, 1, &[b"one snapshoT".to_vec()]);
    let later = write(&folder, 2, &[b"one snapshot".to_vec()]);
    assert_eq!(whole.digest, cut.digest);
    assert_ne!(whole.digest, other.digest);
    assert_ne!(whole.digest, later.digest);
}

#[test]
fn every_cut_and_every_flipped_bit_of_a_small_snapshot_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let pointer = write(&folder, 5, &[b"first".to_vec(), b"second".to_vec(), b"third".to_vec()]);
    let path = root.path().join(&pointer.file);
    let good = fs::read(&path).unwrap();
    for length in 0..good.len() {
        fs::write(&path, &good[..length]).unwrap();
        match read_alone(&path) {
            Err(SnapshotReadError::Damaged { what: SnapshotFault::Truncated, .. }) => {}
            other => panic!("cut to {length}: {other:?}"),
        }
    }
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bad).unwrap();
        let outcome = read_alone(&path);
        assert!(
            matches!(outcome, Err(SnapshotReadError::Damaged { .. })),
            "bit {bit}: {outcome:?}"
        );
    }
    let mut longer = good.clone();
    longer.push(0);
    fs::write(&path, &longer).unwrap();
    match read_alone(&path) {
        Err(SnapshotReadError::Damaged { what: SnapshotFault::TrailingBytes, .. }) => {}
        other => panic!("{other:?}"),
    }
    fs::write(&path, &good).unwrap();
    assert_eq!(read_alone(&path).unwrap().len(), 3);
}

#[test]
fn a_large_snapshot_cut_at_any_chunk_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let chunks: Vec<Vec<u8>> = (0..20_u8).map(|fill| vec![fill; 4096]).collect();
    let pointer = write(&folder, 5, &chunks);
    let path = root.path().join(&pointer.file);
    let good = fs::read(&path).unwrap();
    let trailer = 40;
    for kept in 0..=chunks.len() {
        let end = good.len() - trailer - (chunks.len() - kept) * (4096 + 8);
        fs::write(&path, &good[..end]).unwrap();
        let outcome = read_alone(&path);
        assert!(matches!(outcome, Err(SnapshotReadError::Damaged { .. })), "{kept}: {outcome:?}");
        // A whole trailer behind too few chunks is no better.
        let mut spliced = good[..end].to_vec();
        spliced.extend_from_slice(&good[good.len() - trailer..]);
        fs::write(&path, &spliced).unwrap();
        match read_alone(&path) {
            Ok(_) => assert_eq!(kept, chunks.len()),
            Err(SnapshotReadError::Damaged { what: SnapshotFault::Count { .. }, .. }) => {
                assert!(kept < chunks.len());
            }
            Err(other) => panic!("{kept}: {other:?}"),
        }
    }
}

#[test]
fn swapped_chunks_and_foreign_files_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let pointer = write(&folder, 5, &[b"aaaa".to_vec(), b"bbbb".to_vec()]);
    let path = root.path().join(&pointer.file);
    let mut bytes = fs::read(&path).unwrap();
    let chunks = bytes.len() - 40 - 24;
    bytes[chunks..chunks + 24].rotate_left(12);
    fs::write(&path, &bytes).unwrap();
    match read_alone(&path) {
        Err(SnapshotReadError::Damaged {
            what: SnapshotFault::ChunkChecksum { chunk: 0 }, ..
        }) => {}
        other => panic!("{other:?}"),
    }
    let south: ClusterId = "south".to_owned().try_into().unwrap();
    let error = SnapshotReader::open(&path, &south).unwrap_err();
    assert!(matches!(error, SnapshotReadError::OtherCluster { .. }), "{error:?}");
}

#[test]
fn another_snapshot_in_the_place_of_the_pointed_one_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let pointer = write(&folder, 5, &[b"right".to_vec()]);
    write(&folder, 5, &[b"wrong".to_vec()]);
    match read(&folder, &pointer).unwrap_err() {
        SnapshotReadError::Damaged { what: SnapshotFault::Digest { expected, .. }, .. } => {
            assert_eq!(expected, pointer.digest);
        }
        error => panic!("{error:?}"),
    }
    write(&folder, 5, &[b"longer".to_vec()]);
    let error = read(&folder, &pointer).unwrap_err();
    assert!(matches!(error, SnapshotReadError::NotThePointedOne { .. }), "{error:?}");
    fs::remove_file(root.path().join(&pointer.file)).unwrap();
    let error = read(&folder, &pointer).unwrap_err();
    assert!(matches!(error, SnapshotReadError::Io { .. }), "{error:?}");
}

#[test]
fn chunks_must_have_a_sensible_length() {
    let root = tempfile::tempdir().unwrap();
    let mut writer = folder(root.path()).create(&meta(1)).unwrap();
    for bytes in [0, MAX_CHUNK_BYTES + 1] {
        let error = writer.write_chunk(&vec![0; bytes]).unwrap_err();
        assert!(
            matches!(error, SnapshotWriteError::ChunkLength { bytes: named } if named == bytes)
        );
    }
    writer.write_chunk(b"still usable").unwrap();
    writer.finish().unwrap();
}

#[test]
fn given_up_snapshots_leave_nothing_and_leftovers_are_swept() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let mut writer = folder.create(&meta(7)).unwrap();
    writer.write_chunk(b"half").unwrap();
    assert!(folder.create(&meta(7)).is_err(), "the same snapshot twice at once");
    writer.abort().unwrap();
    drop(folder.create(&meta(7)).unwrap());
    assert!(names(root.path()).is_empty());

    let pointer = write(&folder, 3, &[b"pointed to".to_vec()]);
    // A crash after the rename and before the pointer was durable, and one in the middle.
    write(&folder, 8, &[b"never pointed to".to_vec()]);
    std::mem::forget(folder.create(&meta(9)).unwrap());
    let removed = folder.sweep(Some(&pointer)).unwrap();
    assert_eq!(removed, ["snapshot-2-8.bin", "snapshot-2-9.bin.part"]);
    assert_eq!(names(root.path()), [pointer.file.as_str()]);
    assert_eq!(read(&folder, &pointer).unwrap().len(), 1);

    let mut reader = folder.open(&pointer).unwrap();
    assert_eq!(folder.sweep(None).unwrap(), [pointer.file]);
    assert_eq!(reader.next_chunk().unwrap().unwrap(), b"pointed to");
    assert!(reader.next_chunk().unwrap().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_refused_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        kept in 0_usize..200,
    ) {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let pointer = write(&folder, 1, &[vec![1; 50], vec![2; 50]]);
        let path = root.path().join(&pointer.file);
        let good = fs::read(&path).unwrap();
        let mut mixed = good[..kept.min(good.len() - 1)].to_vec();
        mixed.extend_from_slice(&bytes);
        fs::write(&path, &mixed).unwrap();
        if mixed != good {
            prop_assert!(read_alone(&path).is_err());
        }
    }
}
