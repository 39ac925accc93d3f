//! Builds images the way tools do, and a store to put them in.

use images::{Digest, Image, Imported, Platform, Progress, Store, StoreError};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::Mutex,
};
use tar::{Builder, EntryType, Header};

/// What is made in a test, and goes with it.
pub(crate) struct Kit {
    place: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) heard: Heard,
}

/// What an import said of its progress.
#[derive(Default)]
pub(crate) struct Heard {
    /// Layer, of how many, whether it was there.
    pub(crate) layers: Mutex<Vec<(usize, usize, bool)>>,
    pub(crate) bytes: Mutex<u64>,
}

impl Progress for Heard {
    fn layer(&self, number: usize, layers: usize, _: u64, is_there: bool) {
        self.layers.lock().unwrap().push((number, layers, is_there));
    }

    fn read(&self, bytes: u64) {
        *self.bytes.lock().unwrap() += bytes;
    }
}

/// An image in the making.
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) config: Value,
    /// Archives without compression.
    pub(crate) layers: Vec<Vec<u8>>,
}

/// Layers are unpacked by root alone. `None`, loudly, for others.
pub(crate) fn kit(test: &str) -> Option<Kit> {
    if !nix::unistd::geteuid().is_root() {
        assert!(std::env::var_os("BOURSE_TEST_STRICT").is_none(), "{test} needs root");
        println!("SKIPPED {test}: needs root");
        return None;
    }
    let place = tempfile::Builder::new().prefix("bourse-images-").tempdir().unwrap();
    let store = Store::open(&place.path().join("store")).unwrap();
    Some(Kit { place, store, heard: Heard::default() })
}

impl Kit {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// By way of a directory with an OCI layout.
    pub(crate) fn import(&self, image: &Made) -> Result<Imported, StoreError> {
        let directory = tempfile::tempdir_in(self.place.path()).unwrap();
        write_layout(directory.path(), &[image]);
        self.import_from(directory.path()).map(|mut imported| imported.remove(0))
    }

    pub(crate) fn import_from(&self, path: &Path) -> Result<Vec<Imported>, StoreError> {
        self.store.import(path, None, &Platform::of_host(), &self.heard)
    }

    /// Of one layer over the others, as it is.
    pub(crate) fn image(&self, name: &str) -> Image {
        self.store.image(&name.parse().unwrap()).unwrap()
    }

    /// Unpacks one image and gives its layers.
    pub(crate) fn unpack(&self, layers: Vec<Vec<u8>>) -> Result<Vec<PathBuf>, StoreError> {
        let name = format!("test/{}:1", Digest::of(&layers.concat()).hex());
        let made = Made { name: name.clone(), config: json!({}), layers };
        self.import(&made).map(|_| self.image(&name).layers.clone())
    }

    /// Files below a directory of the store.
    pub(crate) fn count(&self, directory: &str) -> usize {
        fs::read_dir(self.path("store").join(directory)).unwrap().count()
    }
}

/// An archive of one layer.
pub(crate) struct Layer(Builder<Vec<u8>>);

