//! Frameworks: the SDK's engine around a scheduler, as its driver runs it. The scheduler is the
//! shipped batch framework, or one with a queue of jobs.

use super::{
    jobs::{Asks, JobsScheduler},
    plan::{Planned, Task},
};
use batch::{BatchScheduler, Silent};
use bourse_sdk::{
    Acknowledgement, Calls, Engine, Event, Scheduler,
    jitter::Backoff,
    session::{ConnectionId, Effect, Input, SessionSettings},
};
use master_core::input::StreamId;
use proto::model::{Duration, FrameworkInfo, Instant, Principal, principal::PrincipalError};
use simulator::engine::Time;
use std::collections::BTreeSet;

/// One framework.
#[derive(Debug)]
pub(super) struct Framework {
    pub(super) name: String,
    pub(super) principal: Principal,
    pub(super) group: usize,
    pub(super) starts: Time,
    /// When its first offer arrived.
    pub(super) first_offer: Option<Time>,
    engine: Engine,
    scheduler: Own,
    pub(super) stream: Option<(ConnectionId, StreamId)>,
    /// When it next looks at the time, if it was not asked for earlier.
    pub(super) wake_at: Option<Time>,
    /// It decides until then.
    pub(super) busy_until: Time,
    /// How long it has decided, all together.
    pub(super) busy: Time,
}

/// A scheduler.
#[derive(Debug)]
enum Own {
    Batch(Box<BatchScheduler>),
    Jobs(Box<JobsScheduler>),
}

impl Scheduler for Own {
    fn handle(&mut self, now: Instant, event: Event, calls: &mut Calls) {
        match self {
            Self::Batch(scheduler) => scheduler.handle(now, event, calls),
            Self::Jobs(scheduler) => scheduler.handle(now, event, calls),
        }
    }
}

impl Framework {
    pub(super) fn new(planned: Planned, seed: u64) -> Self {
        let Planned { group, name, principal, role, starts, task } = planned;
        // Whoever says what it wants says so before it is offered anything; nothing is offered to
        // who is shown what is free.
        let is_shown = matches!(&task, Task::Jobs(plan) if plan.asks == Asks::Shared);
        let suppressed = if is_shown { BTreeSet::new() } else { BTreeSet::from([role.clone()]) };
        let scheduler = match task {
            Task::Batch(job) => {
                Own::Batch(Box::new(BatchScheduler::new(*job, seed, Box::new(Silent))))
            }
            Task::Jobs(plan) => Own::Jobs(Box::new(JobsScheduler::new(plan))),
        };
        let settings = SessionSettings {
            masters: vec!["master:5050".to_owned()],
            info: FrameworkInfo {
                name: name.clone(),
                roles: vec![role],
                failover_timeout: Duration::from_seconds(3_600),
                labels: Vec::new(),
                disruption_budget: None,
                offer_terms: Vec::new(),
            },
            framework: None,
            suppressed,
            acknowledgement: Acknowledgement::Automatic,
            backoff: Backoff { min: Duration(50), max: Duration(500) },
            connect_timeout: Duration::from_seconds(3_600),
            drain_timeout: Duration::from_seconds(3_600),
            seed,
        };
        Self {
            group,
            principal,
            starts,
            first_offer: None,
            engine: Engine::new(settings),
            scheduler,
            stream: None,
            wake_at: None,
            busy_until: Time::ZERO,
            busy: Time::ZERO,
            name,
        }
    }

    /// Lets it see what happened; says what it does.
    pub(super) fn step(&mut self, now: Instant, input: Option<Input>) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.engine.ended().is_none() {
            self.engine.step(now, input, &mut self.scheduler, &mut effects);
        }
        effects
    }

    /// When it wants to look at the time.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.engine.ended().is_none().then(|| self.engine.deadline()).flatten()
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        self.engine.ended().is_some()
    }

    /// Of a job of the batch framework.
    pub(super) fn summary(&self) -> Option<batch::Summary> {
        match &self.scheduler {
            Own::Batch(scheduler) => Some(scheduler.summary()),
            Own::Jobs(_) => None,
        }
    }

    /// Its queue of jobs, if it has one.
    pub(super) fn jobs(&self) -> Option<&JobsScheduler> {
        match &self.scheduler {
            Own::Batch(_) => None,
            Own::Jobs(scheduler) => Some(scheduler),
        }
    }

    /// How long the decisions took whose calls it made last, of a queue of jobs.
    pub(super) fn take_time(&mut self) -> Time {
        match &mut self.scheduler {
            Own::Batch(_) => Time::ZERO,
            Own::Jobs(scheduler) => scheduler.take_time(),
        }
    }
}

/// Who a framework of this name is to the master.
///
/// # Errors
/// When it is no name that an identity can have.
pub(super) fn principal(name: &str) -> Result<Principal, PrincipalError> {
    format!("spiffe://{}/framework/{name}", super::master::cluster()).parse()
}
