//! Takes images away that no task uses: those that are idle for long, and when the disk fills, of
//! the others those that are idle for longest.
//!
//! Only what the agent pulled for its tasks goes; what somebody put there by hand stays. It looks
//! again and again and remembers nothing. What is in use the store knows.

use super::Images;
use crate::metrics::{self, RemovedFor};
use images::{Idle, Store, StoreError};
use rustix::io::Errno;
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

const INTERVAL: Duration = Duration::from_secs(60);
/// Nothing goes between the end of its pull and the beginning of the task that it is for.
const IDLE_MIN: Duration = Duration::from_secs(120);
/// How long an archive waits for somebody to go on with it.
const ARCHIVES_FOR: Duration = Duration::from_secs(24 * 3_600);
/// Where room is made, so much is made, in hundredths of the disk.
const MARGIN_PERCENT: u64 = 5;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// How long an image may be idle.
    pub(crate) age: Duration,
    /// How full the disk may be, in hundredths.
    pub(crate) disk_percent: u64,
}

/// Keeps room, for ever.
pub(crate) async fn keep_room(images: Arc<Images>, retention: Retention) {
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        interval.tick().await;
        let images = images.clone();
        let work = move || match images.there()? {
            Some(store) => {
                let fullness = || fullness(&images.root);
                make_room(&store, retention, SystemTime::now(), &fullness)
            }
            None => Ok(()),
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(work).await {
            let error = edge::errors::chain(&error);
            tracing::warn!(error, "cannot take images away that are not used");
        }
    }
}

/// Hundredths of a disk that are used, as `df` counts them.
fn fullness(path: &Path) -> Result<u64, StoreError> {
    let failed = |source: Errno| StoreError::File { path: path.to_owned(), source: source.into() };
    let disk = rustix::fs::statvfs(path).map_err(failed)?;
    let used = disk.f_blocks.saturating_sub(disk.f_bfree);
    let all = used.saturating_add(disk.f_bavail).max(1);
    Ok(used.saturating_mul(100).div_ceil(all))
}

fn make_room(
    store: &Store,
    retention: Retention,
    now: SystemTime,
    fullness: &dyn Fn() -> Result<u64, StoreError>,
) -> Result<(), StoreError> {
    let idle_for = |image: &Idle| now.duration_since(image.since).unwrap_or_default();
    let idle = store.idle()?.into_iter().filter(|image| idle_for(image) >= IDLE_MIN);
    let (old, others): (Vec<Idle>, Vec<Idle>) =
        idle.partition(|image| idle_for(image) >= retention.age);
    for image in old {
        remove(store, &image, RemovedFor::Age)?;
    }
    // Also what was in use when its name went.
    if store.try_collect(ARCHIVES_FOR)?.is_none() {
        return Ok(());
    }
    if fullness()? <= retention.disk_percent {
        return Ok(());
    }
    for image in others {
        remove(store, &image, RemovedFor::Space)?;
        let is_done = store.try_collect(ARCHIVES_FOR)?.is_none()
            || fullness()? <= retention.disk_percent.saturating_sub(MARGIN_PERCENT);
        if is_done {
            break;
        }
    }
    Ok(())
}

