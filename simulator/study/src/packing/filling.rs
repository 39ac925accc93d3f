//! Filling a cell: requests come one at a time, each is placed or dropped, none leaves.
//!
//! What is sampled is what the FGD study shows (Weng et al., ATC'23, figures 7 and 9): what is
//! allocated, and how fragmented the idle GPUs are, against how much has *arrived*, dropped or not.
//! A sample is the mean over all requests at which the arrived part, in whole percent of the
//! cell's capacity, was the same (rounded half up).

use super::{load::Load, typical};
use crate::{
    cell::{Cell, Choice, Finder, MachineId, Request, RequestId, Requests, Tie, TieRule},
    error::RunError,
    limits::{UNTIL_PERCENT_MAX, within},
    measures::Measures,
    plan::{Input, PlanError, Policies, ResourceKey, Study},
    records::{Outcome, Recorder, Sought, TaskRecord},
    running::{MachineState, Running, Smallest, State, Waiting},
};
use master_core::placement::{Fgd, Placement, Resolution, TypicalTask};
use proto::model::ResourceName;
use serde::Deserialize;
use simulator::engine::{Chance, Digest, Time};

/// Percent of the capacity up to which is sampled.
const SAMPLED_MAX: usize = 200;

/// `[filling]` of a study.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FillingPlan {
    /// The machines, all free at the start.
    pub machines: Input,
    /// The tasks. They come in a shuffled order.
    pub tasks: Input,
    /// After the list, tasks drawn from it come until the next one would ask, all together, for
    /// more than so many percent of what is counted.
    pub until_percent: Option<u32>,
    /// Which resource is counted.
    pub counted: ResourceKey,
    /// Which machine is best.
    pub policy: String,
    /// Which of equals.
    #[serde(default)]
    pub tie: TieRule,
    /// Of what the rule for ties draws.
    #[serde(default)]
    pub tie_seed: u64,
    /// What is typical: the most popular requests that together are so many percent of the list.
    #[serde(default = "covered_percent")]
    pub typical_percent: u32,
}

/// As in the FGD study.
fn covered_percent() -> u32 {
    95
}

/// Samples at one percentage of arrived.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Filled {
    /// Allocated, in percent of the capacity.
    allocated: f64,
    /// Fragmented, in percent of the capacity; 0 where nobody says what is typical.
    fragmented: f64,
    /// Fragmented, in percent of what is idle.
    fragmented_of_idle: f64,
}

/// A cell that is being filled: one task comes every second, since nothing else tells the time.
#[derive(Debug)]
pub(crate) struct Filling<'a> {
    cell: Cell,
    requests: &'a Requests,
    arrivals: Vec<RequestId>,
    /// How many of them have come.
    come: usize,
    finder: Finder,
    counted: ResourceName,
    typical: Fgd,
    typical_tasks: Vec<TypicalTask>,
    policy: String,
    /// Thousandths of what is counted: all, what has come, what was placed; and of fragments.
    capacity: u128,
    arrived: u128,
    allocated: u128,
    fragmented: u128,
    sums: Vec<Sum>,
    placed: u64,
    dropped: u64,
    digest: Digest,
    smallest: Smallest,
    recorder: &'a mut Recorder,
}

/// A mean in the making, over what is summed in whole thousandths.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    count: u64,
    allocated: u128,
    fragmented: u128,
    of_idle: f64,
}

impl FillingPlan {
    /// One run of a study of this, with nothing in the cell yet.
    ///
    /// # Errors
    /// When the policy is unknown.
    pub(crate) fn begin<'a>(
        &self,
        study: &Study,
        load: &'a Load,
        policies: &Policies,
        recorder: &'a mut Recorder,
    ) -> Result<Filling<'a>, PlanError> {
        let percent = u64::from(self.until_percent.unwrap_or(0));
        within("filling.until_percent", percent, UNTIL_PERCENT_MAX)?;
        let cell = load.cell();
        let typical = typical::of(load, self.typical_percent);
        let policy = self.placement(study, &typical, policies)?;
        let finder = Finder::new(policy, Tie::new(self.tie, &cell, self.tie_seed));
        // Fragmentation is the same however fine the scores are.
        let typical_tasks = typical;
        let typical = Fgd::with_models(&typical_tasks, Resolution::Exact);
        let mut chance = Chance::of(study.seed, "workload", 0);
        let arrivals = load.arrivals(&mut chance, &self.counted.0, self.until_percent);
        let mut filling = Filling {
            capacity: cell.capacity(&self.counted.0).max(1),
            cell,
            requests: &load.requests,
            arrivals,
            come: 0,
            finder,
            counted: self.counted.0.clone(),
            typical,
            typical_tasks,
            policy: self.policy.clone(),
            arrived: 0,
            allocated: 0,
            fragmented: 0,
            sums: vec![Sum::default(); SAMPLED_MAX + 1],
            placed: 0,
            dropped: 0,
            digest: Digest::new(),
            smallest: Smallest::default(),
            recorder,
        };
        filling.fragmented = filling.cell.machines().map(|it| filling.fragmentation(it)).sum();
        Ok(filling)
    }

    fn placement(
        &self,
        study: &Study,
        typical: &[TypicalTask],
        policies: &Policies,
    ) -> Result<Box<dyn Placement>, PlanError> {
        let kind = policies.find(study, &self.policy)?;
        let seed = Chance::of(study.seed, "policy", 0).number();
        Ok(kind.make(seed, typical))
    }
}

