//! What layers become: the rules of the changeset, judged by what an overlay of them shows.

use crate::kit::{Kit, Layer, kit};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tar::EntryType;

/// What is in the layers together: by path, the mode of a directory or the text of a file.
fn shown(kit: &Kit, layers: &[PathBuf]) -> BTreeMap<String, String> {
    let place = kit.path("shown");
    fs::create_dir_all(&place).unwrap();
    let look = || {
        unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).unwrap();
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
        let empty = kit.path("empty");
        fs::create_dir_all(&empty).unwrap();
        let names = layers.iter().rev().chain([&empty]).map(|it| it.display().to_string());
        let options = format!("lowerdir={}", names.collect::<Vec<_>>().join(":"));
        let none = MsFlags::empty();
        mount(Some("overlay"), &place, Some("overlay"), none, Some(options.as_str())).unwrap();
        let mut found = BTreeMap::new();
        walk(&place, &place, &mut found);
        found
    };
    std::thread::scope(|scope| scope.spawn(look).join().unwrap())
}

fn walk(top: &Path, directory: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(top).unwrap().display().to_string();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let what = if metadata.is_dir() {
            walk(top, &path, found);
            format!("{:o}", metadata.mode() & 0o7777)
        } else if metadata.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else {
            fs::read_to_string(&path).unwrap()
        };
        found.insert(name, what);
    }
}

fn check(test: &str, layers: Vec<Layer>, expected: &[(&str, &str)]) {
    let Some(kit) = kit(test) else { return };
    let layers = layers.into_iter().map(Layer::done).collect();
    let layers = kit.unpack(layers).unwrap();
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(path, what)| ((*path).to_owned(), (*what).to_owned())).collect();
    assert_eq!(shown(&kit, &layers), expected);
}

#[test]
fn a_layer_adds_replaces_and_removes() {
    let base = Layer::new()
        .directory("a", 0o755)
        .file("a/keep", "1")
        .file("a/change", "1")
        .file("a/drop", "1")
        .directory("a/gone", 0o755)
        .file("a/gone/x", "1");
    let over = Layer::new()
        .file("a/change", "2")
        .file("a/.wh.drop", "")
        .file("a/.wh.gone", "")
        .file("a/.wh.never", "")
        .file("new", "2");
    check(
        "a_layer_adds_replaces_and_removes",
        vec![base, over],
        &[("a", "755"), ("a/keep", "1"), ("a/change", "2"), ("new", "2")],
    );
}

#[test]
fn a_directory_that_a_layer_only_passes_through_stays_as_it_is() {
    let base = Layer::new().directory("var", 0o711).directory("var/secret", 0o700);
    let over = Layer::new().file("var/secret/key", "k").file("made/up/file", "f");
    let opaque = Layer::new().file("var/secret/.wh..wh..opq", "");
    check(
        "a_directory_that_a_layer_only_passes_through_stays_as_it_is",
        vec![base, over, opaque],
        &[
            ("var", "711"),
            ("var/secret", "700"),
            ("made", "755"),
            ("made/up", "755"),
            ("made/up/file", "f"),
        ],
    );
}

#[test]
fn whiteouts_are_about_the_layers_below_wherever_they_stand() {
    let base = Layer::new().file("d/old", "1").file("d/s/old", "1").file("e/old", "1");
    let over = Layer::new()
        .file("d/new", "2")
        .file("d/s/new", "2")
        .file("d/.wh..wh..opq", "")
        .file("e/new", "2")
        .file(".wh.e", "");
    check(
        "whiteouts_are_about_the_layers_below_wherever_they_stand",
        vec![base, over],
        &[
            ("d", "755"),
            ("d/new", "2"),
            ("d/s", "755"),
            ("d/s/new", "2"),
            ("e", "755"),
            ("e/new", "2"),
        ],
    );
}

