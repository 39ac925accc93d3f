//! One run: jobs come, wait, start, end, or give way and wait again.

use super::{
    evictor::Evictor,
    floor::{Floor, History, Task, TaskNumber},
    oracle::Oracle,
    plan::{Band, SchedulingPlan},
    records::{record, record_waiting},
    results::Results,
    work::{Job, JobsToCome, Work},
};
use crate::{
    cell::{Finder, RequestId},
    error::RunError,
    measures::Measures,
    records::Recorder,
    running::{Running, Smallest, State},
};
use simulator::engine::{Queue, Time};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

#[derive(Debug, Clone, Copy)]
enum Happening {
    /// The next jobs of the list come.
    Arrival,
    /// A task ends, if it still runs.
    End(TaskNumber),
    /// The queue is gone through.
    Pass,
}

/// Tasks of a job that wait.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) job: Rc<Job>,
    pub(super) band: u8,
    /// Parts of the job, and how many tasks of each.
    pub(super) left: Vec<(usize, u32)>,
    /// One that has run before and gave way, by its place in its part.
    again: Option<u32>,
    pub(super) history: History,
}

/// In which order those that wait are tried: the highest band first, then who came first.
type Turn = (Reverse<u8>, u64);

#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) plan: &'a SchedulingPlan,
    pub(super) work: &'a Work,
    pub(super) queue: QueueOf,
    pub(super) floor: Floor<'a>,
    pub(super) finder: Finder,
    pub(super) evictor: Evictor,
    pub(super) oracle: Oracle<'a>,
    pub(super) results: Results,
    pub(super) recorder: &'a mut Recorder,
    pub(super) next_task: TaskNumber,
    coming: JobsToCome<'a>,
    /// The job that comes next.
    next: Option<Job>,
    /// Why the jobs could not be read further.
    failed: Option<RunError>,
    /// Jobs that have come, by band.
    come: Vec<u64>,
    waiting: BTreeMap<Turn, Waiting>,
    next_turn: u64,
    pass_is_due: bool,
    /// When the run is over, if it is not over before.
    until: Time,
    smallest: Smallest,
}

/// The queue of what will happen.
#[derive(Debug, Default)]
pub(super) struct QueueOf(Queue<Happening>);

impl QueueOf {
    pub(super) fn now(&self) -> Time {
        self.0.now()
    }
}

impl Waiting {
    /// The next task of a part, by its place in it.
    pub(super) fn number(&self, part: usize) -> u32 {
        let left = self.left.iter().find(|(of, _)| *of == part).map_or(0, |(_, count)| *count);
        self.again.unwrap_or(self.job.parts[part].tasks - left)
    }

    /// A task of a part was not placed after all.
    pub(super) fn give_back(&mut self, part: usize) {
        match self.left.iter_mut().find(|(of, _)| *of == part) {
            Some((_, count)) => *count += 1,
            None => self.left.push((part, 1)),
        }
    }
}

impl Running for Run<'_> {
    fn run(&mut self, until: Option<Time>) {
        let until = until.map_or(self.until, |until| until.min(self.until));
        while let Some(happening) = self.queue.0.next_before(until) {
            match happening {
                Happening::Arrival => self.arrive(),
                Happening::End(task) => self.end(task),
                Happening::Pass => self.pass(),
            }
        }
    }

    fn is_over(&self) -> bool {
        self.queue.0.next_at().is_none_or(|next| next >= self.until)
    }

    fn span(&self) -> (Time, Time) {
        let (first, last) = self.work.span();
        (first, last.min(self.until))
    }

    fn waiting(&self) -> Vec<crate::running::Waiting> {
        let mut counts = vec![0; self.plan.band_count()];
        self.waiting.values().for_each(|it| counts[usize::from(it.band)] += 1);
        let named = counts.into_iter().zip(self.come.iter().copied()).enumerate();
        named.map(|(band, numbers)| queue_of(self.plan.bands.get(band), numbers)).collect()
    }

    /// It is measured from its start.
    fn count_from(&mut self, _: Time) {}

    fn state(&self) -> State {
        State {
            at: self.queue.now(),
            running: self.floor.all().count() as u64,
            digest: self.results.digest(),
            ..State::of(&self.floor.cell, &self.work.reader().requests, &self.smallest)
        }
    }

    fn finish(self: Box<Self>) -> Result<Measures, RunError> {
        let mut run = *self;
        if let Some(problem) = run.failed.take() {
            return Err(problem);
        }
        let end = if run.plan.until_s.is_some() { run.until } else { run.queue.now() };
        for running in run.floor.all() {
            run.results.ended(end, running, false);
            run.recorder.task(&record(run.plan, running, None));
        }
        for waiting in run.waiting.values() {
            record_waiting(run.plan, waiting, run.recorder);
            let left: u64 = waiting.left.iter().map(|(_, count)| u64::from(*count)).sum();
            run.results.left(waiting.band, left);
        }
        Ok(run.results.measures(run.plan, end, &run.oracle))
    }
}

/// The jobs of a band that wait.
fn queue_of(band: Option<&Band>, (count, come): (u64, u64)) -> crate::running::Waiting {
    let queue = band.map_or_else(String::new, |band| band.name.clone());
    crate::running::Waiting { queue, count, come }
}

