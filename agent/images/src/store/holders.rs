//! Who uses which image: what is held is not collected, whatever becomes of its name.
//!
//! A holder is a name that somebody chose, a container's for instance, and a file that says which
//! image it uses. It outlives the process that wrote it, as containers outlive their agent.

use super::{IN_USE, Image, Store, StoreError, file, write_durably};
use crate::digest::Digest;
use std::{collections::BTreeMap, io};

impl Store {
    /// Holds an image until [`Self::release`]. The name is that of a file: without `/`.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub fn hold(&self, holder: &str, image: &Image) -> Result<(), StoreError> {
        assert!(!holder.is_empty() && !holder.contains('/'), "{holder:?} cannot name a file");
        let path = self.root.join(IN_USE).join(holder);
        write_durably(&path, image.digest.to_string().as_bytes())
    }

    /// Holds nothing any more; repeating it does no harm.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub fn release(&self, holder: &str) -> Result<(), StoreError> {
        let path = self.root.join(IN_USE).join(holder);
        let image = std::fs::read_to_string(&path).ok().and_then(|text| text.parse().ok());
        // Before it is idle; and it is let go also when that fails.
        let touched = image.map_or(Ok(()), |image| self.touch(image));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file(&path)(error)),
            _ => touched,
        }
    }

    /// All holders, and what each uses.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub fn holders(&self) -> Result<BTreeMap<String, Digest>, StoreError> {
        let directory = self.root.join(IN_USE);
        let mut holders = BTreeMap::new();
        for entry in std::fs::read_dir(&directory).map_err(file(&directory))? {
            let path = entry.map_err(file(&directory))?.path();
            let text = match std::fs::read_to_string(&path) {
                // Released a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                result => result.map_err(file(&path))?,
            };
            // A file that is being written is none yet.
            let name = path.file_name().and_then(|name| name.to_str());
            if let (Some(name), Ok(digest)) = (name, text.parse()) {
                holders.insert(name.to_owned(), digest);
            }
        }
        Ok(holders)
    }
}
