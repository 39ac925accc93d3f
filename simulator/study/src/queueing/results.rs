//! What is measured, each as the Omega paper's simulator defines it, but exactly: means over time
//! are integrals, not samples.

use crate::{
    cell::{MachineId, RequestId, Taken},
    level::Level,
    measures::Measures,
    times::Times,
};
use simulator::engine::{Digest, Time};
use traces::model::Class;

/// Numbers of a run.
#[derive(Debug)]
pub(super) struct Results {
    /// Cores in use, in thousandths.
    pub(super) used: Level,
    /// Cores held by offers, in thousandths.
    pub(super) locked: Level,
    pub(super) events: u64,
    /// Since when is counted.
    from: Time,
    /// All schedulers.
    pub(super) schedulers: u64,
    /// All cores, in thousandths.
    pub(super) capacity: u128,
    classes: [OfClass; 2],
    digest: Digest,
}

/// Numbers of the jobs of a class, and of those who decide about them.
#[derive(Debug, Default)]
pub(super) struct OfClass {
    pub(super) placed: u64,
    pub(super) abandoned: u64,
    /// Left in a queue at the end.
    pub(super) left: u64,
    /// From the arrival to the start of the first decision.
    pub(super) waits: Times,
    /// In queues, all together, of jobs that were wholly placed.
    pub(super) waits_full: Times,
    /// Time of decisions that placed something without a conflict.
    pub(super) useful: Time,
    /// Time of decisions that met a conflict.
    pub(super) wasted: Time,
    /// Commits that met a conflict.
    pub(super) conflicts: u64,
    /// Schedulers that share the time.
    pub(super) schedulers: u64,
}

impl Results {
    pub(super) fn new(capacity: u128) -> Self {
        Self {
            used: Level::default(),
            locked: Level::default(),
            events: 0,
            from: Time::ZERO,
            schedulers: 1,
            capacity,
            classes: Default::default(),
            digest: Digest::new(),
        }
    }

    pub(super) fn of(&mut self, class: Class) -> &mut OfClass {
        &mut self.classes[class as usize]
    }

    /// Tasks are placed.
    pub(super) fn happens(&mut self, now: Time, request: RequestId, places: &[(MachineId, Taken)]) {
        self.digest.add(&[now.0, request.into(), places.len() as u64]);
        places.iter().for_each(|(machine, _)| self.digest.add(&[(*machine).into()]));
    }

    /// What happened before a moment is not measured.
    pub(super) fn count_from(&mut self, at: Time) {
        self.from = at;
        for level in [&mut self.used, &mut self.locked] {
            level.count_from(at);
        }
        for of in &mut self.classes {
            *of = OfClass { schedulers: of.schedulers, ..OfClass::default() };
        }
    }

    /// Of what has happened so far.
    pub(super) fn digest(&self) -> u64 {
        self.digest.value()
    }

    pub(super) fn end(&mut self, until: Time) {
        for level in [&mut self.used, &mut self.locked] {
            level.end(until);
        }
    }

    /// By name: times in seconds, the rest in parts of one or counts.
    pub(super) fn measures(&mut self, until: Time) -> Measures {
        // From here on it is how long was counted.
        let until = Time(until.0.saturating_sub(self.from.0));
        let mut measures = Measures { digest: self.digest.value(), ..Measures::default() };
        let scalars = &mut measures.scalars;
        scalars.insert("cpus-used".to_owned(), self.used.mean(until, self.capacity));
        scalars.insert("cpus-locked".to_owned(), self.locked.mean(until, self.capacity));
        scalars.insert("events".to_owned(), self.events as f64);
        let decided: u64 = self.classes.iter().map(|of| (of.useful + of.wasted).0).sum();
        let schedulers = self.schedulers.max(1) as f64;
        scalars.insert("busy".to_owned(), decided as f64 / (until.0.max(1) as f64 * schedulers));
        let left: u64 = self.classes.iter().map(|of| of.left).sum();
        scalars.insert("left".to_owned(), left as f64);
        let names = [BATCH, SERVICE];
        for (of, names) in self.classes.iter_mut().zip(names) {
            let share =
                |time: Time| time.0 as f64 / (until.0.max(1) as f64 * of.schedulers.max(1) as f64);
            let per_job = |count: u64| count as f64 / of.placed.max(1) as f64;
            let numbers = [
                Some(share(of.useful + of.wasted)),
                Some(share(of.wasted)),
                Some(per_job(of.conflicts)),
                Some(of.placed as f64),
                Some(of.abandoned as f64),
                Some(of.left as f64),
                of.waits.mean(),
                of.waits.quantile(0.9),
                of.waits_full.mean(),
            ];
            let named = names.into_iter().zip(numbers);
            scalars.extend(named.filter_map(|(name, number)| Some((name.to_owned(), number?))));
        }
        measures
    }
}

const BATCH: [&str; 9] = [
    "batch-busy",
    "batch-wasted",
    "batch-conflicts",
    "batch-placed",
    "batch-abandoned",
    "batch-left",
    "batch-wait",
    "batch-wait-p90",
    "batch-wait-full",
];
const SERVICE: [&str; 9] = [
    "service-busy",
    "service-wasted",
    "service-conflicts",
    "service-placed",
    "service-abandoned",
    "service-left",
    "service-wait",
    "service-wait-p90",
    "service-wait-full",
];
