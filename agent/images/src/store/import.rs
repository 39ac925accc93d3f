//! Images from a directory or an archive into the store.

use super::{
    BLOBS, INGEST, Keep, Store, StoreError, file,
    layers::{LayerRecord, chains},
    names::{self, Record},
    write_durably,
};
use crate::{
    digest::Digest,
    layer::unpack,
    limits::CONFIG_BYTES_MAX,
    manifest::{self, Document, Platform},
    source::{
        Source,
        images::{Blob, SourceError, find},
    },
};
use oci_spec::{distribution::Reference, image::ImageConfiguration};
use rustix::fs::FlockOperation;
use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Hears how far it is, as far as it wants to. Calls come from the thread that imports and from
/// those that unpack. `()` hears nothing.
pub trait Progress: Sync {
    /// Layer `number` of `layers` begins, from 1; its archive has so many bytes, 0 if nobody knows.
    /// `is_there` already: nothing is unpacked.
    fn layer(&self, number: usize, layers: usize, bytes: u64, is_there: bool) {
        let _ = (number, layers, bytes, is_there);
    }

    /// So many more bytes of its archive were read.
    fn read(&self, bytes: u64) {
        let _ = bytes;
    }
}

impl Progress for () {}

/// An image that was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What it is called now, and what that means.
    pub record: Record,
    /// How many of its layers were there already.
    pub known_layers: usize,
}

/// What says what an image is; both are kept as they are.
pub(super) struct Documents<'a> {
    pub(super) manifest: &'a [u8],
    pub(super) config: &'a [u8],
}

/// A layer that is missing.
struct Layer {
    number: usize,
    chain: Digest,
    diff_id: Digest,
}

/// An archive whose reading is watched.
struct Watched<'a, R> {
    inner: R,
    progress: &'a dyn Progress,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.read(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}

impl Store {
    /// Imports all images that a directory with an OCI image layout, an `oci-archive` or a
    /// `docker save` archive holds for this platform. A `name` is given to the one image there is,
    /// in place of what it is called there.
    ///
    /// Blocks, as long as it takes to unpack what is not there yet. Needs root.
    ///
    /// # Errors
    ///
    /// Every [`StoreError`] but `Unknown`. Images before the one that fails are kept.
    pub fn import(
        &self,
        path: &Path,
        name: Option<&Reference>,
        platform: &Platform,
        progress: &dyn Progress,
    ) -> Result<Vec<Imported>, StoreError> {
        let _used = self.lock(FlockOperation::LockShared)?;
        let in_source =
            |source: SourceError| StoreError::Source { path: path.to_path_buf(), source };
        let source = Source::open(path, &self.root.join(INGEST))
            .map_err(|source| StoreError::Open { path: path.to_path_buf(), source })?;
        let mut found = find(&source, platform).map_err(in_source)?;
        let named = found.iter().filter(|image| !image.names.is_empty()).count();
        match (name, found.as_mut_slice()) {
            (Some(name), [image]) => image.names = vec![name.clone()],
            (None, images) if !images.is_empty() && named == images.len() => {}
            _ => {
                let (images, names) = (found.len(), name.map_or(named, |_| 1));
                return Err(StoreError::Names { path: path.to_path_buf(), images, names });
            }
        }
        let mut imported = Vec::new();
        for image in found {
            let digest = Digest::of(&image.manifest);
            let lies = |name: &&Reference| name.digest().is_some_and(|it| it != digest.to_string());
            if let Some(name) = image.names.iter().find(lies) {
                return Err(StoreError::Pinned { name: Box::new(name.clone()), found: digest });
            }
            let config = self.config(&source, &image.config, &in_source)?;
            let documents = Documents { manifest: &image.manifest, config: &config };
            let (bytes, known_layers) =
                self.take(&source, &documents, &image.layers, progress, &in_source)?;
            for name in &image.names {
                let layers = image.layers.len();
                let (name, keep) = (name.clone(), Keep::UntilRemoved);
                let record = Record { name, digest, bytes, layers, added: now(), keep };
                self.give_name(&record)?;
                imported.push(Imported { record, known_layers });
            }
        }
        Ok(imported)
    }

