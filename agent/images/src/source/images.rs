//! Which images a source holds: by an OCI image layout, or as `docker save` lists them.

use super::Source;
use crate::{
    digest::Digest,
    limits::{IMAGES_MAX, INDEX_DEPTH_MAX, MANIFEST_BYTES_MAX},
    manifest::{self, ManifestError, Platform},
};
use oci_spec::{
    distribution::Reference,
    image::{
        Descriptor, DescriptorBuilder, ImageIndex, ImageManifest, ImageManifestBuilder, MediaType,
        OciLayout, SCHEMA_VERSION,
    },
};
use serde::Deserialize;
use std::{io, str::FromStr};

const LAYOUT: &str = "oci-layout";
const INDEX: &str = "index.json";
/// Of `docker save`.
const LIST: &str = "manifest.json";
/// The image's full name, as containerd and Docker write it.
const FULL_NAME: &str = "io.containerd.image.name";
/// A full name or only a tag (OCI image-spec 1.1, "Annotations").
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// An image of a source, as far as its documents say.
#[derive(Debug)]
pub(crate) struct Found {
    /// What it is called there.
    pub(crate) names: Vec<Reference>,
    /// Its manifest, whose digest is that of the image.
    pub(crate) manifest: Vec<u8>,
    /// Its configuration, which nobody has compared with its digest yet.
    pub(crate) config: Blob,
    /// Its layers, from the bottom up.
    pub(crate) layers: Vec<Blob>,
}

/// A file of a source that has a digest.
#[derive(Debug)]
pub(crate) struct Blob {
    /// Where it is.
    pub(crate) name: String,
    /// What it must have, if anybody said so.
    pub(crate) digest: Option<Digest>,
    /// Its size in bytes as announced; 0 if nobody said so.
    pub(crate) bytes: u64,
}

/// Why a source's images cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Neither a layout nor what Docker saves.
    #[error(
        "it has neither {INDEX} nor {LIST}: no OCI image layout, and nothing that `docker save` wrote"
    )]
    Unknown,
    /// A file that another names.
    #[error("cannot read {name} in it")]
    Read {
        /// Which.
        name: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A document.
    #[error("{name} in it cannot be used")]
    Document {
        /// Where.
        name: String,
        /// The cause.
        #[source]
        source: ManifestError,
    },
    /// A file is not the one that was meant.
    #[error("{name} in it has the digest {found}")]
    Digest {
        /// Which.
        name: String,
        /// What it is.
        found: Digest,
    },
    /// A name that is none.
    #[error("an image in it is called {name:?}, which is no image's name")]
    Name {
        /// The name.
        name: String,
    },
    /// Indexes in indexes.
    #[error("its indexes are nested more than {INDEX_DEPTH_MAX} deep")]
    TooDeep,
    /// More than anybody imports at once.
    #[error("it has more than {IMAGES_MAX} images")]
    TooMany,
}

/// One line of what `docker save` lists.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// All images for this platform.
pub(crate) fn find(source: &Source, platform: &Platform) -> Result<Vec<Found>, SourceError> {
    let found = if source.has(INDEX) {
        of_layout(source, platform)?
    } else if source.has(LIST) {
        of_list(source)?
    } else {
        return Err(SourceError::Unknown);
    };
    if found.len() > IMAGES_MAX { Err(SourceError::TooMany) } else { Ok(found) }
}

fn of_layout(source: &Source, platform: &Platform) -> Result<Vec<Found>, SourceError> {
    if source.has(LAYOUT) {
        document::<OciLayout>(source, LAYOUT, "layout")?;
    }
    let index: ImageIndex = document(source, INDEX, "index")?;
    let names: Vec<Vec<Reference>> =
        index.manifests().iter().map(names).collect::<Result<_, _>>()?;
    // Without names, the index is one image for several platforms.
    if names.iter().all(Vec::is_empty) && !index.manifests().is_empty() {
        let chosen = platform.choose(&index).map_err(|error| wrong(INDEX, error))?;
        return Ok(vec![resolve(source, platform, chosen, Vec::new(), 0)?]);
    }
    let named = index.manifests().iter().zip(names).filter(|(_, names)| !names.is_empty());
    named.map(|(descriptor, names)| resolve(source, platform, descriptor, names, 0)).collect()
}

