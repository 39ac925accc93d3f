//! Exclusive offers as Google's simulator of the Omega paper has them, for comparison with its
//! figures; not how masters make offers.
//!
//! An allocator collects for a second, then offers **all** that is free in the cell to the one
//! framework that wants offers and has the smallest dominant share; it is held until the framework
//! answers. A framework decides about as many of its jobs as it can place, and answers when the
//! time of all these decisions is over. What is not right about it is kept: a framework that is
//! still deciding takes further offers, so that it may be busy more than all of the time. The one
//! difference: an offer holds what is free when it arrives, not a millisecond before.

use super::{
    plan::{MAY_CHANGE, QueueingPlan},
    world::{AGAIN, Happening, JobId, Reserved, World},
};
use crate::{
    cell::MachineId,
    error::RunError,
    measures::Measures,
    plan::{PlanError, Policies, Study},
    running::{MachineState, Running, State, Waiting},
};
use master_core::allocator::Amounts;
use proto::model::ResourceName;
use simulator::engine::Time;
use std::collections::{BTreeMap, VecDeque};
use traces::model::Class;

/// For how long the allocator collects.
const COLLECTS: Time = AGAIN;
/// How long the allocator takes to make an offer.
const THINKS: Time = Time::milliseconds(1);
/// Less than so many cores, in thousandths, are not offered.
const LEAST_CPUS: u128 = 100_000;
const CLASSES: [Class; 2] = [Class::Batch, Class::Service];

/// The allocator's own events.
#[derive(Debug, Clone, Copy)]
pub(super) enum Own {
    /// It has collected, and thinks.
    Collected,
    /// It offers.
    Offers,
    /// A framework answers an offer.
    Answered(usize),
}

#[derive(Debug)]
pub(super) struct Allocator<'a> {
    world: World<'a, Own>,
    plan: QueueingPlan,
    /// Of each class: jobs that wait, and whether its framework wants offers.
    waiting: [VecDeque<JobId>; 2],
    wants: [bool; 2],
    collecting: bool,
    offers: Vec<Offer>,
    offers_free: Vec<usize>,
    /// The offer whose resources are still in the cell.
    in_cell: Option<usize>,
    /// What became free since that one was made.
    freed: BTreeMap<MachineId, Amounts>,
    /// Cores in offers, in thousandths.
    locked: u128,
}

/// All that was free when the offer was made.
#[derive(Debug, Default)]
struct Offer {
    /// Cores, in thousandths.
    cpus: u128,
    /// What each machine had free, once it was taken out of the cell. As long as nobody else is to
    /// get an offer it stays there, and `freed` is what has become free since.
    held: Vec<(MachineId, Amounts)>,
    answer: Vec<Reserved>,
}

