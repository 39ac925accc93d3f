//! Deleting a volume, in two steps: out of the way, then away.
//!
//! From the rename on nothing finds it under its name any more, so what is half deleted is never
//! taken for a volume. It can be broken off at any point and begun again: each beginning looks for
//! everything that an earlier one may have left.

use super::directories::{DESTROYING, MAKING, VolumeError, VolumeTree, kind, open_at, sync};
use crate::walk::{Stop, delete};
use proto::model::VolumeKey;
use rustix::fs::{FileType, renameat};
use std::{ffi::OsStr, io};

impl VolumeTree {
    /// Deletes a volume with its data; one that is not there is as good, unless it was there in
    /// this life: then its disk is away, and it with it. Blocks for as long as it takes to delete
    /// every file.
    pub(crate) fn delete(&self, key: VolumeKey, stop: Stop<'_>) -> Result<(), VolumeError> {
        let system = |what| move |source| VolumeError::System { what, source };
        let (root, name) = (self.root()?, key.to_string());
        let open = |name| open_at(&root, name).map_err(system("open the directory of volumes"));
        let (making, destroying) = (open(MAKING)?, open(DESTROYING)?);
        if kind(&root, &name)?.is_none() && self.known().contains(&key) {
            return Err(VolumeError::Missing { key });
        }
        delete(&making, OsStr::new(&name), stop)?;
        delete(&destroying, OsStr::new(&name), stop)?;
        match kind(&root, &name)? {
            None => {}
            Some(FileType::Directory) => {
                let set_aside = || {
                    renameat(&root, &*name, &destroying, &*name)?;
                    sync(&destroying)?;
                    sync(&root)
                };
                set_aside().map_err(system("set the volume aside"))?;
                self.known().remove(&key);
                delete(&destroying, OsStr::new(&name), stop)?;
            }
            // Only directories are volumes.
            Some(_) => return Err(VolumeError::Stranger { name }),
        }
        let durable: io::Result<()> = [&making, &destroying, &root].into_iter().try_for_each(sync);
        durable.map_err(system("make sure that the volume is gone"))
    }
}