/// Through indexes to the image of this platform.
fn resolve(
    source: &Source,
    platform: &Platform,
    descriptor: &Descriptor,
    names: Vec<Reference>,
    depth: usize,
) -> Result<Found, SourceError> {
    let blob = blob(descriptor)?;
    let bytes = read_checked(source, &blob)?;
    if manifest::is_index(descriptor) {
        if depth == INDEX_DEPTH_MAX {
            return Err(SourceError::TooDeep);
        }
        let index: ImageIndex =
            manifest::read("index", &bytes).map_err(|error| wrong(&blob.name, error))?;
        let chosen = platform.choose(&index).map_err(|error| wrong(&blob.name, error))?;
        return resolve(source, platform, chosen, names, depth + 1);
    }
    let manifest: ImageManifest =
        manifest::read("manifest", &bytes).map_err(|error| wrong(&blob.name, error))?;
    let layers = manifest.layers().iter().map(self::blob).collect::<Result<_, _>>()?;
    Ok(Found { names, manifest: bytes, config: self::blob(manifest.config())?, layers })
}

fn of_list(source: &Source) -> Result<Vec<Found>, SourceError> {
    let list: Vec<Saved> = document(source, LIST, "manifest")?;
    list.into_iter().map(|saved| of_saved(source, saved)).collect()
}

/// Docker's list has no manifests: one is written, so that the image has a digest, the same
/// wherever it is imported.
fn of_saved(source: &Source, saved: Saved) -> Result<Found, SourceError> {
    let config = read(source, &saved.config, MANIFEST_BYTES_MAX)?;
    let configuration: oci_spec::image::ImageConfiguration =
        manifest::read("configuration", &config).map_err(|error| wrong(&saved.config, error))?;
    let diff_ids = manifest::diff_ids(&configuration, saved.layers.len())
        .map_err(|error| wrong(&saved.config, error))?;
    let describe = |kind: MediaType, digest: Digest, size: usize| {
        let digest = oci_spec::image::Digest::from_str(&digest.to_string());
        DescriptorBuilder::default()
            .media_type(kind)
            .digest(digest.expect("a digest of ours is one of theirs"))
            .size(u64::try_from(size).unwrap_or(u64::MAX))
            .build()
            .expect("all fields are given")
    };
    let layers: Vec<Descriptor> =
        diff_ids.iter().map(|diff_id| describe(MediaType::ImageLayer, *diff_id, 0)).collect();
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::ImageManifest)
        .config(describe(MediaType::ImageConfig, Digest::of(&config), config.len()))
        .layers(layers)
        .build()
        .expect("all fields are given");
    let bytes = serde_json::to_vec(&manifest).expect("a manifest is JSON");
    let names = saved.repo_tags.unwrap_or_default();
    let file = |name: String| Blob { name, digest: None, bytes: 0 };
    Ok(Found {
        names: names.iter().map(|name| reference(name)).collect::<Result<_, _>>()?,
        manifest: bytes,
        config: Blob { digest: Some(Digest::of(&config)), ..file(saved.config) },
        layers: saved.layers.into_iter().map(file).collect(),
    })
}

/// What an entry of an index is called. A tag alone says nothing without its repository.
fn names(descriptor: &Descriptor) -> Result<Vec<Reference>, SourceError> {
    let annotation = |key| descriptor.annotations().as_ref().and_then(|all| all.get(key));
    let short = annotation(REF_NAME).filter(|name| name.contains([':', '/']));
    annotation(FULL_NAME).or(short).into_iter().map(|name| reference(name)).collect()
}

fn reference(name: &str) -> Result<Reference, SourceError> {
    name.parse().map_err(|_| SourceError::Name { name: name.to_owned() })
}

fn blob(descriptor: &Descriptor) -> Result<Blob, SourceError> {
    let digest = manifest::digest("manifest", descriptor.digest().as_ref())
        .map_err(|error| wrong(INDEX, error))?;
    let name = format!("blobs/sha256/{}", digest.hex());
    Ok(Blob { name, digest: Some(digest), bytes: descriptor.size() })
}

/// A small file, which is the one that was meant.
pub(crate) fn read_checked(source: &Source, blob: &Blob) -> Result<Vec<u8>, SourceError> {
    let bytes = read(source, &blob.name, MANIFEST_BYTES_MAX)?;
    let found = Digest::of(&bytes);
    match blob.digest {
        Some(wanted) if wanted != found => {
            Err(SourceError::Digest { name: blob.name.clone(), found })
        }
        _ => Ok(bytes),
    }
}

fn document<T: serde::de::DeserializeOwned>(
    source: &Source,
    name: &str,
    kind: &'static str,
) -> Result<T, SourceError> {
    let bytes = read(source, name, MANIFEST_BYTES_MAX)?;
    manifest::read(kind, &bytes).map_err(|error| wrong(name, error))
}

fn read(source: &Source, name: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
    let failed = |source| SourceError::Read { name: name.to_owned(), source };
    source.read_whole(name, limit).map_err(failed)
}

fn wrong(name: &str, source: ManifestError) -> SourceError {
    SourceError::Document { name: name.to_owned(), source }
}