    /// All of an image but its name. Says its size, and how many layers were there.
    pub(super) fn take(
        &self,
        source: &Source,
        documents: &Documents<'_>,
        layers: &[Blob],
        progress: &dyn Progress,
        in_source: &dyn Fn(SourceError) -> StoreError,
    ) -> Result<(u64, usize), StoreError> {
        let configuration: ImageConfiguration =
            manifest::read(Document::CONFIGURATION, documents.config)
                .map_err(StoreError::Manifest)?;
        let diff_ids =
            manifest::diff_ids(&configuration, layers.len()).map_err(StoreError::Manifest)?;
        let (mut below, mut bytes, mut known): (Vec<PathBuf>, u64, usize) = (Vec::new(), 0, 0);
        for (index, (chain, blob)) in chains(&diff_ids).zip(layers).enumerate() {
            let is_there = self.layers.record(chain)?;
            progress.layer(index + 1, layers.len(), blob.bytes, is_there.is_some());
            let record = match is_there {
                Some(record) => {
                    known += 1;
                    record
                }
                None => {
                    let named = |source| SourceError::Read { name: blob.name.clone(), source };
                    let archive = source.read(&blob.name);
                    let archive = archive.map_err(|error| in_source(named(error)))?;
                    let layer = Layer { number: index + 1, chain, diff_id: diff_ids[index] };
                    self.unpack(Watched { inner: archive, progress }, &layer, blob, &below)?
                }
            };
            bytes = bytes.saturating_add(record.bytes);
            below.push(self.layers.files(chain));
        }
        self.keep_blob(documents.config)?;
        self.keep_blob(documents.manifest)?;
        Ok((bytes, known))
    }

    fn config(
        &self,
        source: &Source,
        blob: &Blob,
        in_source: &dyn Fn(SourceError) -> StoreError,
    ) -> Result<Vec<u8>, StoreError> {
        let name = || blob.name.clone();
        let bytes = source
            .read_whole(&blob.name, CONFIG_BYTES_MAX)
            .map_err(|source| in_source(SourceError::Read { name: name(), source }))?;
        let found = Digest::of(&bytes);
        if blob.digest.is_some_and(|wanted| wanted != found) {
            return Err(in_source(SourceError::Digest { name: name(), found }));
        }
        Ok(bytes)
    }

    fn unpack(
        &self,
        archive: impl Read + Send,
        layer: &Layer,
        blob: &Blob,
        below: &[PathBuf],
    ) -> Result<LayerRecord, StoreError> {
        let ingest = self.root.join(INGEST);
        let made_in = tempfile::tempdir_in(&ingest).map_err(file(&ingest))?;
        let number = layer.number;
        let unpacked = unpack(archive, below, made_in.path())
            .map_err(|source| StoreError::Layer { number, source })?;
        let differs = |wanted, found| StoreError::Digest { number, wanted, found };
        if let Some(wanted) = blob.digest.filter(|wanted| *wanted != unpacked.digest) {
            return Err(differs(wanted, unpacked.digest));
        }
        if layer.diff_id != unpacked.diff_id {
            return Err(differs(layer.diff_id, unpacked.diff_id));
        }
        let amounts = unpacked.amounts;
        let record = LayerRecord {
            diff_id: layer.diff_id,
            bytes: amounts.bytes,
            entries: amounts.entries,
            devices: amounts.devices,
        };
        let kept = made_in.keep();
        self.layers.keep(layer.chain, &kept, &record).map(|()| record)
    }

    fn keep_blob(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.root.join(BLOBS).join(Digest::of(bytes).hex());
        if path.exists() { Ok(()) } else { write_durably(&path, bytes) }
    }

    /// From now on the name means this image.
    pub(super) fn give_name(&self, record: &Record) -> Result<(), StoreError> {
        names::change(&self.root, |records| {
            records.retain(|other| other.name != record.name);
            records.push(record.clone());
            Ok(())
        })
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
