//! Images that come from elsewhere in parts: documents first, then the archives that are missing.
//!
//! Archives grow in `downloads/`, each under its digest, and stay there when whoever fetches them
//! is interrupted: the next one goes on where they end. A lock on the file makes one of several
//! who want the same archive fetch it, and the others wait; they may be other processes. Where the
//! bytes come from is not known here.

use super::{
    DOWNLOADS, Imported, Keep, Progress, Record, Store, StoreError, file,
    import::{Documents, now},
    layers::chains,
};
use crate::{
    digest::{Digest, Hashing},
    limits::LAYER_BYTES_MAX,
    manifest::{self, Document, ManifestError},
    source::{Source, images::Blob},
};
use oci_spec::{
    distribution::Reference,
    image::{ImageConfiguration, ImageManifest},
};
use rustix::fs::{FlockOperation, flock};
use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// Images on their way into a store. While this is there, nothing is collected.
#[derive(Debug)]
pub struct Intake {
    store: Arc<Store>,
    _used: File,
}

/// An image as its documents describe it.
#[derive(Debug)]
pub struct Described {
    manifest: Vec<u8>,
    config: Vec<u8>,
    layers: Vec<LayerArchive>,
}

/// The archive of one of an image's layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerArchive {
    /// From 1, from the bottom up.
    pub number: usize,
    /// What it must have.
    pub digest: Digest,
    /// What it must have, in bytes.
    pub bytes: u64,
    chain: Digest,
}

/// An archive that grows. Nobody else writes to it while this is there.
#[derive(Debug)]
pub struct Download {
    layer: LayerArchive,
    path: PathBuf,
    file: File,
    have: u64,
    is_right: bool,
}

/// An archive that is whole and has its digest.
#[derive(Debug)]
pub struct Downloaded {
    path: PathBuf,
    _locked: File,
}

impl Described {
    /// From an image's manifest and its configuration.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn new(manifest: Vec<u8>, config: Vec<u8>) -> Result<Self, ManifestError> {
        let read: ImageManifest = manifest::read(Document::MANIFEST, &manifest)?;
        let wanted = manifest::digest(Document::MANIFEST, read.config().digest().as_ref())?;
        let found = Digest::of(&config);
        if wanted != found {
            let (document, wanted) = (Document::CONFIGURATION, Box::new(wanted));
            return Err(ManifestError::Other { document, wanted, found });
        }
        let configuration: ImageConfiguration = manifest::read(Document::CONFIGURATION, &config)?;
        let diff_ids = manifest::diff_ids(&configuration, read.layers().len())?;
        let layers = chains(&diff_ids).zip(read.layers()).enumerate();
        let layers = layers.map(|(index, (chain, descriptor))| {
            let digest = manifest::digest(Document::MANIFEST, descriptor.digest().as_ref())?;
            let (number, bytes) = (index + 1, descriptor.size());
            if bytes > LAYER_BYTES_MAX {
                return Err(ManifestError::LargeLayer { number, bytes });
            }
            Ok(LayerArchive { number, digest, bytes, chain })
        });
        Ok(Self { layers: layers.collect::<Result<_, _>>()?, manifest, config })
    }

    /// Of the manifest: what the image is called by.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

impl Store {
    /// Begins to take images in; waits for a collection to end.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub fn intake(self: &Arc<Self>) -> Result<Intake, StoreError> {
        Ok(Intake { store: self.clone(), _used: self.lock(FlockOperation::LockShared)? })
    }
}

