//! A framework that launches one small task after another, at a steady pace or each when the one
//! before has ended, and measures what it waits for.

use crate::{fleet::STAMP, samples::Samples};
use bourse_sdk::{
    CallId, Calls, Driver, Event, Masters, Scheduler, Settings, TaskBuilder,
    model::{
        AgentId, Duration, FrameworkInfo, Instant, Offer, Resources, TaskId, TaskState, TaskStatus,
        limits,
    },
};
use std::{
    collections::{BTreeMap, VecDeque},
    time,
};

/// Offers that are kept; the rest is declined.
const KEPT_MAX: usize = 2_000;

/// When the next task is launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// So long after the one before, however that fares.
    Every(Duration),
    /// When the one before has ended and its resources are offered again.
    OneByOne,
}

/// What to do.
#[derive(Debug, Clone)]
pub struct Probing {
    /// How many tasks.
    pub tasks: usize,
    /// Of these are not counted: the first.
    pub warm_up: usize,
    /// What each takes; one by one, each takes all that is offered.
    pub resources: Resources,
    /// When.
    pub pace: Pace,
    /// The agents' clock, as in stamps.
    pub begun: time::Instant,
    /// Beginning of the tasks' ids, which must not have been used.
    pub prefix: &'static str,
}

/// Milliseconds.
#[derive(Debug, Default, Clone)]
pub struct Waits {
    /// From the call until its answer.
    pub accept: Samples,
    /// From the agent's sending of RUNNING until the framework has it.
    pub delivery: Samples,
    /// From the call until the framework has RUNNING.
    pub running: Samples,
    /// From having FINISHED until the same resources are offered; negative is impossible, a later
    /// event is zero.
    pub offered_again: Samples,
}

#[derive(Debug)]
struct Prober {
    probing: Probing,
    launched: usize,
    ended: usize,
    offers: VecDeque<Offer>,
    calls: BTreeMap<CallId, time::Instant>,
    accepted: BTreeMap<TaskId, time::Instant>,
    /// The agent whose resources were freed, and when; only one by one.
    freed: Option<(AgentId, time::Instant)>,
    next: Option<Instant>,
    waits: Waits,
    refused: usize,
}

/// Runs to the end.
pub async fn probe(
    masters: Masters,
    info: FrameworkInfo,
    probing: Probing,
) -> anyhow::Result<Waits> {
    let mut prober = Prober {
        probing,
        launched: 0,
        ended: 0,
        offers: VecDeque::new(),
        calls: BTreeMap::new(),
        accepted: BTreeMap::new(),
        freed: None,
        next: None,
        waits: Waits::default(),
        refused: 0,
    };
    Driver::new(Settings::new(masters, info)).run(&mut prober).await?;
    anyhow::ensure!(prober.refused == 0, "{} calls were refused", prober.refused);
    Ok(prober.waits)
}

impl Prober {
    fn counts(&self) -> bool {
        self.launched > self.probing.warm_up
    }

    fn keep(&mut self, offers: Vec<Offer>, calls: &mut Calls) {
        if let Some((agent, at)) = &self.freed
            && offers.iter().any(|offer| offer.agent == *agent)
        {
            if self.counts() {
                self.waits.offered_again.push(milliseconds(*at));
            }
            self.freed = None;
        }
        let room = KEPT_MAX.saturating_sub(self.offers.len());
        let mut offers = VecDeque::from(offers);
        let rest = offers.split_off(room.min(offers.len()));
        self.offers.extend(offers);
        let rest: Vec<_> = rest.into_iter().map(|offer| offer.id).collect();
        for part in rest.chunks(limits::OFFERS_PER_CALL_MAX) {
            calls.decline(part.to_vec(), limits::REFUSE_MAX);
        }
    }

    fn launch(&mut self, now: Instant, calls: &mut Calls) {
        let may = match self.probing.pace {
            Pace::Every(pause) => {
                let due = *self.next.get_or_insert(now);
                let is_due = due <= now;
                if is_due {
                    // From when it was due: a late start is caught up with.
                    self.next = Some(due + pause);
                }
                calls.wake_at(self.next.expect("just set"));
                is_due
            }
            Pace::OneByOne => self.launched == self.ended && self.freed.is_none(),
        };
        if !may || self.launched == self.probing.tasks {
            return;
        }
        let Some(offer) = self.offers.pop_front() else { return };
        let id = format!("{}-{:08}", self.probing.prefix, self.launched);
        let resources = match self.probing.pace {
            Pace::Every(_) => &self.probing.resources,
            // Nothing may be left of it, or the offer of the rest would be taken for the next one.
            Pace::OneByOne => &offer.resources,
        };
        let task = TaskBuilder::new(id)
            .resources(resources)
            .command([STAMP])
            .build(&offer.agent)
            .expect("numbers make good ids");
        self.launched += 1;
        let sent = time::Instant::now();
        self.accepted.insert(task.id.clone(), sent);
        let call = calls.accept(vec![offer.id], vec![task], Duration(0));
        self.calls.insert(call, sent);
    }

    fn update(&mut self, status: &TaskStatus, calls: &mut Calls) {
        let Some(accepted) = self.accepted.get(&status.task) else { return };
        if status.state == TaskState::Running && self.counts() {
            self.waits.running.push(milliseconds(*accepted));
            if let Ok(sent) = status.message.parse::<f64>() {
                let now = self.probing.begun.elapsed().as_secs_f64() * 1e6;
                self.waits.delivery.push((now - sent) / 1e3);
            }
        }
        if !status.state.is_terminal() {
            return;
        }
        self.accepted.remove(&status.task);
        self.ended += 1;
        if self.probing.pace == Pace::OneByOne {
            let already = self.offers.iter().any(|offer| offer.agent == status.agent);
            match already && self.counts() {
                true => self.waits.offered_again.push(0.0),
                false => self.freed = Some((status.agent.clone(), time::Instant::now())),
            }
        }
        if self.ended == self.probing.tasks {
            calls.teardown();
        }
    }
}

impl Scheduler for Prober {
    fn handle(&mut self, now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Offers(offers) => self.keep(offers, calls),
            Event::Accepted { call, .. } => {
                if let Some(sent) = self.calls.remove(&call)
                    && self.counts()
                {
                    self.waits.accept.push(milliseconds(sent));
                }
            }
            Event::Update(status) => self.update(&status, calls),
            Event::Refused { refusal, .. } => {
                eprintln!("refused: {refusal:?}");
                self.refused += 1;
                calls.done();
            }
            _ => {}
        }
        self.launch(now, calls);
    }
}

fn milliseconds(since: time::Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