impl<'a> Run<'a> {
    pub(super) fn new(
        plan: &'a SchedulingPlan,
        work: &'a Work,
        finder: Finder,
        seed: u64,
        recorder: &'a mut Recorder,
    ) -> Result<Self, RunError> {
        let requests = &work.reader().requests;
        let mut run = Self {
            plan,
            work,
            queue: QueueOf::default(),
            floor: Floor::new(work.cell().clone(), requests, plan.band_count()),
            finder,
            evictor: Evictor::new(plan.looked_at, seed),
            oracle: Oracle::new(work, &plan.bands),
            results: Results::new(plan, work),
            recorder,
            next_task: 0,
            coming: work.coming()?,
            next: None,
            failed: None,
            come: vec![0; plan.band_count()],
            waiting: BTreeMap::new(),
            next_turn: 0,
            pass_is_due: false,
            until: plan.until_s.map_or(Time(u64::MAX), |until| Time::seconds(until.into())),
            smallest: Smallest::default(),
        };
        run.read_next();
        run.expect_next();
        Ok(run)
    }

    fn end(&mut self, task: TaskNumber) {
        let Some(running) = self.floor.leave(task) else { return };
        self.oracle.ends(task, running.machine);
        let now = self.queue.now();
        self.results.ended(now, &running, true);
        if self.recorder.wants_tasks() {
            self.recorder.task(&record(self.plan, &running, Some(now)));
        }
        self.expect_pass();
    }

    fn pass(&mut self) {
        self.pass_is_due = false;
        let turns = self.waiting.keys().copied().collect();
        self.try_all(turns);
    }

    fn read_next(&mut self) {
        match self.coming.next() {
            Ok(next) => self.next = next,
            Err(problem) => (self.next, self.failed) = (None, Some(problem)),
        }
    }

    /// The next one that comes stands in the queue.
    fn expect_next(&mut self) {
        if let Some(job) = &self.next {
            self.queue.0.at(job.at, Happening::Arrival);
        }
    }

    /// What is free has changed.
    fn expect_pass(&mut self) {
        if std::mem::replace(&mut self.pass_is_due, true) {
            return;
        }
        let now = self.queue.now();
        let every = Time::seconds(u64::from(self.plan.every_s)).0;
        let at = match every {
            0 => now,
            every => Time(now.0.div_ceil(every).saturating_mul(every)),
        };
        self.queue.0.at(at, Happening::Pass);
    }

    /// All jobs that come at this moment: of these too the highest band goes first.
    fn arrive(&mut self) {
        let now = self.queue.now();
        let mut turns = BTreeSet::new();
        while let Some(job) = self.next.take_if(|job| job.at == now) {
            let left = job.parts.iter().map(|part| part.tasks).enumerate().collect();
            let band = self.plan.band(job.priority);
            self.results.arrived(band, &job);
            self.come[usize::from(band)] += 1;
            let (job, history) = (Rc::new(job), History::default());
            turns.insert(self.wait(Waiting { job, band, left, again: None, history }));
            self.read_next();
        }
        self.expect_next();
        self.try_all(turns);
    }

    fn wait(&mut self, waiting: Waiting) -> Turn {
        let turn = (Reverse(waiting.band), self.next_turn);
        self.next_turn += 1;
        self.waiting.insert(turn, waiting);
        turn
    }

    /// Tries those whose turn it is, one after the other. Who asks for the same as somebody before,
    /// of no lower band, for whom there was no room, is passed over: there is no more room now.
    fn try_all(&mut self, turns: BTreeSet<Turn>) {
        let mut failed: BTreeMap<RequestId, u32> = BTreeMap::new();
        for turn in turns {
            let Some(mut waiting) = self.waiting.remove(&turn) else { continue };
            let (request, needs) = self.asks(&waiting);
            let has_failed = request.and_then(|request| failed.get(&request));
            if has_failed.is_some_and(|enough| needs >= *enough) {
                self.waiting.insert(turn, waiting);
                continue;
            }
            if !self.attempt(&mut waiting) {
                if let Some(request) = request {
                    let enough = failed.entry(request).or_insert(needs);
                    *enough = needs.min(*enough);
                }
                self.waiting.insert(turn, waiting);
            }
        }
    }

    /// What is asked for, if it is one thing, and how many tasks need room at once.
    fn asks(&self, waiting: &Waiting) -> (Option<RequestId>, u32) {
        let job = &waiting.job;
        match (waiting.left.as_slice(), job.gang) {
            ([(part, count)], true) => (Some(job.parts[*part].request), *count),
            ([(part, _)], false) => (Some(job.parts[*part].request), 1),
            _ => (None, 0),
        }
    }

    /// A task has started, and others gave way to it.
    pub(super) fn started(&mut self, task: TaskNumber, victims: Vec<(TaskNumber, Task)>) {
        let now = self.queue.now();
        let running = self.floor.get(task).expect("it was started").clone();
        if !victims.is_empty() {
            let numbers: Vec<TaskNumber> = victims.iter().map(|(number, _)| *number).collect();
            self.oracle.give_way(&numbers, &running);
            for (number, victim) in victims {
                self.results.evicted(now, number, &victim);
                let Task { job, part, number, band, mut history, .. } = victim;
                history.evictions += 1;
                self.wait(Waiting {
                    job,
                    band,
                    left: vec![(part, 1)],
                    again: Some(number),
                    history,
                });
            }
            self.expect_pass();
        }
        self.oracle.starts(task, &running);
        self.results.started(now, &running);
        if let Some(duration) = running.part().duration {
            self.queue.0.at(Time(now.0.saturating_add(duration.0)), Happening::End(task));
        }
    }
}
