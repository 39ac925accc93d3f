//! Emulated agents on real connections: what a master sees of ten thousand hosts.
//!
//! Each agent registers, sends heartbeats, and reports tasks as running and finished; nothing runs
//! and no journal is kept, so that what is measured is the master. Connections are HTTP/2 by hand
//! (the `h2` crate and gRPC's five bytes of framing), since a client of a gRPC library takes more
//! memory than all that is emulated. Agents of a *line* share one connection: one each, unless the
//! host has fewer file descriptors than agents are wanted. Does not know what is measured.

mod agent;
mod dial;
mod frames;
mod line;

pub use agent::{HOLD, STAMP};
pub use dial::{Identities, Target};
pub use frames::{Frames, frame};

use agent::Agent;
use line::Line;
use proto::{convert::agent::write_agent_info, model::Resources, wire::v1};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::rows;

/// Connections that are being opened at one time: fewer than the master's backlog holds, or the
/// kernel drops some and tries again a second later.
const DIALS_MAX: usize = 1_024;

/// How often what has happened is looked at.
const STEP: Duration = Duration::from_millis(2);

/// What agents say of themselves, and where they connect.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many.
    pub agents: usize,
    /// How many of them share a connection.
    pub agents_per_line: usize,
    /// What each has.
    pub resources: Resources,
}

/// Agents that live until this is dropped.
#[derive(Debug)]
pub struct Fleet {
    shared: Arc<Shared>,
    lines: JoinSet<()>,
    agents: usize,
}

/// What all lines have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Where the masters are.
    pub(crate) target: Target,
    /// Who the agents are, to TLS.
    pub(crate) identities: Option<Identities>,
    pub(crate) dials: Semaphore,
    pub(crate) registered: AtomicUsize,
    /// Every registration that a master confirmed, repeated ones too.
    pub(crate) registrations: AtomicUsize,
    pub(crate) refusals: AtomicUsize,
    pub(crate) begun: Instant,
}

impl Fleet {
    /// Starts all agents; they connect as fast as they can, on the runtime this is called on.
    pub fn start(plan: &Plan, target: Target, identities: Option<Identities>) -> Self {
        let shared = Arc::new(Shared {
            target,
            identities,
            dials: Semaphore::new(DIALS_MAX),
            registered: AtomicUsize::new(0),
            registrations: AtomicUsize::new(0),
            refusals: AtomicUsize::new(0),
            begun: Instant::now(),
        });
        let mut lines = JoinSet::new();
        let numbers: Vec<usize> = (0..plan.agents).collect();
        for (number, members) in numbers.chunks(plan.agents_per_line.max(1)).enumerate() {
            let agents = members.iter().map(|agent| describe(*agent, plan)).collect();
            lines.spawn(Line::new(number, agents, Arc::clone(&shared)).run());
        }
        Self { shared, lines, agents: plan.agents }
    }

    /// Agents that are registered at this moment.
    pub fn registered(&self) -> usize {
        self.shared.registered.load(Relaxed)
    }

    /// Registrations that masters have confirmed so far, those of agents that came back included.
    pub fn registrations(&self) -> usize {
        self.shared.registrations.load(Relaxed)
    }

    /// Streams that masters have refused.
    pub fn refusals(&self) -> usize {
        self.shared.refusals.load(Relaxed)
    }

    /// Waits until all are registered; tells how many are, from time to time.
    pub async fn all_registered(
        &self,
        timeout: Duration,
        tell: impl Fn(usize),
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let registered = self.registered();
            tell(registered);
            if registered == self.agents {
                return Ok(());
            }
            anyhow::ensure!(
                begun.elapsed() < timeout,
                "{registered} of {} agents registered within {timeout:?}; {} were refused",
                self.agents,
                self.refusals()
            );
            tokio::time::sleep(STEP).await;
        }
    }

    /// Microseconds since agents began, as in the messages of statuses that are stamped.
    pub fn micros(&self) -> u128 {
        self.shared.begun.elapsed().as_micros()
    }

    /// The clock of [`Self::micros`], for elsewhere.
    pub fn begun(&self) -> Instant {
        self.shared.begun
    }

    /// Closes all connections.
    pub async fn stop(mut self) {
        self.lines.shutdown().await;
    }
}

fn describe(number: usize, plan: &Plan) -> Agent {
    let info = rows::agent_info(number, plan.resources.clone());
    let incarnation = 1 + number as u64;
    let info: v1::AgentInfo = write_agent_info(&info);
    Agent::new(number, info, incarnation)
}
