//! What runs must agree with, worked out in another way: without events, by when each worker is
//! free; and properties that hold whatever comes.

use super::{
    jobs::{Durations, JobId, ProbedJob, ProbedJobs},
    lots::Lots,
    omniscient,
    plan::{ProbingPlan, Scheme, TaskTimes},
    results::{Ran, Told},
    world::World,
};
use crate::{measures::Measures, records::Recorder, running::Running};
use simulator::engine::{Chance, Digest, Time};
use std::collections::BTreeMap;

const SECOND: u64 = 1_000_000_000;

fn plan(workers: u32, scheme: &str, more: &str) -> ProbingPlan {
    let text = format!(
        "jobs = {{ file = \"none\" }}\nworkers = {workers}\nscheme = \"{scheme}\"\n\
         task_times = \"exponential\"\n{more}"
    );
    toml::from_str(&text).unwrap()
}

/// Jobs of up to so many tasks, at about nine tenths of what so many workers can do.
fn jobs(workers: u32, tasks: u64, seed: u64) -> Vec<ProbedJob> {
    let mut chance = Chance::of(seed, "jobs", 0);
    let between = SECOND * (tasks + 1) / u64::from(workers) * 10 / 9;
    let mut at = Time::ZERO;
    let job = |_| {
        at += Time(chance.below(between) + 1);
        let (tasks, estimate) = (chance.between(1, tasks) as u32, Time(chance.below(2 * SECOND)));
        ProbedJob { at, tasks, estimate }
    };
    (0..300).map(job).collect()
}

/// What becomes of each job.
#[derive(Debug, Default)]
struct Each(BTreeMap<JobId, Ran>);

impl Told for Each {
    fn job(&mut self, id: JobId, _: &ProbedJob, ran: Ran) {
        assert!(self.0.insert(id, ran).is_none(), "a job ends once");
    }
}

impl Each {
    fn in_order(self) -> Vec<Ran> {
        self.0.into_values().collect()
    }
}

fn run(plan: &ProbingPlan, jobs: &[ProbedJob], seed: u64) -> (Vec<Ran>, Digest) {
    let list = ProbedJobs::of(jobs);
    let world = World::new(plan, &list, seed, Each::default()).unwrap();
    let (each, counts) = world.end_of_all().unwrap();
    (each.in_order(), counts.digest)
}

fn one_queue(jobs: &[ProbedJob], workers: u32, times: TaskTimes, seed: u64) -> Vec<Ran> {
    let (list, mut each) = (ProbedJobs::of(jobs), Each::default());
    let coming = list.coming(workers, None).unwrap();
    omniscient::run(coming, workers, Durations::new(times, seed), &mut each).unwrap();
    each.in_order()
}

fn measured(plan: &ProbingPlan, list: &ProbedJobs, seed: u64) -> Result<Measures, String> {
    let mut recorder = Recorder::none();
    let measures = match plan.has_a_middle() {
        false => plan.at_once(seed, list, &mut recorder),
        true => plan.begin(seed, list, &mut recorder).and_then(|run| Box::new(run).finish()),
    };
    measures.map_err(|problem| problem.to_string())
}

/// Every task's start is the later of its arrival and the end of the one before (Lindley's
/// recursion); loads are counted in lists of all tasks that ever came.
fn slowly(plan: &ProbingPlan, jobs: &[ProbedJob], seed: u64) -> Vec<Ran> {
    let mut durations = Durations::new(TaskTimes::Exponential, seed);
    let mut probes = Lots::new(0..plan.workers, seed, "probes");
    // Of each worker: when tasks came, and when they end.
    let mut came: Vec<Vec<(Time, Time)>> = vec![Vec::new(); plan.workers as usize];
    let (all, ratio) = (plan.workers as usize, plan.probe_ratio as usize);
    let one_way = plan.network();
    let mut ran = Vec::new();
    for job in jobs {
        let durations = durations.draw(job);
        let tasks = durations.len();
        let (mut probed, mut chosen) = (Vec::new(), Vec::new());
        let read_at = job.at + one_way;
        let load = |worker: u32| {
            let of = came[worker as usize].iter();
            of.filter(|(came, ends)| *came <= read_at && *ends > read_at).count()
        };
        let sent_for = match plan.scheme {
            Scheme::Random => {
                probes.draw(tasks, &mut chosen);
                one_way
            }
            Scheme::PerTask => {
                for _ in 0..tasks {
                    probed.clear();
                    probes.draw(ratio.min(all), &mut probed);
                    chosen.extend(probed.iter().copied().min_by_key(|worker| load(*worker)));
                }
                one_way.times(3)
            }
            _ => {
                probes.draw(tasks.max((tasks * ratio).min(all)), &mut probed);
                probed.sort_by_key(|worker| load(*worker));
                chosen.extend(&probed[..tasks]);
                one_way.times(3)
            }
        };
        let (mut last_start, mut last_end) = (job.at, job.at);
        for (worker, duration) in chosen.into_iter().zip(durations) {
            let at = job.at + sent_for;
            let before = came[worker as usize].last().map_or(Time::ZERO, |(_, ends)| *ends);
            let start = at.max(before);
            came[worker as usize].push((at, start + duration));
            last_start = last_start.max(start);
            last_end = last_end.max(start + duration);
        }
        ran.push(Ran { wait: last_start - job.at, response: last_end - job.at });
    }
    ran
}

