//! A store over time: names, what is shared, what is given back, and what a crash leaves.

use crate::kit::{Kit, Layer, Made, kit, write_layout};
use images::{Keep, Platform, Store, StoreError};
use serde_json::json;
use std::fs;

fn image(name: &str, own: &str) -> Made {
    let base = Layer::new().file("base", "base").done();
    let over = Layer::new().file("own", own).done();
    Made { name: name.to_owned(), config: json!({}), layers: vec![base, over] }
}

fn counts(kit: &Kit) -> (usize, usize, usize) {
    (kit.count("layers"), kit.count("blobs"), kit.count("ingest"))
}

#[test]
fn what_no_name_leads_to_is_given_back() {
    let Some(kit) = kit("what_no_name_leads_to_is_given_back") else { return };
    kit.import(&image("a:1", "a")).unwrap();
    kit.import(&image("b:1", "bb")).unwrap();
    assert_eq!(counts(&kit), (3, 4, 0), "the base is there once");
    let a = kit.image("a:1");
    kit.store.hold("container-1", &a).unwrap();
    assert_eq!(kit.store.holders().unwrap()["container-1"], a.digest);
    drop(a);
    kit.store.remove(&"a:1".parse().unwrap()).unwrap();
    let kept = kit.store.collect().unwrap();
    assert_eq!((kept.layers, counts(&kit)), (0, (3, 4, 0)), "it is in use");
    kit.store.release("container-1").unwrap();
    kit.store.release("container-1").unwrap();
    let collected = kit.store.collect().unwrap();
    assert_eq!((collected.layers, collected.bytes), (1, 1));
    assert_eq!(counts(&kit), (2, 2, 0));
    assert_eq!(kit.image("b:1").layers.len(), 2);
    let error = kit.store.image(&"a:1".parse().unwrap()).unwrap_err();
    assert!(matches!(error, StoreError::Unknown { .. }));
    assert!(matches!(kit.store.remove(&"a:1".parse().unwrap()), Err(StoreError::Unknown { .. })));
}

#[test]
fn a_name_that_is_given_again_means_the_new_image() {
    let Some(kit) = kit("a_name_that_is_given_again_means_the_new_image") else { return };
    let old = kit.import(&image("a:latest", "1")).unwrap().record;
    let new = kit.import(&image("docker.io/library/a", "2")).unwrap().record;
    assert_ne!(old.digest, new.digest);
    assert_eq!(old.name, new.name, "no tag is the tag latest");
    assert_eq!(kit.store.list().unwrap(), [new]);
}

#[test]
fn a_name_with_a_digest_is_of_that_image_alone() {
    let Some(kit) = kit("a_name_with_a_digest_is_of_that_image_alone") else { return };
    let layout = kit.path("layout");
    write_layout(&layout, &[&image("a:1", "a")]);
    let import = |name: &str| {
        let name = name.parse().unwrap();
        kit.store.import(&layout, Some(&name), &Platform::of_host(), &kit.heard)
    };
    let digest = import("a:1").unwrap()[0].record.digest;
    let right = format!("example.org/a@{digest}");
    import(&right).unwrap();
    assert_eq!(kit.image(&right).digest, digest);
    let wrong = format!("example.org/a@{}", images::Digest::of(b"another"));
    assert!(matches!(import(&wrong), Err(StoreError::Pinned { .. })));
    assert_eq!(kit.store.list().unwrap().len(), 2);
}

#[test]
fn many_imports_at_once_make_each_layer_once() {
    let Some(kit) = kit("many_imports_at_once_make_each_layer_once") else { return };
    let layout = kit.path("layout");
    write_layout(&layout, &[&image("a:1", "a"), &image("b:1", "b")]);
    let root = kit.path("store");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // As another process would.
                let store = Store::open(&root).unwrap();
                store.import(&layout, None, &Platform::of_host(), &kit.heard).unwrap();
            });
        }
    });
    assert_eq!(counts(&kit), (3, 4, 0));
    assert_eq!(kit.store.list().unwrap().len(), 2);
}

#[test]
fn what_an_import_left_is_cleared_when_nobody_is_at_work() {
    let Some(kit) = kit("what_an_import_left_is_cleared_when_nobody_is_at_work") else { return };
    let root = kit.path("store");
    let left = root.join("ingest/left");
    fs::create_dir_all(left.join("fs")).unwrap();
    fs::write(root.join("ingest/file"), "x").unwrap();
    kit.import(&image("a:1", "a")).unwrap();
    let used = kit.image("a:1");
    Store::open(&root).unwrap();
    assert!(left.exists(), "somebody may be at work");
    drop(used);
    Store::open(&root).unwrap();
    assert_eq!(kit.count("ingest"), 0);
    // A layer without its record is none: it is made again.
    let record = fs::read_dir(root.join("layers")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(record.join("layer.json")).unwrap();
    let collected = kit.store.collect().unwrap();
    assert_eq!((collected.layers, collected.bytes), (0, 0), "a name leads to it");
}

#[test]
fn progress_is_told_layer_by_layer() {
    let Some(kit) = kit("progress_is_told_layer_by_layer") else { return };
    kit.import(&image("a:1", "a")).unwrap();
    kit.import(&image("b:1", "b")).unwrap();
    let (layers, bytes) = (kit.heard.layers.lock().unwrap(), kit.heard.bytes.lock().unwrap());
    assert_eq!(layers[..], [(1, 2, false), (2, 2, false), (1, 2, true), (2, 2, false)]);
    assert!(*bytes > 100, "{bytes}");
}

#[test]
fn images_that_somebody_put_there_are_never_idle() {
    let Some(kit) = kit("images_that_somebody_put_there_are_never_idle") else { return };
    let record = kit.import(&image("a:1", "a")).unwrap().record;
    assert_eq!((record.keep, kit.store.idle().unwrap().len()), (Keep::UntilRemoved, 0));
}

#[test]
fn an_archive_that_somebody_may_go_on_with_is_spared() {
    let Some(kit) = kit("an_archive_that_somebody_may_go_on_with_is_spared") else { return };
    let half = kit.path("store").join("downloads").join("ab".repeat(32));
    fs::write(&half, "half").unwrap();
    let hour = std::time::Duration::from_secs(3_600);
    assert_eq!(kit.store.try_collect(hour).unwrap().expect("nobody is at work").bytes, 0);
    assert!(half.exists());
    let old = std::time::SystemTime::now() - 2 * hour;
    fs::File::options().write(true).open(&half).unwrap().set_modified(old).unwrap();
    kit.import(&image("a:1", "a")).unwrap();
    let used = kit.image("a:1");
    assert_eq!(kit.store.try_collect(hour).unwrap(), None, "somebody is at work");
    assert!(half.exists());
    drop(used);
    assert_eq!(kit.store.try_collect(hour).unwrap().expect("nobody is at work").bytes, 4);
    assert!(!half.exists());
}
