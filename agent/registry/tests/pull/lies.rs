//! Registries that lie: nothing of what they send has a name afterwards.

use crate::{
    fake::{Fault, Guard, blob, path},
    kit::{Kit, Made, OCI, describe, index, kit, noise},
};
use images::{
    Digest, ManifestError, StoreError,
    limits::{CONFIG_BYTES_MAX, MANIFEST_BYTES_MAX},
};
use registry::{PullError, limits::INDEX_DEPTH_MAX};
use serde_json::{Value, json};

fn made() -> Made {
    Made::new(&[("file", &noise(7, 20_000))])
}

/// A manifest that was changed after it was made.
fn push_changed(kit: &Kit, change: impl FnOnce(&mut Value)) {
    let made = made();
    kit.push("tool", "unused", &made);
    let mut manifest: Value = serde_json::from_slice(&made.manifest).unwrap();
    change(&mut manifest);
    kit.push_document("tool", "v1", &serde_json::to_vec(&manifest).unwrap());
}

#[tokio::test]
async fn archives_that_are_not_what_was_announced() {
    let Some(kit) = kit("archives that lie").await else { return };
    kit.push("tool", "v1", &made());
    kit.fake.change(|it| it.faults = [Fault::Other].into());
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::Store(StoreError::Digest { number: 1, .. })), "{error:?}");
    kit.fake.change(|it| it.faults = [Fault::Long].into());
    let error = kit.refused("tool:v1").await;
    assert!(
        matches!(&error, PullError::Store(StoreError::LongArchive { number: 1, .. })),
        "{error:?}"
    );
    // Nothing of it stands in the way of the right one.
    kit.pull("tool:v1").await.unwrap();
}

#[tokio::test]
async fn sizes_that_are_lies() {
    let Some(kit) = kit("sizes that are lies").await else { return };
    push_changed(&kit, |it| it["layers"][0]["size"] = json!(100));
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::Store(StoreError::LongArchive { .. })), "{error:?}");
    push_changed(&kit, |it| it["layers"][0]["size"] = json!(100_000));
    let error = kit.refused("tool:v1").await;
    let PullError::GivenUp(cause) = error else { panic!("{error:?}") };
    assert!(matches!(*cause, PullError::Short { bytes: 100_000, .. }), "{cause:?}");
    push_changed(&kit, |it| it["layers"][0]["size"] = json!(u64::MAX / 4));
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::Manifest(ManifestError::LargeLayer { .. })), "{error:?}");
    push_changed(&kit, |it| it["layers"][0]["size"] = json!(-1));
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::Manifest(ManifestError::Malformed { .. })), "{error:?}");
}

#[tokio::test]
async fn documents_without_an_end() {
    let Some(kit) = kit("documents without an end").await else { return };
    let long = |limit: u64| vec![b' '; usize::try_from(limit).unwrap() + 1];
    kit.push_document("tool", "v1", &long(MANIFEST_BYTES_MAX));
    let error = kit.refused("tool:v1").await;
    assert!(matches!(error, PullError::TooLarge { what: "a manifest", .. }), "{error:?}");
    let made = made();
    kit.push("tool", "v1", &made);
    let config = blob("tool", &made.config);
    kit.fake.change(|it| drop(it.things.insert(config, long(CONFIG_BYTES_MAX))));
    let error = kit.refused("tool:v1").await;
    assert!(matches!(error, PullError::TooLarge { what: "a configuration", .. }), "{error:?}");
}

#[tokio::test]
async fn documents_that_are_others() {
    let Some(kit) = kit("documents that are others").await else { return };
    let (made, other) = (made(), Made::new(&[("other", b"other")]));
    kit.push("tool", "v1", &made);
    let at = path("tool", "manifests", made.digest());
    kit.fake.change(|it| drop(it.things.insert(at, other.manifest.clone())));
    let error = kit.refused(&format!("tool@{}", made.digest())).await;
    let wanted = made.digest();
    assert!(matches!(error, PullError::Digest { wanted: it, .. } if it == wanted), "{error:?}");
    let config = blob("tool", &made.config);
    kit.fake.change(|it| drop(it.things.insert(config, other.config.clone())));
    let error = kit.refused("tool:v1").await;
    let wanted = Digest::of(&made.config);
    assert!(matches!(error, PullError::Digest { wanted: it, .. } if it == wanted), "{error:?}");
}