#[test]
fn files_directories_and_links_take_each_others_places() {
    let base = Layer::new()
        .file("file", "1")
        .file("directory/x", "1")
        .symlink("link", "directory")
        .directory("kept", 0o700)
        .file("kept/x", "1");
    let over = Layer::new()
        .directory("file", 0o750)
        .file("file/x", "2")
        .file("directory", "2")
        .directory("link", 0o755)
        .directory("kept", 0o711);
    check(
        "files_directories_and_links_take_each_others_places",
        vec![base, over],
        &[
            ("file", "750"),
            ("file/x", "2"),
            ("directory", "2"),
            ("link", "755"),
            ("kept", "711"),
            ("kept/x", "1"),
        ],
    );
}

#[test]
fn a_way_may_lead_through_a_link_of_a_layer_below() {
    let base = Layer::new().directory("usr/lib", 0o755).symlink("lib", "/usr/lib");
    let over = Layer::new().file("lib/found", "2");
    check(
        "a_way_may_lead_through_a_link_of_a_layer_below",
        vec![base, over],
        &[("usr", "755"), ("usr/lib", "755"), ("usr/lib/found", "2"), ("lib", "-> /usr/lib")],
    );
}

#[test]
fn owner_mode_time_and_capabilities_are_those_of_the_archive() {
    let Some(kit) = kit("owner_mode_time_and_capabilities_are_those_of_the_archive") else {
        return;
    };
    // A permitted CAP_NET_BIND_SERVICE (capabilities(7), VFS_CAP_REVISION_2).
    let capability = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let owned = |header: &mut tar::Header| {
        header.set_uid(123_456);
        header.set_gid(7);
    };
    let layer = Layer::new()
        .entry(EntryType::Regular, "su", 0o4755, owned, b"x")
        .attributes(&[("security.capability", &capability), ("trusted.overlay.opaque", b"y")])
        .file("ping", "x")
        .entry(EntryType::Directory, "d", 0o1777, owned, b"")
        .file("d/x", "")
        .link(EntryType::Link, "second", "su")
        .entry(EntryType::Fifo, "pipe", 0o622, owned, b"")
        .entry(EntryType::Char, "null", 0o666, owned, b"")
        .entry(EntryType::Block, "disk", 0o666, owned, b"");
    let layers = kit.unpack(vec![layer.done()]).unwrap();
    let of = |name: &str| fs::symlink_metadata(layers[0].join(name)).unwrap();
    let su = of("su");
    assert_eq!((su.uid(), su.gid(), su.mode() & 0o7777), (123_456, 7, 0o4755));
    assert_eq!((su.mtime(), su.nlink()), (1_000_000_000, 2), "{:?}", of("second"));
    let directory = of("d");
    assert_eq!((directory.mode() & 0o7777, directory.mtime()), (0o1777, 1_000_000_000));
    assert!(of("pipe").file_type().is_fifo());
    assert_eq!(of("pipe").permissions().mode() & 0o777, 0o622);
    for device in ["null", "disk"] {
        assert!(!layers[0].join(device).exists(), "devices come from the agent alone");
    }
    let mut value = [0; 64];
    let attribute =
        |name: &str, value: &mut [u8]| rustix::fs::lgetxattr(layers[0].join("ping"), name, value);
    assert_eq!(attribute("security.capability", &mut value), Ok(20));
    assert_eq!(value[..20], capability);
    assert!(attribute("trusted.overlay.opaque", &mut value).is_err(), "the kernel's own books");
}

#[test]
fn as_many_layers_as_are_allowed_can_be_had() {
    let Some(kit) = kit("as_many_layers_as_are_allowed_can_be_had") else { return };
    let most = images::limits::LAYERS_MAX;
    let layer = |number: usize| Layer::new().file(&format!("f{number}"), "x").done();
    let layers = kit.unpack((0..most).map(layer).collect()).unwrap();
    assert_eq!(layers.len(), most);
    assert!(kit.unpack((0..=most).map(layer).collect()).is_err());
}
