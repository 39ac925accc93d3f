//! What an image's documents say: index, manifest and configuration.
//!
//! OCI image-spec 1.1 and Docker's image manifest version 2, schema 2, which have the same shape.
//! Which of an index' images is meant depends on the platform alone.

use crate::{
    digest::Digest,
    limits::{LAYER_BYTES_MAX, LAYERS_MAX},
};
use oci_spec::image::{
    Arch, Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType, Os,
};
use serde::{Deserialize, de::IgnoredAny};
use std::{collections::BTreeMap, path::PathBuf};

/// Docker's name for an index.
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const WORKING_DIRECTORY: &str = "/";

/// What programs an image is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// As Go names it: `amd64`, `arm64`.
    pub architecture: String,
}

/// What an image says about how it is run. Whoever runs it may say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// The arguments behind them, or program and arguments when there is no entry point.
    pub command: Vec<String>,
    /// Variables, in order.
    pub environment: Vec<(String, String)>,
    /// `user`, `uid`, `user:group` or `uid:gid`; empty for root.
    pub user: String,
    /// Where the program begins; absolute.
    pub working_directory: PathBuf,
    /// What is said about the image.
    pub labels: BTreeMap<String, String>,
    /// What asks the program to end: `SIGTERM` or a number.
    pub stop_signal: Option<String>,
}

/// What a document is that a registry has under an image's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// A choice of images; this one is for the platform that was asked for.
    Index {
        /// Of its manifest, or of another index.
        chosen: Digest,
    },
    /// An image.
    Manifest {
        /// Of its configuration.
        config: Digest,
    },
}

/// Why an image's documents cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not JSON, or a field is missing or of the wrong type.
    #[error("the {document} is malformed")]
    Malformed {
        /// `index`, `manifest` or `configuration`.
        document: &'static str,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// Only SHA-256 is known here.
    #[error("the {document} names something by {digest:?}")]
    Digest {
        /// Which.
        document: &'static str,
        /// The digest.
        digest: String,
    },
    /// Neither an index nor a manifest, or both at once, which readers would disagree about
    /// (CVE-2021-41190).
    #[error(
        "it is neither an image's manifest nor an index of such; its schema version is {schema}"
    )]
    Kind {
        /// What it says; 1 is what Docker had before 2015.
        schema: u64,
    },
    /// A document is not the one that was named.
    #[error("the {document} has the digest {found}, not {wanted}")]
    Other {
        /// Which.
        document: &'static str,
        /// What was named.
        wanted: Box<Digest>,
        /// What it is.
        found: Digest,
    },
    /// More than a layer may have.
    #[error("layer {number} is said to have {bytes} bytes; {LAYER_BYTES_MAX} are allowed")]
    LargeLayer {
        /// From 1, from the bottom up.
        number: usize,
        /// What it is said to have.
        bytes: u64,
    },
    /// None of the images in an index is for this machine.
    #[error("there is none for linux/{wanted}; those that there are: {}", offered.join(", "))]
    Platform {
        /// This machine's.
        wanted: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// More than one mount can hold.
    #[error("it has {layers} layers; {LAYERS_MAX} are allowed")]
    TooManyLayers {
        /// How many.
        layers: usize,
    },
    /// Every layer has an archive and the digest of what is in it.
    #[error("it has {layers} layers, and digests of {diff_ids}")]
    Layers {
        /// Of the manifest.
        layers: usize,
        /// Of the configuration.
        diff_ids: usize,
    },
}

/// As much of a document as tells what it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    #[serde(default)]
    schema_version: u64,
    manifests: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
}

impl Platform {
    /// That of this machine.
    #[must_use]
    pub fn of_host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Self { architecture: architecture.to_owned() }
    }

    /// The image of an index that is for this platform: the first, as the specification wants it.
    pub(crate) fn choose<'a>(
        &self,
        index: &'a ImageIndex,
    ) -> Result<&'a Descriptor, ManifestError> {
        let manifests = index.manifests();
        let wanted = Arch::from(self.architecture.as_str());
        let is_wanted = |descriptor: &&Descriptor| match descriptor.platform() {
            Some(platform) => *platform.os() == Os::Linux && *platform.architecture() == wanted,
            // It does not say, and there is nothing else.
            None => manifests.len() == 1,
        };
        manifests.iter().find(is_wanted).ok_or_else(|| {
            let platforms = manifests.iter().filter_map(|it| it.platform().as_ref());
            let offered = platforms.map(|it| format!("{}/{}", it.os(), it.architecture()));
            ManifestError::Platform {
                wanted: self.architecture.clone(),
                offered: offered.filter(|it| it != "unknown/unknown").collect(),
            }
        })
    }
}

