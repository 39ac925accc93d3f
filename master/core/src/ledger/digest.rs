//! The fingerprint of a state: replicas that applied the same entries must have the same (C4).

use super::{Ledger, dump::records};
use xxhash_rust::xxh3::Xxh3;

/// XXH3-128 over the dump, each record behind its length.
pub fn digest(ledger: &Ledger) -> u128 {
    of_records(records(ledger))
}

/// The same, of a dump that exists already.
pub fn of_records(records: impl IntoIterator<Item = impl AsRef<[u8]>>) -> u128 {
    let mut hasher = Xxh3::new();
    for record in records {
        let record = record.as_ref();
        hasher.update(&(record.len() as u64).to_le_bytes());
        hasher.update(record);
    }
    hasher.digest128()
}
