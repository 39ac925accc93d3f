//! Layers of images: whatever their archives say, nothing but the store changes, and nothing is
//! read from elsewhere.
//!
//! An input is a list of entries of one or more layers, and pieces of raw bytes. In names, links
//! and contents `@` stands for a folder beside the store, as it is called on this host.

use super::{kind_of, part};
use crate::{
    situation::{met, met_error},
    wire::{self, Field},
};
use images::{Described, Digest, Keep, Reference, Store};
use serde_json::json;
use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
    sync::Arc,
};
use tar::{EntryType, Header};

const STEPS_MAX: usize = 24;
const LAYERS_MAX: usize = 3;
/// Somebody whom no image of ours knows.
const OUTSIDER: &str = "outsider";

const ENTRIES: [EntryType; 8] = [
    EntryType::Directory,
    EntryType::Regular,
    EntryType::Symlink,
    EntryType::Link,
    EntryType::Char,
    EntryType::Fifo,
    EntryType::XHeader,
    EntryType::GNULongName,
];
const DIRECTORY: usize = 0;
const FILE: usize = 1;
const SYMLINK: usize = 2;
const LINK: usize = 3;
const DEVICE: usize = 4;
const FIFO: usize = 5;
const EXTENDED: usize = 6;
const LONG_NAME: usize = 7;
/// Bytes as they are.
const RAW: usize = 8;
const NEXT_LAYER: usize = 9;
const KINDS: usize = 10;

const NAME: u64 = 1;
const TO: u64 = 2;
const CONTENT: u64 = 3;

/// A store, and beside it what nobody may touch.
struct Place {
    folder: tempfile::TempDir,
    beside: PathBuf,
}

/// All that may be seen of a file: its name; mode, owners, links and size; times; content.
type Seen = (PathBuf, [u64; 5], [i64; 4], Vec<u8>);

fn step(kind: usize, name: &str, to: &str, content: &[u8]) -> Field {
    let fields = [(NAME, name.as_bytes()), (TO, to.as_bytes()), (CONTENT, content)];
    part(kind, wire::write(&fields.map(|(field, value)| wire::bytes(field, value.to_vec()))))
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let file = |name| step(FILE, name, "", b"content");
    let link = |name, to| step(SYMLINK, name, to, b"");
    let next = || step(NEXT_LAYER, "", "", b"");
    let up = "../../../../../../../../../..@/secret";
    let lists = vec![
        vec![step(DIRECTORY, "etc", "", b""), step(FILE, "etc/passwd", "", b"web:x:1:2::/:\n")],
        vec![
            file("a"),
            file("b/c"),
            next(),
            file("b/.wh.c"),
            file(".wh.a"),
            file("b/.wh..wh..opq"),
        ],
        vec![file("@/secret"), file("/a"), file("./b/c"), file(up)],
        vec![link("a", "@"), file("a/secret"), next(), file("a/secret"), file("a/.wh.secret")],
        vec![link("a", "../../../../../../../..@"), next(), file("a/new"), file(".wh.a")],
        vec![step(LINK, "a", "@/secret", b""), step(LINK, "b", up, b""), file("b")],
        vec![link("etc", "@"), next(), step(LINK, "x", "etc/passwd", b"")],
        vec![step(DIRECTORY, "etc", "", b""), link("etc/passwd", "@/passwd")],
        vec![step(DEVICE, "dev/null", "", b""), step(FIFO, "pipe", "", b""), file("pipe")],
        vec![step(EXTENDED, "x", "", b"path=@/secret"), file("short")],
        vec![step(EXTENDED, "x", "", b"SCHILY.xattr.user.a=b"), file("a")],
        vec![step(LONG_NAME, "././@LongLink", "", b"@/secret\0"), file("short")],
        vec![file("a"), step(RAW, "", "", &[0; 1_024]), file("b"), step(RAW, "", "", b"rest")],
        vec![file("a/b"), next(), step(FILE, "a", "", b""), next(), file("a/b"), link("a", ".")],
    ];
    lists.into_iter().map(|list| wire::write(&list)).collect()
}

pub(super) fn unpack(bytes: &[u8]) {
    let place = Place::new();
    let before = place.beside();
    let layers = place.layers(bytes);
    let store = Arc::new(Store::open(&place.folder.path().join("store")).expect("a new store"));
    place.add(&store, &layers);
    assert_eq!(place.beside(), before, "what is beside the store");
    assert_eq!(place.names(), ["beside", "store"], "what is made beside the store");
    store.collect().expect("whatever is left can be collected");
}

impl Place {
    fn new() -> Self {
        let folder = super::scratch();
        let beside = folder.path().canonicalize().expect("it is there").join("beside");
        fs::create_dir(&beside).expect("an empty folder");
        fs::write(beside.join("secret"), "secret").expect("an empty folder");
        fs::write(beside.join("passwd"), format!("{OUTSIDER}:x:1:1::/:\n")).expect("empty");
        symlink("secret", beside.join("link")).expect("an empty folder");
        Self { folder, beside }
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("it is there");
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<_> = entries.map(|entry| name(entry.expect("it is there"))).collect();
        names.sort();
        names
    }

