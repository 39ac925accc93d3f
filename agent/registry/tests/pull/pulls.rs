//! What is there is pulled: by tag, by digest, for this platform, each archive once.

use crate::{
    fake::Fault,
    kit::{DOCKER, Kit, Made, OCI, index, kit, noise, read},
};
use images::Digest;
use std::sync::Arc;

#[tokio::test]
async fn an_image_is_pulled_by_its_tag_and_what_is_known_is_not_fetched_again() {
    let Some(kit) = kit("an image by its tag").await else { return };
    let made = Made::new(&[("base", b"first"), ("etc/motd", b"hello")]);
    kit.push("team/tool", "v1", &made);
    let pulled = kit.pull("team/tool:v1").await.unwrap();
    let bytes: usize = made.layers.iter().map(Vec::len).sum();
    assert_eq!(pulled.fetched, u64::try_from(bytes).unwrap());
    assert_eq!(pulled.imported.record.digest, made.digest());
    assert_eq!(kit.store.idle().unwrap()[0].record, pulled.imported.record);
    assert_eq!(*kit.heard.missing.lock().unwrap(), [(2, pulled.fetched)]);
    assert_eq!(*kit.heard.fetched.lock().unwrap(), pulled.fetched);
    let image = kit.image("team/tool:v1");
    assert_eq!(image.config.entrypoint, ["/bin/true"]);
    assert_eq!(
        (read(&image, 0, "base"), read(&image, 1, "etc/motd")),
        (b"first".to_vec(), b"hello".to_vec())
    );
    assert_eq!(kit.downloads(), 0);
    kit.fake.asked();

    // Another image on the same base.
    let other = Made::new(&[("base", b"first"), ("etc/motd", b"other")]);
    kit.push("team/tool", "v2", &other);
    let pulled = kit.pull("team/tool:v2").await.unwrap();
    assert_eq!(pulled.fetched, u64::try_from(other.layers[1].len()).unwrap());
    assert_eq!(pulled.imported.known_layers, 1);

    // A tag that means something else now.
    kit.push("team/tool", "v1", &other);
    assert_eq!(kit.pull("team/tool:v1").await.unwrap().fetched, 0);
    assert_eq!(kit.image("team/tool:v1").digest, other.digest());
}

#[tokio::test]
async fn a_choice_of_images_leads_to_this_platforms() {
    let Some(kit) = kit("a choice of images").await else { return };
    for kind in [&OCI, &DOCKER] {
        let (mine, theirs) = (
            Made::of_kind(kind, &[("arch", b"amd64")]),
            Made::of_kind(kind, &[("arch", b"arm64")]),
        );
        for made in [&mine, &theirs] {
            kit.push("many", "unused", made);
        }
        let inner = index(kind, &[("arm64", &theirs.manifest), ("amd64", &mine.manifest)]);
        kit.push_document("many", "latest", &inner);
        kit.pull("many").await.unwrap();
        assert_eq!(kit.image("many").digest, mine.digest());
        assert_eq!(read(&kit.image("many"), 0, "arch"), b"amd64");
    }
}

#[tokio::test]
async fn a_digest_is_that_of_a_manifest_or_of_an_index_that_leads_to_it() {
    let Some(kit) = kit("by digest").await else { return };
    let made = Made::new(&[("a", b"a")]);
    kit.push("tool", "v1", &made);
    let choice = index(&OCI, &[("amd64", &made.manifest)]);
    kit.push_document("tool", "many", &choice);
    for digest in [made.digest(), Digest::of(&choice)] {
        let name = format!("tool@{digest}");
        kit.pull(&name).await.unwrap();
        assert_eq!(kit.image(&name).digest, made.digest());
        // A tag beside it says nothing more.
        kit.pull(&format!("tool:other@{digest}")).await.unwrap();
    }
}

#[tokio::test]
async fn many_pulls_at_once_fetch_each_archive_once() {
    let Some(kit) = kit("many pulls at once").await else { return };
    // Archives in every order, so that locks could be taken in a circle.
    let contents: Vec<Vec<u8>> = (0..6).map(|seed| noise(seed, 20_000)).collect();
    let layers = |order: &[usize]| -> Vec<(String, Vec<u8>)> {
        order.iter().map(|it| (format!("file-{it}"), contents[*it].clone())).collect()
    };
    let orders: [&[usize]; 3] = [&[0, 1, 2, 3], &[0, 3, 2, 1, 5], &[0, 4, 5]];
    for (number, order) in orders.iter().enumerate() {
        let layers = layers(order);
        let layers: Vec<_> =
            layers.iter().map(|(name, it)| (name.as_str(), it.as_slice())).collect();
        kit.push("same", &format!("v{number}"), &Made::new(&layers));
    }
    let kit = Arc::new(kit);
    let pulls: Vec<_> = (0..24)
        .map(|number| {
            let kit: Arc<Kit> = kit.clone();
            tokio::spawn(async move { kit.pull(&format!("same:v{}", number % 3)).await })
        })
        .collect();
    for pull in pulls {
        pull.await.unwrap().unwrap();
    }
    assert_eq!(kit.records().len(), 3);
    assert_eq!(kit.downloads(), 0);
    let mut asked: Vec<_> =
        kit.fake.asked_for_blobs().into_iter().map(|asked| asked.path).collect();
    asked.sort_unstable();
    let made = Made::new(&[("file-0", &contents[0])]);
    let of_base = format!("/v2/same/blobs/{}", Digest::of(&made.layers[0]));
    assert_eq!(asked.iter().filter(|path| **path == of_base).count(), 1, "{asked:?}");
}

#[tokio::test]
async fn a_failure_in_one_layer_leaves_what_was_fetched_of_others() {
    let Some(kit) = kit("a failure in one layer").await else { return };
    let made = Made::new(&[("a", &noise(1, 5_000)), ("b", &noise(2, 5_000))]);
    kit.push("tool", "v1", &made);
    kit.fake.change(|it| it.faults = [Fault::Status(403)].into());
    kit.refused("tool:v1").await;
    assert!(kit.downloads() > 0);
    kit.pull("tool:v1").await.unwrap();
    assert_eq!(kit.downloads(), 0);
    // What nobody goes on with is collected.
    kit.push("tool", "v2", &Made::new(&[("c", &noise(3, 5_000))]));
    kit.fake.change(|it| {
        it.faults = vec![Fault::Status(500); 5].into();
        it.faults.push_front(Fault::Cut(2_000));
    });
    kit.pull("tool:v2").await.unwrap_err();
    assert_eq!(kit.downloads(), 1);
    assert!(kit.store.collect().unwrap().bytes > 0);
    assert_eq!(kit.downloads(), 0);
}
