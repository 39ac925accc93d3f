//! One machine after the other, interval by interval: what is predicted, what came, and the sums of
//! both.

use super::{
    future::Future,
    plan::OvercommitPlan,
    policy::Sight,
    used::{Amount, UsedTask, UsedTasks},
};
use crate::{measures::Measures, statistics::quantile};
use simulator::engine::Digest;

/// One machine at one interval, at which at least one task is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) interval: u64,
    /// What tasks may use, all together.
    pub(super) limit: Amount,
    /// What they use.
    pub(super) used: Amount,
    /// What the policy says that they will use at most.
    pub(super) predicted: Amount,
    /// What they will use at most.
    pub(super) peak: Amount,
}

/// Goes through all intervals of a machine's tasks, which are in order of their beginning.
pub(super) fn walk(plan: &OvercommitPlan, tasks: &[&UsedTask], mut each: impl FnMut(Moment)) {
    let horizon = plan.in_intervals(plan.horizon_s);
    let (warm_up, history) = (plan.in_intervals(plan.warm_up_s), plan.in_intervals(plan.history_s));
    let mut to_come = tasks.iter().copied().peekable();
    let mut here: Vec<&UsedTask> = Vec::new();
    let mut future = Future::default();
    let mut now = 0;
    loop {
        here.retain(|task| task.end() > now);
        if here.is_empty() {
            // Nothing happens until the next one begins.
            let Some(next) = to_come.peek() else { return };
            now = now.max(next.first);
        }
        let count = here.len();
        while let Some(task) = to_come.next_if(|task| task.first <= now) {
            here.push(task);
        }
        if here.len() > count {
            future = Future::new(&here, now, horizon);
        }
        let (limit, peak) = (here.iter().map(|task| task.limit).sum(), future.peak(now));
        let sight = Sight { tasks: &here, now, warm_up, history, limit, peak };
        let used = here.iter().map(|task| task.used_at(now)).sum();
        each(Moment { interval: now, limit, used, predicted: plan.policy.predict(&sight), peak });
        now += 1;
    }
}

/// Sums over all machines.
#[derive(Debug)]
pub(super) struct Results {
    core: Amount,
    tasks: usize,
    without_use: u64,
    placed: usize,
    all: Sums,
    /// Of each machine that had a task: the part of its moments that are violations.
    violations: Vec<f64>,
    /// Of each machine that had a task: the part of limits that is saved.
    saved: Vec<f64>,
    digest: Digest,
}

/// Sums over moments.
#[derive(Debug, Default)]
struct Sums {
    moments: u64,
    violations: u64,
    limit: u128,
    used: u128,
    predicted: u128,
    peak: u128,
    /// Of what was missing, as a part of the peak.
    severity: f64,
}

impl Sums {
    fn add(&mut self, moment: Moment) {
        let Moment { interval: _, limit, used, predicted, peak } = moment;
        self.moments += 1;
        self.limit += u128::from(limit);
        self.used += u128::from(used);
        self.predicted += u128::from(predicted);
        self.peak += u128::from(peak);
        if predicted < peak {
            self.violations += 1;
            self.severity += (peak - predicted) as f64 / peak as f64;
        }
    }

    fn join(&mut self, other: &Self) {
        self.moments += other.moments;
        self.violations += other.violations;
        self.limit += other.limit;
        self.used += other.used;
        self.predicted += other.predicted;
        self.peak += other.peak;
        self.severity += other.severity;
    }

    /// What all limits are more than an amount, as a part of them.
    fn saved(&self, amount: u128) -> f64 {
        part((self.limit - amount) as f64, self.limit as f64)
    }
}

fn part(of: f64, whole: f64) -> f64 {
    if whole > 0.0 { of / whole } else { 0.0 }
}

impl Results {
    pub(super) fn new(list: &UsedTasks, core: Amount) -> Self {
        Self {
            core,
            tasks: list.tasks.len(),
            without_use: list.without_use,
            placed: 0,
            all: Sums::default(),
            violations: Vec::new(),
            saved: Vec::new(),
            digest: Digest::new(),
        }
    }

    /// A machine with its tasks, and what goes through its moments.
    pub(super) fn add(
        &mut self,
        machine: u64,
        tasks: &[&UsedTask],
        walk: impl FnOnce(&mut dyn FnMut(Moment)),
    ) {
        let mut sums = Sums::default();
        walk(&mut |moment| {
            let Moment { interval, limit, used, predicted, peak } = moment;
            self.digest.add(&[machine, interval, limit, used, predicted, peak]);
            sums.add(moment);
        });
        self.placed += tasks.len();
        if sums.moments > 0 {
            self.violations.push(part(sums.violations as f64, sums.moments as f64));
            self.saved.push(sums.saved(sums.predicted));
        }
        self.all.join(&sums);
    }