#[test]
fn early_schemes_are_lindleys_recursion() {
    for seed in 0..3 {
        for (workers, tasks) in [(1, 1), (7, 1), (40, 5), (12, 20)] {
            let jobs = jobs(workers, tasks, seed);
            for scheme in ["random", "per-task", "batch"] {
                for network_ms in [0, 50, 3_000] {
                    let plan = plan(
                        workers,
                        scheme,
                        &format!("probe_ratio = {}\nnetwork_ms = {network_ms}\n", 2 + seed % 3),
                    );
                    let (ran, _) = run(&plan, &jobs, seed);
                    assert!(ran == slowly(&plan, &jobs, seed), "{plan:?}, seed {seed}");
                }
            }
        }
    }
}

/// When everybody is probed and messages take no time, whoever is free first takes the next task.
/// Not so of jobs of several tasks: a worker holds one reservation of a job, and when it is done
/// with that one's task another worker is the next to ask.
#[test]
fn late_binding_everywhere_is_one_queue() {
    for seed in 0..6 {
        for (workers, tasks) in [(1, 3), (5, 1), (20, 1)] {
            let jobs = jobs(workers, tasks, seed);
            for cancel in [true, false] {
                let more = format!("probe_ratio = {workers}\ncancel = {cancel}\n");
                let (ran, _) = run(&plan(workers, "late-binding", &more), &jobs, seed);
                let one = one_queue(&jobs, workers, TaskTimes::Exponential, seed);
                assert!(ran == one, "{workers} workers, seed {seed}, cancel {cancel}");
            }
        }
    }
}

#[test]
fn a_hybrid_of_short_or_of_long_jobs_alone_is_what_they_are() {
    for seed in 0..4 {
        let jobs = jobs(20, 6, seed);
        let digest = |scheme: &str, more: &str| {
            let plan = plan(20, scheme, &format!("network_ms = 20\n{more}"));
            run(&plan, &jobs, seed).1.value()
        };
        let short = digest("hybrid", "cutoff_s = 1e9\nshort_workers = 0.2\nsteal_tries = 10\n");
        assert_eq!(short, digest("late-binding", ""));
        let long = digest("hybrid", "cutoff_s = 0\nsteal_tries = 10\n");
        assert_eq!(long, digest("central", ""));
        assert_ne!(long, short);
    }
}

/// Nothing runs twice or never, long tasks keep to their partition, and stealing happens.
#[test]
fn a_hybrid_loses_nothing() {
    let mut stolen = 0;
    for seed in 0..8 {
        let jobs = jobs(20, 6, seed);
        let more = "network_ms = 20\ncutoff_s = 1.2\nshort_workers = 0.25\nsteal_tries = 10\n";
        let plan = plan(20, "hybrid", more);
        assert_eq!(plan.short_partition(), 5);
        let list = ProbedJobs::of(&jobs);
        let measures = measured(&plan, &list, seed).unwrap();
        assert_eq!(measures, measured(&plan, &list, seed).unwrap(), "the same seed does the same");
        stolen += usize::from(measures.scalars["stolen"] > 0.0);
        let (ran, digest) = run(&plan, &jobs, seed);
        assert_eq!(ran.len(), jobs.len());
        // A message there, and one back, and one there again, at least.
        let least = Time::milliseconds(20);
        assert!(ran.iter().all(|ran| ran.wait >= least && ran.response >= ran.wait));
        assert_eq!(digest.value(), measures.digest);
        let short = measures.scalars["short-jobs"];
        assert!((0.5..0.7).contains(&short), "{short}");
    }
    assert_eq!(stolen, 8);
}

#[test]
fn a_central_scheduler_that_knows_all_wastes_nothing() {
    // Tasks of a job are alike, and messages take no time: what is expected is what happens, so
    // that each goes where the omniscient queue would have sent it.
    for seed in 0..6 {
        let jobs = jobs(12, 5, seed);
        let mut plan = plan(12, "central", "");
        plan.task_times = TaskTimes::Alike;
        let (ran, _) = run(&plan, &jobs, seed);
        assert!(ran == one_queue(&jobs, 12, TaskTimes::Alike, seed), "seed {seed}");
    }
}

/// Numbers beyond all time end with it.
#[test]
fn what_lasts_for_ever_ends_with_time() {
    let job = |at| ProbedJob { at: Time(at), tasks: 3, estimate: Time(u64::MAX / 2) };
    let list = ProbedJobs::of(&(0..20).map(job).collect::<Vec<_>>());
    for scheme in ["random", "per-task", "batch", "late-binding", "central", "hybrid", "omniscient"]
    {
        let more = "network_ms = 1e300\ncutoff_s = 1\nsteal_tries = 3\nload = 1e-300\n";
        let mut plan = plan(2, scheme, more);
        plan.task_times = TaskTimes::Alike;
        assert!(measured(&plan, &list, 1).unwrap_err().contains("above 0"), "{scheme}");
        plan.load = None;
        assert_eq!(measured(&plan, &list, 1).unwrap().scalars["jobs"], 20.0, "{scheme}");
        plan.load = Some(1e300);
        plan.task_times = TaskTimes::Exponential;
        assert_eq!(measured(&plan, &list, 1).unwrap().scalars["jobs"], 20.0, "{scheme}");
    }
}
