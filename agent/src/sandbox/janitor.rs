//! Removes old sandboxes: those of tasks that ended longer ago than the retention, and of the
//! others the oldest when there are too many.

use super::tree::{Sandbox, SandboxTree};
use std::time::{Duration, SystemTime};

const INTERVAL: Duration = Duration::from_secs(60);

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    pub(crate) age: Duration,
    pub(crate) count: usize,
}

/// Tidies up again and again, for ever.
pub(crate) async fn keep_tidy(tree: SandboxTree, age: Duration, count: usize) {
    let retention = Retention { age, count };
    let mut interval = tokio::time::interval(INTERVAL);
    loop {
        interval.tick().await;
        let tree = tree.clone();
        let work = move || tidy(&tree, retention, SystemTime::now());
        if let Ok(Err(error)) = tokio::task::spawn_blocking(work).await {
            tracing::warn!(%error, "cannot look through the sandboxes");
        }
    }
}

fn tidy(tree: &SandboxTree, retention: Retention, now: SystemTime) -> std::io::Result<()> {
    let mut ended: Vec<(SystemTime, Sandbox)> = Vec::new();
    for sandbox in tree.all()? {
        if let Some(at) = sandbox.ended_at()? {
            ended.push((at, sandbox));
        }
    }
    ended.sort_by_key(|(at, _)| *at);
    let too_many = ended.len().saturating_sub(retention.count);
    for (index, (at, sandbox)) in ended.iter().enumerate() {
        let age = now.duration_since(*at).unwrap_or_default();
        if index >= too_many && age < retention.age {
            break;
        }
        match sandbox.remove() {
            Ok(()) => tracing::debug!(path = %sandbox.path.display(), "removed a sandbox"),
            Err(error) => {
                tracing::warn!(path = %sandbox.path.display(), %error, "cannot remove a sandbox");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::tests::Mounted;
    use agent_core::ContainerId;
    use proto::model::{FrameworkId, TaskKey};

    fn key(task: &str) -> TaskKey {
        TaskKey { framework: FrameworkId(1), task: task.parse().unwrap() }
    }

    fn make(tree: &SandboxTree, task: &str) {
        let container = ContainerId::new(&format!("c-{task}")).unwrap();
        // One has no owner, as of an agent that was not told.
        let owner = (task != "a").then(|| "nightly".parse().unwrap());
        tree.create(&key(task), &container, owner.as_ref()).unwrap();
    }

    fn left(tree: &SandboxTree) -> Vec<&'static str> {
        let there = |task: &&str| tree.latest(&key(task)).unwrap().is_some();
        ["a", "b", "c"].into_iter().filter(there).collect()
    }

    #[test]
    fn volumes_are_not_tidied_away_with_a_sandbox() {
        let place = tempfile::tempdir().unwrap();
        let tree = SandboxTree::new(place.path());
        let volume = place.path().join("volumes/volume-1.1/data");
        std::fs::create_dir_all(&volume).unwrap();
        std::fs::write(volume.join("file"), "").unwrap();
        let none = Retention { age: Duration::ZERO, count: 0 };
        // As without isolation.
        make(&tree, "a");
        let sandbox = tree.latest(&key("a")).unwrap().unwrap();
        std::os::unix::fs::symlink(&volume, sandbox.path.join("data")).unwrap();
        tidy(&tree, none, SystemTime::now()).unwrap();
        assert!(left(&tree).is_empty());
        assert!(volume.join("file").exists());
        // As nothing of ours does it where the agent would see it.
        make(&tree, "b");
        let at = tree.latest(&key("b")).unwrap().unwrap().path.join("data");
        std::fs::create_dir(&at).unwrap();
        let test = "volumes_are_not_tidied_away_with_a_sandbox";
        let Some(mounted) = Mounted::bound(test, &volume, &at) else { return };
        tidy(&tree, none, SystemTime::now()).unwrap();
        assert_eq!(left(&tree), ["b"]);
        drop(mounted);
        tidy(&tree, none, SystemTime::now()).unwrap();
        assert!(left(&tree).is_empty());
        assert!(volume.join("file").exists());
    }

    #[test]
    fn age_and_number_decide_and_the_living_stay() {
        let place = tempfile::tempdir().unwrap();
        let tree = SandboxTree::new(place.path());
        for task in ["a", "b", "c"] {
            make(&tree, task);
        }
        std::fs::create_dir_all(place.path().join("run/c-c")).unwrap();
        let day = Duration::from_secs(86_400);
        let now = SystemTime::now();
        tidy(&tree, Retention { age: day, count: 10 }, now).unwrap();
        assert_eq!(left(&tree), ["a", "b", "c"]);
        // `b` is marked as the younger one.
        let marker = place.path().join("sandboxes/framework-1/b/c-b.ended");
        std::fs::File::open(marker).unwrap().set_modified(now + day).unwrap();
        tidy(&tree, Retention { age: 10 * day, count: 1 }, now).unwrap();
        assert_eq!(left(&tree), ["b", "c"], "the oldest makes room");
        assert!(!place.path().join("sandboxes/framework-1/a").exists());
        tidy(&tree, Retention { age: day, count: 10 }, now + 3 * day).unwrap();
        assert_eq!(left(&tree), ["c"], "only what has ended grows old");
        std::fs::remove_dir(place.path().join("run/c-c")).unwrap();
        tidy(&tree, Retention { age: Duration::ZERO, count: 10 }, now + 3 * day).unwrap();
        assert!(left(&tree).is_empty());
        assert!(!place.path().join("sandboxes/framework-1").exists());
    }
}