impl Layer {
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(crate) fn entry(
        mut self,
        kind: EntryType,
        name: &str,
        mode: u32,
        change: impl FnOnce(&mut Header),
        bytes: &[u8],
    ) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_000_000_000);
        header.set_size(bytes.len().try_into().unwrap());
        // By hand: the library would not write what it would not read.
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        change(&mut header);
        header.set_cksum();
        self.0.append(&header, bytes).unwrap();
        self
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        self.entry(EntryType::Regular, name, 0o644, |_| {}, text.as_bytes())
    }

    pub(crate) fn directory(self, name: &str, mode: u32) -> Self {
        self.entry(EntryType::Directory, name, mode, |_| {}, b"")
    }

    pub(crate) fn link(self, kind: EntryType, name: &str, target: &str) -> Self {
        let set = |header: &mut Header| {
            let field = &mut header.as_old_mut().linkname;
            field[..target.len()].copy_from_slice(target.as_bytes());
        };
        self.entry(kind, name, 0o777, set, b"")
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.link(EntryType::Symlink, name, target)
    }

    /// Extended attributes of the next entry.
    pub(crate) fn attributes(mut self, attributes: &[(&str, &[u8])]) -> Self {
        let extensions: Vec<_> = attributes
            .iter()
            .map(|(name, value)| (format!("SCHILY.xattr.{name}"), *value))
            .collect();
        let extensions = extensions.iter().map(|(key, value)| (key.as_str(), *value));
        self.0.append_pax_extensions(extensions).unwrap();
        self
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The configuration of an image.
pub(crate) fn configuration(image: &Made) -> Vec<u8> {
    let diff_ids: Vec<String> = image.layers.iter().map(|it| Digest::of(it).to_string()).collect();
    let configuration = json!({
        "architecture": Platform::of_host().architecture,
        "os": "linux",
        "config": image.config,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    serde_json::to_vec(&configuration).unwrap()
}

/// A directory with an OCI image layout; layers are gzip.
pub(crate) fn write_layout(directory: &Path, images: &[&Made]) {
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let blob = |kind: &str, bytes: &[u8]| {
        fs::write(blobs.join(Digest::of(bytes).hex()), bytes).unwrap();
        json!({ "mediaType": kind, "digest": Digest::of(bytes).to_string(), "size": bytes.len() })
    };
    let manifests: Vec<Value> = images
        .iter()
        .map(|image| {
            let layer =
                |bytes: &Vec<u8>| blob("application/vnd.oci.image.layer.v1.tar+gzip", &gzip(bytes));
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob("application/vnd.oci.image.config.v1+json", &configuration(image)),
                "layers": image.layers.iter().map(layer).collect::<Vec<_>>(),
            });
            let bytes = serde_json::to_vec(&manifest).unwrap();
            let mut described = blob("application/vnd.oci.image.manifest.v1+json", &bytes);
            if !image.name.is_empty() {
                described["annotations"] =
                    json!({ "org.opencontainers.image.ref.name": image.name });
            }
            described
        })
        .collect();
    let index = json!({ "schemaVersion": 2, "manifests": manifests });
    fs::write(directory.join("index.json"), index.to_string()).unwrap();
    fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

/// All of a directory in an archive.
pub(crate) fn pack(directory: &Path, archive: &Path) {
    let mut builder = Builder::new(File::create(archive).unwrap());
    builder.append_dir_all(".", directory).unwrap();
    builder.finish().unwrap();
}

/// As `docker save` did before Docker 25: layers by directory, one a link to another.
pub(crate) fn write_docker(archive: &Path, images: &[&Made]) {
    let directory = tempfile::tempdir().unwrap();
    let mut list = Vec::new();
    let mut places: Vec<(Vec<u8>, String)> = Vec::new();
    for (at, image) in images.iter().enumerate() {
        let config = configuration(image);
        let config_name = format!("{}.json", Digest::of(&config).hex());
        fs::write(directory.path().join(&config_name), config).unwrap();
        let mut names = Vec::new();
        for (number, layer) in image.layers.iter().enumerate() {
            let own = format!("{at}-{number}");
            let name = format!("{own}/layer.tar");
            fs::create_dir(directory.path().join(&own)).unwrap();
            let known = places.iter().find(|(bytes, _)| bytes == layer);
            let path = directory.path().join(&name);
            match known {
                Some((_, other)) => {
                    std::os::unix::fs::symlink(format!("../{other}"), path).unwrap();
                }
                None => fs::write(path, layer).unwrap(),
            }
            places.push((layer.clone(), name.clone()));
            names.push(name);
        }
        let tags = json!([image.name]);
        list.push(json!({ "Config": config_name, "RepoTags": tags, "Layers": names }));
    }
    let text = serde_json::to_vec(&list).unwrap();
    fs::write(directory.path().join("manifest.json"), text).unwrap();
    let mut builder = Builder::new(File::create(archive).unwrap());
    builder.follow_symlinks(false);
    builder.append_dir_all(".", directory.path()).unwrap();
    builder.finish().unwrap();
}
