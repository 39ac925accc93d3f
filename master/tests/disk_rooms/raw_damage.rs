//! Flipped bits and zeroed sectors anywhere in the log file, below our own records.
//!
//! The outcome must be one of two: the whole log comes back, or a typed error. An older state, a
//! shorter log or a panic would be worse than no log. The mark is what makes this true for the one
//! byte of redb's header that chooses between two intact commits.

use std::path::Path;

use master::disk::{AcknowledgedMark, LogStore, RedbLogStore, Restored};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::power_cut_disk::PowerCutDisk;
use super::scribe::{Model, STORE};

/// redb's header: the magic number, the byte that chooses, two commit slots.
const HEADER_BYTES: usize = 320;

/// A log file with some history, its mark in `directory`, and what it must give back.
struct Specimen {
    bytes: Vec<u8>,
    expected: Restored,
}

/// `clean`: closed properly; otherwise as a killed process leaves it.
fn specimen(directory: &Path, clean: bool) -> Specimen {
    let mut random = Pcg64Mcg::seed_from_u64(7);
    let disk = PowerCutDisk::default();
    let mark = AcknowledgedMark::create(directory).unwrap();
    let mut store = RedbLogStore::create(disk.cable(), STORE, Some(mark)).unwrap();
    store.load().unwrap();
    let mut model = Model::default();
    for _ in 0..25 {
        let batches = model.invent(&mut random);
        store.append(&batches).unwrap();
        model.apply(&batches);
    }
    let killed = disk.bytes();
    drop(store);
    let bytes = if clean { disk.bytes() } else { killed };
    Specimen { bytes, expected: model.restored() }
}

/// Whether the damage was noticed; panics if it was noticed by nobody and still did harm.
fn is_refused(directory: &Path, bytes: Vec<u8>, expected: &Restored, what: &str) -> bool {
    let disk = PowerCutDisk::holding(bytes);
    let mark = AcknowledgedMark::open(directory).unwrap();
    let Ok(mut store) = RedbLogStore::open(disk.cable(), STORE, Some(mark)) else { return true };
    match store.load() {
        Err(_) => true,
        Ok(found) => {
            assert_eq!(found, *expected, "{what} came back as another log");
            false
        }
    }
}

fn no_damage_passes(clean: bool) {
    let directory = tempfile::tempdir().unwrap();
    let Specimen { bytes, expected } = specimen(directory.path(), clean);
    assert!(!is_refused(directory.path(), bytes.clone(), &expected, "the undamaged file"));
    let mut refused = 0;
    for bit in 0..HEADER_BYTES * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let what = format!("header bit {bit}");
        refused += u32::from(is_refused(directory.path(), damaged, &expected, &what));
    }
    assert!(refused > 100, "only {refused} header bits mattered");
    let mut random = Pcg64Mcg::seed_from_u64(11);
    refused = 0;
    for _ in 0..600 {
        let bit = random.random_range(0..bytes.len() * 8);
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        refused +=
            u32::from(is_refused(directory.path(), damaged, &expected, &format!("bit {bit}")));
    }
    for start in (0..bytes.len()).step_by(512) {
        let mut damaged = bytes.clone();
        damaged[start..(start + 512).min(bytes.len())].fill(0);
        let what = format!("zeroed sector at {start}");
        refused += u32::from(is_refused(directory.path(), damaged, &expected, &what));
    }
    assert!(refused > 50, "only {refused} damages were noticed");
}

#[test]
fn damage_to_a_closed_file_is_refused_or_harmless() {
    no_damage_passes(true);
}

#[test]
fn damage_to_the_file_of_a_killed_process_is_refused_or_harmless() {
    no_damage_passes(false);
}

#[test]
fn a_file_cut_short_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let Specimen { bytes, expected } = specimen(directory.path(), true);
    for length in (1..bytes.len()).step_by(4096 / 3) {
        let short = bytes[..length].to_vec();
        let what = format!("cut to {length} of {}", bytes.len());
        assert!(is_refused(directory.path(), short, &expected, &what), "{what}");
    }
}
