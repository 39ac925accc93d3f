//! One archive from a registry into its file, however often the connection breaks.

use crate::{
    client::{Client, Repository, Wanted, unreachable},
    error::PullError,
    limits::{PIECES_MAX, TRIES_MAX},
    pull::Progress,
};
use bytes::Bytes;
use images::{Download, Downloaded, LayerArchive, StoreError};
use reqwest::{Response, StatusCode, header::CONTENT_RANGE};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::spawn_blocking};

/// Whatever it is: nothing of an archive's type matters but its digest.
const ANY: &str = "*/*";

/// Fetches what is missing of an archive.
pub(crate) async fn fetch(
    client: &Client,
    repository: &Repository,
    mut download: Download,
    progress: &Arc<dyn Progress>,
) -> Result<Downloaded, PullError> {
    // What was there before may be what is wrong; what was fetched by this call alone is not.
    let mut went_on = download.have() > 0;
    progress.fetched(download.have());
    loop {
        let (mut tries, mut most) = (Tries::new(client), download.have());
        while download.have() < download.layer().bytes {
            let (there, result) = once(client, repository, download, progress).await?;
            download = there;
            // What came before and was forgotten brings nobody on.
            if download.have() > most {
                most = download.have();
                tries = Tries::new(client);
            }
            if let Err(error) = result {
                tries.again(error).await?;
            }
        }
        let checked = spawn_blocking(move || (download.check(), download));
        let (result, there) = checked.await.map_err(|_| PullError::Interrupted)?;
        download = there;
        match result {
            Ok(()) => return Ok(download.finish()),
            Err(error @ StoreError::Digest { .. }) if went_on => {
                let digest = download.layer().digest;
                tracing::info!(%digest, %error, "an archive is fetched anew");
                went_on = false;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// One request. The archive comes back with what came of it.
async fn once(
    client: &Client,
    repository: &Repository,
    mut download: Download,
    progress: &Arc<dyn Progress>,
) -> Result<(Download, Result<(), PullError>), PullError> {
    let LayerArchive { number, digest, bytes, .. } = download.layer().clone();
    let (reference, from) = (digest.to_string(), download.have());
    let wanted = Wanted { kind: "blobs", reference: &reference, accept: ANY, from };
    let response = match client.get(repository, wanted).await {
        Ok(response) => response,
        Err(PullError::Status { status: 416, .. }) if from > 0 => {
            download.restart()?;
            let host = repository.host.clone();
            return Ok((download, Err(PullError::Short { host, number, have: 0, bytes })));
        }
        Err(error) => return Ok((download, Err(error))),
    };
    if from > 0 && !goes_on(&response, from) {
        download.restart()?;
    }
    let (download, result) = receive(repository, response, download, progress).await?;
    let have = download.have();
    let short = || PullError::Short { host: repository.host.clone(), number, have, bytes };
    let result = result.and_then(|()| if have < bytes { Err(short()) } else { Ok(()) });
    Ok((download, result))
}

/// Whether an answer begins where the archive ends.
fn goes_on(response: &Response, from: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let begins = range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")));
    response.status() == StatusCode::PARTIAL_CONTENT && begins
}

/// Pieces are written by a thread, which ends with the sender, whoever drops it.
async fn receive(
    repository: &Repository,
    mut response: Response,
    mut download: Download,
    progress: &Arc<dyn Progress>,
) -> Result<(Download, Result<(), PullError>), PullError> {
    let (sender, mut pieces) = mpsc::channel::<Bytes>(PIECES_MAX);
    let heard = progress.clone();
    let writer = spawn_blocking(move || {
        while let Some(piece) = pieces.blocking_recv() {
            if let Err(error) = download.append(&piece) {
                return (download, Err(error));
            }
            heard.fetched(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        }
        (download, Ok(()))
    });
    let received = loop {
        let piece = match response.chunk().await {
            Ok(Some(piece)) => piece,
            Ok(None) => break Ok(()),
            Err(error) => break Err(unreachable(&repository.host, error)),
        };
        // Nobody listens any more when it cannot be written, which the writer says itself.
        if sender.send(piece).await.is_err() {
            break Ok(());
        }
    };
    drop(sender);
    let (download, written) = writer.await.map_err(|_| PullError::Interrupted)?;
    Ok((download, written.map_err(PullError::from).and(received)))
}

/// Tries in a row that brought nothing.
#[derive(Debug)]
struct Tries {
    number: u32,
    pause: Duration,
}

impl Tries {
    fn new(client: &Client) -> Self {
        Self { number: 0, pause: client.patience().pause }
    }

    /// After a failure: waits, or gives up.
    async fn again(&mut self, error: PullError) -> Result<(), PullError> {
        if !error.is_transient() {
            return Err(error);
        }
        self.number += 1;
        if self.number >= TRIES_MAX {
            return Err(PullError::GivenUp(Box::new(error)));
        }
        tracing::debug!(%error, tries = self.number, "a registry is asked again");
        tokio::time::sleep(self.pause).await;
        self.pause *= 2;
        Ok(())
    }
}

/// Does something until it succeeds, or fails for good.
pub(crate) async fn retried<T, F>(
    client: &Client,
    mut work: impl FnMut() -> F,
) -> Result<T, PullError>
where
    F: Future<Output = Result<T, PullError>>,
{
    let mut tries = Tries::new(client);
    loop {
        match work().await {
            Err(error) => tries.again(error).await?,
            done => return done,
        }
    }
}
