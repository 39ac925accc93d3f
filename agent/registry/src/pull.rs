//! One image by its name, from its registry into the store.

use crate::{
    archive::{fetch, retried},
    client::{Client, Repository, Wanted, bounded},
    error::PullError,
    limits::{ARCHIVES_AT_ONCE, INDEX_DEPTH_MAX},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use images::{
    Described, Digest, Document, Downloaded, Imported, Intake, Keep, LayerArchive, Platform,
    Reference, Store,
    limits::{CONFIG_BYTES_MAX, MANIFEST_BYTES_MAX},
};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// OCI's and Docker's manifests and indexes, as registries tell them apart.
const DOCUMENTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";
const ANY: &str = "*/*";

/// Hears how far it is: first of archives that are fetched, then of layers that are unpacked. Calls
/// come from any thread.
pub trait Progress: images::Progress + Send {
    /// So many archives are missing, with so many bytes together.
    fn missing(&self, archives: usize, bytes: u64) {
        let _ = (archives, bytes);
    }

    /// So many more bytes of them are there.
    fn fetched(&self, bytes: u64);
}

/// An image that was pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// What it is called now, and what that means.
    pub imported: Imported,
    /// Bytes of archives that were missing.
    pub fetched: u64,
}

/// What a name leads to.
struct Resolved {
    image: Described,
    /// The document that the name itself leads to, when that is an index.
    index: Option<Digest>,
}

/// Pulls an image: asks its registry what its name means now, fetches what the store does not have,
/// unpacks that and gives the image its name, for so long. Needs root, and Tokio's timer and
/// network.
///
/// Archives that were fetched when it is given up or dropped are gone on with next time. Several at
/// once fetch each archive once, whether in one process or in several.
///
/// # Errors
///
/// [`PullError`].
pub async fn pull(
    client: &Client,
    store: &Arc<Store>,
    name: &Reference,
    keep: Keep,
    platform: &Platform,
    progress: Arc<dyn Progress>,
) -> Result<Pulled, PullError> {
    let repository = Repository::of(name);
    let resolved = resolve(client, &repository, name, platform).await?;
    let store = store.clone();
    let intake = Arc::new(blocking(move || Ok(store.intake()?)).await?);
    let (here, image) = (intake.clone(), Arc::new(resolved.image));
    let wanted = image.clone();
    let mut missing = blocking(move || Ok(here.missing(&wanted)?)).await?;
    // Everybody takes their locks in this order, so that nobody waits in a circle.
    missing.sort_unstable_by_key(|layer| layer.digest);
    let fetched = missing.iter().map(|layer| layer.bytes).sum();
    progress.missing(missing.len(), fetched);
    let archives = fetch_all(client, &repository, &intake, missing, &progress).await?;
    let (name, index) = (name.clone(), resolved.index);
    let imported =
        blocking(move || Ok(intake.add(&image, &name, keep, index, archives, &*progress)?)).await?;
    Ok(Pulled { imported, fetched })
}

/// Through indexes to the documents of this platform's image.
async fn resolve(
    client: &Client,
    repository: &Repository,
    name: &Reference,
    platform: &Platform,
) -> Result<Resolved, PullError> {
    let mut reference = name.digest().or(name.tag()).unwrap_or("latest").to_owned();
    let mut index = None;
    for _ in 0..=INDEX_DEPTH_MAX {
        let bytes = document(client, repository, "manifests", &reference).await?;
        match Document::read(&bytes, platform)? {
            Document::Index { chosen } => {
                index = index.or(Some(Digest::of(&bytes)));
                reference = chosen.to_string();
            }
            Document::Manifest { config } => {
                let config = document(client, repository, "blobs", &config.to_string()).await?;
                return Ok(Resolved { image: Described::new(bytes, config)?, index });
            }
        }
    }
    Err(PullError::TooDeep)
}

/// A document, which has the digest that it was asked for by.
async fn document(
    client: &Client,
    repository: &Repository,
    kind: &'static str,
    reference: &str,
) -> Result<Vec<u8>, PullError> {
    let (accept, what, limit) = match kind {
        "manifests" => (DOCUMENTS, "a manifest", MANIFEST_BYTES_MAX),
        _ => (ANY, "a configuration", CONFIG_BYTES_MAX),
    };
    let wanted = Wanted { kind, reference, accept, from: 0 };
    let bytes = retried(client, || async {
        let response = client.get(repository, wanted).await?;
        bounded(&repository.host, response, what, limit).await
    });
    let bytes = bytes.await?;
    let found = Digest::of(&bytes);
    match reference.parse::<Digest>() {
        Ok(wanted) if wanted != found => {
            Err(PullError::Digest { host: repository.host.clone(), wanted, found })
        }
        _ => Ok(bytes),
    }
}

async fn fetch_all(
    client: &Client,
    repository: &Repository,
    intake: &Arc<Intake>,
    missing: Vec<LayerArchive>,
    progress: &Arc<dyn Progress>,
) -> Result<Vec<Downloaded>, PullError> {
    let begun = stream::iter(missing).then(|layer| {
        let intake = intake.clone();
        blocking(move || Ok((intake.download(&layer)?, layer)))
    });
    let archives = begun.map_ok(|(download, layer)| async move {
        let Some(download) = download else {
            // Somebody else was faster, and has unpacked it.
            progress.fetched(layer.bytes);
            return Ok(None);
        };
        fetch(client, repository, download, progress).await.map(Some)
    });
    let archives: Vec<Option<Downloaded>> =
        archives.try_buffer_unordered(ARCHIVES_AT_ONCE).try_collect().await?;
    Ok(archives.into_iter().flatten().collect())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PullError> + Send + 'static,
) -> Result<T, PullError> {
    spawn_blocking(work).await.unwrap_or(Err(PullError::Interrupted))
}
