//! The store: images by name, and their layers, each once.
//!
//! ```text
//! images/
//!   lock              shared while an image is added or used, alone while something is removed
//!   names.json        which image a name means; written anew by rename, under names.lock
//!   blobs/<digest>    manifests and configurations
//!   layers/<chain>/   layer.json, fs/: a layer over those below it, unpacked
//!   in-use/<holder>   which image somebody uses
//!   downloads/        archives that are fetched, by digest; what is there of one is gone on with
//!   ingest/           what is being made; whatever is found there at the start is left over
//! ```
//!
//! The idea: a name is given last. What has no name yet is found by nobody, so that an import that
//! is interrupted, at whatever point, leaves nothing but space that the next [`Store::collect`]
//! gives back. Processes share a store by locks of its files: an agent and an operator's command
//! need not know of each other.
//!
//! Layers lie under their chain id (OCI image-spec 1.1), not under the digest of their archive:
//! what an overlay shows of a directory that a layer only passes through depends on what is below.

mod collect;
mod holders;
mod idle;
mod import;
mod intake;
mod layers;
mod names;

pub use collect::Collected;
pub use idle::Idle;
pub use import::{Imported, Progress};
pub use intake::{Described, Download, Downloaded, Intake, LayerArchive};
pub use names::{Keep, Record};

use crate::{
    accounts::{self, Account, AccountError},
    digest::Digest,
    layer::UnpackError,
    manifest::{self, Config, ManifestError},
    source::images::SourceError,
};
use layers::Layers;
use oci_spec::{
    distribution::Reference,
    image::{ImageConfiguration, ImageManifest},
};
use rustix::fs::FlockOperation;
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

const BLOBS: &str = "blobs";
const DOWNLOADS: &str = "downloads";
const INGEST: &str = "ingest";
const IN_USE: &str = "in-use";
const LAYERS: &str = "layers";
const LOCK: &str = "lock";

/// Images on this host's disk.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    layers: Layers,
}

/// An image that can be run. Nothing of it goes away while this is there.
#[derive(Debug)]
pub struct Image {
    /// The digest of its manifest.
    pub digest: Digest,
    /// How it wants to be run.
    pub config: Config,
    /// Its layers' directories, from the bottom up.
    pub layers: Vec<PathBuf>,
    _lock: File,
}

/// Why the store cannot do it. Nothing that had a name has changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory of the store.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// What is to be imported.
    #[error("cannot open {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// What it holds.
    #[error("{} cannot be imported", path.display())]
    Source {
        /// Which.
        path: PathBuf,
        /// The cause.
        #[source]
        source: SourceError,
    },
    /// It says nothing about what its images are called, or it has several and one name was given.
    #[error(
        "{} has {images} images, and {names} names such as example.org/web:3; `bourse images import \
         --name NAME` gives one to the only image of an archive", path.display()
    )]
    Names {
        /// Which.
        path: PathBuf,
        /// How many images it has.
        images: usize,
        /// How many names there are for them.
        names: usize,
    },
    /// An image's documents.
    #[error("the image cannot be used")]
    Manifest(#[source] ManifestError),
    /// One of its layers.
    #[error("layer {number} cannot be unpacked")]
    Layer {
        /// From 1, from the bottom up.
        number: usize,
        /// The cause.
        #[source]
        source: UnpackError,
    },
    /// One of its layers is not the one that was meant.
    #[error("layer {number} has the digest {found}, not {wanted}")]
    Digest {
        /// From 1, from the bottom up.
        number: usize,
        /// What the documents say.
        wanted: Digest,
        /// What it is.
        found: Digest,
    },
    /// More came of an archive than there is of it.
    #[error("layer {number} has more than the {bytes} bytes that were announced")]
    LongArchive {
        /// From 1, from the bottom up.
        number: usize,
        /// What was announced.
        bytes: u64,
    },
    /// A name that says which image it means was given to another.
    #[error("{name} cannot be the name of an image with the digest {found}")]
    Pinned {
        /// The name.
        name: Box<Reference>,
        /// The image's digest.
        found: Digest,
    },
    /// Nothing of this name is in the store.
    #[error("there is no image {name}")]
    Unknown {
        /// The name.
        name: Reference,
    },
    /// There are as many as a store holds.
    #[error("the store holds {images} names, and no more")]
    Full {
        /// How many.
        images: usize,
    },
}

impl Image {
    /// Who is meant in this image by a user's name.
    ///
    /// # Errors
    ///
    /// [`AccountError`].
    pub fn account(&self, user: &str) -> Result<Account, AccountError> {
        accounts::account(&self.layers, user)
    }
}

