//! For tests of a process's table of calls: what the schemas declare, against what the table says.

use crate::gate::Row;
use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use std::collections::BTreeMap;

/// Every call that encoded schemas declare, by its path, and whether it takes a stream.
///
/// # Panics
/// On bytes that are no descriptors.
pub fn declared_calls(descriptors: &[&[u8]]) -> BTreeMap<String, bool> {
    let mut calls = BTreeMap::new();
    for descriptors in descriptors {
        let set = FileDescriptorSet::decode(*descriptors).expect("a schema's descriptors");
        for file in &set.file {
            for service in &file.service {
                let path =
                    |method: &str| format!("/{}.{}/{method}", file.package(), service.name());
                let call = |method: &MethodDescriptorProto| {
                    (path(method.name()), method.client_streaming())
                };
                calls.extend(service.method.iter().map(call));
            }
        }
    }
    calls
}

/// What is served is what is declared: no row is missing, none is about nothing, none is twice,
/// each takes what the schema says, and each lets somebody in.
///
/// # Panics
/// If the table is not so.
pub fn check_table(table: &[Row], declared: &BTreeMap<String, bool>) {
    let row = |row: &Row| (row.path.to_owned(), row.messages.streamed);
    let rows: BTreeMap<String, bool> = table.iter().map(row).collect();
    assert_eq!(rows.len(), table.len(), "a row is given twice");
    assert_eq!(&rows, declared);
    assert!(table.iter().all(|row| !row.allowed.is_empty()), "a call that nobody may make");
}
