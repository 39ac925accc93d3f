//! Which image a name means.

use super::{StoreError, file, lock, write_durably};
use crate::{digest::Digest, limits::IMAGES_MAX};
use oci_spec::distribution::Reference;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use std::{io, path::Path};

const NAMES: &str = "names.json";
const NAMES_LOCK: &str = "names.lock";

/// How long an image keeps its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Until somebody removes it: it may be nowhere else.
    #[default]
    UntilRemoved,
    /// While it is used, and for as long after that as there is room: its registry has it.
    WhileUsed,
}

/// An image that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Registry, repository, and tag or digest.
    pub name: Reference,
    /// Of its manifest.
    pub digest: Digest,
    /// Of its files, unpacked, in bytes; layers that other images have too are counted as well.
    pub bytes: u64,
    /// Layers.
    pub layers: usize,
    /// When it was added, in seconds since 1970.
    pub added: u64,
    /// How long.
    pub keep: Keep,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    digest: Digest,
    bytes: u64,
    layers: usize,
    added: u64,
    #[serde(default)]
    keep: Keep,
}

/// All of them, in order of their names.
pub(super) fn read(root: &Path) -> Result<Vec<Record>, StoreError> {
    let path = root.join(NAMES);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(file(&path)(error)),
    };
    let malformed = |error: &dyn std::error::Error| {
        file(&path)(io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
    };
    let lines: Vec<Line> = serde_json::from_slice(&bytes).map_err(|error| malformed(&error))?;
    let record = |line: Line| {
        let name = line.name.parse().map_err(|error| malformed(&error))?;
        let Line { digest, bytes, layers, added, keep, .. } = line;
        Ok(Record { name, digest, bytes, layers, added, keep })
    };
    lines.into_iter().map(record).collect()
}

/// Changes them, one change at a time; an error changes nothing.
pub(super) fn change(
    root: &Path,
    change: impl FnOnce(&mut Vec<Record>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let _alone = lock(&root.join(NAMES_LOCK), FlockOperation::LockExclusive)?;
    let mut records = read(root)?;
    change(&mut records)?;
    if records.len() > IMAGES_MAX {
        return Err(StoreError::Full { images: IMAGES_MAX });
    }
    records.sort_by_key(|record| record.name.whole());
    let line = |record: Record| {
        let Record { name, digest, bytes, layers, added, keep } = record;
        Line { name: name.whole(), digest, bytes, layers, added, keep }
    };
    let lines: Vec<Line> = records.into_iter().map(line).collect();
    let text = serde_json::to_vec_pretty(&lines).expect("names are JSON");
    write_durably(&root.join(NAMES), &text)
}
