//! Gives back the space of what no name leads to any more.

use super::{BLOBS, Store, StoreError, file, layers::chains, names};
use crate::{digest::Digest, manifest};
use rustix::fs::FlockOperation;
use std::{collections::BTreeSet, io, time::Duration};

/// What a collection removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Layers.
    pub layers: usize,
    /// Bytes of their files, and of archives that were never unpacked.
    pub bytes: u64,
}

impl Store {
    /// Removes layers and documents that neither a name nor a holder needs. Waits until nobody adds
    /// or opens an image.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`], [`StoreError::Manifest`]. What was not removed is removed next time.
    pub fn collect(&self) -> Result<Collected, StoreError> {
        let _alone = self.lock(FlockOperation::LockExclusive)?;
        self.sweep(Duration::ZERO)
    }

    /// As [`Self::collect`], unless somebody adds or opens an image at this moment. Archives that
    /// somebody may go on with are spared: those that have `grown_within` this time.
    ///
    /// # Errors
    ///
    /// As [`Self::collect`].
    pub fn try_collect(&self, grown_within: Duration) -> Result<Option<Collected>, StoreError> {
        match self.lock(FlockOperation::NonBlockingLockExclusive) {
            Ok(_alone) => self.sweep(grown_within).map(Some),
            Err(StoreError::File { source, .. }) if source.kind() == io::ErrorKind::WouldBlock => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn sweep(&self, grown_within: Duration) -> Result<Collected, StoreError> {
        let named = names::read(&self.root)?.into_iter().map(|record| record.digest);
        let images: BTreeSet<Digest> = named.chain(self.holders()?.into_values()).collect();
        let mut kept: BTreeSet<String> = BTreeSet::new();
        for image in images {
            let (manifest, configuration) = self.documents(image)?;
            let diff_ids = manifest::diff_ids(&configuration, manifest.layers().len())
                .map_err(StoreError::Manifest)?;
            let config = manifest::digest("manifest", manifest.config().digest().as_ref())
                .map_err(StoreError::Manifest)?;
            kept.extend([image.hex(), config.hex()]);
            kept.extend(chains(&diff_ids).map(|chain| chain.hex()));
        }
        let mut collected = Collected { layers: 0, bytes: self.clear_downloads(grown_within)? };
        for (name, directory) in self.layers.all()? {
            if kept.contains(&name) {
                continue;
            }
            let chain = format!("sha256:{name}").parse::<Digest>().ok();
            let record = chain.map(|chain| self.layers.record(chain)).transpose()?.flatten();
            // First the record: what is half removed is no layer.
            if let Some(record) = record {
                collected.bytes += record.bytes;
                self.layers.forget(&directory)?;
            }
            std::fs::remove_dir_all(&directory).map_err(file(&directory))?;
            collected.layers += 1;
        }
        let blobs = self.root.join(BLOBS);
        for entry in std::fs::read_dir(&blobs).map_err(file(&blobs))? {
            let entry = entry.map_err(file(&blobs))?;
            if !kept.contains(&*entry.file_name().to_string_lossy()) {
                std::fs::remove_file(entry.path()).map_err(file(&entry.path()))?;
            }
        }
        Ok(collected)
    }
}
