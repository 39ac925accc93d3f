//! For tests of a process's table of calls: what the schemas declare, against what the table says.

use crate::gate::Row;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use std::collections::BTreeSet;

/// Every call that encoded schemas declare, as its path.
///
/// # Panics
/// On bytes that are no descriptors.
pub fn declared_calls(descriptors: &[&[u8]]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for descriptors in descriptors {
        let set = FileDescriptorSet::decode(*descriptors).expect("a schema's descriptors");
        for file in &set.file {
            for service in &file.service {
                let path =
                    |method: &str| format!("/{}.{}/{method}", file.package(), service.name());
                paths.extend(service.method.iter().map(|method| path(method.name())));
            }
        }
    }
    paths
}

/// What is served is what is declared: no row is missing, none is about nothing, none is twice, and
/// each lets somebody in.
///
/// # Panics
/// If the table is not so.
pub fn check_table(table: &[Row], declared: &BTreeSet<String>) {
    let rows: BTreeSet<String> = table.iter().map(|row| row.path.to_owned()).collect();
    assert_eq!(rows.len(), table.len(), "a row is given twice");
    assert_eq!(&rows, declared);
    assert!(table.iter().all(|row| !row.allowed.is_empty()), "a call that nobody may make");
}
