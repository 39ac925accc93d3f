//! A master's allocator with its view and demand, without messages, offers' ids or a log: what
//! Mesos calls the allocator, for its own workloads.
//!
//! Time is that of this thread on a processor. The ledger is filled beforehand: it stands for what
//! the master knows already.

use crate::rows;
use master_core::{
    allocator::{Allocator as _, Demand, Drf, Fairness, PlannedOffer, View, filters::Refused},
    ledger::{Applied, Command, Event, Ledger, Stamp},
    offers::Book,
};
use nix::time::{ClockId, clock_gettime};
use proto::model::{
    DeclineReason, FrameworkId, FrameworkInfo, Instant, Milli, Quota, Resources, Role, Session,
    TaskKey, TaskState, TaskStatus, WallTime,
};
use std::{collections::BTreeMap, time::Duration};

/// Time on a processor of this thread so far.
pub fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every thread has a clock");
    Duration::from(time)
}

/// What something took of this thread's time, and what it gave.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = thread_time();
    let result = work();
    (thread_time() - begun, result)
}

/// A cluster as its allocator sees it.
#[derive(Debug)]
pub struct Rig {
    /// What is so.
    pub ledger: Ledger,
    /// What is free.
    pub view: View,
    /// Who wants what.
    pub demand: Demand,
    /// Who gets what.
    pub drf: Drf,
    /// The time.
    pub now: Instant,
    /// Offers that are out.
    pub offers: Vec<PlannedOffer>,
    sessions: BTreeMap<FrameworkId, Session>,
    tasks: usize,
    index: u64,
}

impl Rig {
    /// An empty cluster with roles of these weights.
    pub fn new(weights: BTreeMap<Role, Milli>) -> Self {
        let (ledger, fairness) =
            (Ledger::new(rows::cluster()), Fairness { weights, ..Fairness::default() });
        let view = View::rebuild(&ledger, &Book::new(1), &fairness);
        Self {
            ledger,
            view,
            demand: Demand::new(),
            drf: Drf::new(),
            now: Instant(1_000),
            offers: Vec::new(),
            sessions: BTreeMap::new(),
            tasks: 0,
            index: 0,
        }
    }

    /// Commits a command; the view does not hear of it.
    pub fn apply(&mut self, command: &Command) -> (Applied, Vec<Event>) {
        self.index += 1;
        let (time, wall) = (self.now, WallTime(0));
        let stamp = Stamp { index: self.index, term: 1, time, wall };
        let mut events = Vec::new();
        let applied = self.ledger.apply(stamp, command, &mut events);
        (applied.expect("a command in order"), events)
    }

    /// Commits a command, and the view follows.
    pub fn apply_and_note(&mut self, command: &Command) -> Applied {
        let (applied, events) = self.apply(command);
        events.iter().for_each(|event| self.view.note(&self.ledger, event));
        applied
    }

    /// Puts an agent into the ledger.
    pub fn add_agent(&mut self, number: usize, resources: Resources) {
        let info = rows::agent_info(number, resources);
        self.apply(&Command::RegisterAgent {
            info,
            incarnation: 1,
            tasks: Vec::new(),
            volumes: vec![],
        });
    }

    /// Puts a framework into the ledger; it wants nothing yet.
    pub fn add_framework(&mut self, roles: &[Role]) -> FrameworkId {
        self.index += 1;
        let subscribe = rows::subscribe(&format!("framework-{}", self.index));
        let info = FrameworkInfo { roles: roles.to_vec(), ..subscribe.info };
        let (principal, request) = ("bench".to_owned(), subscribe.request);
        let command = Command::SubscribeFramework { info, framework: None, principal, request };
        let (Applied::Subscribed { framework, epoch }, _) = self.apply(&command) else {
            unreachable!("a subscription is answered with a framework")
        };
        self.sessions.insert(framework, Session { framework, epoch });
        framework
    }

    /// Gives a role its quota in the ledger, and the view follows.
    pub fn set_quota(&mut self, role: Role, quota: Quota) {
        self.apply_and_note(&Command::SetQuota { role, quota, force: true });
    }

    /// The command that launches tasks on one agent.
    pub fn accept(
        &mut self,
        framework: FrameworkId,
        role: Role,
        agent: usize,
        resources: &[Resources],
    ) -> Command {
        let agent = rows::agent_id(agent);
        let task = |resources: &Resources| {
            self.tasks += 1;
            rows::task_info(self.tasks, &agent, resources.clone())
        };
        let tasks = resources.iter().map(task).collect();
        let session = self.sessions[&framework];
        Command::launch(session, role, None, tasks)
    }

    /// The view hears of every agent, one by one.
    pub fn note_agents(&mut self, agents: std::ops::Range<usize>) {
        agents.map(registered).for_each(|event| self.note(&event));
    }

    /// The view hears of one fact.
    pub fn note(&mut self, event: &Event) {
        self.view.note(&self.ledger, event);
    }

    /// The view hears of every framework, with all that it uses.
    pub fn note_frameworks(&mut self) {
        for framework in self.sessions.keys() {
            self.view.note(&self.ledger, &Event::FrameworkSubscribed(*framework));
        }
    }

    /// One run: plan, make the offers, and sort them by framework. Returns how many there are.
    pub fn run(&mut self) -> usize {
        let plan = self.drf.plan(self.now, &self.view, &self.demand);
        let mut by_framework: BTreeMap<FrameworkId, Vec<PlannedOffer>> = BTreeMap::new();
        let before = self.offers.len();
        for offer in plan.offers {
            self.view.hold(&offer);
            self.demand.offered(&offer, None);
            by_framework.entry(offer.framework).or_default().push(offer);
        }
        self.offers.extend(by_framework.into_values().flatten());
        self.offers.len() - before
    }

    /// All offers come back.
    pub fn take_back(&mut self) {
        for offer in std::mem::take(&mut self.offers) {
            self.view.release(&offer.agent, &offer.role, offer.framework, &offer.resources);
        }
    }

    /// All offers are refused for good.
    pub fn decline(&mut self) {
        let for_good = Instant(u64::MAX);
        for offer in std::mem::take(&mut self.offers) {
            self.view.release(&offer.agent, &offer.role, offer.framework, &offer.resources);
            self.refuse(&offer, for_good);
        }
    }

    /// What was offered is refused until then.
    pub fn refuse(&mut self, offer: &PlannedOffer, until: Instant) {
        let reason = DeclineReason::Unspecified;
        let refused = Refused { bundle: offer.resources.clone(), until, reason };
        self.demand.refuse(offer.framework, &offer.role, offer.place, refused);
    }

    /// A task ends.
    pub fn finish(&mut self, key: &TaskKey) {
        let task = self.ledger.task(key).expect("it runs");
        let (agent, framework) = (task.info.agent.clone(), key.framework);
        let sequence = task.agent_sequence + 1;
        let status = rows::status(0, &agent, TaskState::Finished, sequence);
        let status = TaskStatus { task: key.task.clone(), ..status };
        self.apply_and_note(&Command::RecordUpdate { agent, incarnation: 1, framework, status });
    }
}

/// The fact that an agent has registered.
pub fn registered(number: usize) -> Event {
    Event::AgentRegistered(rows::agent_id(number))
}

/// What this process has in memory, MiB.
pub fn resident_mib() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
    pages * 4.0 / 1_024.0
}
