//! From a scenario that fails to a small one that fails alike: fewer faults, then fewer hosts and
//! tasks, then a quieter world, then less time.
//!
//! Faults are taken out by halves, quarters and so on (delta debugging: Zeller and Hildebrandt,
//! "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 2002). A smaller scenario is
//! another run, so that every step is tried and kept only if the same place complains.

use super::{Failure, Options, Scenario, Watch, attempt::attempt, scenario::PlannedFault};

/// A scenario that fails, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minimal {
    /// The smallest that was found.
    pub scenario: Scenario,
    /// What it fails with.
    pub failure: Failure,
    /// Runs that this took.
    pub runs: u64,
}

/// Makes a failing scenario smaller; `None` when it does not fail. `step` hears of the number of
/// runs and of planned faults left.
pub fn minimise(scenario: &Scenario, mut step: impl FnMut(u64, usize)) -> Option<Minimal> {
    let failure = attempt(scenario, Watch::Oracles).err()?;
    let mut search = Search { best: scenario.clone(), failure, runs: 1, step: &mut step };
    search.cut_time();
    search.fewer_faults();
    search.smaller_world();
    search.fewer_faults();
    search.cut_time();
    Some(Minimal { scenario: search.best, failure: search.failure, runs: search.runs })
}

struct Search<'a> {
    best: Scenario,
    failure: Failure,
    runs: u64,
    step: &'a mut dyn FnMut(u64, usize),
}

impl Search<'_> {
    /// Keeps a scenario if it fails alike.
    fn keep(&mut self, scenario: Scenario) -> bool {
        self.runs += 1;
        (self.step)(self.runs, self.best.faults.len());
        match attempt(&scenario, Watch::Oracles) {
            Err(failure) if failure.is_like(&self.failure) => {
                (self.best, self.failure) = (scenario, failure);
                true
            }
            Err(_) | Ok(_) => false,
        }
    }

    /// Whatever is planned behind the failure does nothing for it.
    fn cut_time(&mut self) {
        let last = self.failure.at_ms;
        let mut shorter = self.best.clone();
        shorter.faults.retain(|fault| fault.at_ms <= last);
        shorter.options.faults_for_ms = shorter.options.faults_for_ms.min(last + 1);
        if shorter != self.best {
            self.keep(shorter);
        }
    }

    fn fewer_faults(&mut self) {
        let mut size = self.best.faults.len().div_ceil(2);
        while size > 0 {
            let mut first = 0;
            let mut removed = false;
            while first < self.best.faults.len() {
                let end = (first + size).min(self.best.faults.len());
                let mut faults: Vec<PlannedFault> = self.best.faults.clone();
                faults.drain(first..end);
                match self.keep(Scenario { faults, ..self.best.clone() }) {
                    true => removed = true,
                    false => first = end,
                }
            }
            size = match (size, removed) {
                (1, true) => 1,
                (size, _) => size / 2,
            };
        }
    }

    fn smaller_world(&mut self) {
        let quieter: [fn(&mut Options); 10] = [
            |options| options.agents = options.agents.div_ceil(2),
            |options| options.frameworks = options.frameworks.div_ceil(2),
            |options| options.tasks_per_framework = options.tasks_per_framework.div_ceil(2),
            |options| options.masters = options.masters.min(3),
            |options| options.loss_per_mille = 0,
            |options| options.duplicate_per_mille = 0,
            |options| options.wishes = false,
            |options| options.role_changes = false,
            |options| options.groups_per_mille = 0,
            |options| options.volumes = false,
        ];
        for change in quieter {
            loop {
                let mut scenario = self.best.clone();
                change(&mut scenario.options);
                if scenario == self.best || !self.keep(scenario) {
                    break;
                }
            }
        }
    }
}