fn remove(store: &Store, image: &Idle, why: RemovedFor) -> Result<(), StoreError> {
    match store.remove(&image.record.name) {
        Ok(()) => {
            metrics::image_removed(why);
            let name = image.record.name.whole();
            tracing::info!(image = name, why = why.name(), "an image that is not used goes");
            Ok(())
        }
        // An operator was faster.
        Err(StoreError::Unknown { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use images::{Described, Digest, Imported, Keep, Reference};
    use serde_json::json;
    use std::cell::Cell;

    const DAY: Duration = Duration::from_secs(24 * 3_600);
    const RETENTION: Retention = Retention { age: DAY, disk_percent: 85 };

    /// An image without layers, which takes nobody who is root.
    fn add(store: &Arc<Store>, name: &str, keep: Keep) -> Imported {
        let config = json!({
            "architecture": "amd64", "os": "linux", "author": name,
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        let config = config.to_string().into_bytes();
        let manifest = json!({
            "schemaVersion": 2, "layers": [],
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": Digest::of(&config).to_string(), "size": config.len(),
            },
        });
        let image = Described::new(manifest.to_string().into_bytes(), config).unwrap();
        let name: Reference = name.parse().unwrap();
        store.intake().unwrap().add(&image, &name, keep, None, Vec::new(), &()).unwrap()
    }

    fn set_last_use(place: &Path, store: &Store, name: &str, at: SystemTime) {
        let image = store.image(&name.parse().unwrap()).unwrap();
        let blob = place.join("images/blobs").join(image.digest.hex());
        std::fs::File::open(blob).unwrap().set_modified(at).unwrap();
    }

    /// Used in this order; `kept` was put there by hand.
    fn store(place: &Path) -> Arc<Store> {
        let store = Arc::new(Store::open(&place.join("images")).unwrap());
        for name in ["c", "b", "a"] {
            add(&store, name, Keep::WhileUsed);
        }
        add(&store, "kept", Keep::UntilRemoved);
        for (name, seconds) in [("a", 0), ("b", 10), ("c", 20)] {
            set_last_use(place, &store, name, after(seconds));
        }
        store
    }

    fn names(store: &Store) -> Vec<String> {
        let records = store.list().unwrap();
        records.iter().map(|record| record.name.repository().replace("library/", "")).collect()
    }

    /// A disk that is fuller by two hundredths for each image that may go.
    fn fullness(store: &Store) -> Result<u64, StoreError> {
        Ok(80 + 2 * u64::try_from(store.list()?.len()).unwrap())
    }

    fn after(seconds: u64) -> SystemTime {
        SystemTime::now() + Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_idle_for_long_goes() {
        let place = tempfile::tempdir().unwrap();
        let store = store(place.path());
        let roomy = || Ok(0);
        make_room(&store, RETENTION, after(3_600), &roomy).unwrap();
        assert_eq!(names(&store), ["a", "b", "c", "kept"]);
        store.hold("container", &store.image(&"a".parse().unwrap()).unwrap()).unwrap();
        let day = DAY.as_secs();
        make_room(&store, RETENTION, after(day + 15), &roomy).unwrap();
        assert_eq!(names(&store), ["a", "c", "kept"], "what is used does not grow old");
        store.release("container").unwrap();
        make_room(&store, RETENTION, after(day - 60), &roomy).unwrap();
        assert_eq!(names(&store), ["a", "c", "kept"], "its age counts from its last use");
        make_room(&store, RETENTION, after(2 * day), &roomy).unwrap();
        assert_eq!(names(&store), ["kept"]);
    }

    #[test]
    fn whoever_lets_an_image_go_has_used_it() {
        let place = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&place.path().join("images")).unwrap());
        add(&store, "a", Keep::WhileUsed);
        store.hold("container", &store.image(&"a".parse().unwrap()).unwrap()).unwrap();
        set_last_use(place.path(), &store, "a", SystemTime::UNIX_EPOCH);
        assert_eq!(store.idle().unwrap(), [], "it is used");
        let before = SystemTime::now();
        store.release("container").unwrap();
        assert!(store.idle().unwrap()[0].since >= before);
    }

    #[test]
    fn when_the_disk_fills_what_is_idle_for_longest_goes_first() {
        let place = tempfile::tempdir().unwrap();
        let store = store(place.path());
        let fullness = || fullness(&store);
        make_room(&store, RETENTION, after(60), &fullness).unwrap();
        assert_eq!(names(&store).len(), 4, "a task may be about to use it");
        let retention = Retention { disk_percent: 88, ..RETENTION };
        make_room(&store, retention, after(3_600), &fullness).unwrap();
        assert_eq!(names(&store).len(), 4, "it is as full as it may be");
        let retention = Retention { disk_percent: 87, ..RETENTION };
        store.hold("container", &store.image(&"a".parse().unwrap()).unwrap()).unwrap();
        make_room(&store, retention, after(3_600), &fullness).unwrap();
        assert_eq!(names(&store), ["a", "kept"], "down to 82, but for what is used");
        store.release("container").unwrap();
        make_room(&store, RETENTION, after(3_600), &|| Ok(100)).unwrap();
        assert_eq!(names(&store), ["kept"]);
    }

    #[test]
    fn whoever_adds_an_image_is_not_waited_for() {
        let place = tempfile::tempdir().unwrap();
        let store = store(place.path());
        let used = store.image(&"kept".parse().unwrap()).unwrap();
        let asked = Cell::new(0);
        let fullness = || {
            asked.set(asked.get() + 1);
            Ok(100)
        };
        make_room(&store, RETENTION, after(3_600), &fullness).unwrap();
        assert_eq!((names(&store).len(), asked.get()), (4, 0), "next time");
        drop(used);
        make_room(&store, RETENTION, after(3_600), &fullness).unwrap();
        assert_eq!(names(&store), ["kept"]);
    }
}