    /// What is there beside the store.
    fn beside(&self) -> Vec<Seen> {
        let see = |path: &Path| {
            let seen = path.symlink_metadata().expect("it stays");
            let numbers = [
                u64::from(seen.mode()),
                u64::from(seen.uid()),
                u64::from(seen.gid()),
                seen.nlink(),
                seen.size(),
            ];
            let times = [seen.mtime(), seen.mtime_nsec(), seen.ctime(), seen.ctime_nsec()];
            let content = if seen.is_file() { fs::read(path).expect("it stays") } else { vec![] };
            (path.to_owned(), numbers, times, content)
        };
        let entries = fs::read_dir(&self.beside).expect("it stays");
        let mut all: Vec<_> = entries.map(|it| see(&it.expect("it stays").path())).collect();
        all.push(see(&self.beside));
        all.sort();
        all
    }

    /// The archives that an input describes.
    fn layers(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let beside = self.beside.to_str().expect("a name of ours").as_bytes();
        let mut layers = vec![Vec::new()];
        for (number, said) in wire::parts(bytes).into_iter().take(STEPS_MAX) {
            let parts = wire::parts(said);
            let field = |wanted| {
                let found = parts.iter().find(|(number, _)| *number == wanted);
                let found = found.map_or(&[][..], |(_, bytes)| *bytes);
                let replaced = found.iter().flat_map(|byte| match byte {
                    b'@' => beside,
                    byte => std::slice::from_ref(byte),
                });
                replaced.copied().collect::<Vec<u8>>()
            };
            let (name, to, content) = (field(NAME), field(TO), field(CONTENT));
            let is_last = layers.len() == LAYERS_MAX;
            let archive = layers.last_mut().expect("there is one");
            match kind_of(number, KINDS) {
                RAW => archive.extend(content),
                NEXT_LAYER if is_last => {}
                NEXT_LAYER => layers.push(Vec::new()),
                entry => append(archive, ENTRIES[entry], &name, &to, &content),
            }
        }
        layers
    }

    fn add(&self, store: &Arc<Store>, layers: &[Vec<u8>]) {
        let digests: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
        let diff_ids: Vec<String> = digests.iter().map(ToString::to_string).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux",
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = config.to_string().into_bytes();
        let described = |kind: &str, bytes: &[u8]| {
            json!({
                "mediaType": format!("application/vnd.oci.image.{kind}"),
                "digest": Digest::of(bytes).to_string(), "size": bytes.len(),
            })
        };
        let manifest = json!({
            "schemaVersion": 2, "config": described("config.v1+json", &config),
            "layers": layers.iter().map(|it| described("layer.v1.tar", it)).collect::<Vec<_>>(),
        });
        let image = Described::new(manifest.to_string().into_bytes(), config);
        let image = image.expect("its documents are right");
        let intake = store.intake().expect("nobody else is here");
        let mut archives = Vec::new();
        for layer in intake.missing(&image).expect("an empty store") {
            let Some(mut download) = intake.download(&layer).expect("an empty store") else {
                continue;
            };
            if download.have() == 0 {
                download.append(&layers[layer.number - 1]).expect("as long as announced");
            }
            download.check().expect("its digest is that of these bytes");
            archives.push(download.finish());
        }
        let name: Reference = "hostile:1".parse().expect("a name");
        let added = intake.add(&image, &name, Keep::UntilRemoved, None, archives, &());
        match added {
            Ok(_) => {
                let image = store.image(&name).expect("it was added");
                assert_eq!(image.layers.len(), layers.len());
                met(("added", layers.len(), count(&image.layers)));
                if let Err(error) = image.account("web") {
                    met_error("account", &error);
                }
                let outsider = image.account(OUTSIDER);
                assert!(outsider.is_err(), "{outsider:?} is of this host");
            }
            Err(error) => {
                met_error("refused", &error);
                assert_eq!(store.list().expect("it is there"), [], "what is refused has no name");
            }
        }
    }
}

/// Names in all of some directories.
fn count(directories: &[PathBuf]) -> usize {
    let names = |path: &PathBuf| fs::read_dir(path).expect("a layer").count();
    directories.iter().map(names).sum()
}

/// `key=value` as extended headers have it: after its own length, which counts itself.
fn record(said: &[u8]) -> Vec<u8> {
    let rest = said.len() + 2;
    let digits = (1..).find(|digits| (rest + digits).to_string().len() == *digits);
    let mut record = (rest + digits.unwrap_or(1)).to_string().into_bytes();
    record.push(b' ');
    record.extend(said);
    record.push(b'\n');
    record
}

/// An entry of an archive, whatever its names are.
fn append(archive: &mut Vec<u8>, kind: EntryType, name: &[u8], to: &[u8], content: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1);
    let has_content = !matches!(
        kind,
        EntryType::Directory | EntryType::Symlink | EntryType::Link | EntryType::Char
    );
    let content = match kind {
        EntryType::XHeader => record(content),
        _ if has_content => content.to_vec(),
        _ => Vec::new(),
    };
    header.set_size(content.len() as u64);
    if kind == EntryType::Char {
        header.set_device_major(1).and_then(|()| header.set_device_minor(3)).expect("small");
    }
    let fields = header.as_old_mut();
    for (field, value) in [(&mut fields.name, name), (&mut fields.linkname, to)] {
        let length = value.len().min(field.len());
        field[..length].copy_from_slice(&value[..length]);
    }
    header.set_cksum();
    archive.extend(header.as_bytes());
    archive.extend(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
}