    /// By name: parts of one, and cores for each machine in the mean over its moments.
    pub(super) fn measures(mut self) -> Measures {
        let mut measures = Measures { digest: self.digest.value(), ..Measures::default() };
        self.violations.sort_by(f64::total_cmp);
        self.saved.sort_by(f64::total_cmp);
        let (all, machines) = (&self.all, self.violations.len());
        let moments = all.moments as f64;
        let of_machines = |sorted: &[f64], at| quantile(sorted, at).unwrap_or(0.0);
        let saved = (all.limit - all.predicted) as f64 / self.core.max(1) as f64;
        let numbers = [
            ("tasks", self.tasks as f64),
            ("without-use", self.without_use as f64),
            ("not-placed", (self.tasks - self.placed) as f64),
            ("machines", machines as f64),
            ("used", part(all.used as f64, all.limit as f64)),
            ("saved", all.saved(all.predicted)),
            ("saved-least", of_machines(&self.saved, 0.0)),
            ("saved-most", of_machines(&self.saved, 1.0)),
            ("saved-bound", all.saved(all.peak)),
            ("saved-cpus", part(saved, moments)),
            ("violations", part(all.violations as f64, moments)),
            ("violations-p90", of_machines(&self.violations, 0.9)),
            ("violations-most", of_machines(&self.violations, 1.0)),
            ("severity", part(all.severity, moments)),
        ];
        measures.scalars.extend(numbers.map(|(name, number)| (name.to_owned(), number)));
        measures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overcommit::policy::Predictor;
    use simulator::engine::Chance;

    fn plan(policy: &str) -> OvercommitPlan {
        toml::from_str(&format!(
            "tasks = {{ file = \"none\" }}\nused = \"none\"\ncore_mhz = 1\nmachines = 3\n\
             machine_cpus = 1\ninterval_s = 10\nwarm_up_s = 20\nhistory_s = 50\nhorizon_s = 80\n\
             policy = {policy}"
        ))
        .unwrap()
    }

    fn list(seed: u64) -> UsedTasks {
        let mut chance = Chance::new(seed, 0);
        let mut first = 0;
        let task = |_| {
            first += chance.below(4) * chance.below(9);
            let limit = chance.between(1, 400);
            let used = (0..=chance.below(40)).map(|_| chance.between(0, limit)).collect();
            UsedTask { first, limit, used }
        };
        UsedTasks { tasks: (0..150).map(task).collect(), without_use: 4 }
    }

    /// Every interval that there is, every task that there is, by the definitions.
    fn slowly(plan: &OvercommitPlan, tasks: &[&UsedTask]) -> Vec<Moment> {
        let end = tasks.iter().map(|task| task.end()).max().unwrap_or(0);
        let at = |now| {
            let is_here = |task: &&UsedTask| task.first <= now && task.end() > now;
            let here: Vec<&UsedTask> = tasks.iter().copied().filter(is_here).collect();
            let sum = |at| here.iter().map(|task| task.used_at(at)).sum::<Amount>();
            let peak = (now..now + 8).map(sum).max().unwrap_or(0);
            let limit = here.iter().map(|task| task.limit).sum();
            let sight = Sight { tasks: &here, now, warm_up: 2, history: 5, limit, peak };
            let predicted = plan.policy.predict(&sight);
            let moment = Moment { interval: now, limit, used: sum(now), predicted, peak };
            (!here.is_empty()).then_some(moment)
        };
        (0..end).filter_map(at).collect()
    }

    #[test]
    fn a_walk_meets_every_moment() {
        for seed in 0..5 {
            let list = list(seed);
            // Some are nowhere for a while: every seventh of the list.
            let tasks: Vec<&UsedTask> = list.tasks.iter().step_by(7).collect();
            for policy in ["{ kind = \"oracle\" }", "{ kind = \"max\", n = 1, percent = 80 }"] {
                let (plan, mut moments) = (plan(policy), Vec::new());
                walk(&plan, &tasks, |moment| moments.push(moment));
                assert_eq!(moments, slowly(&plan, &tasks));
            }
        }
    }

    #[test]
    fn the_oracle_is_never_wrong_and_nobody_saves_more_without_being_wrong() {
        let policies = [
            "{ kind = \"limit-part\", percent = 90 }",
            "{ kind = \"percentile\", percent = 99 }",
            "{ kind = \"n-sigma\", n = 2 }",
            "{ kind = \"max\", n = 2, percent = 99 }",
            "{ kind = \"limit-part\", percent = 100 }",
        ];
        for seed in 0..5 {
            let list = list(seed);
            let of = |policy: &str| plan(policy).run_alone(seed, &list);
            let oracle = of("{ kind = \"oracle\" }");
            assert_eq!(plan("{ kind = \"oracle\" }").policy, Predictor::Oracle);
            let number = |of: &Measures, name: &str| of.scalars[name];
            assert_eq!(number(&oracle, "violations"), 0.0);
            assert_eq!(number(&oracle, "saved"), number(&oracle, "saved-bound"));
            for policy in policies {
                let measures = of(policy);
                assert_eq!(measures, of(policy), "the same seed does the same");
                assert_ne!(measures.digest, oracle.digest);
                let bound = number(&measures, "saved-bound");
                assert_eq!(bound, number(&oracle, "saved"), "everybody meets the same");
                let is_wrong = number(&measures, "violations") > 0.0;
                assert!(is_wrong || number(&measures, "saved") <= bound, "{policy}");
            }
            let all = of(policies[4]);
            assert_eq!((number(&all, "saved"), number(&all, "violations")), (0.0, 0.0));
            assert!(number(&of(policies[3]), "saved") <= number(&of(policies[1]), "saved"));
            assert!(number(&of(policies[3]), "saved") <= number(&of(policies[2]), "saved"));
        }
    }
}