impl Intake {
    /// The archives that are needed: those of the layers that are not there yet, each once.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub fn missing(&self, image: &Described) -> Result<Vec<LayerArchive>, StoreError> {
        let mut missing: Vec<LayerArchive> = Vec::new();
        for layer in &image.layers {
            let is_new = missing.iter().all(|other| other.digest != layer.digest);
            if is_new && self.store.layers.record(layer.chain)?.is_none() {
                missing.push(layer.clone());
            }
        }
        Ok(missing)
    }

    /// Begins an archive, or goes on with what is there of it; waits while somebody else is at it.
    /// `None` if its layer is there by then.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub fn download(&self, layer: &LayerArchive) -> Result<Option<Download>, StoreError> {
        let path = self.store.root.join(DOWNLOADS).join(layer.digest.hex());
        let failed = file(&path);
        loop {
            let mut options = OpenOptions::new();
            let options = options.create(true).truncate(false).read(true).write(true);
            let opened = options.open(&path).map_err(&failed)?;
            flock(&opened, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
            let found = opened.metadata().map_err(&failed)?;
            // Whoever had the lock may have removed it meanwhile.
            if !std::fs::metadata(&path).is_ok_and(|there| there.ino() == found.ino()) {
                continue;
            }
            if self.store.layers.record(layer.chain)?.is_some() {
                std::fs::remove_file(&path).map_err(&failed)?;
                return Ok(None);
            }
            let (layer, file, have) = (layer.clone(), opened, found.len());
            let path = path.clone();
            let mut download = Download { layer, path, file, have, is_right: false };
            if download.have > download.layer.bytes {
                download.restart()?;
            }
            return Ok(Some(download));
        }
    }

    /// Unpacks what is missing of an image and gives it its name, for so long. A name with a digest
    /// means the image by that of its manifest, or by that of an `index` which led to it. The
    /// archives are removed.
    ///
    /// Blocks, as long as it takes to unpack. Needs root.
    ///
    /// # Errors
    ///
    /// [`StoreError::Pinned`], `Source`, `Manifest`, `Layer`, `Digest`, `Full`, `File`.
    pub fn add(
        &self,
        image: &Described,
        name: &Reference,
        keep: Keep,
        index: Option<Digest>,
        archives: Vec<Downloaded>,
        progress: &dyn Progress,
    ) -> Result<Imported, StoreError> {
        let digest = image.digest();
        let means = |it: Digest| name.digest().is_none_or(|wanted| wanted == it.to_string());
        if !means(digest) && !index.is_some_and(means) {
            return Err(StoreError::Pinned { name: Box::new(name.clone()), found: digest });
        }
        let path = self.store.root.join(DOWNLOADS);
        let source = File::open(&path).map_err(file(&path))?;
        let source = Source::Directory(source.into());
        let in_source = |source| StoreError::Source { path: path.clone(), source };
        let layers = image.layers.iter().map(|layer| Blob {
            name: layer.digest.hex(),
            digest: Some(layer.digest),
            bytes: layer.bytes,
        });
        let documents = Documents { manifest: &image.manifest, config: &image.config };
        let layers: Vec<Blob> = layers.collect();
        let (bytes, known_layers) =
            self.store.take(&source, &documents, &layers, progress, &in_source)?;
        let layers = layers.len();
        let name = name.clone();
        let record = Record { name, digest, bytes, layers, added: now(), keep };
        self.store.give_name(&record)?;
        for archive in archives {
            std::fs::remove_file(&archive.path).map_err(file(&archive.path))?;
        }
        Ok(Imported { record, known_layers })
    }
}

impl Download {
    /// Which it is.
    #[must_use]
    pub fn layer(&self) -> &LayerArchive {
        &self.layer
    }

    /// How many bytes of it are there: from where to go on.
    #[must_use]
    pub fn have(&self) -> u64 {
        self.have
    }

    /// Forgets what is there.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub fn restart(&mut self) -> Result<(), StoreError> {
        self.file.set_len(0).map_err(file(&self.path))?;
        (self.have, self.is_right) = (0, false);
        Ok(())
    }

    /// Adds what comes next; blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError::LongArchive`] for more than was announced, of which nothing is kept;
    /// [`StoreError::File`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let grown = u64::try_from(bytes.len()).ok().and_then(|more| self.have.checked_add(more));
        let fits = grown.filter(|grown| *grown <= self.layer.bytes);
        let Some(grown) = fits else {
            let LayerArchive { number, bytes, .. } = self.layer;
            return Err(StoreError::LongArchive { number, bytes });
        };
        let failed = file(&self.path);
        self.file.seek(SeekFrom::Start(self.have)).map_err(&failed)?;
        self.file.write_all(bytes).map_err(&failed)?;
        (self.have, self.is_right) = (grown, false);
        Ok(())
    }

    /// Compares a whole one with its digest; blocks. One that has another is forgotten.
    ///
    /// # Errors
    ///
    /// [`StoreError::Digest`], [`StoreError::File`].
    pub fn check(&mut self) -> Result<(), StoreError> {
        assert_eq!(self.have, self.layer.bytes, "a download is whole when it is checked");
        let digest = |file: &File| Hashing::new(file, self.have).finish();
        let found = self.file.rewind().and_then(|()| digest(&self.file));
        let (found, _) = found.map_err(file(&self.path))?;
        self.is_right = found == self.layer.digest;
        if self.is_right {
            return Ok(());
        }
        self.restart()?;
        let LayerArchive { number, digest: wanted, .. } = self.layer;
        Err(StoreError::Digest { number, wanted, found })
    }

    /// Nothing more comes.
    ///
    /// # Panics
    ///
    /// If it was not checked.
    #[must_use]
    pub fn finish(self) -> Downloaded {
        assert!(self.is_right, "a download is checked before it is used");
        Downloaded { path: self.path, _locked: self.file }
    }
}

impl Store {
    /// Removes archives that nobody went on with: all but those that grew within this time.
    pub(super) fn clear_downloads(&self, grown_within: Duration) -> Result<u64, StoreError> {
        let directory = self.root.join(DOWNLOADS);
        let mut bytes: u64 = 0;
        for entry in std::fs::read_dir(&directory).map_err(file(&directory))? {
            let entry = entry.map_err(file(&directory))?;
            let path = entry.path();
            let metadata = entry.metadata().map_err(file(&path))?;
            let grown = metadata.modified().map_err(file(&path))?;
            if grown.elapsed().unwrap_or_default() < grown_within {
                continue;
            }
            let length = metadata.len();
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(file(&path)(error));
                }
                _ => bytes = bytes.saturating_add(length),
            }
        }
        Ok(bytes)
    }
}
