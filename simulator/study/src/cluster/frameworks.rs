//! Frameworks: the SDK's engine around the shipped batch framework, as its driver runs it.

use super::plan::Planned;
use batch::{BatchScheduler, Silent};
use bourse_sdk::{
    Acknowledgement, Engine,
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
    scheduler: BatchScheduler,
    pub(super) stream: Option<(ConnectionId, StreamId)>,
    /// When it next looks at the time, if it was not asked for earlier.
    pub(super) wake_at: Option<Time>,
    /// It decides until then.
    pub(super) busy_until: Time,
    /// How long it has decided, all together.
    pub(super) busy: Time,
}

impl Framework {
    pub(super) fn new(planned: Planned, seed: u64) -> Self {
        let Planned { group, name, principal, role, starts, job } = planned;
        let settings = SessionSettings {
            masters: vec!["master:5050".to_owned()],
            info: FrameworkInfo {
                name: name.clone(),
                roles: vec![role.clone()],
                failover_timeout: Duration::from_seconds(3_600),
                labels: Vec::new(),
                disruption_budget: None,
                offer_terms: Vec::new(),
            },
            framework: None,
            suppressed: BTreeSet::from([role]),
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
            scheduler: BatchScheduler::new(job, seed, Box::new(Silent)),
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

    pub(super) fn summary(&self) -> batch::Summary {
        self.scheduler.summary()
    }
}

/// Who a framework of this name is to the master.
///
/// # Errors
/// When it is no name that an identity can have.
pub(super) fn principal(name: &str) -> Result<Principal, PrincipalError> {
    format!("spiffe://{}/framework/{name}", super::master::cluster()).parse()
}
