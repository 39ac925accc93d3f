//! Archives that mean harm: nothing outside the new layer changes, and nothing of it is kept.

use crate::kit::{Kit, Layer, Made, gzip, kit, write_layout};
use images::{Digest, EntryError, StoreError, UnpackError};
use serde_json::json;
use std::{fs, os::unix::fs::MetadataExt, path::Path};
use tar::EntryType;

/// The victim, whose name every archive knows.
struct Outside {
    path: std::path::PathBuf,
    before: (u32, i64, Vec<u8>),
}

impl Outside {
    fn new(kit: &Kit) -> Self {
        let path = kit.path("victim");
        fs::write(&path, "untouched").unwrap();
        let before = Self::state(&path);
        Self { path, before }
    }

    fn state(path: &Path) -> (u32, i64, Vec<u8>) {
        let metadata = fs::symlink_metadata(path).unwrap();
        (metadata.mode(), metadata.mtime(), fs::read(path).unwrap())
    }

    fn check(&self) {
        assert_eq!(Self::state(&self.path), self.before, "nothing outside changes");
    }
}

fn cause(error: StoreError) -> UnpackError {
    match error {
        StoreError::Layer { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn links_lead_nowhere_but_into_the_layer() {
    let Some(kit) = kit("links_lead_nowhere_but_into_the_layer") else { return };
    let outside = Outside::new(&kit);
    let victim = outside.path.display().to_string();
    let above = outside.path.parent().unwrap().display().to_string();
    let layer = Layer::new()
        // Through a link to the directory, absolutely and upwards.
        .symlink("way", &above)
        .file("way/victim", "overwritten")
        .symlink("up", "../../../../../../../..")
        .file(&format!("up{victim}"), "overwritten")
        // Over a link to the file itself.
        .symlink("file", &victim)
        .file("file", "overwritten");
    let layers = kit.unpack(vec![layer.done()]).unwrap();
    outside.check();
    assert_eq!(fs::read_to_string(layers[0].join("file")).unwrap(), "overwritten");
    // What the names mean inside has been made there.
    let inside = layers[0].join(victim.trim_start_matches('/'));
    assert_eq!(fs::read_to_string(inside).unwrap(), "overwritten");
}

#[test]
fn a_hard_link_reaches_nothing_outside() {
    let Some(kit) = kit("a_hard_link_reaches_nothing_outside") else { return };
    let outside = Outside::new(&kit);
    let victim = outside.path.display().to_string();
    let layer = Layer::new().link(EntryType::Link, "second", &victim).file("second", "x");
    let error = cause(kit.unpack(vec![layer.done()]).unwrap_err());
    assert!(matches!(error, UnpackError::Make { .. }), "there is no such file inside: {error:?}");
    let upwards = Layer::new().link(EntryType::Link, "second", "../../victim");
    let error = cause(kit.unpack(vec![upwards.done()]).unwrap_err());
    assert!(matches!(error, UnpackError::Entry(EntryError::Upwards { .. })), "{error:?}");
    outside.check();
}

#[test]
fn whiteouts_and_modes_reach_nothing_outside() {
    let Some(kit) = kit("whiteouts_and_modes_reach_nothing_outside") else { return };
    let outside = Outside::new(&kit);
    let above = outside.path.parent().unwrap().display().to_string();
    let layer = Layer::new()
        .symlink("way", &above)
        .file("way/.wh.victim", "")
        .file("way/.wh..wh..opq", "")
        .symlink("mode", &outside.path.display().to_string())
        .link(EntryType::Symlink, "mode", &outside.path.display().to_string());
    kit.unpack(vec![layer.done()]).unwrap();
    outside.check();
    for name in ["../x", "a/../../x", ".wh...", "a/.wh.."] {
        let error = cause(kit.unpack(vec![Layer::new().file(name, "").done()]).unwrap_err());
        assert!(matches!(error, UnpackError::Entry(_)), "{name}: {error:?}");
    }
    outside.check();
    assert_eq!(kit.count("ingest"), 0, "what fails is removed");
}

#[test]
fn an_archive_that_is_cut_off_or_contradicts_itself_is_refused() {
    let Some(kit) = kit("an_archive_that_is_cut_off_or_contradicts_itself_is_refused") else {
        return;
    };
    let whole = Layer::new().file("a", &"x".repeat(4_000)).file("b", "y").done();
    let error = cause(kit.unpack(vec![whole[..2_000].to_vec()]).unwrap_err());
    assert!(matches!(error, UnpackError::Archive(_)), "{error:?}");
    let huge = |header: &mut tar::Header| header.set_size(1 << 60);
    let bomb = Layer::new().entry(EntryType::Regular, "a", 0o644, huge, b"").done();
    let error = cause(kit.unpack(vec![bomb]).unwrap_err());
    assert!(matches!(error, UnpackError::TooLarge | UnpackError::Archive(_)), "{error:?}");
    let through = Layer::new().file("a", "x").file("a/b", "y").done();
    let error = cause(kit.unpack(vec![through]).unwrap_err());
    assert!(matches!(error, UnpackError::Make { .. }), "{error:?}");
    let circle = Layer::new().symlink("a", "b").symlink("b", "a").file("a/x", "y").done();
    let error = cause(kit.unpack(vec![circle]).unwrap_err());
    assert!(matches!(error, UnpackError::Make { .. }), "{error:?}");
    let strange = Layer::new().entry(EntryType::new(b'Z'), "a", 0o644, |_| {}, b"").done();
    let error = cause(kit.unpack(vec![strange]).unwrap_err());
    assert!(matches!(error, UnpackError::Kind { kind: b'Z', .. }), "{error:?}");
    let owner = |header: &mut tar::Header| header.set_uid(u64::from(u32::MAX));
    let nobody = Layer::new().entry(EntryType::Regular, "a", 0o644, owner, b"").done();
    let error = cause(kit.unpack(vec![nobody]).unwrap_err());
    assert!(matches!(error, UnpackError::Archive(_)), "{error:?}");
    assert_eq!((kit.count("ingest"), kit.count("layers")), (0, 0));
    assert_eq!(kit.store.list().unwrap(), []);
}

/// A name of gigabytes would be taken into memory, however small it is in the archive.
#[test]
fn headers_are_bounded() {
    let Some(kit) = kit("headers_are_bounded") else { return };
    let long = vec![b'x'; 2 << 20];
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader] {
        let layer = Layer::new().entry(kind, "long", 0o644, |_| {}, &long).file("a", "x");
        let error = cause(kit.unpack(vec![layer.done()]).unwrap_err());
        let UnpackError::Archive(error) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge, "{error:?}");
    }
    // Content of that size is nothing special, and neither are two of them.
    let text = "x".repeat(2 << 20);
    kit.unpack(vec![Layer::new().file("a", &text).file("b", &text).done()]).unwrap();
}

#[test]
fn what_is_not_what_was_meant_is_not_kept() {
    let Some(kit) = kit("what_is_not_what_was_meant_is_not_kept") else { return };
    let layer = Layer::new().file("a", "x").done();
    let image = Made { name: "x:1".to_owned(), config: json!({}), layers: vec![layer.clone()] };
    let other = gzip(&Layer::new().file("a", "y").done());
    let blob = |bytes: &[u8]| Digest::of(bytes).hex();
    let spoil = |name: String, bytes: &[u8]| {
        let layout = kit.path(&name);
        write_layout(&layout, &[&image]);
        let path = layout.join("blobs/sha256").join(&name);
        assert!(path.exists());
        fs::write(path, bytes).unwrap();
        kit.import_from(&layout).unwrap_err()
    };
    let error = spoil(blob(&gzip(&layer)), &other);
    assert!(matches!(error, StoreError::Digest { number: 1, .. }), "{error:?}");
    let config = crate::kit::configuration(&image);
    let error = spoil(blob(&config), &[config.as_slice(), b" "].concat());
    assert!(matches!(error, StoreError::Source { .. }), "{error:?}");
    // A compressed archive that is right, of content that is not what the configuration says.
    let lying = Made { layers: vec![Layer::new().file("a", "z").done()], ..image };
    let layout = kit.path("lying");
    write_layout(&layout, &[&lying]);
    let error = {
        let text = fs::read_to_string(layout.join("index.json")).unwrap();
        let index: serde_json::Value = serde_json::from_str(&text).unwrap();
        let hex = index["manifests"][0]["digest"].as_str().unwrap()[7..].to_owned();
        let path = layout.join("blobs/sha256").join(hex);
        let mut manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        fs::write(layout.join("blobs/sha256").join(blob(&other)), &other).unwrap();
        manifest["layers"][0]["digest"] = json!(Digest::of(&other).to_string());
        let bytes = serde_json::to_vec(&manifest).unwrap();
        fs::write(layout.join("blobs/sha256").join(blob(&bytes)), &bytes).unwrap();
        let changed = text.replace(
            index["manifests"][0]["digest"].as_str().unwrap(),
            &Digest::of(&bytes).to_string(),
        );
        fs::write(layout.join("index.json"), changed).unwrap();
        kit.import_from(&layout).unwrap_err()
    };
    assert!(matches!(error, StoreError::Digest { number: 1, .. }), "{error:?}");
    assert_eq!((kit.count("ingest"), kit.count("layers")), (0, 0));
}
