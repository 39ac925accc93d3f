//! The fingerprint of a state: replicas that applied the same entries must have the same (C4).

use super::{Ledger, dump::records};
use xxhash_rust::xxh3::Xxh3;

/// XXH3-128 over the dump, each record behind its length.
pub fn digest(ledger: &Ledger) -> u128 {
    let mut hasher = Xxh3::new();
    for record in records(ledger) {
        hasher.update(&(record.len() as u64).to_le_bytes());
        hasher.update(&record);
    }
    hasher.digest128()
}
