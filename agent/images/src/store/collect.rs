//! Gives back the space of what no name leads to any more, and knows which names may go.

use super::{BLOBS, Keep, Record, Store, StoreError, file, layers::chains, names};
use crate::{digest::Digest, manifest};
use rustix::fs::FlockOperation;
use std::{
    collections::BTreeSet,
    fs::File,
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// What a collection removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Layers.
    pub layers: usize,
    /// Bytes of their files, and of archives that were never unpacked.
    pub bytes: u64,
}

/// An image that nobody uses and that need not be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle {
    /// Which.
    pub record: Record,
    /// When its last holder let it go, or it was added.
    pub since: SystemTime,
}

impl Store {
    /// Images whose names may go ([`Keep::WhileUsed`]) and that nobody holds, those that are idle
    /// for longest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub fn idle(&self) -> Result<Vec<Idle>, StoreError> {
        let held: BTreeSet<Digest> = self.holders()?.into_values().collect();
        let mut idle = Vec::new();
        for record in names::read(&self.root)? {
            if record.keep == Keep::WhileUsed && !held.contains(&record.digest) {
                idle.push(Idle { since: self.last_use(&record)?, record });
            }
        }
        idle.sort_by_key(|image| image.since);
        Ok(idle)
    }

    /// The last time that it was added or let go. A crash may leave an earlier one.
    fn last_use(&self, record: &Record) -> Result<SystemTime, StoreError> {
        let path = self.root.join(BLOBS).join(record.digest.hex());
        let touched = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
        Ok(touched.map_err(file(&path))?.max(UNIX_EPOCH + Duration::from_secs(record.added)))
    }

    /// A holder lets an image go.
    pub(super) fn touch(&self, image: Digest) -> Result<(), StoreError> {
        let path = self.root.join(BLOBS).join(image.hex());
        match File::open(&path).and_then(|blob| blob.set_modified(SystemTime::now())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file(&path)(error)),
            _ => Ok(()),
        }
    }

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
    /// somebody may go on with are spared: those that grew within `unless`.
    ///
    /// # Errors
    ///
    /// As [`Self::collect`].
    pub fn try_collect(&self, unless: Duration) -> Result<Option<Collected>, StoreError> {
        match self.lock(FlockOperation::NonBlockingLockExclusive) {
            Ok(_alone) => self.sweep(unless).map(Some),
            Err(StoreError::File { source, .. }) if source.kind() == io::ErrorKind::WouldBlock => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn sweep(&self, unless: Duration) -> Result<Collected, StoreError> {
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
        let mut collected = Collected { layers: 0, bytes: self.clear_downloads(unless)? };
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
