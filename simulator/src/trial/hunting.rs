//! The hunts of the mutation check, in builds that can have bugs planted: seeds on several threads
//! until the first that finds the bug, which is the same whoever was faster.

use super::{
    Failure, Scenario, Watch,
    attempt::attempt,
    planted::{Bug, Find, Hunt, Hunted},
};
use proto::planted::plant;
use std::{
    collections::BTreeMap,
    sync::{
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

/// Runs a scenario with a bug; what it finds that is not there without the bug.
pub fn find(bug: Bug, scenario: &Scenario) -> Option<Failure> {
    plant(Some(bug));
    let outcome = attempt(scenario, Watch::Oracles);
    plant(None);
    let failure = outcome.err()?;
    attempt(scenario, Watch::Oracles).is_ok().then_some(failure)
}

impl Hunt {
    /// Searches until the first trial in the order that finds the bug; `tried` hears of each that
    /// has ended, in any order.
    pub fn run(&self, mut tried: impl FnMut()) -> Hunted {
        // Those behind one that found it need not begin; those before it decide which is first.
        let (next, end) = (AtomicU64::new(0), AtomicU64::new(self.seeds));
        let mut found = BTreeMap::new();
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel(self.jobs.max(1));
            for _ in 0..self.jobs.max(1) {
                let (sender, next, end) = (sender.clone(), &next, &end);
                scope.spawn(move || {
                    loop {
                        let place = next.fetch_add(1, Relaxed);
                        if place >= end.load(Relaxed) {
                            return;
                        }
                        let (preset, seed) = self.trial(place);
                        let failure = find(self.bug, &preset.draw(seed));
                        if failure.is_some() {
                            end.fetch_min(place, Relaxed);
                        }
                        let find = failure.map(|failure| Find { preset, seed, failure });
                        if sender.send((place, find)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (place, find) in receiver {
                tried();
                found.extend(find.map(|find| (place, find)));
            }
        });
        let first = found.pop_first();
        Hunted {
            bug: self.bug,
            tried: first.as_ref().map_or(self.seeds, |(place, _)| place + 1),
            found: first.map(|(_, find)| find),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::Preset;

    /// Bugs of three rooms that the first trials meet.
    #[test]
    fn bugs_that_are_planted_are_found() {
        for bug in [Bug::MessageBeforeWrite, Bug::UpdateConfirmedEarly, Bug::ActsBeforeJournal] {
            let hunt = Hunt { bug, preset: Some(Preset::Quick), seeds: 6, jobs: 2 };
            let hunted = hunt.run(|| {});
            assert!(hunted.found.is_some(), "{hunted:?}");
        }
    }
}