impl Filling<'_> {
    fn fragmentation(&self, machine: MachineId) -> u128 {
        self.typical.fragmentation(&self.cell.candidate(machine))
    }

    /// The next task comes.
    fn step(&mut self) {
        let number = self.arrivals[self.come];
        let request = self.requests.get(number);
        let amount = request.shape.get(&self.counted);
        self.arrived += amount;
        let choice = self.choose(number);
        match choice {
            None => self.dropped += 1,
            Some(choice) => {
                self.fragmented -= self.fragmentation(choice.machine);
                self.cell.take(choice.machine, request, choice.gpu);
                let gpu = choice.gpu.map_or(0, |gpu| gpu as u64 + 1);
                self.digest.add(&[number.into(), choice.machine.into(), gpu]);
                self.fragmented += self.fragmentation(choice.machine);
                self.allocated += amount;
                self.placed += 1;
            }
        }
        if self.recorder.wants_tasks() {
            self.record(request, choice);
        }
        self.come += 1;
        self.sample();
    }

    fn choose(&mut self, number: RequestId) -> Option<Choice> {
        let (at, job) = (Time::seconds(self.come as u64), self.come as u64);
        let sought = Sought { at, job, task: 0, attempt: 1 };
        self.recorder.decide(sought, &mut self.finder, &self.cell, self.requests, number)
    }

    fn record(&mut self, request: &Request, choice: Option<Choice>) {
        let now = Time::seconds(self.come as u64);
        let placed = choice.map(|_| now);
        self.recorder.task(&TaskRecord {
            first_attempt: Some(now),
            placed,
            start: placed,
            machine: choice.map(|choice| choice.machine),
            attempts: 1,
            outcome: if choice.is_some() { Outcome::Running } else { Outcome::Dropped },
            ..TaskRecord::new(self.come as u64, "task", now).asking(&request.shape)
        });
    }

    fn sample(&mut self) {
        let percent = (self.arrived * 200 + self.capacity) / (2 * self.capacity);
        let Some(sum) = usize::try_from(percent).ok().and_then(|at| self.sums.get_mut(at)) else {
            return;
        };
        sum.count += 1;
        sum.allocated += self.allocated;
        sum.fragmented += self.fragmented;
        let idle = (self.capacity - self.allocated) * self.typical.count().max(1);
        sum.of_idle += if idle == 0 { 0.0 } else { self.fragmented as f64 / idle as f64 };
    }
}

impl Running for Filling<'_> {
    fn run(&mut self, until: Option<Time>) {
        let before = |come: usize| until.is_none_or(|until| Time::seconds(come as u64) < until);
        while self.come < self.arrivals.len() && before(self.come) {
            self.step();
        }
    }

    fn is_over(&self) -> bool {
        self.come == self.arrivals.len()
    }

    fn span(&self) -> (Time, Time) {
        (Time::ZERO, Time::seconds(self.arrivals.len() as u64))
    }

    fn waiting(&self) -> Vec<Waiting> {
        Vec::new()
    }

    /// Nothing leaves, so that nothing settles.
    fn count_from(&mut self, _: Time) {}

    fn state(&self) -> State {
        State {
            at: Time::seconds(self.come.saturating_sub(1) as u64),
            running: self.placed,
            digest: self.digest.value(),
            ..State::of(&self.cell, self.requests, &self.smallest)
        }
    }

    fn machines(&self) -> Vec<MachineState> {
        MachineState::of(&self.cell)
    }

    fn may_change(&self) -> &'static [&'static str] {
        &["filling.policy", "filling.tie"]
    }

    fn turn_to(&mut self, study: &Study, policies: &Policies) -> Result<(), PlanError> {
        let Some(plan) = &study.filling else { return Err(PlanError::Asks(0)) };
        // What stays goes on where it is: one that goes by lot does not begin anew.
        if plan.policy != self.policy {
            self.finder.decide_by(plan.placement(study, &self.typical_tasks, policies)?);
            self.policy.clone_from(&plan.policy);
        }
        if plan.tie != self.finder.tie().rule() {
            self.finder.break_ties_by(Tie::new(plan.tie, &self.cell, plan.tie_seed));
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Measures, RunError> {
        let mut measures = Measures { digest: self.digest.value(), ..Measures::default() };
        measures.scalars.insert("placed".to_owned(), self.placed as f64);
        measures.scalars.insert("dropped".to_owned(), self.dropped as f64);
        let weight = self.typical.count().max(1);
        let samples: Vec<_> = self.sums.iter().map(|sum| sum.mean(self.capacity, weight)).collect();
        let mut curve = |name: &str, of: fn(&Filled) -> f64| {
            let samples = (0..).zip(&samples);
            let values = samples.filter_map(|(at, sample)| Some((at, of(sample.as_ref()?))));
            measures.curves.insert(name.to_owned(), values.collect());
        };
        curve("allocated", |sample| sample.allocated);
        curve("fragmented", |sample| sample.fragmented);
        curve("fragmented-of-idle", |sample| sample.fragmented_of_idle);
        Ok(measures)
    }
}

impl Sum {
    fn mean(&self, capacity: u128, weight: u128) -> Option<Filled> {
        (self.count > 0).then(|| {
            let all = (self.count as f64) * (capacity as f64);
            Filled {
                allocated: self.allocated as f64 / all * 100.0,
                fragmented: self.fragmented as f64 / weight as f64 / all * 100.0,
                fragmented_of_idle: self.of_idle / self.count as f64 * 100.0,
            }
        })
    }
}
