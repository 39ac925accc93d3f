//! Which names may go, and since when nobody has used what they mean.
//!
//! The time is that of the manifest's file, which whoever lets an image go sets: it costs no sync,
//! and a crash makes an image older than it is, at worst.

use super::{BLOBS, Keep, Record, Store, StoreError, file, names};
use crate::digest::Digest;
use std::{
    collections::BTreeSet,
    fs::File,
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

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

    /// The last time that it was added or let go.
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
}
