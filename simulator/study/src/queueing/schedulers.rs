//! Schedulers that see the whole cell: one for everything, or several that commit.
//!
//! One that shares the cell decides on what it saw when it began. It would be a copy of the cell,
//! were it not that what it chooses depends on nothing that comes later: so it chooses when it
//! begins, on the cell itself, gives everything back, and commits when its time is over.

use super::{
    plan::{Architecture, Commit, Conflict, MAY_CHANGE, QueueingPlan},
    world::{Happening, JobId, World},
};
use crate::{
    cell::Choice,
    error::RunError,
    measures::Measures,
    plan::{PlanError, Policies, Study},
    running::{MachineState, Running, State, Waiting},
};
use simulator::engine::Time;
use std::collections::{BTreeMap, VecDeque};
use traces::model::Class;

/// A scheduler's own event: it has decided.
pub(super) type Decided = usize;

#[derive(Debug)]
pub(super) struct Schedulers<'a> {
    world: World<'a, Decided>,
    plan: QueueingPlan,
    /// First those of batch jobs, then that of service jobs; or one for all.
    all: Vec<Scheduler>,
    /// Who takes the next batch job.
    turn: usize,
    /// How often anything was placed on each machine.
    sequence: Vec<u64>,
}

#[derive(Debug, Default)]
struct Scheduler {
    queue: VecDeque<JobId>,
    deciding: Option<JobId>,
    /// How long the decision takes.
    takes: Time,
    /// What it has chosen, when it shares the cell.
    choices: Vec<Choice>,
    /// How often anything had been placed on the machines that it has chosen.
    seen: BTreeMap<u32, u64>,
}

impl Running for Schedulers<'_> {
    fn run(&mut self, until: Option<Time>) {
        while let Some(happening) = self.world.next_before(until) {
            match happening {
                Happening::Arrival => {
                    let job = self.world.arrive();
                    let scheduler = self.whose(self.world.job(job).listed.class);
                    self.enqueue(scheduler, job);
                }
                Happening::Again(job) => {
                    let scheduler = self.whose(self.world.job(job).listed.class);
                    self.enqueue(scheduler, job);
                }
                Happening::End(batch) => {
                    self.world.end(batch);
                }
                Happening::Own(scheduler) => self.decided(scheduler),
            }
        }
    }

    fn is_over(&self) -> bool {
        self.world.is_over()
    }

    fn span(&self) -> (Time, Time) {
        self.world.span()
    }

    fn waiting(&self) -> Vec<Waiting> {
        self.world.in_queues()
    }

    fn state(&self) -> State {
        self.world.state()
    }

    fn count_from(&mut self, at: Time) {
        self.world.results.count_from(at);
    }

    fn machines(&self) -> Vec<MachineState> {
        MachineState::of(&self.world.cell)
    }

    fn may_change(&self) -> &'static [&'static str] {
        &MAY_CHANGE
    }

    fn turn_to(&mut self, study: &Study, policies: &Policies) -> Result<(), PlanError> {
        self.world.turn_to(study, &mut self.plan, policies)
    }

    fn finish(mut self: Box<Self>) -> Result<Measures, RunError> {
        let queues: Vec<_> = self.all.iter().map(|scheduler| &scheduler.queue).collect();
        self.world.finish(&queues)
    }
}

impl<'a> Schedulers<'a> {
    pub(super) fn new(mut world: World<'a, Decided>, plan: &QueueingPlan) -> Self {
        let batch = match plan.architecture {
            Architecture::Shared => plan.batch_schedulers.max(1) as usize,
            _ => 0,
        };
        world.results.of(Class::Batch).schedulers = batch.max(1) as u64;
        world.results.of(Class::Service).schedulers = 1;
        world.results.schedulers = batch as u64 + 1;
        let sequence = vec![0; world.cell.len()];
        let all = (0..=batch).map(|_| Scheduler::default()).collect();
        Self { world, plan: plan.clone(), all, turn: 0, sequence }
    }