impl Running for Allocator<'_> {
    fn run(&mut self, until: Option<Time>) {
        while let Some(happening) = self.world.next_before(until) {
            match happening {
                Happening::Arrival => {
                    let job = self.world.arrive();
                    self.enqueue(job);
                }
                Happening::Again(job) => self.enqueue(job),
                Happening::End(batch) => self.end(batch),
                Happening::Own(Own::Collected) => {
                    self.collecting = false;
                    self.world.queue.after(THINKS, Happening::Own(Own::Offers));
                }
                Happening::Own(Own::Offers) => self.offer(),
                Happening::Own(Own::Answered(offer)) => self.answered(offer),
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

    /// What is held stays in the cell while nobody else is to get it; it is not free all the same.
    fn state(&self) -> State {
        let mut state = self.world.state();
        if self.in_cell.is_some() {
            let mut freed = Amounts::new();
            self.freed.values().for_each(|amounts| freed.add(amounts));
            for (name, it) in &mut state.resources {
                let free = ResourceName::new(name).map_or(0, |name| freed.get(&name));
                it.held = it.capacity.saturating_sub(it.used + free);
                it.stranded = it.stranded.min(free);
            }
        }
        state
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
        let offers = std::mem::take(&mut self.offers);
        if self.world.recorder.wants_tasks() {
            let answers = offers.iter().flat_map(|offer| &offer.answer);
            answers.for_each(|reserved| self.world.record_reserved(reserved));
        }
        let [batch, service] = &self.waiting;
        self.world.finish(&[batch, service])
    }
}

impl<'a> Allocator<'a> {
    pub(super) fn new(mut world: World<'a, Own>, plan: &QueueingPlan) -> Self {
        CLASSES.iter().for_each(|class| world.results.of(*class).schedulers = 1);
        world.results.schedulers = CLASSES.len() as u64;
        Self {
            world,
            plan: plan.clone(),
            waiting: Default::default(),
            wants: [false; 2],
            collecting: false,
            offers: Vec::new(),
            offers_free: Vec::new(),
            in_cell: None,
            freed: BTreeMap::new(),
            locked: 0,
        }
    }

    fn enqueue(&mut self, job: JobId) {
        let class = self.world.job(job).listed.class as usize;
        self.world.is_queued(job);
        self.waiting[class].push_back(job);
        self.wants[class] = true;
        self.collect();
    }

    fn end(&mut self, batch: u32) {
        let (machines, each) = self.world.end(batch);
        if self.in_cell.is_some() {
            for machine in machines {
                self.freed.entry(machine).or_default().add(&each);
            }
        }
        self.collect();
    }

    fn collect(&mut self) {
        if !self.collecting {
            self.collecting = true;
            self.world.queue.after(COLLECTS, Happening::Own(Own::Collected));
        }
    }

    /// Cores that are neither in use nor in an offer.
    fn free(&self) -> u128 {
        let used: u128 = CLASSES.iter().map(|class| self.world.used_by(*class)).sum();
        self.world.results.capacity - used - self.locked
    }

    /// Who wants offers and has the smallest share; all tasks ask alike for what is dominant, so
    /// that cores stand for it.
    fn next_framework(&self) -> Option<usize> {
        let wanting = (0..CLASSES.len()).filter(|class| self.wants[*class]);
        wanting.min_by_key(|class| self.world.used_by(CLASSES[*class]))
    }

    /// Offers all that is free to one framework, which decides about it at once.
    fn offer(&mut self) {
        let Some(class) = self.next_framework() else { return };
        let cpus = self.free();
        if cpus < LEAST_CPUS {
            return;
        }
        self.take_out();
        let number = self.offers_free.pop().unwrap_or_else(|| {
            self.offers.push(Offer::default());
            self.offers.len() - 1
        });
        self.locked += cpus;
        self.world.results.locked.becomes(self.world.queue.now(), self.locked);
        let (answer, takes) = self.decide(class, cpus);
        self.offers[number] = Offer { cpus, held: Vec::new(), answer };
        self.in_cell = Some(number);
        self.world.queue.after(takes, Happening::Own(Own::Answered(number)));
    }

    /// A framework goes through its jobs as long as anything is left of the offer.
    fn decide(&mut self, class: usize, offered: u128) -> (Vec<Reserved>, Time) {
        let (mut left, mut answer, mut takes) = (offered, Vec::new(), Time::ZERO);
        while left > 0 {
            let Some(id) = self.waiting[class].pop_front() else { break };
            self.world.leaves_queue(id);
            self.world.counts_attempt(id);
            let job = *self.world.job(id);
            let time = self.plan.decision(job.listed.class).time(job.waiting);
            takes += time;
            let each = self.world.coming.reader.requests.get(job.listed.request);
            let each = each.shape.get(&ResourceName::CPUS);
            if left > each {
                let reserved = self.world.reserve(id, job.waiting);
                if reserved.count() > 0 {
                    left -= each * reserved.count() as u128;
                    self.world.results.of(job.listed.class).useful += time;
                    answer.push(reserved);
                }
            }
            self.world.attempted(id);
        }
        if self.waiting[class].is_empty() {
            self.wants[class] = false;
        }
        (answer, takes)
    }

    /// What the last offer holds is taken out of the cell, so that the next one does not.
    fn take_out(&mut self) {
        let freed = std::mem::take(&mut self.freed);
        let Some(offer) = self.in_cell.take() else { return };
        let machines = 0..MachineId::try_from(self.world.cell.len()).expect("are numbered");
        for machine in machines {
            let mut held = self.world.cell.free(machine).clone();
            if let Some(freed) = freed.get(&machine) {
                held.subtract(freed);
            }
            if !held.is_empty() {
                self.world.cell.hold(machine, &held);
                self.offers[offer].held.push((machine, held));
            }
        }
    }

    fn answered(&mut self, number: usize) {
        let Offer { cpus, held, answer } = std::mem::take(&mut self.offers[number]);
        self.offers_free.push(number);
        if self.in_cell == Some(number) {
            self.in_cell = None;
            self.freed.clear();
        }
        for (machine, amounts) in held {
            self.world.cell.release(machine, &amounts);
            // It is as if it had become free now, for the offer that is in the cell.
            if self.in_cell.is_some() {
                self.freed.entry(machine).or_default().add(&amounts);
            }
        }
        self.locked -= cpus;
        self.world.results.locked.becomes(self.world.queue.now(), self.locked);
        answer.into_iter().for_each(|reserved| self.world.begin(reserved));
        self.collect();
    }
}
