//! The scheduler: a queue, and a decision at a time.

use super::{
    placing::{Cell, Maker, Placed, calls as in_calls, fill},
    plan::{Asks, Listed, PlannedJobs},
    results::JobsResults,
};
use crate::queueing::is_hopeless;
use bourse_sdk::{CallId, Calls, DemandBuilder, Event, Scheduler};
use proto::model::{
    AgentId, ConflictDetection, DeclineFilter, DeclineReason, Duration, Instant, Offer,
    OperationResult, SharedState, TaskId, limits,
};
use simulator::engine::{Chance, Time};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// When a job of which something is left is tried again, as in the paper's simulator.
const AGAIN: Duration = Duration::from_seconds(1);

/// A framework with a queue of jobs.
#[derive(Debug)]
pub(in crate::cluster) struct JobsScheduler {
    plan: PlannedJobs,
    chance: Chance,
    /// Of the list, the next to arrive.
    next: usize,
    /// Those that come back.
    again: BTreeSet<(Instant, usize)>,
    queue: VecDeque<usize>,
    /// Tasks of jobs that have arrived, that are not placed.
    waiting: u64,
    /// That have arrived and are not done with, by their place in the list.
    jobs: BTreeMap<usize, Job>,
    /// Of which demand is stated: the first of the queue until its decision.
    stated: Option<usize>,
    /// Calls that are not answered yet.
    flying: BTreeMap<CallId, Flight>,
    held: Vec<Offer>,
    cell: Option<Cell>,
    /// Whether it takes any offers now.
    is_open: bool,
    /// How long the decisions of this step take.
    takes: Time,
    results: JobsResults,
}

/// A job that is not done with.
#[derive(Debug, Clone, Copy)]
struct Job {
    /// Tasks that are not placed yet.
    waiting: u32,
    attempts: u32,
    /// Of the next task.
    number: u32,
    queued_at: Instant,
    queued_for: Time,
    /// Answers that the current attempt waits for.
    flying: u32,
    /// Whether something of it was refused.
    is_conflict: bool,
    /// How long it took to decide.
    takes: Time,
}

/// Tasks in a call: of which job, where and how many, operation by operation.
#[derive(Debug)]
struct Flight {
    job: usize,
    operations: Vec<(AgentId, u32)>,
}

impl JobsScheduler {
    pub(in crate::cluster) fn new(plan: PlannedJobs) -> Self {
        Self {
            chance: Chance::of(plan.seed, "policy", 0),
            plan,
            next: 0,
            again: BTreeSet::new(),
            queue: VecDeque::new(),
            waiting: 0,
            jobs: BTreeMap::new(),
            stated: None,
            flying: BTreeMap::new(),
            held: Vec::new(),
            cell: None,
            is_open: false,
            takes: Time::ZERO,
            results: JobsResults::default(),
        }
    }

    /// How long the decisions take whose calls are made now.
    pub(in crate::cluster) fn take_time(&mut self) -> Time {
        std::mem::take(&mut self.takes)
    }

    /// How long a task of its runs; none for one that never ends.
    pub(in crate::cluster) fn run_time(&self, task: &TaskId) -> Option<Time> {
        let (job, _) = self.job_of(task)?;
        self.listed(job).duration
    }

    /// Which job a task is of, from 0, and when that came.
    pub(in crate::cluster) fn job_of(&self, task: &TaskId) -> Option<(usize, Time)> {
        let job = task.as_str().split('-').nth(1)?.parse::<usize>().ok()?;
        Some((job, Time::milliseconds(self.plan.jobs.get(job)?.at.0)))
    }

    /// Tasks of jobs that have arrived, that are not placed.
    pub(in crate::cluster) fn waiting(&self) -> u64 {
        self.waiting
    }

    pub(in crate::cluster) fn results(&self) -> &JobsResults {
        &self.results
    }

    fn listed(&self, job: usize) -> &Listed {
        &self.plan.jobs[job]
    }

    /// Jobs that are there by now stand in the queue.
    fn arrive(&mut self, now: Instant) {
        while let Some(listed) = self.plan.jobs.get(self.next).filter(|job| job.at <= now) {
            let job = Job {
                waiting: listed.tasks,
                attempts: 0,
                number: 0,
                queued_at: listed.at,
                queued_for: Time::ZERO,
                flying: 0,
                is_conflict: false,
                takes: Time::ZERO,
            };
            self.jobs.insert(self.next, job);
            self.queue.push_back(self.next);
            self.results.arrived += 1;
            self.waiting += u64::from(listed.tasks);
            self.next += 1;
        }
        while let Some((at, job)) = self.again.first().copied().filter(|(at, _)| *at <= now) {
            self.again.remove(&(at, job));
            self.jobs.get_mut(&job).expect("it comes back").queued_at = at;
            self.queue.push_back(job);
        }
    }

