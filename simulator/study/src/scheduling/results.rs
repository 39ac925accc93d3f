//! What is measured: times in seconds, use as parts of all there is.

use super::{
    floor::{Task, TaskNumber},
    machines::capacity,
    oracle::{Oracle, Wrong},
    plan::SchedulingPlan,
    work::{Job, Work},
};
use crate::{measures::Measures, times::Times};
use simulator::engine::{Digest, Time};
use traces::model::Kind;

const WEEK_S: f64 = 7.0 * 86_400.0;

/// Kinds whose use is measured.
const USED: [(Kind, &str); 3] =
    [(Kind::Cpus, "cpus-used"), (Kind::Mem, "mem-used"), (Kind::Gpus, "gpus-used")];

/// Numbers of a run.
#[derive(Debug)]
pub(super) struct Results {
    bands: Vec<OfBand>,
    /// Thousandths of each of those kinds, times nanoseconds, and how many there are.
    used: [(u128, u128); USED.len()],
    impossible: u64,
    gangs: u64,
    gang_most: u64,
    digest: Digest,
}

/// Numbers of a band.
#[derive(Debug, Clone, Default)]
struct OfBand {
    tasks: u64,
    started: u64,
    done: u64,
    left: u64,
    evictions: u64,
    /// For how long its tasks ran.
    ran_s: f64,
    /// Of that, such as was for nothing: they gave way.
    lost_s: f64,
    /// From a job's arrival to the first start of each task.
    waits: Times,
}

impl Results {
    pub(super) fn new(plan: &SchedulingPlan, work: &Work) -> Self {
        Self {
            bands: vec![OfBand::default(); plan.band_count()],
            used: USED.map(|(kind, _)| (0, capacity(&work.machines, kind))),
            impossible: work.reader().impossible,
            gangs: 0,
            gang_most: 0,
            digest: Digest::new(),
        }
    }

    pub(super) fn arrived(&mut self, band: u8, job: &Job) {
        let tasks = job.parts.iter().map(|part| u64::from(part.tasks));
        self.bands[usize::from(band)].tasks += tasks.sum::<u64>();
    }

    pub(super) fn started(&mut self, now: Time, running: &Task) {
        let Task { ref job, part, machine, .. } = *running;
        self.digest.add(&[0, now.0, job.number, part as u64, machine.into()]);
        let of = &mut self.bands[usize::from(running.band)];
        of.started += 1;
        if running.history.evictions == 0 {
            of.waits.push(now - job.at);
        }
    }

    pub(super) fn gang_started(&mut self, tasks: u64) {
        self.gangs += 1;
        self.gang_most = self.gang_most.max(tasks);
    }

    /// A task has run until now; it is `done`, or the run is over.
    pub(super) fn ended(&mut self, now: Time, running: &Task, done: bool) {
        self.ran(now, running);
        let of = &mut self.bands[usize::from(running.band)];
        of.done += u64::from(done);
        if done {
            self.digest.add(&[1, now.0, running.job.number, running.machine.into()]);
        }
    }

    /// A task has given way.
    pub(super) fn evicted(&mut self, now: Time, task: TaskNumber, victim: &Task) {
        self.ran(now, victim);
        self.digest.add(&[2, now.0, task, victim.machine.into()]);
        let of = &mut self.bands[usize::from(victim.band)];
        of.evictions += 1;
        of.lost_s += (now - victim.since).as_seconds();
    }

    fn ran(&mut self, now: Time, running: &Task) {
        let time = now - running.since;
        self.bands[usize::from(running.band)].ran_s += time.as_seconds();
        let each = running.part().arrival.each;
        for ((kind, _), (used, _)) in USED.iter().zip(&mut self.used) {
            *used += u128::from(each[*kind]) * u128::from(time.0);
        }
    }

    /// Of what has happened so far.
    pub(super) fn digest(&self) -> u64 {
        self.digest.value()
    }

    /// So many of a band wait at the end.
    pub(super) fn left(&mut self, band: u8, tasks: u64) {
        self.bands[usize::from(band)].left += tasks;
    }

    pub(super) fn measures(
        self,
        plan: &SchedulingPlan,
        end: Time,
        oracle: &Oracle<'_>,
    ) -> Measures {
        let mut measures = Measures { digest: self.digest.value(), ..Measures::default() };
        let mut say = |name: &str, number: f64| {
            measures.scalars.insert(name.to_owned(), number);
        };
        say("makespan", end.as_seconds());
        for ((_, name), (used, all)) in USED.iter().zip(self.used) {
            if all > 0 {
                say(name, used as f64 / (all as f64 * end.0.max(1) as f64));
            }
        }
        say("impossible", self.impossible as f64);
        say("gangs", self.gangs as f64);
        say("gang-most", self.gang_most as f64);
        say("constrained", oracle.constrained as f64);
        say("violations", oracle.wrong.values().sum::<u64>() as f64);
        let wrong = oracle.wrong.iter().map(|(what, count): (&Wrong, &u64)| (what.name(), *count));
        wrong.for_each(|(name, count)| say(name, count as f64));
        let rates: Vec<Option<f64>> = self.bands.iter().map(OfBand::rate).collect();
        let known: Vec<f64> = rates.iter().copied().flatten().collect();
        let rises = known.windows(2).filter(|pair| pair[1] > pair[0]).count();
        say("bands-out-of-order", rises as f64);
        all(&self.bands).say("", &mut say);
        for (band, of) in plan.bands.iter().zip(&self.bands) {
            of.say(&format!("-{}", band.name), &mut say);
        }
        let rates = (0..).zip(rates).filter_map(|(band, rate)| Some((band, rate?)));
        measures.curves.insert("eviction-rate-by-band".to_owned(), rates.collect());
        measures
    }
}

/// All bands as one.
fn all(bands: &[OfBand]) -> OfBand {
    bands.iter().fold(OfBand::default(), |mut sum, of| {
        sum.waits.join(&of.waits);
        OfBand {
            tasks: sum.tasks + of.tasks,
            started: sum.started + of.started,
            done: sum.done + of.done,
            left: sum.left + of.left,
            evictions: sum.evictions + of.evictions,
            ran_s: sum.ran_s + of.ran_s,
            lost_s: sum.lost_s + of.lost_s,
            waits: sum.waits,
        }
    })
}

impl OfBand {
    /// Evictions for each week that a task ran.
    fn rate(&self) -> Option<f64> {
        (self.ran_s > 0.0).then(|| self.evictions as f64 / (self.ran_s / WEEK_S))
    }

    /// Says its numbers, with something behind their names.
    fn say(&self, of: &str, say: &mut dyn FnMut(&str, f64)) {
        let numbers = [
            ("tasks", Some(self.tasks as f64)),
            ("started", Some(self.started as f64)),
            ("done", Some(self.done as f64)),
            ("left", Some(self.left as f64)),
            ("evictions", Some(self.evictions as f64)),
            ("eviction-rate", self.rate()),
            ("lost", (self.ran_s > 0.0).then(|| self.lost_s / self.ran_s)),
            ("wait", self.waits.mean()),
            ("wait-p90", self.waits.quantile(0.9)),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                say(&format!("{name}{of}"), number);
            }
        }
    }
}
