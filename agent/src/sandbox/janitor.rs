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