    /// Whose job it is: batch jobs go to their schedulers in turn.
    fn whose(&mut self, class: Class) -> usize {
        let batch = self.all.len() - 1;
        match (batch, class) {
            (0, _) => 0,
            (_, Class::Service) => batch,
            (_, Class::Batch) => {
                self.turn = (self.turn + 1) % batch;
                self.turn
            }
        }
    }

    fn shares(&self) -> bool {
        self.plan.architecture == Architecture::Shared
    }

    fn enqueue(&mut self, scheduler: usize, job: JobId) {
        self.world.is_queued(job);
        self.all[scheduler].queue.push_back(job);
        self.decide(scheduler);
    }

    /// A scheduler that has nothing to do begins with the next job.
    fn decide(&mut self, scheduler: usize) {
        if self.all[scheduler].deciding.is_some() {
            return;
        }
        let Some(id) = self.all[scheduler].queue.pop_front() else { return };
        self.world.leaves_queue(id);
        let job = *self.world.job(id);
        let takes = self.plan.decision(job.listed.class).time(job.waiting);
        if self.shares() {
            let it = &mut self.all[scheduler];
            self.world.choose(id, job.waiting, &mut it.choices);
            let seen = it
                .choices
                .iter()
                .map(|choice| (choice.machine, self.sequence[choice.machine as usize]));
            it.seen = seen.collect();
        }
        let it = &mut self.all[scheduler];
        it.deciding = Some(id);
        it.takes = takes;
        self.world.queue.after(takes, Happening::Own(scheduler));
    }

    fn decided(&mut self, scheduler: usize) {
        let id = self.all[scheduler].deciding.take().expect("it was deciding");
        let takes = self.all[scheduler].takes;
        self.world.counts_attempt(id);
        let class = self.world.job(id).listed.class;
        let (tried, placed) = match self.shares() {
            true => self.commit(scheduler, id),
            false => {
                let waiting = self.world.job(id).waiting;
                let reserved = self.world.reserve(id, waiting);
                let placed = reserved.count();
                self.world.begin(reserved);
                (placed, placed)
            }
        };
        match (tried, placed) {
            // Time in which nothing was found counts for nothing.
            (0, _) => {}
            (tried, placed) if tried == placed => self.world.results.of(class).useful += takes,
            _ => {
                self.world.results.of(class).wasted += takes;
                self.world.counts_conflict(id);
            }
        }
        self.world.attempted(id);
        self.decide(scheduler);
    }

    /// Commits what a scheduler has chosen; says how many tasks that were, and how many are placed.
    fn commit(&mut self, scheduler: usize, id: JobId) -> (usize, usize) {
        let choices = std::mem::take(&mut self.all[scheduler].choices);
        let seen = std::mem::take(&mut self.all[scheduler].seen);
        let tried = choices.len();
        let request = self.world.job(id).listed.request;
        // How many of the tasks go to each machine, and whether it has room for so many.
        let mut good = Vec::with_capacity(choices.len());
        let mut taken = Vec::with_capacity(choices.len());
        for choice in choices {
            let machine = choice.machine as usize;
            let unchanged = match self.plan.conflict {
                Conflict::Fine => true,
                Conflict::Coarse => seen[&choice.machine] == self.sequence[machine],
            };
            let asked = self.world.coming.reader.requests.get(request);
            if unchanged && self.world.cell.fits(choice.machine, asked) {
                taken.push(self.world.cell.take(choice.machine, asked, choice.gpu));
                good.push(choice);
            }
        }
        let asked = self.world.coming.reader.requests.get(request);
        for (choice, taken) in good.iter().zip(&taken) {
            self.world.cell.give_back(choice.machine, asked, taken);
        }
        let is_whole = good.len() == tried;
        if self.plan.commit == Commit::AllOrNothing && !is_whole {
            return (tried, 0);
        }
        good.iter().for_each(|choice| self.sequence[choice.machine as usize] += 1);
        let reserved = self.world.reserve_chosen(id, &good);
        self.world.begin(reserved);
        (tried, good.len())
    }
}
