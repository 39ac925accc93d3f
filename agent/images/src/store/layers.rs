//! Layers that are unpacked, by chain id.

use super::{StoreError, file, sync_directory, write_durably};
use crate::{digest::Digest, manifest::chain_id};
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
};

const FILES: &str = "fs";
const RECORD: &str = "layer.json";

/// The directory of all layers.
#[derive(Debug)]
pub(super) struct Layers {
    root: PathBuf,
}

/// What is known of a layer. A directory without it is no layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LayerRecord {
    /// Of its archive without compression.
    pub(super) diff_id: Digest,
    /// Of its files.
    pub(super) bytes: u64,
    /// Files, directories, links.
    pub(super) entries: u64,
    /// Devices that were left out.
    pub(super) devices: u64,
}

impl Layers {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// What is known of a layer, if it is there.
    pub(super) fn record(&self, chain: Digest) -> Result<Option<LayerRecord>, StoreError> {
        let path = self.directory(chain).join(RECORD);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file(&path)(error)),
        };
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Some).map_err(|error| file(&path)(error.into()))
    }

    /// Where its files are.
    pub(super) fn files(&self, chain: Digest) -> PathBuf {
        self.directory(chain).join(FILES)
    }

    /// The directories of an image's layers, from the bottom up.
    pub(super) fn of(&self, diff_ids: &[Digest]) -> Result<Vec<PathBuf>, StoreError> {
        let chains = chains(diff_ids);
        chains
            .map(|chain| match self.record(chain)? {
                Some(_) => Ok(self.files(chain)),
                None => Err(file(&self.directory(chain))(io::ErrorKind::NotFound.into())),
            })
            .collect()
    }

    /// Takes what was unpacked in a directory as a layer. If somebody else was faster, theirs is
    /// as good.
    pub(super) fn keep(
        &self,
        chain: Digest,
        made_in: &Path,
        record: &LayerRecord,
    ) -> Result<(), StoreError> {
        let text = serde_json::to_vec(record).expect("a record is JSON");
        write_durably(&made_in.join(RECORD), &text)?;
        let directory = self.directory(chain);
        match std::fs::rename(made_in, &directory) {
            Ok(()) => sync_directory(&self.root),
            Err(_) if self.record(chain)?.is_some() => {
                std::fs::remove_dir_all(made_in).map_err(file(made_in))
            }
            Err(error) => Err(file(&directory)(error)),
        }
    }

    /// The chain ids of all that is there.
    pub(super) fn all(&self) -> Result<Vec<(String, PathBuf)>, StoreError> {
        let entries = std::fs::read_dir(&self.root).map_err(file(&self.root))?;
        let named = |entry: io::Result<std::fs::DirEntry>| {
            let entry = entry.map_err(file(&self.root))?;
            Ok((entry.file_name().to_string_lossy().into_owned(), entry.path()))
        };
        entries.map(named).collect()
    }

    /// What is in this directory is no layer any more, after any crash.
    pub(super) fn forget(&self, directory: &Path) -> Result<(), StoreError> {
        let path = directory.join(RECORD);
        std::fs::remove_file(&path).map_err(file(&path))?;
        sync_directory(directory)
    }

    fn directory(&self, chain: Digest) -> PathBuf {
        self.root.join(chain.hex())
    }
}

/// The chain ids of layers, from the bottom up.
pub(super) fn chains(diff_ids: &[Digest]) -> impl Iterator<Item = Digest> {
    diff_ids.iter().scan(None, |below, diff_id| {
        *below = Some(chain_id(*below, *diff_id));
        *below
    })
}
