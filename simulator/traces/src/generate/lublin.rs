//! The model of U. Lublin and D. G. Feitelson, "The workload on parallel supercomputers: modeling
//! the characteristics of rigid jobs", Journal of Parallel and Distributed Computing 63 (2003),
//! with its parameters for jobs of all kinds.
//!
//! A job is serial, or has 2^x processors, where x is of two uniform distributions and often made
//! whole. The logarithm of how long it runs is of one of two gamma distributions, the larger the
//! job the more often of the second. The logarithm of the time to the next job is of a gamma
//! distribution too; that time is paid at the price of the half-hours it passes, which follow a
//! daily cycle. Other generators of the same model draw other numbers of the same distributions.

use super::{
    distribution::rounded,
    gamma::{gamma, share_below},
};
use crate::{
    chance::Chance,
    error::ReadError,
    model::{Arrival, Kind, Names},
    reader::{Arrivals, Aside, Step},
};
use std::num::NonZeroU32;

/// Half-hours of a day.
const SLOTS: usize = 48;
const SLOT_S: f64 = 1_800.0;
/// The daily cycle is described from this slot on.
const FIRST_SLOT: usize = 11;
/// Share of serial jobs, and of others with a power of two of processors.
const SERIAL: f64 = 0.244;
const POWERS: f64 = 0.576;
/// The two uniform distributions of the logarithm of processors: from here to 2.5 below the largest
/// with this chance, else to the largest.
const LOW: f64 = 0.8;
const BELOW: f64 = 2.5;
const SMALLER: f64 = 0.86;
/// Shapes and scales of the logarithm of how long jobs run.
const RUN: [(f64, f64); 2] = [(4.2, 0.94), (312.0, 0.03)];
/// The chance of the first of them: slope over processors, and intercept.
const FIRST_RUN: (f64, f64) = (-0.0054, 0.78);
/// exp(12) s are two days: longer runs are drawn again.
const LOG_RUN_MAX: f64 = 12.0;
/// Shape and scale of the logarithm of the time between jobs, for the whole day.
const BETWEEN: (f64, f64) = (10.2303 * 1.0225, 0.4871);
const LOG_BETWEEN_MAX: f64 = 13.0;
/// Shape and scale of jobs over the day.
const CYCLE: (f64, f64) = (8.1737, 3.9631);

struct Lublin {
    jobs: u64,
    job: u64,
    log_processors: f64,
    weights: [f64; SLOTS],
    arrivals: Chance,
    sizes: Chance,
    runs: Chance,
    slot: usize,
    /// Slots that are over.
    slots: u64,
    points: f64,
}

/// So many jobs for a machine of so many processors, which begin at midnight. A job is a gang of
/// tasks of one core.
pub fn lublin(processors: NonZeroU32, jobs: u64, seed: u64, names: Names) -> Arrivals {
    let step = Lublin {
        jobs,
        job: 0,
        log_processors: libm::log2(f64::from(processors.get())),
        weights: weights(),
        arrivals: Chance::new(seed, "lublin/arrivals"),
        sizes: Chance::new(seed, "lublin/sizes"),
        runs: Chance::new(seed, "lublin/runs"),
        slot: 0,
        slots: 0,
        points: 0.0,
    };
    Arrivals::new(step, names)
}

/// What each half-hour of the day costs, 1 in the mean.
fn weights() -> [f64; SLOTS] {
    let mut weights = [0.0; SLOTS];
    for at in FIRST_SLOT..FIRST_SLOT + SLOTS {
        let below = |end: f64| share_below(end, CYCLE.0, CYCLE.1);
        weights[(at - 1) % SLOTS] = below(at as f64 + 0.5) - below(at as f64 - 0.5);
    }
    let mean = weights.iter().sum::<f64>() / SLOTS as f64;
    weights.map(|weight| weight / mean)
}

impl Step<Arrival> for Lublin {
    fn next(&mut self, _: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        if self.job == self.jobs {
            return Ok(None);
        }
        let mut job = Arrival::new(self.job);
        self.job += 1;
        job.submit_ns = self.next_ns();
        job.tasks = self.processors();
        job.gang = job.tasks > 1;
        job.each[Kind::Cpus] = 1_000;
        job.duration_ns = Some(self.run_ns(job.tasks));
        Ok(Some(job))
    }
}

impl Lublin {
    /// When the next job comes.
    fn next_ns(&mut self) -> u64 {
        let log_s = loop {
            let log_s = gamma(BETWEEN.0, BETWEEN.1, &mut self.arrivals);
            if log_s <= LOG_BETWEEN_MAX {
                break log_s;
            }
        };
        self.points += libm::exp(log_s) / SLOT_S;
        while self.points > self.weights[self.slot] {
            self.points -= self.weights[self.slot];
            self.slot = (self.slot + 1) % SLOTS;
            self.slots += 1;
        }
        let part = self.points / self.weights[self.slot];
        rounded((self.slots as f64 + part) * SLOT_S * 1e9)
    }

    fn processors(&mut self) -> u32 {
        let u = self.sizes.unit();
        if u <= SERIAL || self.log_processors < 1.0 {
            return 1;
        }
        let high = self.log_processors;
        let middle = (high - BELOW).max(LOW);
        let (from, to) =
            if self.sizes.unit() <= SMALLER { (LOW.min(high), middle) } else { (middle, high) };
        let x = from + self.sizes.unit() * (to - from);
        let x = if u <= SERIAL + POWERS { libm::floor(x + 0.5) } else { x };
        let most = libm::exp2(high) + 0.5;
        (libm::exp2(x) + 0.5).min(most).max(1.0) as u32
    }

    fn run_ns(&mut self, processors: u32) -> u64 {
        let chance = FIRST_RUN.0 * f64::from(processors) + FIRST_RUN.1;
        loop {
            let (shape, scale) = RUN[usize::from(self.runs.unit() > chance)];
            let log_s = gamma(shape, scale, &mut self.runs);
            if log_s <= LOG_RUN_MAX {
                return rounded(libm::exp(log_s) * 1e9);
            }
        }
    }
}
