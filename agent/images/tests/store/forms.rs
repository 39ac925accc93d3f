//! The forms in which images come, and what is said when there is no image.

use crate::kit::{Layer, Made, gzip, kit, pack, write_docker, write_layout};
use images::{Digest, ManifestError, Platform, SourceError, StoreError};
use serde_json::json;
use std::{fs, path::Path};

fn two() -> (Made, Made) {
    let base = Layer::new().directory("etc", 0o755).file("etc/name", "base").done();
    let over = Layer::new().file("etc/more", "over").done();
    let one = Made {
        name: "example.org/one:1".to_owned(),
        config: json!({
            "Entrypoint": ["/bin/serve"], "Cmd": ["--port", "80"], "Env": ["A=1", "B=x=y", "C"],
            "User": "12:34", "WorkingDir": "/srv", "Labels": { "a": "b" }, "StopSignal": "SIGINT",
        }),
        layers: vec![base.clone()],
    };
    let two = Made { name: "busybox".to_owned(), config: json!({}), layers: vec![base, over] };
    (one, Made { name: "busybox:2".to_owned(), ..two })
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_directory_an_archive_and_what_docker_saves_are_the_same() {
    let Some(kit) = kit("a_directory_an_archive_and_what_docker_saves_are_the_same") else {
        return;
    };
    let (one, two) = two();
    let layout = kit.path("layout");
    write_layout(&layout, &[&one, &two]);
    let plain = kit.path("oci.tar");
    pack(&layout, &plain);
    let packed = kit.path("oci.tar.gz");
    fs::write(&packed, gzip(&fs::read(&plain).unwrap())).unwrap();
    let saved = kit.path("docker.tar");
    write_docker(&saved, &[&one, &two]);

    let mut digests = Vec::new();
    for (path, known) in [(&layout, [0, 1]), (&plain, [1, 2]), (&packed, [1, 2]), (&saved, [1, 2])]
    {
        let imported = kit.import_from(path).unwrap();
        let names: Vec<_> = imported.iter().map(|it| it.record.name.whole()).collect();
        assert_eq!(names, ["example.org/one:1", "docker.io/library/busybox:2"]);
        assert_eq!(imported.iter().map(|it| it.known_layers).collect::<Vec<_>>(), known);
        assert_eq!(imported[1].record.bytes, 8);
        let image = kit.image("busybox:2");
        assert_eq!(text(&image.layers[0].join("etc/name")), "base");
        assert_eq!(text(&image.layers[1].join("etc/more")), "over");
        digests.push(imported[1].record.digest);
    }
    assert_eq!(digests[..2], [digests[0]; 2], "a manifest that was given is kept as it is");
    assert_eq!(kit.store.list().unwrap().len(), 2, "a name means the image that came last");
    assert_eq!(kit.count("layers"), 2, "each layer is there once");
    assert_eq!(kit.count("ingest"), 0);
}

#[test]
fn what_an_image_says_about_how_it_is_run_is_known() {
    let Some(kit) = kit("what_an_image_says_about_how_it_is_run_is_known") else { return };
    let (one, two) = two();
    kit.import(&one).unwrap();
    kit.import(&two).unwrap();
    let config = kit.image("example.org/one:1").config.clone();
    assert_eq!((config.entrypoint.len(), config.command.len()), (1, 2));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(config.environment, [pair("A", "1"), pair("B", "x=y"), pair("C", "")]);
    assert_eq!((config.user.as_str(), config.working_directory.to_str()), ("12:34", Some("/srv")));
    assert_eq!(config.labels["a"], "b");
    assert_eq!(config.stop_signal.as_deref(), Some("SIGINT"));
    let silent = kit.image("busybox:2").config.clone();
    assert_eq!(silent.working_directory.to_str(), Some("/"));
}

#[test]
fn a_name_is_asked_for_where_there_is_none() {
    let Some(kit) = kit("a_name_is_asked_for_where_there_is_none") else { return };
    let (one, two) = two();
    let nameless = Made { name: String::new(), ..one };
    let layout = kit.path("nameless");
    write_layout(&layout, &[&nameless]);
    let error = kit.import_from(&layout).unwrap_err();
    assert!(matches!(error, StoreError::Names { images: 1, names: 0, .. }), "{error:?}");
    let name = "mine:3".parse().unwrap();
    let platform = Platform::of_host();
    kit.store.import(&layout, Some(&name), &platform, &kit.heard).unwrap();
    assert_eq!(kit.image("mine:3").layers.len(), 1);

    let several = kit.path("several");
    write_layout(&several, &[&two, &Made { name: "other:1".to_owned(), ..two_again() }]);
    let error = kit.store.import(&several, Some(&name), &platform, &kit.heard).unwrap_err();
    assert!(matches!(error, StoreError::Names { images: 2, names: 1, .. }), "{error:?}");
}

fn two_again() -> Made {
    two().1
}

#[test]
fn the_image_of_this_platform_is_chosen() {
    let Some(kit) = kit("the_image_of_this_platform_is_chosen") else { return };
    let layout = kit.path("layout");
    let (one, _) = two();
    write_layout(&layout, &[&Made { name: String::new(), ..one }]);
    let path = layout.join("index.json");
    let index: serde_json::Value = serde_json::from_str(&text(&path)).unwrap();
    let ours = &index["manifests"][0];
    let with = |architecture: &str| {
        let mut it = ours.clone();
        it["platform"] = json!({ "architecture": architecture, "os": "linux" });
        it
    };
    let wrong = json!({
        "mediaType": ours["mediaType"], "digest": Digest::of(b"none").to_string(), "size": 4,
        "platform": { "architecture": "s390x", "os": "linux" },
    });
    let mine = with(&Platform::of_host().architecture);
    let write = |manifests: serde_json::Value| {
        let index = json!({ "schemaVersion": 2, "manifests": manifests });
        fs::write(&path, index.to_string()).unwrap();
    };
    let name = "mine:1".parse().unwrap();
    let import = || kit.store.import(&layout, Some(&name), &Platform::of_host(), &kit.heard);
    write(json!([wrong, mine]));
    import().unwrap();
    write(json!([wrong]));
    let error = import().unwrap_err();
    let StoreError::Source { source: SourceError::Document { source, .. }, .. } = error else {
        panic!("{error:?}")
    };
    let ManifestError::Platform { offered, .. } = source else { panic!("{source:?}") };
    assert_eq!(offered, ["linux/s390x"]);
}

#[test]
fn what_holds_no_image_is_said_to_hold_none() {
    let Some(kit) = kit("what_holds_no_image_is_said_to_hold_none") else { return };
    let empty = kit.path("empty");
    fs::create_dir(&empty).unwrap();
    let error = kit.import_from(&empty).unwrap_err();
    assert!(matches!(error, StoreError::Source { source: SourceError::Unknown, .. }), "{error:?}");
    let error = kit.import_from(&kit.path("missing")).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    let text = kit.path("text");
    fs::write(&text, "no archive").unwrap();
    assert!(matches!(
        kit.import_from(&text),
        Err(StoreError::Open { .. } | StoreError::Source { .. })
    ));
    assert_eq!(kit.store.list().unwrap(), []);
    assert_eq!(kit.count("ingest"), 0);
}