    /// Whatever can be decided now is.
    fn settle(&mut self, now: Instant, calls: &mut Calls) {
        self.arrive(now);
        match self.plan.asks {
            Asks::Demand => self.by_demand(now, calls),
            Asks::Plain => self.by_offers(now, calls),
            Asks::Shared => self.by_commits(now, calls),
        }
        let next = self.plan.jobs.get(self.next).map(|job| job.at);
        let again = self.again.first().map(|(at, _)| *at);
        if let Some(at) = next.into_iter().chain(again).min() {
            calls.wake_at(at);
        }
    }

    fn by_demand(&mut self, now: Instant, calls: &mut Calls) {
        let role = self.plan.role.clone();
        let held = std::mem::take(&mut self.held);
        if let Some(job) = self.stated {
            let name = format!("job-{job}");
            let is_for = |offer: &Offer| offer.pieces.iter().any(|(id, _)| id.as_str() == name);
            let (mut offers, late): (Vec<_>, Vec<_>) = held.into_iter().partition(is_for);
            decline(late, DeclineReason::NothingPending, Duration(0), calls);
            if !offers.is_empty() {
                self.stated = None;
                self.queue.pop_front();
                self.begin(now, job);
                calls.state_demand(role.clone(), Vec::new());
                self.accept(now, job, &mut offers, calls);
                decline(offers, DeclineReason::NothingPending, Duration(0), calls);
            }
        } else {
            decline(held, DeclineReason::NothingPending, Duration(0), calls);
        }
        let next = self.queue.front().copied();
        if let (None, true, Some(job)) = (self.stated, self.flying.is_empty(), next) {
            let waiting = self.jobs[&job].waiting;
            let each = self.listed(job).each.clone();
            let demand = DemandBuilder::new(format!("job-{job}"), each, waiting).build();
            calls.state_demand(role.clone(), vec![demand.expect("a name and a shape")]);
            self.stated = Some(job);
            if !std::mem::replace(&mut self.is_open, true) {
                calls.revive(vec![role]);
            }
        }
    }