impl Store {
    /// Opens a store, or makes one. The directory above must be there.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let made = |path: &Path| match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(file(path)(error)),
            _ => Ok(()),
        };
        made(root)?;
        // Threads that unpack have other root directories, and the same names for it.
        let root = root.canonicalize().map_err(file(root))?;
        for name in [BLOBS, DOWNLOADS, IN_USE, INGEST, LAYERS] {
            made(&root.join(name))?;
        }
        let layers = Layers::new(root.join(LAYERS));
        let store = Self { root, layers };
        // Nobody else is at work: whatever is being made there is made no further.
        if let Ok(alone) = store.lock(FlockOperation::NonBlockingLockExclusive) {
            store.clear_ingest()?;
            drop(alone);
        }
        Ok(store)
    }

    /// All images that have names, in their order.
    ///
    /// # Errors
    ///
    /// [`StoreError::File`].
    pub fn list(&self) -> Result<Vec<Record>, StoreError> {
        names::read(&self.root)
    }

    /// The image of this name, with all that is needed to run it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unknown`], [`StoreError::File`], [`StoreError::Manifest`].
    pub fn image(&self, name: &Reference) -> Result<Image, StoreError> {
        let lock = self.lock(FlockOperation::LockShared)?;
        let record = names::read(&self.root)?.into_iter().find(|record| record.name == *name);
        let record = record.ok_or_else(|| StoreError::Unknown { name: name.clone() })?;
        let (manifest, configuration) = self.documents(record.digest)?;
        let diff_ids = manifest::diff_ids(&configuration, manifest.layers().len())
            .map_err(StoreError::Manifest)?;
        let layers = self.layers.of(&diff_ids)?;
        Ok(Image { digest: record.digest, config: Config::of(&configuration), layers, _lock: lock })
    }

    /// Takes a name away. What only it needed goes with the next [`Self::collect`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Unknown`], [`StoreError::File`].
    pub fn remove(&self, name: &Reference) -> Result<(), StoreError> {
        names::change(&self.root, |records| {
            let place = records.iter().position(|record| record.name == *name);
            let place = place.ok_or_else(|| StoreError::Unknown { name: name.clone() })?;
            records.remove(place);
            Ok(())
        })
    }

    fn documents(&self, digest: Digest) -> Result<(ImageManifest, ImageConfiguration), StoreError> {
        let manifest: ImageManifest =
            manifest::read("manifest", &self.blob(digest)?).map_err(StoreError::Manifest)?;
        let config = manifest::digest("manifest", manifest.config().digest().as_ref())
            .map_err(StoreError::Manifest)?;
        let configuration = manifest::read("configuration", &self.blob(config)?);
        Ok((manifest, configuration.map_err(StoreError::Manifest)?))
    }

    fn blob(&self, digest: Digest) -> Result<Vec<u8>, StoreError> {
        let path = self.root.join(BLOBS).join(digest.hex());
        std::fs::read(&path).map_err(file(&path))
    }

    /// Until the file is dropped.
    fn lock(&self, operation: FlockOperation) -> Result<File, StoreError> {
        lock(&self.root.join(LOCK), operation)
    }

    fn clear_ingest(&self) -> Result<(), StoreError> {
        let directory = self.root.join(INGEST);
        for entry in std::fs::read_dir(&directory).map_err(file(&directory))? {
            let path = entry.map_err(file(&directory))?.path();
            let removed = if path.is_dir() {
                std::fs::remove_dir_all(&path)
            } else {
                std::fs::remove_file(&path)
            };
            removed.map_err(file(&path))?;
        }
        Ok(())
    }
}

fn lock(path: &Path, operation: FlockOperation) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    let opened = options.create(true).truncate(false).write(true).open(path).map_err(file(path))?;
    rustix::fs::flock(&opened, operation).map_err(|error| file(path)(error.into()))?;
    Ok(opened)
}

fn file(path: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    move |source| StoreError::File { path: path.to_path_buf(), source }
}

/// Writes a file so that after any crash it is the old one or the new one, and lasts.
fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let failed = file(path);
    let parent = path.parent().expect("a file of the store is in a directory");
    let mut temporary = tempfile::NamedTempFile::new_in(parent).map_err(&failed)?;
    io::Write::write_all(&mut temporary, bytes).map_err(&failed)?;
    temporary.as_file().sync_all().map_err(&failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    sync_directory(parent)
}

fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(file(path))
}