#[tokio::test]
async fn documents_that_are_none() {
    let Some(kit) = kit("documents that are none").await else { return };
    let refused = async |document: Value| {
        kit.push_document("tool", "v1", &serde_json::to_vec(&document).unwrap());
        match kit.refused("tool:v1").await {
            PullError::Manifest(error) => error,
            other => panic!("{other:?}"),
        }
    };
    // Readers would disagree about what this is.
    let mut both: Value = serde_json::from_slice(&made().manifest).unwrap();
    both["manifests"] = json!([]);
    assert!(matches!(refused(both).await, ManifestError::Kind { schema: 2 }));
    let old = json!({"schemaVersion": 1, "fsLayers": []});
    assert!(matches!(refused(old).await, ManifestError::Kind { schema: 1 }));
    assert!(matches!(refused(json!("x")).await, ManifestError::Malformed { .. }));
    let sha512 = format!("sha512:{}", "0".repeat(128));
    let sha512 = json!({"schemaVersion": 2, "layers": [],
        "config": {"mediaType": "a/b", "size": 1, "digest": sha512}});
    assert!(matches!(refused(sha512).await, ManifestError::Digest { .. }));
    let foreign: Value = serde_json::from_slice(&index(&OCI, &[("s390x", b"x")])).unwrap();
    assert!(matches!(refused(foreign).await, ManifestError::Platform { .. }));
    let many: Vec<Value> = (0..200).map(|_| describe("a/b", b"layer")).collect();
    push_changed(&kit, |it| it["layers"] = json!(many));
    let error = kit.refused("tool:v1").await;
    assert!(matches!(error, PullError::Manifest(ManifestError::TooManyLayers { .. })), "{error:?}");
}

#[tokio::test]
async fn indexes_in_indexes_end() {
    let Some(kit) = kit("indexes in indexes").await else { return };
    let mut inner = made().manifest;
    for depth in 0..=INDEX_DEPTH_MAX {
        kit.push("tool", "unused", &made());
        kit.push_document("tool", "v1", &inner);
        kit.pull("tool:v1").await.unwrap_or_else(|error| panic!("{depth}: {error:?}"));
        inner = index(&OCI, &[("amd64", &inner)]);
    }
    kit.push_document("tool", "v2", &inner);
    let error = kit.pull("tool:v2").await.unwrap_err();
    assert!(matches!(error, PullError::TooDeep), "{error:?}");
}

#[tokio::test]
async fn what_is_not_there_or_fails_is_said() {
    let Some(kit) = kit("what is not there").await else { return };
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::Unknown { what, .. } if what == "tool:v1"), "{error:?}");
    let made = made();
    kit.push("tool", "v1", &made);
    let archive = blob("tool", &made.layers[0]);
    kit.fake.change(|it| drop(it.things.remove(&archive)));
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::Unknown { .. }), "{error:?}");
    kit.push("tool", "v1", &made);
    kit.fake.change(|it| it.faults = vec![Fault::Status(500); 5].into());
    let PullError::GivenUp(cause) = kit.refused("tool:v1").await else { panic!() };
    assert!(matches!(*cause, PullError::Status { status: 500, .. }), "{cause:?}");
    kit.fake.change(|it| it.faults = [Fault::Status(418)].into());
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::Status { status: 418, .. }), "{error:?}");
    // Round and round.
    let itself = format!("http://{}", kit.fake.host());
    kit.fake.change(|it| it.redirect = Some(itself));
    let PullError::GivenUp(cause) = kit.refused("tool:v1").await else { panic!() };
    assert!(matches!(*cause, PullError::Unreachable { .. }), "{cause:?}");
}

#[tokio::test]
async fn challenges_that_nobody_can_meet() {
    let Some(kit) = kit("challenges").await else { return };
    kit.push("tool", "v1", &made());
    let guard = |guard| kit.fake.change(|it| it.guard = guard);
    guard(Guard::Unknown("Negotiate".to_owned()));
    let error = kit.refused("tool:v1").await;
    assert!(
        matches!(&error, PullError::Challenge { challenge, .. } if challenge == "Negotiate"),
        "{error:?}"
    );
    let realm = |realm: &str| Guard::Bearer { realm: realm.to_owned(), wants: None };
    guard(realm("http://192.0.2.1/token"));
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::PlainRealm { .. }), "{error:?}");
    guard(realm("file:///etc/passwd"));
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::PlainRealm { .. }), "{error:?}");
    // Not a token, but something else that is there.
    guard(realm(&format!("http://{}/v2/", kit.fake.host())));
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::Denied { .. }), "{error:?}");
}