    fn by_offers(&mut self, now: Instant, calls: &mut Calls) {
        let role = self.plan.role.clone();
        let mut held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            for job in std::mem::take(&mut self.queue) {
                let each = &self.listed(job).each;
                if held.iter().any(|offer| offer.resources.contains(each)) {
                    self.begin(now, job);
                    self.accept(now, job, &mut held, calls);
                } else {
                    self.queue.push_back(job);
                }
            }
            decline(held, DeclineReason::NothingPending, self.plan.refuse, calls);
        }
        let wants = !self.queue.is_empty();
        if std::mem::replace(&mut self.is_open, wants) != wants {
            match wants {
                true => calls.revive(vec![role]),
                false => calls.suppress(vec![role]),
            };
        }
    }

    fn by_commits(&mut self, now: Instant, calls: &mut Calls) {
        let is_ready = self.cell.as_ref().is_some_and(Cell::is_complete);
        if !is_ready || !self.flying.is_empty() {
            return;
        }
        let Some(job) = self.queue.pop_front() else { return };
        self.begin(now, job);
        let state = self.jobs.get_mut(&job).expect("it was queued");
        let listed = &self.plan.jobs[job];
        let mut maker = Maker { job, number: &mut state.number, each: &listed.each };
        let cell = self.cell.as_mut().expect("it is complete");
        let placed = cell.choose(state.waiting, &mut self.chance, &mut maker);
        self.send(now, job, placed, calls);
        if self.flying.is_empty() && !self.queue.is_empty() {
            // There was no room for any of it: on to the next one.
            calls.wake_at(now + Duration(1));
        }
    }

    /// A decision begins.
    fn begin(&mut self, now: Instant, id: usize) {
        let job = self.jobs.get_mut(&id).expect("it was queued");
        job.queued_for += Time::milliseconds(now.since(job.queued_at).0);
        if job.attempts == 0 {
            self.results.waits.push(job.queued_for);
        }
        job.attempts += 1;
        self.results.attempts += 1;
        let takes = self.plan.decide + self.plan.decide_task.times(job.waiting.into());
        (job.takes, job.is_conflict) = (takes, false);
        self.takes += takes;
    }

    fn accept(&mut self, now: Instant, id: usize, offers: &mut Vec<Offer>, calls: &mut Calls) {
        let job = self.jobs.get_mut(&id).expect("it was queued");
        let each = &self.plan.jobs[id].each;
        let mut maker = Maker { job: id, number: &mut job.number, each };
        let placed = fill(offers, job.waiting, &mut maker);
        self.send(now, id, placed, calls);
    }

    /// Makes true what was decided.
    fn send(&mut self, now: Instant, id: usize, placed: Vec<Placed>, calls: &mut Calls) {
        let all = in_calls(placed);
        self.jobs.get_mut(&id).expect("it was queued").flying = all.len() as u32;
        let is_empty = all.is_empty();
        for call in all {
            let agent = |placed: &Placed| placed.tasks.first().map(|task| task.agent.clone());
            let count = |placed: &Placed| placed.tasks.len() as u32;
            let operations = call.iter().filter_map(|it| Some((agent(it)?, count(it)))).collect();
            let flight = Flight { job: id, operations };
            let offers: Vec<_> = call.iter().filter_map(|placed| placed.offer).collect();
            let operations = call.into_iter().map(Placed::into_operation).collect();
            let call = match self.plan.asks {
                Asks::Shared => {
                    let (role, fine) = (self.plan.role.clone(), ConflictDetection::Fine);
                    calls.commit_operations(role, operations, true, fine, BTreeMap::new())
                }
                _ => calls.accept_operations(offers, operations, true, Duration(0)),
            };
            self.flying.insert(call, flight);
        }
        if is_empty {
            self.attempted(id, now);
        }
    }

    /// A call is answered; `None` when all of it is refused.
    fn answered(&mut self, now: Instant, call: CallId, results: Option<&[OperationResult]>) {
        let Some(Flight { job: id, operations }) = self.flying.remove(&call) else { return };
        let job = self.jobs.get_mut(&id).expect("its calls are on their way");
        for (index, (agent, count)) in operations.iter().enumerate() {
            let done = results.is_some_and(|results| results[index].refusal().is_none());
            if done {
                job.waiting -= count;
                self.waiting -= u64::from(*count);
                continue;
            }
            job.is_conflict = true;
            if let Some(cell) = &mut self.cell {
                cell.restore(agent);
            }
        }
        job.flying -= 1;
        if job.flying == 0 {
            self.attempted(id, now);
        }
    }

    /// An attempt is over.
    fn attempted(&mut self, id: usize, now: Instant) {
        let (job, tasks) = (self.jobs[&id], self.listed(id).tasks);
        if job.is_conflict {
            self.results.conflicts += 1;
            self.results.wasted += job.takes;
        }
        if job.waiting == 0 {
            self.results.placed += 1;
            self.results.waits_full.push(job.queued_for);
            self.jobs.remove(&id);
        } else if is_hopeless(job.attempts, job.waiting, tasks) {
            self.results.abandoned += 1;
            self.waiting -= u64::from(job.waiting);
            self.jobs.remove(&id);
        } else {
            self.again.insert((now + AGAIN, id));
        }
    }

    fn shown(&mut self, shown: &SharedState) {
        if shown.role == self.plan.role {
            match &mut self.cell {
                Some(cell) => cell.update(shown),
                None => self.cell = Some(Cell::new(shown)),
            }
        }
    }
}

impl Scheduler for JobsScheduler {
    fn handle(&mut self, now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Offers(offers) => self.held.extend(offers),
            Event::Rescinded(offers) => self.held.retain(|held| !offers.contains(&held.id)),
            Event::SharedState(state) => self.shown(&state),
            Event::Accepted { call, results, .. } => self.answered(now, call, Some(&results)),
            Event::Refused { call, .. } => self.answered(now, call, None),
            _ => {}
        }
        self.settle(now, calls);
    }
}

fn decline(offers: Vec<Offer>, why: DeclineReason, refuse: Duration, calls: &mut Calls) {
    let ids: Vec<_> = offers.into_iter().map(|offer| offer.id).collect();
    for chunk in ids.chunks(limits::OFFERS_PER_CALL_MAX) {
        calls.decline(chunk.to_vec(), DeclineFilter::because(why).for_time(refuse));
    }
}
