//! Pulls of images that tasks name and the store does not have.
//!
//! All tasks that wait for one name wait for one pull, and get what becomes of it. It belongs to
//! those who wait: when the last of them is stopped, it ends, and the next one goes on with what it
//! had. How a registry is spoken to, the crate `registry` knows.

use super::Images;
use crate::{containers::reports::failed, metrics};
use agent_core::{FailureKind, LaunchFailure};
use edge::errors::chain;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use images::{Keep, Platform, Reference};
use proto::model::limits::IMAGE_PULLS_AT_ONCE;
use registry::{Access, AccessError, Client, Progress, PullError, Pulled};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, time::timeout};

/// Somebody's wait for a pull, or the pull itself.
type Pull = BoxFuture<'static, Result<(), LaunchFailure>>;

/// The pulls of one agent.
#[derive(Debug)]
pub(super) struct Pulls {
    access: Access,
    /// How long one may take once it has begun.
    patience: Duration,
    /// Made when the first image is pulled: most agents pull none.
    client: OnceLock<Arc<Client>>,
    at_once: Semaphore,
    /// By whole name; those for which nobody waits are dead.
    under_way: Mutex<BTreeMap<String, WeakShared<Pull>>>,
}

/// Counts what comes.
struct Counted;

impl Pulls {
    pub(super) fn new(access: Access, patience: Duration) -> Self {
        let (client, under_way) = (OnceLock::new(), Mutex::default());
        let at_once = Semaphore::new(IMAGE_PULLS_AT_ONCE);
        Self { access, patience, client, at_once, under_way }
    }

    /// The client of registries.
    pub(super) fn client(&self) -> Result<&Arc<Client>, AccessError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let made = Arc::new(Client::new(self.access.clone())?);
        Ok(self.client.get_or_init(|| made))
    }

    /// The pull of this name that is under way, or a new one.
    fn of(&self, name: &Reference, begin: impl FnOnce() -> Pull) -> Shared<Pull> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|_, pull| pull.upgrade().is_some());
        if let Some(pull) = under_way.get(&name.whole()).and_then(WeakShared::upgrade) {
            return pull;
        }
        let pull = begin().shared();
        let weak = pull.downgrade().expect("a future that nobody has polled is not done");
        under_way.insert(name.whole(), weak);
        pull
    }
}

impl Images {
    /// Until the store has this image, or it is known why it cannot have it. Waiting may be given
    /// up at any time.
    pub(super) async fn pull(self: Arc<Self>, name: Reference) -> Result<(), LaunchFailure> {
        let (images, wanted) = (self.clone(), name.clone());
        self.pulls.of(&name, || async move { images.pull_alone(&wanted).await }.boxed()).await
    }

    async fn pull_alone(&self, name: &Reference) -> Result<(), LaunchFailure> {
        let whole = name.whole();
        let unavailable = |why: String| {
            metrics::pull_failed();
            tracing::warn!(image = %whole, why, "cannot pull an image");
            failed(FailureKind::Image, format!("cannot pull the image {whole}: {why}"))
        };
        let _permit = self.pulls.at_once.acquire().await.expect("it is never closed");
        let began = Instant::now();
        tracing::info!(image = %whole, "pulling an image");
        match timeout(self.pulls.patience, self.fetch(name)).await {
            Ok(Ok(Pulled { imported, fetched })) => {
                metrics::pulled(began.elapsed());
                let digest = imported.record.digest;
                tracing::info!(image = %whole, %digest, fetched, "pulled an image");
                Ok(())
            }
            Ok(Err(error)) => Err(unavailable(chain(&error))),
            Err(_) => {
                let seconds = self.pulls.patience.as_secs();
                Err(unavailable(format!(
                    "it did not come within {seconds} s, which is image_pull_timeout_s; the next \
                     attempt goes on from there"
                )))
            }
        }
    }

    async fn fetch(&self, name: &Reference) -> Result<Pulled, PullError> {
        let client = self.pulls.client()?.clone();
        let store = self.open()?;
        let (keep, platform) = (Keep::WhileUsed, Platform::of_host());
        registry::pull(&client, &store, name, keep, &platform, Arc::new(Counted)).await
    }
}

impl Progress for Counted {
    fn fetched(&self, bytes: u64) {
        metrics::fetched(bytes);
    }
}

impl images::Progress for Counted {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::oneshot;

    fn pulls() -> Pulls {
        Pulls::new(Access::default(), Duration::from_secs(1))
    }

    fn name(text: &str) -> Reference {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn all_who_wait_for_a_name_wait_for_one_pull() {
        let (pulls, begun) = (pulls(), Arc::new(AtomicUsize::new(0)));
        let (sender, receiver) = oneshot::channel::<()>();
        let receiver = receiver.shared();
        let begin = || {
            let (begun, receiver) = (begun.clone(), receiver.clone());
            move || -> Pull {
                begun.fetch_add(1, Ordering::Relaxed);
                async move {
                    let _ = receiver.await;
                    Err(failed(FailureKind::Image, "no such image"))
                }
                .boxed()
            }
        };
        let (first, second) = (pulls.of(&name("a:1"), begin()), pulls.of(&name("a:1"), begin()));
        let other = pulls.of(&name("a:2"), begin());
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        drop(first);
        sender.send(()).unwrap();
        let expected = Err(failed(FailureKind::Image, "no such image"));
        assert_eq!((second.await, other.await), (expected.clone(), expected));
        drop(pulls.of(&name("a:1"), begin()));
        assert_eq!(begun.load(Ordering::Relaxed), 3, "nobody waits: it is tried again");
    }

    #[tokio::test]
    async fn a_pull_ends_with_the_last_who_waits() {
        let pulls = pulls();
        let (sender, receiver) = oneshot::channel::<()>();
        let begin = || -> Pull {
            async move {
                let _ = receiver.await;
                Ok(())
            }
            .boxed()
        };
        let first = pulls.of(&name("a:1"), begin);
        let second = pulls.of(&name("a:1"), || unreachable!("it is under way"));
        drop(first);
        assert!(!sender.is_closed());
        drop(second);
        assert!(sender.is_closed());
    }
}
