//! Instances that the role's quota holds back: ready, but not to be asked for again at once.
//!
//! They wait until something of this job ends, which makes room under the same limit, or for a
//! while, since others' tasks end as well. It is nobody's fault and counts as no attempt.

use super::{InstanceId, Outcome, Phase, Progress, Queue};
use bourse_sdk::model::{Duration, Instant};

/// How long to wait for others to make room.
const PAUSE: Duration = Duration::from_seconds(2);

impl Queue {
    /// The launch did not happen, because the role may not use so much.
    pub fn hold_back(&mut self, now: Instant, id: InstanceId) -> Vec<Progress> {
        let news = self.news(id);
        if self.instance(id).phase != Phase::Launching {
            return Vec::new();
        }
        self.by_task.remove(&news.task);
        if self.is_stopping {
            return self.end(now, id, Outcome::Skipped, "the job was stopped");
        }
        self.instance_mut(id).take_back();
        self.delay(id, now + PAUSE);
        self.held.insert(id);
        Vec::new()
    }

    /// There is room again.
    pub(super) fn release_held(&mut self) {
        for id in std::mem::take(&mut self.held) {
            if let Phase::Delayed(at) = self.instance(id).phase {
                self.delayed.remove(&(at, id));
                self.make_ready(id);
            }
        }
    }
}