impl Document {
    pub(crate) const INDEX: &str = "index";
    pub(crate) const MANIFEST: &str = "manifest";
    pub(crate) const CONFIGURATION: &str = "configuration";

    /// What these bytes are, for this platform. What a server says about their type is not asked:
    /// it is not part of what has a digest.
    ///
    /// # Errors
    ///
    /// [`ManifestError`].
    pub fn read(bytes: &[u8], platform: &Platform) -> Result<Self, ManifestError> {
        let shape: Shape = read("document", bytes)?;
        match (shape.manifests, shape.layers) {
            (Some(_), None) => {
                let index: ImageIndex = read(Self::INDEX, bytes)?;
                let chosen = platform.choose(&index)?.digest();
                Ok(Self::Index { chosen: digest(Self::INDEX, chosen.as_ref())? })
            }
            (None, Some(_)) => {
                let manifest: ImageManifest = read(Self::MANIFEST, bytes)?;
                let config = manifest.config().digest();
                Ok(Self::Manifest { config: digest(Self::MANIFEST, config.as_ref())? })
            }
            _ => Err(ManifestError::Kind { schema: shape.schema_version }),
        }
    }
}

impl Config {
    /// Of an image's configuration.
    pub(crate) fn of(configuration: &ImageConfiguration) -> Self {
        let Some(config) = configuration.config() else { return Self::default() };
        let pair = |text: &String| match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (text.clone(), String::new()),
        };
        let directory = config.working_dir().clone().unwrap_or_default();
        Self {
            entrypoint: config.entrypoint().clone().unwrap_or_default(),
            command: config.cmd().clone().unwrap_or_default(),
            environment: config.env().iter().flatten().map(pair).collect(),
            user: config.user().clone().unwrap_or_default(),
            working_directory: PathBuf::from(WORKING_DIRECTORY).join(directory),
            labels: config.labels().clone().unwrap_or_default().into_iter().collect(),
            stop_signal: config.stop_signal().clone(),
        }
    }
}

/// Whether it is the description of an index, not of one image.
pub(crate) fn is_index(descriptor: &Descriptor) -> bool {
    match descriptor.media_type() {
        MediaType::ImageIndex => true,
        other => other.to_string() == DOCKER_INDEX,
    }
}

/// A document, from its bytes.
pub(crate) fn read<T: serde::de::DeserializeOwned>(
    document: &'static str,
    bytes: &[u8],
) -> Result<T, ManifestError> {
    serde_json::from_slice(bytes).map_err(|source| ManifestError::Malformed { document, source })
}

/// The digest in a description.
pub(crate) fn digest(document: &'static str, text: &str) -> Result<Digest, ManifestError> {
    text.parse().map_err(|_| ManifestError::Digest { document, digest: text.to_owned() })
}

/// The layers' digests without compression, as many as there are archives.
pub(crate) fn diff_ids(
    configuration: &ImageConfiguration,
    layers: usize,
) -> Result<Vec<Digest>, ManifestError> {
    let diff_ids = configuration.rootfs().diff_ids();
    if layers > LAYERS_MAX {
        return Err(ManifestError::TooManyLayers { layers });
    }
    if diff_ids.len() != layers {
        return Err(ManifestError::Layers { layers, diff_ids: diff_ids.len() });
    }
    diff_ids.iter().map(|text| digest("configuration", text)).collect()
}

/// What a layer is over all layers below it (OCI image-spec 1.1, "Layer `ChainID`").
pub(crate) fn chain_id(below: Option<Digest>, diff_id: Digest) -> Digest {
    below.map_or(diff_id, |below| Digest::of(format!("{below} {diff_id}").as_bytes()))
}
