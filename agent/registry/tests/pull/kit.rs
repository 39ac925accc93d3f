//! Images the way tools make them, a registry that has them, and a store to pull them into.

use crate::fake::{Fake, blob, path};
use flate2::{Compression, write::GzEncoder};
use images::{Digest, Image, Keep, Platform, Record, Reference, Store};
use registry::{Access, Client, Patience, Progress, PullError, Pulled, pull};
use serde_json::{Value, json};
use std::{
    io::Write,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

pub(crate) const OCI: [&str; 3] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.layer.v1.tar+gzip",
];
pub(crate) const DOCKER: [&str; 3] = [
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
];

/// What is made in a test, and goes with it.
pub(crate) struct Kit {
    place: tempfile::TempDir,
    pub(crate) store: Arc<Store>,
    pub(crate) fake: Fake,
    pub(crate) heard: Arc<Heard>,
}

/// What a pull said of its progress.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) missing: Mutex<Vec<(usize, u64)>>,
    pub(crate) fetched: Mutex<u64>,
}

/// An image in a registry.
pub(crate) struct Made {
    pub(crate) manifest: Vec<u8>,
    pub(crate) config: Vec<u8>,
    /// Archives, compressed.
    pub(crate) layers: Vec<Vec<u8>>,
}

impl images::Progress for Heard {
    fn layer(&self, _: usize, _: usize, _: u64, _: bool) {}

    fn read(&self, _: u64) {}
}

impl Progress for Heard {
    fn missing(&self, archives: usize, bytes: u64) {
        self.missing.lock().unwrap().push((archives, bytes));
    }

    fn fetched(&self, bytes: u64) {
        *self.fetched.lock().unwrap() += bytes;
    }
}

/// Layers are unpacked by root alone. `None`, loudly, for others.
pub(crate) async fn kit(test: &str) -> Option<Kit> {
    is_root(test).then_some(())?;
    Some(Kit::with(Fake::start().await))
}

pub(crate) fn is_root(test: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        assert!(std::env::var_os("BOURSE_TEST_STRICT").is_none(), "{test} needs root");
        println!("SKIPPED {test}: needs root");
    }
    is_root
}

impl Kit {
    pub(crate) fn with(fake: Fake) -> Self {
        let place = tempfile::Builder::new().prefix("bourse-registry-").tempdir().unwrap();
        let store = Arc::new(Store::open(&place.path().join("store")).unwrap());
        Self { place, store, fake, heard: Arc::default() }
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.place.path().join(name)
    }

    /// A name in its registry.
    pub(crate) fn name(&self, rest: &str) -> Reference {
        format!("{}/{rest}", self.fake.host()).parse().unwrap()
    }

    pub(crate) fn client(&self, change: impl FnOnce(&mut Access)) -> Client {
        client(change)
    }

    /// Pulls with a client of its own.
    pub(crate) async fn pull(&self, rest: &str) -> Result<Pulled, PullError> {
        self.pull_with(&self.client(|_| {}), rest).await
    }

    pub(crate) async fn pull_with(&self, client: &Client, rest: &str) -> Result<Pulled, PullError> {
        let platform = Platform { architecture: "amd64".to_owned() };
        pull(client, &self.store, &self.name(rest), Keep::WhileUsed, &platform, self.heard.clone())
            .await
    }

    /// Pulls what cannot be pulled, which leaves no name and no layer.
    pub(crate) async fn refused(&self, rest: &str) -> PullError {
        let error = self.pull(rest).await.expect_err(rest);
        assert_eq!(self.records(), [], "{error:?}");
        let layers = std::fs::read_dir(self.path("store/layers")).unwrap().count();
        assert_eq!(layers, 0, "{error:?}");
        error
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.store.list().unwrap()
    }

    pub(crate) fn image(&self, rest: &str) -> Image {
        self.store.image(&self.name(rest)).unwrap()
    }

    /// Archives that are on their way, or were.
    pub(crate) fn downloads(&self) -> usize {
        std::fs::read_dir(self.path("store/downloads")).unwrap().count()
    }

    /// Puts an image into the registry under a tag.
    pub(crate) fn push(&self, repository: &str, tag: &str, made: &Made) {
        self.fake.change(|behaviour| {
            let things = &mut behaviour.things;
            for bytes in made.layers.iter().chain([&made.config]) {
                things.insert(blob(repository, bytes), bytes.clone());
            }
            for reference in [tag.to_owned(), made.digest().to_string()] {
                things.insert(path(repository, "manifests", reference), made.manifest.clone());
            }
        });
    }

    /// Puts any document there as a manifest, under a tag and its digest.
    pub(crate) fn push_document(&self, repository: &str, tag: &str, document: &[u8]) {
        self.fake.change(|behaviour| {
            for reference in [tag.to_owned(), Digest::of(document).to_string()] {
                let path = path(repository, "manifests", reference);
                behaviour.things.insert(path, document.to_vec());
            }
        });
    }
}

/// With no patience.
pub(crate) fn client(change: impl FnOnce(&mut Access)) -> Client {
    let (stall, pause) = (Duration::from_millis(300), Duration::from_millis(1));
    let mut access = Access { patience: Patience { stall, pause }, ..Access::default() };
    change(&mut access);
    Client::new(access).unwrap()
}

impl Made {
    /// An image whose layers have a file each, of this content.
    pub(crate) fn new(files: &[(&str, &[u8])]) -> Self {
        Self::of_kind(&OCI, files)
    }

    pub(crate) fn of_kind(kind: &[&str; 3], files: &[(&str, &[u8])]) -> Self {
        let archives: Vec<_> = files.iter().map(|(name, content)| archive(name, content)).collect();
        let diff_ids: Vec<_> = archives.iter().map(|it| Digest::of(it).to_string()).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "config": {"Entrypoint": ["/bin/true"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = serde_json::to_vec(&config).unwrap();
        let layers: Vec<_> = archives.iter().map(|archive| compressed(archive)).collect();
        let described: Vec<_> = layers.iter().map(|layer| describe(kind[2], layer)).collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind[1],
            "config": describe("application/vnd.oci.image.config.v1+json", &config),
            "layers": described,
        });
        Self { manifest: serde_json::to_vec(&manifest).unwrap(), config, layers }
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

/// A choice of images.
pub(crate) fn index(kind: &[&str; 3], manifests: &[(&str, &[u8])]) -> Vec<u8> {
    let described: Vec<_> = manifests
        .iter()
        .map(|(architecture, manifest)| {
            let mut description = describe(kind[1], manifest);
            description["platform"] = json!({"architecture": architecture, "os": "linux"});
            description
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": kind[0], "manifests": described});
    serde_json::to_vec(&index).unwrap()
}

pub(crate) fn describe(kind: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": kind, "digest": Digest::of(bytes).to_string(), "size": bytes.len()})
}

/// Bytes that do not compress, the same for the same number.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let step = |state: &mut u64| {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some((*state >> 56) as u8)
    };
    let mut state = seed;
    std::iter::from_fn(|| step(&mut state)).take(length).collect()
}

pub(crate) fn read(image: &Image, layer: usize, name: &str) -> Vec<u8> {
    std::fs::read(Path::new(&image.layers[layer]).join(name)).unwrap()
}

fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len().try_into().unwrap());
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    builder.append_data(&mut header, name, content).unwrap();
    builder.into_inner().unwrap()
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
